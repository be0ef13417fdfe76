"""The messages of relays to each other, and the readers of an event. Pure: no channel, no threads.

A message is lines of ASCII: the version, its publisher and its serial number, then a line for each
notice, a word and what belongs to it. Whoever does not know a version or a word skips it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import define, field

from assistants_client.models._base import JsonObject
from assistants_client.models.runs import FINAL_STATUSES

_VERSION: Final = "1"

#: An event of a run: the run, a number, the event's name, its document. Without the last two: there
#: was one, which is not sent.
EVENT: Final = "event"
#: The publisher is here; it wants to know who else is.
HELLO: Final = "hello"
#: The publisher is here.
HERE: Final = "here"
#: The publisher is gone.
BYE: Final = "bye"
#: The publisher reads a run.
WANT: Final = "want"
#: The run was stopped.
STOP: Final = "stop"

#: After these events nobody reads a run, until it is asked for again.
_LAST_EVENTS: Final = frozenset(
    f"thread.run.{status}" for status in (*FINAL_STATUSES, "requires_action")
)

_to_json: Final = json.JSONEncoder(separators=(",", ":")).encode


def event_notice(run_id: str, number: int, name: str, document: str, limit: int) -> str:
    """Returns the notice of an event, which may be too large to be sent itself.

    Args:
        run_id: The run.
        number: The event's, among those of the run that this process has published.
        name: The event's name.
        document: Its document in JSON.
        limit: The characters that a notice may have.
    """
    whole = f"{EVENT} {run_id} {number} {name} {document}"
    return whole if len(whole) <= limit else f"{EVENT} {run_id} {number}"


def to_json(document: JsonObject) -> str:
    """Returns a document in JSON, as ASCII and on one line."""
    return _to_json(document)


def packed(publisher: str, serial: int, notices: Iterable[str], limit: int) -> Iterator[str]:
    """Yields messages with all notices, in order; a single one may exceed the limit.

    Args:
        publisher: This process.
        serial: The number of the last message; those before have none, which is 0.
        notices: What is to be said.
        limit: The characters that a message may have.
    """
    head = f"{_VERSION} {publisher} "
    lines: list[str] = []
    length = room = limit - len(head) - len(str(serial))
    for notice in notices:
        if lines and len(notice) + 1 > length:
            yield "\n".join([f"{head}0", *lines])
            lines, length = [], room
        lines.append(notice)
        length -= len(notice) + 1
    if lines:
        yield "\n".join([f"{head}{serial}", *lines])


def room_for_notice(publisher: str, limit: int) -> int:
    """Returns the characters that a notice may have within a message."""
    return limit - len(f"{_VERSION} {publisher} ") - len("\n") - 20  # of any serial number


def unpacked(message: str) -> tuple[str, int, list[list[str]]] | None:
    """Returns publisher, serial number and notices of a message, a notice in its words.

    ``None`` is a message that cannot be read, such as one of another version.
    """
    head, *lines = message.split("\n")
    version, _, rest = head.partition(" ")
    publisher, _, serial = rest.partition(" ")
    if version != _VERSION or not publisher or not serial.isdigit():
        return None
    return publisher, int(serial), [line.split(" ", 4) for line in lines]


@define
class _Wanted:
    #: Of the last event.
    number: int
    #: Until when, by reader.
    readers: dict[str, float] = field(factory=dict)


class WantedRuns:
    """The runs that other processes read, and how many events of each they were sent."""

    def __init__(self) -> None:
        self._runs: dict[str, _Wanted] = {}
        self._highest = 0

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    def add(self, run_id: str, reader: str, until: float) -> None:
        """Notes that a process reads a run."""
        if run_id not in self._runs:
            # Where the run was wanted before, a reader must not take these events for the next.
            self._runs[run_id] = _Wanted(self._highest + 1)
        self._runs[run_id].readers[reader] = until

    def next(self, run_id: str, name: str) -> tuple[int, list[str]] | None:
        """Returns the next event's number and its readers; ``None`` where there are none.

        Args:
            run_id: The run.
            name: The event's name: after its last one a run is not wanted any more.
        """
        wanted = self._runs.get(run_id)
        if wanted is None:
            return None
        if name in _LAST_EVENTS:
            del self._runs[run_id]
        wanted.number += 1
        self._highest = max(self._highest, wanted.number)
        return wanted.number, [*wanted.readers]

    def drop(self, reader: str) -> None:
        """Forgets a process that reads nothing any more."""
        for wanted in self._runs.values():
            wanted.readers.pop(reader, None)
        self._drop_unread()

    def expire(self, now: float) -> None:
        """Forgets what was wanted until now, and not again since."""
        for wanted in self._runs.values():
            for reader in [one for one, until in wanted.readers.items() if until <= now]:
                del wanted.readers[reader]
        self._drop_unread()

    def _drop_unread(self) -> None:
        for run_id in [one for one, wanted in self._runs.items() if not wanted.readers]:
            del self._runs[run_id]
