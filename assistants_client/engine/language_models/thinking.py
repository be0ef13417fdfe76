"""Splits off the reasoning that a model writes between marks at the beginning of its text. Pure.

Servers that know a model's marks split it off themselves; others send the text as it was written.
Only marks at the beginning count: marks further on are a part of the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import evolve

from assistants_client.engine.language_models.base import (
    Delta,
    NewMessage,
    TextDelta,
    ThinkingDelta,
    UrlCitationDelta,
)

#: The marks that reasoning begins and ends with, in any case of letters: of DeepSeek, Qwen, MiniMax
#: and many others; of Gemini's and Gemma's; of ByteDance's; of Mistral's.
_MARKS: Final = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<seed:think>": "</seed:think>",
    "[think]": "[/think]",
}
_LONGEST: Final = max(map(len, _MARKS))


def without_thoughts(text: str) -> str:
    """Returns a text without the reasoning that it begins with."""
    while True:
        begun = text.lstrip()
        end = _end_of(begun)
        if end is None:
            return text
        place = begun.lower().find(end)
        text = begun[place + len(end) :].lstrip() if place >= 0 else ""


def _end_of(text: str) -> str | None:
    """Returns the mark that ends the reasoning with which a text begins, if it begins with any."""
    beginning = text[:_LONGEST].lower()
    return next((end for mark, end in _MARKS.items() if beginning.startswith(mark)), None)


def inlined(deltas: Iterable[Delta]) -> Iterator[Delta]:
    """Yields the deltas of an answer, with the reasoning that its server split off in its text."""
    is_open = False
    for delta in deltas:
        if isinstance(delta, ThinkingDelta):
            yield TextDelta(text=delta.text if is_open else f"<think>{delta.text}")
            is_open = True
            continue
        if is_open and (not isinstance(delta, TextDelta) or delta.text):
            yield TextDelta(text="</think>\n\n")
            is_open = False
        yield delta


class ThinkingSplitter:
    """Splits the reasoning at the beginning of each message's text from the rest, as it arrives."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        #: Text that may still become a mark.
        self._held = ""
        #: The mark that ends the reasoning; "" where it may begin, ``None`` when none can come.
        self._end: str | None = ""
        #: The number of characters that were removed from the message.
        self._removed = 0

    def split(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        """Yields the deltas of an answer, those of its text split."""
        for delta in deltas:
            if isinstance(delta, TextDelta) and self._end is not None:
                yield from self._feed(delta.text) if delta.text else [delta]
                continue
            yield from self._flush(delta)
            if isinstance(delta, NewMessage):
                self._begin()
            if isinstance(delta, UrlCitationDelta) and None not in (delta.start, delta.end):
                start, end = (max(0, (p or 0) - self._removed) for p in (delta.start, delta.end))
                yield evolve(delta, start=start, end=end)
            else:
                yield delta

    def _flush(self, delta: Delta) -> Iterator[Delta]:
        """Yields the text that was held back, when another delta comes."""
        if self._held and not isinstance(delta, ThinkingDelta):
            held, self._held = self._held, ""
            if self._end:
                yield ThinkingDelta(text=held)
            else:
                self._end = None
                yield TextDelta(text=held)

    def _feed(self, piece: str) -> Iterator[Delta]:
        text, self._held = self._held + piece, ""
        while text:
            if self._end is None:
                yield TextDelta(text=text)
                return
            if self._end == "":
                begun = text.lstrip()
                end = _end_of(begun)
                if end is None:
                    if any(mark.startswith(begun.lower()) for mark in _MARKS):
                        self._held = text  # it may become one
                        return
                    self._end = None
                    # White space before the text belongs to it, but not after reasoning.
                    rest = begun if self._removed else text
                    self._removed += len(text) - len(rest)
                    text = rest
                    continue
                self._end = end
                length = next(len(mark) for mark, its_end in _MARKS.items() if its_end == end)
                self._removed += len(text) - len(begun) + length
                text = begun[length:]
                continue
            place = text.lower().find(self._end)
            if place < 0:
                lower = text.lower()
                keep = next(
                    (n for n in range(len(self._end) - 1, 0, -1) if lower.endswith(self._end[:n])),
                    0,
                )
                self._held = text[len(text) - keep :]
                thought = text[: len(text) - keep]
                self._removed += len(thought)
                if thought:
                    yield ThinkingDelta(text=thought)
                return
            if place:
                yield ThinkingDelta(text=text[:place])
            self._removed += place + len(self._end)
            text, self._end = text[place + len(self._end) :], ""
