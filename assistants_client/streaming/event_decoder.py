"""Decoding of server-sent events into typed ones. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

from assistants_client._http.error_documents import detail_of, is_error, words_of
from assistants_client._http.sse import ServerSentEvent
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
        part = TextPartDelta(index=self.part, text=TextPiece(value=self.value))
        return MessageDelta(id=self.id, delta=MessageChange(content=[part]))


class EventReader:
    """Reads the events of one response; those that repeat the form of the last one are cheap.

    A server writes all deltas of a text alike. What stands around the text in one of them is kept,
    and of those that have the same around it only the text is parsed.
    """

    def __init__(self) -> None:
        self._name = ""
        #: What stands before and behind the text's quotes; as long as there is none, nothing does.
        self._before: str | None = None
        self._behind = ""
        self._last = PlainText("", 0, "")

    def read(self, sent: ServerSentEvent) -> tuple[Event | PlainText, Any]:
        """Returns the event and its JSON document; of a piece of text its content alone.

        Raises:
            StreamError: The server reports an error.
        """
        name, data = sent.event, sent.data
        before, behind = self._before, self._behind
        if (
            before is not None
            and data.startswith(before)
            and data.endswith(behind)
            and name == self._name
        ):
            try:
                value, end = _decoder.raw_decode(data, len(before))
            except ValueError:
                pass
            else:
                if end + len(behind) == len(data):
                    identity, part, _ = self._last
                    return PlainText(identity, part, value), None
        event, document = _read(sent)
        if type(event) is PlainText:
            self._learn(sent, event)
        return event, document

    def _learn(self, sent: ServerSentEvent, plain: PlainText) -> None:
        """Keeps the form of an event, if another text in its place is read as that text."""
        found = _VALUE.search(sent.data)
        if found is None:  # its key has escapes
            return
        start = found.end() - 1
        value, end = _decoder.raw_decode(sent.data, start)
        before, behind = sent.data[:start], sent.data[end:]
        other = f"{value}{plain.value}+"
        probe = sent._replace(data=f"{before}{json.dumps(other)}{behind}")
        if _read(probe) == (plain._replace(value=other), None):
            self._name, self._before, self._behind, self._last = sent.event, before, behind, plain


def read_event(sent: ServerSentEvent) -> Event:
    """Returns the event.

    Raises:
        StreamError: The server reports an error.
    """
    event, _ = _read(sent)
    return event.as_event() if type(event) is PlainText else event


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
