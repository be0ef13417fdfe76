"""Deletes items of lists, and stores their places: a cursor may name a deleted item.

Programs delete what a list yields while they go on listing it. The nouns, and the rules of deleting
them, are not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Integer,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal,
    null,
    select,
)

from assistants_client.engine.storage.statements import Statement
from assistants_client.engine.storage.tables import PARENT, deleted_items

#: So many places are stored, the latest: many more than are deleted while a list is read.
MAX_PLACES: Final = 100_000


def drop(connection: Connection, table: Table, *which: ColumnElement[bool]) -> int:
    """Deletes items with all that refers to them, and returns their number."""
    store_places(connection, table, *which)
    return connection.execute(delete(table).where(*which)).rowcount


def drop_one(connection: Connection, table: Table, which: Mapping[str, Any]) -> bool:
    """Deletes the item whose columns have these values, as :func:`drop` does, if there is one."""
    placing, deletion = _dropping(table, *which)
    values = {f"of_{name}": value for name, value in which.items()}
    if not placing.change(connection, values):
        return False
    _FORGETTING.change(connection, {"most": MAX_PLACES})
    return bool(deletion.change(connection, values))


def store_places(connection: Connection, table: Table, *which: ColumnElement[bool]) -> None:
    """Stores the places of items that this transaction is about to delete."""
    if connection.execute(_placing(table, *which)).rowcount:
        _FORGETTING.change(connection, {"most": MAX_PLACES})


def _placing(table: Table, *which: ColumnElement[bool]) -> Insert:
    parent = table.info.get(PARENT)
    places = select(
        literal(table.name),
        null() if parent is None else table.c[parent],
        table.c.id,
        table.c.seq,
        table.c.get("tenant", null()),
    ).where(*which)
    return insert(deleted_items).from_select(["list", "parent", "id", "seq", "tenant"], places)


@cache
def _dropping(table: Table, *names: str) -> tuple[Statement, Statement]:
    """Returns what stores the place of an item, and what deletes it, by columns of these names."""
    which = [table.c[name] == bindparam(f"of_{name}") for name in names]
    return Statement(_placing(table, *which)), Statement(delete(table).where(*which))


#: Deletes the oldest places, where there are more than ``most``.
_FORGETTING: Final = Statement(
    delete(deleted_items).where(
        deleted_items.c.number
        <= select(func.max(deleted_items.c.number)).scalar_subquery()
        - bindparam("most", type_=Integer)
    )
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
