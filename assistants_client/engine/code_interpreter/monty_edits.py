"""Edits of source text, and the way back from a traceback of it to the lines as written.

Pure: positions are offsets in characters, ends exclusive.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from attrs import field, frozen

#: What replaces a range: text, and ranges of the source, with the edits inside them.
Part: TypeAlias = "str | tuple[int, int]"
#: A range of columns of an edited line, and the range of the written line that it stands for.
Columns: TypeAlias = "tuple[int, int, int, int]"
#: Edited lines without indentation, each with the line as written and its columns.
Lines: TypeAlias = "dict[str, tuple[str, list[Columns]]]"


@frozen
class Edit:
    """One edit: what a range of the source becomes."""

    start: int
    end: int
    parts: tuple[Part, ...]


@frozen
class _Node:
    edit: Edit
    children: list[_Node] = field(factory=list)


def wrapped(start: int, end: int, before: str, after: str) -> Edit:
    """Returns the edit that leaves a range as it is, between two texts."""
    return Edit(start, end, (before, (start, end), after))


def apply(source: str, edits: Iterable[Edit]) -> tuple[str, list[Columns]]:
    """Applies edits that are nested or apart; of two of one range the first is the outer.

    Returns:
        The edited text, and which of its ranges stand for which ranges of the source.
    """
    roots: list[_Node] = []
    stack: list[_Node] = []
    for edit in sorted(edits, key=lambda one: (one.start, -one.end)):
        while stack and stack[-1].edit.end < edit.end:
            if stack[-1].edit.end > edit.start:
                raise ValueError("edits that overlap")
            stack.pop()
        while stack and stack[-1].edit.end <= edit.start:
            stack.pop()
        node = _Node(edit)
        (stack[-1].children if stack else roots).append(node)
        stack.append(node)
    text = _Text(source)
    text.render((0, len(source)), roots)
    return "".join(text.pieces), text.spans


class _Text:
    """The edited text, as it grows."""

    def __init__(self, source: str) -> None:
        self.pieces: list[str] = []
        self.spans: list[Columns] = []
        self._source = source
        self._length = 0

    def render(self, within: tuple[int, int], nodes: Sequence[_Node]) -> None:
        """Adds a range of the source."""
        at, end = within
        for node in nodes:
            edit = node.edit
            if edit.start < at or edit.end > end:
                continue  # of text that is moved or replaced
            self._copy(at, edit.start)
            start = self._length
            for part in edit.parts:
                if isinstance(part, str):
                    self.pieces.append(part)
                    self._length += len(part)
                else:
                    self.render(part, node.children)
            self.spans.append((start, self._length, edit.start, edit.end))
            at = edit.end
        self._copy(at, end)

    def _copy(self, start: int, end: int) -> None:
        if end > start:
            self.pieces.append(self._source[start:end])
            self.spans.append((self._length, self._length + end - start, start, end))
            self._length += end - start


def edited_lines(source: str, edited: str, spans: Iterable[Columns]) -> Lines:
    """Returns the lines of the edited text that nobody wrote."""
    found: Lines = {}
    written, starts = _line_starts(source), _line_starts(edited)
    by_line: dict[int, list[Columns]] = {}
    for span in spans:
        number = bisect_right(starts, span[0]) - 1
        if span[1] <= starts[min(number + 1, len(starts) - 1)]:
            by_line.setdefault(number, []).append(span)
    for number, inside in by_line.items():
        start, line = starts[number], edited[starts[number] : starts[number + 1]]
        old = min((span[2] for span in inside if span[3] > span[2]), default=None)
        if old is None or not line.strip():
            continue
        old_number = bisect_right(written, old) - 1
        old_start = written[old_number]
        old_line = source[old_start : written[old_number + 1]].rstrip("\r\n")
        if line.strip() == old_line.strip():
            continue
        indent, old_indent = (len(text) - len(text.lstrip()) for text in (line, old_line))
        found[line.strip()] = (
            old_line.strip(),
            [
                (
                    a - start - indent,
                    b - start - indent,
                    c - old_start - old_indent,
                    min(d - old_start, len(old_line)) - old_indent,
                )
                for a, b, c, d in inside
                if old_start <= c < old_start + len(old_line)
            ],
        )
    return found


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


_FRAME = re.compile(r'  File "[^"]*", line \d+, in (\S+)')


def as_written(traceback: str, lines: Mapping[str, tuple[str, list[Columns]]], ours: str) -> str:
    """Returns a traceback with the lines as they were written, without our own functions.

    Args:
        traceback: The traceback, of edited text.
        lines: The edited lines.
        ours: How the names of our functions begin.
    """
    shown: list[str] = []
    skipped = False
    columns: list[Columns] | None = None
    for line in traceback.split("\n"):
        frame = _FRAME.fullmatch(line)
        if frame is not None:
            skipped = frame[1].startswith(ours)
        elif skipped and not line.startswith("  "):
            skipped = False
        if skipped:
            continue
        text = line.lstrip(" ")
        indent = line[: len(line) - len(text)]
        said = line
        if columns is not None and text and set(text) == {"~"}:
            marker = _marker(len(indent) - 4, len(line) - 4, columns)
            columns = None
            if marker is None:
                continue
            said = " " * (4 + marker[0]) + "~" * (marker[1] - marker[0])
        elif indent and text in lines:
            written, columns = lines[text]
            said = indent + written
        else:
            columns = None
        shown.append(said)
    return "\n".join(shown).replace(ours, "")


def _marker(start: int, end: int, columns: Sequence[Columns]) -> tuple[int, int] | None:
    """Returns the columns of the line as written that a marker is to stand under."""
    covered = [
        (old + max(start - new, 0), old_end - max(new_end - end, 0))
        if new_end - new == old_end - old
        else (old, old_end)
        for new, new_end, old, old_end in columns
        if (new < end and start < new_end and new_end - new == old_end - old)
        or (start <= new and new_end <= end)
    ]
    covered = [(a, b) for a, b in covered if a < b]
    if not covered:
        return None
    return min(a for a, _ in covered), max(b for _, b in covered)
