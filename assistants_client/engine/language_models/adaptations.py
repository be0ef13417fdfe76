"""The changes to a request that a server may accept after it has refused the request. Pure.

Each row is one field of one API; the servers that refuse it, and their messages, are handled
elsewhere. What a row leaves out is either a server's default anyway, or is ensured by the run's
bounds and tools.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from assistants_client.engine.language_models.turn_state import STATE_FIELDS

Document = dict[str, Any]


def adapted(document: Mapping[str, Any], rows: Iterable[int]) -> Document:
    """Returns a request without what its server is known to refuse, by the numbers of the rows."""
    made = dict(document)
    for row in rows:
        _, change = _ROWS[row]
        made = change(made)
    return made


def adaptable(document: Mapping[str, Any], tried: Collection[int]) -> dict[int, str]:
    """Returns the rows that would change a request, and their fields; the least costly first."""
    # A server that refuses both names of a bound is not sent the first one again.
    done = {*tried, *_RENAMING} if _RENAMING.intersection(tried) else {*tried}
    return {
        number: field
        for number, (field, change) in enumerate(_ROWS)
        if number not in done and change(dict(document)) != document
    }


def _without(*names: str) -> Callable[[Document], Document]:
    return lambda document: {k: v for k, v in document.items() if k not in names}


def _renamed(old: str, new: str) -> Callable[[Document], Document]:
    return lambda document: {new if k == old else k: v for k, v in document.items()}


def _required(document: Document) -> Document:
    """Requires the one function that is to be called, and leaves out all other tools."""
    choice = document.get("tool_choice")
    if not isinstance(choice, dict):
        return document
    name = choice.get("name") or choice.get("function", {}).get("name")
    tools = [tool for tool in document["tools"] if _name(tool) == name]
    return {**document, "tools": tools, "tool_choice": "required"}


def _name(tool: Mapping[str, Any]) -> object:
    return tool.get("name") or tool.get("function", {}).get("name")


def _not_strict(document: Document) -> Document:
    if "tools" not in document:
        return document
    plain = _without("strict")
    tools = [
        {k: plain(v) if k == "function" else v for k, v in plain(tool).items()}
        for tool in document["tools"]
    ]
    return {**document, "tools": tools}


def _without_state(document: Document) -> Document:
    """Leaves out what the server itself attached to turns and calls before."""
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


#: OpenAI's newer models refuse the first name of a bound, most other servers accept no other.
_NAMES: Final = (
    _renamed("max_tokens", "max_completion_tokens"),
    _renamed("max_completion_tokens", "max_tokens"),
)
#: The field that a server names when it refuses, and the change to the request. A field with two
#: possible changes has two rows, the second for a server that refuses the first as well.
_ROWS: Final[Sequence[tuple[str, Callable[[Document], Document]]]] = (
    ("stream_options", _without("stream_options")),
    ("max_tokens", _NAMES[0]),
    ("max_completion_tokens", _NAMES[1]),
    ("max_tokens", _without("max_tokens")),
    ("max_completion_tokens", _without("max_completion_tokens")),
    ("max_output_tokens", _without("max_output_tokens")),
    ("parallel_tool_calls", _without("parallel_tool_calls")),
    ("tool_choice", _required),
    ("tool_choice", _without("tool_choice")),
    ("strict", _not_strict),
    ("include", _without("include")),
    ("store", _without("store")),
    ("top_p", _without("top_p")),
    ("temperature", _without("temperature")),
    *((name, _without_state) for name in STATE_FIELDS),
    ("stream", _without("stream", "stream_options")),
)
_RENAMING: Final = frozenset(number for number, (_, change) in enumerate(_ROWS) if change in _NAMES)
