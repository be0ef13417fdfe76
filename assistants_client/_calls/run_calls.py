"""The requests about one run, one method each, for waits and for streams.

Nothing is waited for and nothing decided here.
"""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from assistants_client import models
from assistants_client._calls.resource import ListOptions, Resource, build_path, encoded
from assistants_client._http.error_mapping import without_secrets
from assistants_client._http.options import Query
from assistants_client._http.response_bodies import prompt_blocks
from assistants_client._http.session import interrupt
from assistants_client.errors import InvalidRequestError, NotFoundError
from assistants_client.models.lists import Page
from assistants_client.models.runs import Run

if TYPE_CHECKING:
    import requests

    from assistants_client._calls.pagination import LazyList
    from assistants_client.models.messages import Message, OnActiveRun
    from assistants_client.models.run_requests import SubmitToolOutputsRequest
    from assistants_client.models.run_steps import RunStep
    from assistants_client.models.tools import ToolInput

#: All of a run's steps or messages, in as few requests as can be.
_OLDEST_FIRST: Final = ListOptions(order="asc", page_size=100)


@frozen(kw_only=True)
class StreamRequest:
    """A request whose response is a stream.

    Attributes:
        path: Its path.
        document: Its body, without ``stream``.
        query: Its query.
        thread_id: The thread that may be locked.
        on_active_run: The treatment of a run that holds the lock.
        assistant_id: The assistant whose tools are needed for the body.
        added_tools: The tools that the run has beside them; ``None`` sends the body as it is.
    """

    path: str
    document: Mapping[str, Any]
    query: Query | None = None
    thread_id: str = ""
    on_active_run: OnActiveRun = "raise"
    assistant_id: str = ""
    added_tools: Sequence[ToolInput] | None = None


class StreamedResponse:
    """The response to a request for a stream: events, or one JSON document.

    Attributes:
        is_json: True if it is one document, from a server without streams.
        blocks: The bytes, as they are received.
    """

    def __init__(self, response: requests.Response, path: str) -> None:
        self.is_json: bool = "json" in response.headers.get("Content-Type", "").lower()
        self.blocks: Iterable[bytes] = prompt_blocks(response, "POST", path)
        self._response = response

    def interrupt(self) -> None:
        """Wakes a thread that waits for the next block."""
        interrupt(self._response)

    def without_secrets(self, text: str) -> str:
        """Returns a text of the server's, without the key that it may quote."""
        return without_secrets(text, self._response.request)


class RunCalls(Resource):
    """Requests that read, cancel and stream a run, and that read its steps and messages."""

    _ASSISTANT = "/assistants/{assistant_id}"
    _ONE = "/threads/{thread_id}/runs/{run_id}"
    _CANCEL = "/threads/{thread_id}/runs/{run_id}/cancel"
    _STEPS = "/threads/{thread_id}/runs/{run_id}/steps"
    _OUTPUTS = "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs"
    _MESSAGES = "/threads/{thread_id}/messages"
    _MESSAGE = "/threads/{thread_id}/messages/{message_id}"

    def poll(self, thread_id: str, run_id: str) -> tuple[Run, Mapping[str, str]]:
        """Reads a run, with the response's headers."""
        path = build_path(self._ONE, thread_id=thread_id, run_id=run_id)
        return self._exchange("GET", path, Run)

    @contextmanager
    def settling(self, run_id: str) -> Iterator[queue.Queue[bool] | None]:
        """Yields a queue that gets an item when the run settles; ``None`` where nobody tells.

        An engine in this process does, of what it processes itself. Of another run there is an item
        from the beginning.
        """
        watching = getattr(self._transport.adapter, "watching", None)
        if watching is None:
            yield None
            return
        settled: queue.Queue[bool] = queue.Queue()
        with watching(run_id, lambda: settled.put(True)):
            yield settled

    def submit(self, thread_id: str, run_id: str, request: SubmitToolOutputsRequest) -> Run:
        """Submits the outputs for the calls of a run that requires action."""
        path = build_path(self._OUTPUTS, thread_id=thread_id, run_id=run_id)
        return self._send("POST", path, Run, request=request)

    def cancel(self, thread_id: str, run_id: str) -> Run:
        """Requests the cancellation of a run."""
        path = build_path(self._CANCEL, thread_id=thread_id, run_id=run_id)
        return self._send("POST", path, Run)

    def tools_with(self, assistant_id: str, given: Sequence[ToolInput]) -> list[ToolInput] | None:
        """Reads the assistant's tools, and returns these and the given ones.

        ``None`` where the assistant has all that are given: then none need be sent. An assistant
        that is not found is left to the run's own request, whose error says so.

        Raises:
            InvalidRequestError: They are more than a run may have.
            APIError: The assistant cannot be read.
        """
        from assistants_client.models.run_requests import MAX_RUN_TOOLS
        from assistants_client.models.tools import merged_tools

        path = build_path(self._ASSISTANT, assistant_id=assistant_id)
        try:
            own = self._send("GET", path, models.Assistant).tools
        except NotFoundError:
            return list(given)
        merged = merged_tools(own, given)
        if merged is not None and len(merged) > MAX_RUN_TOOLS:
            if len(merged) == len(own):
                return None  # the assistant has others of these names, which a run cannot replace
            raise InvalidRequestError(
                f"tools: the assistant has {len(own)}, and {len(merged)} together with these; a "
                f"run has at most {MAX_RUN_TOOLS}. With replace_tools=True it has these alone",
                path="tools",
            )
        return merged

    def with_assistant_tools(self, request: StreamRequest) -> StreamRequest:
        """Returns a request whose body has the tools of its assistant and the added ones."""
        added = request.added_tools
        if added is None:
            return request
        tools = self.tools_with(request.assistant_id, added) if added else None
        document = {key: value for key, value in request.document.items() if key != "tools"}
        if tools is not None:
            # Checked and encoded as those of any run.
            of_run = models.RunRequest(assistant_id=request.assistant_id, tools=tools)
            document["tools"] = encoded(of_run)["tools"]
        return evolve(request, document=document, added_tools=None)

    def steps(self, run: Run) -> LazyList[RunStep]:
        """Lists the steps of a run, oldest first."""
        path = build_path(self._STEPS, thread_id=run.thread_id, run_id=run.id)
        return self._list(path, Page[models.RunStep], _OLDEST_FIRST)

    def message(self, run: Run, message_id: str) -> Message:
        """Reads a message on a run's thread."""
        path = build_path(self._MESSAGE, thread_id=run.thread_id, message_id=message_id)
        return self._send("GET", path, models.Message)

    def messages(self, run: Run) -> LazyList[Message]:
        """Lists the messages of a run, oldest first; some servers return the whole thread's."""
        path = build_path(self._MESSAGES, thread_id=run.thread_id)
        return self._list(path, Page[models.Message], _OLDEST_FIRST, filters={"run_id": run.id})

    @contextmanager
    def open_stream(self, request: StreamRequest) -> Iterator[StreamedResponse]:
        """Requests a stream; the response is open while the context lasts."""
        path, sent = request.path, {**request.document, "stream": True}
        with self._transport.stream(
            path, query=request.query, document=sent, headers=self._HEADERS
        ) as response:
            yield StreamedResponse(response, path)

    @contextmanager
    def submit_and_stream(
        self, thread_id: str, run_id: str, request: SubmitToolOutputsRequest
    ) -> Iterator[StreamedResponse]:
        """As :meth:`submit`, with a stream as the response."""
        path = build_path(self._OUTPUTS, thread_id=thread_id, run_id=run_id)
        with self.open_stream(StreamRequest(path=path, document=encoded(request))) as response:
            yield response
