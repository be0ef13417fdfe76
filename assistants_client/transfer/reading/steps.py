"""Reads threads of Chainlit and Literal AI: steps, of which some are messages, and elements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from assistants_client.transfer.found import Found
from assistants_client.transfer.reading.chat import Chat
from assistants_client.transfer.reading.contents import as_json
from assistants_client.transfer.reading.order import direction_of
from assistants_client.transfer.reading.state import THREAD_NAMES, FileState
from assistants_client.transfer.reading.turns import Call, Turn

_ROLES: Final = {
    "user_message": "user",
    "assistant_message": "assistant",
    "system_message": "system",
}
_KINDS: Final = frozenset((*_ROLES, "run", "tool", "llm", "embedding", "retrieval", "rerank"))
#: The texts of messages stand in ``output``, whoever wrote them.
_COLUMNS: Final = {
    "thread": "threadId",
    "id": "id",
    "role": "type",
    "text": "output",
    "time": "createdAt",
}


def is_steps(value: Mapping[str, Any]) -> bool:
    """Returns whether a value is a thread made of steps."""
    steps = value.get("steps")
    return (
        isinstance(steps, list)
        and "object" not in value
        and any(isinstance(one, dict) and one.get("type") in _ROLES for one in steps)
    )


def take_steps(value: dict[str, Any], state: FileState) -> Iterator[Found]:
    """Yields the thread, its messages, and the calls of its tools."""
    steps = [one for one in value["steps"] if isinstance(one, dict) and one.get("type") in _KINDS]
    direction = direction_of(steps)
    if direction == "newest_first":
        steps.reverse()
    metadata = value.get("metadata")
    metadata = dict(metadata) if isinstance(metadata, dict) else {}
    named = next((metadata.pop(one) for one in THREAD_NAMES if metadata.get(one)), None)
    key = str(named or value.get("id") or steps[0].get("threadId") or state.file_key())
    if isinstance(value.get("name"), str):
        metadata.setdefault("title", value["name"])
    thread: dict[str, Any] = {"id": key, "object": "thread", "metadata": metadata}
    if value.get("createdAt") is not None:
        thread["created_at"] = value["createdAt"]
    yield state.found("rows", "thread", thread, thread_key=key)
    if value.get("userIdentifier"):
        state.lose("personal_data_skipped", kind="thread", id_=key, name="userIdentifier")
    elements = value.get("elements")
    for one in elements if isinstance(elements, list) else []:
        is_link = isinstance(one, dict) and isinstance(one.get("url"), str)
        code = "link_not_fetched" if is_link else "attachment_without_bytes"
        id_ = one.get("forId") if isinstance(one, dict) else None
        state.lose(code, kind="message", id_=id_, name="elements")
    chat = Chat(state, key, "rows")
    for step in steps:
        turn = _turn(step)
        if turn is not None:
            yield from chat.feed(turn, "oldest_first", _COLUMNS)
    yield from chat.end()


def _turn(step: dict[str, Any]) -> Turn | None:
    kind, output, time = step["type"], step.get("output"), step.get("createdAt")
    id_ = step.get("id") if isinstance(step.get("id"), str) else None
    if kind in _ROLES:
        return Turn(role=_ROLES[kind], content=output, id=id_, time=time)
    if kind == "tool":
        name, arguments = str(step.get("name")), as_json(step.get("input"))
        function = {"name": name, "arguments": arguments, "output": as_json(output)}
        made = {"id": id_, "type": "function", "function": function}
        return Turn(role="assistant", time=time, calls=[Call(id_, name, arguments, made)])
    # What runs and models were given stands in the messages too.
    return None
