"""Server-sent events: bytes in, events out, and back for the engine. Pure: nothing is read here.

The rules are those of the HTML standard's event streams; what an event means is not known here.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from attrs import frozen

#: The largest event that is gathered, in bytes.
MAX_EVENT_BYTES: Final = 64 * 1024 * 1024

#: An event ends with an empty line, and a line with CR, LF, or both.
_END_OF_EVENT: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_LINE: Final = re.compile(r"\r\n|\n|\r")
#: The most bytes of an end that can stand at the end of what was searched.
_LONGEST_END: Final = 4


class EventTooLargeError(ValueError):
    """An event does not end within the bound."""


@frozen
class ServerSentEvent:
    """One event; ``event`` is empty where the stream does not name it."""

    event: str
    data: str
    id: str = ""


class SseDecoder:
    """Takes a stream's bytes as they come, and gives its events as soon as they are whole.

    Args:
        max_event_bytes: The largest event that is gathered.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._buffer = b""
        #: Where the search for the end goes on: what lies before was searched already.
        self._searched = 0
        self._at_start = True
        self._after_cr = False

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """The events that these bytes complete.

        Raises:
            EventTooLargeError: An event does not end within the bound.
        """
        if self._after_cr and data:
            data = data.removeprefix(b"\n")  # the other half of a line's end
            self._after_cr = False
        buffer = self._buffer + data if self._buffer else data
        if self._at_start:
            if codecs.BOM_UTF8.startswith(buffer):
                self._buffer = buffer
                return []
            buffer = buffer.removeprefix(codecs.BOM_UTF8)
            self._at_start = False
        events: list[ServerSentEvent] = []
        start = 0
        for end in _END_OF_EVENT.finditer(buffer, self._searched):
            event = _event(buffer[start : end.start()])
            if event is not None:
                events.append(event)
            start = end.end()
        self._buffer = buffer[start:]
        self._after_cr = start == len(buffer) and buffer.endswith(b"\r")
        if len(self._buffer) > self._max:
            raise EventTooLargeError(f"an event is larger than {self._max} bytes")
        self._searched = max(len(self._buffer) - _LONGEST_END, 0)
        return events

    def finish(self) -> list[ServerSentEvent]:
        """The events that the end of the stream completes: a last one may lack its empty line."""
        rest, self._buffer, self._searched = self._buffer, b"", 0
        event = _event(rest)
        return [] if event is None else [event]


def encode_event(event: str, data: str) -> bytes:
    """One event's bytes."""
    lines = "".join(f"data: {line}\n" for line in data.split("\n"))
    return f"event: {event}\n{lines}\n".encode()


def _event(block: bytes) -> ServerSentEvent | None:
    """The event of a block of lines, or ``None`` where it has no data."""
    text = block.decode("utf-8", "replace")
    name = identity = ""
    data: list[str] = []
    for line in _LINE.split(text) if "\r" in text else text.split("\n"):
        if line.startswith("data:"):
            data.append(line[6:] if line.startswith("data: ") else line[5:])
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            identity = value
    return ServerSentEvent(name, "\n".join(data), identity) if data else None
