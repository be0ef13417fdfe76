"""Tells whose the messages of a list are, from what encloses them and from what they begin with."""

from __future__ import annotations

from typing import Any, Final

from assistants_client.transfer.reading.state import THREAD_NAMES
from assistants_client.transfer.reading.turns import turn_of

_TIMES: Final = ("created_at", "createdAt", "created", "createdDate", "create_time")


def beginning(head: list[Any]) -> list[Any]:
    """Returns what a chat begins with, to its first answer; a longer export does so too."""
    found = []
    for one in head[:20]:
        found.append(one)
        turn = turn_of(one) if isinstance(one, dict) else None
        if turn is not None and turn.role in {"assistant", "ai"}:
            break
    return found


def thread_of(value: dict[str, Any]) -> str | None:
    """Returns the id of the thread that a wrapper says."""
    for name in THREAD_NAMES:
        one = value.get(name)
        if isinstance(one, (str, int)) and not isinstance(one, bool) and one != "":
            return str(one)
    for name in ("thread", "conversation"):
        one = value.get(name)
        if isinstance(one, dict) and isinstance(one.get("id"), str):
            return str(one["id"])
    if isinstance(value.get("id"), str) and isinstance(value.get("messages"), list):
        return str(value["id"])
    return None


def thread_document(value: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the thread that a wrapper describes: when it was made, and its title."""
    key = thread_of(value)
    time = next((value[name] for name in _TIMES if value.get(name) is not None), None)
    title = next((value[name] for name in ("title", "name") if value.get(name)), None)
    if key is None or (time is None and not isinstance(title, str)):
        return None
    made: dict[str, Any] = {"id": key, "object": "thread"}
    if time is not None:
        made["created_at"] = time
    return {**made, "metadata": {"title": title}} if isinstance(title, str) else made


def is_container(value: dict[str, Any]) -> bool:
    """Returns whether a value holds others, and may well be empty."""
    return any(isinstance(one, (dict, list)) for one in value.values())
