"""The events of a run, request by request, across tool rounds and broken connections.

The requests are in ``_calls/run_calls.py``, the rounds in which functions are called in
``function_tools/tool_rounds.py``, the decoding of bytes into events in ``_http/sse.py`` and
``event_decoder.py``, and the public object is in ``run_stream.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from assistants_client._http.sse import EventTooLargeError, ServerSentEvent
from assistants_client._json.codec import InvalidValueError, decode, encode
from assistants_client.errors import (
    APIError,
    APIResponseError,
    APIStatusError,
    AssistantsError,
    NotFoundError,
    RunError,
    StreamError,
    StreamInterruptedError,
    WaitTimeoutError,
)
from assistants_client.models.events import (
    RUN_EVENTS,
    STEP_EVENTS,
    Done,
    Event,
    MessageChange,
    MessageCompleted,
    MessageCreated,
    MessageDelta,
    MessageIncomplete,
    MessageInProgress,
    PartDelta,
    RefusalPartDelta,
    RunInProgress,
    RunStepCancelled,
    RunStepCompleted,
    RunStepCreated,
    RunStepDelta,
    RunStepExpired,
    RunStepFailed,
    RunStepInProgress,
    TextPartDelta,
    TextPiece,
    ThreadCreated,
    UnknownEvent,
)
from assistants_client.models.messages import Message, RefusalPart, TextPart
from assistants_client.models.run_requests import SubmitToolOutputsRequest
from assistants_client.models.run_steps import MessageCreationDetails, RunStep
from assistants_client.models.runs import Run, is_settled
from assistants_client.streaming.event_decoder import (
    PlainText,
    check_no_error,
    read_event,
    read_events,
)
from assistants_client.streaming.snapshots import Snapshots

if TYPE_CHECKING:
    from assistants_client._calls.run_calls import RunCalls, StreamedResponse, StreamRequest
    from assistants_client.function_tools.tool_rounds import Outputs, ToolRounds
    from assistants_client.streaming.bounds import Response, StreamBounds
    from assistants_client.waiting.waiter import Waiter

T = TypeVar("T")

#: The largest JSON response, in bytes, that is read in place of a stream.
_LARGEST_RESPONSE = 64 * 1024 * 1024


class RunStreamSession:
    """A run's stream: its events and snapshots so far, and the requests for more.

    It has no reference to the ``RunStream`` that holds it: one that is dropped must be freed at
    once, and with it the generator and its connection.

    Args:
        first: The request that it begins with.
        calls: All other requests.
        waiter: Polls where a stream broke.
        rounds: Calls the functions.
        resume: False raises an error where a stream breaks, without polling.
        timeout: Seconds for the whole; see ``StreamOptions``.
        stalled_after: Seconds without an event.
    """

    def __init__(
        self,
        first: StreamRequest,
        calls: RunCalls,
        waiter: Waiter,
        rounds: ToolRounds,
        *,
        resume: bool,
        timeout: float | None = None,
        stalled_after: float | None = None,
    ) -> None:
        self._first = first
        self._calls = calls
        self._waiter = waiter
        self._rounds = rounds
        self._resume = resume
        self._timeout = timeout
        self._stalled_after = stalled_after
        self._bounds = self._new_bounds()
        self._response: Response | None = None
        #: All events so far; those of a stream undecoded, for objects would cost three times
        #: the memory, and the garbage collector's time.
        self._received: list[Event | ServerSentEvent | PlainText] = []
        self.run: Run | None = None
        self.messages: Snapshots[Message] = Snapshots(Message)
        self.steps: Snapshots[RunStep] = Snapshots(RunStep)
        #: The caller's own outputs for the current calls.
        self.outputs: Outputs | None = None
        #: The text of the event in hand that came without deltas.
        self._late: MessageDelta | None = None
        self.is_over: bool = False
        self.is_closed: bool = False

    def events(self) -> Generator[Event | PlainText, None, None]:
        """Yields all events, up to the run's end; those of a piece of text as their content."""
        try:
            yield from self._all_requests()
        except StreamError as error:
            error.run = self.run
            raise

    def interrupt(self) -> None:
        """Ends, from another thread, the wait of :meth:`events` for the next bytes."""
        response = self._response
        if response is not None:
            response.interrupt()

    def interrupted(self, cause: Exception | None = None) -> StreamInterruptedError:
        """Returns the error for a stream that does not go on."""
        text = "the stream ended before its run did"
        if self.is_closed:
            text = "the stream was closed before its run ended"
        elif self.run is not None:
            text = f"the stream ended while run {self.run.id} was {self.run.status!r}"
        text = text if cause is None else f"{text}: {cause}"
        return StreamInterruptedError(text, self.run, self._events_so_far())

    def _events_so_far(self) -> list[Event]:
        return [
            read_event(one) if isinstance(one, (ServerSentEvent, PlainText)) else one
            for one in self._received
        ]

    def _all_requests(self) -> Iterator[Event | PlainText]:
        self._bounds = self._new_bounds()
        yield from self._request(self._begin())
        while (run := self.run) is not None and run.status == "requires_action":
            by_hand, self.outputs = self.outputs, None
            try:
                outputs = self._rounds.outputs_for(run, by_hand)
            except RunError as error:
                if self._rounds.in_doubt:
                    raise self.interrupted(error) from error
                raise
            if outputs is None:
                break
            request = SubmitToolOutputsRequest(outputs)
            self._bounds.event()  # the time of the tools was no silence of the server
            submission = self._opened(
                self._calls.submit_and_stream(run.thread_id, run.id, request), submits=True
            )
            if (yield from self._request(submission, run)):
                self._rounds.taken()
        self.is_over = True
        yield Done()

    @contextmanager
    def _begin(self) -> Iterator[Response]:
        from assistants_client.waiting.deadlines import Deadline
        from assistants_client.waiting.thread_locks import through_lock

        first, clock = self._first, self._waiter.clock
        deadline = Deadline("the stream", self._timeout, clock)
        if first.added_tools is not None:
            given = first
            first = self._in_time(lambda: self._calls.with_assistant_tools(given))
        with ExitStack() as stack:

            def opened() -> Response:
                self._bounds.event()  # the wait for another's run was no silence of this one's
                return stack.enter_context(self._opened(self._calls.open_stream(first)))

            response = through_lock(
                opened,
                first.thread_id,
                first.on_active_run,
                self._calls,
                self._waiter,
                deadline=deadline,
            )
            if self._timeout is None:
                self._bounds.begun = clock.now()
            yield response

    def _new_bounds(self) -> StreamBounds:
        # An import of ``RunStream`` for its name alone does not load the modules for waiting.
        from assistants_client.streaming.bounds import StreamBounds

        return StreamBounds(self._timeout, self._stalled_after, self._waiter.clock)

    def _opened(
        self, opening: AbstractContextManager[StreamedResponse], *, submits: bool = False
    ) -> AbstractContextManager[Response]:
        from assistants_client.streaming.bounds import opened

        return opened(opening, self._bounds, self._missed, submits=submits)

    def _missed(self) -> WaitTimeoutError:
        return self._bounds.missed(self.run)

    def _request(  # noqa: PLR0912 - the loop over events, whose cost counts, is in one place
        self, opening: AbstractContextManager[Response], waiting: Run | None = None
    ) -> Generator[Event | PlainText, None, bool]:
        """Yields the events of one request, until the run is over or requires action.

        Returns:
            True if the server accepted it; else the run is still ``waiting`` as it was.
        """
        received = len(self._received)
        cause: APIError | EventTooLargeError | None = None
        response: Response | None = None
        is_bounded = self._stalled_after is not None
        self._check_open()
        try:
            with opening as response:
                self._response = response
                self._check_open()
                if response.is_json:
                    yield from self._events_of_document(response.blocks)
                else:
                    for event, document, kept in read_events(response.blocks):
                        if type(event) is Done:
                            continue  # the run's status decides whether it is over
                        if isinstance(event, PlainText):  # as most are
                            self.messages.add_text(*event)
                            is_end = False
                        else:
                            is_end = self._apply(event, document)
                        if self._late is None:
                            self._received.append(kept)
                            yield event
                        else:
                            yield from self._with_late_text(kept, event)
                        if is_end:
                            return True
                        if is_bounded:
                            self._bounds.event()
        except StreamError as error:
            if response is not None:
                error.args = (response.without_secrets(str(error.args[0])), *error.args[1:])
            raise
        except (APIError, EventTooLargeError) as error:
            is_refused = isinstance(error, APIStatusError) and not error.maybe_created
            if is_refused or (self.run is None and (response is None or response.is_json)):
                raise
            cause = error
        finally:
            self._response = None
        self._check_open()
        is_json = response is not None and response.is_json and cause is None
        if len(self._received) > received or is_json:
            waiting = None
        return (yield from self._recover_by_polling(cause, waiting, polled=is_json))

    def _check_open(self) -> None:
        if self.is_closed:
            raise self.interrupted()

    def _apply(self, event: Event, document: Any) -> bool:
        """Applies an event to the snapshots; returns whether it is its request's last."""
        match event:
            case MessageDelta(id=identity):
                self.messages.add(identity, document.get("delta"))
            case RunStepDelta(id=identity):
                self.steps.add(identity, document.get("delta"))
            case MessageCreated(message) | MessageInProgress(message):
                self._late = self._late_text(message)
                self.messages.begin(
                    message.id, document, keeps=None if type(event) is MessageCreated else "content"
                )
            case MessageCompleted(message) | MessageIncomplete(message):
                self._late = self._late_text(message)
                self.messages.put(message)
            case RunStepCreated(step) | RunStepInProgress(step):
                self.steps.begin(step.id, document)
            case (
                RunStepCompleted(step)
                | RunStepFailed(step)
                | RunStepCancelled(step)
                | RunStepExpired(step)
            ):
                self.steps.put(step)
            case UnknownEvent():
                if isinstance(document, dict) and document.get("object") == "thread.run":
                    with suppress(InvalidValueError):
                        self.run = decode(Run, document)
            case ThreadCreated() | Done():
                pass
            case _:
                self.run = event.run
                return is_settled(event.run)
        return False

    def _late_text(self, message: Message) -> MessageDelta | None:
        """Returns the text of a message that no delta had, in a delta, for readers of deltas."""
        if message.role == "user" or self.messages.is_complete(message.id):
            return None
        pieces = _missing_pieces(message, self.messages.content(message.id))
        return MessageDelta(id=message.id, delta=MessageChange(content=pieces)) if pieces else None

    def _with_late_text(
        self, kept: ServerSentEvent | PlainText, event: Event | PlainText
    ) -> Iterator[Event | PlainText]:
        """Yields an event and the late text: behind a beginning, and before an end."""
        late, self._late = self._late, None
        both: list[tuple[Event | ServerSentEvent | PlainText, Event | PlainText]] = [(kept, event)]
        if late is not None:
            is_end = isinstance(event, (MessageCompleted, MessageIncomplete))
            both.insert(0 if is_end else 1, (late, late))
        for one, yielded in both:
            self._received.append(one)
            yield yielded

    def _events_of_document(self, blocks: Iterable[bytes]) -> Iterator[Event]:
        """Yields the event of a run in a JSON response, as servers without streams return it."""
        content = bytearray()
        for block in blocks:
            content += block
            if len(content) > _LARGEST_RESPONSE:
                raise APIResponseError("the response to a streamed request is too large")
        try:
            document = json.loads(content)
            check_no_error(document)
            run = decode(Run, document)
        except (ValueError, RecursionError):
            raise APIResponseError(
                "the response to a streamed request is no stream and no run"
            ) from None
        self.run = run
        if not is_settled(run):
            event = RUN_EVENTS.get(run.status, RunInProgress)(run)
            self._received.append(event)
            yield event

    # --- recovery of a broken stream ------------------------------------------------------------

    def _recover_by_polling(
        self, cause: Exception | None, waiting: Run | None, *, polled: bool
    ) -> Generator[Event, None, bool]:
        """Polls, and yields the missing events; returns false if the run is still ``waiting``."""
        from assistants_client.waiting.polling import wait_for_run

        if self.run is None or not (self._resume or polled):
            raise self.interrupted(cause) from cause
        try:
            run = self.run
            if not run.is_final:
                run = wait_for_run(
                    run.thread_id,
                    run.id,
                    calls=self._calls,
                    waiter=self._waiter,
                    last=run,
                    timeout=self._bounds.timeout,
                    begun=self._bounds.begun,
                    stalled_after=self._stalled_after,
                    # A stream that is closed does not wait for its run.
                    on_poll=lambda _: self._check_open(),
                )
            if waiting is not None and _has_same_calls(run, waiting):
                return False
            missing = self._in_time(lambda: list(self._missing(run)))
        except StreamInterruptedError:
            raise
        except AssistantsError as error:
            if self._bounds.is_exact and isinstance(error, WaitTimeoutError):
                raise
            raise self.interrupted(error) from error
        for event in missing:
            self._received.append(event)
            yield event
        self.run = run
        last = RUN_EVENTS.get(run.status, RunInProgress)(run)
        self._received.append(last)
        yield last
        return True

    def _in_time(self, call: Callable[[], T]) -> T:
        from assistants_client._http.deadline import TooLateError, within

        if not self._bounds.is_exact:
            return call()
        try:
            return within(self._bounds.left(), call)
        except TooLateError:
            raise self._missed() from None

    def _missing(self, run: Run) -> Iterator[Event]:
        """Yields the events about messages and steps that were not received."""
        steps: list[RunStep] = []
        with suppress(APIStatusError):  # not every server has them
            steps = list(self._calls.steps(run))
        listed = set()
        for step in steps:
            if self.steps.is_complete(step.id):
                continue
            if not self.steps.has(step.id):
                yield RunStepCreated(step)
            if isinstance(step.step_details, MessageCreationDetails):
                identity = step.step_details.message_creation.message_id
                listed.add(identity)
                if identity and not self.messages.is_complete(identity):
                    yield from self._message_events(run, self._calls.message(run, identity))
            last = STEP_EVENTS.get(step.status)
            if last is None or last is RunStepInProgress:
                self.steps.begin(step.id, encode(step))
            else:
                self.steps.put(step)
                yield last(step)
        unlisted = [one for one in self.messages.partial() if steps and one not in listed]
        for identity in unlisted:
            try:
                message = self._calls.message(run, identity)
            except NotFoundError:
                # Its server ended while it was written, and another one has begun anew.
                self.messages.keep(listed)
                self.steps.keep({step.id for step in steps})
            else:
                yield from self._message_events(run, message)
        for message in () if steps else self._calls.messages(run):
            is_held = self.messages.has(message.id)
            if (is_held or message.run_id == run.id) and not self.messages.is_complete(message.id):
                yield from self._message_events(run, message)

    def _message_events(self, run: Run, message: Message) -> Iterator[Event]:
        """Yields one message's missing events; its text in a delta, for readers of deltas alone."""
        if not self.messages.has(message.id):
            yield MessageCreated(message)
        pieces = _missing_pieces(message, self.messages.content(message.id))
        if pieces:
            yield MessageDelta(id=message.id, delta=MessageChange(content=pieces))
        if message.status == "in_progress" and not run.is_final:
            self.messages.begin(message.id, encode(message))
            return
        self.messages.put(message)
        is_complete = message.status != "incomplete"
        yield MessageCompleted(message) if is_complete else MessageIncomplete(message)


def _has_same_calls(run: Run, waiting: Run) -> bool:
    return run.status == "requires_action" and run.tool_calls == waiting.tool_calls


def _missing_pieces(message: Message, held: dict[int, Any]) -> list[PartDelta]:
    """Returns the ends of a message's texts that were not received.

    Nothing of a text that does not begin with the received part: no delta can correct it.
    """
    if held and max(held) >= len(message.content):  # a server that does not count from 0
        held = dict(enumerate(held[index] for index in sorted(held)))
    pieces: list[PartDelta] = []
    for index, part in enumerate(message.content):
        before = held.get(index) or {}
        match part:
            case TextPart(text=text):
                received = str((before.get("text") or {}).get("value") or "")
                if text.value.startswith(received) and text.value != received:
                    piece = TextPiece(value=text.value[len(received) :])
                    pieces.append(TextPartDelta(index=index, text=piece))
            case RefusalPart(refusal=refusal):
                received = str(before.get("refusal") or "")
                if refusal.startswith(received) and refusal != received:
                    pieces.append(RefusalPartDelta(index=index, refusal=refusal[len(received) :]))
            case _:
                pass
    return pieces
