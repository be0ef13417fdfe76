"""From a server-sent event to a typed one. Pure."""

from __future__ import annotations

import json
from typing import Any

from assistants_client._codec import InvalidValueError, decode
from assistants_client._sse import ServerSentEvent
from assistants_client.errors import StreamError
from assistants_client.models.events import (
    MESSAGE_EVENTS,
    RUN_EVENTS,
    STEP_EVENTS,
    Done,
    Event,
    MessageDelta,
    RunInProgress,
    RunStepDelta,
    ThreadCreated,
    UnknownEvent,
)
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run
from assistants_client.models.threads import Thread


def read_event(sent: ServerSentEvent) -> tuple[Event, Any]:
    """The event, and its JSON document.

    Raises:
        StreamError: The server says that something went wrong.
    """
    if sent.data in ("[DONE]", '"[DONE]"'):
        return Done(), None
    name = sent.event
    try:
        document = json.loads(sent.data)
    except ValueError:
        return UnknownEvent(name, sent.data), None
    if not isinstance(document, dict):
        return UnknownEvent(name, document), None
    if "event" in document and "data" in document and "object" not in document:
        # The other framing: no event line, and both within the data.
        return read_event(ServerSentEvent(str(document["event"]), _as_text(document["data"])))
    if name == "error" or (isinstance(document.get("error"), dict) and "object" not in document):
        raise _stream_error(document)
    try:
        return _typed(name, document), document
    except InvalidValueError:
        return UnknownEvent(name, document), document


def _typed(name: str, document: dict[str, Any]) -> Event:
    # What the object is, and for a run what its status says, counts more than the event's name:
    # servers mix them up.
    noun, _, word = name.rpartition(".")
    kind = document.get("object") or (name if word == "delta" else noun)
    if kind == "thread.message.delta":
        return decode(MessageDelta, document)
    if kind == "thread.run.step.delta":
        return decode(RunStepDelta, document)
    event: Event | None = None
    if kind == "thread.run" and (word in RUN_EVENTS or not word):
        run = decode(Run, document)
        by_status = RUN_EVENTS.get(run.status) if word != "created" else None
        event = (by_status or RUN_EVENTS.get(word, RunInProgress))(run)
    elif kind == "thread.run.step" and word in STEP_EVENTS:
        event = STEP_EVENTS[word](decode(RunStep, document))
    elif kind == "thread.message" and word in MESSAGE_EVENTS:
        event = MESSAGE_EVENTS[word](decode(Message, document))
    elif kind == "thread" and word == "created":
        event = ThreadCreated(decode(Thread, document))
    return UnknownEvent(name, document) if event is None else event


def _stream_error(document: dict[str, Any]) -> StreamError:
    inner = document.get("error")
    facts = inner if isinstance(inner, dict) else document
    message = facts.get("message")
    return StreamError(
        f"the server reported an error within the stream: {message or 'no explanation'}",
        code=_text_or_none(facts.get("code")),
        type=_text_or_none(facts.get("type")),
        param=_text_or_none(facts.get("param")),
    )


def _as_text(data: Any) -> str:
    return data if isinstance(data, str) else json.dumps(data)


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)
