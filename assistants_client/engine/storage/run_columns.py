"""The columns of runs by which usage is counted: an index has all of them, and no JSON is read."""

from __future__ import annotations

from typing import Any, Final

from assistants_client.models.runs import Run

#: Their names, in the order of the index.
USAGE_COLUMNS: Final = ("assistant_id", "model", "prompt_tokens", "completion_tokens")


def usage_columns(run: Run) -> dict[str, Any]:
    """Returns the values of these columns; tokens are known of a run that has ended."""
    usage = run.usage
    spent = (None, None) if usage is None else (usage.prompt_tokens, usage.completion_tokens)
    return dict(zip(USAGE_COLUMNS, (run.assistant_id, run.model, *spent), strict=True))
