"""A run's events as the bytes of an event stream, from where it is queued to where it ends.

Here the events that happen in this process and what is stored come together: the run may be
processed by another process, its worker may die, and a slow reader may lose events. The order in
which they may be sent is stream_state.py's. No HTTP.
"""

from __future__ import annotations

import errno
import json
import logging
import re
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from assistants_client._http.sse import encode_event
from assistants_client._json.codec import encode
from assistants_client.engine.events.broker import Subscription
from assistants_client.engine.events.stream_state import (
    THREAD,
    NamedEvent,
    StoredRun,
    StreamState,
)
from assistants_client.engine.faults import Fault
from assistants_client.models._base import JsonObject
from assistants_client.models.error_body import ErrorBody, ErrorDetail

#: After so many seconds without an event the store is polled: another process may process the run.
#: They are more where many streams are open in this one, which poll so many times a second at most.
POLL_SECONDS: Final = 0.5
POLLS_PER_SECOND: Final = 150
#: So many seconds the store may be unavailable before a stream gives up.
UNAVAILABLE_SECONDS: Final = 60.0
#: After so many seconds without an event a comment is sent, so that no proxy gives up.
KEEP_ALIVE_SECONDS: Final = 15.0

#: Characters beyond ASCII that are escaped: line ends of Unicode, at which many readers cut lines,
#: and halves of surrogate pairs, which have no bytes.
_ESCAPED: Final = re.compile("[\x85\u2028\u2029\ud800-\udfff]")

_KEEP_ALIVE: Final = b": keep-alive\n\n"
_DONE: Final = encode_event("done", "[DONE]")
_to_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_log = logging.getLogger(__name__)


_open_streams: Final[weakref.WeakSet[RunEvents]] = weakref.WeakSet()


class RunEvents:
    """The bytes of one stream, block by block; each block has what there is at that moment.

    It ends with ``done`` after the run's last event, or its ``requires_action``; or with an
    ``error``, which nothing follows. A reader that is slow is sent what it lost as the whole
    objects, without their pieces. When the engine closes first it breaks off with a
    ``ConnectionResetError``, which servers take for a connection that is lost: an end without a
    fault would look as if the run were over.

    Args:
        subscription: The subscription to the run, from before it was queued; closed with this.
        state: The events that were sent already, or need not be.
        load: Returns what is stored of a run; ``None`` where there is none (any more).
        first: The events to begin with.
        shown_step: Returns a stored step as this stream's reader is shown it.
        monotonic: A clock in seconds.
    """

    def __init__(
        self,
        subscription: Subscription,
        state: StreamState,
        load: Callable[[str], StoredRun | None],
        first: Iterable[NamedEvent] = (),
        *,
        shown_step: Callable[[JsonObject], JsonObject] = lambda step: step,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shown_step = shown_step
        self._subscription = subscription
        self._state = state
        self._load = load
        self._first = first
        self._monotonic = monotonic
        self._unavailable_since: float | None = None
        self._has_error = False
        self._blocks = self._all_blocks()
        _open_streams.add(self)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._blocks)

    def close(self) -> None:
        """Ends the stream; the run goes on."""
        _open_streams.discard(self)
        self._subscription.close()

    def _all_blocks(self) -> Iterator[bytes]:
        try:
            yield from self._until_over()
        except ConnectionResetError:
            raise
        except Exception:
            _log.exception("The stream of run %s broke off", self._subscription.run_id)
            yield self._error("The server had an error while streaming the run's events.")
        finally:
            self.close()

    def _until_over(self) -> Iterator[bytes]:
        block = self._encoded(self._accepted(self._first))
        if block:
            # What came before is not sent event by event: what is stored stands for it.
            block += self._stored()
        last = self._monotonic()
        while True:
            if self._state.is_over:
                yield block if self._has_error else block + _DONE
                return
            if block:
                yield block
                last = self._monotonic()
            elif self._monotonic() - last >= KEEP_ALIVE_SECONDS:
                yield _KEEP_ALIVE
                last = self._monotonic()
            pause = max(POLL_SECONDS, len(_open_streams) / POLLS_PER_SECOND)
            events, has_gap = self._subscription.take(pause)
            if not events and self._subscription.is_over:
                raise ConnectionResetError(errno.ECONNRESET, "The engine was closed")
            block = self._encoded(self._accepted((event.name, event.document) for event in events))
            if has_gap:
                self._state.mark_lost()
            if (has_gap or not events) and not self._state.is_over:
                block += self._stored()

    def _accepted(self, events: Iterable[NamedEvent]) -> Iterator[NamedEvent]:
        for name, document in events:
            if not self._state.is_over:
                yield from self._state.on_event(name, document)

    def _stored(self) -> bytes:
        """Returns the events of what is stored and was not sent yet."""
        run_id = self._subscription.run_id
        try:
            stored = self._load(run_id)
        except Fault as fault:
            # The run may well go on; only for so long, though, is a store waited for.
            self._unavailable_since = self._unavailable_since or self._monotonic()
            if self._monotonic() - self._unavailable_since < UNAVAILABLE_SECONDS:
                return b""
            return self._error(fault.message)
        self._unavailable_since = None
        if stored is None:
            return self._error(f"Run {run_id} was deleted.", "invalid_request_error")
        return self._encoded(self._state.missing(stored))

    def _error(self, message: str, kind: str = "server_error") -> bytes:
        """Returns the last event of a stream that cannot go on."""
        self._state.is_over = self._has_error = True
        body = ErrorBody(error=ErrorDetail(message=message, type=kind))
        return encode_event("error", _json(encode(body)))

    def _encoded(self, events: Iterable[NamedEvent]) -> bytes:
        return b"".join(
            encode_event(name, _json(self._shown(document))) for name, document in events
        )

    def _shown(self, document: JsonObject) -> JsonObject:
        if document.get("object") == THREAD:
            # OpenAI's streams had a code interpreter's files, whatever the thread's resources.
            resources = {"code_interpreter": {"file_ids": []}, **document["tool_resources"]}
            return {**document, "tool_resources": resources}
        return self._shown_step(document) if "step_details" in document else document


def _json(document: JsonObject) -> str:
    text = _to_json(document)
    return text if text.isascii() else _ESCAPED.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)
