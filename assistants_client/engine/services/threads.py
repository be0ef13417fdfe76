"""Threads: made with their first messages, changed, deleted with everything under them."""

from __future__ import annotations

from typing import Final

from attrs import frozen
from sqlalchemy import Connection

from assistants_client.engine.domain.new_objects import changed, new_thread
from assistants_client.engine.domain.token_sums import total_of
from assistants_client.engine.faults import not_found
from assistants_client.engine.services._base import Context, RunStopped
from assistants_client.engine.services._resources import (
    refuse_new_stores,
    resolve_resources,
    store_thread,
)
from assistants_client.engine.services._thread_search import (
    EVERY_THREAD,
    ThreadFilter,
    matching,
)
from assistants_client.engine.services._usage import count_ended, tenant_of
from assistants_client.engine.services._write import Write, delete_first, in_pieces
from assistants_client.engine.storage.database import (
    emit_after_commit,
    load,
    load_all,
    load_json,
    remove,
    save,
)
from assistants_client.engine.storage.keyset_pages import PageQuery, read_page
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import messages, run_steps, runs, threads
from assistants_client.engine.storage.thread_index import put_metadata
from assistants_client.models._base import UNSET
from assistants_client.models.lists import Deleted, Page
from assistants_client.models.run_steps import RunStep
from assistants_client.models.threads import Thread, ThreadRequest, ThreadUpdate

#: The number of messages, or runs with their steps, that are deleted in one transaction.
_AT_ONCE: Final = 1000


@frozen
class Threads:
    """The operations on a thread itself. An unknown id is refused with a ``Fault``."""

    _context: Context

    def create(self, request: ThreadRequest) -> Write[StoredJson[Thread]]:
        """Makes a thread, perhaps with its first messages: all of it, or nothing."""
        thread, first = new_thread(request, self._context.now(), self._context.new_id)

        def write(connection: Connection) -> StoredJson[Thread]:
            return store_thread(self._context, connection, thread, first)

        return Write(write)

    def retrieve(self, thread_id: str) -> StoredJson[Thread]:
        """Returns a thread."""
        with self._context.database.read() as connection:
            found = load_json(connection, threads, Thread, thread_id, **self._context.visible)
        if found is None:
            raise not_found("thread", thread_id)
        return found

    def update(self, thread_id: str, update: ThreadUpdate) -> Write[StoredJson[Thread]]:
        """Changes the fields that are given; null clears. An active run does not hinder it."""
        refuse_new_stores(update)

        def write(connection: Connection) -> StoredJson[Thread]:
            found = load(connection, threads, Thread, thread_id, **self._context.visible)
            if found is None:
                raise not_found("thread", thread_id)
            found = changed(found, update)
            if update.tool_resources:
                resolve_resources(self._context, connection, found.tool_resources)
            saved = save(connection, threads, found)
            if update.metadata is not UNSET:
                put_metadata(connection, thread_id, found.metadata)
            return saved or StoredJson.of(found)

        return Write(write)

    def list(
        self, query: PageQuery, wanted: ThreadFilter = EVERY_THREAD
    ) -> StoredJson[Page[Thread]]:
        """Returns a page of all threads that the caller sees, or of those that a filter names."""
        tenant = self._context.only_tenant
        with self._context.database.read() as connection:
            found = matching(connection, wanted, tenant)
            return read_page(
                connection,
                threads,
                Thread,
                query,
                {},
                tenant=tenant,
                passing=found.passing,
                candidates=found.candidates,
            )

    def delete(self, thread_id: str) -> Deleted:
        """Deletes a thread with its messages and runs; an active run stops where it is.

        A long one is emptied first, the oldest first, so that nobody has to wait for all of it.
        """
        return in_pieces(self._context, lambda: self._deleted(thread_id))

    def _deleted(self, thread_id: str) -> Deleted | None:
        """Deletes a thread, or some of what is in a long one."""
        with self._context.begin() as connection:
            active = self._context.active_run(connection, thread_id)
            for table in (messages, runs):
                if delete_first(connection, table, table.c.thread_id == thread_id, _AT_ONCE):
                    return None
            if active is not None:
                steps = load_all(connection, run_steps, RunStep, run_id=active.id)
                active.usage = total_of([step.usage for step in steps])
                tenant = tenant_of(connection, active.id)
                count_ended(connection, active, "deleted", self._context.clock(), tenant)
            remove(connection, threads, thread_id)
            if active is not None:
                emit_after_commit(connection, RunStopped(active.id))
        return Deleted(id=thread_id, object="thread.deleted")
