"""Reads what SQLite's ``.dump`` writes of a session of the Agents SDK: rows with JSON in them.

No SQL is executed: only ``INSERT`` of literals is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from assistants_client.transfer.reading.options import SourceError
from assistants_client.transfer.reading.state import FileState

_COLUMNS: Final = {
    "agent_sessions": ("session_id", "created_at", "updated_at"),
    "agent_messages": ("id", "session_id", "message_data", "created_at"),
}
#: Characters of one statement.
_STATEMENT: Final = 64 * 1024 * 1024
_INSERT = re.compile(
    r"\s*INSERT\s+INTO\s+[\"'`]?(?:main[\"'`]?\.[\"'`]?)?(agent_sessions|agent_messages)[\"'`]?"
    r"\s*(?:\(([^()]*)\)\s*)?VALUES\s*",
    re.IGNORECASE,
)
_VALUE = re.compile(r"\s*(?:'((?:[^']|'')*)'|(NULL)|(-?[0-9.]+)|replace\()", re.IGNORECASE)
_START = re.compile(r"(?:CREATE TABLE|INSERT INTO|PRAGMA|BEGIN TRANSACTION)\b", re.IGNORECASE)


def is_dump(head: str) -> bool:
    """Returns whether a text begins as SQL does."""
    return _START.match(head[:4096].lstrip()) is not None


def rows_of(pieces: Iterable[str], state: FileState) -> Iterator[tuple[int, Any]]:
    """Yields the sessions and messages of a dump, with their lines.

    Raises:
        SourceError: There are none in it.
    """
    count = 0
    for line, statement in _statements(pieces):
        match = _INSERT.match(statement)
        if match is None:
            continue
        table, named = match.group(1).lower(), match.group(2)
        names = [one.strip(" \"'`\n") for one in named.split(",")] if named else _COLUMNS[table]
        for values in _tuples(statement, match.end()):
            count += 1
            row = dict(zip(names, values, strict=False))
            if table == "agent_sessions":
                yield (
                    line,
                    {
                        "object": "thread",
                        "id": row.get("session_id"),
                        "created_at": row.get("created_at"),
                    },
                )
            else:
                yield (
                    line,
                    {
                        "session_id": row.get("session_id"),
                        "message": row.get("message_data"),
                        "created_at": row.get("created_at"),
                    },
                )
    if not count:
        raise SourceError(
            f"{state.file}: is SQL without rows of an Agents SDK's session (agent_messages): give "
            "the rows of a table as JSON or CSV"
        )


def _statements(pieces: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yields the statements of a text, with the lines they begin in."""
    rest, line = "", 1
    for piece in pieces:
        rest += piece
        start, quoted = 0, False
        for match in _MARKS.finditer(rest):
            if match.group() == "'":
                quoted = not quoted
            elif not quoted:
                statement = rest[start : match.start()]
                blank = len(statement) - len(statement.lstrip())
                yield line + statement.count("\n", 0, blank), statement
                line += rest.count("\n", start, match.end())
                start = match.end()
        rest = rest[start:]
        if len(rest) > _STATEMENT:
            return
    if rest.strip():
        yield line, rest


_MARKS = re.compile("[';]")


def _tuples(statement: str, at: int) -> Iterator[list[str | None]]:
    """Yields the rows of literals that follow ``VALUES``."""
    while statement[at : at + 1] == "(":
        values: list[str | None] = []
        while True:
            match = _VALUE.match(statement, at + 1)
            if match is None:
                return
            if match.group(1) is not None:
                values.append(match.group(1).replace("''", "'"))
            else:
                values.append(match.group(3))
            at = match.end()
            if statement[at : at + 1] != ",":
                break
        yield values
        if statement[at : at + 1] != ")":
            return
        at += 1
        while statement[at : at + 1] in {",", " ", "\n"} and at < len(statement):
            at += 1
