"""Other people's clients against ``assistants serve``, each run by the interpreter that has it.

What belongs here: the served engine, its model, and one fixture for each environment. What a client
must find is checked by the tests; which clients there are, and what they cost, README.rst tells.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TypeAlias

import pytest
from clients_kit import HERE, TOKEN, Program, Told, database, interpreter, told
from model_server import model_server
from served_process import served

Folders: TypeAlias = pytest.TempPathFactory


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of ``assistants serve`` on a model that answers by rules; it wants the key ``TOKEN``."""
    folder = tmp_path_factory.mktemp("served")
    variables = {"ASSISTANTS_TOKEN": TOKEN, **database(folder)}
    with (
        model_server() as model_url,
        served(folder, "--model-url", model_url, **variables) as running,
    ):
        yield running.base_url
        assert running.stop() == 0
        assert "Traceback" not in running.output, running.output


def programs(variable: str, requirements: str, base_url: str, folders: Folders) -> Program:
    """Runs ``programs/NAME.py`` by the interpreter that a variable names."""
    python = interpreter(variable, f"the interpreter of tests/clients/{requirements}")

    def run(name: str) -> Told:
        program = [python, "-W", "ignore", str(HERE / "programs" / f"{name}.py")]
        return told(program, folders.mktemp(name), base_url)

    return run


#: The interpreters of the official Python client, and the folders of the one for Node: as it is now
#: and in versions that many programs pin, with what each must have.
PYTHONS = {
    "new": ("CLIENTS_PYTHON", "requirements.txt"),
    "old": ("CLIENTS_OLD_PYTHON", "requirements-old.txt"),
}
NODES = {
    "new": ("CLIENTS_NODE_DIR", "node/package.json"),
    "old": ("CLIENTS_OLD_NODE_DIR", "node/old/package.json"),
}


@pytest.fixture(scope="session")
def python_program(base_url: str, tmp_path_factory: Folders) -> Program:
    """Runs programs of Azure's Python client."""
    return programs(*PYTHONS["new"], base_url, tmp_path_factory)


@pytest.fixture(scope="session", params=PYTHONS)
def openai_program(
    request: pytest.FixtureRequest, base_url: str, tmp_path_factory: Folders
) -> Program:
    """Runs programs of the official Python client."""
    return programs(*PYTHONS[request.param], base_url, tmp_path_factory)


@pytest.fixture(scope="session")
def framework_program(base_url: str, tmp_path_factory: Folders) -> Program:
    """Runs programs of frameworks that work on the official client as it is now."""
    name = "requirements-frameworks.txt"
    return programs("CLIENTS_FRAMEWORKS_PYTHON", name, base_url, tmp_path_factory)


@pytest.fixture(scope="session")
def old_framework_program(base_url: str, tmp_path_factory: Folders) -> Program:
    """Runs programs of frameworks that need the official client in its first version."""
    name = "requirements-old-frameworks.txt"
    return programs("CLIENTS_OLD_FRAMEWORKS_PYTHON", name, base_url, tmp_path_factory)


def node_programs(variable: str, package: str, base_url: str, folders: Folders) -> Program:
    """Runs ``node/NAME.mjs`` on the packages that were installed in the folder of a variable."""
    folder = interpreter(variable, f"a folder where {package} was installed")
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")

    def run(name: str) -> Told:
        program = [node, str(HERE / "node" / f"{name}.mjs")]
        return told(program, folders.mktemp(name), base_url, CLIENTS_NODE_DIR=folder)

    return run


@pytest.fixture(scope="session")
def node_program(base_url: str, tmp_path_factory: Folders) -> Program:
    """Runs programs of Azure's Node client."""
    return node_programs(*NODES["new"], base_url, tmp_path_factory)


@pytest.fixture(scope="session", params=NODES)
def openai_node_program(
    request: pytest.FixtureRequest, base_url: str, tmp_path_factory: Folders
) -> Program:
    """Runs programs of the official Node client."""
    return node_programs(*NODES[request.param], base_url, tmp_path_factory)
