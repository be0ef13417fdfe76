"""Server-sent events: bytes in, events out, and back for the engine. Pure: no I/O.

The rules are those of the HTML standard's event streams; the meaning of events does not belong
here.
"""

from __future__ import annotations

import codecs
from typing import Final, NamedTuple

#: The maximum size of an event, in bytes; a line cannot be longer than its event.
MAX_EVENT_BYTES: Final = 64 * 1024 * 1024

_END_OF_EVENT: Final = b"\n\n"


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
        #: What has come of an event that is not complete; all lines end with LF here.
        self._buffer = bytearray()
        #: The offset at which the search for the end of an event goes on.
        self._searched = 0
        self._at_start = True
        self._after_cr = False
        self._last_id = ""

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """Returns the events that these bytes complete.

        Raises:
            EventTooLargeError: An event does not end within the bound.
        """
        return [event for lines in self.cut(data) for event in self.events(lines)]

    def cut(self, data: bytes) -> list[str]:
        """Returns the lines of each event that these bytes complete, for :meth:`events`.

        Raises:
            EventTooLargeError: An event does not end within the bound.
        """
        buffer = self._buffer
        if len(buffer) > self._max:
            raise EventTooLargeError(f"an event is larger than {self._max} bytes")
        if not data:  # which is not the next byte after a CR
            return []
        if self._after_cr or b"\r" in data:
            data = self._with_lf(data)
        if buffer:
            buffer += data
            if not self._at_start and buffer.find(_END_OF_EVENT, self._searched) < 0:
                self._searched = len(buffer) - 1
                return []
            data = bytes(buffer)
        if self._at_start:
            if len(data) < len(codecs.BOM_UTF8) and codecs.BOM_UTF8.startswith(data):
                self._buffer = bytearray(data)
                return []
            data = data.removeprefix(codecs.BOM_UTF8)
            self._at_start = False
        events = data.split(_END_OF_EVENT)
        rest = events.pop()
        if rest or buffer:
            self._buffer = bytearray(rest)
            self._searched = max(len(rest) - 1, 0)
        return [str(lines, "utf-8", "replace") for lines in events]

    def finish(self) -> list[ServerSentEvent]:
        """Returns the last event if its empty line is missing, whole or cut."""
        events = self.events(self._buffer.decode("utf-8", "replace"))
        self._buffer, self._searched = bytearray(), 0
        return [event._replace(is_complete=False) for event in events]

    def _with_lf(self, data: bytes) -> bytes:
        """Returns the bytes with LF for each end of a line, of which CR, or both, is another."""
        if self._after_cr:
            data = data.removeprefix(b"\n")  # the CR was the whole of the line's end
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def events(self, lines: str) -> list[ServerSentEvent]:
        """Returns the event of these lines, if it has data, after its stray lines, if any."""
        first, _, second = lines.partition("\n")
        if first[:7] == "event: " and second[:6] == "data: " and "\n" not in second:
            return [ServerSentEvent(first[7:], second[6:], self._last_id)]  # as nearly all are
        name = ""
        data: list[str] = []
        strays: list[str] = []
        for line in lines.split("\n"):
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


def encode_event(event: str, data: str) -> bytes:
    """Returns the bytes of one event."""
    lines = data.replace("\n", "\ndata: ")
    return f"event: {event}\ndata: {lines}\n\n".encode()
