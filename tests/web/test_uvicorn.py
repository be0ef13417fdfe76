"""The Django example for ASGI under uvicorn: answers stream, fail in words, end with readers."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from model_server import model_server

ROOT = Path(__file__).parents[2]
READY_WITHIN = 60.0  # seconds, on a busy machine
USERS = 40
RUN = {"id": "run_1", "thread_id": "thread_1", "status": "in_progress", "object": "thread.run"}
DELTA = {
    "id": "msg_1",
    "object": "thread.message.delta",
    "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "Hello"}}]},
}


@pytest.fixture(autouse=True)
def _is_installed() -> None:
    for name in ("uvicorn", "django"):
        pytest.importorskip(name, reason=f"{name} is not installed")


@contextmanager
def uvicorn(folder: Path, **variables: str) -> Iterator[tuple[int, Path]]:
    """Serves the example for the time of the block; its port, and its log."""
    log = folder / "uvicorn.log"
    command = [sys.executable, "-m", "uvicorn", "--port", "0", "--app-dir", str(ROOT / "examples")]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder)}
    with log.open("wb") as into:
        process = subprocess.Popen(
            [*command, "14_django_asgi:application"],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(ROOT), **variables},
            stdin=subprocess.DEVNULL,
            stdout=into,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + READY_WITHIN
        while not (found := re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text())):
            assert time.monotonic() < until, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        yield int(found[1]), log
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def asked(port: int, question: str) -> Iterator[http.client.HTTPResponse]:
    """The response to a question, of which no more is read than its head; then it is left."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", "/ask", question, {"Content-Type": "text/plain"})
        with connection.getresponse() as response:
            yield response


def whole_answer(port: int, question: str) -> tuple[int, bytes]:
    """Its status and its text."""
    with asked(port, question) as response:
        return response.status, response.read()


def test_an_answer_streams_while_the_model_speaks(tmp_path: Path) -> None:
    """The first words are there long before the model, which speaks for a minute, has ended."""
    text = b""
    with (
        model_server() as url,
        uvicorn(tmp_path, ASSISTANTS_MODEL_URL=url) as (port, log),
        asked(port, "Speak slowly") as response,
    ):
        while b" 0 1 2" not in text:
            piece = response.read1()
            assert piece, log.read_text()
            text += piece

    assert response.status == 200
    assert text.startswith(b"You said: Speak slowly 0 1 2")
    assert not text.endswith(b" 20")
    assert "Traceback" not in log.read_text()


def test_many_users_are_answered_at_once(tmp_path: Path) -> None:
    """Each gets their own whole answer, though every answer under way holds a thread."""
    with (
        model_server() as url,
        uvicorn(tmp_path, ASSISTANTS_MODEL_URL=url) as (port, log),
        ThreadPoolExecutor(USERS) as pool,
    ):
        answers = list(pool.map(lambda user: whole_answer(port, f"I am {user}"), range(USERS)))

    assert answers == [(200, f"You said: I am {user}".encode()) for user in range(USERS)]
    assert "Warning" not in log.read_text()


def test_a_model_that_fails_is_told_to_the_visitor(tmp_path: Path) -> None:
    """In words of the view; those of the error are in the log."""
    with model_server() as url, uvicorn(tmp_path, ASSISTANTS_MODEL_URL=url) as (port, log):
        answer = whole_answer(port, "Now fail")

    assert answer == (200, b"\n\n[The answer broke off. Please ask again.]")
    assert "The model is down." in log.read_text()


def test_a_visitor_who_leaves_closes_the_stream(
    tmp_path: Path, serve: Callable[..., Any], http_answer: Callable[..., bytes]
) -> None:
    """Also while a thread waits for the model's next word."""
    is_over = threading.Event()

    def answer(connection: Any) -> None:
        if server.requests[-1].split(b" HTTP")[0].endswith(b"/assistants"):
            connection.sendall(http_answer({"id": "asst_1"}))
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for name, data in (("run.created", RUN), ("message.delta", DELTA)):
            event = f"event: thread.{name}\ndata: {json.dumps(data)}\n\n"
            connection.sendall(event.encode())
        connection.settimeout(20)
        with contextlib.suppress(OSError):
            if connection.recv(1) == b"":
                is_over.set()

    server = serve(answer)
    with uvicorn(tmp_path, ASSISTANTS_BASE_URL=server.url) as (port, log):
        with asked(port, "Hello") as response:
            assert response.read1() == b"Hello"

        assert is_over.wait(20), log.read_text()
