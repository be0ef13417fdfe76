"""Runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from assistants_client._pagination import LazyList
from assistants_client.models.lists import Page
from assistants_client.models.runs import (
    Run,
    RunRequest,
    RunUpdate,
    SubmitToolApprovalsRequest,
    SubmitToolOutputsRequest,
    ThreadRunRequest,
)
from assistants_client.resources._base import Resource, build_path, takes


class Runs(Resource):
    """``client.runs``: assistants at work on threads."""

    _WITH_THREAD = "/threads/runs"
    _ALL = "/threads/{thread_id}/runs"
    _ONE = "/threads/{thread_id}/runs/{run_id}"
    _CANCEL = "/threads/{thread_id}/runs/{run_id}/cancel"
    _OUTPUTS = "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs"

    @takes(RunRequest)
    def create(self, thread_id: str, request: RunRequest) -> Run:
        """Starts a run; ``client.wait_for_run`` waits for its end.

        Raises:
            ThreadLockedError: A run is active on the thread already.
            NotFoundError: There is no such assistant or thread.
        """
        path = build_path(self._ALL, thread_id=thread_id)
        query = {"include[]": list(request.include)} if request.include else None
        return self._through_lock(
            thread_id,
            request.on_active_run,
            lambda: self._create(path, Run, request, listed_as=Page[Run], query=query),
        )

    @takes(ThreadRunRequest)
    def create_thread_and_run(self, request: ThreadRunRequest) -> Run:
        """Makes a thread and starts a run on it, in one request."""
        return self._send("POST", self._WITH_THREAD, Run, request=request)

    def retrieve(self, thread_id: str, run_id: str) -> Run:
        """Reads a run.

        Raises:
            NotFoundError: There is none with this id on this thread.
        """
        return self.poll(thread_id, run_id)[0]

    def poll(self, thread_id: str, run_id: str) -> tuple[Run, Mapping[str, str]]:
        """Reads a run, with the answer's headers: a server may say there when to ask again."""
        path = build_path(self._ONE, thread_id=thread_id, run_id=run_id)
        return self._exchange("GET", path, Run)

    @takes(RunUpdate)
    def update(self, thread_id: str, run_id: str, request: RunUpdate) -> Run:
        """Changes a run's metadata."""
        path = build_path(self._ONE, thread_id=thread_id, run_id=run_id)
        return self._send("POST", path, Run, request=request)

    def list(
        self,
        thread_id: str,
        *,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> LazyList[Run]:
        """The runs of a thread, newest first unless ``order`` is ``"asc"``.

        Args:
            thread_id: The thread.
            limit: At most this many in all.
            order: By time of creation.
            after: Begin behind the item with this id.
            before: Only items before the one with this id; pages then go backwards.
            page_size: Items a request, 1 to 100; the server's default is 20.
        """
        return self._list(
            build_path(self._ALL, thread_id=thread_id),
            Page[Run],
            lambda run: run.id,
            limit=limit,
            order=order,
            after=after,
            before=before,
            page_size=page_size,
        )

    def cancel(self, thread_id: str, run_id: str) -> Run:
        """Asks for a run's end; it is ``cancelling`` then, and may still end otherwise.

        Raises:
            BadRequestError: The run is over already.
        """
        path = build_path(self._CANCEL, thread_id=thread_id, run_id=run_id)
        return self._send("POST", path, Run)

    @takes(SubmitToolOutputsRequest)
    def submit_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputsRequest
    ) -> Run:
        """Answers all calls of a run that requires action, at once; the run is queued again.

        Raises:
            BadRequestError: The run does not require action, or an output is missing or unknown.
        """
        path = build_path(self._OUTPUTS, thread_id=thread_id, run_id=run_id)
        return self._send("POST", path, Run, request=request)

    @takes(SubmitToolApprovalsRequest)
    def submit_tool_approvals(
        self, thread_id: str, run_id: str, request: SubmitToolApprovalsRequest
    ) -> Run:
        """Allows or refuses the calls of a run that asks for approval; for servers that do so.

        Azure AI Foundry is one: ``required_action.type`` is ``"submit_tool_approval"`` there, and
        the calls are in ``required_action.extra``.

        Raises:
            BadRequestError: The run does not ask for it, or the server does not know approvals.
        """
        path = build_path(self._OUTPUTS, thread_id=thread_id, run_id=run_id)
        return self._send("POST", path, Run, request=request)
