"""Deletes items of lists, and stores their places: a cursor may name a deleted item.

Programs delete what a list yields while they go on listing it. The nouns, and the rules of deleting
them, are not known here.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, literal, null, select

from assistants_client.engine.storage.tables import PARENT, deleted_items

#: So many places are stored, the latest: many more than are deleted while a list is read.
MAX_PLACES: Final = 100_000


def drop(connection: Connection, table: Table, *which: ColumnElement[bool]) -> int:
    """Deletes items with all that refers to them, and returns their number."""
    store_places(connection, table, *which)
    return connection.execute(delete(table).where(*which)).rowcount


def store_places(connection: Connection, table: Table, *which: ColumnElement[bool]) -> None:
    """Stores the places of items that this transaction is about to delete."""
    parent = table.info.get(PARENT)
    places = select(
        literal(table.name),
        null() if parent is None else table.c[parent],
        table.c.id,
        table.c.seq,
        table.c.get("tenant", null()),
    ).where(*which)
    done = connection.execute(
        insert(deleted_items).from_select(["list", "parent", "id", "seq", "tenant"], places)
    )
    if done.rowcount:
        newest = select(func.max(deleted_items.c.number)).scalar_subquery()
        connection.execute(
            delete(deleted_items).where(deleted_items.c.number <= newest - MAX_PLACES)
        )


def place_of_deleted(
    connection: Connection,
    table: Table,
    object_id: str,
    parent: str | None,
    tenant: str | None = None,
) -> int | None:
    """Returns the place that a deleted item had in a list; ``None`` if none is stored.

    Args:
        connection: The transaction.
        table: The table that it was stored in.
        object_id: Its id.
        parent: The id of its parent, if it had one.
        tenant: Only an item of this tenant's; ``None``: of any.
    """
    columns = deleted_items.c
    where = [columns.list == table.name, columns.id == object_id, columns.parent == parent]
    if tenant is not None:
        where.append(columns.tenant == tenant)
    place: int | None = connection.execute(select(func.max(columns.seq)).where(*where)).scalar_one()
    return place
