"""Programs of the kinds that models write: the same output as CPython's, or an error; a short form.

The whole is ``python tests/benchmarks/interpreter``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from interpreter_programs import CPython, Program, outcome, programs
from thorough import amount

from assistants_client.engine import MontyInterpreter


def chosen() -> list[Program]:
    """Returns the programs that are run: some of each kind, or all."""
    found: dict[str, list[Program]] = {}
    for program in programs():
        found.setdefault(program.kind, []).append(program)
    return [one for kind in found.values() for one in kind[: amount(4, 100)]]


@pytest.fixture(scope="module")
def interpreter() -> Iterator[MontyInterpreter]:
    """The built-in interpreter."""
    made = MontyInterpreter()
    yield made
    made.close()


@pytest.fixture(scope="module")
def cpython(tmp_path_factory: pytest.TempPathFactory) -> CPython:
    """The Python that runs this."""
    return CPython(tmp_path_factory.mktemp("packages"))


def test_there_are_programs_enough() -> None:
    """At least 150, of ten kinds, each with a name of its own."""
    found = list(programs())
    assert len(found) >= 150
    assert len({program.kind for program in found}) == 10
    assert len({str(program) for program in found}) == len(found)


@pytest.mark.parametrize("program", chosen(), ids=str)
def test_nothing_differs_in_silence(
    interpreter: MontyInterpreter, cpython: CPython, program: Program
) -> None:
    """A program does what it does in CPython, or fails."""
    kind, shown = outcome(interpreter, program, cpython.run(program))
    assert kind != "silent", shown
