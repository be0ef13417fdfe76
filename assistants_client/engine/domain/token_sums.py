"""Sums the tokens of several answers. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from assistants_client.models.runs import CompletionTokensDetails, PromptTokenDetails, Usage


def total_of(usages: Iterable[Usage]) -> Usage:
    """Returns all tokens together; details are summed up as far as they are reported."""
    total = Usage()
    for usage in usages:
        total.prompt_tokens += usage.prompt_tokens
        total.completion_tokens += usage.completion_tokens
        total.total_tokens += usage.total_tokens
        if (read := usage.prompt_token_details) is not None:
            total.prompt_token_details = total.prompt_token_details or PromptTokenDetails()
            total.prompt_token_details.cached_tokens += read.cached_tokens
        if (written := usage.completion_tokens_details) is not None:
            details = total.completion_tokens_details or CompletionTokensDetails()
            total.completion_tokens_details = details
            details.reasoning_tokens += written.reasoning_tokens
    return total
