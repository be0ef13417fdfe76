"""The queue of runs in the database: how many wait, which are next, whether one may be processed.

The tenants take turns: next is the oldest run of whoever has the fewest in progress. Of all
processes together only so many runs are processed at once, where that is bounded. Whatever finds no
room is marked, and stays queued. Where a run ends, those that are marked are claimed next,
whichever process they came to.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import Final

from attrs import define, field
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    bindparam,
    case,
    func,
    literal,
    select,
    true,
    update,
)

from assistants_client.engine.services._base import ClaimedRun, Context
from assistants_client.engine.storage.outages import retried
from assistants_client.engine.storage.statements import Statement
from assistants_client.engine.storage.tables import runs

_log = logging.getLogger(__name__)


@define
class RunQueue:
    """The queued runs. Safe to share between threads.

    Attributes:
        max_runs: How many are processed at once, in all processes; ``None`` is any number.
    """

    _context: Context
    max_runs: int | None = None
    #: Whose run was admitted last here, empty for the owner's: of tenants with as many runs the
    #: others come first.
    _last_tenant: str | None = field(default=None, init=False)

    @retried
    def count(self, before: str | None = None, *, patience: float = 1) -> int:
        """Returns how many runs are queued.

        Args:
            before: Only those that were queued before the run with this id.
            patience: As for ``Database.begin``.
        """
        with self._context.database.read(patience=patience) as connection:
            return _count(connection, true() if before is None else _older(before))

    def room(self, connection: Connection, most: int) -> int:
        """Returns how many more runs may be processed, up to ``most``."""
        if self.max_runs is None:
            return most
        some = select(runs.c.seq).where(_is_claimed).limit(self.max_runs).subquery()
        taken: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
        return min(most, self.max_runs - taken)

    def admit(self, connection: Connection, held: ClaimedRun) -> bool:
        """Returns whether a queued run may be claimed; if not, it is marked.

        One that is marked was chosen by :meth:`next`; another may not overtake those that are.

        Args:
            connection: A transaction that writes.
            held: The run.
        """
        run_id = held.run.id
        if self.max_runs is not None:
            room = self.room(connection, self.max_runs)
            waits = runs.c.waits_since
            is_marked = connection.execute(select(waits.is_not(None)).where(runs.c.id == run_id))
            if room <= 0 or not (
                is_marked.scalar_one() or _count(connection, _is_marked, most=room) < room
            ):
                self._mark(connection, run_id)
                return False
        self._last_tenant = held.tenant or ""
        return True

    def _mark(self, connection: Connection, run_id: str) -> None:
        marked = connection.execute(
            update(runs)
            .where(runs.c.id == run_id, runs.c.waits_since.is_(None))
            .values(waits_since=self._context.clock())
        )
        if marked.rowcount and _log.isEnabledFor(logging.INFO):
            _log.info(
                "Run %s is queued, and %d before it: as many runs are in progress as may be at "
                "once (max_runs: %d)",
                run_id,
                _count(connection, _older(run_id)),
                self.max_runs,
                extra={"run_id": run_id},
            )

    @retried
    def after_an_end(self) -> Sequence[str]:
        """Returns the next run that found no room and finds it now, where there is one."""
        if self.max_runs is None:
            return ()
        with self._context.database.read() as connection:
            return self._marked(connection, 1)

    def next(self, connection: Connection, most: int) -> list[str]:
        """Returns the runs to be processed next; of those that are marked, as many as have room.

        Args:
            connection: The transaction.
            most: The maximum number.
        """
        if self.max_runs is None:
            return self._in_turns(connection, most)
        unmarked = self._in_turns(connection, most, are_marked=False)
        return [*self._marked(connection, most), *unmarked][:most]

    @retried
    def before(self, run_id: str) -> str | None:
        """Returns the run whose turn it is before another, queued one; ``None``: there is none.

        Where no run has a tenant, nobody takes turns.
        """
        with self._context.database.read() as connection:
            if _OF_TENANTS.first(connection, {}) is None:
                return None
            first = self.next(connection, 1)
        return first[0] if first and first[0] != run_id else None

    def _marked(self, connection: Connection, most: int) -> list[str]:
        room = self.room(connection, most)
        return self._in_turns(connection, room, are_marked=True) if room > 0 else []

    def _in_turns(
        self, connection: Connection, most: int, *, are_marked: bool | None = None
    ) -> list[str]:
        """Returns queued runs, each with the fewest of its tenant's before it or in progress."""
        asked = {"last_tenant": self._last_tenant, "most": most}
        return [run_id for (run_id,) in _turns(are_marked).all(connection, asked)]


_is_marked: Final[ColumnElement[bool]] = runs.c.waits_since.is_not(None)
# The values are expressions, for a statement that is compiled once has so many of them.
_is_claimed: Final[ColumnElement[bool]] = runs.c.status.in_(
    [literal("in_progress"), literal("cancelling")]
) & runs.c.owner.is_not(None)


def _older(run_id: str) -> ColumnElement[bool]:
    return runs.c.seq < select(runs.c.seq).where(runs.c.id == run_id).scalar_subquery()


def _count(connection: Connection, *which: ColumnElement[bool], most: int | None = None) -> int:
    """Returns how many queued runs fulfil conditions; it counts no further than ``most``."""
    some = select(runs.c.seq).where(runs.c.status == "queued", *which).limit(most).subquery()
    found: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return found


_OF_TENANTS: Final = Statement(
    select(runs.c.seq).where(runs.c.status == "queued", runs.c.tenant.is_not(None)).limit(1)
)


@cache
def _turns(are_marked: bool | None) -> Statement:
    """Returns the query for queued runs in turns: those that are marked, or are not, or all."""
    queued = runs.c
    which = {None: true(), True: _is_marked, False: ~_is_marked}[are_marked]
    tenant = func.coalesce(queued.tenant, "")
    busy = (
        select(tenant.label("tenant"), func.count().label("number"))
        .where(_is_claimed)
        .group_by(tenant)
        .subquery()
    )
    turn = func.row_number().over(partition_by=tenant, order_by=queued.seq)
    was_last = case((tenant == bindparam("last_tenant", type_=queued.tenant.type), 1), else_=0)
    places = (
        select(
            queued.id,
            queued.seq,
            was_last.label("was_last"),
            (turn + func.coalesce(busy.c.number, 0)).label("before"),
        )
        .select_from(runs.outerjoin(busy, busy.c.tenant == tenant))
        .where(queued.status == "queued", which)
        .subquery()
        .c
    )
    query = select(places.id).order_by(places.before, places.was_last, places.seq)
    return Statement(query.limit(bindparam("most", type_=Integer)))
