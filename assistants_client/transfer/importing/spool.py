"""What was read, in a temporary database: so no source is too large, and no thread.

SQLite makes it in the folder for temporary files (``TMPDIR``) under no name: nothing of it is left
when the process ends, however it ends. Documents are marshalled, which is faster than JSON, and
may be, as nobody else writes or reads them.
"""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from attrs import frozen

from assistants_client.transfer.losses import Place

_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -24000;
CREATE TABLE found (
  n INTEGER PRIMARY KEY, kind TEXT NOT NULL, thread INTEGER, run TEXT, id TEXT, mark TEXT,
  role TEXT, time REAL, is_whole INTEGER, file INTEGER, line INTEGER, direction TEXT,
  is_cut INTEGER, document BLOB NOT NULL
);
CREATE TABLE keys (key TEXT PRIMARY KEY, thread INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE threads (number INTEGER PRIMARY KEY, id TEXT, key TEXT, time REAL);
CREATE TABLE present (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE ready (
  place INTEGER PRIMARY KEY, id TEXT, created_at INTEGER, parent TEXT, status TEXT, body TEXT,
  sha256 TEXT, is_dated INTEGER, file INTEGER, line INTEGER
);
"""
#: Rows that are written, or read, at once.
AT_ONCE: Final = 500


@frozen
class Spooled:
    """An object of a source: its place in all that was read, and its document."""

    n: int
    document: dict[str, Any]
    place: Place
    id: str | None
    run: str | None
    time: float | None


@frozen
class Ready:
    """An object as it is to be stored.

    Attributes:
        id: Its id.
        created_at: Its time.
        parent: Of messages the run, of steps the run.
        status: Its status.
        body: Its JSON.
        sha256: The digest of its content.
        is_dated: Whether its time is its source's own, and not one that was filled in.
        place: Where it stood.
    """

    id: str
    created_at: int
    parent: str | None
    status: str
    body: str
    sha256: str
    is_dated: bool
    place: Place


class Spool:
    """Keeps what was read until it is written."""

    def __init__(self) -> None:
        # No name: a file that is deleted as soon as it is made.
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.executescript(_SCHEMA)
        self._connection.execute("BEGIN")
        self._files: dict[str, int] = {}
        self._names: list[str] = []
        self._rows: list[tuple[Any, ...]] = []
        self._threads: dict[str, int] = {}
        self._count = 0
        self._ready = 0

    def close(self) -> None:
        """Drops it all."""
        self._connection.close()

    def put(
        self,
        kind: str,
        document: dict[str, Any],
        place: Place,
        *,
        key: str | None = None,
        run: str | None = None,
        name: str | None = None,
        mark: str | None = None,
        role: str | None = None,
        time: float | None = None,
        is_whole: bool = True,
        direction: str = "unknown",
        is_cut: bool = False,
    ) -> None:
        """Adds an object.

        Args:
            kind: What it is.
            document: Its document.
            place: Where it stood.
            key: What holds its thread together.
            run: Its run.
            name: Its id, where it can be kept.
            mark: What its id is derived from, where it has none.
            role: Of messages.
            time: When it was made.
            is_whole: Whether it has the protocol's own form, and no other.
            direction: How the list stands that it is in.
            is_cut: Whether that list goes on elsewhere.
        """
        self._count += 1
        thread = None if key is None else self._thread(key)
        row = (
            self._count, kind, thread, _text(run), _text(name), mark, role, time, int(is_whole),
            self._file(place.file), place.line, direction, int(is_cut), marshal.dumps(document),
        )  # fmt: skip
        self._rows.append(row)
        if len(self._rows) >= AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            marks = ",".join("?" * len(self._rows[0]))
            self._connection.executemany(f"INSERT INTO found VALUES ({marks})", self._rows)
            self._rows.clear()

    def _file(self, name: str) -> int:
        number = self._files.get(name)
        if number is None:
            number = self._files[name] = len(self._names)
            self._names.append(name)
        return number

    def _thread(self, key: str) -> int:
        number = self._threads.get(key)
        if number is None:
            found = self._connection.execute(
                "SELECT thread FROM keys WHERE key = ?", (_text(key),)
            ).fetchone()
            if found is None:
                made = self._connection.execute(
                    "INSERT INTO threads (key) VALUES (?)", (_text(key),)
                )
                found = (made.lastrowid,)
                self._connection.execute("INSERT INTO keys VALUES (?, ?)", (_text(key), *found))
            if len(self._threads) >= AT_ONCE:
                self._threads.clear()
            number = self._threads[key] = int(found[0])
        return number

    def index(self) -> None:
        """Ends the reading: what was put is found from now on."""
        self._flush()
        self._connection.execute("CREATE INDEX found_in ON found (thread, kind, n)")
        self._connection.execute("CREATE INDEX found_as ON found (kind, id)")

    # --- threads ----------------------------------------------------------------------------------

    def name_threads(self, named: Iterable[tuple[int, str, float | None]]) -> None:
        """Stores the ids and times of threads; what has the same id is one thread."""
        for number, name, time in named:
            known = self._connection.execute(
                "SELECT number FROM threads WHERE id = ?", (name,)
            ).fetchone()
            if known is None:
                self._connection.execute(
                    "UPDATE threads SET id = ?, time = ? WHERE number = ?", (name, time, number)
                )
                continue
            self._connection.execute(
                "UPDATE found SET thread = ? WHERE thread = ?", (known[0], number)
            )
            self._connection.execute("DELETE FROM threads WHERE number = ?", (number,))

    def index_threads(self) -> None:
        """Makes what :meth:`name_threads` looks up by."""
        self._connection.execute("CREATE INDEX threads_as ON threads (id)")

    def thread_keys(self) -> list[tuple[int, str]]:
        """Returns all threads by number and key, in the order in which they were met."""
        return self._connection.execute(
            "SELECT number, key FROM threads ORDER BY number"
        ).fetchall()

    def thread_numbers(self, *, by_time: bool) -> list[tuple[int, str]]:
        """Returns all threads by number and id, in the order in which they are to be written."""
        order = "coalesce(time, 0), number" if by_time else "number"
        return self._connection.execute(
            f"SELECT number, id FROM threads ORDER BY {order}"
        ).fetchall()

    # --- objects ----------------------------------------------------------------------------------

    def of(self, kind: str, thread: int | None = None) -> Iterator[Spooled]:
        """Yields the objects of a kind, or those in a thread, as they were read."""
        after = 0
        where = "kind = ?" if thread is None else "thread = ? AND kind = ?"
        given = (kind,) if thread is None else (thread, kind)
        while True:
            rows = self._connection.execute(
                "SELECT n, document, file, line, id, run, time FROM found "
                f"WHERE {where} AND n > ? ORDER BY n LIMIT {AT_ONCE}",
                (*given, after),
            ).fetchall()
            for row in rows:
                yield self._spooled(row)
            if len(rows) < AT_ONCE:
                return
            after = rows[-1][0]

    def at(self, numbers: Sequence[int]) -> Iterator[Spooled]:
        """Yields the objects with these places, in this order."""
        for start in range(0, len(numbers), AT_ONCE):
            some = numbers[start : start + AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = self._connection.execute(
                f"SELECT n, document, file, line, id, run, time FROM found WHERE n IN ({marks})",
                some,
            ).fetchall()
            by_number = {row[0]: row for row in rows}
            for number in some:
                yield self._spooled(by_number[number])

    def messages(self, thread: int) -> list[tuple[Any, ...]]:
        """Returns what the order of a thread's messages depends on, as they were read."""
        return self._connection.execute(
            "SELECT n, id, mark, role, time, run, is_whole, file, line, direction, is_cut "
            "FROM found WHERE thread = ? AND kind = 'message' ORDER BY n",
            (thread,),
        ).fetchall()

    def owner(self, kind: str, name: str) -> int | None:
        """Returns the thread that an id of a kind was met in first."""
        found = self._connection.execute(
            "SELECT thread FROM found WHERE kind = ? AND id = ? ORDER BY n LIMIT 1", (kind, name)
        ).fetchone()
        return None if found is None else found[0]

    def is_last(self, kind: str, name: str, n: int) -> bool:
        """Returns whether what stands in a place is the last of its kind with its id."""
        query = "SELECT max(n) FROM found WHERE kind = ? AND id = ?"
        found = self._connection.execute(query, (kind, name)).fetchone()
        return bool(found[0] == n)

    def first_place(self, thread: int) -> Place:
        """Returns where the first of a thread stood."""
        query = "SELECT file, line FROM found WHERE thread = ? ORDER BY n LIMIT 1"
        file, line = self._connection.execute(query, (thread,)).fetchone()
        return self.place(file, line)

    def first_time(self, thread: int) -> float | None:
        """Returns the earliest time of a thread: its own if it has one, else of its messages."""
        for kind in ("thread", "message"):
            query = "SELECT min(time) FROM found WHERE thread = ? AND kind = ?"
            found = self._connection.execute(query, (thread, kind)).fetchone()
            if found[0] is not None:
                return float(found[0])
        return None

    def has_runs(self, thread: int) -> bool:
        """Returns whether any run of a thread was read."""
        query = "SELECT 1 FROM found WHERE thread = ? AND kind = 'run' LIMIT 1"
        return self._connection.execute(query, (thread,)).fetchone() is not None

    def has_id(self, kind: str, name: str) -> bool:
        """Returns whether an object of a kind with an id was read."""
        query = "SELECT 1 FROM found WHERE kind = ? AND id = ? LIMIT 1"
        return self._connection.execute(query, (kind, name)).fetchone() is not None

    def has(self, kind: str) -> bool:
        """Returns whether anything of a kind was read."""
        query = "SELECT 1 FROM found WHERE kind = ? LIMIT 1"
        return self._connection.execute(query, (kind,)).fetchone() is not None

    def place(self, file: int, line: int | None) -> Place:
        """Returns a place by its numbers."""
        return Place(self._names[file], line)

    def _spooled(self, row: tuple[Any, ...]) -> Spooled:
        n, document, file, line, name, run, time = row
        return Spooled(n, marshal.loads(document), self.place(file, line), name, run, time)

    # --- files ------------------------------------------------------------------------------------

    def note_present(self, file_id: str) -> None:
        """Notes that a file has its bytes."""
        self._connection.execute("INSERT OR IGNORE INTO present VALUES (?)", (file_id,))

    def is_present(self, file_id: str) -> bool:
        """Returns whether that was noted."""
        query = "SELECT 1 FROM present WHERE id = ?"
        return self._connection.execute(query, (file_id,)).fetchone() is not None

    # --- what is to be written --------------------------------------------------------------------

    def set_ready(self, rows: Iterable[Ready]) -> None:
        """Replaces what is to be written next."""
        self._connection.execute("DELETE FROM ready")
        self._connection.executemany(
            "INSERT INTO ready VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    row.id, row.created_at, row.parent, row.status, row.body, row.sha256,
                    int(row.is_dated), self._file(row.place.file), row.place.line,
                )
                for row in rows
            ),
        )  # fmt: skip

    def ready(self) -> Iterator[list[Ready]]:
        """Yields what is to be written, some at once."""
        after = 0
        while True:
            rows = self._connection.execute(
                f"SELECT * FROM ready WHERE place > ? ORDER BY place LIMIT {AT_ONCE}", (after,)
            ).fetchall()
            if rows:
                yield [self._ready_of(row) for row in rows]
            if len(rows) < AT_ONCE:
                return
            after = rows[-1][0]

    def _ready_of(self, row: tuple[Any, ...]) -> Ready:
        _, name, at, parent, status, body, sha256, is_dated, file, line = row
        place = self.place(file, line)
        return Ready(name, at, parent, status, body, sha256, bool(is_dated), place)


def _text(value: str | None) -> str | None:
    """Returns text that SQLite takes."""
    if value is None or value.isascii():
        return value
    return value.encode("utf-8", "backslashreplace").decode()
