"""Threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from assistants_client._calls.pagination import LazyList
from assistants_client._calls.resource import ListOptions, Resource, build_path
from assistants_client.errors import InvalidRequestError
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
        metadata: Mapping[str, str] | None = None,
        search: str | None = None,
    ) -> LazyList[Thread]:
        """Lists all threads, newest first unless ``order`` is ``"asc"``.

        Not every server has this list; the embedded engine, alone or behind ``assistants serve``,
        and Azure AI Foundry do. ``metadata`` and ``search`` are the engine's own: other servers
        ignore them, and list all.

        Args:
            limit: At most this many in all.
            order: By time of creation.
            after: Begin behind the item with this id.
            before: Only items before the one with this id; pages then go backwards.
            page_size: Items a request, 1 to 100; the server's default is 20.
            metadata: Only threads that have all of these pairs.
            search: Only threads with a message that has all of these words, in any of their forms;
                up to 500 characters. The newest 5,000 such messages count.

        Raises:
            InvalidRequestError: ``metadata`` is not a mapping of texts, or ``search`` no text.
        """
        return self._list(
            self._ALL,
            Page[Thread],
            ListOptions(limit, order, after, before, page_size),
            filters=_filters(metadata, search),
        )

    def delete(self, thread_id: str) -> Deleted:
        """Deletes a thread with its messages and runs."""
        return self._delete(build_path(self._ONE, thread_id=thread_id), thread_id)


def _filters(metadata: object, search: object) -> Mapping[str, str | list[str] | None]:
    """Returns the parameters of a list that leaves threads out."""
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidRequestError(f"metadata: {metadata!r:.80} is not a mapping", path="metadata")
    pairs = {} if metadata is None else dict(metadata)
    for key, value in pairs.items():
        if not isinstance(key, str) or not key or not isinstance(value, str):
            raise InvalidRequestError(
                f"metadata: {key!r:.80}: {value!r:.80} is not a pair of texts", path="metadata"
            )
    if search is not None and not isinstance(search, str):
        raise InvalidRequestError(f"search: {search!r:.80} is not a text", path="search")
    return {**{f"metadata[{key}]": value for key, value in pairs.items()}, "search": search}
