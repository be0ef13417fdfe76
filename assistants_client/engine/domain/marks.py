"""Finds the marks in a text that comes in pieces, and cuts it where they begin and end.

Pure. The marks are known before the text: a citation's, or a link to a file. Readers of a stream
put something else in a mark's place, so that each is passed on whole, with its annotation; a piece
that may yet become one is held back until that is known.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from attrs import evolve, frozen

from assistants_client.models.messages import FileCitation, FilePath

#: The annotation of a mark.
MarkAnnotation: TypeAlias = FileCitation | FilePath


@frozen
class Segment:
    """A piece of a text: a mark, with its annotation, or what lies between two."""

    text: str
    annotation: MarkAnnotation | None = None


class KnownMarks:
    """The marks that a text may hold.

    Args:
        annotations: The annotation of each; its indices are not set yet.
    """

    def __init__(self, annotations: Mapping[str, MarkAnnotation] | None = None) -> None:
        self.annotations: Final = dict(annotations or {})
        self.longest: Final = max(map(len, self.annotations), default=0)
        self._sorted = sorted(self.annotations)
        self._lengths = sorted({len(mark) for mark in self.annotations}, reverse=True)
        alike: dict[str, list[str]] = {}
        for mark in self._sorted:
            alike.setdefault(mark[0], []).append(mark)
        #: The common beginnings of the marks: these are searched for, not each of the marks.
        self._heads = [_shared(marks[0], marks[-1]) for marks in alike.values()]

    def next_head(self, text: str, place: int) -> int:
        """Returns where a mark may begin, from a place on; the text's length where none does."""
        found = [text.find(head, place) for head in self._heads]
        return min((one for one in found if one >= 0), default=len(text))

    def unfinished_head(self, text: str, place: int) -> int:
        """Returns where a head begins that the text's end cuts off, or the text's length."""
        begun = len(text)
        for head in self._heads:
            for start in range(max(place, len(text) - len(head) + 1), begun):
                if head.startswith(text[start:]):
                    begun = start
                    break
        return begun

    def may_grow(self, rest: str) -> bool:
        """Returns whether a mark begins with the rest of a text, and is longer."""
        next_one = bisect_left(self._sorted, rest)
        if next_one < len(self._sorted) and self._sorted[next_one] == rest:
            next_one += 1
        return next_one < len(self._sorted) and self._sorted[next_one].startswith(rest)

    def at(self, text: str, place: int) -> str | None:
        """Returns the longest mark at a place; ``None`` where there is none."""
        for length in self._lengths:
            mark = text[place : place + length]
            if mark in self.annotations:
                return mark
        return None


def _shared(first: str, last: str) -> str:
    """Returns the common beginning of two texts, and of all between them in sorted order."""
    length = 0
    while first[: length + 1] == last[: length + 1] and length < len(first):
        length += 1
    return first[:length]


class MarkReader:
    """Cuts one text, as it comes, into marks and the segments between them."""

    def __init__(self, marks: KnownMarks) -> None:
        self._marks = marks
        self._held = ""
        #: Characters of the text that were passed on.
        self._passed = 0

    def read(self, text: str, *, is_last: bool = False) -> Iterator[Segment]:
        """Yields the segments that can be passed on now.

        Args:
            text: The next piece.
            is_last: Whether no more comes, so that nothing is held back.
        """
        marks, text = self._marks, self._held + text
        if not marks.annotations:
            yield from self._pass(text)
            return
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
            end = start + len(mark)
            annotation = evolve(marks.annotations[mark], start_index=start, end_index=end)
            yield from self._pass(mark, annotation)
            plain = place = place + len(mark)
        else:
            place = len(text) if is_last else marks.unfinished_head(text, plain)
        self._held = text[place:]
        yield from self._pass(text[plain:place])

    def _pass(self, text: str, annotation: MarkAnnotation | None = None) -> Iterator[Segment]:
        if text:
            self._passed += len(text)
            yield Segment(text, annotation)
