"""Deletes items of lists, and knows their places afterwards: a cursor may name a deleted item.

Programs delete what a list yields while they go on listing it. What an item is, and who may delete
it, is not known here.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, literal, null, select

from assistants_client.engine.storage.tables import PARENT, deleted_items

#: So many places are kept, the latest: much more than are deleted while a list is gone through.
KEPT_PLACES: Final = 100_000


def drop(connection: Connection, table: Table, *which: ColumnElement[bool]) -> int:
    """Deletes items with all that hangs on them, and returns how many they were."""
    keep_places(connection, table, *which)
    return connection.execute(delete(table).where(*which)).rowcount


def keep_places(connection: Connection, table: Table, *which: ColumnElement[bool]) -> None:
    """Notes the places of items that are about to be deleted, by this transaction."""
    parent = table.info.get(PARENT)
    places = select(
        literal(table.name), null() if parent is None else table.c[parent], table.c.id, table.c.seq
    ).where(*which)
    kept = deleted_items
    done = connection.execute(insert(kept).from_select(["list", "parent", "id", "seq"], places))
    if done.rowcount:
        newest = select(func.max(kept.c.number)).scalar_subquery()
        connection.execute(delete(kept).where(kept.c.number <= newest - KEPT_PLACES))


def place_of_deleted(
    connection: Connection, table: Table, object_id: str, parent: str | None
) -> int | None:
    """Returns where in a list an item was that was deleted; ``None`` where none is known.

    Args:
        connection: The transaction.
        table: Where it was stored.
        object_id: Its id.
        parent: The id of what it was part of, where it was.
    """
    kept = deleted_items.c
    place: int | None = connection.execute(
        select(func.max(kept.seq)).where(
            kept.list == table.name, kept.id == object_id, kept.parent == parent
        )
    ).scalar_one()
    return place
