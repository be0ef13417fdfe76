"""The engine as ``examples/deploy`` serves it: under gunicorn and waitress, in Flask and Django."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from ports import free_port

from assistants_client import Client
from assistants_client.errors import AuthenticationError

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "deploy"
READY_WITHIN = 60.0  # seconds, on a busy machine
TOKEN = "a-token-of-this-test"
#: The commands that the README of the folder has, by their programs.
COMMANDS = {
    line.split()[0]: shlex.split(line)
    for line in re.findall(
        r"^    ((?:gunicorn|waitress-serve) .+)$", (FOLDER / "README.rst").read_text(), re.MULTILINE
    )
}
MODULES = {"gunicorn": ["-m", "gunicorn"], "waitress-serve": ["-m", "waitress"]}
FLASK, DJANGO = "mounted_in_flask", "mounted_in_django"
MOUNTED = {FLASK: f"{FLASK}:app", DJANGO: f"{DJANGO}:application"}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs a Unix")


def require(*modules: str) -> None:
    """Skips a test for which a package is missing."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")


@contextmanager
def running(
    command: Sequence[str], folder: Path, port: int | None, **variables: str
) -> Iterator[None]:
    """Runs a program for the time of the block, from when it listens on a port, if it does."""
    log = folder / f"{len([*folder.glob('*.log')])}.log"
    with log.open("wb") as into:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(folder, **variables),
            stdin=subprocess.DEVNULL,
            stdout=into,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + READY_WITHIN
        while port is not None and not answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """A clean environment, in which the package and the examples are found."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{FOLDER}",
        **variables,
    }


@contextmanager
def serving(command: Sequence[str], folder: Path, **variables: str) -> Iterator[int]:
    """Runs a Python program that serves on the port 8000, but on a free one; yields that."""
    port = free_port()
    moved = [part.replace(":8000", f":{port}") for part in command]
    with running([sys.executable, *moved], folder, port, PORT=str(port), **variables):
        yield port


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def check_protocol(base_url: str, *, pieces: int = 2) -> None:
    """A whole run, streamed in so many pieces or more; nobody is let in without the token."""
    with Client(base_url, api_key=TOKEN) as client:
        assistant = client.assistants.create(model="m", tools=[{"type": "code_interpreter"}])
        asked = {"messages": [{"role": "user", "content": "How much is 12 * 12?"}]}
        stream = client.runs.stream_thread_and_run(assistant_id=assistant.id, thread=asked)
        text = [*stream.text()]
        assert "144" in "".join(text)
        assert len(text) >= pieces
        assert [run.status for run in client.runs.list(stream.run.thread_id)] == ["completed"]
    with Client(base_url, api_key="wrong") as other, pytest.raises(AuthenticationError):
        other.threads.create()


@pytest.mark.parametrize("program", MODULES)
def test_a_server_of_wsgi_serves_it(program: str, tmp_path: Path) -> None:
    """By the command of the README."""
    require({"gunicorn": "gunicorn", "waitress-serve": "waitress"}[program])
    command = [*MODULES[program], *COMMANDS[program][1:]]
    with serving(command, tmp_path, ASSISTANTS_TOKEN=TOKEN) as port:
        check_protocol(f"http://127.0.0.1:{port}/v1")


@pytest.mark.parametrize("server", ["gunicorn", "waitress"])
@pytest.mark.parametrize("name", MOUNTED)
def test_it_is_mounted_beside_other_pages(name: str, server: str, tmp_path: Path) -> None:
    """Both are served, and a page's view finds what came over the socket."""
    require({FLASK: "flask", DJANGO: "django"}[name], server)
    gunicorn = [*MODULES["gunicorn"], "--bind", "127.0.0.1:8000", "--threads", "64", MOUNTED[name]]
    command = gunicorn if server == "gunicorn" else [str(FOLDER / f"{name}.py")]
    with serving(command, tmp_path, ASSISTANTS_TOKEN=TOKEN) as port:
        check_protocol(f"http://127.0.0.1:{port}/assistants/v1")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
            assert page.read().replace(b" ", b"").strip() == b'{"assistants":1}'


@pytest.mark.parametrize("name", MOUNTED)
def test_without_a_token_nobody_is_let_in(name: str, tmp_path: Path) -> None:
    """What is mounted cannot know who reaches it."""
    require({FLASK: "flask", DJANGO: "django"}[name], "waitress")
    with serving([str(FOLDER / f"{name}.py")], tmp_path) as port:
        url = f"http://127.0.0.1:{port}/assistants/v1"
        for key in ("None", "any"):
            with Client(url, api_key=key) as client, pytest.raises(AuthenticationError):
                client.threads.create()


def started_by(unit: str) -> list[str]:
    """The command of a unit of systemd, as arguments of Python."""
    [line] = re.findall(r"^ExecStart=(.+)$", (FOLDER / unit).read_text("utf-8"), re.MULTILINE)
    program, *arguments = shlex.split(line)
    modules = {**MODULES, "assistants": ["-m", "assistants_client"]}
    return [*modules[Path(program).name], *arguments]


def test_web_tier_worker_and_housekeeping_work_together(tmp_path: Path) -> None:
    """By the commands of their units, with one environment for all, and a Redis of their own."""
    require("gunicorn", "celery", "redis")
    redis = shutil.which("redis-server")
    if redis is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    variables = {
        "ASSISTANTS_TOKEN": TOKEN,
        "ASSISTANTS_DATABASE_URL": f"sqlite:///{tmp_path / 'shared.db'}",
        "ASSISTANTS_EXECUTOR": "celery",
        "ASSISTANTS_BROKER": f"redis://127.0.0.1:{port}/0",
    }
    broker = [redis, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    worker = [sys.executable, *started_by("assistants-worker.service")]
    prune = [sys.executable, *started_by("assistants-prune.service")]
    with (
        running(broker, tmp_path, port),
        serving(started_by("assistants-web.service"), tmp_path, **variables) as web,
        running(worker, tmp_path, None, **variables),
    ):
        check_protocol(f"http://127.0.0.1:{web}/v1", pieces=1)  # the worker may come late
        done = subprocess.run(
            prune, cwd=tmp_path, env=environment(tmp_path, **variables), check=True,
            capture_output=True, text=True
        )  # fmt: skip
    assert re.search(r"^runs +1 ", done.stdout, re.MULTILINE)
    assert re.search(r"^Deleted:\n.*\nthreads +0 ", done.stdout, re.MULTILINE)
