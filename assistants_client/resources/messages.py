"""Messages."""

from __future__ import annotations

from typing import Literal

from assistants_client._calls.pagination import LazyList
from assistants_client._calls.resource import ListOptions, build_path
from assistants_client.models.lists import Deleted, Page
from assistants_client.models.messages import Message, MessageRequest, MessageUpdate
from assistants_client.resources._signatures import accepts_fields_of
from assistants_client.resources._waits import LockedResource


class Messages(LockedResource):
    """``client.messages``: the messages of threads."""

    _ALL = "/threads/{thread_id}/messages"
    _ONE = "/threads/{thread_id}/messages/{message_id}"

    @accepts_fields_of(lambda: MessageRequest)
    def create(self, thread_id: str, request: MessageRequest) -> Message:
        """Adds a message, the user's unless ``role`` says otherwise.

        Raises:
            ThreadLockedError: A run is active on the thread.
            WaitTimeoutError: The ``timeout`` was reached; the message may have been added.
        """
        path = build_path(self._ALL, thread_id=thread_id)
        return self._through_lock(
            thread_id,
            request.on_active_run,
            request.timeout,
            lambda: self._create(path, Message, request, listed_as=Page[Message]),
        )

    def retrieve(self, thread_id: str, message_id: str) -> Message:
        """Reads a message.

        Raises:
            NotFoundError: There is none with this id on this thread.
        """
        path = build_path(self._ONE, thread_id=thread_id, message_id=message_id)
        return self._send("GET", path, Message)

    @accepts_fields_of(lambda: MessageUpdate)
    def update(self, thread_id: str, message_id: str, request: MessageUpdate) -> Message:
        """Changes a message's metadata."""
        path = build_path(self._ONE, thread_id=thread_id, message_id=message_id)
        return self._send("POST", path, Message, request=request)

    def list(
        self,
        thread_id: str,
        *,
        run_id: str | None = None,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> LazyList[Message]:
        """Lists the messages of a thread, newest first unless ``order`` is ``"asc"``.

        Args:
            thread_id: The thread.
            run_id: Only messages that this run wrote.
            limit: At most this many in all.
            order: By time of creation.
            after: Begin behind the item with this id.
            before: Only items before the one with this id; pages then go backwards.
            page_size: Items a request, 1 to 100; the server's default is 20.
        """
        return self._list(
            build_path(self._ALL, thread_id=thread_id),
            Page[Message],
            ListOptions(limit, order, after, before, page_size),
            filters={"run_id": run_id},
        )

    def delete(self, thread_id: str, message_id: str) -> Deleted:
        """Deletes a message."""
        path = build_path(self._ONE, thread_id=thread_id, message_id=message_id)
        return self._delete(path, message_id)
