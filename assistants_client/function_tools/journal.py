"""The journal of tool calls: the outputs of finished calls persist, even if the process dies.

One output is stored per call, by run, tool call and request (a digest of the function's name and
arguments, as some servers reuse an id within a run). The first output of a call wins. Running tools
and deciding which outputs are stored do not belong here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Final, Protocol

from assistants_client.errors import ConfigurationError
from assistants_client.models.run_streams import Journal
from assistants_client.models.runs import RequiredToolCall

if TYPE_CHECKING:
    import sqlite3

_BUSY_SECONDS: Final = 30.0  # SQLite's busy timeout: another process may hold the lock so long
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS tool_outputs (
    call TEXT PRIMARY KEY,
    output TEXT NOT NULL,
    finished_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""


class OpenJournal(Protocol):
    """A store of tool outputs."""

    def find(self, key: str) -> str | None:
        """Returns the output of a call, or ``None`` if it is not finished."""
        ...

    def store(self, key: str, output: str) -> str:
        """Stores an output durably, and returns the one that counts: the first."""
        ...


def open_journal(journal: Journal) -> OpenJournal:
    """Returns the journal at a path, or in a mapping.

    Raises:
        ConfigurationError: It is neither, or the file cannot be used.
    """
    if isinstance(journal, (str, os.PathLike)):
        return _FileJournal(os.fspath(journal))
    if isinstance(journal, MutableMapping):
        return _MappingJournal(journal)
    raise ConfigurationError(f"journal: {journal!r:.80} is neither a path nor a mutable mapping")


def key_of(run_id: str, call: RequiredToolCall) -> str:
    """Returns the key of a call's output: ``run_1/call_2/0123456789abcdef``."""
    request = f"{call.function.name}\0{call.function.arguments}"
    digest = hashlib.sha256(request.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{run_id}/{call.id}/{digest[:16]}"


class _MappingJournal:
    _lock: Final = threading.Lock()  # one for all: two waits may be given the same mapping

    def __init__(self, outputs: MutableMapping[str, str]) -> None:
        self._outputs = outputs

    def find(self, key: str) -> str | None:
        with self._lock:
            return self._outputs.get(key)

    def store(self, key: str, output: str) -> str:
        with self._lock:
            return self._outputs.setdefault(key, output)


class _FileJournal:
    """An SQLite file, connected to per use: by any thread, before and after a fork."""

    def __init__(self, path: str) -> None:
        self._path = path
        with self._open() as database:
            database.execute(_TABLE)

    def find(self, key: str) -> str | None:
        with self._open() as database:
            return self._read(database, key)

    def store(self, key: str, output: str) -> str:
        with self._open() as database:
            database.execute(
                "INSERT OR IGNORE INTO tool_outputs (call, output) VALUES (?, ?)", (key, output)
            )
            return self._read(database, key) or output

    @staticmethod
    def _read(database: sqlite3.Connection, key: str) -> str | None:
        found = database.execute("SELECT output FROM tool_outputs WHERE call = ?", (key,))
        row: tuple[str] | None = found.fetchone()
        return row[0] if row is not None else None

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        import sqlite3  # not every Python has it, and few need it

        try:
            # Each statement is a transaction of its own, on the disk before it returns.
            database = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            with contextlib.closing(database):
                database.execute("PRAGMA synchronous = FULL")
                yield database
        except sqlite3.Error as error:
            raise ConfigurationError(f"journal: {self._path} cannot be used: {error}") from error
