"""Rows that a worker has claimed: each is its own under a lease, until it is released or lost.

The table has the columns ``owner`` and ``lease_until``. The meaning of a row, and when it
may be claimed, are the caller's; ``storage.leases`` decides which owners are alive.
"""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, true, update

from assistants_client.engine.ids import owner_name
from assistants_client.engine.services._base import Context
from assistants_client.engine.storage.leases import RELEASED


class LeaseHolder:
    """Claims rows of one table for one worker. Safe to share between threads and over a fork.

    Args:
        context: The context of the services.
        table: The table of the rows.
        prefix: The beginning of the name of a row's lease; its key follows.

    Attributes:
        is_closed: Whether it claims nothing any more.
    """

    def __init__(self, context: Context, table: Table, prefix: str = "") -> None:
        self._context = context
        self._table = table
        self._prefix = prefix
        self._nonce = secrets.token_hex(4)
        self.is_closed: bool = False

    @property
    def owner(self) -> str:
        """The owner name of this worker; another one after a fork."""
        return owner_name(self._nonce)

    @property
    def owned(self) -> ColumnElement[bool]:
        """The condition on the rows that are this worker's own."""
        found: ColumnElement[bool] = self._table.c.owner == self.owner
        return found

    def claim(
        self, key: str | int, owner: str | None, lease_until: float | None
    ) -> dict[str, Any] | None:
        """Returns the columns that make a row this worker's own.

        Args:
            key: The key of the row.
            owner: The owner of the row, as read with the right to write.
            lease_until: The lease, likewise.

        Returns:
            ``None`` where another worker holds the row, or this one was closed.
        """
        if self.is_closed or not self._is_free(key, owner, lease_until):
            return None
        return {"owner": self.owner, "lease_until": self._lease()}

    def renew(self, connection: Connection) -> None:
        """Renews the leases of all rows of this worker's; due well within ``LEASE`` seconds."""
        connection.execute(update(self._table).where(self.owned).values(lease_until=self._lease()))

    def release(
        self, connection: Connection, which: ColumnElement[bool] | None = None, **values: Any
    ) -> None:
        """Releases rows of this worker's, for whoever claims them next.

        Args:
            connection: The transaction.
            which: The condition on the rows; ``None`` releases all.
            values: Other columns to set in them.
        """
        where = self.owned & (true() if which is None else which)
        connection.execute(update(self._table).where(where).values(**RELEASED, **values))

    def close(self) -> None:
        """Stops further claims."""
        self.is_closed = True  # a claim under way has the right to write, or sees it there

    def free(self, which: Select[Any]) -> list[Any]:
        """Returns the keys of the rows that nobody holds, or whose worker must be taken for dead.

        Args:
            which: A query for the keys of the rows to check, in an order.

        Raises:
            Fault: 503: the database cannot be written for the moment.
        """
        held = self._table.c
        with self._context.database.read() as connection:
            rows = connection.execute(which.add_columns(held.owner, held.lease_until)).all()
        self._context.watch(owner for _, owner, _ in rows if owner is not None)
        return [key for key, owner, lease in rows if self._is_free(key, owner, lease)]

    def _is_free(self, key: str | int, owner: str | None, lease_until: float | None) -> bool:
        if owner is None:
            return True
        return self._context.leases.is_lost(f"{self._prefix}{key}", owner, lease_until)

    def _lease(self) -> float:
        return self._context.leases.next(self._context.clock())
