"""The database: its URL, its settings, its transactions, and rows to objects and back.

The meaning of a row is not this file's; rules are the services', columns are in ``tables``.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, Final, TypeVar

import sqlalchemy
from attrs import define, field
from sqlalchemy import (
    Connection,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    insert,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from assistants_client.engine.faults import Fault
from assistants_client.engine.storage.connections import Connections, Holding
from assistants_client.engine.storage.deleted_items import drop_one
from assistants_client.engine.storage.engines import (
    POOL_SIZE,
    STATEMENT_SECONDS,
    Access,
    ServerSettings,
    is_in_memory,
    server_engine,
    sqlite_engine,
)
from assistants_client.engine.storage.migrations import UnfitError, migrate
from assistants_client.engine.storage.statements import Statement
from assistants_client.engine.storage.store_faults import (
    DatabaseFile,
    busy,
    closed,
    is_busy,
    wrong_directory,
)
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import threads
from assistants_client.engine.storage.upkeep import vacuum
from assistants_client.errors import ConfigurationError
from assistants_client.models._base import Struct

StructT = TypeVar("StructT", bound=Struct)

#: How long a caller waits for the right to write, in seconds: for other threads and for other
#: processes together.
BUSY_SECONDS: Final = 30
#: Seconds between two checks for a file that is missing.
_POLL_SECONDS: Final = 0.1
#: For callers that have more to lose than one request, such as a worker: how many times so long.
#: It is much less than a run may take.
PATIENT: Final = 4
#: For callers that have something else to do meanwhile: which part of that.
BRIEF: Final = 1 / 6
#: Among a connection's notes: what is emitted after commit.
_EVENTS: Final = "assistants_events"
_READS: Final = Access()
_NO_TURN: Final = nullcontext()


@define(eq=False)
class _Opened:
    """The open database of one process."""

    connections: Connections | None = None
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
        pool_size: How many connections this process has to a PostgreSQL server at most; a
            transaction takes one, and waits for it.
        statement_timeout: The seconds that one statement may take there; 0 is for ever. What makes
            or migrates the tables is exempt.

    Raises:
        ConfigurationError: The URL is not one, or its driver is not installed.
    """

    def __init__(
        self,
        url: str,
        after_commit: Callable[[Sequence[Any]], object] = lambda events: None,
        *,
        pool_size: int = POOL_SIZE,
        statement_timeout: float = STATEMENT_SECONDS,
    ) -> None:
        self.after_commit = after_commit
        try:
            self._url = make_url(url)
        except ArgumentError:
            raise ConfigurationError(
                "The database URL cannot be read; it should look like sqlite:///assistants.db"
            ) from None
        #: True where it is this process's alone, and gone with it.
        self.is_in_memory: bool = self._url.get_backend_name() == "sqlite" and is_in_memory(
            self._url
        )
        self._pool_size = pool_size
        self._statement_timeout = statement_timeout
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

    def open(self, until: float | None = None, *, waits: bool = False) -> None:
        """Connects, makes or migrates the tables, and sees that the database can be written.

        Args:
            until: For how long to wait, by ``time.monotonic``; ``None``: as :meth:`deadline`.
            waits: Whether a server that cannot be reached is waited for as well. One that is
                stopping or starting, or has no connection left, always is.

        Raises:
            ConfigurationError: The driver, the directory, the server or the permission is missing,
                or the schema is that of a newer version or of another program.
            Fault: 503: another program keeps it busy, or it was closed; or its server is still away
                after it was waited for.
        """
        until = self.deadline() if until is None else until
        opened, _ = self._enter(until, waits_for_all=waits)
        self._leave(opened)

    def vacuum(self) -> None:
        """Gives free space back; see ``upkeep.vacuum``.

        Raises:
            Fault: 503: the database cannot be used for the moment.
        """
        opened, connections = self._enter(self.deadline())
        try:
            vacuum(connections.engine)
        except Exception as error:
            if is_busy(error):
                raise busy() from error
            raise
        finally:
            self._leave(opened)

    @staticmethod
    def deadline() -> float:
        """Returns until when a caller that comes now waits, by ``time.monotonic``."""
        return time.monotonic() + BUSY_SECONDS

    def close(self) -> None:
        """Closes all connections, for good, as soon as no transaction is under way."""
        self._closed = True
        opened = self._here()
        with opened.changing:
            if opened.connections is not None:
                opened.connections.is_closed = True
            self._dispose_unused(opened)

    @contextmanager
    def begin(self, *, patience: float = 1) -> Iterator[Connection]:
        """Opens a transaction that writes; the end of the block commits it, an error rolls it back.

        The one right to write is taken at its start, of all processes, so what is read within
        cannot change before the commit. A server that is away is waited for.

        Args:
            patience: How many times ``BUSY_SECONDS`` to wait for that right, all in all. With more
                than one a file that is not there is waited for as well.

        Raises:
            InterruptedTransactionError: The server went away within the block: nothing was written.
            CommitInDoubtError: It went away within the commit.
            Fault: 503: the database cannot be written for the moment, and nothing was.
        """
        until = time.monotonic() + patience * BUSY_SECONDS
        events: list[Any] = []
        opened, connections = self._enter(until, waits=patience > 1, writes=True)
        try:
            with Holding(opened.turn, until, lambda: connections.outage or busy()):
                with connections.transaction(until, Access(writes_by=until)) as progress:
                    progress.connection.info[_EVENTS] = events
                    yield progress.connection
                    if opened.file is not None:
                        opened.file.check(writes=True)
                    progress.commits = True
                if events:
                    self.after_commit(events)
        finally:
            self._leave(opened)

    @contextmanager
    def read(self, *, patience: float = 1) -> Iterator[Connection]:
        """Opens a transaction that reads: what it sees does not change within the block.

        Args:
            patience: As for :meth:`begin`.

        Raises:
            InterruptedTransactionError: The server went away within the block.
            Fault: 503: the database cannot be read for the moment.
        """
        until = time.monotonic() + patience * BUSY_SECONDS
        events: list[Any] = []
        opened, connections = self._enter(until, waits=patience > 1)
        try:
            with (
                Holding(opened.turn, until) if self.is_in_memory else _NO_TURN,
                connections.transaction(until, _READS) as progress,
            ):
                progress.connection.info[_EVENTS] = events
                yield progress.connection
        finally:
            self._leave(opened)
        if events:
            self.after_commit(events)

    def _enter(
        self,
        until: float,
        *,
        waits: bool = False,
        writes: bool = False,
        waits_for_all: bool = False,
    ) -> tuple[_Opened, Connections]:
        """Returns the connections, which stay open until :meth:`_leave` even if it is closed.

        Args:
            until: For how long to wait, by ``time.monotonic``.
            waits: Whether a file that is not there is waited for.
            writes: Whether it is to be written.
            waits_for_all: Where it is to be opened, as :meth:`Connections.begun` has it.
        """
        opened = self._here()
        # The thread that opens it holds the lock for as long as that takes.
        with Holding(opened.changing, until):
            if self._closed:
                raise closed()
            if opened.connections is None:
                opened.connections, opened.file = self._open(until, waits_for_all=waits_for_all)
            connections = opened.connections
            opened.users += 1
        if opened.file is not None:
            try:
                _await(opened.file, until if waits else 0.0, writes=writes)
            except BaseException:
                self._leave(opened)
                raise
        return opened, connections

    def _leave(self, opened: _Opened) -> None:
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
        if self._closed and not opened.users and opened.connections is not None:
            opened.connections.engine.dispose()
            opened.connections = None

    def _open(
        self, until: float, *, waits_for_all: bool
    ) -> tuple[Connections, DatabaseFile | None]:
        shown = self.shown_url
        is_sqlite = self._url.get_backend_name() == "sqlite"
        try:
            connections = self._connections()
        except (SQLAlchemyError, ImportError) as error:
            missing = getattr(error, "name", None) == "psycopg"
            hint = ': pip install "assistants-client[postgres]"' if missing else ""
            raise ConfigurationError(
                f"The database {shown} cannot be used: {error}{hint}"
            ) from error
        access = Access(writes_by=until, is_unhurried=True)
        try:
            with connections.begun(until, access, waits_for_all=waits_for_all) as connection:
                migrate(connection)
                # Nothing has this id. A database that may only be read says so here and now.
                connection.execute(delete(threads).where(threads.c.id == ""))
            file = self._file(connections.engine)
        except (SQLAlchemyError, OSError, UnfitError) as error:
            connections.engine.dispose()
            if is_busy(getattr(error, "orig", None)):
                raise busy() from error
            if connections.outage is not None:
                raise connections.outage from error
            reason = wrong_directory(self._url.database or "") if is_sqlite else None
            reason = reason or str(getattr(error, "orig", None) or error)
            raise ConfigurationError(
                f"The database {shown} cannot be opened: {reason}. "
                f"{getattr(error, 'remedy', 'Mend that')}, or name another: "
                "Engine(URL), ASSISTANTS_DATABASE_URL, or --database of assistants serve"
            ) from None
        return connections, file

    def _connections(self) -> Connections:
        if self._url.get_backend_name() == "sqlite":
            return Connections(*sqlite_engine(self._url, BUSY_SECONDS))
        settings = ServerSettings(
            busy_seconds=BUSY_SECONDS,
            pool_size=self._pool_size,
            statement_seconds=self._statement_timeout,
        )
        return Connections(*server_engine(self._url, settings), self._pool_size)

    def _file(self, engine: sqlalchemy.Engine) -> DatabaseFile | None:
        """Returns the file of an open database that is to be checked, if it is a plain one."""
        if engine.dialect.name != "sqlite":
            return None
        with engine.connect() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
            path = connection.exec_driver_sql("PRAGMA database_list").all()[0][2]
        return DatabaseFile(path, has_log=mode == "wal") if path else None


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


def emit_after_commit(connection: Connection, *events: object) -> None:
    """Has the database's ``after_commit`` called with events once this transaction is committed."""
    connection.info[_EVENTS].extend(events)


# --- rows and objects ---------------------------------------------------------------------------
#
# Each statement is made once, with names in the places of its values: to make one takes longer than
# to execute it.


def add(connection: Connection, table: Table, made: StructT, **columns: Any) -> StoredJson[StructT]:
    """Stores a new object, and returns its JSON; ``columns`` are those beside it."""
    stored = StoredJson.of(made)
    document = stored.document
    row = {"id": document["id"], "created_at": document["created_at"], "body": stored, **columns}
    _insertion(table).change(connection, row)
    return stored


def save(
    connection: Connection, table: Table, changed: StructT, **columns: Any
) -> StoredJson[StructT] | None:
    """Stores an object again, and returns its JSON; ``None`` when it was deleted meanwhile."""
    stored = StoredJson.of(changed)
    values = {_ID: stored.document["id"], "body": stored, **columns}
    return stored if _update_by_id(table).change(connection, values) else None


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
    found = load_json(connection, table, cls, object_id, **where)
    return None if found is None else found.decoded()


def load_json(
    connection: Connection, table: Table, cls: type[StructT], object_id: str, **where: str | bool
) -> StoredJson[StructT] | None:
    """Returns an object as :func:`load` does, but as the JSON that is stored."""
    which = {"id": object_id, **where}
    row = _bodies(table, *which).first(connection, which)
    return None if row is None else StoredJson(cls, row[0])


def load_all(
    connection: Connection, table: Table, cls: type[StructT], **where: str
) -> list[StructT]:
    """Returns all objects whose columns have these values, in the order they were created in."""
    found = _bodies(table, *where).all(connection, where)
    return [StoredJson(cls, body).decoded() for (body,) in found]


def remove(connection: Connection, table: Table, object_id: str, **where: str) -> bool:
    """Deletes an object with all that refers to it; returns false when there is none."""
    return drop_one(connection, table, {"id": object_id, **where})


#: The parameter of an update that names the row; those named as columns are set.
_ID: Final = "of_id"


@cache
def _insertion(table: Table) -> Statement:
    return Statement(insert(table).inline())


@cache
def _update_by_id(table: Table) -> Statement:
    return Statement(update(table).where(table.c.id == bindparam(_ID)))


@cache
def _bodies(table: Table, *names: str) -> Statement:
    """Returns the query for the objects whose columns of these names have values, in order."""
    which = (table.c[name] == bindparam(name) for name in names)
    return Statement(select(cast(table.c.body, Text)).where(*which).order_by(table.c.seq))
