"""The documents of a stream's deltas: pieces of messages and of tool calls. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from assistants_client.models._base import JsonObject

#: A part of text of which nothing was sent yet.
NO_TEXT: Final[JsonObject] = {"type": "text", "text": {"value": "", "annotations": []}}


def parts_delta(message_id: str, parts: Mapping[int, JsonObject]) -> JsonObject:
    """Returns whole parts of a message, such as images, by their places in it."""
    pieces = ({"index": index, **part} for index, part in parts.items())
    return _message_delta(message_id, *pieces)


def text_delta(
    message_id: str,
    text: str,
    *,
    is_first: bool,
    index: int = 0,
    annotations: Mapping[int, JsonObject] = MappingProxyType({}),
) -> JsonObject:
    """Returns a piece of a message's text; the first shows that there are no annotations so far.

    Args:
        message_id: The message.
        text: The piece.
        is_first: Whether it is the first one.
        index: The place of the text among the message's parts.
        annotations: Those that come with it, by their places among the text's annotations.
    """
    piece: dict[str, Any] = {"value": text}
    if is_first or annotations:
        piece["annotations"] = [_annotation(place, one) for place, one in annotations.items()]
    return _message_delta(message_id, {"index": index, "type": "text", "text": piece})


def rest_of_text(
    message_id: str, text: JsonObject, sent: int, annotated: int, *, is_first: bool, index: int
) -> Iterator[JsonObject]:
    """Yields the deltas of a text's rest: each mark in one piece with its annotation.

    Args:
        message_id: The message.
        text: The text as it is stored, its value and annotations.
        sent: The number of its characters that were sent.
        annotated: The number of its annotations that were sent.
        is_first: Whether nothing of it was sent.
        index: The place of the text among the message's parts.
    """
    for words, found in _rest_in_pieces(text, sent, annotated):
        yield text_delta(message_id, words, is_first=is_first, index=index, annotations=found)
        is_first = False


def _rest_in_pieces(
    text: JsonObject, place: int, annotated: int
) -> Iterator[tuple[str, Mapping[int, JsonObject]]]:
    value, late = text["value"], dict[int, JsonObject]()
    for number, one in enumerate(text["annotations"]):
        start, end = one.get("start_index", 0), one.get("end_index", 0)
        if number < annotated:
            continue
        if not place <= start < end:
            late[number] = one  # its words were sent already, or it has none
            continue
        if place < start:
            yield value[place:start], {}
        yield value[start:end], {number: one}
        place = end
    if place < len(value):
        yield value[place:], {}
    if late:
        yield "", late


def _annotation(place: int, annotation: JsonObject) -> JsonObject:
    """Returns an annotation as a delta has it: a citation with its quote, which is never known."""
    document = {"index": place, **annotation}
    if document["type"] == "file_citation":
        document["file_citation"] = {**document["file_citation"], "quote": ""}
    return document


def refusal_delta(message_id: str, text: str, *, index: int = 0) -> JsonObject:
    """Returns a piece of the model's refusal to answer; see :func:`text_delta`."""
    return _message_delta(message_id, {"index": index, "type": "refusal", "refusal": text})


def words_of(part: JsonObject) -> str | None:
    """Returns the text or the refusal of a part, or of a piece of one; ``None`` for an image."""
    found = part["text"]["value"] if part["type"] == "text" else part.get("refusal")
    return None if found is None else str(found)


def call_deltas(
    step_id: str, index: int, made: JsonObject, pieces: Sequence[str]
) -> Iterator[JsonObject]:
    """Yields a tool call in pieces: its type, its arguments, and its outputs so far.

    Args:
        step_id: The step it belongs to.
        index: Its place among the step's calls.
        made: The call.
        pieces: Its arguments, or the code, in pieces.
    """
    if made["type"] == "function":
        function = made["function"]
        first: JsonObject = {"name": function["name"], "arguments": "", "output": None}
        yield _step_delta(step_id, index, "function", first, made["id"])
        for piece in pieces:
            yield _step_delta(step_id, index, "function", {"arguments": piece})
        if function["output"] is not None:
            yield _step_delta(step_id, index, "function", {"output": function["output"]})
    elif made["type"] == "code_interpreter":
        empty: JsonObject = {"input": "", "outputs": []}
        yield _step_delta(step_id, index, "code_interpreter", empty, made["id"])
        for piece in pieces:
            yield _step_delta(step_id, index, "code_interpreter", {"input": piece})
        yield from output_deltas(step_id, index, made)

    elif made["type"] == "file_search":
        # What was found shows only in the completed step.
        ranking = made["file_search"]["ranking_options"]
        begun: JsonObject = {"ranking_options": ranking, "results": []}
        yield _step_delta(step_id, index, "file_search", begun, made["id"])


def output_deltas(step_id: str, index: int, made: JsonObject) -> Iterator[JsonObject]:
    """Yields the outputs of the code of a call: what it printed, and the images that it made."""
    outputs = [
        {"index": place, **output}
        for place, output in enumerate(made["code_interpreter"]["outputs"])
    ]
    if outputs:
        yield _step_delta(step_id, index, "code_interpreter", {"outputs": outputs})


def whole_calls(step: JsonObject) -> Iterator[JsonObject]:
    """Yields all calls of a step as it stands, each in one piece."""
    for index, made in enumerate(step["step_details"].get("tool_calls") or ()):
        given = made["function"]["arguments"] if made["type"] == "function" else ""
        if made["type"] == "code_interpreter":
            given = made["code_interpreter"]["input"]
        yield from call_deltas(step["id"], index, made, [given] if given else [])


def _message_delta(message_id: str, *parts: JsonObject) -> JsonObject:
    delta = {"content": list(parts)}
    return {"id": message_id, "object": "thread.message.delta", "delta": delta}


def _step_delta(
    step_id: str, index: int, kind: str, content: JsonObject, call_id: str | None = None
) -> JsonObject:
    named = {} if call_id is None else {"id": call_id}
    piece = {"index": index, **named, "type": kind, kind: content}
    details = {"type": "tool_calls", "tool_calls": [piece]}
    return {"id": step_id, "object": "thread.run.step.delta", "delta": {"step_details": details}}
