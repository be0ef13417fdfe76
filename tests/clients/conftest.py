"""Run other people's clients against ``assistants serve``, each by the interpreter that has it.

What belongs here: the served engine, its model, and starting programs. What a client must find is
checked by the tests; which clients there are, and what they cost, is told in README.rst.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from model_server import model_server
from served_process import served

HERE = Path(__file__).parent
TOKEN = "sk-of-the-tests"
ENDS_WITHIN = 120.0  # seconds; some frameworks take twenty for their imports alone

Told: TypeAlias = dict[str, Any]
Program: TypeAlias = Callable[[str], Told]


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of ``assistants serve`` on a model that answers by rules; it wants the key ``TOKEN``."""
    folder = tmp_path_factory.mktemp("served")
    with (
        model_server() as model_url,
        served(folder, "--model-url", model_url, ASSISTANTS_TOKEN=TOKEN) as running,
    ):
        yield running.base_url
        assert running.stop() == 0
        assert "Traceback" not in running.output, running.output


def interpreter(variable: str, what: str) -> str:
    """The path that a variable holds; without it the test is skipped by name."""
    path = os.environ.get(variable)
    if not path:
        pytest.skip(f"{variable} does not name {what}")
    return path


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


@pytest.fixture(scope="session")
def python_program(base_url: str, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Runs ``programs/NAME.py`` in the environment of requirements.txt."""
    python = interpreter("CLIENTS_PYTHON", "the interpreter of tests/clients/requirements.txt")

    def run(name: str) -> Told:
        program = [python, "-W", "ignore", str(HERE / "programs" / f"{name}.py")]
        return told(program, tmp_path_factory.mktemp(name), base_url)

    return run
