"""A run as it happens: typed events from its first to its end, across tool rounds and broken wires.

The stream only knows how to ask for things (``StreamLink``); what a request looks like is the
resource's to know, and how bytes become events is in ``_sse.py`` and ``_events.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from attrs import frozen

from assistants_client._codec import InvalidValueError, decode, encode
from assistants_client._events import read_event
from assistants_client._snapshots import Snapshots
from assistants_client._sse import EventTooLargeError, ServerSentEvent, SseDecoder
from assistants_client.errors import (
    APIError,
    APIResponseError,
    APIStatusError,
    AssistantsError,
    InvalidRequestError,
    RunError,
    StreamError,
    StreamInterruptedError,
    run_error,
)
from assistants_client.models._base import JsonObject
from assistants_client.models.events import (
    RUN_EVENTS,
    Done,
    Event,
    MessageChange,
    MessageCompleted,
    MessageCreated,
    MessageDelta,
    MessageIncomplete,
    MessageInProgress,
    RunRequiresAction,
    RunStepCompleted,
    RunStepDelta,
    TextPartDelta,
    TextPiece,
)
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import MessageCreationDetails, RunStep
from assistants_client.models.runs import RequiredToolCall, Run, ToolOutput

#: How often outputs are sent again when a connection broke before the server took them.
_SUBMISSIONS = 3


@frozen(kw_only=True)
class Answer:
    """A streamed request's answer: events, or one JSON document from a server without streams."""

    is_json: bool
    blocks: Iterable[bytes]


@frozen(kw_only=True)
class StreamLink:
    """What a stream asks of its resource."""

    start: Callable[[], AbstractContextManager[Answer]]
    submit: Callable[[Run, Sequence[ToolOutput | JsonObject]], AbstractContextManager[Answer]]
    settle: Callable[[Run], Run]
    steps: Callable[[Run], Iterable[RunStep]]
    message: Callable[[Run, str], Message]
    messages: Callable[[Run], Iterable[Message]]


class RunStream:
    """The events of a run, as the server sends them; made by ``client.runs.stream`` and its like.

    Iterate it, within ``with`` so that the connection is closed also when you leave early. It does
    not end quietly: either the run has ended (see :attr:`run`), or an exception is raised.

    * A connection that breaks once the run exists is made good by polling: the events that are
      missing follow, and the run's own last one (unless ``resume=False``).
    * When the run requires action, functions given as ``tools`` are called and the stream goes on;
      without them, call :meth:`submit_tool_outputs` while you handle the event.

    Raises (while iterating):
        StreamInterruptedError: The stream broke and could not be taken up again.
        StreamError: The server sent an ``error`` event.
        APIError: The request was refused, or the server not reached.
        ToolError: A tool failed, with ``on_tool_error="raise"``.
    """

    def __init__(
        self,
        link: StreamLink,
        *,
        resume: bool = True,
        answer_calls: Callable[[Run], list[ToolOutput] | None] | None = None,
        max_tool_rounds: int = 10,
    ) -> None:
        self._link = link
        self._resume = resume
        self._answer_calls = answer_calls
        self._max_tool_rounds = max_tool_rounds
        self._run: Run | None = None
        self._messages = Snapshots()
        self._steps = Snapshots()
        self._gathered: list[Event] = []
        self._outputs: Sequence[ToolOutput | JsonObject] | None = None
        self._events = self._all_events()

    # --- what a caller sees ---------------------------------------------------------------------

    @property
    def run(self) -> Run | None:
        """The run as last seen; ``None`` before the first event about it."""
        return self._run

    @property
    def messages(self) -> list[Message]:
        """The run's messages, as far as they have come."""
        is_over = self._run is not None and self._run.is_final
        return self._messages.objects(Message, with_empty=not is_over)

    @property
    def run_steps(self) -> list[RunStep]:
        """The run's steps, as far as they have come."""
        return self._steps.objects(RunStep, with_empty=True)

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def text(self) -> Iterator[str]:
        """Yields the pieces of text alone, as they come: what a web view can answer with.

        Raises:
            RunError: The run did not complete, or requires action that nobody takes.
            AssistantsError: As when iterating.
        """
        for event in self:
            if isinstance(event, MessageDelta) and event.text:
                yield event.text
        run = self._run
        if run is not None and run.status == "requires_action":
            raise RunError(f"run {run.id} requires action, and the stream was given no tools", run)
        error = None if run is None else run_error(run)
        if error is not None:
            raise error

    def submit_tool_outputs(self, tool_outputs: Sequence[ToolOutput | JsonObject]) -> None:
        """Answers the calls of the ``RunRequiresAction`` at hand; the stream goes on with the next.

        Raises:
            InvalidRequestError: The run does not require action.
        """
        if self._run is None or self._run.status != "requires_action":
            status = "not known yet" if self._run is None else repr(self._run.status)
            raise InvalidRequestError(
                f"tool_outputs: the run does not require action, its status is {status}",
                path="tool_outputs",
            )
        self._outputs = list(tool_outputs)

    def close(self) -> None:
        """Closes the connection; the run goes on. Can be called more than once."""
        self._events.close()

    def __enter__(self) -> RunStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        status = "not begun" if self._run is None else f"{self._run.id} {self._run.status}"
        return f"<RunStream {status}>"

    # --- how it comes about ---------------------------------------------------------------------

    def _all_events(self) -> Generator[Event, None, None]:
        try:
            yield from self._rounds()
        except StreamError as error:
            error.run = self._run
            raise

    def _rounds(self) -> Iterator[Event]:
        yield from self._leg(self._link.start)
        rounds = 0
        while self._run is not None and self._run.status == "requires_action":
            outputs = self._outputs or self._called(self._run)
            self._outputs = None
            if outputs is None:
                break
            rounds += 1
            if rounds > self._max_tool_rounds:
                raise RunError(
                    f"run {self._run.id} asked for tools more than {self._max_tool_rounds} times "
                    "(max_tool_rounds)",
                    self._run,
                )
            yield from self._submission(self._run, outputs)
        yield Done()

    def _called(self, run: Run) -> list[ToolOutput] | None:
        return None if self._answer_calls is None else self._answer_calls(run)

    def _submission(
        self, waiting: Run, outputs: Sequence[ToolOutput | JsonObject]
    ) -> Iterator[Event]:
        """The events that follow outputs; they are sent again if the server did not take them."""
        asked = _call_ids(waiting.tool_calls)
        for _ in range(_SUBMISSIONS):
            yield from self._leg(lambda: self._link.submit(waiting, outputs))
            run = self._run
            if run is None or run.status != "requires_action":
                return
            if _call_ids(run.tool_calls) != asked:
                return
        raise StreamInterruptedError(
            f"the server did not take the tool outputs of run {waiting.id}",
            self._run,
            self._gathered,
        )

    def _leg(self, open_answer: Callable[[], AbstractContextManager[Answer]]) -> Iterator[Event]:
        """The events of one request, up to where the run is over or requires action."""
        cause: APIError | EventTooLargeError | None = None
        is_json = False
        try:
            with open_answer() as answer:
                is_json = answer.is_json
                if is_json:
                    self._take_run(b"".join(answer.blocks))
                else:
                    for event in self._read(answer.blocks):
                        yield event
                        if _is_end(event):
                            return
        except StreamError:
            raise
        except (APIError, EventTooLargeError) as error:
            is_refused = isinstance(error, APIStatusError) and not error.maybe_created
            if is_refused or (self._run is None and not self._gathered):
                raise
            cause = error
        yield from self._taken_up(cause, was_json=is_json and cause is None)

    def _read(self, blocks: Iterable[bytes]) -> Iterator[Event]:
        """Typed events, applied to the snapshots before they are given out.

        An end that is not the stream's end is followed by nothing of its own leg; what came with it
        in one block is still read, for servers that repeat themselves.
        """
        decoder = SseDecoder()
        for block in blocks:
            yield from self._typed(decoder.feed(block))
        yield from self._typed(decoder.finish())

    def _typed(self, sent: Iterable[ServerSentEvent]) -> Iterator[Event]:
        for one in sent:
            event, document = read_event(one)
            if isinstance(event, Done):
                continue  # the run's status says whether it is over
            self._apply(event, document)
            self._gathered.append(event)
            yield event

    def _apply(self, event: Event, document: Any) -> None:
        match event:
            case MessageDelta(id=identity):
                self._messages.add(identity, document.get("delta") or {})
            case RunStepDelta(id=identity):
                self._steps.add(identity, document.get("delta") or {})
            case MessageCreated() | MessageInProgress():
                self._messages.put(document, whole=False)
            case MessageCompleted() | MessageIncomplete():
                self._messages.put(document, whole=True)
            case _ if isinstance(document, dict) and document.get("object") == "thread.run":
                self._run = decode(Run, document)
            case _ if isinstance(document, dict) and document.get("object") == "thread.run.step":
                self._steps.put(document, whole=document.get("status") != "in_progress")
            case _:
                pass

    def _take_run(self, content: bytes) -> None:
        """A server without streams answers with the run alone."""
        try:
            self._run = decode(Run, json.loads(content))
        except (ValueError, InvalidValueError) as error:
            raise APIResponseError(
                "the answer to a streamed request is no stream and no run"
            ) from (error)

    # --- taking up a broken stream --------------------------------------------------------------

    def _taken_up(self, cause: Exception | None, *, was_json: bool) -> Iterator[Event]:
        """What is missing, found by polling."""
        if self._run is None or not (self._resume or was_json):
            raise self._interrupted(cause) from cause
        try:
            run = self._run if self._run.is_final else self._link.settle(self._run)
            missing = list(self._missing(run))
        except AssistantsError as error:
            raise self._interrupted(error) from error
        for event in missing:
            self._gathered.append(event)
            yield event
        self._run = run
        last = RUN_EVENTS[run.status](run)
        self._gathered.append(last)
        yield last

    def _interrupted(self, cause: Exception | None) -> StreamInterruptedError:
        text = "the stream ended before its run did"
        if self._run is not None:
            text = f"the stream ended while run {self._run.id} was {self._run.status!r}"
        return StreamInterruptedError(
            text if cause is None else f"{text}: {cause}", self._run, self._gathered
        )

    def _missing(self, run: Run) -> Iterator[Event]:
        """The events about messages and steps that did not come."""
        try:
            steps = list(self._link.steps(run))
        except APIStatusError:
            steps = []  # not every server has them
        told = set()
        for step in steps:
            if isinstance(step.step_details, MessageCreationDetails):
                identity = step.step_details.message_creation.message_id
                if identity and not self._messages.is_whole(identity):
                    yield from self._message_events(self._link.message(run, identity))
                told.add(identity)
            if not self._steps.is_whole(step.id):
                self._steps.put(encode(step), whole=step.status != "in_progress")
                if step.status == "completed":
                    yield RunStepCompleted(step)
        if not steps:
            for message in self._link.messages(run):
                if message.run_id == run.id and not self._messages.is_whole(message.id):
                    yield from self._message_events(message)

    def _message_events(self, message: Message) -> Iterator[Event]:
        before = self._messages.text_of(message.id)
        if message.text.startswith(before) and message.text != before:
            piece = TextPartDelta(text=TextPiece(value=message.text[len(before) :]))
            yield MessageDelta(id=message.id, delta=MessageChange(content=[piece]))
        self._messages.put(encode(message), whole=True)
        is_whole = message.status != "incomplete"
        yield MessageCompleted(message) if is_whole else MessageIncomplete(message)


def _is_end(event: Event) -> bool:
    if isinstance(event, RunRequiresAction):
        return True
    run = getattr(event, "run", None)
    return isinstance(run, Run) and run.is_final


def _call_ids(calls: Iterable[RequiredToolCall]) -> set[str]:
    return {call.id for call in calls}
