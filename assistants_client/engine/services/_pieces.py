"""Long work under the right to write, done in pieces: no other writer waits for all of it.

Each piece is a transaction, and others can write between two. So each checks anew whether it is
still to be done, and where one is the last, because its process died, a later call resumes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, delete, select

from assistants_client.engine.services._base import Context

T = TypeVar("T")

#: Seconds in which others can begin to write before the next one.
_PAUSE: Final = 0.005


def in_pieces(context: Context, piece: Callable[[], T | None]) -> T:
    """Does one piece after the other, until one returns something: that was the last."""
    while (done := piece()) is None:
        context.pause(_PAUSE)
    return done


def delete_first(
    connection: Connection, table: Table, which: ColumnElement[bool], most: int
) -> bool:
    """Deletes the oldest rows where there are more than so many; returns whether there were."""
    some = select(table.c.seq).where(which).order_by(table.c.seq)
    end = connection.execute(some.offset(most).limit(1)).scalar_one_or_none()
    if end is None:
        return False
    connection.execute(delete(table).where(which, table.c.seq < end))
    return True
