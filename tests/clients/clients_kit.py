"""How programs of other people's clients are run: by which interpreter, in which environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from databases import fresh

HERE = Path(__file__).parent
TOKEN = "sk-of-the-tests"
ENDS_WITHIN = 120.0  # seconds; some frameworks take twenty for their imports alone

Told: TypeAlias = dict[str, Any]
Program: TypeAlias = Callable[[str], Told]


def interpreter(variable: str, what: str) -> str:
    """The path that a variable holds; without it the test is skipped by name."""
    path = os.environ.get(variable)
    if not path:
        pytest.skip(f"{variable} does not name {what}")
    return path


def database(folder: Path) -> dict[str, str]:
    """The variable that names a served engine's database: a new one, see ``databases``."""
    return {"ASSISTANTS_DATABASE_URL": fresh(f"sqlite:///{folder / 'served.db'}")}


def told(command: list[str], folder: Path, base_url: str, **variables: str) -> Told:
    """What a program prints as its last line, as JSON; its home is ``folder``."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "OPENAI_BASE_URL": base_url,
            "OPENAI_API_KEY": TOKEN,
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:]
    found: Told = json.loads(done.stdout.splitlines()[-1])
    return found
