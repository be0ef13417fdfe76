"""The indexes by which threads are found: of their metadata, and of the words of their messages.

Whoever stores a thread or a message has it indexed, in the same transaction. What is deleted goes
from the indexes by itself. A migration makes them, and columns of runs, for what is stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Text,
    bindparam,
    cast,
    delete,
    insert,
    literal,
    select,
    text,
    update,
)

from assistants_client.engine.storage.message_words import put_message_words
from assistants_client.engine.storage.run_columns import USAGE_COLUMNS, usage_columns
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import messages, runs, thread_metadata, threads
from assistants_client.models.runs import Run

#: Rows that are indexed anew at once.
_AT_ONCE: Final = 500
#: A message that a model is still writing is indexed when it is done.
_OPEN: Final = "in_progress"


def put_metadata(
    connection: Connection, thread_id: str, pairs: Mapping[str, str], *, is_new: bool = False
) -> None:
    """Indexes the metadata of a thread that is stored, in place of what was indexed of it.

    Args:
        connection: The transaction.
        thread_id: The thread.
        pairs: Its metadata.
        is_new: Whether nothing of it was indexed before.
    """
    own, held = threads.c, thread_metadata.c
    if not is_new:
        place = select(own.seq).where(own.id == thread_id).scalar_subquery()
        connection.execute(delete(thread_metadata).where(held.thread == place))
    for key, value in pairs.items():
        pair = select(
            literal(str(key), held.key.type),
            literal(str(value), held.value.type),
            own.seq,
            own.tenant,
        ).where(own.id == thread_id)
        names = ["key", "value", "thread", "tenant"]
        connection.execute(insert(thread_metadata).from_select(names, pair))


def index_all(connection: Connection) -> None:
    """Indexes all threads and messages anew."""
    connection.execute(delete(thread_metadata))
    connection.execute(text("DELETE FROM message_words"))
    own = threads.c
    for rows in _pieces(connection, select(own.seq, cast(own.body, Text), own.tenant)):
        pairs = [
            {"key": str(key), "value": str(value), "thread": seq, "tenant": tenant}
            for seq, body, tenant in rows
            for key, value in (json.loads(body).get("metadata") or {}).items()
        ]
        if pairs:
            connection.execute(insert(thread_metadata), pairs)
    held = messages.c
    query = select(held.seq, cast(held.body, Text)).where(held.status != _OPEN)
    for rows in _pieces(connection, query):
        put_message_words(connection, [json.loads(row[1]) for row in rows], are_new=True)


def fill_usage_columns(connection: Connection) -> None:
    """Fills the columns of all runs by which usage is counted."""
    own, place = runs.c, "place"
    change = update(runs).where(own.seq == bindparam(place))
    change = change.values({name: bindparam(f"new_{name}") for name in USAGE_COLUMNS})
    for rows in _pieces(connection, select(own.seq, cast(own.body, Text))):
        values = []
        for seq, body in rows:
            columns = usage_columns(StoredJson(Run, body).decoded())
            values.append({place: seq, **{f"new_{name}": columns[name] for name in columns}})
        connection.execute(change, values)


def _pieces(connection: Connection, query: Any) -> Iterator[Sequence[Any]]:
    """Yields the rows of a query, whose first column is a place, piece by piece in their order."""
    place, after = query.selected_columns[0], 0
    piece = query.order_by(place).limit(_AT_ONCE)
    while rows := connection.execute(piece.where(place > after)).all():
        yield rows
        after = rows[-1][0]
