"""Writes the request of the chat completions API from a conversation. Pure, no HTTP.

The answer is read in chat_chunks.py. Only fields that are set are written, since servers
refuse fields that they do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def request_document(
    conversation: Conversation, *, model: str, max_tokens_field: str, origin: str
) -> dict[str, Any]:
    """Returns the body of the request.

    Args:
        conversation: The conversation to answer.
        model: The name of the model.
        max_tokens_field: The name of the field that bounds the answer's tokens.
        origin: The server and the model, whose own state alone is sent back.

    Raises:
        LanguageModelError: There is nothing to answer.
    """
    require_question(conversation)
    messages = [_message(turn, origin) for turn in alternating(conversation.turns)]
    if conversation.instructions:
        messages.insert(0, {"role": "system", "content": clean(conversation.instructions)})
    fields: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "temperature": unless_default(conversation.temperature),
        "top_p": unless_default(conversation.top_p),
        max_tokens_field: conversation.max_completion_tokens,
        "reasoning_effort": conversation.reasoning_effort,
        "response_format": conversation.response_format,
    }
    if conversation.functions:
        fields["tools"] = [_tool(function) for function in conversation.functions]
        fields["tool_choice"] = _tool_choice(conversation.tool_choice)
        # Calls in parallel are the API's default, and a field that many servers do not know.
        fields["parallel_tool_calls"] = False if conversation.parallel_tool_calls is False else None
    return without_none(**fields)


def _message(turn: Turn, origin: str) -> dict[str, Any]:
    if turn.role == "tool":
        return {"role": "tool", "tool_call_id": turn.tool_call_id, "content": clean(turn.text)}
    if turn.role == "user" and turn.parts:
        return {"role": "user", "content": [_part(part) for part in turn.parts]}
    if not turn.tool_calls:
        return {"role": turn.role, "content": clean(turn.text)}
    state = turn.state if turn.state is not None and turn.state.origin == origin else None
    # Beside calls the content is optional, and neither null nor "" is accepted everywhere.
    return {
        **without_none(role=turn.role, content=clean(turn.text) or None),
        "tool_calls": [
            _call(call, {} if state is None else state.calls.get(call.id, {}))
            for call in turn.tool_calls
        ],
        **({} if state is None else state.turn),
    }


def _call(call: ToolCall, state: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": call.name, "arguments": valid_arguments(call)}
    return {
        "id": call.id,
        "type": "function",
        **state,
        "function": {**function, **state.get("function", {})},
    }


def _part(part: str | Image) -> dict[str, Any]:
    if isinstance(part, Image):
        # Defaults are left out, here and of functions: not every server accepts them.
        detail = None if part.detail == "auto" else part.detail
        return {"type": "image_url", "image_url": without_none(url=part.url, detail=detail)}
    return {"type": "text", "text": clean(part)}


def _tool(function: FunctionSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "function": without_none(
            name=function.name,
            description=function.description,
            parameters=NO_PARAMETERS if function.parameters is None else dict(function.parameters),
            strict=function.strict or None,
        ),
    }


def _tool_choice(choice: str | None) -> object:
    if choice is not None and choice.startswith("function:"):
        return {"type": "function", "function": {"name": choice.removeprefix("function:")}}
    return choice
