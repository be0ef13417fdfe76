"""How an answer ended, by the word that a server has for it. Pure.

The table holds what servers are known to say, in any case of letters. What is not in it is never
taken for a whole answer.
"""

from __future__ import annotations

from typing import Final

from assistants_client.engine.language_models.base import Finish, LanguageModelError

_WHOLE: Final = "stop"
_CUT: Final = "length"
_FILTERED: Final = "content_filter"

_REASONS: Final = {
    # The chat completions API's own, and other servers' words for them.
    **dict.fromkeys(
        (
            "stop",
            "stopped",
            "stop_sequence",
            "stop_token",
            "stop_string",
            "eos",
            "eos_token",
            "eos_token_id",
            "end",
            "end_turn",
            "end_of_turn",
            "finish_reason_stop",
            "complete",
            "completed",
            "done",
            "finished",
            "success",
            "normal",
            "tool_call",
            "tool_calls",
            "tool_use",
            "function_call",
            "function_calls",
        ),
        _WHOLE,
    ),
    **dict.fromkeys(
        (
            "length",
            "max_tokens",
            "max_length",
            "max_output_tokens",
            "max_completion_tokens",
            "max_new_tokens",
            "finish_reason_max_tokens",
            "token_limit",
            "model_length",  # Mistral: the context is full
            "context_length",
            "context_length_exceeded",
            "model_context_window_exceeded",  # Z.ai, Anthropic
        ),
        _CUT,
    ),
    **dict.fromkeys(
        (
            "content_filter",
            "content_filtered",  # Bedrock
            "guardrail_intervened",
            "filtered",
            "safety",  # Gemini, and those that follow
            "finish_reason_safety",
            "prohibited_content",
            "blocklist",
            "spii",
            "recitation",
            "image_safety",
            "language",
            "sensitive",  # Z.ai
            "refusal",  # Anthropic
            "error_toxic",  # Cohere
            "moderation",
            "blocked",
        ),
        _FILTERED,
    ),
}
#: The APIs' own words: nobody needs to be told them.
_PLAIN: Final = frozenset({"length", "max_tokens", "max_output_tokens", "content_filter"})


def is_whole(reason: object) -> bool:
    """Whether a word says that nothing is missing; none says so too."""
    return not reason or _REASONS.get(str(reason).strip().lower()) == _WHOLE


def finish(reason: object, *, called: bool) -> Finish:
    """The end of an answer.

    Args:
        reason: The server's word; none at all is a whole answer, for some servers never say.
        called: Whether the answer holds tool calls, which outranks that it was whole.

    Raises:
        LanguageModelError: The server says that the answer is broken, or what nobody knows.
    """
    word = reason.strip() if isinstance(reason, str) else str(reason or "")
    known = _REASONS.get(word.lower()) if word else _WHOLE
    told = None if word in _PLAIN else word
    if known == _CUT:
        return Finish(reason="length", word=told)
    if known == _FILTERED:
        return Finish(reason="content_filter", word=told)
    if known is None:
        raise LanguageModelError(f"an answer that is not whole: it ended with {word!r:.100}")
    return Finish(reason="tool_calls" if called else "stop")
