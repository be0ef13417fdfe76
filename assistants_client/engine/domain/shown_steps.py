"""Makes a step as callers see it of a step as it is stored: pure.

The stored one has more, such as the tokens of an answer whose calls wait for their outputs; the
protocol decides when callers see which of it.
"""

from __future__ import annotations

from typing import Any

from assistants_client.models._base import JsonObject


def shown_step(step: JsonObject, *, with_content: bool, in_stream: bool = False) -> JsonObject:
    """Returns a step as the protocol shows it.

    Its usage is there once it is over. So long, and in streams even then, ``expires_at`` is the
    time at which its run expires. The query of a search is left out, and what only the model was
    told of its code; the passages of a search are there only when asked for.

    Args:
        step: The step as it is stored.
        with_content: Whether the passages were asked for.
        in_stream: Whether it is part of an event.
    """
    shown: dict[str, Any] = dict(step)
    if step["status"] == "in_progress":
        shown["usage"] = None
    elif not in_stream:
        shown["expires_at"] = None
    details = step["step_details"]
    if any(call["type"] != "function" for call in details.get("tool_calls") or ()):
        calls = [_shown_call(call, with_content) for call in details["tool_calls"]]
        shown["step_details"] = {**details, "tool_calls": calls}
    return shown


def _shown_call(call: JsonObject, with_content: bool) -> JsonObject:
    if call["type"] == "code_interpreter" and "told" in call["code_interpreter"]:
        record = {name: it for name, it in call["code_interpreter"].items() if name != "told"}
        return {**call, "code_interpreter": record}
    if call["type"] != "file_search":
        return call
    record = call["file_search"]
    hidden = () if with_content else ("content",)
    results = [
        {name: value for name, value in result.items() if name not in hidden}
        for result in record["results"]
    ]
    ranking = record["ranking_options"]
    return {**call, "file_search": {"ranking_options": ranking, "results": results}}
