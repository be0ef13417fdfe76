"""Runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from attrs import evolve

from assistants_client import models
from assistants_client._arguments import REPLACES_NOTHING, check_tool_handling
from assistants_client._calls.pagination import LazyList
from assistants_client._calls.resource import ListOptions, build_path, encoded
from assistants_client._calls.run_calls import StreamRequest
from assistants_client.errors import ConfigurationError
from assistants_client.models._base import UNSET, given
from assistants_client.models.lists import Page
from assistants_client.models.runs import Run
from assistants_client.resources._signatures import accepts_fields_of
from assistants_client.resources._waits import LockedResource
from assistants_client.waiting.options import check_stalled_after, check_timeout

if TYPE_CHECKING:
    from assistants_client.models.run_requests import (
        RunRequest,
        RunUpdate,
        SubmitToolApprovalsRequest,
        SubmitToolOutputsRequest,
        ThreadRunRequest,
    )
    from assistants_client.models.run_streams import SubmitToolOutputsStreamRequest
    from assistants_client.models.tools import ToolInput
    from assistants_client.streaming.run_stream import RunStream

RequestT = TypeVar("RequestT", "RunRequest", "ThreadRunRequest", "SubmitToolOutputsStreamRequest")


class Runs(LockedResource):
    """``client.runs``: assistants at work on threads."""

    _WITH_THREAD = "/threads/runs"
    _ALL = "/threads/{thread_id}/runs"
    _ONE = "/threads/{thread_id}/runs/{run_id}"
    _OUTPUTS = "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs"

    @accepts_fields_of(lambda: models.RunRequest)
    def create(self, thread_id: str, request: RunRequest) -> Run:
        """Starts a run; ``client.wait_for_run`` waits for its end.

        ``tools`` is sent as it is given: this run has these alone, and not the assistant's. The
        ``tools`` of ``client.ask`` and :meth:`stream` are added to the assistant's.

        Raises:
            ThreadLockedError: A run is active on the thread already.
            NotFoundError: There is no such assistant or thread.
            WaitTimeoutError: The ``timeout`` was reached; the run may have been started.
        """
        path = build_path(self._ALL, thread_id=thread_id)
        query = {"include[]": list(request.include)} if request.include else None
        made = _with_functions(request)
        return self._through_lock(
            thread_id,
            request.on_active_run,
            request.timeout,
            lambda: self._create(path, Run, made, listed_as=Page[Run], query=query),
        )

    @accepts_fields_of(lambda: models.RunStreamRequest, lambda: models.RunRequest)
    def stream(self, thread_id: str, request: RunRequest) -> RunStream:
        """Starts a run and streams its events; nothing is sent before the first is requested.

        Functions given as ``tools``, plain or made tools by ``@tool``, are called when the run
        requires action. The run has the assistant's tools and these; for that the assistant is
        read first, one request more, and where it has them all none are sent. With
        ``replace_tools=True`` the run has these alone, as one of :meth:`create` has.

        Raises (while iterating):
            ThreadLockedError: A run is active on the thread already.
            InvalidRequestError: With the assistant's, the tools are more than a run may have.
            AssistantsError: See ``RunStream``.
        """
        request = _with_functions(request)
        first = StreamRequest(
            path=build_path(self._ALL, thread_id=thread_id),
            document=encoded(request),
            query={"include[]": list(request.include)} if request.include else None,
            thread_id=thread_id,
            on_active_run=request.on_active_run,
            assistant_id=request.assistant_id,
            added_tools=_added_tools(request),
        )
        return self._stream(first, request, given(request.tools))

    @accepts_fields_of(lambda: models.ThreadRunStreamRequest, lambda: models.ThreadRunRequest)
    def stream_thread_and_run(self, request: ThreadRunRequest) -> RunStream:
        """Creates a thread, starts a run on it, and streams its events; see :meth:`stream`."""
        request = _with_functions(request)
        first = StreamRequest(
            path=self._WITH_THREAD,
            document=encoded(request),
            assistant_id=request.assistant_id,
            added_tools=_added_tools(request),
        )
        return self._stream(first, request, given(request.tools))

    @accepts_fields_of(
        lambda: models.SubmitToolOutputsStreamRequest, lambda: models.SubmitToolOutputsRequest
    )
    def submit_tool_outputs_stream(
        self, thread_id: str, run_id: str, request: SubmitToolOutputsRequest
    ) -> RunStream:
        """Submits outputs for all calls of a run, and streams its events; see :meth:`stream`.

        The run has its tools already; functions given as ``tools`` are called for it, and not sent.
        """
        tools: Sequence[object] = ()
        if isinstance(request, models.SubmitToolOutputsStreamRequest):
            request = _with_functions(request)
            tools = request.tools
        path = build_path(self._OUTPUTS, thread_id=thread_id, run_id=run_id)
        return self._stream(StreamRequest(path=path, document=encoded(request)), request, tools)

    def _stream(self, first: StreamRequest, request: object, tools: Sequence[object]) -> RunStream:
        # The modules for streams are imported with the first.
        from assistants_client.function_tools.tool_rounds import ToolRounds
        from assistants_client.streaming.run_stream import RunStream
        from assistants_client.streaming.session import RunStreamSession

        options = request if isinstance(request, models.StreamOptions) else models.StreamOptions()
        check_tool_handling(options.on_tool_error, options.parallel_tools, options.max_tool_rounds)
        rounds = ToolRounds(options, tools)
        timeout = request.timeout if isinstance(request, models.RunRequest) else options.timeout
        session = RunStreamSession(
            first,
            self._run_calls,
            self._waiter,
            rounds,
            resume=options.resume,
            timeout=None if timeout is None else check_timeout(timeout),
            stalled_after=check_stalled_after(options.stalled_after),
        )
        return RunStream(session)

    @accepts_fields_of(lambda: models.ThreadRunRequest)
    def create_thread_and_run(self, request: ThreadRunRequest) -> Run:
        """Creates a thread and starts a run on it, in one request."""
        return self._send("POST", self._WITH_THREAD, Run, request=_with_functions(request))

    def retrieve(self, thread_id: str, run_id: str) -> Run:
        """Reads a run.

        Raises:
            NotFoundError: There is none with this id on this thread.
        """
        return self.poll(thread_id, run_id)[0]

    def poll(self, thread_id: str, run_id: str) -> tuple[Run, Mapping[str, str]]:
        """Reads a run, with the response's headers: a server may say there when to poll again."""
        return self._run_calls.poll(thread_id, run_id)

    @accepts_fields_of(lambda: models.RunUpdate)
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
        """Lists the runs of a thread, newest first unless ``order`` is ``"asc"``.

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
            ListOptions(limit, order, after, before, page_size),
        )

    def cancel(self, thread_id: str, run_id: str) -> Run:
        """Requests a run's cancellation; it is ``cancelling`` then, and may still end otherwise.

        Raises:
            BadRequestError: The run is over already.
        """
        return self._run_calls.cancel(thread_id, run_id)

    @accepts_fields_of(lambda: models.SubmitToolOutputsRequest)
    def submit_tool_outputs(
        self, thread_id: str, run_id: str, request: SubmitToolOutputsRequest
    ) -> Run:
        """Submits outputs for all calls of a run that requires action; it is queued again.

        Raises:
            BadRequestError: The run does not require action, or an output is missing or unknown.
        """
        return self._run_calls.submit(thread_id, run_id, request)

    @accepts_fields_of(lambda: models.SubmitToolApprovalsRequest)
    def submit_tool_approvals(
        self, thread_id: str, run_id: str, request: SubmitToolApprovalsRequest
    ) -> Run:
        """Approves or refuses the calls of a run that requires approval, where a server has that.

        Azure AI Foundry is one: ``required_action.type`` is ``"submit_tool_approval"`` there, and
        the calls are in ``required_action.extra``.

        Raises:
            BadRequestError: The run does not require it, or the server has no approvals.
        """
        path = build_path(self._OUTPUTS, thread_id=thread_id, run_id=run_id)
        return self._send("POST", path, Run, request=request)


def _added_tools(request: RunRequest | ThreadRunRequest) -> Sequence[ToolInput] | None:
    """Returns the tools that a streamed run has beside the assistant's.

    Raises:
        ConfigurationError: There are none to replace the assistant's with.
    """
    if getattr(request, "replace_tools", False):
        if request.tools is UNSET:
            raise ConfigurationError(REPLACES_NOTHING)
        return None
    tools: Any = request.tools  # no functions are among them by now
    return given(tools) if isinstance(tools, Sequence) else None


def _with_functions(request: RequestT) -> RequestT:
    """Returns the request with tools made of the functions among its tools."""
    tools: object = request.tools
    if not isinstance(tools, Sequence) or not any(callable(one) for one in tools):
        return request
    # Functions as tools are imported by programs that have some.
    from assistants_client.function_tools.function_tool import as_tools

    return evolve(request, tools=as_tools(tools))
