"""Threads."""

from __future__ import annotations

from assistants_client.models.lists import Deleted
from assistants_client.models.threads import Thread, ThreadRequest, ThreadUpdate
from assistants_client.resources._base import Resource, build_path, takes


class Threads(Resource):
    """``client.threads``: conversations."""

    _ALL = "/threads"
    _ONE = "/threads/{thread_id}"

    @takes(ThreadRequest)
    def create(self, request: ThreadRequest) -> Thread:
        """Makes a thread, perhaps with its first messages."""
        return self._send("POST", self._ALL, Thread, request=request)

    def retrieve(self, thread_id: str) -> Thread:
        """Reads a thread.

        Raises:
            NotFoundError: There is none with this id.
        """
        return self._send("GET", build_path(self._ONE, thread_id=thread_id), Thread)

    @takes(ThreadUpdate)
    def update(self, thread_id: str, request: ThreadUpdate) -> Thread:
        """Changes the given fields of a thread; ``None`` clears one."""
        path = build_path(self._ONE, thread_id=thread_id)
        return self._send("POST", path, Thread, request=request)

    def delete(self, thread_id: str) -> Deleted:
        """Deletes a thread with its messages and runs."""
        return self._delete(build_path(self._ONE, thread_id=thread_id), thread_id)
