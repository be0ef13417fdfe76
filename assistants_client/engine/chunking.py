"""A text cut into passages that overlap. Pure: what they are kept and searched for is not known.

Tokens are counted by a simple rule, since no model's own is at hand: every started six letters or
digits of a word are one, each letter of a script without spaces is one, and so is every other sign
that is not blank. For English this comes close to what models count.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

#: What is written without spaces between words, as a part of a character class.
UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"

_TOKEN: Final = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])\w){{1,6}}|[^\w\s]")
_HEADING: Final = re.compile(r"^(#{1,6})[ \t]+(\S.*?)[ \t#]*$", re.MULTILINE)
#: Where a passage ends best, in this order.
_ENDS: Final = tuple(re.compile(end) for end in (r"\n\s*\n", r"\n", r"[.!?。]\s", r"\s"))
#: The part of a passage, from its end, in which its end is looked for.
_END_SHARE: Final = 4
#: How far back the beginning of a word is looked for.
_LONGEST_WORD: Final = 40


@frozen
class Chunk:
    """A passage; ``start`` counts characters, ``headings`` are those that it stands under."""

    start: int
    text: str
    headings: str = ""


def count_tokens(text: str) -> int:
    """How many tokens a text has."""
    return sum(1 for _ in _TOKEN.finditer(text))


def chunks(text: str, size: int, overlap: int, *, has_headings: bool = False) -> Iterator[Chunk]:
    """Cuts a text into passages; together they hold all of it.

    Args:
        text: The text.
        size: Tokens of a passage, at most.
        overlap: Tokens that it shares with the next one: at most half of its size.
        has_headings: Whether lines that begin with ``#`` are headings, as in Markdown.
    """
    tokens = [match.start() for match in _TOKEN.finditer(text)]
    headings = _headings(text) if has_headings else ()
    first, start = 0, 0
    while True:
        if first + size >= len(tokens):
            yield Chunk(start, text[start:], _above(headings, start))
            return
        end = _end(text, tokens[first + size - size // _END_SHARE], tokens[first + size])
        yield Chunk(start, text[start:end], _above(headings, start))
        first = max(bisect_left(tokens, end) - overlap, first + 1)
        start = min(_word_start(text, tokens[first]), end) if overlap else end


def _end(text: str, earliest: int, latest: int) -> int:
    for pattern in _ENDS:
        ends = [match.end() for match in pattern.finditer(text, earliest, latest)]
        if ends:
            return ends[-1]
    return latest


def _word_start(text: str, place: int) -> int:
    start = place
    while start > 0 and place - start < _LONGEST_WORD and text[start - 1].isalnum():
        start -= 1
    return start if place - start < _LONGEST_WORD else place


def _headings(text: str) -> Sequence[tuple[int, str]]:
    """Where a heading ends, and all headings that hold from there on."""
    levels: dict[int, str] = {}
    found = []
    for match in _HEADING.finditer(text):
        level = len(match[1])
        levels = {n: heading for n, heading in levels.items() if n < level}
        levels[level] = match[2][:200]
        found.append((match.start(), " / ".join(levels.values())))
    return found


def _above(headings: Sequence[tuple[int, str]], start: int) -> str:
    # A heading at the very start is a part of the passage, and its title as well.
    place = bisect_right(headings, (start, "\U0010ffff"))
    return headings[place - 1][1] if place else ""
