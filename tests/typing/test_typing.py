"""Runs the type checkers, where they are installed, on the other files of this folder."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

API = Path(__file__).with_name("api.py")
ROOT = API.parents[2]

MYPY = ("mypy", "--strict", "--no-incremental", "--follow-imports=silent", "--config-file=")
PYRIGHT = ("pyright", "--pythonversion", "3.10")


def complaints(checker: tuple[str, ...], *paths: Path) -> str:
    """What a checker prints about files; empty when it finds nothing."""
    name, *options = checker
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    if name == "mypy":
        options.append("--enable-error-code=ignore-without-code")
    done = subprocess.run(
        [sys.executable, "-m", name, *options, *map(str, paths)],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("checker", [MYPY, PYRIGHT], ids=lambda checker: checker[0])
def test_what_checkers_know(checker: tuple[str, ...], tmp_path: Path) -> None:
    """Calls in both forms, events and tools have their types; every deliberate mistake is noticed.

    One mistake is mended first, so that its comment is not needed: exactly that is reported. Were
    an unneeded comment let through, the others would show nothing.
    """
    mended = API.read_text("utf-8").replace('create(modell="m")', 'create(model="m")')
    line = 1 + mended[: mended.index('create(model="m")  # type: ignore')].count("\n")
    copy = tmp_path / "api.py"
    copy.write_text(mended, "utf-8")
    others = [API.with_name("event_types.py"), API.with_name("tool_types.py")]
    found = complaints(checker, copy, *others).splitlines()
    reported = [text for text in found if re.search(r"\.py:\d+.*error", text)]
    assert len(reported) == 1, "\n".join(found)
    assert re.search(rf"api\.py:{line}\b.*(unused|[Uu]nnecessary)", reported[0])


def test_every_kind_of_mistake_is_there() -> None:
    """Misspelled, missing and wrong-typed, for objects and for keywords."""
    lines = [line for line in API.read_text("utf-8").splitlines() if "# type: ignore[" in line]
    assert len(lines) > 40
    assert all(re.search(r"  # type: ignore\[[a-z-]+\]$", line) for line in lines)
