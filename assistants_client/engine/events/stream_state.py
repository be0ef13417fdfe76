"""The events that a stream has sent of a run, may send next, and still has to send.

The order of the protocol's events is decided here. Pure: documents come in and go out.

Two sources are merged: events as they happen, and the objects as they are stored. Either may be
ahead of the other, so nothing is sent twice and nothing that has been overtaken is sent at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from attrs import frozen

from assistants_client.engine.events.deltas import (
    NO_TEXT,
    parts_delta,
    refusal_delta,
    rest_of_text,
    whole_calls,
    words_of,
)
from assistants_client.models._base import JsonObject
from assistants_client.models.runs import FINAL_STATUSES

#: An event's name and its object.
NamedEvent: TypeAlias = tuple[str, JsonObject]

THREAD: Final = "thread"
RUN: Final = "thread.run"
STEP: Final = "thread.run.step"
MESSAGE: Final = "thread.message"

#: How far a run is, within one stream: it only goes upwards.
_CREATED, _QUEUED, _IN_PROGRESS, _CANCELLING, _OVER = range(5)
_RUN_PLACES: Final[Mapping[str, int]] = {
    "created": _CREATED,
    "queued": _QUEUED,
    "in_progress": _IN_PROGRESS,
    "cancelling": _CANCELLING,
    "requires_action": _OVER,
    **dict.fromkeys(FINAL_STATUSES, _OVER),
}
#: The names of the events after which a run is final, or requires its caller.
SETTLING: Final = frozenset(f"{RUN}.{word}" for word, at in _RUN_PLACES.items() if at == _OVER)
#: How far a step or a message is, likewise.
_BEGUN, _WORKED_ON, _ENDED = range(3)
_PLACES: Final[Mapping[str, int]] = {"created": _BEGUN, "in_progress": _WORKED_ON}

#: What a step or message did not have yet when it was begun.
_LATER_FIELDS: Final = (
    "last_error",
    "usage",
    "completed_at",
    "failed_at",
    "cancelled_at",
    "expired_at",
    "incomplete_at",
    "incomplete_details",
)


@frozen(kw_only=True)
class StoredRun:
    """A run as it is stored, with its steps, oldest first, and its messages by id."""

    run: JsonObject
    steps: Sequence[JsonObject]
    messages: Mapping[str, JsonObject]


class StreamState:
    """The state of one stream, from where the run is queued to where it ends or needs its caller.

    Attributes:
        is_over: Whether the last event was sent.
    """

    def __init__(self) -> None:
        self.is_over: bool = False
        self._run: JsonObject = {}
        self._run_place = -1
        self._places: dict[str, int] = {}
        #: Steps and messages all of whose pieces were sent: only of these another one can be.
        self._whole: set[str] = set()
        #: How many characters were sent of each part of a message, by the message and its place;
        #: of an image, that it was.
        self._characters: dict[tuple[str, int], int] = {}
        #: How many annotations of it were sent, likewise.
        self._annotations: dict[tuple[str, int], int] = {}

    def mark_sent(self, stored: StoredRun) -> None:
        """Takes steps and messages as sent, as far as they are: they belong to an earlier part."""
        for document in (*stored.steps, *stored.messages.values()):
            is_open = document["status"] == "in_progress"
            self._places[document["id"]] = _WORKED_ON if is_open else _ENDED

    def on_event(self, name: str, document: JsonObject) -> Iterator[NamedEvent]:
        """Yields what to send of an event that has happened: itself, nothing, or a bit more."""
        noun, _, word = name.rpartition(".")
        if noun == RUN:
            place = _RUN_PLACES[word]
            if place < self._run_place and document.get("started_at") is not None:
                self.mark_lost()  # released: another worker goes on, and writes anew what is open
            # Whatever came before the run was queued belongs to an earlier part of it.
            if self._run_place >= _CREATED or place <= _QUEUED:
                yield from self._run_event(word, document)
        elif noun == THREAD:
            yield name, document
        elif word == "delta":
            yield from self._piece(noun, document)
        else:
            identity = document["id"]
            place, before = _PLACES.get(word, _ENDED), self._places.get(identity, -1)
            if place == _BEGUN and before < _ENDED:
                self._whole.add(identity)  # also where it was read from the store first
            if place > before:
                if noun == MESSAGE and place == _ENDED:
                    yield from self._rest_of(document)
                self._places[identity] = place
                yield name, document

    def _piece(self, noun: str, delta: JsonObject) -> Iterator[NamedEvent]:
        identity = delta["id"]
        if identity in self._whole and self._places[identity] < _ENDED:
            if noun == MESSAGE:
                self._count_all(delta)
            yield f"{noun}.delta", delta

    def mark_lost(self) -> None:
        """Notes that events were lost: of what is open now no more pieces are sent."""
        self._whole.clear()

    def missing(self, stored: StoredRun) -> Iterator[NamedEvent]:
        """Yields what the store has and was not sent yet; it is taken as sent."""
        run = stored.run
        status = run["status"]
        if self._run_place == _CREATED:
            yield from self._run_event("queued", self._run)
        # An object of another status would belie the event's name: such an event is left out,
        # unless what the object was like can be worked out.
        if (
            self._run_place < _IN_PROGRESS
            and status != "queued"
            and run["started_at"] not in (None, self._run.get("started_at"))
        ):
            then = {**self._run, "status": "in_progress", "started_at": run["started_at"]}
            yield from self._run_event("in_progress", run if status == "in_progress" else then)
        for step in stored.steps:
            yield from self._begun(STEP, step)
            created = step["step_details"].get("message_creation") or {}
            message = stored.messages.get(created.get("message_id", ""))
            if message is not None:
                yield from self._begun(MESSAGE, message)
                yield from self._ended(MESSAGE, message)
            yield from self._ended(STEP, step)
        if _RUN_PLACES[status] > _IN_PROGRESS:
            yield from self._run_event(status, run)

    def _run_event(self, word: str, run: JsonObject) -> Iterator[NamedEvent]:
        place = _RUN_PLACES[word]
        if place > self._run_place:
            self._run_place, self._run = place, run
            self.is_over = place == _OVER
            yield f"{RUN}.{word}", run

    def _count_all(self, delta: JsonObject) -> None:
        for part in delta["delta"]["content"]:
            key = delta["id"], part["index"]
            words, annotations = words_of(part) or "", part.get("text", {}).get("annotations", ())
            self._characters[key] = self._characters.get(key, 0) + len(words)
            self._annotations[key] = self._annotations.get(key, 0) + len(annotations)

    def _rest_of(self, message: JsonObject) -> Iterator[NamedEvent]:
        """Yields what of a message was not sent yet, in pieces: some readers read nothing else."""
        for delta in self._deltas_of(message):
            self._count_all(delta)
            yield f"{MESSAGE}.delta", delta

    def _deltas_of(self, message: JsonObject) -> Iterator[JsonObject]:
        identity = message["id"]
        images: dict[int, JsonObject] = {}
        for place, part in enumerate(message["content"]):
            key = identity, place
            sent = self._characters.get(key, 0)
            words = words_of(part)
            if words is None:
                if key not in self._characters:
                    images[place] = part
                continue
            if images:
                if part["type"] == "text" and key not in self._characters:
                    images[place] = NO_TEXT
                yield parts_delta(identity, images)
                images = {}
            if part["type"] == "text":
                yield from rest_of_text(
                    identity,
                    part["text"],
                    sent,
                    self._annotations.get(key, 0),
                    is_first=key not in self._characters,
                    index=place,
                )
            elif words[sent:]:
                yield refusal_delta(identity, words[sent:], index=place)
        if images:
            yield parts_delta(identity, images)

    def _begun(self, noun: str, document: JsonObject) -> Iterator[NamedEvent]:
        place = self._places.get(document["id"], -1)
        for word, its_place in _PLACES.items():
            if place < its_place:
                yield f"{noun}.{word}", as_begun(document)
        self._places[document["id"]] = max(place, _WORKED_ON)
        if noun == STEP and place < _BEGUN:
            for delta in whole_calls(document):
                yield f"{STEP}.delta", delta

    def _ended(self, noun: str, document: JsonObject) -> Iterator[NamedEvent]:
        if document["status"] != "in_progress" and self._places[document["id"]] < _ENDED:
            if noun == MESSAGE:
                yield from self._rest_of(document)
            self._places[document["id"]] = _ENDED
            yield f"{noun}.{document['status']}", document


def as_begun(document: JsonObject) -> JsonObject:
    """Returns a step or a message as it was when it was begun."""
    begun = {**document, "status": "in_progress"}
    begun.update((name, None) for name in _LATER_FIELDS if name in document)
    if "content" in document:
        begun["content"] = []
    details = document.get("step_details") or {}
    if "tool_calls" in details:
        begun["step_details"] = {**details, "tool_calls": []}
    return begun
