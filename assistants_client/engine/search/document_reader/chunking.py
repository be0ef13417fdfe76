"""Cuts a text into passages that overlap. Pure: no storage, no search.

Tokens are counted by a simple rule, since no model's tokenizer is at hand: every started six
letters or digits of a word are one, each letter of a script without spaces is one, and so is every
other sign that is not blank. Of blanks 64 in a row are one, so that no passage is long without
words. For English this comes close to what models count. The time is linear in the text.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

#: Scripts without spaces between words, as a part of a character class.
UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"

_TOKEN: Final = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]{{1,6}}|[^\w\s]|\s{{64}}")
_HEADING: Final = re.compile(r"^(#{1,6})[ \t]", re.MULTILINE)
_LONGEST_HEADING: Final = 200
#: The best ends of a passage, in this order.
_ENDS: Final = tuple(re.compile(end) for end in (r"\n\s*\n", r"\n", r"[.!?。]\s", r"\s"))
#: The part of a passage, from its end, in which its end is searched.
_END_SHARE: Final = 4
#: Characters back to which the beginning of a word is searched.
_LONGEST_WORD: Final = 40


class Chunk(NamedTuple):
    """A passage; ``start`` counts characters, ``headings`` are those that it stands under."""

    start: int
    text: str
    headings: str = ""


def count_tokens(text: str) -> int:
    """Returns the number of a text's tokens."""
    return sum(1 for _ in _TOKEN.finditer(text))


def chunks(text: str, size: int, overlap: int, *, has_headings: bool = False) -> Iterator[Chunk]:
    """Cuts a text into passages; together they hold all of it.

    Args:
        text: The text.
        size: Tokens of a passage, at most.
        overlap: Tokens that it shares with the next one: at most half of its size.
        has_headings: Whether lines that begin with ``#`` are headings, as in Markdown.
    """
    tokens = array("Q", (match.start() for match in _TOKEN.finditer(text)))
    above = _HeadingPath(text if has_headings else "")
    first, start = 0, 0
    while True:
        if first + size >= len(tokens):
            yield Chunk(start, text[start:], above.at(start))
            return
        end = _end(text, tokens[first + size - size // _END_SHARE], tokens[first + size])
        yield Chunk(start, text[start:end], above.at(start))
        first = max(bisect_left(tokens, end) - overlap, first + 1)
        start = min(_word_start(text, tokens[first]), end) if overlap else end


def _end(text: str, earliest: int, latest: int) -> int:
    for pattern in _ENDS:
        end = 0
        for match in pattern.finditer(text, earliest, latest):
            end = match.end()
        if end:
            return end
    return latest


def _word_start(text: str, place: int) -> int:
    start = place
    while start > 0 and place - start < _LONGEST_WORD and text[start - 1].isalnum():
        start -= 1
    return start if place - start < _LONGEST_WORD else place


class _HeadingPath:
    """The headings above a place; called with places in ascending order."""

    def __init__(self, text: str) -> None:
        self._found = _headings(text)
        self._next = next(self._found, None)
        self._levels: dict[int, str] = {}

    def at(self, place: int) -> str:
        # A heading at the very start is a part of the passage, and its title as well.
        while self._next is not None and self._next[0] <= place:
            _, level, title = self._next
            self._levels = {n: other for n, other in self._levels.items() if n < level}
            self._levels[level] = title
            self._next = next(self._found, None)
        return " / ".join(self._levels.values())


def _headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yields the place, the level and the title of each heading."""
    for match in _HEADING.finditer(text):
        end = text.find("\n", match.end())
        title = text[match.end() : len(text) if end < 0 else end].strip(" \t").rstrip(" \t#")
        if title:
            yield match.start(), len(match[1]), title[:_LONGEST_HEADING]
