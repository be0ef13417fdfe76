"""The steps of a run: they are only read here; ``execution`` writes them."""

from __future__ import annotations

from attrs import frozen

from assistants_client.engine.faults import not_found
from assistants_client.engine.services._base import Context, require_run
from assistants_client.engine.storage.database import load
from assistants_client.engine.storage.keyset_pages import PageQuery, read_page
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import run_steps
from assistants_client.models.lists import Page
from assistants_client.models.run_steps import RunStep


@frozen
class RunSteps:
    """The operations under ``…/runs/{id}/steps``. Unknown ids are refused with a ``Fault``."""

    _context: Context

    def retrieve(self, thread_id: str, run_id: str, step_id: str) -> RunStep:
        """Returns a step."""
        with self._context.read_thread(thread_id) as connection:
            require_run(connection, thread_id, run_id)
            found = load(connection, run_steps, RunStep, step_id, run_id=run_id)
        if found is None:
            raise not_found("run step", step_id)
        return found

    def list(self, thread_id: str, run_id: str, query: PageQuery) -> StoredJson[Page[RunStep]]:
        """Returns a page of a run's steps."""
        with self._context.read_thread(thread_id) as connection:
            require_run(connection, thread_id, run_id)
            where = {"run_id": run_id}
            return read_page(connection, run_steps, RunStep, query, where, parent=run_id)
