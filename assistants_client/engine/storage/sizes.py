"""Sizes: of kinds of rows with their indexes, of what is free, and what can be done about that.

Databases differ in what they know of themselves: PostgreSQL has the size of each relation, SQLite
may have been built without the table that has it (``dbstat``). Then what the columns hold is summed
up, without indexes.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen
from sqlalchemy import BigInteger, Connection, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from assistants_client.engine.storage.tables import metadata

#: For people: kinds of objects, each with its tables. The rows of the first are counted.
KINDS: Final[Mapping[str, Sequence[str]]] = {
    "assistants": ("assistants",),
    "threads": ("threads", "thread_metadata"),
    "messages": ("messages", "message_words"),
    "runs": ("runs",),
    "run steps": ("run_steps", "model_states"),
    "states of code": ("interpreter_states", "interpreter_files"),
    "files": ("files", "file_blocks"),
    "vector stores": ("vector_stores", "vector_store_batches"),
    "files of stores": ("vector_store_files",),
    "passages": ("passages", "passage_vectors", "passage_words"),
    "idempotency records": ("answered_requests",),
    "places of deleted items": ("deleted_items",),
    "records of imports": ("imports",),
}
#: What is in no kind.
OTHER: Final = "other"

#: What is free pays for a vacuum from this share on, and from so many bytes.
_SHARE: Final = 0.2
_FREE_BYTES: Final = 8 * 1024 * 1024
#: Of a table on PostgreSQL, from so many dead rows on.
_DEAD_ROWS: Final = 10_000
#: The indexes of words: on SQLite each is kept in tables with this beginning of their names.
_WORDS: Final = ("message_words", "passage_words")


class StoredBytes(FunctionElement[int]):
    """The number of bytes that a column's value takes; on PostgreSQL, once it is compressed."""

    inherit_cache: bool | None = True
    name = "stored_bytes"
    type: TypeEngine[int] = BigInteger()


@compiles(StoredBytes, "sqlite")
def _on_sqlite(element: StoredBytes, compiler: Any, **options: Any) -> str:
    return f"length(CAST({compiler.process(element.clauses, **options)} AS BLOB))"


@compiles(StoredBytes, "postgresql")
def _on_postgresql(element: StoredBytes, compiler: Any, **options: Any) -> str:
    return f"pg_column_size({compiler.process(element.clauses, **options)})"


@frozen(kw_only=True)
class KindSize:
    """The size of all rows of a kind: their number, if they are counted, and bytes."""

    kind: str
    rows: int | None
    bytes: int


@frozen(kw_only=True)
class Sizes:
    """The sizes of a database.

    Attributes:
        bytes: The bytes of all of it, or on a server of this engine's tables with their indexes.
        free_bytes: The bytes of it that are free for new rows; on a server an estimate of those
            that dead rows take.
        has_indexes: Whether the bytes of kinds include those of their indexes.
        kinds: The kinds.
        advice: Sentences that say whether a vacuum pays, how it is done, and what it locks.
    """

    bytes: int
    free_bytes: int
    has_indexes: bool
    kinds: Sequence[KindSize]
    advice: Sequence[str]


def measure(connection: Connection) -> Sizes:
    """Returns the sizes of a database. It may read all of it, and locks nobody out."""
    if connection.dialect.name == "sqlite":
        return _of_sqlite(connection)
    return _of_postgresql(connection)


def shown_bytes(number: float) -> str:
    """Returns a number of bytes for people, such as ``1.5 MiB``."""
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} bytes" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


def _of_sqlite(connection: Connection) -> Sizes:
    page, pages, free = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_size", "page_count", "freelist_count")
    )
    has_indexes = _has_dbstat(connection)
    tables = _by_dbstat(connection) if has_indexes else _by_columns(connection)
    path = connection.exec_driver_sql("PRAGMA database_list").all()[0][2]
    advice = []
    if free * page >= _FREE_BYTES and free >= _SHARE * pages:
        advice.append(
            f"{shown_bytes(free * page)} of the file are free, and new rows will fill them. To "
            f"make it smaller instead: sqlite3 {shlex.quote(path)} VACUUM. That locks: until it is "
            "done nothing can be written, and it needs free space of up to twice what is left of "
            "the file."
        )
    return Sizes(
        bytes=pages * page,
        free_bytes=free * page,
        has_indexes=has_indexes,
        kinds=_kinds(connection, tables),
        advice=advice,
    )


def _has_dbstat(connection: Connection) -> bool:
    query = "SELECT sqlite_compileoption_used('ENABLE_DBSTAT_VTAB')"
    return bool(connection.exec_driver_sql(query).scalar_one())


def _by_dbstat(connection: Connection) -> dict[str, int]:
    """Returns the bytes of tables, with those of their indexes, by the pages that they take."""
    rows = connection.exec_driver_sql(
        "SELECT coalesce(schema.tbl_name, stat.name), sum(stat.pgsize) FROM dbstat AS stat "
        "LEFT JOIN sqlite_master AS schema ON schema.name = stat.name GROUP BY 1"
    )
    return {name: int(size) for name, size in rows}


def _by_columns(connection: Connection) -> dict[str, int]:
    """Returns the bytes that the columns of tables hold."""
    found = {}
    for table in metadata.sorted_tables:
        held = [func.coalesce(func.sum(StoredBytes(column)), 0) for column in table.columns]
        found[table.name] = sum(map(int, connection.execute(select(*held)).one()))
    return found


def _of_postgresql(connection: Connection) -> Sizes:
    names = [*metadata.tables, *_WORDS]
    sizes = connection.exec_driver_sql(
        "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    )
    tables = {name: int(size) for name, size in sizes if name in names}
    rows = connection.exec_driver_sql(
        "SELECT relname, n_live_tup, n_dead_tup FROM pg_stat_user_tables "
        "WHERE schemaname = current_schema()"
    )
    dead = {
        name: (int(gone), gone / (live + gone))
        for name, live, gone in rows
        if name in names and gone
    }
    worth = sorted(
        name for name, (gone, share) in dead.items() if gone >= _DEAD_ROWS and share >= _SHARE
    )
    free = round(sum(share * tables.get(name, 0) for name, (_, share) in dead.items()))
    advice = []
    if worth:
        some = ", ".join(worth)
        by_itself = "the server clears them by itself, sooner or later"
        if connection.exec_driver_sql("SHOW autovacuum").scalar_one() != "on":
            by_itself = "autovacuum is off on this server, so they stay"
        advice.append(
            f"Dead rows take about {shown_bytes(free)}; {by_itself}. To clear them now, in psql: "
            f"VACUUM (ANALYZE) {some}; that locks nobody out, and new rows take their place. "
            f"VACUUM (FULL, ANALYZE) {some}; gives the space back to the disk. That locks: until "
            "it is done these tables can be neither read nor written."
        )
    return Sizes(
        bytes=sum(tables.values()),
        free_bytes=free,
        has_indexes=True,
        kinds=_kinds(connection, tables),
        advice=advice,
    )


def _kinds(connection: Connection, tables: Mapping[str, int]) -> list[KindSize]:
    """Returns the sizes of kinds, given those of tables by name."""
    left = dict(tables)
    found = []
    for kind, (first, *others) in KINDS.items():
        rows = connection.execute(select(func.count()).select_from(metadata.tables[first]))
        size = sum(left.pop(name, 0) for name in _names([first, *others], tables))
        found.append(KindSize(kind=kind, rows=rows.scalar_one(), bytes=size))
    return [*found, KindSize(kind=OTHER, rows=None, bytes=sum(left.values()))]


def _names(wanted: Iterable[str], there: Iterable[str]) -> list[str]:
    """Returns the tables of a kind, with those in which SQLite keeps its index of words."""
    names = set(wanted)
    within = tuple(f"{name}_" for name in _WORDS if name in names)
    hidden = {name for name in there if within and name.startswith(within)}
    return sorted(names | hidden)
