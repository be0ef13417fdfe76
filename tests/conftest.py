"""What many tests share: a clean environment, a clock that only tests move, a scripted server.

Beside them, the command ``assistants`` within the process. Nothing about one noun of the protocol
belongs here.
"""

import contextlib
import gc
import io
import json
import logging
import os
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import responses
from hypothesis import settings
from thorough import amount

from assistants_client import Client
from assistants_client.cli import main

PAYLOADS = Path(__file__).with_name("payloads")
#: Loggers that the command ``assistants`` sets.
LOGGERS = (
    "assistants_client.engine.environment",
    "assistants_client.engine.worker.runner",
    "urllib3",
)

# Of the properties that say nothing else. A busy machine makes examples slow, not wrong.
settings.register_profile("amount", max_examples=amount(20, 100), deadline=None)
settings.load_profile("amount")


class FakeClock:
    """Seconds that pass only when somebody sleeps; ``waits`` lists how long."""

    def __init__(self):
        self.seconds = 1000.0
        self.waits = []

    def now(self):
        """What time it is."""
        return self.seconds

    def sleep(self, seconds):
        """Moves on, and remembers by how much."""
        self.waits.append(round(seconds, 9))
        self.seconds += seconds


class SocketServer:
    """Answers each connection with the next script, the last one again and again.

    A script is the bytes to send, or a callable that gets the connection. Requests are kept as the
    bytes they came as.
    """

    def __init__(self, *scripts):
        self.requests = []
        self._scripts = list(scripts)
        self._open = []
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"http://{self.host}/v1"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def pause(self, seconds):
        """Waits, but not beyond the end of the test."""
        self._closing.wait(seconds)
        return not self._closing.is_set()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
            self._open.append(connection)
            threading.Thread(target=self._answer, args=(connection, script), daemon=True).start()

    def _answer(self, connection, script):
        with contextlib.suppress(OSError), connection:
            self.requests.append(self._read(connection))
            if callable(script):
                script(connection)
            else:
                connection.sendall(script)

    @staticmethod
    def _read(connection):
        request = b""
        while b"\r\n\r\n" not in request:
            more = connection.recv(65536)
            if not more or more.startswith(b"\x16"):  # the end, or the hello of TLS
                return request
            request += more
        head, _, body = request.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                while len(body) < int(line.partition(b":")[2]):
                    body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self):
        """Ends everything that is still under way."""
        self._closing.set()
        # A blocked accept is not woken by close alone.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def answer(body=b"", *headers, status="200 OK"):
    """The bytes of an answer that closes its connection."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture
def http_answer():
    """Builds the bytes of an answer."""
    return answer


@pytest.fixture
def serve():
    """Starts scripted servers on a real socket."""
    servers = []

    def start(*scripts):
        servers.append(SocketServer(*scripts))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def clock():
    """A clock that only sleeping moves."""
    return FakeClock()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Processes for ``-n auto``: more than there are cores, for many tests wait for something."""
    cores = os.cpu_count() or 1
    return min(cores + (cores + 1) // 2, 12)


def pytest_collection():
    """Spares the garbage collector the thousands of tests, which stay to the end.

    To look through them again and again takes a third of the time of their collection.
    """
    gc.disable()


def pytest_collection_finish():
    """From here on it looks at what is made later."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def undisturbed():
    """Collects no garbage, for what ends at the bottom of a deep recursion fails there."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def clean_environment(monkeypatch):
    """No variable that the library or requests reads."""
    for name in list(os.environ):
        if name.startswith(("ASSISTANTS_", "OPENAI_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def command(tmp_path, monkeypatch, capsys, clean_environment):
    """Runs ``assistants`` to its end in this process, which is quicker than in one of its own.

    Given are its arguments, what is typed, and variables as keywords.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    levels = [(logger, logger.level) for logger in map(logging.getLogger, LOGGERS)]

    def run(*arguments, typed="", **variables):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        os.environ.update(variables)
        try:
            status = main(arguments)
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else 1
        told = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, status, told.out, told.err)

    yield run
    for logger, level in levels:
        logger.setLevel(level)


@pytest.fixture
def pauses(monkeypatch):
    """The pauses between tries, which then take no time."""
    taken = []
    fake = SimpleNamespace(sleep=taken.append, time=time.time)
    monkeypatch.setattr("assistants_client._http.retry.time", fake)
    return taken


@pytest.fixture
def wire():
    """Fakes what is below requests, and lists the requests that were sent."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def client(clean_environment, pauses, wire):
    """A client of ``https://server.test/v1`` on the fake wire."""
    with Client("https://server.test/v1", api_key="key-of-the-test") as made:
        yield made


@pytest.fixture
def payload():
    """Reads one of the payloads by name, anew each time."""
    return lambda name: json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
