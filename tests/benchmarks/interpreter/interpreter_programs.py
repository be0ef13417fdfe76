"""Programs of the kinds that models write, run by an interpreter and by CPython.

CPython's output is not stored: it is that of the Python that runs this, which is also the one under
bubblewrap. A package that is not installed is an empty module for it, whose names are of no use.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias

from attrs import frozen

from assistants_client.engine.code_interpreter import CodeInterpreter

HERE: Final = Path(__file__).parent
PACKAGES: Final = ("matplotlib", "numpy", "pandas", "requests", "scipy", "sympy")
_SECONDS: Final = 60

#: How a program did: as in CPython; with an error that CPython does not have; otherwise, silently.
Outcome: TypeAlias = Literal["equal", "error", "silent"]


@frozen
class Program:
    """A program, with the kind of what it does."""

    kind: str
    name: str
    code: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


@frozen
class Expected:
    """What CPython does with a program."""

    printed: str
    failed: bool


def programs() -> Iterator[Program]:
    """Iterates over all programs."""
    for file in sorted(HERE.glob("corpus/*.txt")):
        for part in file.read_text(encoding="utf-8").split("### ")[1:]:
            name, _, code = part.partition("\n")
            yield Program(file.stem, name, code)


class CPython:
    """The Python that runs this, in a process for each program."""

    def __init__(self, folder: Path) -> None:
        for package in PACKAGES:
            tried = [sys.executable, "-c", f"import {package}"]
            if subprocess.run(tried, capture_output=True, check=False).returncode:
                (folder / package).mkdir()
                for module in ("__init__", "pyplot", "optimize"):
                    text = "def __getattr__(name):\n    return object()\n"
                    (folder / package / f"{module}.py").write_text(text)
        self._environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONUTF8": "1"}

    def run(self, program: Program) -> Expected:
        """Returns what the program prints, and whether it fails."""
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-c", program.code],
                cwd=folder,
                env=self._environment,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        return Expected(done.stdout.decode(), done.returncode != 0)


def outcome(
    interpreter: CodeInterpreter, program: Program, expected: Expected
) -> tuple[Outcome, str]:
    """Runs a program; returns how it did, and its logs."""
    with tempfile.TemporaryDirectory() as folder:
        result = interpreter.run(program.code, folder=Path(folder))
    shown = result.logs if result.shown is None else result.shown
    if result.failed:
        equal = expected.failed and shown.startswith(expected.printed)
        return ("equal" if equal else "error"), shown
    equal = not expected.failed and shown == expected.printed
    return ("equal" if equal else "silent"), shown
