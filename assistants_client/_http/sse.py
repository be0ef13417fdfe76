"""Server-sent events: bytes in, events out, and back for the engine. Pure: nothing is read here.

The rules are those of the HTML standard's event streams; what an event means is not known here.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

#: The largest event that is gathered, in bytes; a line cannot be longer than its event.
MAX_EVENT_BYTES: Final = 64 * 1024 * 1024

#: An event ends with an empty line, and a line with CR, LF, or both.
_END_OF_EVENT: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_END_OF_LINE: Final = re.compile(r"\r\n|\n|\r")
#: How many of the bytes that were searched can belong to an end that is not whole yet.
_PART_OF_END: Final = 2


class EventTooLargeError(ValueError):
    """An event does not end within the bound."""


class ServerSentEvent(NamedTuple):
    """One event; ``event`` is empty where the stream does not name it.

    ``id`` is the last one that the stream gave. ``is_whole`` is false for what stood at the end
    without its empty line: a last event, or the part of one that was cut. ``is_stray`` is true for
    ``data`` that stood in no field of the format, where the decoder keeps such.
    """

    event: str
    data: str
    id: str = ""
    is_whole: bool = True
    is_stray: bool = False


class SseDecoder:
    """Takes a stream's bytes as they come, and gives its events as soon as they are whole.

    Args:
        max_event_bytes: The largest event that is gathered.
        keeps_strays: Whether lines in no field of the format are given too, before the event that
            they stand with. The standard passes over them; some servers put their errors there.
    """

    def __init__(
        self, max_event_bytes: int = MAX_EVENT_BYTES, *, keeps_strays: bool = False
    ) -> None:
        self._max = max_event_bytes
        self._keeps_strays = keeps_strays
        self._buffer = bytearray()
        #: Where the search for the end goes on: what lies before was searched already.
        self._searched = 0
        self._at_start = True
        self._has_cr = False
        self._last_id = ""

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """The events that these bytes complete.

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
        """What the end of the stream leaves: a last event without its empty line, or part of it."""
        events = self._events(self._buffer)
        self._buffer, self._searched = bytearray(), 0
        return [event._replace(is_whole=False) for event in events]

    def _events(self, block: bytes | bytearray) -> list[ServerSentEvent]:
        """The event of a block of lines, none where it has no data; before it what is stray."""
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
    """The events of a stream, each as soon as it is whole.

    Raises:
        EventTooLargeError: An event does not end within the bound.
    """
    decoder = SseDecoder(max_event_bytes)
    for block in blocks:
        yield from decoder.feed(block)
    yield from decoder.finish()


def encode_event(event: str, data: str) -> bytes:
    """One event's bytes."""
    lines = "".join(f"data: {line}\n" for line in data.split("\n"))
    return f"event: {event}\n{lines}\n".encode()
