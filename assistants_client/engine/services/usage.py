"""The usage of runs, added up by assistant, by model, by day, or by a key of threads' metadata.

The runs that are stored count; what was deleted is in the usage of tokens alone (``_usage``). Of
the runs of a time an index has all that is added up, so that none is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, Final

from attrs import frozen
from sqlalchemy import Select, func, select

from assistants_client.engine.faults import Fault
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._usage import day_of
from assistants_client.engine.storage.tables import runs, thread_metadata, threads
from assistants_client.models._base import JsonObject

#: The days before now that count where nothing is said.
DAYS: Final = 30
#: Of more groups than these, those with the most tokens are returned.
MOST_GROUPS: Final = 1_000

_DAY_SECONDS: Final = 24 * 60 * 60
#: The last second of the year 9999.
_LAST: Final = 253_402_300_799
_METADATA: Final = "metadata:"
_GROUPS: Final = ("assistant", "model", "day")
_SECONDS: Final = re.compile(r"[0-9]{1,12}")


@frozen(kw_only=True)
class UsageQuery:
    """The usage that is asked for.

    Attributes:
        group_by: ``assistant``, ``model``, ``day`` (of UTC), or ``metadata:`` with a key.
        since: Only of runs that were made then or later, in Unix seconds.
        until: Only of runs that were made before; ``None`` for up to now.
    """

    group_by: str = "day"
    since: int = 0
    until: int | None = None


def parse_usage_query(query: Mapping[str, str], now: float) -> UsageQuery:
    """Reads ``group_by``, ``since`` and ``until`` from a query; other keys are ignored.

    Times are Unix seconds, or days of UTC such as ``2026-03-01``: ``since`` its beginning,
    ``until`` its end.

    Raises:
        Fault: One of them is not as it should be.
    """
    group_by = query.get("group_by") or "day"
    if group_by not in _GROUPS and not group_by.startswith(_METADATA):
        message = (
            f"Invalid 'group_by': {group_by!r:.80} is not one of {', '.join(_GROUPS)} and "
            "metadata:KEY."
        )
        raise Fault(400, message, "invalid_value", "group_by")
    if group_by == _METADATA:
        message = "Invalid 'group_by': write the key behind 'metadata:', such as metadata:user."
        raise Fault(400, message, "invalid_value", "group_by")
    since = _time(query, "since", 0)
    until = _time(query, "until", _DAY_SECONDS)
    if since is None:
        since = int(min(now, now if until is None else until)) - DAYS * _DAY_SECONDS
    if until is not None and until < since:
        raise Fault(400, "Invalid 'until': it is before 'since'.", "invalid_value", "until")
    return UsageQuery(group_by=group_by, since=since, until=until)


def _time(query: Mapping[str, str], name: str, more: int) -> int | None:
    text = query.get(name)
    if not text:
        return None
    if _SECONDS.fullmatch(text) and int(text) <= _LAST:
        return int(text)
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        message = (
            f"Invalid '{name}': {text!r:.80} is neither a day such as 2026-03-01 nor Unix seconds."
        )
        raise Fault(400, message, "invalid_value", name) from None
    return int(day.timestamp()) + more


@frozen
class RunUsage:
    """Adds up the usage of the runs that the caller sees."""

    _context: Context

    def now(self) -> float:
        """Returns the time in Unix seconds."""
        return self._context.clock()

    def by(self, query: UsageQuery) -> JsonObject:
        """Returns the usage in groups: of days the latest first, of others the largest first.

        Returns:
            A list, as a document: of each group its key (null for runs that have none), the
            tokens, and the number of runs; those that have not ended have no tokens yet.
        """
        key, name = _grouped(query.group_by)
        held = runs.c
        tokens = [func.coalesce(func.sum(held[one]), 0) for one in _TOKENS]
        total = (tokens[0] + tokens[1]).label("total")
        rows = key.add_columns(*tokens, func.count().label("runs"), total)
        rows = rows.where(held.created_at >= query.since)
        if query.until is not None:
            rows = rows.where(held.created_at < query.until)
        if self._context.only_tenant is not None:
            rows = rows.where(held.tenant == self._context.only_tenant)
        group = rows.selected_columns[0]
        order = (group.desc(),) if query.group_by == "day" else (total.desc(), func.count().desc())
        rows = rows.group_by(group).order_by(*order, group).limit(MOST_GROUPS + 1)
        with self._context.database.read() as connection:
            found = connection.execute(rows).all()
        return {
            "object": "list",
            "data": [
                {
                    "key": None if row[0] is None else name(row[0]),
                    "prompt_tokens": int(row[1]),
                    "completion_tokens": int(row[2]),
                    "total_tokens": int(row[1]) + int(row[2]),
                    "runs": int(row[3]),
                }
                for row in found[:MOST_GROUPS]
            ],
            "has_more": len(found) > MOST_GROUPS,
            "since": query.since,
            "until": query.until,
        }


_TOKENS: Final = ("prompt_tokens", "completion_tokens")


def _grouped(group_by: str) -> tuple[Select[Any], Callable[[Any], str]]:
    """Returns the query for the groups' keys, and what makes a text of one."""
    if group_by == "day":
        day = runs.c.created_at // _DAY_SECONDS
        return select(day.label("day")), lambda number: day_of(number * _DAY_SECONDS)
    if group_by in _GROUPS:
        column = {"assistant": runs.c.assistant_id, "model": runs.c.model}[group_by]
        return select(column), str
    held = thread_metadata.c
    pair = (held.thread == threads.c.seq) & (held.key == group_by.removeprefix(_METADATA))
    joined = runs.join(threads, threads.c.id == runs.c.thread_id).outerjoin(thread_metadata, pair)
    return select(held.value).select_from(joined), str
