"""Turns of a chat, from the forms that interfaces and frameworks have for them.

OpenAI's chat completions and responses, LangChain's three wrappers, and LangSmith's two styles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen

from assistants_client.transfer.reading.contents import as_json, role_of

#: Names of LangChain's types; ``type`` means something else elsewhere.
_LANGCHAIN: Final = frozenset(
    (
        *("human", "ai", "system", "tool", "function", "developer", "user", "assistant"),
        *("HumanMessageChunk", "AIMessageChunk"),
    )
)
_TIMES: Final = ("created_at", "createdAt", "timestamp", "time", "date", "create_time")
#: What is in a turn beside what is taken of it, and means nothing elsewhere.
_USUAL: Final = frozenset(
    (
        *(*_TIMES, "id", "role", "type", "content", "name", "metadata", "object", "status", "data"),
        *("tool_calls", "tool_call_id", "function_call", "call_id", "arguments", "output"),
        *("weight", "refusal", "audio", "annotations", "reasoning", "reasoning_content", "phase"),
        *("additional_kwargs", "response_metadata", "usage_metadata", "invalid_tool_calls"),
        *("example", "artifact", "tool_call_chunks", "lc", "kwargs", "lc_kwargs", "lc_namespace"),
        *("lc_serializable", "run_id", "assistant_id", "completed_at", "text"),
    )
)


@frozen
class Call:
    """A call of a tool.

    Attributes:
        id: Its id, which its output names.
        name: The function's.
        arguments: As text.
        step: The call as run steps have it, where its output stands beside it.
    """

    id: str | None
    name: str
    arguments: str
    step: dict[str, Any] | None = None


@frozen(kw_only=True)
class Turn:
    """One element of a chat.

    Attributes:
        role: As it stood.
        content: As it stood.
        id: The message's id.
        time: As it stood.
        calls: Calls of tools.
        answers: The id of the call whose output this is; empty where it names none.
        name: The function whose output this is.
        metadata: Of the message.
        dropped: The type of what has no place in a message.
        others: Further fields of the message under the protocol's names.
    """

    role: object = None
    content: object = None
    id: str | None = None
    time: object = None
    calls: list[Call] = field(factory=list)
    answers: str | None = None
    name: str | None = None
    metadata: object = None
    dropped: str | None = None
    others: Mapping[str, Any] = field(factory=dict)


def turn_of(value: Mapping[str, Any]) -> Turn | None:
    """Returns the turn that a value is, or nothing where it is none."""
    kind = value.get("type")
    inner = value.get("data")
    if value.get("lc") == 1 and kind == "constructor":
        return _constructed(value)
    if kind in _LANGCHAIN and isinstance(inner, dict) and "content" in inner:
        return _langchain({**inner, "type": kind})
    if isinstance(kind, str) and "role" not in value:
        is_short = kind in _LANGCHAIN and "content" in value
        return _langchain(value) if is_short else _item(kind, value)
    role = role_of(value.get("role")) if isinstance(value.get("role"), str) else None
    if role is None or not {"content", "tool_calls", "function_call", "refusal"} & value.keys():
        return None
    return _message(value, role)


def _constructed(value: Mapping[str, Any]) -> Turn | None:
    """Returns the turn in LangChain's form of an object that it can make again."""
    names, inner = value.get("id"), value.get("kwargs")
    if not (isinstance(names, list) and names and isinstance(inner, dict)):
        return None
    return _langchain({**inner, "type": names[-1]})


def is_turn(value: Mapping[str, Any]) -> bool:
    """Returns whether a value is a turn, and nothing else: rows have more than turns."""
    return turn_of(value) is not None and (
        value.keys() <= _USUAL or bool({"tool_calls", "tool_call_id"} & value.keys())
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _time(value: Mapping[str, Any]) -> object:
    return next((value[name] for name in _TIMES if value.get(name) is not None), None)


def _message(value: Mapping[str, Any], role: str) -> Turn:
    """Returns a turn of chat completions, or a message of responses."""
    calls = _calls(value)
    content = value.get("content")
    refusal = value.get("refusal")
    if isinstance(refusal, str) and refusal:
        content = [{"type": "refusal", "refusal": refusal}]
    answers = _text(value.get("tool_call_id")) or "" if role == "call" else None
    others = {
        name: value[name] for name in ("assistant_id", "run_id") if isinstance(value.get(name), str)
    }
    return Turn(
        role=value.get("role"),
        content=content,
        id=_text(value.get("id")),
        time=_time(value),
        calls=calls,
        answers=answers,
        name=_text(value.get("name")),
        metadata=value.get("metadata"),
        others=others,
    )


def _langchain(value: Mapping[str, Any]) -> Turn | None:
    kind = value.get("type")
    role = role_of(kind)
    if role is None:
        return None
    return Turn(
        role=kind,
        content=value.get("content"),
        id=_text(value.get("id")),
        time=_time(value),
        calls=_calls(value),
        answers=_text(value.get("tool_call_id")) or "" if role == "call" else None,
        name=_text(value.get("name")),
    )


def _calls(value: Mapping[str, Any]) -> list[Call]:
    """Returns the calls of an assistant's turn."""
    listed = value.get("tool_calls")
    extra = value.get("additional_kwargs")
    if not listed and isinstance(extra, dict):
        listed = extra.get("tool_calls")
    found = []
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict):
            continue
        inner = one.get("function")
        inner = inner if isinstance(inner, dict) else one
        arguments = inner.get("arguments", inner.get("args", inner.get("input")))
        name = _text(inner.get("name")) or _text(one.get("type")) or "unknown"
        found.append(Call(_text(one.get("id")), name, as_json(arguments)))
    old = value.get("function_call")
    if not found and isinstance(old, dict) and _text(old.get("name")):
        found.append(Call(None, str(old["name"]), as_json(old.get("arguments"))))
    return found


def _item(kind: str, value: Mapping[str, Any]) -> Turn | None:
    """Returns an item of responses that is no message."""
    call_id = _text(value.get("call_id"))
    if kind == "function_call" and _text(value.get("name")):
        call = Call(call_id, str(value["name"]), as_json(value.get("arguments")))
        return Turn(role="assistant", calls=[call])
    if kind == "function_call_output" and call_id:
        return Turn(role="tool", answers=call_id, content=value.get("output"))
    id_ = _text(value.get("id"))
    step: dict[str, Any] | None = None
    if kind == "code_interpreter_call":
        outputs = value.get("outputs")
        inner = {
            "input": as_json(value.get("code")),
            "outputs": [
                one
                for one in (outputs if isinstance(outputs, list) else [])
                if isinstance(one, dict) and one.get("type") == "logs"
            ],
        }
        step = {"id": id_, "type": "code_interpreter", "code_interpreter": inner}
    elif kind == "file_search_call":
        results = value.get("results")
        inner = {"results": results} if isinstance(results, list) else {}
        step = {"id": id_, "type": "file_search", "file_search": inner}
    if step is not None:
        return Turn(role="assistant", calls=[Call(id_, kind, "", step)])
    if kind in {"reasoning", "item_reference"} or (kind.endswith("_call") and id_):
        return Turn(dropped=kind if kind.isidentifier() and len(kind) <= 40 else "unknown")
    return None
