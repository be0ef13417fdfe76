"""The requests about one run, one method each, for waits and for streams.

Nothing is waited for and nothing decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from assistants_client._calls.resource import ListOptions, Resource, build_path, encoded
from assistants_client._http.transport import Query, Transport
from assistants_client.models.lists import Page
from assistants_client.models.messages import Message, OnActiveRun
from assistants_client.models.runs import Run, SubmitToolOutputsRequest

if TYPE_CHECKING:
    import requests

    from assistants_client._calls.pagination import LazyList
    from assistants_client.models.run_steps import RunStep

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
    """

    path: str
    document: Mapping[str, Any]
    query: Query | None = None
    thread_id: str = ""
    on_active_run: OnActiveRun = "raise"


class StreamedResponse:
    """The response to a request for a stream: events, or one JSON document.

    Attributes:
        is_json: True if it is one document, from a server without streams.
        blocks: The bytes, as they are received.
    """

    def __init__(self, transport: Transport, response: requests.Response, path: str) -> None:
        self.is_json: bool = "json" in response.headers.get("Content-Type", "").lower()
        self.blocks: Iterable[bytes] = transport.prompt_blocks(response, "POST", path)
        self._transport = transport
        self._response = response

    def interrupt(self) -> None:
        """Wakes a thread that waits for the next block."""
        self._transport.interrupt(self._response)


class RunCalls(Resource):
    """Requests that read, cancel and stream a run, and that read its steps and messages."""

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

    def submit(self, thread_id: str, run_id: str, request: SubmitToolOutputsRequest) -> Run:
        """Submits the outputs for the calls of a run that requires action."""
        path = build_path(self._OUTPUTS, thread_id=thread_id, run_id=run_id)
        return self._send("POST", path, Run, request=request)

    def cancel(self, thread_id: str, run_id: str) -> Run:
        """Requests the cancellation of a run."""
        path = build_path(self._CANCEL, thread_id=thread_id, run_id=run_id)
        return self._send("POST", path, Run)

    def steps(self, run: Run) -> LazyList[RunStep]:
        """Lists the steps of a run, oldest first."""
        from assistants_client.models.run_steps import RunStep  # for a stream that broke

        path = build_path(self._STEPS, thread_id=run.thread_id, run_id=run.id)
        return self._list(path, Page[RunStep], _OLDEST_FIRST)

    def message(self, run: Run, message_id: str) -> Message:
        """Reads a message on a run's thread."""
        path = build_path(self._MESSAGE, thread_id=run.thread_id, message_id=message_id)
        return self._send("GET", path, Message)

    def messages(self, run: Run) -> LazyList[Message]:
        """Lists the messages of a run, oldest first; some servers return the whole thread's."""
        path = build_path(self._MESSAGES, thread_id=run.thread_id)
        return self._list(path, Page[Message], _OLDEST_FIRST, filters={"run_id": run.id})

    @contextmanager
    def open_stream(self, request: StreamRequest) -> Iterator[StreamedResponse]:
        """Requests a stream; the response is open while the context lasts."""
        path, sent = request.path, {**request.document, "stream": True}
        with self._transport.stream(
            path, query=request.query, document=sent, headers=self._HEADERS
        ) as response:
            yield StreamedResponse(self._transport, response, path)

    @contextmanager
    def submit_and_stream(
        self, thread_id: str, run_id: str, request: SubmitToolOutputsRequest
    ) -> Iterator[StreamedResponse]:
        """As :meth:`submit`, with a stream as the response."""
        path = build_path(self._OUTPUTS, thread_id=thread_id, run_id=run_id)
        with self.open_stream(StreamRequest(path=path, document=encoded(request))) as response:
            yield response
