"""Runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal, TypeVar

from assistants_client._arguments import check_tool_handling
from assistants_client.models._base import JsonObject, given
from assistants_client.models.lists import Page
from assistants_client.models.messages import Message
from assistants_client.models.run_streams import (
    RunStreamRequest,
    StreamOptions,
    SubmitToolOutputsStreamRequest,
    ThreadRunStreamRequest,
)
from assistants_client.models.runs import (
    Run,
    RunRequest,
    RunUpdate,
    SubmitToolApprovalsRequest,
    SubmitToolOutputsRequest,
    ThreadRunRequest,
    ToolOutput,
)
from assistants_client.models.tools import ToolInput
from assistants_client.resources._base import Resource, build_path, encoded
from assistants_client.resources._pagination import LazyList
from assistants_client.resources._signatures import takes

if TYPE_CHECKING:
    from assistants_client.models.run_steps import RunStep
    from assistants_client.streaming.run_stream import RunStream
    from assistants_client.streaming.session import Answer

T = TypeVar("T")


class Runs(Resource):
    """``client.runs``: assistants at work on threads."""

    _WITH_THREAD = "/threads/runs"
    _ALL = "/threads/{thread_id}/runs"
    _ONE = "/threads/{thread_id}/runs/{run_id}"
    _CANCEL = "/threads/{thread_id}/runs/{run_id}/cancel"
    _STEPS = "/threads/{thread_id}/runs/{run_id}/steps"
    _MESSAGES = "/threads/{thread_id}/messages"
    _MESSAGE = "/threads/{thread_id}/messages/{message_id}"
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

    @takes(RunStreamRequest, RunRequest)
    def stream(self, thread_id: str, request: RunRequest) -> RunStream:
        """Starts a run and follows it, event by event; nothing is sent before the first is asked.

        Functions given as ``tools`` are called when the run requires action. Like the tools of
        ``create`` they stand in for the assistant's own, for this run.

        Raises (while iterating):
            ThreadLockedError: A run is active on the thread already.
            AssistantsError: See ``RunStream``.
        """
        path = build_path(self._ALL, thread_id=thread_id)
        query = {"include[]": list(request.include)} if request.include else None
        document = encoded(request)

        @contextmanager
        def start() -> Iterator[Answer]:
            with ExitStack() as stack:
                yield self._through_lock(
                    thread_id,
                    request.on_active_run,
                    lambda: stack.enter_context(self._answer(path, document, query)),
                )

        return self._followed(start, request, given(request.tools))

    @takes(ThreadRunStreamRequest, ThreadRunRequest)
    def stream_thread_and_run(self, request: ThreadRunRequest) -> RunStream:
        """Makes a thread, starts a run on it, and follows the run; see :meth:`stream`."""
        document = encoded(request)
        return self._followed(
            lambda: self._answer(self._WITH_THREAD, document), request, given(request.tools)
        )

    @takes(SubmitToolOutputsStreamRequest, SubmitToolOutputsRequest)
    def submit_tool_outputs_stream(
        self, thread_id: str, run_id: str, request: SubmitToolOutputsRequest
    ) -> RunStream:
        """Answers all calls of a run that requires action, and follows it; see :meth:`stream`."""
        path = build_path(self._OUTPUTS, thread_id=thread_id, run_id=run_id)
        document = encoded(request)
        tools = request.tools if isinstance(request, SubmitToolOutputsStreamRequest) else ()
        return self._followed(lambda: self._answer(path, document), request, tools)

    def _followed(
        self,
        start: Callable[[], AbstractContextManager[Answer]],
        request: object,
        tools: Sequence[ToolInput],
    ) -> RunStream:
        # What only streams need is imported with the first.
        from assistants_client.streaming.run_stream import RunStream
        from assistants_client.streaming.session import StreamLink

        options = request if isinstance(request, StreamOptions) else StreamOptions()
        check_tool_handling(options.on_tool_error, options.parallel_tools, options.max_tool_rounds)

        def submit(
            run: Run, outputs: Sequence[ToolOutput | JsonObject]
        ) -> AbstractContextManager[Answer]:
            path = build_path(self._OUTPUTS, thread_id=run.thread_id, run_id=run.id)
            return self._answer(path, encoded(SubmitToolOutputsRequest(outputs)))

        return RunStream(
            StreamLink(
                start=start,
                submit=submit,
                settle=self._helpers.settle,
                steps=self._steps_of,
                message=self._message_of,
                messages=self._messages_of,
            ),
            resume=options.resume,
            answer_calls=lambda run: self._helpers.answer_calls(run, tools, options),
            max_tool_rounds=options.max_tool_rounds,
        )

    def _steps_of(self, run: Run) -> LazyList[RunStep]:
        from assistants_client.models.run_steps import RunStep

        path = build_path(self._STEPS, thread_id=run.thread_id, run_id=run.id)
        return self._newest_last(path, Page[RunStep], lambda step: step.id)

    def _messages_of(self, run: Run) -> LazyList[Message]:
        path = build_path(self._MESSAGES, thread_id=run.thread_id)
        return self._newest_last(path, Page[Message], lambda message: message.id, run_id=run.id)

    def _message_of(self, run: Run, message_id: str) -> Message:
        path = build_path(self._MESSAGE, thread_id=run.thread_id, message_id=message_id)
        return self._send("GET", path, Message)

    def _newest_last(
        self, path: str, page: type[Page[T]], item_id: Callable[[T], str], **filters: str
    ) -> LazyList[T]:
        return self._list(
            path,
            page,
            item_id,
            limit=None,
            order="asc",
            after=None,
            before=None,
            page_size=100,
            filters=filters,
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
