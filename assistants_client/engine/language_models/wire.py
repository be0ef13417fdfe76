"""Reads and writes the JSON that the APIs of language models share: pure, no HTTP, of no one API.

Reading accepts what servers really send: absent usage, null or listed content, half characters.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from assistants_client._json.strict import strict_json
from assistants_client.engine.language_models.base import (
    Conversation,
    Image,
    LanguageModelError,
    TokenUsage,
    ToolCall,
    Turn,
)

#: ``parameters`` left out means no arguments to the protocol, but anything at all to some servers.
NO_PARAMETERS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {},
    "additionalProperties": False,
}
#: Turns of the user's where a thread has none and chat templates need one.
_BEGIN: Final = Turn(role="user", text="Begin.")
_CONTINUE: Final = Turn(role="user", text="Continue.")
_LONGEST_EXCERPT: Final = 300
#: The end of a stream, in the place of a document.
_DONE: Final = "[DONE]"


# --- writing ------------------------------------------------------------------------------------


def require_question(conversation: Conversation) -> None:
    """Refuses a conversation without any text.

    Raises:
        LanguageModelError: There is nothing to answer.
    """
    if not conversation.turns and not conversation.instructions:
        raise LanguageModelError(
            "The thread has no message with text and the run has no instructions: "
            "there is nothing to answer.",
            code="invalid_prompt",
        )


def alternating(
    turns: Sequence[Turn], apart: Callable[[Turn], bool] = lambda turn: False
) -> list[Turn]:
    """Returns turns of alternating roles, which every chat template accepts, from any thread's.

    Neighbours of one role are joined; the first and the last turn are the user's. Templates and
    servers that require less accept that too.

    Args:
        turns: The conversation's.
        apart: Returns whether a turn of text must not be joined with its neighbours.
    """
    made: list[Turn] = []
    for turn in turns:
        last = made[-1] if made else None
        if last is None and turn.role == "assistant":
            made.append(_BEGIN)
        elif last is not None and last.role == turn.role != "tool":
            if turn.tool_calls:
                # The thread ended with the assistant; the run was asked to continue from there.
                made.append(_CONTINUE)
            elif not (apart(last) or apart(turn)):
                made[-1] = _joined(last, turn)
                continue
        made.append(turn)
    if not made:
        made.append(_BEGIN)
    elif made[-1].role == "assistant" and not made[-1].tool_calls:
        made.append(_CONTINUE)
    return made


def _joined(first: Turn, second: Turn) -> Turn:
    parts: list[str | Image] = []
    if first.parts or second.parts:
        parts = [*(first.parts or [first.text]), *(second.parts or [second.text])]
    return Turn(role=first.role, text=f"{first.text}\n\n{second.text}", parts=parts)


def unless_default(value: float | None) -> float | None:
    """Returns a temperature or ``top_p`` unless it is 1, the default; some models refuse both."""
    return None if value == 1 else value


def without_none(**fields: object) -> dict[str, Any]:
    """Returns the fields that are set: servers refuse fields that they do not know."""
    return {name: value for name, value in fields.items() if value is not None}


def valid_arguments(call: ToolCall) -> str:
    """Returns the arguments, as JSON even where the model wrote none: servers parse them."""
    text = clean(call.arguments)
    try:
        if isinstance(strict_json(text), dict):
            return text
    except ValueError:
        pass
    return json.dumps({"unreadable": text}) if text.strip() else "{}"


def clean(text: str) -> str:
    """Returns a text without lone surrogates, which no server's JSON reader accepts."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# --- reading ------------------------------------------------------------------------------------


def event_document(data: str) -> dict[str, Any] | None:
    """Returns the document of one event of a stream; ``None`` where it is the end.

    Raises:
        LanguageModelError: It is not a document.
    """
    if data.strip() == _DONE:
        return None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict):
        raise LanguageModelError(f"a piece that is no JSON object: {excerpt(data)}")
    return document


class Joiner:
    """Joins text from pieces, between which a character may be cut in half."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """Adds a piece, and returns the text that is complete now."""
        text = self._held + piece
        self._held = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return clean(text.removesuffix(self._held) if self._held else text)

    def finish(self) -> str:
        """Returns the rest, when no other half came."""
        return clean(self._held)


def arguments_text(arguments: object) -> str:
    """Returns a call's arguments as JSON text, also where a server sends them as an object."""
    if isinstance(arguments, str):
        return clean(arguments)
    return "" if arguments is None else json.dumps(arguments)


def token_usage(usage: object, prompt_name: str, completion_name: str) -> TokenUsage | None:
    """Returns the tokens spent, where they are reported in numbers.

    Where the total is larger than the two together, the server has left the reasoning out of the
    completion.
    """
    if not isinstance(usage, dict):
        return None
    prompt, completion = _count(usage.get(prompt_name)), _count(usage.get(completion_name))
    if prompt is None and completion is None:
        return None
    total = _count(usage.get("total_tokens"))
    if prompt is not None and total is not None:
        completion = max(completion or 0, total - prompt)
    cached = _detail(usage, prompt_name, "cached_tokens")
    if cached is None:  # DeepSeek's name
        cached = _count(usage.get("prompt_cache_hit_tokens"))
    return TokenUsage(
        prompt_tokens=prompt or 0,
        completion_tokens=completion or 0,
        cached_tokens=cached,
        reasoning_tokens=_detail(usage, completion_name, "reasoning_tokens"),
    )


def model_name(name: object) -> str | None:
    """Returns the name of the model that a server says has answered, if it says so."""
    return clean(name)[:_LONGEST_EXCERPT] if isinstance(name, str) and name else None


def _detail(usage: Mapping[str, Any], name: str, detail: str) -> int | None:
    details = usage.get(f"{name}_details")
    found = details.get(detail) if isinstance(details, dict) else None
    return _count(usage.get(detail) if found is None else found)


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < float("inf") else None


# --- quoting ------------------------------------------------------------------------------------


def excerpt(value: object) -> str:
    """Returns the beginning of a value, on one line, for messages."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(clean(text).split("Traceback (most recent call last)")[0].split())
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}…"
