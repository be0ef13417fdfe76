"""Tells how a list stands, from the times in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from assistants_client.transfer.found import Direction

_TIMES: Final = (
    *("created_at", "createdAt", "timestamp", "time", "createdDate", "created", "create_time"),
    *("date", "DateTime", "Message Date", "id"),
)
_THREADS: Final = ("thread_id", "threadId", "session_id", "sessionId", "conversation_id", "thread")


def direction_of(values: Iterable[object], time_column: str | None = None) -> Direction:
    """Returns how a list stands: some pair of its times must differ, and none contradict it.

    Times of different threads are not compared. Where there are none, numbers of rows count.
    """
    names = (time_column, *_TIMES) if time_column else _TIMES
    last: dict[object, tuple[str, float | str]] = {}
    ups = downs = 0
    for value in values:
        if not isinstance(value, Mapping):
            continue
        thread = next((value[name] for name in _THREADS if isinstance(value.get(name), str)), None)
        here = _time(value, names)
        if here is None:
            continue
        before = last.get(thread)
        last[thread] = here
        if before is None or before[0] != here[0] or type(before[1]) is not type(here[1]):
            continue
        ups += here[1] > before[1]  # type: ignore[operator]  # both are of one type
        downs += here[1] < before[1]  # type: ignore[operator]  # both are of one type
    if ups and not downs:
        return "oldest_first"
    return "newest_first" if downs and not ups else "unknown"


def _time(value: Mapping[str, Any], names: Iterable[str]) -> tuple[str, float | str] | None:
    """Returns the first time of a value that can be compared, with its name."""
    for name in names:
        one = value.get(name)
        if isinstance(one, bool) or one is None:
            continue
        if isinstance(one, (int, float)):
            return name, float(one)
        if not isinstance(one, str) or name == "id":
            continue
        if one[:4].isdecimal() and one[4:5] == "-":
            return name, one
        if one.isdecimal() and len(one) < 20:
            return name, float(one)
    return None
