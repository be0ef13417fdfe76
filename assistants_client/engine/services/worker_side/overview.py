"""Reads what a service is watched by: the runs that are under way, and the names of assistants.

Nothing is written, and each is one short transaction.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select

from assistants_client.engine.observability.metrics import StoredRuns
from assistants_client.engine.services._base import Context
from assistants_client.engine.storage.database import load
from assistants_client.engine.storage.tables import assistants, runs
from assistants_client.models.assistants import Assistant
from assistants_client.models.runs import ACTIVE_STATUSES, Run

#: For the database is waited so long, as a part of what a request waits.
_PATIENCE: Final = 0.1


class Overview:
    """Reads in a context. Safe to share between threads."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def stored_runs(self) -> StoredRuns:
        """Counts the runs that are not final; the cost grows with their number only.

        Raises:
            Fault: 503: the database cannot be read for the moment.
        """
        counted = (
            select(runs.c.status, func.count())
            .where(runs.c.status.in_(sorted(ACTIVE_STATUSES)))
            .group_by(runs.c.status)
        )
        oldest = (
            select(runs.c.created_at).where(runs.c.status == "queued").order_by(runs.c.seq).limit(1)
        )
        with self._context.database.read(patience=_PATIENCE) as connection:
            found = {row[0]: row[1] for row in connection.execute(counted)}
            created_at = connection.execute(oldest).scalar_one_or_none()
        age = 0.0 if created_at is None else max(0.0, self._context.clock() - created_at)
        return StoredRuns(
            by_status={status: found.get(status, 0) for status in sorted(ACTIVE_STATUSES)},
            oldest_queued=age,
        )

    def agent_name(self, run: Run) -> str | None:
        """Returns the name of a run's assistant; ``None`` where it has none, or is gone.

        Raises:
            Fault: 503: the database cannot be read for the moment.
        """
        with self._context.database.read(patience=_PATIENCE) as connection:
            found = load(connection, assistants, Assistant, run.assistant_id)
        return None if found is None else found.name
