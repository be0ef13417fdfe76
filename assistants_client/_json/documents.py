"""The protocol's JSON of every object, and back: ``to_dict`` and ``from_dict``.

The codec does the work. What is here is which of its directions an object takes, and the form of a
stream's events: ``{"event": name, "data": document}``, with a delta as its document alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar, get_args, overload

import attrs

from assistants_client._json.codec import decode, encode, encode_request, read_request
from assistants_client.models._base import JsonObject, Request, Struct
from assistants_client.models.events import (
    MESSAGE_EVENTS,
    RUN_EVENTS,
    STEP_EVENTS,
    Done,
    Event,
    MessageDelta,
    RunStepDelta,
    ThreadCreated,
    UnknownEvent,
)
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run
from assistants_client.models.threads import Thread

T = TypeVar("T")

#: By the name of an event: its class, and that of its object.
_EVENTS: Final[Mapping[str, tuple[Any, Any]]] = {
    "thread.created": (ThreadCreated, Thread),
    **{f"thread.run.{word}": (cls, Run) for word, cls in RUN_EVENTS.items()},
    **{f"thread.run.step.{word}": (cls, RunStep) for word, cls in STEP_EVENTS.items()},
    **{f"thread.message.{word}": (cls, Message) for word, cls in MESSAGE_EVENTS.items()},
}
_NAMES: Final = {cls: name for name, (cls, _) in _EVENTS.items()}
_DELTAS: Final = {"thread.message.delta": MessageDelta, "thread.run.step.delta": RunStepDelta}
_EVENT_CLASSES: Final = frozenset({*_NAMES, Done, UnknownEvent})


def to_dict(obj: object) -> dict[str, Any]:
    """Returns the protocol's JSON document of an object, which ``json.dumps`` writes.

    Keys that are not known here, and variants such as tools of another service, are as they came.

    Args:
        obj: An object that was read, a part or field of one, a request's body, or an event of a
            stream. An event becomes ``{"event": name, "data": document}``; a delta, which says
            what it is, is its document alone.

    Raises:
        TypeError: It is none of these.
        ValueError: A request breaks the protocol's rules.
    """
    if isinstance(obj, Request):
        return encode_request(obj)
    if type(obj) in _EVENT_CLASSES:
        return _event_document(obj)
    if isinstance(obj, Struct) or (
        attrs.has(type(obj)) and type(obj).__module__.startswith("assistants_client.models.")
    ):
        document: dict[str, Any] = encode(obj)
        return document
    raise TypeError(
        f"expected an object of the protocol, got {type(obj).__name__}; of a list, each object has "
        "a document: [to_dict(one) for one in it]"
    )


@overload
def from_dict(cls: type[T], document: JsonObject) -> T: ...
@overload
def from_dict(cls: Any, document: JsonObject) -> Any: ...  # a union has no type of its own
def from_dict(cls: Any, document: JsonObject) -> Any:
    """Returns the object of a JSON document: what :func:`to_dict` has written, or a server sent.

    Args:
        cls: Its class, such as ``Run`` or ``Page[Message]``; or a union of classes, such as
            ``Event``, ``Tool`` or ``ContentPart``, of which the document says which it is.
        document: The document, as ``json.loads`` returns it. An object is read leniently, as a
            response is; a request strictly, with keys that it does not know in ``extra_body``.

    Raises:
        TypeError: It is no mapping.
        ValueError: It has no ``id`` where one is needed, or is another event's; or a request's
            breaks the protocol's rules.
    """
    if not isinstance(document, Mapping):
        raise TypeError(
            f"expected a JSON object, a mapping, got {type(document).__name__}; json.loads reads "
            "a text"
        )
    if cls is Event or cls in _EVENT_CLASSES or _EVENT_CLASSES.intersection(get_args(cls)):
        return _event(cls, document)
    if isinstance(cls, type) and issubclass(cls, Request):
        return read_request(cls, dict(document))
    return decode(cls, dict(document))


def _event_document(event: Any) -> dict[str, Any]:
    if isinstance(event, UnknownEvent):
        return {"event": event.name, "data": event.data}
    if isinstance(event, Done):
        return {"event": "done", "data": "[DONE]"}
    [field] = attrs.fields(type(event))
    return {"event": _NAMES[type(event)], "data": encode(getattr(event, field.name))}


def _event(cls: Any, document: JsonObject) -> Any:
    classes = get_args(cls) or (cls,)
    made: Any
    if "event" not in document:
        delta = _DELTAS.get(document.get("object", ""))
        if delta is None:
            raise ValueError("it is no event: it has no 'event', and is no delta")
        made = decode(delta, dict(document))
    elif document["event"] == "done":
        made = Done()
    elif document["event"] in _EVENTS:
        event_class: Any
        inner: Any
        event_class, inner = _EVENTS[document["event"]]
        made = event_class(decode(inner, document.get("data")))
    else:
        made = UnknownEvent(document["event"], document.get("data"))
    if isinstance(made, classes):
        return made
    wanted = " or ".join(one.__name__ for one in classes)
    raise ValueError(f"it is the event {document.get('event')!r}, and no {wanted}")
