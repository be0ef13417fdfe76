"""Redis and PostgreSQL, each started for tests alone; what is missing skips the test by name."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from ports import free_port
from postgres_server import PostgresServer

PATIENCE = 30.0


def require_package(*names: str) -> None:
    """Skips the test where a package is missing."""
    for name in names:
        if find_spec(name) is None:
            pytest.skip(f"the package {name} is not installed")


class RedisServer:
    """A Redis that stores nothing, and can be ended and started again on its port."""

    def __init__(self, folder: Path, password: str = "") -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("redis-server is not installed (Debian: redis-server)")
        self.port = free_port()
        key = f":{password}@" if password else ""
        self.url = f"redis://{key}127.0.0.1:{self.port}/0"
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._command += ["--dir", str(folder), "--logfile", str(folder / "redis.log")]
        self._command += ["--requirepass", password] if password else []
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Starts it, and waits until it can be connected with."""
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.01)
            else:
                return

    def send_signal(self, number: int) -> None:
        """Sends the process a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Ends it, as kill -9 does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(PATIENCE)
            self.process = None


def postgres_server() -> Iterator[PostgresServer]:
    """A server, and its end."""
    require_package("psycopg")
    server = PostgresServer()
    yield server
    server.close()
