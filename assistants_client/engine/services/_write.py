"""The change that a POST makes: one transaction, in which its response is stored as well.

A service reads the request before, and says here what is to be written. It opens no transaction of
its own for that: so no service has an idempotent response to store, and none can forget it.

What takes long is written in pieces: no other writer waits for all of it. Each piece is a
transaction, and others can write between two. So each checks anew whether it is still to be done,
and where one is the last, because its process died, a later call resumes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, Table, delete, select

from assistants_client.engine.services._base import Context

T = TypeVar("T")


#: Seconds in which others can begin to write before the next one.
PAUSE: Final = 0.005


def in_pieces(context: Context, piece: Callable[[], T | None]) -> T:
    """Does one piece after the other, until one returns something: that was the last."""
    while (done := piece()) is None:
        context.pause(PAUSE)
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


def _nothing() -> None:
    pass


@frozen
class Write(Generic[T]):
    """A change that is to be committed once.

    Attributes:
        step: Makes the change in a transaction, and returns the result. ``None`` stands for a piece
            of it: that is committed, and the rest is a matter of the next transaction.
        undo: Drops what was stored before, where the change is not made.
        run_id: The run that is queued, if one is: readers of its events may subscribe before.
    """

    step: Callable[[Connection], T | None]
    undo: Callable[[], object] = _nothing
    run_id: str | None = None

    def commit(
        self,
        context: Context,
        before_commit: Callable[[Connection, T | None], object] = lambda connection, result: None,
    ) -> T:
        """Makes the change.

        Args:
            context: The context of the services.
            before_commit: Called in each transaction with what ``step`` returned: so with the
                result in the one that makes it true.

        Returns:
            The result.

        Raises:
            Fault: It is refused: nothing has changed, save what earlier pieces have.
        """

        def piece() -> T | None:
            with context.begin() as connection:
                result = self.step(connection)
                before_commit(connection, result)
            return result

        try:
            return in_pieces(context, piece)
        except BaseException:
            self.undo()
            raise
