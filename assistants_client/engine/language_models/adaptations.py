"""What of a request can be said otherwise, or left unsaid, to a server that refuses it. Pure.

Each row is one field of one API: which servers refuse it is not known here, nor in what words. What
a row leaves out is either a server's default anyway, or the run's bounds and tools say it again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from assistants_client.engine.language_models.turn_state import STATE_FIELDS

Document = dict[str, Any]


def adapted(document: Mapping[str, Any], fields: Iterable[str]) -> Document:
    """A request without the fields that its server is known to refuse, as they stand in it."""
    made = dict(document)
    for name in fields:
        made = _ROWS[name](made)
    return made


def adaptable(document: Mapping[str, Any]) -> list[str]:
    """The fields of a request that could be said otherwise, those first that cost the least."""
    return [name for name, change in _ROWS.items() if change(dict(document)) != document]


def first_named(adaptable_fields: Iterable[str], refused: Collection[str]) -> str | None:
    """The field to change first, of those that a refusal names."""
    return next((name for name in adaptable_fields if name in refused), None)


def _without(*names: str) -> Callable[[Document], Document]:
    return lambda document: {k: v for k, v in document.items() if k not in names}


def _renamed(old: str, new: str) -> Callable[[Document], Document]:
    return lambda document: {new if k == old else k: v for k, v in document.items()}


def _plain_choice(document: Document) -> Document:
    """The one function that is to be called: alone among the tools, and required."""
    choice = document.get("tool_choice")
    if isinstance(choice, dict):
        name = choice.get("name") or choice.get("function", {}).get("name")
        tools = [tool for tool in document["tools"] if _name(tool) == name]
        return {**document, "tools": tools, "tool_choice": "required"}
    return _without("tool_choice")(document)


def _name(tool: Mapping[str, Any]) -> object:
    return tool.get("name") or tool.get("function", {}).get("name")


def _not_strict(document: Document) -> Document:
    if "tools" not in document:
        return document
    tools = [
        {k: _without("strict")(v) if k == "function" else v for k, v in tool.items()}
        for tool in document["tools"]
    ]
    return {**document, "tools": tools}


def _forgetful(document: Document) -> Document:
    """Without what the server itself attached to turns and calls before."""
    if "messages" not in document:
        return document
    messages = [
        {
            k: [_plain_call(call) for call in v] if k == "tool_calls" else v
            for k, v in message.items()
            if k not in STATE_FIELDS
        }
        for message in document["messages"]
    ]
    return {**document, "messages": messages}


def _plain_call(call: Mapping[str, Any]) -> Document:
    function = {k: v for k, v in call["function"].items() if k in ("name", "arguments")}
    return {"id": call["id"], "type": call["type"], "function": function}


_ROWS: Final[Mapping[str, Callable[[Document], Document]]] = {
    "stream_options": _without("stream_options"),
    "stream": _without("stream", "stream_options"),
    # OpenAI's newer models refuse the first, most other servers know no other.
    "max_tokens": _renamed("max_tokens", "max_completion_tokens"),
    "max_completion_tokens": _renamed("max_completion_tokens", "max_tokens"),
    "parallel_tool_calls": _without("parallel_tool_calls"),
    "tool_choice": _plain_choice,
    "strict": _not_strict,
    "include": _without("include"),
    "top_p": _without("top_p"),
    "temperature": _without("temperature"),
    **dict.fromkeys(STATE_FIELDS, _forgetful),
}
