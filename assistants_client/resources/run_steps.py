"""Run steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from assistants_client._calls.pagination import LazyList
from assistants_client._calls.resource import ListOptions, Resource, build_path
from assistants_client.models.lists import Page
from assistants_client.models.run_steps import RunStep


class RunSteps(Resource):
    """``client.run_steps``: the steps of a run, its messages and tool calls."""

    _ALL = "/threads/{thread_id}/runs/{run_id}/steps"
    _ONE = "/threads/{thread_id}/runs/{run_id}/steps/{step_id}"

    def retrieve(
        self, thread_id: str, run_id: str, step_id: str, *, include: Sequence[str] | None = None
    ) -> RunStep:
        """Reads a step.

        Args:
            thread_id: The thread.
            run_id: The run.
            step_id: The step.
            include: Further parts to send, such as
                ``step_details.tool_calls[*].file_search.results[*].content``.

        Raises:
            NotFoundError: There is none with this id on this run.
        """
        path = build_path(self._ONE, thread_id=thread_id, run_id=run_id, step_id=step_id)
        query = {"include[]": list(include)} if include else None
        return self._send("GET", path, RunStep, query=query)

    def list(
        self,
        thread_id: str,
        run_id: str,
        *,
        include: Sequence[str] | None = None,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> LazyList[RunStep]:
        """Lists the steps of a run, newest first unless ``order`` is ``"asc"``.

        Args:
            thread_id: The thread.
            run_id: The run.
            include: Further parts to send, such as
                ``step_details.tool_calls[*].file_search.results[*].content``.
            limit: At most this many in all.
            order: By time of creation.
            after: Begin behind the item with this id.
            before: Only items before the one with this id; pages then go backwards.
            page_size: Items a request, 1 to 100; the server's default is 20.
        """
        return self._list(
            build_path(self._ALL, thread_id=thread_id, run_id=run_id),
            Page[RunStep],
            ListOptions(limit, order, after, before, page_size),
            filters={"include[]": list(include) if include else None},
        )
