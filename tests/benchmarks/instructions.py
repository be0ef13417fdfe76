"""Counts of the instructions that a work takes: the noise of a machine is out of them.

Valgrind counts those of a whole process. The work is done N times and 2 N times, and the difference
is N times the work: what comes before it, imports above all, is the same in both.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from environments import Side

VALGRIND = shutil.which("valgrind")


@dataclass(frozen=True)
class Program:
    """A program whose instructions are counted.

    Attributes:
        side: Who runs it.
        command: The program and its arguments, for a number of operations.
        variables: Its environment variables.
    """

    side: Side
    command: Callable[[int], list[str]]
    variables: dict[str, str]

    def counted(self, operations: int) -> int:
        """Returns the instructions of one process that does so many operations."""
        assert VALGRIND is not None
        valgrind = [VALGRIND, "--tool=cachegrind", "--cache-sim=no"]
        valgrind += ["--cachegrind-out-file=/dev/null", "--log-fd=2", str(self.side.python)]
        errors = self.side.errors_of(
            *valgrind, *self.command(operations), PYTHONHASHSEED="0", **self.variables
        )
        return refs(errors)


def refs(log: str) -> int:
    """Reads the number of instructions from what cachegrind logs."""
    found = re.search(r"I\s+refs:\s+([\d,]+)", log)
    if found is None:
        raise RuntimeError(f"valgrind counted nothing:\n{log}")
    return int(found[1].replace(",", ""))


def ratio(programs: Sequence[Program], few: int, many: int) -> float:
    """Returns the ratio of what ``many`` operations take more than ``few``, by two programs."""
    jobs = [(program, count) for program in programs for count in (few, many)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # cores that are shared change no count
        counts: list[int] = list(pool.map(lambda job: job[0].counted(job[1]), jobs))
    return (counts[1] - counts[0]) / (counts[3] - counts[2])
