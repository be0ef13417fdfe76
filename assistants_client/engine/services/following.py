"""Runs as those see them who follow one: the whole of it at one moment, from what is stored."""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import Connection

from assistants_client._json.codec import encode
from assistants_client.engine.events.stream_state import Seen
from assistants_client.engine.services._base import Context, by_id, load_run
from assistants_client.engine.storage.database import load_all
from assistants_client.engine.storage.tables import messages, run_steps
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run


@frozen
class Following:
    """Looks at runs on behalf of streams."""

    _context: Context

    def look(self, run_id: str) -> Seen | None:
        """A run as it is now, ended if it is overdue; ``None`` where there is none (any more)."""
        with self._context.database.read() as connection:
            held = load_run(connection, by_id(run_id))
            if held is None:
                return None
            if self._context.ending(held) is None:
                return _seen(connection, held.run)
        with self._context.begin() as connection:
            held = self._context.settled(connection, by_id(run_id))
            return None if held is None else _seen(connection, held.run)


def _seen(connection: Connection, run: Run) -> Seen:
    steps = load_all(connection, run_steps, RunStep, run_id=run.id)
    written = load_all(connection, messages, Message, thread_id=run.thread_id, run_id=run.id)
    return Seen(
        run=encode(run),
        steps=encode(steps),
        messages={message.id: encode(message) for message in written},
    )
