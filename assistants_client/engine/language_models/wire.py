"""What the APIs of language models have in common, as JSON: pure, no HTTP, and of no one API.

Reading takes what servers really send: absent usage, null or listed content, half characters.
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
#: What the user is taken to say where a thread has no words of his and templates want some.
_BEGIN: Final = Turn(role="user", text="Begin.")
_CONTINUE: Final = Turn(role="user", text="Continue.")
_LONGEST_EXCERPT: Final = 300
#: What a stream ends with, in the place of a document.
_DONE: Final = "[DONE]"


# --- writing ------------------------------------------------------------------------------------


def require_question(conversation: Conversation) -> None:
    """Refuses a conversation in which nothing was said.

    Raises:
        LanguageModelError: There is nothing to answer.
    """
    if not conversation.turns and not conversation.instructions:
        raise LanguageModelError(
            "The thread has no message with text and the run has no instructions: "
            "there is nothing to answer.",
            code="invalid_prompt",
        )


def shaped(turns: Sequence[Turn], apart: Callable[[Turn], bool] = lambda turn: False) -> list[Turn]:
    """The turns as every chat template takes them, whatever the thread is like.

    Neighbours of one role are one turn; the user speaks first and last. Templates and servers that
    want less take that too.

    Args:
        turns: The conversation's.
        apart: Whether a turn of text has to be told from its neighbours.
    """
    made: list[Turn] = []
    for turn in turns:
        last = made[-1] if made else None
        if last is None and turn.role == "assistant":
            made.append(_BEGIN)
        elif last is not None and last.role == turn.role != "tool":
            if turn.tool_calls:
                # The thread ended with the assistant; this is what the run was asked to go on with.
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
    """Temperature and ``top_p`` are 1 unless said otherwise; some models refuse to hear of them."""
    return None if value == 1 else value


def given(**fields: object) -> dict[str, Any]:
    """The fields that are set: servers refuse what they do not know."""
    return {name: value for name, value in fields.items() if value is not None}


def valid_arguments(call: ToolCall) -> str:
    """The arguments, as JSON also where the model wrote none: servers parse what goes back."""
    text = clean(call.arguments)
    try:
        if isinstance(strict_json(text), dict):
            return text
    except ValueError:
        pass
    return json.dumps({"unreadable": text}) if text.strip() else "{}"


def clean(text: str) -> str:
    """Without halves of surrogate pairs, which no server's JSON reader takes."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# --- reading ------------------------------------------------------------------------------------


def piece_of(data: str) -> dict[str, Any] | None:
    """The document of one event of a stream; ``None`` where it says that there is no more.

    Raises:
        LanguageModelError: It is no document.
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
    """Text from pieces: half of a character may come with one and the other half with the next."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be told now."""
        text = self._held + piece
        self._held = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return clean(text.removesuffix(self._held) if self._held else text)

    def finish(self) -> str:
        """What is left when no other half came."""
        return clean(self._held)


def arguments_text(arguments: object) -> str:
    """A call's arguments as JSON text, also where a server sends them as an object."""
    if isinstance(arguments, str):
        return clean(arguments)
    return "" if arguments is None else json.dumps(arguments)


def token_usage(usage: object, prompt_name: str, completion_name: str) -> TokenUsage | None:
    """The tokens spent, where they are told in numbers.

    Where the total is larger than the two together, what the model thought was left out of what it
    wrote.
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


def _detail(usage: Mapping[str, Any], name: str, detail: str) -> int | None:
    details = usage.get(f"{name}_details")
    found = details.get(detail) if isinstance(details, dict) else None
    return _count(usage.get(detail) if found is None else found)


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < float("inf") else None


# --- what is said about what came ---------------------------------------------------------------


def excerpt(value: object) -> str:
    """The beginning of what came, on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(clean(text).split("Traceback (most recent call last)")[0].split())
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}…"
