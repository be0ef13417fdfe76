"""The chat completions API as JSON documents: a conversation in, deltas out. Pure, no HTTP.

Only fields that are set are written, since servers refuse what they do not know. Reading takes what
such servers really send: absent usage, null or listed content, arguments as an object, odd reasons
to finish. What cannot be an answer is a ``LanguageModelError`` that shows what came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    Finish,
    FunctionSpec,
    Image,
    LanguageModelError,
    TextDelta,
    TokenUsage,
    ToolCallDelta,
    Turn,
)
from assistants_client.engine.language_models.error_words import error_code, error_text
from assistants_client.engine.language_models.wire import (
    NO_PARAMETERS,
    arguments_text,
    clean,
    content_text,
    excerpt,
    given,
    require_question,
    token_usage,
    unless_default,
    valid_arguments,
)

_Reason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]


# --- writing ------------------------------------------------------------------------------------


def request_document(
    conversation: Conversation, *, model: str, max_tokens_field: str
) -> dict[str, Any]:
    """The body of the request.

    Raises:
        LanguageModelError: There is nothing to answer.
    """
    require_question(conversation)
    messages = [_message(turn) for turn in conversation.turns]
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
    return given(**fields)


def _message(turn: Turn) -> dict[str, Any]:
    if turn.role == "tool":
        return {"role": "tool", "tool_call_id": turn.tool_call_id, "content": clean(turn.text)}
    if turn.parts:
        return {"role": turn.role, "content": [_part(part) for part in turn.parts]}
    if not turn.tool_calls:
        return {"role": turn.role, "content": clean(turn.text)}
    return {
        "role": turn.role,
        "content": clean(turn.text) or None,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": valid_arguments(call)},
            }
            for call in turn.tool_calls
        ],
    }


def _part(part: str | Image) -> dict[str, Any]:
    if isinstance(part, Image):
        return {"type": "image_url", "image_url": given(url=part.url, detail=part.detail)}
    return {"type": "text", "text": clean(part)}


def _tool(function: FunctionSpec) -> dict[str, Any]:
    return {
        "type": "function",
        "function": given(
            name=function.name,
            description=function.description,
            parameters=NO_PARAMETERS if function.parameters is None else dict(function.parameters),
            strict=function.strict,
        ),
    }


def _tool_choice(choice: str | None) -> object:
    if choice is not None and choice.startswith("function:"):
        return {"type": "function", "function": {"name": choice.removeprefix("function:")}}
    return choice


# --- reading ------------------------------------------------------------------------------------


def read_answer(document: object) -> Iterator[Delta]:
    """The deltas of a whole answer.

    Raises:
        LanguageModelError: The document is not an answer; the message shows what it is.
    """
    if not isinstance(document, dict):
        raise LanguageModelError(f"not an answer of that API: {excerpt(document)}")
    if document.get("error"):
        error = document["error"]
        raise LanguageModelError(f"an error: {error_text(error)}", code=error_code(error))
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise LanguageModelError(f"an answer without a message: {excerpt(document)}")
    text = clean(content_text(message.get("content")) or content_text(message.get("refusal")))
    if text:
        yield TextDelta(text=text)
    calls = _calls(message)
    yield from calls
    usage = read_usage(document.get("usage"))
    if usage is not None:
        yield usage
    yield Finish(reason=read_reason(choice.get("finish_reason"), called=bool(calls)))


def _calls(message: Mapping[str, Any]) -> list[ToolCallDelta]:
    found = message.get("tool_calls") or []
    if not found and message.get("function_call"):  # the older form, of one call
        found = [{"function": message["function_call"]}]
    calls = []
    for index, call in enumerate(found if isinstance(found, list) else [found]):
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str) or not name or not isinstance(function, dict):
            raise LanguageModelError(f"a tool call without a function: {excerpt(call)}")
        call_id = call.get("id")
        arguments = function.get("arguments")
        calls.append(
            ToolCallDelta(
                index=index,
                id=call_id if isinstance(call_id, str) and call_id else None,
                name=clean(name),
                arguments="{}" if arguments is None else arguments_text(arguments),
            )
        )
    return calls


def read_usage(usage: object) -> TokenUsage | None:
    """The tokens spent, where they are told in numbers."""
    return token_usage(usage, "prompt_tokens", "completion_tokens")


def read_reason(reason: object, *, called: bool) -> _Reason:
    """What the answer holds outranks what the server says, save that it was cut short."""
    if reason in ("length", "max_tokens"):
        return "length"
    if reason == "content_filter":
        return "content_filter"
    return "tool_calls" if called else "stop"
