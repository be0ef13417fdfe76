"""Marks in a text that comes in pieces: what can be passed on of it, and what its marks stand for.

Pure. The marks are known before the text: a citation's, or a link to a file. Readers of a stream
put something else in a mark's place, so that each is passed on whole, with its annotation; what may
yet become one is held back until that is known.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from attrs import evolve, frozen

from assistants_client.models.messages import FileCitation, FilePath

#: What a mark stands for.
Note: TypeAlias = FileCitation | FilePath


@frozen
class Words:
    """A piece of a text: a mark, with what it stands for, or what lies between two."""

    text: str
    note: Note | None = None


class KnownMarks:
    """The marks that a text may hold.

    Args:
        notes: What each stands for; where, is not said yet.
    """

    def __init__(self, notes: Mapping[str, Note] | None = None) -> None:
        self.notes: Final = dict(notes or {})
        self.longest: Final = max(map(len, self.notes), default=0)
        self._sorted = sorted(self.notes)
        self._lengths = sorted({len(mark) for mark in self.notes}, reverse=True)
        alike: dict[str, list[str]] = {}
        for mark in self._sorted:
            alike.setdefault(mark[0], []).append(mark)
        #: What marks begin with: one of these is looked for, not each of the marks.
        self._heads = [_shared(marks[0], marks[-1]) for marks in alike.values()]

    def next_head(self, text: str, place: int) -> int:
        """Where a mark may begin, from a place on; the text's length where none does."""
        found = [text.find(head, place) for head in self._heads]
        return min((one for one in found if one >= 0), default=len(text))

    def unfinished_head(self, text: str, place: int) -> int:
        """Where the text ends with the beginning of a head; its length where it does not."""
        begun = len(text)
        for head in self._heads:
            for start in range(max(place, len(text) - len(head) + 1), begun):
                if head.startswith(text[start:]):
                    begun = start
                    break
        return begun

    def may_grow(self, rest: str) -> bool:
        """Whether there is a mark that begins with the rest of a text, and is longer."""
        next_one = bisect_left(self._sorted, rest)
        if next_one < len(self._sorted) and self._sorted[next_one] == rest:
            next_one += 1
        return next_one < len(self._sorted) and self._sorted[next_one].startswith(rest)

    def at(self, text: str, place: int) -> str | None:
        """The longest mark that stands at a place."""
        for length in self._lengths:
            mark = text[place : place + length]
            if mark in self.notes:
                return mark
        return None


def _shared(first: str, last: str) -> str:
    """What two texts begin with, and so does every one between them in their order."""
    length = 0
    while first[: length + 1] == last[: length + 1] and length < len(first):
        length += 1
    return first[:length]


class MarkReader:
    """Cuts one text, as it comes, into marks and what lies between them."""

    def __init__(self, marks: KnownMarks) -> None:
        self._marks = marks
        self._held = ""
        #: Characters of the text that were passed on.
        self._passed = 0

    def read(self, text: str, *, is_last: bool = False) -> Iterator[Words]:
        """What can be passed on now.

        Args:
            text: The next piece.
            is_last: Whether no more comes, so that nothing is held back.
        """
        marks, text = self._marks, self._held + text
        plain = place = 0
        while (place := marks.next_head(text, place)) < len(text):
            if not is_last and marks.may_grow(text[place : place + marks.longest]):
                break
            mark = marks.at(text, place)
            if mark is None:
                place += 1
                continue
            yield from self._pass(text[plain:place])
            start = self._passed
            note = evolve(marks.notes[mark], start_index=start, end_index=start + len(mark))
            yield from self._pass(mark, note)
            plain = place = place + len(mark)
        else:
            place = len(text) if is_last else marks.unfinished_head(text, plain)
        self._held = text[place:]
        yield from self._pass(text[plain:place])

    def _pass(self, text: str, note: Note | None = None) -> Iterator[Words]:
        if text:
            self._passed += len(text)
            yield Words(text, note)
