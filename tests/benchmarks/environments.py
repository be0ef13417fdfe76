"""Where each side of a comparison runs: the interpreter with its packages, and the checkout.

Nothing here measures. All sides share one virtual environment, made once; what differs is the
checkout on ``PYTHONPATH``, or the package that is imported.
"""

from __future__ import annotations

import configparser
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
#: The commit before the issue whose targets the rows have.
BASE: Final = "0533357"
#: Packages whose versions belong to the figures.
NAMED: Final = (
    "openai", "requests", "urllib3", "attrs", "cattrs", "SQLAlchemy", "waitress", "gunicorn"
)  # fmt: skip
_REQUIREMENTS: Final = HERE / "requirements.txt"


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Attributes:
        name: Its name in tables.
        python: The interpreter.
        checkout: The checkout that is imported; ``None`` for packages of the environment.
    """

    name: str
    python: Path
    checkout: Path | None

    def run(self, *command: str, **variables: str) -> str:
        """Runs a program of Python, and returns what it prints."""
        return self._done(str(self.python), *command, **variables).stdout

    def errors_of(self, *command: str, **variables: str) -> str:
        """Runs any program, and returns what it prints to the standard error."""
        return self._done(*command, **variables).stderr

    def _done(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            env=self.environment(**variables),
            cwd=tempfile.gettempdir(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{self.name}: {' '.join(command)} failed:\n{done.stderr}")
        return done

    def environment(self, **variables: str) -> dict[str, str]:
        """The variables of its processes: nothing that changes what is measured."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "ASSISTANTS_", "OPENAI_"))
            and not name.lower().endswith("_proxy")
        }
        if self.checkout is not None:
            kept["PYTHONPATH"] = str(self.checkout)
        return {**kept, **variables}


def interpreter(folder: Path) -> Path:
    """Returns the interpreter of the environment in a folder, which is made where it is missing."""
    wanted = "\n".join([sys.version, _REQUIREMENTS.read_text("utf-8"), *own_requirements()])
    place = folder / hashlib.sha256(wanted.encode()).hexdigest()[:12]
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    whole = place / "whole"
    if not whole.exists():
        print(f"Making the environment {place}, once ...", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "-r", str(_REQUIREMENTS)]
        subprocess.run([*install, *own_requirements()], check=True)
        whole.touch()
    return python


def own_requirements() -> list[str]:
    """What this package needs, with its engine."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    listed = config["options"]["install_requires"], config["options.extras_require"]["engine"]
    return [line for lines in listed for line in lines.splitlines() if line.strip()]


@contextmanager
def checked_out(commit: str) -> Iterator[Path | None]:
    """A checkout of a commit for as long as the block lasts; ``None`` where there is no such."""
    git = ["git", "-C", str(ROOT), "worktree"]
    with tempfile.TemporaryDirectory(prefix="assistants-benchmarks-") as folder:
        place = Path(folder) / "base"
        try:
            subprocess.run(
                [*git, "add", "--quiet", "--detach", str(place), commit],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            yield None
            return
        try:
            yield place
        finally:
            subprocess.run([*git, "remove", "--force", str(place)], check=True)


def versions(python: Path) -> Mapping[str, str]:
    """The versions of the packages that the figures depend on, and of Python."""
    program = (
        "import importlib.metadata as m, platform, sys; print('Python', platform.python_version());"
        "[print(name, m.version(name)) for name in sys.argv[1:]]"
    )
    lines = Side("versions", python, None).run("-c", program, *NAMED).splitlines()
    return dict(line.split() for line in lines)
