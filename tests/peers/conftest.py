"""Start the servers of the chat completions API that the tests talk to.

What belongs here: processes, ports and waiting. What a server says is checked by the tests, and
what the servers are is told in README.rst.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from peer_rows import PEERS, Peer
from ports import free_port

HERE = Path(__file__).parent
KEY = "sk-peer"
READY_WITHIN = 120.0  # seconds; LiteLLM's imports alone take ten on two busy cores
STOPPED_WITHIN = 20.0  # seconds


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """Each server and API in turn."""
    url, name, kind, special = PEERS[request.param]
    model = kind(request.getfixturevalue(url), KEY, model=name)
    yield Peer(model, **special)
    model.close()


def interpreter(variable: str, requirements: str) -> str:
    """The interpreter that a variable names; without it the test is skipped by name."""
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{variable} does not name the interpreter of tests/peers/{requirements}")
    return python


@pytest.fixture(scope="session")
def peers_python() -> str:
    """The interpreter of the environment of LiteLLM and llama.cpp's server."""
    return interpreter("PEERS_PYTHON", "requirements.txt")


@pytest.fixture(scope="session")
def peer_key() -> str:
    """The API key that every server here accepts, and the only one."""
    return KEY


@pytest.fixture(scope="session")
def litellm_server(peers_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of LiteLLM's proxy; its only model is ``brain``, the rules of litellm_brain.py."""
    config = str(HERE / "litellm_config.yaml")
    program = [peers_python, "-m", "litellm.proxy.proxy_cli", "--config", config]
    with running([*program, "--host", "127.0.0.1"], tmp_path_factory.mktemp("litellm")) as url:
        yield url


@pytest.fixture(scope="session")
def llama_server(peers_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of llama.cpp's server; its only model is the ``tiny-table`` of llama_server.py."""
    program = [peers_python, str(HERE / "llama_server.py"), "--key", KEY]
    with running(program, tmp_path_factory.mktemp("llama")) as url:
        yield url


@pytest.fixture(scope="session")
def llama_cpp_python_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of llama-cpp-python's server, with the same model as llama.cpp's."""
    python = interpreter("PEERS_LLAMA_CPP_PYTHON", "requirements-llama-cpp-python.txt")
    program = [python, str(HERE / "llama_cpp_python_server.py"), "--key", KEY]
    with running(program, tmp_path_factory.mktemp("llama-cpp-python")) as url:
        yield url


@pytest.fixture(scope="session")
def transformers_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of ``transformers serve``, with the same model as llama.cpp's."""
    python = interpreter("PEERS_TRANSFORMERS_PYTHON", "requirements-transformers.txt")
    program = [python, str(HERE / "transformers_server.py")]
    with running(program, tmp_path_factory.mktemp("transformers")) as url:
        yield url


@contextmanager
def running(program: list[str], folder: Path) -> Iterator[str]:
    """Run a server on a free port, its home and its log in ``folder``; yield its base URL."""
    port = free_port()
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LITELLM_MASTER_KEY": KEY,
        # Production mode reads no .env file; the others keep LiteLLM from fetching its tables.
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
        "LITELLM_LOCAL_BLOG_POSTS": "True",
        "HF_HUB_OFFLINE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    url = f"http://127.0.0.1:{port}/v1"
    log = folder / "server.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*program, "--port", str(port)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            wait_until_ready(url, process, log)
            yield url
        finally:
            stop(process)


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return when the server lists its models; fail with the log when it ends or takes too long."""
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            answer = requests.get(
                f"{url}/models", headers={"Authorization": f"Bearer {KEY}"}, timeout=5
            )
        except requests.RequestException:
            pass
        else:
            if answer.ok:
                return
        time.sleep(0.1)
    tail = log.read_text(errors="replace")[-2000:]
    state = "does not answer" if process.poll() is None else f"ended with {process.returncode}"
    pytest.fail(f"{process.args!r} {state}:\n{tail}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End the server, at first kindly."""
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
