"""The change that a POST makes: one transaction, in which its response is stored as well.

A service reads the request before, and says here what is to be written. It opens no transaction of
its own for that: so no service has an idempotent response to store, and none can forget it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import frozen
from sqlalchemy import Connection

from assistants_client.engine.services._base import Context
from assistants_client.engine.services._pieces import in_pieces

T = TypeVar("T")


def _nothing() -> None:
    pass


@frozen
class Write(Generic[T]):
    """A change that is to be committed once.

    Attributes:
        step: Makes the change in a transaction, and returns the result. ``None`` stands for a piece
            of it: that is committed, and the rest is a matter of the next transaction.
        undo: Drops what was stored before, where the change is not made.
    """

    step: Callable[[Connection], T | None]
    undo: Callable[[], object] = _nothing

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
