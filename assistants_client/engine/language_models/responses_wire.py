"""The request of the Responses API as a JSON document: from a conversation. Pure, no HTTP.

What is answered is read in responses_events.py. Only fields that are set are written, but for those
whose default is not that of the Assistants protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from assistants_client.engine.language_models.base import (
    Conversation,
    FunctionSpec,
    Image,
    Turn,
)
from assistants_client.engine.language_models.wire import (
    NO_PARAMETERS,
    clean,
    given,
    require_question,
    unless_default,
    valid_arguments,
)

#: The API refuses a smaller bound on an answer's tokens.
_LEAST_TOKENS: Final = 16


def request_document(conversation: Conversation, *, model: str) -> dict[str, Any]:
    """The body of the request.

    Raises:
        LanguageModelError: There is nothing to answer.
    """
    require_question(conversation)
    instructions = clean(conversation.instructions) if conversation.instructions else None
    items = [item for turn in conversation.turns for item in _items(turn)]
    if not items:  # the API takes no instructions without anything to apply them to
        items, instructions = [{"type": "message", "role": "system", "content": instructions}], None
    limit, effort = conversation.max_completion_tokens, conversation.reasoning_effort
    wanted = conversation.response_format
    fields: dict[str, Any] = {
        "model": model,
        "instructions": instructions,
        "input": items,
        # The thread is kept here; nothing of it is to be kept by the server.
        "store": False,
        "temperature": unless_default(conversation.temperature),
        "top_p": unless_default(conversation.top_p),
        "max_output_tokens": None if limit is None else max(limit, _LEAST_TOKENS),
        "reasoning": None if effort is None else {"effort": effort},
        "text": None if wanted is None else {"format": _format(wanted)},
    }
    if conversation.functions:
        fields["tools"] = [_tool(function) for function in conversation.functions]
        fields["tool_choice"] = _tool_choice(conversation.tool_choice)
        # Calls in parallel are the API's default.
        fields["parallel_tool_calls"] = False if conversation.parallel_tool_calls is False else None
    return given(**fields)


def _items(turn: Turn) -> Iterator[dict[str, Any]]:
    text = clean(turn.text)
    if turn.role == "tool":
        yield {"type": "function_call_output", "call_id": turn.tool_call_id, "output": text}
        return
    if turn.parts:
        content = [_part(part) for part in turn.parts]
        yield {"type": "message", "role": turn.role, "content": content}
    elif text or not turn.tool_calls:
        yield {"type": "message", "role": turn.role, "content": text}
    for call in turn.tool_calls:
        yield {
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
    return given(
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
    """The format of the answer: a schema's name and rules stand beside its type here."""
    schema = wanted.get("json_schema")
    if not isinstance(schema, Mapping):
        return dict(wanted)
    return {"type": "json_schema", "schema": {}, **schema}
