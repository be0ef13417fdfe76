"""How a run is followed: request by request, across tool rounds and broken wires.

What a request looks like is in ``resources/_run_calls.py``, when functions are called in
``function_tools/tool_rounds.py``, how bytes become events in ``_http/sse.py`` and
``event_decoder.py``, and what a caller holds in hand is in ``run_stream.py``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from assistants_client._http.sse import EventTooLargeError, ServerSentEvent, decode_stream
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
from assistants_client.models.run_steps import MessageCreationDetails, RunStep
from assistants_client.models.runs import Run, SubmitToolOutputsRequest, is_settled
from assistants_client.streaming.event_decoder import PlainText, check_no_error, read_event
from assistants_client.streaming.snapshots import Snapshots

if TYPE_CHECKING:
    from assistants_client.function_tools.tool_rounds import Outputs, ToolRounds
    from assistants_client.resources._run_calls import RunCalls, StreamedResponse, StreamRequest
    from assistants_client.waiting.polling import Waiter

#: The largest JSON answer, in bytes, that is read in place of a stream.
_LARGEST_ANSWER = 64 * 1024 * 1024


class RunStreamSession:
    """A run's stream so far, and how it goes on.

    It does not know the ``RunStream`` that holds it: one that is dropped must be freed at once, and
    with it the generator and its connection.

    Args:
        first: The request that it begins with.
        calls: All other requests.
        waiter: How a broken stream is made good by polling.
        rounds: What answers the run's calls.
        resume: Whether a broken stream is made good.
    """

    def __init__(
        self,
        first: StreamRequest,
        calls: RunCalls,
        waiter: Waiter,
        rounds: ToolRounds,
        *,
        resume: bool,
    ) -> None:
        self._first = first
        self._calls = calls
        self._waiter = waiter
        self._rounds = rounds
        self._resume = resume
        self._response: StreamedResponse | None = None
        #: All events so far; those of the wire as they came, for objects would cost three times
        #: the memory, and the garbage collector's time.
        self._gathered: list[Event | ServerSentEvent] = []
        self.run: Run | None = None
        self.messages: Snapshots[Message] = Snapshots(Message)
        self.steps: Snapshots[RunStep] = Snapshots(RunStep)
        #: What the caller answers the calls at hand with.
        self.outputs: Outputs | None = None
        self.is_over: bool = False
        self.is_closed: bool = False

    def events(self) -> Generator[Event, None, None]:
        """All events, up to the run's end."""
        try:
            yield from self._all_requests()
        except StreamError as error:
            error.run = self.run
            raise

    def interrupt(self) -> None:
        """Ends from another thread what :meth:`events` is waiting for."""
        response = self._response
        if response is not None:
            response.interrupt()

    def interrupted(self, cause: Exception | None = None) -> StreamInterruptedError:
        """The error for a stream that does not go on."""
        text = "the stream ended before its run did"
        if self.is_closed:
            text = "the stream was closed before its run ended"
        elif self.run is not None:
            text = f"the stream ended while run {self.run.id} was {self.run.status!r}"
        text = text if cause is None else f"{text}: {cause}"
        return StreamInterruptedError(text, self.run, self._events_so_far())

    def _events_so_far(self) -> list[Event]:
        return [
            read_event(one)[0] if isinstance(one, ServerSentEvent) else one
            for one in self._gathered
        ]

    def _all_requests(self) -> Iterator[Event]:
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
            submission = self._calls.submit_and_stream(run.thread_id, run.id, request)
            if (yield from self._request(submission, run)):
                self._rounds.taken()
        self.is_over = True
        yield Done()

    @contextmanager
    def _begin(self) -> Iterator[StreamedResponse]:
        # Waiting needs the transport's modules, and whoever imports ``RunStream`` for its name not.
        from assistants_client.waiting.thread_locks import through_lock

        first = self._first
        with ExitStack() as stack:
            yield through_lock(
                lambda: stack.enter_context(self._calls.open_stream(first)),
                first.thread_id,
                first.on_active_run,
                self._calls,
                self._waiter,
            )

    def _request(
        self, opening: AbstractContextManager[StreamedResponse], waiting: Run | None = None
    ) -> Generator[Event, None, bool]:
        """The events of one request, up to where the run is over or requires action.

        Returns:
            Whether the server took it; if not, the run is still ``waiting`` as it was.
        """
        told = len(self._gathered)
        cause: APIError | EventTooLargeError | None = None
        response: StreamedResponse | None = None
        self._check_open()
        try:
            with opening as response:
                self._response = response
                self._check_open()
                if response.is_json:
                    yield from self._told_at_once(response.blocks)
                else:
                    for sent in decode_stream(response.blocks):
                        event, document = read_event(sent)
                        if type(event) is Done:
                            continue  # the run's status says whether it is over
                        is_end = self._apply(event, document)
                        self._gathered.append(sent)
                        yield event
                        if is_end:
                            return True
        except StreamError:
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
        if len(self._gathered) > told or is_json:
            waiting = None
        return (yield from self._recover_by_polling(cause, waiting, polled=is_json))

    def _check_open(self) -> None:
        if self.is_closed:
            raise self.interrupted()

    def _apply(self, event: Event, document: Any) -> bool:
        """Brings the snapshots up to date; says whether the event is its request's last."""
        if type(document) is PlainText:
            self.messages.add_text(*document)
            return False
        match event:
            case MessageDelta(id=identity):
                self.messages.add(identity, document.get("delta"))
            case RunStepDelta(id=identity):
                self.steps.add(identity, document.get("delta"))
            case MessageCreated(message) | MessageInProgress(message):
                self.messages.begin(message.id, document)
            case MessageCompleted(message) | MessageIncomplete(message):
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

    def _told_at_once(self, blocks: Iterable[bytes]) -> Iterator[Event]:
        """A server without streams answers with the run alone."""
        content = bytearray()
        for block in blocks:
            content += block
            if len(content) > _LARGEST_ANSWER:
                raise APIResponseError("the answer to a streamed request is too large")
        try:
            document = json.loads(content)
            check_no_error(document)
            run = decode(Run, document)
        except (ValueError, RecursionError):
            raise APIResponseError(
                "the answer to a streamed request is no stream and no run"
            ) from None
        self.run = run
        if not is_settled(run):
            event = RUN_EVENTS.get(run.status, RunInProgress)(run)
            self._gathered.append(event)
            yield event

    # --- taking up a broken stream --------------------------------------------------------------

    def _recover_by_polling(
        self, cause: Exception | None, waiting: Run | None, *, polled: bool
    ) -> Generator[Event, None, bool]:
        """What is missing, found by polling; ``False`` if the run is still ``waiting``."""
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
                    # Who closes the stream does not wait for the run.
                    on_poll=lambda _: self._check_open(),
                )
            if waiting is not None and _asks_the_same(run, waiting):
                return False
            missing = list(self._missing(run))
        except StreamInterruptedError:
            raise
        except AssistantsError as error:
            raise self.interrupted(error) from error
        for event in missing:
            self._gathered.append(event)
            yield event
        self.run = run
        last = RUN_EVENTS.get(run.status, RunInProgress)(run)
        self._gathered.append(last)
        yield last
        return True

    def _missing(self, run: Run) -> Iterator[Event]:
        """The events about messages and steps that did not come."""
        steps: list[RunStep] = []
        with suppress(APIStatusError):  # not every server has them
            steps = list(self._calls.steps(run))
        told = set()
        for step in steps:
            if self.steps.is_complete(step.id):
                continue
            if not self.steps.has(step.id):
                yield RunStepCreated(step)
            if isinstance(step.step_details, MessageCreationDetails):
                identity = step.step_details.message_creation.message_id
                told.add(identity)
                if identity and not self.messages.is_complete(identity):
                    yield from self._message_events(run, self._calls.message(run, identity))
            last = STEP_EVENTS.get(step.status)
            if last is None or last is RunStepInProgress:
                self.steps.begin(step.id, encode(step))
            else:
                self.steps.put(step)
                yield last(step)
        if steps:
            yield from self._rest_of_partial(run, steps, told)
            return
        for message in self._calls.messages(run):
            is_known = self.messages.has(message.id)
            if (is_known or message.run_id == run.id) and not self.messages.is_complete(message.id):
                yield from self._message_events(run, message)

    def _rest_of_partial(
        self, run: Run, steps: Sequence[RunStep], told: Collection[str]
    ) -> Iterator[Event]:
        """Yields the rest of messages that no step names."""
        for identity in self.messages.partial():
            if identity in told:
                continue
            try:
                message = self._calls.message(run, identity)
            except NotFoundError:
                # Its server ended while it was written, and another one has begun again.
                self.messages.keep(told)
                self.steps.keep({step.id for step in steps})
            else:
                yield from self._message_events(run, message)

    def _message_events(self, run: Run, message: Message) -> Iterator[Event]:
        """What is missing of one message; its text in a delta, for those who read only deltas."""
        if not self.messages.has(message.id):
            yield MessageCreated(message)
        pieces = _missing_pieces(message, self.messages.content(message.id))
        if pieces:
            yield MessageDelta(id=message.id, delta=MessageChange(content=pieces))
        if message.status == "in_progress" and not run.is_final:
            self.messages.begin(message.id, encode(message))
            return
        self.messages.put(message)
        is_whole = message.status != "incomplete"
        yield MessageCompleted(message) if is_whole else MessageIncomplete(message)


def _asks_the_same(run: Run, waiting: Run) -> bool:
    return run.status == "requires_action" and run.tool_calls == waiting.tool_calls


def _missing_pieces(message: Message, held: dict[int, Any]) -> list[PartDelta]:
    """The ends of a message's texts that did not come.

    Nothing of a text that does not begin with what came: it cannot be mended by adding to it.
    """
    if held and max(held) >= len(message.content):  # a server that does not count from 0
        held = dict(enumerate(held[index] for index in sorted(held)))
    pieces: list[PartDelta] = []
    for index, part in enumerate(message.content):
        before = held.get(index) or {}
        match part:
            case TextPart(text=text):
                came = str((before.get("text") or {}).get("value") or "")
                if text.value.startswith(came) and text.value != came:
                    piece = TextPiece(value=text.value[len(came) :])
                    pieces.append(TextPartDelta(index=index, text=piece))
            case RefusalPart(refusal=refusal):
                came = str(before.get("refusal") or "")
                if refusal.startswith(came) and refusal != came:
                    pieces.append(RefusalPartDelta(index=index, refusal=refusal[len(came) :]))
            case _:
                pass
    return pieces
