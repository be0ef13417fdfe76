"""What the tools of a run reach while it is carried: stores to search, files to read and write."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen
from sqlalchemy import Connection, select

from assistants_client.engine.database import load
from assistants_client.engine.search_words import Hit
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._passages import search
from assistants_client.engine.services._stores import require_store, require_usable, use
from assistants_client.engine.tables import threads, vector_store_files
from assistants_client.models.runs import Run
from assistants_client.models.threads import Thread
from assistants_client.models.tools import ToolResources


@frozen
class ToolUse:
    """Reads and writes on behalf of the tools of runs."""

    _context: Context

    def search(self, run: Run, query: str, *, limit: int, threshold: float) -> list[Hit]:
        """Searches the stores of a run's assistant and thread.

        Raises:
            Fault: One of them is gone, or has expired.
        """
        with self._context.database.begin() as connection:
            store_ids = _stores(connection, run)
            for store_id in store_ids:
                store = require_store(connection, store_id)
                require_usable(store, self._context.clock())
                use(connection, store, self._context.now())
        with self._context.database.read() as connection:
            return search(connection, store_ids, query, limit=limit, threshold=threshold)

    def is_filling(self, run: Run) -> bool:
        """Whether one of a run's stores is still being filled."""
        held = vector_store_files.c
        with self._context.database.read() as connection:
            found = connection.execute(
                select(held.seq)
                .where(
                    held.vector_store_id.in_(_stores(connection, run)),
                    held.status == "in_progress",
                )
                .limit(1)
            ).first()
        return found is not None


def _resources(connection: Connection, run: Run) -> Iterable[ToolResources]:
    """Those of the run, which are its assistant's, and those of its thread."""
    thread = load(connection, threads, Thread, run.thread_id)
    both = (run.tool_resources, None if thread is None else thread.tool_resources)
    return [resources for resources in both if resources is not None]


def _stores(connection: Connection, run: Run) -> list[str]:
    return list(
        dict.fromkeys(
            store_id
            for resources in _resources(connection, run)
            if resources.file_search is not None
            for store_id in resources.file_search.vector_store_ids or ()
        )
    )
