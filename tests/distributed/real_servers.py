"""Redis and PostgreSQL, each started for tests alone; what is missing skips the test by name."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 30.0


def require_package(*names: str) -> None:
    """Skips the test where a package is missing."""
    for name in names:
        if find_spec(name) is None:
            pytest.skip(f"the package {name} is not installed")


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


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


class PostgresServer:
    """A PostgreSQL on a socket in a folder of its own."""

    def __init__(self) -> None:
        found = shutil.which("initdb")
        installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if found is None and not installed:
            pytest.skip("PostgreSQL's server is not installed (Debian: postgresql)")
        self._bin = Path(found).parent if found else installed[-1].parent
        # Its user, which must not be root, has to get to the folder.
        self._folder = Path(tempfile.mkdtemp(prefix="assistants-pg-"))
        self._as: list[str] = []
        if os.geteuid() == 0:
            self._as = ["runuser", "-u", "postgres", "--"]
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "-U", "assistants", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()
        self._databases = 0

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._bin / program), "-D", str(self._folder / "data")]
        subprocess.run(
            [*command, *arguments],
            check=True,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def start(self) -> None:
        """Starts it."""
        options = f"-k '{self._folder}' -c listen_addresses= -c fsync=off"
        self._run("pg_ctl", "-l", str(self._folder / "log"), "-w", "start", "-o", options)

    def stop(self) -> None:
        """Ends it, as a crash does."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def close(self) -> None:
        """Ends it for good."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def fresh(self) -> str:
        """The URL of an empty database."""
        self._databases += 1
        name = f"test_{os.getpid()}_{self._databases}"
        self.execute(f"CREATE DATABASE {name}")
        return f"postgresql://assistants@/{name}?host={self._folder}"

    def execute(self, query: str, database: str = "postgres") -> list[Any]:
        """The rows of a query, in a connection of its own."""
        import psycopg

        where = {"host": str(self._folder), "user": "assistants", "dbname": database}
        with psycopg.connect(**where, autocommit=True) as connection:  # type: ignore[arg-type]
            cursor = connection.execute(query)  # type: ignore[call-overload]
            return [] if cursor.description is None else [*cursor.fetchall()]


def postgres_server() -> Iterator[PostgresServer]:
    """A server, and its end."""
    require_package("psycopg")
    server = PostgresServer()
    yield server
    server.close()
