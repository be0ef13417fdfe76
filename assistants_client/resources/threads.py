"""Threads."""

from __future__ import annotations

from typing import Literal

from assistants_client._calls.pagination import LazyList
from assistants_client._calls.resource import ListOptions, Resource, build_path
from assistants_client.models.lists import Deleted, Page
from assistants_client.models.threads import Thread, ThreadRequest, ThreadUpdate
from assistants_client.resources._signatures import accepts_fields_of


class Threads(Resource):
    """``client.threads``: conversations."""

    _ALL = "/threads"
    _ONE = "/threads/{thread_id}"

    @accepts_fields_of(lambda: ThreadRequest)
    def create(self, request: ThreadRequest) -> Thread:
        """Creates a thread, perhaps with its first messages."""
        return self._send("POST", self._ALL, Thread, request=request)

    def retrieve(self, thread_id: str) -> Thread:
        """Reads a thread.

        Raises:
            NotFoundError: There is none with this id.
        """
        return self._send("GET", build_path(self._ONE, thread_id=thread_id), Thread)

    @accepts_fields_of(lambda: ThreadUpdate)
    def update(self, thread_id: str, request: ThreadUpdate) -> Thread:
        """Changes the given fields of a thread; ``None`` clears one."""
        path = build_path(self._ONE, thread_id=thread_id)
        return self._send("POST", path, Thread, request=request)

    def list(
        self,
        *,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> LazyList[Thread]:
        """Lists all threads, newest first unless ``order`` is ``"asc"``.

        Not every server has this list; the embedded engine and Azure AI Foundry do.

        Args:
            limit: At most this many in all.
            order: By time of creation.
            after: Begin behind the item with this id.
            before: Only items before the one with this id; pages then go backwards.
            page_size: Items a request, 1 to 100; the server's default is 20.
        """
        return self._list(
            self._ALL,
            Page[Thread],
            ListOptions(limit, order, after, before, page_size),
        )

    def delete(self, thread_id: str) -> Deleted:
        """Deletes a thread with its messages and runs."""
        return self._delete(build_path(self._ONE, thread_id=thread_id), thread_id)
