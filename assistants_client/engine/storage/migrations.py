"""The version of a database's schema, and the steps from each version to the next.

All of it happens in the transaction that opens a database and holds the right to write: after a
crash or a failure the database is as it was, and of several processes that open it at once, one
migrates and the others find it done. DDL is part of a transaction on PostgreSQL, and on SQLite too.

A change of ``tables`` that only adds tables, indexes, or columns that may be null needs no step:
they are made here from ``tables``. Any other change, and any after which earlier versions
must leave the database alone, is a step at the end of ``STEPS``. On SQLite, to drop a table in a
step deletes what refers to it: foreign keys hold, and cannot be switched off in a transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from sqlalchemy import Column, Connection, func, insert, inspect, select, text, update
from sqlalchemy.schema import CreateColumn

from assistants_client.engine.storage.message_words import MESSAGE_WORD_TABLES
from assistants_client.engine.storage.passage_words import rebuild
from assistants_client.engine.storage.run_columns import USAGE_COLUMNS
from assistants_client.engine.storage.tables import (
    create_missing,
    metadata,
    passages,
    schema_version,
    thread_metadata,
)
from assistants_client.engine.storage.thread_index import fill_usage_columns, index_all

#: Migrates the tables of one version, and the rows in them, to the next.
Step: TypeAlias = Callable[[Connection], object]

_log = logging.getLogger(__name__)


def _rebuild_words(connection: Connection) -> None:
    """Makes the index of words anew; logs it, as all who use the database wait meanwhile."""
    count = 0
    if inspect(connection).has_table(passages.name):
        count = connection.execute(select(func.count()).select_from(passages)).scalar_one()
    if count:
        _log.warning("Migrating the database: indexing the words of %d passages anew", count)
    rebuild(connection)
    if count:
        _log.warning("Indexed the words of %d passages anew", count)


#: The columns of version 2 that are read to make version 3.
_READ_FOR_INDEX: Final = {
    "threads": {"seq", "id", "body"},
    "messages": {"seq", "id", "thread_id", "status", "body"},
}
_READ_FOR_USAGE: Final = {"seq", "body"}
_TEXTS: Final = {"assistant_id": "TEXT", "model": "TEXT"}


def _index_threads(connection: Connection) -> None:
    """Makes the indexes by which threads are found, and the columns of the usage of runs.

    Of a thousand messages it takes some tenths of a second; a crash undoes it.
    """
    there = {
        table: {column["name"] for column in columns}
        for (_, table), columns in inspect(connection).get_multi_columns().items()
    }
    if not all(names <= there.get(table, set()) for table, names in _READ_FOR_INDEX.items()):
        return  # it is refused afterwards
    if "tenant" not in there["threads"]:
        connection.exec_driver_sql("ALTER TABLE threads ADD COLUMN tenant TEXT")
    thread_metadata.create(connection, checkfirst=True)
    if "message_words" not in there:
        for statement in MESSAGE_WORD_TABLES[connection.dialect.name]:
            connection.exec_driver_sql(statement)
    count = connection.execute(text("SELECT count(*) FROM messages")).scalar_one()
    if count:
        _log.warning("Migrating the database: indexing the words of %d messages", count)
    index_all(connection)
    if count:
        _log.warning("Indexed the words of %d messages", count)
    if there.get("runs", set()) >= _READ_FOR_USAGE:
        for name, kind in {**dict.fromkeys(USAGE_COLUMNS, "BIGINT"), **_TEXTS}.items():
            if name not in there["runs"]:
                connection.exec_driver_sql(f"ALTER TABLE runs ADD COLUMN {name} {kind}")
        fill_usage_columns(connection)


#: The first leads from version 1 to 2. What was released is never changed.
STEPS: Final[tuple[Step, ...]] = (_rebuild_words, _index_threads)

#: Of databases that were made before versions were stored.
_UNMARKED: Final = 1


class UnfitError(Exception):
    """A database that cannot be brought to this version's schema.

    Attributes:
        remedy: The remedy, as the beginning of a sentence.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.remedy = remedy


def migrate(connection: Connection) -> None:
    """Makes the tables of a new database; brings an older one to this version's schema.

    Args:
        connection: A transaction that holds the right to write.

    Raises:
        UnfitError: A newer version made it, or its tables are not ours; nothing may be committed.
    """
    present = set(inspect(connection).get_table_names())
    if present.isdisjoint(metadata.tables):
        create_missing(connection)
        connection.execute(insert(schema_version).values(version=1 + len(STEPS)))
        return
    stored: int | None = None
    if schema_version.name in present:
        stored = connection.execute(select(func.max(schema_version.c.version))).scalar_one()
    version, ours = _UNMARKED if stored is None else stored, 1 + len(STEPS)
    if not 1 <= version <= ours:
        raise UnfitError(
            f"its schema has version {version}, and this assistants-client supports "
            f"{_versions(ours)}",
            "Update assistants-client",
        )
    for step in STEPS[version - 1 :]:
        step(connection)
    _add_columns(connection)
    create_missing(connection)
    if stored is None:
        connection.execute(insert(schema_version).values(version=ours))
    elif stored != ours:
        connection.execute(update(schema_version).values(version=ours))


def _versions(ours: int) -> str:
    return "version 1 only" if ours == 1 else f"versions 1 to {ours}"


def _add_columns(connection: Connection) -> None:
    """Adds the columns that tables lack and that may be null; refuses any other difference."""
    found = inspect(connection).get_multi_columns(filter_names=list(metadata.tables))
    misfits: list[str] = []
    missing: list[Column[Any]] = []
    for table in metadata.sorted_tables:
        there = {column["name"]: column for column in found.get((None, table.name), ())}
        if not there:
            continue  # all of it is made afterwards
        for column in table.columns:
            if column.name not in there:
                missing.append(column)
            elif column.nullable and not there[column.name]["nullable"]:
                misfits.append(f"{column} may not be null")
        for name in there.keys() - table.columns.keys():
            if not there[name]["nullable"] and there[name]["default"] is None:
                misfits.append(f"{table.name}.{name} is unknown and may not be null")
    misfits += [f"{column} is missing" for column in missing if not _can_be_added(column)]
    if misfits:
        raise UnfitError(
            f"its tables are not those of this assistants-client: {', '.join(sorted(misfits))}",
            "Go on with the assistants-client that made it",
        )
    for column in missing:
        definition = CreateColumn(column).compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE {column.table.name} ADD COLUMN {definition}")


def _can_be_added(column: Column[Any]) -> bool:
    """Returns whether rows that are there may go without it, and it has no constraint."""
    return bool(column.nullable and not column.unique and not column.foreign_keys)
