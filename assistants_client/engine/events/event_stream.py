"""A run's events as the bytes of an event stream, from where it is queued to where it ends.

Here the events that are told in this process and what is stored come together: the run may be
carried by another process, its carrier may die, and a slow reader may miss events. What may be told
in which order is stream_state.py's to know. No HTTP.
"""

from __future__ import annotations

import errno
import json
import logging
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from assistants_client._http.sse import encode_event
from assistants_client._json.codec import encode
from assistants_client.engine.events.broker import Subscription
from assistants_client.engine.events.stream_state import THREAD, NamedEvent, Seen, Told
from assistants_client.engine.faults import Fault
from assistants_client.models._base import JsonObject
from assistants_client.models.error_body import ErrorDetail

#: After so many seconds without an event the store is looked at: another process may carry the run.
#: They are more where many streams are open in this one, which look so many times a second at most.
LOOK_SECONDS: Final = 0.5
LOOKS_A_SECOND: Final = 150
#: So many seconds the store may be out of reach before a stream gives up.
BLIND_SECONDS: Final = 60.0
#: After so many seconds without an event a comment is sent, so that nobody on the way gives up.
KEEP_ALIVE_SECONDS: Final = 15.0

_KEEP_ALIVE: Final = b": keep-alive\n\n"
_DONE: Final = encode_event("done", "[DONE]")

_log = logging.getLogger(__name__)


_open_streams: Final[weakref.WeakSet[RunEvents]] = weakref.WeakSet()


class RunEvents:
    """The bytes of one stream, block by block; each block is what there is at that moment.

    It ends after the run's last event, or its ``requires_action``. A reader that is slow is told of
    what it missed by the whole objects, without their pieces. When the engine closes first it
    breaks off with a ``ConnectionResetError``, which servers take for a connection that is lost: an
    end without a fault would look as if the run were over.

    Args:
        subscription: To the run, from before it was queued; closed with this.
        told: What was told already, or need not be.
        look: What is stored of a run.
        first: Events to begin with.
        shown_step: Makes of a stored step what this stream's reader is shown.
        monotonic: A clock in seconds.
    """

    def __init__(
        self,
        subscription: Subscription,
        told: Told,
        look: Callable[[str], Seen | None],
        first: Iterable[NamedEvent] = (),
        *,
        shown_step: Callable[[JsonObject], JsonObject] = lambda step: step,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shown_step = shown_step
        self._subscription = subscription
        self._told = told
        self._look = look
        self._first = first
        self._monotonic = monotonic
        self._blind_since: float | None = None
        self._blocks = self._all_blocks()
        _open_streams.add(self)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._blocks)

    def close(self) -> None:
        """Ends it; the run goes on."""
        _open_streams.discard(self)
        self._subscription.close()

    def _all_blocks(self) -> Iterator[bytes]:
        try:
            yield from self._until_over()
        except ConnectionResetError:
            raise
        except Exception:
            _log.exception("The stream of run %s broke off", self._subscription.run_id)
            yield _error("The server had an error while streaming the run's events.") + _DONE
        finally:
            self.close()

    def _until_over(self) -> Iterator[bytes]:
        block = self._encoded(self._passing(self._first))
        if block:
            # What came before is not told event by event: what is stored tells it.
            block += self._stored()
        last = self._monotonic()
        while True:
            if self._told.is_over:
                yield block + _DONE
                return
            if block:
                yield block
                last = self._monotonic()
            elif self._monotonic() - last >= KEEP_ALIVE_SECONDS:
                yield _KEEP_ALIVE
                last = self._monotonic()
            pause = max(LOOK_SECONDS, len(_open_streams) / LOOKS_A_SECOND)
            events, has_gap = self._subscription.take(pause)
            if not events and self._subscription.is_over:
                raise ConnectionResetError(errno.ECONNRESET, "The engine was closed")
            block = self._encoded(self._passing((event.name, event.document) for event in events))
            if has_gap:
                self._told.misses()
            if (has_gap or not events) and not self._told.is_over:
                block += self._stored()

    def _passing(self, events: Iterable[NamedEvent]) -> Iterator[NamedEvent]:
        for name, document in events:
            if not self._told.is_over:
                yield from self._told.tells(name, document)

    def _stored(self) -> bytes:
        """What is stored and was not told yet."""
        run_id = self._subscription.run_id
        try:
            seen = self._look(run_id)
        except Fault as fault:
            # The run may well go on; only for so long, though, is a store waited for.
            self._blind_since = self._blind_since or self._monotonic()
            if self._monotonic() - self._blind_since < BLIND_SECONDS:
                return b""
            self._told.is_over = True
            return _error(fault.message)
        self._blind_since = None
        if seen is None:
            self._told.is_over = True
            return _error(f"Run {run_id} was deleted.", "invalid_request_error")
        return self._encoded(self._told.missing(seen))

    def _encoded(self, events: Iterable[NamedEvent]) -> bytes:
        return b"".join(
            encode_event(name, json.dumps(self._shown(document))) for name, document in events
        )

    def _shown(self, document: JsonObject) -> JsonObject:
        if document.get("object") == THREAD:
            # Streams of the service tell of a code interpreter's files, whatever a thread has.
            resources = {"code_interpreter": {"file_ids": []}, **document["tool_resources"]}
            return {**document, "tool_resources": resources}
        return self._shown_step(document) if "step_details" in document else document


def _error(message: str, kind: str = "server_error") -> bytes:
    return encode_event("error", json.dumps(encode(ErrorDetail(message=message, type=kind))))
