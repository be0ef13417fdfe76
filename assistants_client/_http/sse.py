"""Server-sent events: bytes in, events out, and back for the engine. Pure: no I/O.

The rules are those of the HTML standard's event streams; the meaning of events does not belong
here.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

#: The maximum size of an event, in bytes; a line cannot be longer than its event.
MAX_EVENT_BYTES: Final = 64 * 1024 * 1024

#: An event ends with an empty line, and a line with CR, LF, or both.
_END_OF_EVENT: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_END_OF_LINE: Final = re.compile(r"\r\n|\n|\r")
#: The number of searched bytes that can belong to an incomplete end of an event.
_PART_OF_END: Final = 2


class EventTooLargeError(ValueError):
    """An event does not end within the bound."""


class ServerSentEvent(NamedTuple):
    """One event; ``event`` is empty where the stream does not name it.

    ``id`` is the last one in the stream. ``is_complete`` is false for the last event if its empty
    line is missing: it may be cut. ``is_stray`` is true for ``data`` from lines that are no fields
    of the format, where the decoder keeps such.
    """

    event: str
    data: str
    id: str = ""
    is_complete: bool = True
    is_stray: bool = False


class SseDecoder:
    """A decoder that is fed a stream's bytes, and returns events as soon as they are complete.

    Args:
        max_event_bytes: The maximum size of an event.
        keeps_strays: True returns lines in no field of the format too, before the event of their
            block. The standard ignores them; some servers put their errors there.
    """

    def __init__(
        self, max_event_bytes: int = MAX_EVENT_BYTES, *, keeps_strays: bool = False
    ) -> None:
        self._max = max_event_bytes
        self._keeps_strays = keeps_strays
        self._buffer = bytearray()
        #: The offset at which the search for the end of an event goes on.
        self._searched = 0
        self._at_start = True
        self._has_cr = False
        self._last_id = ""

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Returns the events that these bytes complete.

        Raises:
            EventTooLargeError: An event does not end within the bound.
        """
        buffer = self._buffer
        if len(buffer) > self._max:
            raise EventTooLargeError(f"an event is larger than {self._max} bytes")
        self._has_cr = self._has_cr or b"\r" in data
        is_one = data[-2:] == b"\n\n" and data.find(b"\n\n") == len(data) - 2
        if is_one and not (buffer or self._at_start or self._has_cr):
            return self._events(data[:-2])  # an event to a chunk, as servers send them
        buffer += data
        if self._at_start:
            if codecs.BOM_UTF8.startswith(bytes(buffer[:3])):
                if len(buffer) < len(codecs.BOM_UTF8):
                    return []
                del buffer[:3]
            self._at_start = False
        events: list[ServerSentEvent] = []
        start, searched = 0, self._searched
        while True:
            if self._has_cr:
                found = _END_OF_EVENT.search(buffer, searched)
                end, after = found.span() if found else (-1, -1)
            else:  # nearly always, and ten times as fast
                end = buffer.find(b"\n\n", searched)
                after = end + 2
            if end < 0:
                break
            events += self._events(buffer[start:end])
            start = searched = after
        del buffer[:start]
        self._searched = max(len(buffer) - _PART_OF_END, 0)
        return events

    def finish(self) -> list[ServerSentEvent]:
        """Returns the last event if its empty line is missing, whole or cut."""
        events = self._events(self._buffer)
        self._buffer, self._searched = bytearray(), 0
        return [event._replace(is_complete=False) for event in events]

    def _events(self, block: bytes | bytearray) -> list[ServerSentEvent]:
        """Returns the event of a block of lines, if it has data, after its stray lines, if any."""
        text = block.decode("utf-8", "replace")
        if not self._has_cr:
            first, _, second = text.partition("\n")
            if first[:7] == "event: " and second[:6] == "data: " and "\n" not in second:
                return [ServerSentEvent(first[7:], second[6:], self._last_id)]  # as nearly all are
        name = ""
        data: list[str] = []
        strays: list[str] = []
        for line in _END_OF_LINE.split(text) if self._has_cr else text.split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
            elif field == "id":
                self._last_id = value if "\0" not in value else self._last_id
            elif field and field != "retry":
                strays.append(line)
        events = []
        if strays and self._keeps_strays:
            stray = ServerSentEvent(name, "\n".join(strays), self._last_id, is_stray=True)
            events.append(stray)
        if data:
            events.append(ServerSentEvent(name, "\n".join(data), self._last_id))
        return events


def decode_stream(
    blocks: Iterable[bytes], max_event_bytes: int = MAX_EVENT_BYTES
) -> Iterator[ServerSentEvent]:
    """Yields the events of a stream, each as soon as it is complete.

    Raises:
        EventTooLargeError: An event does not end within the bound.
    """
    decoder = SseDecoder(max_event_bytes)
    for block in blocks:
        yield from decoder.feed(block)
    yield from decoder.finish()


def encode_event(event: str, data: str) -> bytes:
    """Returns the bytes of one event."""
    lines = data.replace("\n", "\ndata: ")
    return f"event: {event}\ndata: {lines}\n\n".encode()
