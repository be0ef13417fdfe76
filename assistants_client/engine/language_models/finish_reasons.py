"""Maps servers' words for the end of an answer to finish reasons. Pure.

The table holds the words that servers are known to send, in any case of letters. An answer with
another word is never taken for complete.
"""

from __future__ import annotations

from typing import Final

from assistants_client.engine.language_models.base import Finish, LanguageModelError

_COMPLETE: Final = "stop"
_TRUNCATED: Final = "length"
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
        _COMPLETE,
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
        _TRUNCATED,
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
#: The APIs' own words, which need not be reported.
_PLAIN: Final = frozenset({"length", "max_tokens", "max_output_tokens", "content_filter"})


def is_complete(reason: object) -> bool:
    """Returns whether a word means a complete answer; so does none at all."""
    return not reason or _REASONS.get(str(reason).strip().lower()) == _COMPLETE


def finish(reason: object, *, called: bool) -> Finish:
    """Returns the end of an answer.

    Args:
        reason: The server's word; none at all is a complete answer, as some servers never send one.
        called: Whether the answer holds tool calls, which outranks that it was complete.

    Raises:
        LanguageModelError: The word means that the answer is broken, or is unknown.
    """
    word = reason.strip() if isinstance(reason, str) else str(reason or "")
    known = _REASONS.get(word.lower()) if word else _COMPLETE
    reported = None if word in _PLAIN else word
    if known == _TRUNCATED:
        return Finish(reason="length", word=reported)
    if known == _FILTERED:
        return Finish(reason="content_filter", word=reported)
    if known is None:
        raise LanguageModelError(f"an answer that is not whole: it ended with {word!r:.100}")
    return Finish(reason="tool_calls" if called else "stop")
