"""The two kinds of database: how their connections are made, and how a transaction begins.

What a transaction is for, and what becomes of errors, is database.py's.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import sqlalchemy
from attrs import frozen
from sqlalchemy import URL, Connection, RootTransaction, event
from sqlalchemy.pool import QueuePool

from assistants_client.engine.storage.sqlite_turns import try_begin
from assistants_client.engine.storage.stored_json import to_json
from assistants_client.errors import ConfigurationError

#: Connections of one process to a PostgreSQL server where nothing else is said. One is held for a
#: transaction, which takes milliseconds, and never while a model, a tool or a reader is waited for;
#: and a process computes for one thread at a time, so that more of them would not serve more, but
#: make its writers wait for its readers. So few serve many workers and requests, and twelve
#: processes fit into the 97 that PostgreSQL has for its users unless told otherwise.
POOL_SIZE: Final = 8
#: Seconds that one statement may take on a PostgreSQL server where nothing else is said.
STATEMENT_SECONDS: Final = 30.0
#: The lock that stands for the right to write on PostgreSQL; any number of our own.
WRITER: Final = 0x617373697374
#: The options of a connection that reads on PostgreSQL.
_READ_ONLY: Final[dict[str, Any]] = {
    "isolation_level": "REPEATABLE READ",
    "postgresql_readonly": True,
}
#: Seconds that PostgreSQL cannot count.
_ENDLESS: Final = 2_000_000
#: Among the notes of a connection to SQLite: the milliseconds for which its statements wait for
#: others, and whether its commits have to, for those who read.
_WAITS: Final = "assistants_waits"
_COMMIT_WAITS: Final = "assistants_commit_waits"
#: Seconds until another try to change the mode of a new file.
_WAL_PAUSE: Final = 0.01
#: A machine that is gone is noticed within half a minute, also where nothing says so.
_ALIVE: Final = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",
}


@frozen(kw_only=True)
class Access:
    """The access that a transaction has.

    Attributes:
        writes_by: Until when it waits for the right to write, by ``time.monotonic``; ``None``: it
            only reads.
        is_unhurried: Whether its statements may take as long as they will.
    """

    writes_by: float | None = None
    is_unhurried: bool = False


#: Begins the transaction of a connection.
Begin: TypeAlias = Callable[[Connection, Access], RootTransaction]


@frozen(kw_only=True)
class ServerSettings:
    """The settings of connections to a PostgreSQL server.

    Attributes:
        busy_seconds: For how long a lock, a connection, or a writer that is stuck is waited for.
        pool_size: How many connections one process has at most.
        statement_seconds: How long one statement may take; 0 is for ever.
    """

    busy_seconds: float
    pool_size: int = POOL_SIZE
    statement_seconds: float = STATEMENT_SECONDS


def is_in_memory(url: URL) -> bool:
    """Returns whether an SQLite database lives in memory."""
    return url.database in {None, "", ":memory:"} or url.query.get("mode") == "memory"


def server_engine(url: URL, settings: ServerSettings) -> tuple[sqlalchemy.Engine, Begin]:
    """Returns the connections to a PostgreSQL server, and what begins their transactions.

    None is made yet.

    Raises:
        ConfigurationError: The URL names another kind of server.
        ImportError: The driver is not installed.
    """
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
    wait = _milliseconds(settings.busy_seconds)
    engine = sqlalchemy.create_engine(
        url,
        json_serializer=to_json,
        pool_pre_ping=True,
        pool_size=settings.pool_size,
        max_overflow=-1,  # who comes to it has one's place already, see database.py
        connect_args={
            "options": f"-c lock_timeout={wait} -c idle_in_transaction_session_timeout={wait} "
            f"-c statement_timeout={_milliseconds(settings.statement_seconds)} "
            # A plan for any values reads whole tables for those that are rare, such as "queued".
            f"-c plan_cache_mode=force_custom_plan {options}",
            "connect_timeout": url.query.get("connect_timeout", str(max(1, wait // 1000))),
            **{name: value for name, value in _ALIVE.items() if name not in url.query},
        },
    )

    return engine, _begin_on_server


def _begin_on_server(connection: Connection, access: Access) -> RootTransaction:
    """Begins a transaction on PostgreSQL.

    There is one writer at a time, as on SQLite: so there is one set of rules, and nothing to
    deadlock.
    """
    if access.writes_by is None:
        return connection.execution_options(**_READ_ONLY).begin()
    transaction = connection.begin()
    asked = [
        f"SET LOCAL lock_timeout = {_milliseconds_until(access.writes_by)}",
        # The lock is waited for as long as was said, and only that.
        "SET LOCAL statement_timeout = 0",
        f"SELECT pg_advisory_xact_lock({WRITER})",
    ]
    if not access.is_unhurried:
        asked.append("SET LOCAL statement_timeout TO DEFAULT")
    # Without parameters the driver takes several statements, and the server is asked once.
    connection.exec_driver_sql("; ".join(asked), execution_options={"no_parameters": True})
    return transaction


def sqlite_engine(url: URL, busy_seconds: float) -> tuple[sqlalchemy.Engine, Begin]:
    """Returns the connections to an SQLite database, and what begins their transactions.

    None is made yet.

    Args:
        url: The URL of the database.
        busy_seconds: For how long another program that writes it is waited for.
    """
    in_memory = is_in_memory(url)
    if not in_memory and not (url.database or "").startswith("file:"):
        url = url.set(database=os.path.abspath(url.database or ""))
    engine = sqlalchemy.create_engine(
        url,
        json_serializer=to_json,
        poolclass=QueuePool,
        # A database in memory lives in one connection: threads take turns with it.
        pool_size=1 if in_memory else 8,
        max_overflow=0 if in_memory else -1,
        pool_timeout=busy_seconds,
        connect_args={"check_same_thread": False, "timeout": busy_seconds},
    )

    # The driver's own idea of when a transaction starts is switched off, as SQLAlchemy's manual
    # describes, so that ours starts where ``begin`` says.
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        if not in_memory:
            record.info[_COMMIT_WAITS] = _enter_wal(cursor, busy_seconds) != "wal"
            cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    def wait_for_others(connection: Connection, cursor: Any, milliseconds: int) -> None:
        if connection.info.get(_WAITS) != milliseconds:
            cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
            connection.info[_WAITS] = milliseconds

    def begin(connection: Connection, access: Access) -> RootTransaction:
        transaction = connection.begin()
        # The driver's own: what is executed otherwise takes SQLAlchemy ten times as long.
        cursor = connection.connection.cursor()
        try:
            if access.writes_by is None:
                if not in_memory:
                    wait_for_others(connection, cursor, round(1000 * busy_seconds))
                cursor.execute("BEGIN")  # it takes no lock yet, and waits for nobody
                return transaction
            wait_for_others(connection, cursor, 0)
            is_begun = try_begin(cursor, access.writes_by)
            if not is_begun or connection.info.get(_COMMIT_WAITS):
                wait_for_others(connection, cursor, _milliseconds_until(access.writes_by))
        except BaseException as error:
            # As statements.py does: the driver's errors are raised as SQLAlchemy's own.
            connection._handle_dbapi_exception(error, "BEGIN", None, cursor, None)
        if not is_begun:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        return transaction

    return engine, begin


def _milliseconds(seconds: float) -> int:
    """Returns a timeout as PostgreSQL has it; what is longer than it knows is for ever, as 0 is."""
    return round(1000 * seconds) or 1 if 0 < seconds < _ENDLESS else 0


def _enter_wal(cursor: sqlite3.Cursor, busy_seconds: float) -> str:
    """Has readers not wait for the writer, and commits outlive the process; returns the mode.

    Of several that open a new file at once, one changes its mode. The others are refused without
    the wait that SQLite was told, and find it changed the next time.
    """
    until = time.monotonic() + busy_seconds
    while True:
        try:
            [mode] = cursor.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= until:
                raise
            time.sleep(_WAL_PAUSE)
        else:
            return str(mode)


def _milliseconds_until(moment: float) -> int:
    """Returns the time left until a moment, by ``time.monotonic``."""
    return max(1, round(1000 * (moment - time.monotonic())))
