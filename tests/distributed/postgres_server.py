"""A PostgreSQL server of a test's own, which it may stop and start again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import pytest

_PATIENCE: Final = 60.0


def _programs() -> Path | None:
    """The folder of the server's programs."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


class PostgresServer:
    """A server in a folder of its own, on a socket there; it is stopped and deleted by ``close``.

    Args:
        settings: Settings beside the server's own, such as ``max_connections=8``.
    """

    def __init__(self, *settings: str) -> None:
        if find_spec("psycopg") is None:
            pytest.skip("the package psycopg is not installed")
        programs = _programs()
        if programs is None:
            pytest.skip("PostgreSQL's programs are not installed (Debian: postgresql)")
        self._programs = programs
        #: A socket's path is short, and the server's user must be able to enter the folder.
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._as: list[str] = []
        if os.geteuid() == 0:  # which the server refuses to be
            self._as = ["runuser", "-u", "postgres", "--"]
            shutil.chown(self.folder, "postgres")
        given = [f"-k {self.folder}", "-c listen_addresses=", "-c fsync=off"]
        self._options = " ".join([*given, *(f"-c {one}" for one in settings)])
        made = ["-U", "assistants", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        self._run("initdb", *made)
        self._databases = 0
        self.start()

    def url(self, name: str = "postgres", user: str = "assistants") -> str:
        """The URL of a database on it."""
        return f"postgresql://{user}@/{name}?host={self.folder}"

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        self._control("start", "-l", str(self.folder / "log"), "-o", self._options)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stops it: in order, or as if it had been killed."""
        self._control("stop", "-m", mode)

    def close(self) -> None:
        """Ends it, and deletes what it has stored."""
        self._control("stop", "-m", "immediate", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh(self) -> str:
        """The URL of an empty database."""
        self._databases += 1
        name = f"test_{os.getpid()}_{self._databases}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, query: str, database: str = "postgres") -> list[Any]:
        """The rows of a query, in a connection of its own."""
        import psycopg

        where = {"host": str(self.folder), "user": "assistants", "dbname": database}
        with psycopg.connect(**where, autocommit=True) as connection:  # type: ignore[arg-type]
            cursor = connection.execute(query)  # type: ignore[call-overload]
            return [] if cursor.description is None else [*cursor.fetchall()]

    def allow(self, rules: str) -> None:
        """Lets in whom these lines of ``pg_hba.conf`` say."""
        (self.folder / "data" / "pg_hba.conf").write_text(rules)
        self._control("reload")

    def _control(self, act: str, *options: str, check: bool = True) -> None:
        self._run("pg_ctl", "-w", *options, act, check=check)

    def _run(self, program: str, *options: str, check: bool = True) -> None:
        done = subprocess.run(
            [*self._as, self._programs / program, "-D", self.folder / "data", *options],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            # The server would hold a pipe open.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        )
        if check and done.returncode:
            log = self.folder / "log"
            said = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            pytest.fail(f"{program} {' '.join(options)} ended with {done.returncode}: {said}")
