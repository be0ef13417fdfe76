"""Other people's clients against ``assistants serve``, each run by the interpreter that has it.

What belongs here: the served engine, its model, and one fixture for each environment. What a client
must find is checked by the tests; which clients there are, and what they cost, README.rst tells.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clients_kit import HERE, TOKEN, Program, Told, interpreter, told
from model_server import model_server
from served_process import served


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


@pytest.fixture(scope="session")
def python_program(base_url: str, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Runs ``programs/NAME.py`` in the environment of requirements.txt."""
    python = interpreter("CLIENTS_PYTHON", "the interpreter of tests/clients/requirements.txt")

    def run(name: str) -> Told:
        program = [python, "-W", "ignore", str(HERE / "programs" / f"{name}.py")]
        return told(program, tmp_path_factory.mktemp(name), base_url)

    return run
