"""Sums the tokens of several answers. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from assistants_client.models.runs import CompletionTokensDetails, PromptTokenDetails, Usage


def total_of(usages: Iterable[Usage | None]) -> Usage:
    """Returns all tokens together, their details as well: zeros where none are reported."""
    read, written = PromptTokenDetails(), CompletionTokensDetails()
    total = Usage(prompt_token_details=read, completion_tokens_details=written)
    for usage in usages:
        if usage is None:
            continue
        total.prompt_tokens += usage.prompt_tokens
        total.completion_tokens += usage.completion_tokens
        total.total_tokens += usage.total_tokens
        if usage.prompt_token_details is not None:
            read.cached_tokens += usage.prompt_token_details.cached_tokens
        if usage.completion_tokens_details is not None:
            written.reasoning_tokens += usage.completion_tokens_details.reasoning_tokens
    return total
