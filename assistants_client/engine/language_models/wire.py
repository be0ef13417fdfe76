"""What the APIs of language models have in common, as JSON: pure, no HTTP, and of no one API.

Reading takes what servers really send: absent usage, null or listed content, half characters.
"""

from __future__ import annotations

import json
from typing import Any, Final

from assistants_client._strict_json import strict_json
from assistants_client.engine.language_models.base import (
    Conversation,
    LanguageModelError,
    TokenUsage,
    ToolCall,
)

#: ``parameters`` left out means no arguments to the protocol, but anything at all to some servers.
NO_PARAMETERS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {},
    "additionalProperties": False,
}
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


def content_text(content: object) -> str:
    """Text from a string, null, or a list of parts; it may hold halves of characters."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(content_text(part) for part in content)
    if isinstance(content, dict):
        return content_text(content.get("text"))
    return ""


def arguments_text(arguments: object) -> str:
    """A call's arguments as JSON text, also where a server sends them as an object."""
    if isinstance(arguments, str):
        return clean(arguments)
    return "" if arguments is None else json.dumps(arguments)


def token_usage(usage: object, prompt_name: str, completion_name: str) -> TokenUsage | None:
    """The tokens spent, where they are told in numbers."""
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get(prompt_name), usage.get(completion_name)
    if not isinstance(prompt, (int, float)) and not isinstance(completion, (int, float)):
        return None
    return TokenUsage(prompt_tokens=_count(prompt), completion_tokens=_count(completion))


def _count(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 <= value < float("inf") else 0


# --- what is said about what came ---------------------------------------------------------------


def excerpt(value: object) -> str:
    """The beginning of what came, on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(clean(text).split("Traceback (most recent call last)")[0].split())
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}…"
