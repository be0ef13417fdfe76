"""Writes the request of the Responses API from a conversation. Pure, no HTTP.

The answer is read in responses_events.py. Only fields that are set are written, but for those
whose default is not that of the Assistants protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from assistants_client.engine.language_models.base import (
    Conversation,
    FunctionSpec,
    Image,
    ToolCall,
    Turn,
)
from assistants_client.engine.language_models.wire import (
    NO_PARAMETERS,
    alternating,
    clean,
    require_question,
    unless_default,
    valid_arguments,
    without_none,
)

#: The API refuses a smaller bound on an answer's tokens.
_LEAST_TOKENS: Final = 16


def request_document(conversation: Conversation, *, model: str, origin: str) -> dict[str, Any]:
    """Returns the body of the request.

    Args:
        conversation: The conversation to answer.
        model: The name of the model.
        origin: The server and the model, whose own state alone is sent back.

    Raises:
        LanguageModelError: There is nothing to answer.
    """
    require_question(conversation)
    instructions = clean(conversation.instructions) if conversation.instructions else None
    turns = alternating(conversation.turns, lambda turn: "phase" in _state(turn, origin))
    items = [item for turn in turns for item in _items(turn, origin)]
    limit, effort = conversation.max_completion_tokens, conversation.reasoning_effort
    wanted = conversation.response_format
    fields: dict[str, Any] = {
        "model": model,
        "instructions": instructions,
        "input": items,
        # The thread is stored here; the server is to store nothing of it.
        "store": False,
        "temperature": unless_default(conversation.temperature),
        "top_p": unless_default(conversation.top_p),
        "max_output_tokens": None if limit is None else max(limit, _LEAST_TOKENS),
        "reasoning": None if effort is None else {"effort": effort},
        "text": None if wanted is None else {"format": _format(wanted)},
    }
    if conversation.functions:
        # The reasoning before a call is sent back with it; unless the server stores it, it has to
        # be requested.
        fields["include"] = ["reasoning.encrypted_content"]
        fields["tools"] = [_tool(function) for function in conversation.functions]
        fields["tool_choice"] = _tool_choice(conversation.tool_choice)
        # Calls in parallel are the API's default.
        fields["parallel_tool_calls"] = False if conversation.parallel_tool_calls is False else None
    return without_none(**fields)


def _items(turn: Turn, origin: str) -> Iterator[Mapping[str, Any]]:
    if turn.role == "tool":
        output = clean(turn.text)
        yield {"type": "function_call_output", "call_id": turn.tool_call_id, "output": output}
        return
    state = _state(turn, origin)
    messages, calls = _messages(turn), [_call(call) for call in turn.tool_calls]
    kept = state.get("items", ())
    kinds = [item.get("type") for item in kept]
    if kinds.count("message") != len(messages) or kinds.count("function_call") != len(calls):
        # None was stored, or a message was deleted since: the rest goes back before the calls.
        yield from (item for item in kept if item.get("type") not in ("message", "function_call"))
        phase = without_none(phase=state.get("phase"))
        yield from ({**message, **phase} for message in messages)
        yield from calls
        return
    for item in kept:
        if item["type"] == "message":
            yield {**messages.pop(0), **item}
        elif item["type"] == "function_call":
            yield calls.pop(0)
        else:
            yield item


def _state(turn: Turn, origin: str) -> Mapping[str, Any]:
    return turn.state.turn if turn.state is not None and turn.state.origin == origin else {}


def _messages(turn: Turn) -> list[dict[str, Any]]:
    if turn.role == "assistant":
        texts = turn.parts or ([turn.text] if turn.text or not turn.tool_calls else [])
        contents: list[Any] = [clean(text) for text in texts if isinstance(text, str)]
    elif turn.parts:
        contents = [[_part(part) for part in turn.parts]]
    else:
        contents = [clean(turn.text)]
    return [{"type": "message", "role": turn.role, "content": content} for content in contents]


def _call(call: ToolCall) -> dict[str, Any]:
    return {
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": valid_arguments(call),
    }


def _part(part: str | Image) -> dict[str, Any]:
    if isinstance(part, Image):
        return {"type": "input_image", "image_url": part.url, "detail": part.detail or "auto"}
    return {"type": "input_text", "text": clean(part)}


def _tool(function: FunctionSpec) -> dict[str, Any]:
    return without_none(
        type="function",
        name=function.name,
        description=function.description,
        parameters=NO_PARAMETERS if function.parameters is None else dict(function.parameters),
        strict=bool(function.strict),  # left out it means True here
    )


def _tool_choice(choice: str | None) -> object:
    if choice is not None and choice.startswith("function:"):
        return {"type": "function", "name": choice.removeprefix("function:")}
    return choice


def _format(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the format of the answer: here a schema's name and rules stand beside its type."""
    schema = wanted.get("json_schema")
    if not isinstance(schema, Mapping):
        return dict(wanted)
    return {"type": "json_schema", "schema": {}, **schema}
