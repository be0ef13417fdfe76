"""The queue of runs in the database: how many wait, and whether one more may be processed.

Of all processes together only so many runs are processed at once, where that is bounded. Whatever
finds no room is marked, and stays queued; no run that came later overtakes it. Where a run ends,
those that are marked are claimed next, whichever process they came to.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, func, select, true, update

from assistants_client.engine.services._base import Context, by_id
from assistants_client.engine.storage.outages import retried
from assistants_client.engine.storage.tables import runs

_log = logging.getLogger(__name__)


@frozen
class RunQueue:
    """The queued runs, oldest first.

    Attributes:
        max_runs: How many are processed at once, in all processes; ``None`` is any number.
    """

    _context: Context
    max_runs: int | None = None

    @retried
    def count(self, before: str | None = None, *, patience: float = 1) -> int:
        """Returns how many runs are queued.

        Args:
            before: Only those before the run with this id.
            patience: As for ``Database.begin``.
        """
        with self._context.database.read(patience=patience) as connection:
            return _count(connection, None if before is None else _older(before))

    def room(self, connection: Connection, most: int) -> int:
        """Returns how many more runs may be processed, up to ``most``."""
        if self.max_runs is None:
            return most
        held = runs.c
        claimed = held.status.in_(["in_progress", "cancelling"]) & held.owner.is_not(None)
        some = select(held.seq).where(claimed).limit(self.max_runs).subquery()
        taken: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
        return min(most, self.max_runs - taken)

    def admit(self, connection: Connection, run_id: str) -> bool:
        """Returns whether a queued run may be claimed; if not, it is marked.

        Args:
            connection: A transaction that writes.
            run_id: The run.
        """
        if self.max_runs is None:
            return True
        room = self.room(connection, self.max_runs)
        if room > 0 and _count(connection, _is_marked, _older(run_id), most=room) < room:
            return True
        held = runs.c
        marked = connection.execute(
            update(runs)
            .where(by_id(run_id), held.waits_since.is_(None))
            .values(waits_since=self._context.clock())
        )
        if marked.rowcount and _log.isEnabledFor(logging.INFO):
            _log.info(
                "Run %s is queued, and %d before it: as many runs are in progress as may be at "
                "once (max_runs: %d)",
                run_id,
                _count(connection, _older(run_id)),
                self.max_runs,
            )
        return False

    @retried
    def after_an_end(self) -> Sequence[str]:
        """Returns the oldest run that found no room and finds it now, where there is one."""
        if self.max_runs is None:
            return ()
        with self._context.database.read() as connection:
            return self._marked(connection, 1)

    def oldest(self, connection: Connection, most: int) -> list[str]:
        """Returns the oldest queued runs; of those that are marked, as many as there is room for.

        Args:
            connection: The transaction.
            most: The maximum number.
        """
        if self.max_runs is None:
            return _ids(connection, true(), most)
        unmarked = _ids(connection, runs.c.waits_since.is_(None), most)
        return [*self._marked(connection, most), *unmarked][:most]

    def _marked(self, connection: Connection, most: int) -> list[str]:
        room = self.room(connection, most)
        return _ids(connection, _is_marked, room) if room > 0 else []


_is_marked: Final[ColumnElement[bool]] = runs.c.waits_since.is_not(None)


def _ids(connection: Connection, which: ColumnElement[bool], most: int) -> list[str]:
    query = select(runs.c.id).where(runs.c.status == "queued", which)
    return list(connection.execute(query.order_by(runs.c.seq).limit(most)).scalars())


def _older(run_id: str) -> ColumnElement[bool]:
    return runs.c.seq < select(runs.c.seq).where(by_id(run_id)).scalar_subquery()


def _count(
    connection: Connection, *which: ColumnElement[bool] | None, most: int | None = None
) -> int:
    """Returns how many queued runs fulfil conditions; it counts no further than ``most``."""
    conditions = [one for one in which if one is not None]
    some = select(runs.c.seq).where(runs.c.status == "queued", *conditions).limit(most).subquery()
    found: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return found
