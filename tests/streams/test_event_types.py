"""Runs the type checkers on ``typing_events.py``, where they are installed."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

SUBJECT = Path(__file__).with_name("typing_events.py")
ROOT = SUBJECT.parents[2]

CHECKERS = {
    "mypy": ("--strict", "--no-incremental", "--follow-imports=silent", "--config-file="),
    "pyright": ("--pythonversion", "3.10"),
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_events_can_be_matched(checker):
    """Patterns have the types of what they bind, and a match of all classes is exhaustive."""
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", checker, *CHECKERS[checker], str(SUBJECT)],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
