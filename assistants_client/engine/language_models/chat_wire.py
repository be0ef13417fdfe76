"""The chat completions API as JSON documents: a conversation in, deltas out. Pure, no HTTP.

Only fields that are set are written, since servers refuse what they do not know. Reading takes what
such servers really send: absent usage, null or listed content, arguments as an object, odd reasons
to finish. What cannot be an answer is a ``LanguageModelError`` that shows what came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    Finish,
    FunctionSpec,
    LanguageModelError,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    Turn,
)

_Reason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]

#: ``parameters`` left out means no arguments to the protocol, but anything at all to some servers.
_NO_PARAMETERS: Final = {"type": "object", "properties": {}, "additionalProperties": False}
_LONGEST_EXCERPT: Final = 300
_TOO_LONG: Final = re.compile(
    r"context.?(length|size|window)|maximum context|prompt is too long|too many (input )?tokens"
    r"|content_(filter|policy)",
    re.IGNORECASE,
)
_RATE_LIMIT: Final = re.compile(r"rate.?limit|quota|too many requests|throttl|\b429\b", re.I)


# --- writing ------------------------------------------------------------------------------------


def request_document(
    conversation: Conversation, *, model: str, max_tokens_field: str
) -> dict[str, Any]:
    """The body of the request.

    Raises:
        LanguageModelError: There is nothing to answer.
    """
    messages = [_message(turn) for turn in conversation.turns]
    if conversation.instructions:
        messages.insert(0, {"role": "system", "content": clean(conversation.instructions)})
    if not messages:
        raise LanguageModelError(
            "The thread has no message with text and the run has no instructions: "
            "there is nothing to answer.",
            code="invalid_prompt",
        )
    fields: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "temperature": _unless_default(conversation.temperature),
        "top_p": _unless_default(conversation.top_p),
        max_tokens_field: conversation.max_completion_tokens,
        "reasoning_effort": conversation.reasoning_effort,
        "response_format": conversation.response_format,
    }
    if conversation.functions:
        fields["tools"] = [_tool(function) for function in conversation.functions]
        fields["tool_choice"] = _tool_choice(conversation.tool_choice)
        # Calls in parallel are the API's default, and a field that many servers do not know.
        fields["parallel_tool_calls"] = False if conversation.parallel_tool_calls is False else None
    return {name: value for name, value in fields.items() if value is not None}


def _unless_default(value: float | None) -> float | None:
    """Both options are 1 to that API unless said otherwise; some models refuse to hear of them."""
    return None if value == 1 else value


def _message(turn: Turn) -> dict[str, Any]:
    if turn.role == "tool":
        return {"role": "tool", "tool_call_id": turn.tool_call_id, "content": clean(turn.text)}
    if not turn.tool_calls:
        return {"role": turn.role, "content": clean(turn.text)}
    return {
        "role": turn.role,
        "content": clean(turn.text) or None,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _valid_arguments(call)},
            }
            for call in turn.tool_calls
        ],
    }


def _valid_arguments(call: ToolCall) -> str:
    """The arguments, as JSON also where the model wrote none: servers parse what goes back."""
    text = clean(call.arguments)
    try:
        if isinstance(json.loads(text), dict):
            return text
    except ValueError:
        pass
    return json.dumps({"unreadable": text}) if text.strip() else "{}"


def _tool(function: FunctionSpec) -> dict[str, Any]:
    fields = {
        "name": function.name,
        "description": function.description,
        "parameters": _NO_PARAMETERS if function.parameters is None else dict(function.parameters),
        "strict": function.strict,
    }
    return {
        "type": "function",
        "function": {name: value for name, value in fields.items() if value is not None},
    }


def _tool_choice(choice: str | None) -> object:
    if choice is not None and choice.startswith("function:"):
        return {"type": "function", "function": {"name": choice.removeprefix("function:")}}
    return choice


def clean(text: str) -> str:
    """Without halves of surrogate pairs, which no server's JSON reader takes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


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
    text = content_text(message.get("content")) or content_text(message.get("refusal"))
    if text:
        yield TextDelta(text=text)
    calls = _calls(message)
    yield from calls
    usage = read_usage(document.get("usage"))
    if usage is not None:
        yield usage
    yield Finish(reason=read_reason(choice.get("finish_reason"), called=bool(calls)))


def content_text(content: object, *, raw: bool = False) -> str:
    """Text from a string, null, or a list of parts; ``raw`` leaves half characters in."""
    if isinstance(content, str):
        return content if raw else clean(content)
    if isinstance(content, list):
        return "".join(content_text(part, raw=raw) for part in content)
    if isinstance(content, dict):
        return content_text(content.get("text"), raw=raw)
    return ""


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
        if not isinstance(arguments, str):
            arguments = "{}" if arguments is None else json.dumps(arguments)
        calls.append(
            ToolCallDelta(
                index=index,
                id=call_id if isinstance(call_id, str) and call_id else None,
                name=clean(name),
                arguments=clean(arguments),
            )
        )
    return calls


def read_usage(usage: object) -> TokenUsage | None:
    """The tokens spent, where they are told in numbers."""
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(prompt, (int, float)) and not isinstance(completion, (int, float)):
        return None
    return TokenUsage(prompt_tokens=_count(prompt), completion_tokens=_count(completion))


def _count(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 <= value < float("inf") else 0


def read_reason(reason: object, *, called: bool) -> _Reason:
    """What the answer holds outranks what the server says, save that it was cut short."""
    if reason in ("length", "max_tokens"):
        return "length"
    if reason == "content_filter":
        return "content_filter"
    return "tool_calls" if called else "stop"


# --- what is said about what came ---------------------------------------------------------------


def excerpt(value: object) -> str:
    """The beginning of what came, on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(clean(text).split("Traceback (most recent call last)")[0].split())
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}…"


def error_text(error: object) -> str:
    """The words of an error body, in any of the forms that servers give it."""
    if isinstance(error, dict):
        for key in ("error", "message", "detail"):
            if error.get(key):
                return error_text(error[key])
    return excerpt(error)


def error_code(error: object) -> str:
    """The run's error code for a server's error."""
    text = error if isinstance(error, str) else json.dumps(error, default=str)
    if _TOO_LONG.search(text):
        return "invalid_prompt"
    return "rate_limit_exceeded" if _RATE_LIMIT.search(text) else "server_error"
