"""The public stream: iterate it, submit outputs for its calls, read its snapshots.

The requests and the events of a run are in ``session.py``.
"""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from assistants_client._suggestions import no_attribute
from assistants_client.errors import (
    AssistantsError,
    ConfigurationError,
    InvalidRequestError,
    requires_action_error,
    run_error,
)
from assistants_client.models._base import JsonObject
from assistants_client.models.events import Event, MessageDelta
from assistants_client.models.messages import Message
from assistants_client.models.run_requests import ToolOutput
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run
from assistants_client.streaming.event_decoder import PlainText
from assistants_client.streaming.session import RunStreamSession

_log = logging.getLogger(__name__)


class RunStream:
    """The events of a run, as the server sends them; made by ``client.runs.stream`` and its like.

    Iterate it, within ``with`` so that the connection is closed also when you leave early. It does
    not end quietly: either the run has ended or requires action (see :attr:`run`), or an exception
    is raised.

    * After a connection that breaks once the run exists, the stream recovers by polling: the events
      that are missing follow, and the run's own last one (unless ``resume=False``).
    * When the run requires action, functions given as ``tools`` are called and the stream goes on;
      without them, call :meth:`submit_tool_outputs` while you handle the event.

    One thread iterates; another may call :meth:`close`.

    Raises (while iterating):
        StreamInterruptedError: The stream broke and could not be recovered, or was closed.
        StreamError: The server sent an ``error`` event.
        APIError: The request was refused, or the server not reached.
        WaitTimeoutError: The ``timeout`` was reached, or there was no event for ``stalled_after``
            seconds.
        ToolError: A tool failed, with ``on_tool_error="raise"``.
        RunError: The functions were called ``max_tool_rounds`` times, and the run requires action
            again.
        ConfigurationError: Another thread is iterating it.
    """

    def __init__(self, session: RunStreamSession) -> None:
        self._session = session
        self._events = session.events()

    @property
    def run(self) -> Run | None:
        """The run as last received; ``None`` before the first event about it."""
        return self._session.run

    @property
    def messages(self) -> list[Message]:
        """The run's messages, as far as they have been received."""
        is_over = self.run is not None and self.run.is_final
        # Servers announce messages that never come, under ids of their own.
        return self._session.messages.objects(with_empty=not is_over)

    @property
    def run_steps(self) -> list[RunStep]:
        """The run's steps, as far as they have been received."""
        return self._session.steps.objects(with_empty=True)

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        event = self._next()
        return event.as_event() if isinstance(event, PlainText) else event

    def _next(self) -> Event | PlainText:
        try:
            return next(self._events)
        except StopIteration:
            if self._session.is_over:
                raise
            raise self._session.interrupted() from None
        except ValueError as error:
            is_running = inspect.getgeneratorstate(self._events) == inspect.GEN_RUNNING
            if type(error) is not ValueError or not is_running:
                raise
            raise ConfigurationError(
                "the stream is being iterated already, by another thread or by a tool that calls; "
                "let one thread iterate, and pass its events on, as with a queue.Queue"
            ) from None

    def text(self, *, on_error: Callable[[AssistantsError], str] | None = None) -> Iterator[str]:
        """Yields the pieces of text alone, as they come, and closes the stream behind itself.

        A web view can return it as its response. Nothing is put between two messages. The words of
        a model that refuses are text here, too.

        Args:
            on_error: Called with the error that ends the text too early; what it returns is the
                last piece, and the error goes to the log instead of being raised. So a response
                whose status has been sent can tell its reader. It may raise, too.

        Raises:
            RunError: The run did not complete, or requires action that no function takes.
            AssistantsError: As when iterating.
            ConfigurationError: ``on_error`` is not a function.
        """
        if on_error is None:
            return self._text()
        if not callable(on_error):
            raise ConfigurationError(
                f"on_error: expected a function of the error that returns text, got "
                f"{type(on_error).__name__}"
            )
        return _ended_by(self._text(), on_error)

    def _text(self) -> Iterator[str]:
        try:
            for event in iter(self._next, None):
                if isinstance(event, PlainText):
                    if event.value:
                        yield event.value
                elif isinstance(event, MessageDelta):
                    text = event.text
                    if not text or len(event.delta.content) > 1:
                        text += event.refusal
                    if text:
                        yield text
        finally:
            self.close()
        run = self.run
        if run is not None and run.status == "requires_action":
            raise requires_action_error(run)
        error = None if run is None else run_error(run)
        if error is not None:
            raise error

    def submit_tool_outputs(self, tool_outputs: Sequence[ToolOutput | JsonObject]) -> None:
        """Sets the outputs for the calls of the current ``RunRequiresAction``.

        They are submitted, and the stream goes on, when the next event is requested.

        Raises:
            InvalidRequestError: The run does not require action.
        """
        run = self.run
        if run is None or run.status != "requires_action" or self._session.is_over:
            if not self._session.is_over:
                status = "not known yet" if run is None else repr(run.status)
                text = f"the run does not require action, its status is {status}"
            elif run is not None and run.status == "requires_action":
                text = "the stream is over; runs.submit_tool_outputs_stream follows the run on"
            else:
                text = "the stream is over"
            raise InvalidRequestError(f"tool_outputs: {text}", path="tool_outputs")
        self._session.outputs = list(tool_outputs)

    def close(self) -> None:
        """Closes the connection; the run goes on. Can be called more than once.

        Another thread that iterates then gets a ``StreamInterruptedError``: at once where it waits
        for the server's next bytes (with urllib3 2.3 or newer), else when they have come; while a
        broken stream recovers by polling, after the next poll.
        """
        self._session.is_closed = True
        try:
            self._events.close()
        except ValueError:  # it is being iterated: by another thread, or by the tool that calls
            self._session.interrupt()

    def __enter__(self) -> RunStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        events = getattr(self, "_events", None)  # without them it was never initialised
        if events is None or events.gi_frame is None:
            return
        if inspect.getgeneratorstate(events) == inspect.GEN_CREATED:
            text = "a stream was never iterated, so nothing was sent and no run was started"
        else:
            text = (
                f"{self!r} was dropped before its end; leave it with close(), or use it so: "
                "with client.runs.stream(...) as stream"
            )
        warnings.warn(text, ResourceWarning, stacklevel=2)

    if not TYPE_CHECKING:  # a type checker says so itself, and means it

        def __getattr__(self, name: str) -> None:
            raise no_attribute(self, name)

    def __repr__(self) -> str:
        status = "not begun" if self.run is None else f"{self.run.id} {self.run.status}"
        return f"<RunStream {status}>"


def _ended_by(pieces: Iterator[str], on_error: Callable[[AssistantsError], str]) -> Iterator[str]:
    """Yields the pieces, and in the place of an error what the function makes of it."""
    try:
        yield from pieces
    except AssistantsError as error:
        last = on_error(error)
        _log.error("A streamed text broke off: %s", error)
        if last:
            yield last
