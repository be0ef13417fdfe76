"""Finds what a message, a run or a step is within, by its id alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import select

from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.tables import messages, run_steps, runs

_PLACES: Final[Mapping[str, Callable[[str], Any]]] = {
    "msg_": lambda one: select(messages.c.thread_id).where(messages.c.id == one),
    "run_": lambda one: select(runs.c.thread_id).where(runs.c.id == one),
    "step_": lambda one: (
        select(runs.c.thread_id, runs.c.id)
        .join(run_steps, run_steps.c.run_id == runs.c.id)
        .where(run_steps.c.id == one)
    ),
}


def ids_above(database: Database, object_id: str) -> tuple[str, ...] | None:
    """Returns the id of an object's thread, of a step also that of its run.

    Returns:
        ``None`` where there is no such object, or its id is of another kind.
    """
    for beginning, query in _PLACES.items():
        if object_id.startswith(beginning):
            with database.read() as connection:
                row = connection.execute(query(object_id)).first()
            return None if row is None else tuple(row)
    return None
