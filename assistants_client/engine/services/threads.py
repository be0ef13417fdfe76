"""Threads: made with their first messages, changed, deleted with all that is under them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from attrs import frozen
from sqlalchemy import delete, select

from assistants_client.engine.domain.new_objects import changed, new_thread
from assistants_client.engine.faults import not_found
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._resources import (
    refuse_new_stores,
    settle_resources,
    store_thread,
)
from assistants_client.engine.storage.database import load, remove, save
from assistants_client.engine.storage.keyset_pages import PageQuery, read_page
from assistants_client.engine.storage.tables import messages, runs, threads
from assistants_client.models.lists import Deleted, Page
from assistants_client.models.threads import Thread, ThreadRequest, ThreadUpdate

#: How many messages, or runs with their steps, are deleted in one transaction.
_AT_ONCE: Final = 1000
#: Seconds in which others can begin to write before the next one.
_PAUSE: Final = 0.005


@frozen
class Threads:
    """The operations on a thread itself. An unknown id is refused with a ``Fault``."""

    _context: Context
    _pause: Callable[[float], object] = time.sleep

    def create(self, request: ThreadRequest) -> Thread:
        """Makes a thread, perhaps with its first messages: all of it, or nothing."""
        thread, first = new_thread(request, self._context.now(), self._context.new_id)
        with self._context.database.begin() as connection:
            store_thread(self._context, connection, thread, first)
            self._context.answering(connection, thread)
        return thread

    def retrieve(self, thread_id: str) -> Thread:
        """One thread."""
        with self._context.database.read() as connection:
            found = load(connection, threads, Thread, thread_id)
        if found is None:
            raise not_found("thread", thread_id)
        return found

    def update(self, thread_id: str, update: ThreadUpdate) -> Thread:
        """Changes the fields that are given; null clears. An active run does not hinder it."""
        refuse_new_stores(update)
        with self._context.database.begin() as connection:
            found = load(connection, threads, Thread, thread_id)
            if found is None:
                raise not_found("thread", thread_id)
            found = changed(found, update)
            if update.tool_resources:
                settle_resources(self._context, connection, found.tool_resources)
            save(connection, threads, found)
            self._context.answering(connection, found)
        return found

    def list(self, query: PageQuery) -> Page[Thread]:
        """One page of all threads."""
        with self._context.database.read() as connection:
            return read_page(connection, threads, Thread, query)

    def delete(self, thread_id: str) -> Deleted:
        """Deletes a thread with its messages and runs; an active run stops where it is.

        A long one is emptied first, the oldest first, so that nobody has to wait for all of it.
        """
        while self._empty(thread_id):
            self._pause(_PAUSE)
        with self._context.writing(thread_id) as (connection, active):
            remove(connection, threads, thread_id)
        if active is not None:
            self._context.stop(active.id)
        return Deleted(id=thread_id, object="thread.deleted")

    def _empty(self, thread_id: str) -> bool:
        """Deletes some of what is in a long thread; whether there was that much."""
        with self._context.writing(thread_id) as (connection, _):
            for table in (messages, runs):
                here = table.c.thread_id == thread_id
                some = select(table.c.seq).where(here).order_by(table.c.seq)
                end = connection.execute(some.offset(_AT_ONCE).limit(1)).scalar_one_or_none()
                if end is not None:
                    connection.execute(delete(table).where(here, table.c.seq < end))
                    return True
        return False
