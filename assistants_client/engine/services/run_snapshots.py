"""Snapshots of runs, for streams: everything stored of a run at one moment."""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import Connection

from assistants_client._json.codec import encode
from assistants_client.engine.events.stream_state import StoredRun
from assistants_client.engine.services._base import Context, load_run
from assistants_client.engine.storage.database import BRIEF, load_all
from assistants_client.engine.storage.tables import messages, run_steps
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run


@frozen
class RunSnapshots:
    """Reads runs on behalf of streams."""

    _context: Context

    def look(self, run_id: str) -> StoredRun | None:
        """Returns what :meth:`load` does, but does not wait for a database that is away."""
        return self.load(run_id, patience=BRIEF)

    def load(self, run_id: str, *, patience: float = 1) -> StoredRun | None:
        """Returns a run, as it is due by now; ``None`` where there is none (any more).

        Args:
            run_id: The run.
            patience: As for ``Database.begin``.
        """
        with self._context.database.read(patience=patience) as connection:
            claimed = load_run(connection, run_id)
            if claimed is None:
                return None
            if self._context.due_end(claimed) is None:
                return _stored(connection, claimed.run)
        with self._context.begin(patience=patience) as connection:
            claimed = self._context.expire_overdue(connection, run_id)
            return None if claimed is None else _stored(connection, claimed.run)


def _stored(connection: Connection, run: Run) -> StoredRun:
    steps = load_all(connection, run_steps, RunStep, run_id=run.id)
    written = load_all(connection, messages, Message, thread_id=run.thread_id, run_id=run.id)
    return StoredRun(
        run=encode(run),
        steps=encode(steps),
        messages={message.id: encode(message) for message in written},
    )
