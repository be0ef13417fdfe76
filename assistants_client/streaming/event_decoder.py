"""Decoding of server-sent events into typed ones. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from assistants_client._http.error_documents import detail_of, is_error, words_of
from assistants_client._http.sse import ServerSentEvent, SseDecoder
from assistants_client._json.codec import InvalidValueError, decode
from assistants_client.errors import StreamError, error_fields
from assistants_client.models.events import (
    MESSAGE_EVENTS,
    RUN_EVENTS,
    STEP_EVENTS,
    Done,
    Event,
    MessageChange,
    MessageDelta,
    RunInProgress,
    RunStepDelta,
    TextPartDelta,
    TextPiece,
    ThreadCreated,
    UnknownEvent,
)
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run
from assistants_client.models.threads import Thread

#: The beginnings of known event names; the last word is one of those of runs, which have most.
_NOUNS: Final = frozenset({"thread", "thread.run", "thread.run.step", "thread.message"})
_CLASSES: Final[Any] = (TextPiece, TextPartDelta, MessageChange, MessageDelta)
_new: Final = object.__new__
_decoder: Final = json.JSONDecoder()
#: The key of a text, up to its first quote.
_VALUE: Final = re.compile(r'"value"\s*:\s*"')


class PlainText(NamedTuple):
    """The content of most events: a piece of text for a message's part."""

    id: str
    part: int
    value: str

    def as_event(self) -> MessageDelta:
        """Returns the event that has this content."""
        # The constructors, called by name, would take twice as long for the same.
        piece, part, change, event = map(_new, _CLASSES)
        piece._extra = part._extra = change._extra = event._extra = None
        piece.value, piece.annotations = self.value, []
        part.index, part.type, part.text = self.part, "text", piece
        change.role, change.content = None, [part]
        event.id, event.object, event.delta = self.id, "thread.message.delta", change
        made: MessageDelta = event
        return made


#: An event, or its content where it is no more than a piece of text; its JSON document, but of a
#: piece of text none; and what :func:`read_event` makes the event of again, in little memory.
ReadEvent: TypeAlias = "tuple[Event | PlainText, Any, ServerSentEvent | PlainText]"


class _Form(NamedTuple):
    """The lines of an event that is a piece of text: what stands around it, and its first quote."""

    before: str
    behind: str
    content: PlainText

    def read(self, lines: str) -> PlainText | None:
        """Returns the content of an event that has this form, without parsing all of it."""
        before, behind, content = self
        if not (lines.startswith(before) and lines.endswith(behind)):
            return None
        try:
            value, end = _decoder.raw_decode(lines, len(before) - 1)
        except ValueError:
            return None
        is_all = end + len(behind) == len(lines)
        return PlainText(content.id, content.part, value) if is_all else None


def read_events(blocks: Iterable[bytes]) -> Iterator[ReadEvent]:
    """Yields the events of a stream, each as soon as it is complete.

    A server writes all deltas of a text alike, so one that has the form of the last is known but
    for its text.

    Raises:
        StreamError: The server reports an error.
        EventTooLargeError: An event does not end within the decoder's bound.
    """
    decoder = SseDecoder()
    form: _Form | None = None
    for block in blocks:
        for lines in decoder.cut(block):
            plain = None if form is None else form.read(lines)
            if plain is not None:
                yield plain, None, plain
                continue
            for sent in decoder.events(lines):
                event, document = _read(sent)
                if isinstance(event, PlainText):
                    form = _form_of(lines, event)
                yield event, document, sent
    for sent in decoder.finish():
        yield *_read(sent), sent


def _form_of(lines: str, content: PlainText) -> _Form | None:
    """Returns the form of an event, if another text in the same place is read as that text."""
    found = _VALUE.search(lines)
    if found is None:  # its key has escapes
        return None
    start = found.end() - 1
    try:
        value, end = _decoder.raw_decode(lines, start)
    except ValueError:  # it is not there, but in a line of its own, or in another string
        return None
    before, behind = lines[: start + 1], lines[end:]
    other = f"{value}{content.value}+"
    events = SseDecoder().events(f"{before}{json.dumps(other)[1:]}{behind}")
    is_read = [_read(sent)[0] for sent in events] == [content._replace(value=other)]
    return _Form(before, behind, content) if is_read else None


def read_event(sent: ServerSentEvent | PlainText) -> Event:
    """Returns the event.

    Raises:
        StreamError: The server reports an error.
    """
    event = sent if isinstance(sent, PlainText) else _read(sent)[0]
    return event.as_event() if isinstance(event, PlainText) else event


def _read(sent: ServerSentEvent) -> tuple[Event | PlainText, Any]:
    name, data = sent.event, sent.data
    if name == "done" or data in ("[DONE]", '"[DONE]"'):
        return Done(), None
    try:
        document = _decoder.decode(data)
    except (ValueError, RecursionError):
        if not sent.is_complete:
            return Done(), None  # the stream was cut within it
        document = data
    return _read_document(name, document)


def check_no_error(document: Any, name: str = "") -> None:
    """Raises the error that a server sends in place of an object.

    Args:
        document: The object's document.
        name: The name of its event; one that has a name need be no object of the protocol.

    Raises:
        StreamError: The document is an error's.
    """
    if is_error(document, bare=not name):
        raise _stream_error(document)


def _read_document(name: str, document: Any) -> tuple[Event | PlainText, Any]:
    if name == "error":
        raise _stream_error(document)
    if not isinstance(document, dict):
        return UnknownEvent(name, document), None
    if "event" in document and "data" in document and "object" not in document:
        # The other framing: no event line, and both within the data.
        name, inner = str(document["event"]), document["data"]
        if isinstance(inner, str):
            return _read(ServerSentEvent(name, inner))
        return (Done(), None) if name == "done" else _read_document(name, inner)
    if document.get("object") == "thread.message.delta":
        plain = _plain_text(document)
        if plain is not None:
            return plain, None
        document = _with_text_in_parts(document)
    check_no_error(document, name)
    try:
        return _typed(name, document), document
    except InvalidValueError:
        return UnknownEvent(name, document), document


def _typed(name: str, document: dict[str, Any]) -> Event:
    # The object's type counts more than the event's name, for servers mix names up. Of a run its
    # status counts more, too; of steps and messages it is only a fallback.
    noun, _, word = name.rpartition(".")
    kind = document.get("object") or (name if word == "delta" else noun)
    if kind == "thread.message.delta":
        return decode(MessageDelta, document)
    if kind == "thread.run.step.delta":
        return decode(RunStepDelta, document)
    if name and not (noun in _NOUNS and word in RUN_EVENTS):
        return UnknownEvent(name, document)
    status = document.get("status")
    if not isinstance(status, str):
        status = ""
    event: Event | None = None
    if kind == "thread.run":
        by_name = RUN_EVENTS.get(word, RunInProgress)
        by_status = RUN_EVENTS.get(status, by_name)
        event = (by_name if word == "created" else by_status)(decode(Run, document))
    elif kind == "thread.run.step":
        step_event = STEP_EVENTS.get(word) or STEP_EVENTS.get(status)
        event = step_event(decode(RunStep, document)) if step_event else None
    elif kind == "thread.message":
        message_event = MESSAGE_EVENTS.get(word) or MESSAGE_EVENTS.get(status)
        event = message_event(decode(Message, document)) if message_event else None
    elif kind == "thread" and word == "created":
        event = ThreadCreated(decode(Thread, document))
    return UnknownEvent(name, document) if event is None else event


def _with_text_in_parts(document: dict[str, Any]) -> dict[str, Any]:
    """Returns a message's delta with the text that some servers send bare as that of a part."""
    delta = document.get("delta")
    content = delta.get("content") if isinstance(delta, dict) else None
    if isinstance(content, str):
        content = [{"index": 0, "type": "text", "text": content}]
    if not isinstance(delta, dict) or not isinstance(content, list):
        return document
    parts = [
        {**part, "text": {"value": part["text"]}}
        if isinstance(part, dict) and isinstance(part.get("text"), str)
        else part
        for part in content
    ]
    return {**document, "delta": {**delta, "content": parts}}


def _plain_text(document: dict[str, Any]) -> PlainText | None:
    """Reads a delta of nothing but text; the codec would take three times as long."""
    try:
        identity, delta = document["id"], document["delta"]
        [part] = delta["content"]
        index, text = part["index"], part["text"]
        value = text["value"]
    except (KeyError, TypeError, ValueError):
        return None
    is_plain = (
        len(document) == 3
        and len(delta) == 1
        and len(part) == 3
        and part.get("type") == "text"
        and (len(text) == 1 or (len(text) == 2 and text.get("annotations") == []))
        and type(index) is int
        and type(value) is type(identity) is str
    )
    return PlainText(identity, index, value) if is_plain else None


def _stream_error(document: Any) -> StreamError:
    words = words_of(document) if document else "no explanation"
    return StreamError(
        f"the server reported an error within the stream: {words}",
        **error_fields(detail_of(document)),
    )
