"""Whole tables, read from their beginning to their end in short transactions.

A query that finds little in much would otherwise be one long statement: it would keep a database of
one connection from everybody else, and a server may end it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Table, func, select

from assistants_client.engine.storage.database import PATIENT, Database

#: Rows that are looked at in one transaction.
_AT_ONCE: Final = 500


def scan(database: Database, table: Table, query: Any) -> Iterator[Sequence[Any]]:
    """Yields what a query finds in a table, piece by piece, in the order of ``seq``.

    Args:
        database: The database.
        table: The table. What is inserted meanwhile is read as well.
        query: The query, which reads some rows of the table.
    """
    seq, after = table.c.seq, 0
    while True:
        some = select(seq).where(seq > after).order_by(seq).limit(_AT_ONCE).subquery()
        with database.read(patience=PATIENT) as connection:
            last = connection.execute(select(func.max(some.c.seq))).scalar_one()
            if last is None:
                return
            rows = connection.execute(query.where(seq > after, seq <= last).order_by(seq)).all()
        after = last
        if rows:
            yield rows
