"""Copies of an SQLite database while it is written, and free space given back.

Nothing here needs to know the tables' meaning, nor that the schema is this version's: a copy is
made before an update, too.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import inspect, make_url
from sqlalchemy.exc import ArgumentError

from assistants_client.engine.storage.engines import is_in_memory
from assistants_client.engine.storage.tables import metadata
from assistants_client.errors import ConfigurationError

#: The tables whose rows are counted in a copy.
COUNTED: Final = ("assistants", "threads", "messages", "runs", "files", "vector_stores")
_WORDS: Final = ("message_words", "passage_words")
#: The seconds that another program's lock is waited for.
_PATIENCE: Final = 30.0


class NotOursError(Exception):
    """A file that is no database of an engine's."""


def sqlite_path(url: str) -> Path | None:
    """Returns the file of a database; ``None`` where it is on a server.

    Raises:
        ConfigurationError: The URL cannot be read, or names a database in memory.
    """
    try:
        made = make_url(url)
    except ArgumentError:
        raise ConfigurationError(
            "The database URL cannot be read; it should look like sqlite:///assistants.db"
        ) from None
    if made.get_backend_name() != "sqlite":
        return None
    if is_in_memory(made):
        raise ConfigurationError("a database in memory is this process's alone, and gone with it")
    return Path((made.database or "").removeprefix("file:"))


def copy_sqlite(source: Path, target: Path) -> Mapping[str, int]:
    """Copies a database as it is at one moment; others may write it meanwhile, and do not wait.

    All of it is one read transaction: SQLite would begin a copy in pieces anew at each commit.

    Args:
        source: Its file.
        target: A file that is empty, or not there.

    Returns:
        The numbers of rows in the copy, by table.

    Raises:
        NotOursError: The file is no database, or not an engine's.
        sqlite3.Error: It cannot be read, or the copy cannot be written.
    """
    # To write it is allowed where it can be: so the last one out clears its log away.
    address = f"file:{quote(str(source))}?mode=rw"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE)) as held,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        try:
            tables = {row[0] for row in held.execute("SELECT name FROM sqlite_master")}
        except sqlite3.DatabaseError as error:
            if "not a database" not in str(error):
                raise
            raise NotOursError(f"{source} is no SQLite database") from error
        if not {"threads", "messages", "runs"} <= tables:
            raise NotOursError(f"{source} is not a database of an engine: it has no threads")
        held.backup(copy)
        # One file, without a log beside it: an engine that opens it chooses for itself.
        copy.execute("PRAGMA journal_mode = DELETE")
        said = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged, as its source may be: {said}")
        counted = [name for name in COUNTED if name in tables]
        counts = {
            name: int(copy.execute(f"SELECT count(*) FROM {name}").fetchone()[0])
            for name in counted
        }
    with target.open("rb+") as file:
        os.fsync(file.fileno())
    return counts


def vacuum(engine: sqlalchemy.Engine) -> None:
    """Gives the free space of a database back: to the disk on SQLite, on a server to new rows.

    Raises:
        sqlalchemy.exc.DBAPIError: The database is in use, or its disk is full.
    """
    there = set(inspect(engine).get_table_names())
    raw = engine.raw_connection()
    connection: Any = raw.driver_connection
    try:
        if engine.dialect.name == "sqlite":
            # The driver begins no transaction by itself here (see engines.py), and none is open.
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return
        connection.rollback()
        connection.autocommit = True
        connection.execute("SET statement_timeout = 0")
        for name in sorted({*metadata.tables, *_WORDS} & there):
            connection.execute(f'VACUUM (ANALYZE) "{name}"')
        raw.invalidate()  # its settings are not those of the others
    finally:
        raw.close()
