"""The database: its URL, its settings, its transactions, and rows to objects and back.

The meaning of a row is not this file's; rules are the services', columns are in ``tables``.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final, TypeVar

import sqlalchemy
from attrs import define, field
from sqlalchemy import URL, Connection, Table, delete, event, insert, make_url, select, update
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from assistants_client._json.codec import decode, encode
from assistants_client.engine.faults import Fault
from assistants_client.engine.storage.deleted_items import drop
from assistants_client.engine.storage.migrations import UnfitError, migrate
from assistants_client.engine.storage.sqlite_turns import try_begin
from assistants_client.engine.storage.store_faults import (
    DatabaseFile,
    busy,
    closed,
    fault_of,
    is_busy,
    wrong_directory,
)
from assistants_client.engine.storage.tables import threads
from assistants_client.errors import ConfigurationError
from assistants_client.models._base import JsonObject, Struct

StructT = TypeVar("StructT", bound=Struct)

#: How long a caller waits for the right to write, in seconds: for other threads and for other
#: processes together.
BUSY_SECONDS: Final = 30
#: Seconds between two checks for a file that is missing.
_POLL_SECONDS: Final = 0.1
#: For callers that have more to lose than one request, such as a worker: how many times so long.
#: It is much less than a run may take.
PATIENT: Final = 4
#: Among a connection's options: until when it may wait for the right to write.
_WRITES_BY: Final = "assistants_writes_by"
#: The lock that stands for the right to write on PostgreSQL; any number of our own.
_WRITER: Final = 0x617373697374
#: A writer that is stuck, or whose machine is gone, is not waited for for ever (milliseconds).
_SETTINGS: Final = (
    f"-c lock_timeout={BUSY_SECONDS * 1000} "
    f"-c idle_in_transaction_session_timeout={BUSY_SECONDS * 1000}"
)
_READ_ONLY: Final[dict[str, Any]] = {
    "isolation_level": "REPEATABLE READ",
    "postgresql_readonly": True,
}
#: Among a connection's notes: what is emitted after commit.
_EVENTS: Final = "assistants_events"


@define(eq=False)
class _Opened:
    """The connections of one process to a database."""

    engine: sqlalchemy.Engine | None = None
    #: How many transactions are under way.
    users: int = 0
    #: Reentrant: the garbage collector may close a dropped database while this is held.
    changing: threading.RLock = field(factory=threading.RLock)
    #: Held by a writer; where a database lives in one connection, by a reader, too.
    turn: threading.Lock = field(factory=threading.Lock)
    file: DatabaseFile | None = None


class Database:
    """Opens on first use, and again after a fork: a child never touches its parent's connections.

    Args:
        url: As SQLAlchemy reads it. ``sqlite://`` is a database in memory, which all threads of
            this process share and which is gone when it is closed.
        after_commit: Called with what a transaction has emitted (see ``emit_after_commit``), in the
            order of this process's commits; it must not write.

    Raises:
        ConfigurationError: The URL is not one, or its driver is not installed.
    """

    def __init__(
        self, url: str, after_commit: Callable[[Sequence[Any]], object] = lambda events: None
    ) -> None:
        self.after_commit = after_commit
        try:
            self._url = make_url(url)
        except ArgumentError:
            raise ConfigurationError(
                "The database URL cannot be read; it should look like sqlite:///assistants.db"
            ) from None
        self._closed = False
        # By process: what a parent has is neither used nor closed by its child. To close it would,
        # on SQLite, drop locks that the parent believes it holds.
        self._opened: dict[int, _Opened] = {}

    def __repr__(self) -> str:
        return f"Database({self.shown_url!r})"

    @property
    def shown_url(self) -> str:
        """The URL, without a password."""
        return self._url.render_as_string(hide_password=True)

    def open(self, until: float | None = None) -> None:
        """Connects, makes or migrates the tables, and sees that the database can be written.

        Args:
            until: For how long to wait, by ``time.monotonic``; ``None``: as :meth:`deadline`.

        Raises:
            ConfigurationError: The driver, the directory, the server or the permission is missing,
                or the schema is that of a newer version or of another program.
            Fault: 503: another program keeps it busy, or it was closed.
        """
        with self._using(self.deadline() if until is None else until):
            pass

    @staticmethod
    def deadline() -> float:
        """Returns until when a caller that comes now waits, by ``time.monotonic``."""
        return time.monotonic() + BUSY_SECONDS

    def close(self) -> None:
        """Closes all connections, for good, as soon as no transaction is under way."""
        self._closed = True
        opened = self._here()
        with opened.changing:
            self._dispose_unused(opened)

    @contextmanager
    def begin(self, *, patience: float = 1) -> Iterator[Connection]:
        """Opens a transaction that writes; the end of the block commits it, an error rolls it back.

        The one right to write is taken at its start, of all processes, so what is read within
        cannot change before the commit.

        Args:
            patience: How many times ``BUSY_SECONDS`` to wait for that right, all in all. With more
                than one a file that is not there is waited for as well.

        Raises:
            Fault: 503: the database cannot be written for the moment, and nothing was.
        """
        until = time.monotonic() + patience * BUSY_SECONDS
        events: list[Any] = []
        using = self._using(until, waits=patience > 1, writes=True)
        with using as (opened, engine), _held(opened.turn, until):
            with _refusing() as trying, _write(engine, until) as connection:
                connection.info[_EVENTS] = events
                yield connection
                if opened.file is not None:
                    opened.file.check(writes=True)
                trying.commits = True
            if events:
                self.after_commit(events)

    @contextmanager
    def read(self, *, patience: float = 1) -> Iterator[Connection]:
        """Opens a transaction that reads: what it sees does not change within the block.

        Args:
            patience: As for :meth:`begin`.

        Raises:
            Fault: 503: the database cannot be read for the moment.
        """
        until = time.monotonic() + patience * BUSY_SECONDS
        events: list[Any] = []
        with self._using(until, waits=patience > 1) as (opened, engine):
            is_sqlite = engine.dialect.name == "sqlite"
            options: dict[str, Any] = {} if is_sqlite else _READ_ONLY
            alone = _held(opened.turn, until) if self.is_in_memory else nullcontext()
            with (
                alone,
                _refusing(),
                engine.connect() as connection,
                connection.execution_options(**options).begin(),
            ):
                connection.info[_EVENTS] = events
                yield connection
        if events:
            self.after_commit(events)

    @property
    def is_in_memory(self) -> bool:
        """True where it is this process's alone, and gone with it."""
        return self._url.get_backend_name() == "sqlite" and _in_memory(self._url)

    @contextmanager
    def _using(
        self, until: float, *, waits: bool = False, writes: bool = False
    ) -> Iterator[tuple[_Opened, sqlalchemy.Engine]]:
        """Yields the connections, which stay open within the block even if the database is closed.

        Args:
            until: For how long to wait, by ``time.monotonic``.
            waits: Whether a file that is not there is waited for.
            writes: Whether it is to be written.
        """
        opened = self._here()
        # The thread that opens it holds the lock for as long as that takes.
        with _held(opened.changing, until):
            opened.users += 1
        try:
            with _held(opened.changing, until):
                if self._closed:
                    raise closed()
                if opened.engine is None:
                    opened.engine, opened.file = self._open(until)
                engine = opened.engine
            if opened.file is not None:
                _await(opened.file, until if waits else 0.0, writes=writes)
            yield opened, engine
        finally:
            with opened.changing:
                opened.users -= 1
                self._dispose_unused(opened)

    def _here(self) -> _Opened:
        opened = self._opened.get(os.getpid())
        return opened or self._opened.setdefault(os.getpid(), _Opened())

    def _dispose_unused(self, opened: _Opened) -> None:
        """Closes what a closed database still has open; called with the lock held.

        Not while a transaction is under way: its connection would be left to the garbage collector,
        since SQLAlchemy drops what is in use when it disposes of the rest.
        """
        if self._closed and not opened.users and opened.engine is not None:
            opened.engine.dispose()
            opened.engine = None

    def _open(self, until: float) -> tuple[sqlalchemy.Engine, DatabaseFile | None]:
        shown = self.shown_url
        sqlite = self._url.get_backend_name() == "sqlite"
        try:
            engine = _sqlite_engine(self._url) if sqlite else _server_engine(self._url)
        except (SQLAlchemyError, ImportError) as error:
            missing = getattr(error, "name", None) == "psycopg"
            hint = ': pip install "assistants-client[postgres]"' if missing else ""
            raise ConfigurationError(
                f"The database {shown} cannot be used: {error}{hint}"
            ) from error
        try:
            with _write(engine, until) as connection:
                migrate(connection)
                # Nothing has this id. A database that may only be read says so here and now.
                connection.execute(delete(threads).where(threads.c.id == ""))
            file = self._file(engine)
        except (SQLAlchemyError, OSError, UnfitError) as error:
            engine.dispose()
            if is_busy(getattr(error, "orig", None)):
                raise busy() from error
            reason = wrong_directory(self._url.database or "") if sqlite else None
            reason = reason or str(getattr(error, "orig", None) or error)
            raise ConfigurationError(
                f"The database {shown} cannot be opened: {reason}. "
                f"{getattr(error, 'remedy', 'Mend that')}, or name another: "
                "Engine(URL), ASSISTANTS_DATABASE_URL, or --database of assistants serve"
            ) from None
        return engine, file

    def _file(self, engine: sqlalchemy.Engine) -> DatabaseFile | None:
        """Returns the file of an open database that is to be checked, if it is a plain one."""
        if engine.dialect.name != "sqlite":
            return None
        with engine.connect() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
            path = connection.exec_driver_sql("PRAGMA database_list").all()[0][2]
        return DatabaseFile(path, has_log=mode == "wal") if path else None


@define
class _Trying:
    """The progress of a transaction."""

    commits: bool = False


@contextmanager
def _refusing() -> Iterator[_Trying]:
    """Turns the errors of a database that is unavailable for the moment into refusals."""
    trying = _Trying()
    try:
        yield trying
    except DBAPIError as error:
        is_lost = error.connection_invalidated
        fault = None if error.orig is None else fault_of(error.orig, is_lost=is_lost)
        # Where a connection breaks in a commit, nobody knows whether it was made.
        if fault is None or (trying.commits and is_lost):
            raise
        raise fault from error


@contextmanager
def _held(lock: Any, until: float) -> Iterator[None]:
    """Holds a lock, for which it waits until a deadline."""
    if not lock.acquire(timeout=max(0.0, until - time.monotonic())):
        raise busy()
    try:
        yield
    finally:
        lock.release()


def _await(file: DatabaseFile, until: float, *, writes: bool) -> None:
    """Waits for a file that is missing, until a deadline."""
    while True:
        try:
            file.check(writes=writes)
        except Fault:
            if time.monotonic() >= until:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return


@contextmanager
def _write(engine: sqlalchemy.Engine, until: float) -> Iterator[Connection]:
    with (
        engine.connect() as connection,
        connection.execution_options(**{_WRITES_BY: until}).begin(),
    ):
        yield connection


def _milliseconds_left(connection: Connection) -> int | None:
    """Returns the time left to wait for the right to write; ``None`` where it is not asked for."""
    until = connection.get_execution_options().get(_WRITES_BY)
    return None if until is None else max(1, round(1000 * (until - time.monotonic())))


def _in_memory(url: URL) -> bool:
    return url.database in {None, "", ":memory:"} or url.query.get("mode") == "memory"


def _server_engine(url: URL) -> sqlalchemy.Engine:
    if url.get_backend_name() != "postgresql":
        # So do services write it whose URLs are pasted here; SQLAlchemy does not take it any more.
        hint = " Write postgresql:// for it." if url.drivername == "postgres" else ""
        raise ConfigurationError(
            f"The database {url.render_as_string()} cannot be used: the engine supports SQLite and "
            f"PostgreSQL.{hint}"
        )
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")  # SQLAlchemy's own choice is an older one
    given = url.query.get("options", ())
    options = " ".join([given] if isinstance(given, str) else given)
    engine = sqlalchemy.create_engine(
        url,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=-1,
        connect_args={
            "options": f"{_SETTINGS} {options}",
            "connect_timeout": url.query.get("connect_timeout", str(BUSY_SECONDS)),
        },
    )

    # One writer at a time, as on SQLite: so there is one set of rules, and nothing to deadlock.
    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        left = _milliseconds_left(connection)
        if left is not None:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {left}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")

    return engine


def _sqlite_engine(url: URL) -> sqlalchemy.Engine:
    in_memory = _in_memory(url)
    if not in_memory and not (url.database or "").startswith("file:"):
        url = url.set(database=os.path.abspath(url.database or ""))
    engine = sqlalchemy.create_engine(
        url,
        poolclass=QueuePool,
        # A database in memory lives in one connection: threads take turns with it.
        pool_size=1 if in_memory else 8,
        max_overflow=0 if in_memory else -1,
        pool_timeout=BUSY_SECONDS,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )

    # The driver's own idea of when a transaction starts is switched off, as SQLAlchemy's manual
    # describes, so that ours starts where begin() and read() say.
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        if not in_memory:
            # In this mode readers do not wait for the writer, and a commit outlives the process.
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        until = connection.get_execution_options().get(_WRITES_BY)
        cursor = connection.connection.cursor()
        is_begun = until is not None and try_begin(cursor, until)
        left = _milliseconds_left(connection)
        wait = round(1000 * BUSY_SECONDS) if left is None else left
        cursor.execute(f"PRAGMA busy_timeout = {wait}")
        cursor.close()
        if not is_begun:
            connection.exec_driver_sql("BEGIN" if left is None else "BEGIN IMMEDIATE")

    return engine


def emit_after_commit(connection: Connection, *events: object) -> None:
    """Has the database's ``after_commit`` called with events once this transaction is committed."""
    connection.info[_EVENTS].extend(events)


# --- rows and objects ---------------------------------------------------------------------------


def add(connection: Connection, table: Table, made: Struct, **columns: Any) -> JsonObject:
    """Stores a new object, and returns its document; ``columns`` are those beside the document."""
    document: JsonObject = encode(made)
    connection.execute(
        insert(table).values(
            id=document["id"], created_at=document["created_at"], body=document, **columns
        )
    )
    return document


def save(
    connection: Connection, table: Table, changed: Struct, **columns: Any
) -> JsonObject | None:
    """Stores an object again, and returns its document; ``None`` when it was deleted meanwhile."""
    document: JsonObject = encode(changed)
    done = connection.execute(
        update(table).where(table.c.id == document["id"]).values(body=document, **columns)
    )
    return document if done.rowcount else None


def load(
    connection: Connection, table: Table, cls: type[StructT], object_id: str, **where: str | bool
) -> StructT | None:
    """Returns an object, or ``None``.

    Args:
        connection: The transaction.
        table: The table of the object.
        cls: The class of the object.
        object_id: Its id.
        where: Columns that must have a value, such as the parent's id.
    """
    query = select(table.c.body).where(
        table.c.id == object_id, *(table.c[name] == value for name, value in where.items())
    )
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else decode(cls, found)


def load_all(
    connection: Connection, table: Table, cls: type[StructT], **where: str
) -> list[StructT]:
    """Returns all objects whose columns have these values, in the order they were created in."""
    found = connection.execute(
        select(table.c.body)
        .where(*(table.c[name] == value for name, value in where.items()))
        .order_by(table.c.seq)
    )
    return [decode(cls, body) for body in found.scalars()]


def remove(connection: Connection, table: Table, object_id: str, **where: str) -> bool:
    """Deletes an object with all that refers to it; returns false when there is none."""
    which = (table.c[name] == value for name, value in where.items())
    return bool(drop(connection, table, table.c.id == object_id, *which))
