"""Rows that come from elsewhere, with ids and times of their own, and the ledger of them.

What is to be written is decided by who calls this (``transfer.importing``); here is the SQL. All of
it is called within a transaction of ``Context.begin``, save where it says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

from attrs import frozen
from sqlalchemy import (
    Connection,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from assistants_client.engine.faults import Fault
from assistants_client.engine.services._base import Context, StoreFileQueued
from assistants_client.engine.services._contents import BLOCK, present
from assistants_client.engine.storage.database import emit_after_commit
from assistants_client.engine.storage.message_words import put_message_words
from assistants_client.engine.storage.run_columns import usage_columns
from assistants_client.engine.storage.statements import Insertion, Statement
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import (
    assistants,
    file_blocks,
    files,
    imports,
    messages,
    run_steps,
    runs,
    threads,
    vector_store_files,
    vector_stores,
)
from assistants_client.engine.storage.thread_index import put_metadata
from assistants_client.models.runs import Run

TABLES: Final[Mapping[str, Table]] = {
    "assistant": assistants,
    "thread": threads,
    "message": messages,
    "run": runs,
    "step": run_steps,
    "file": files,
    "vector_store": vector_stores,
}
#: The column with the id of what a row is in.
_PARENTS: Final = {"message": "thread_id", "run": "thread_id", "step": "run_id"}
_ADD: Final = {kind: Insertion(table) for kind, table in TABLES.items()}
_NOTE: Final = Insertion(imports)
#: Ids that one query names.
_AT_ONCE: Final = 500
#: Blocks of a file that are written in one transaction.
_BLOCKS_AT_ONCE: Final = 4


@frozen
class Row:
    """An object to be stored: its id, its time, its JSON, and the columns beside it."""

    id: str
    created_at: int
    body: str
    columns: Mapping[str, Any]


@frozen
class Known:
    """All that is known of an id: where the object is and its JSON, and the ledger's digest.

    Attributes:
        parent: What the object is in; ``None`` where that is nothing, or there is no object.
        body: Its JSON; ``None`` where there is none.
        sha256: The digest of what was imported under this id, if anything was.
    """

    parent: str | None = None
    body: str | None = None
    sha256: str | None = None


class Imports:
    """Writes imported rows into one database.

    Args:
        context: The context of the services.
    """

    def __init__(self, context: Context) -> None:
        self.context = context

    def is_locked(self, connection: Connection, thread_id: str) -> bool:
        """Returns whether a run is active on a thread; one that is overdue is ended first."""
        try:
            return self.context.active_run(connection, thread_id) is not None
        except Fault:
            return False  # there is no such thread

    def known(self, connection: Connection, kind: str, ids: Sequence[str]) -> dict[str, Known]:
        """Returns what is known of ids, in the tables and in the ledger."""
        bodies = {row[0]: row for row in _rows(_STORED[kind], connection, ids)}
        noted = self.noted(connection, kind, ids)
        found: dict[str, Known] = {}
        for name in bodies.keys() | noted.keys():
            _, body, parent = bodies.get(name, (name, None, None))
            found[name] = Known(parent, body, noted.get(name))
        return found

    def noted(self, connection: Connection, kind: str, ids: Sequence[str]) -> dict[str, str]:
        """Returns the ledger's digests of ids."""
        return {row[0]: row[1] for row in _rows(_NOTED, connection, ids, kind=kind)}

    def note(
        self,
        connection: Connection,
        kind: str,
        made: Sequence[tuple[str, str, str]],
        again: Sequence[str],
    ) -> None:
        """Writes into the ledger.

        Args:
            connection: The transaction.
            kind: What the objects are.
            made: Of each object its id, the digest and where it came from.
            again: Those of the ids that the ledger has.
        """
        for some in _some(again):
            connection.execute(
                delete(imports).where(imports.c.kind == kind, imports.c.object_id.in_(some))
            )
        now = self.context.now()
        _NOTE.rows(
            connection,
            [
                {"object_id": name, "kind": kind, "sha256": sha256, "source": source, "at": now}
                for name, sha256, source in made
            ],
        )

    def add(self, connection: Connection, kind: str, rows: Sequence[Row]) -> None:
        """Stores new objects, in this order; all of them have the same columns."""
        _ADD[kind].rows(connection, [_values(kind, row) for row in rows])
        _index(connection, kind, rows, are_new=True)

    def replace(self, connection: Connection, kind: str, rows: Sequence[Row]) -> None:
        """Stores objects again that are there; they stay where they are in lists."""
        table = TABLES[kind]
        for row in rows:
            values = _values(kind, row)
            connection.execute(update(table).where(table.c.id == values.pop("id")).values(**values))
        _index(connection, kind, rows, are_new=False)

    # --- the order of messages --------------------------------------------------------------------

    def places(self, connection: Connection, thread_id: str) -> list[tuple[int, str]]:
        """Returns the numbers and ids of a thread's messages, the oldest first."""
        own = messages.c
        query = select(own.seq, own.id).where(own.thread_id == thread_id).order_by(own.seq)
        return [(row[0], row[1]) for row in connection.execute(query)]

    def numbers(self, connection: Connection, count: int) -> range | list[int]:
        """Returns numbers for messages that are to be behind all that are there."""
        if connection.dialect.name == "postgresql":
            query = text(
                "SELECT nextval(pg_get_serial_sequence('messages', 'seq')) "
                "FROM generate_series(1, :count)"
            )
            return list(connection.execute(query, {"count": count}).scalars())
        last = connection.execute(select(func.max(messages.c.seq))).scalar_one() or 0
        used = connection.execute(
            text("SELECT seq FROM sqlite_sequence WHERE name = 'messages'")
        ).scalar_one_or_none()
        first = max(last, used or 0) + 1
        return range(first, first + count)

    def move(self, connection: Connection, moves: Iterable[tuple[int, int]]) -> None:
        """Gives messages other numbers: of each the one that it has, and the new one."""
        query = (
            update(messages).where(messages.c.seq == bindparam("was")).values(seq=bindparam("now"))
        )
        given = [{"was": was, "now": now} for was, now in moves]
        if given:
            connection.execute(query, given)

    # --- files and stores -------------------------------------------------------------------------

    def absent_files(self, connection: Connection, ids: Sequence[str]) -> set[str]:
        """Returns those of ids that no file has which can be seen."""
        found: set[str] = set()
        for some in _some(ids):
            seen = present(self.context.clock())
            query = select(files.c.id).where(files.c.id.in_(some), seen)
            found.update(connection.execute(query).scalars())
        return set(ids) - found

    def begin_file(self, connection: Connection, row: Row, source: BinaryIO) -> bool:
        """Stores a file with its first blocks; returns whether it is whole with them.

        What was left half-written under this id is dropped.
        """
        dropped = delete(files).where(files.c.id == row.id, files.c.is_whole.is_(False))
        connection.execute(dropped)
        blocks, is_over = _read(source)
        values = {**_values("file", row), "is_whole": is_over, "used_at": self.context.now()}
        connection.execute(insert(files), [values])
        _add_blocks(connection, row.id, 0, blocks)
        return is_over

    def append_blocks(
        self, connection: Connection, file_id: str, number: int, source: BinaryIO
    ) -> bool:
        """Stores the next blocks, from this number on; returns whether the file is whole now."""
        blocks, is_over = _read(source)
        _add_blocks(connection, file_id, number, blocks)
        if is_over:
            connection.execute(update(files).where(files.c.id == file_id).values(is_whole=True))
        return is_over

    def store_files(
        self, connection: Connection, store_id: str, ids: Sequence[str]
    ) -> dict[str, str]:
        """Returns the JSON of those of files that a store has."""
        own = vector_store_files.c
        found: dict[str, str] = {}
        for some in _some(ids):
            query = select(own.id, cast(own.body, Text)).where(
                own.vector_store_id == store_id, own.id.in_(some)
            )
            found.update((row[0], row[1]) for row in connection.execute(query))
        return found

    def put_store_file(self, connection: Connection, row: Row) -> None:
        """Puts a file into a store; a worker reads it, now or when the next engine opens."""
        query = insert(vector_store_files).values(**_values("store file", row))
        number = connection.execute(query.returning(vector_store_files.c.seq)).scalar_one()
        if row.columns["status"] == "in_progress":
            emit_after_commit(connection, StoreFileQueued(number))

    def replace_store_file(self, connection: Connection, store_id: str, row: Row) -> None:
        """Stores a file of a store again; its passages stay."""
        own = vector_store_files.c
        connection.execute(
            update(vector_store_files)
            .where(own.vector_store_id == store_id, own.id == row.id)
            .values(body=StoredJson(dict, row.body))
        )


def _rows(
    queries: Mapping[str, Statement], connection: Connection, ids: Sequence[str], **given: str
) -> Iterator[Sequence[Any]]:
    """Yields the rows of a query that finds by ids."""
    dialect = connection.dialect.name
    for some in _some(ids):
        sent = list(some) if dialect == "postgresql" else json.dumps(list(some))
        yield from queries[dialect].all(connection, {**given, "ids": sent})


def _by_ids(query: str) -> Mapping[str, Statement]:
    """Returns a query by ids for each database; a list of parameters is compiled each time."""
    return {
        "sqlite": Statement(text(query.format("IN (SELECT value FROM json_each(:ids))"))),
        "postgresql": Statement(text(query.format("= ANY(:ids)"))),
    }


def _stored(kind: str) -> Mapping[str, Statement]:
    """Returns the query for ids, JSON, and what the objects are in."""
    # What was left half-written of a file is not there.
    whole = " AND is_whole" if kind == "file" else ""
    parent = _PARENTS.get(kind, "NULL")
    return _by_ids(
        f"SELECT id, CAST(body AS TEXT), {parent} FROM {TABLES[kind].name} WHERE id {{}}{whole}"
    )


_STORED: Final = {kind: _stored(kind) for kind in TABLES}
_NOTED: Final = _by_ids("SELECT object_id, sha256 FROM imports WHERE kind = :kind AND object_id {}")


def _values(kind: str, row: Row) -> dict[str, Any]:
    body = StoredJson(dict, row.body)
    more = usage_columns(StoredJson(Run, row.body).decoded()) if kind == "run" else {}
    return {"id": row.id, "created_at": row.created_at, "body": body, **more, **row.columns}


def _index(connection: Connection, kind: str, rows: Sequence[Row], *, are_new: bool) -> None:
    """Has threads found by their metadata, and by the words of their messages."""
    documents = [json.loads(row.body) for row in rows if kind in {"thread", "message"}]
    if kind == "message":
        put_message_words(connection, documents, are_new=are_new)
    elif kind == "thread":
        for one in documents:
            put_metadata(connection, one["id"], one.get("metadata") or {}, is_new=are_new)


def _some(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def _read(source: BinaryIO) -> tuple[list[bytes], bool]:
    """Returns the next blocks, and whether they are the last."""
    blocks: list[bytes] = []
    for _ in range(_BLOCKS_AT_ONCE):
        block = source.read(BLOCK)
        if block:
            blocks.append(block)
        if len(block) < BLOCK:
            return blocks, True
    return blocks, False


def _add_blocks(connection: Connection, file_id: str, first: int, blocks: Sequence[bytes]) -> None:
    rows = [
        {"file_id": file_id, "number": first + place, "content": block}
        for place, block in enumerate(blocks)
    ]
    if rows:
        connection.execute(insert(file_blocks), rows)
