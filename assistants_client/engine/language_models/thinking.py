"""Thoughts that a model writes into its text, between marks at the very beginning. Pure.

Servers that know a model's marks part the thoughts themselves; others hand on what the model wrote.
Only what the text begins with counts: marks further on are something that the answer speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from assistants_client.engine.language_models.base import Delta, TextDelta, ThinkingDelta

#: What thoughts begin with, and end with: of DeepSeek, Qwen, MiniMax and many others; of Gemini's
#: and Gemma's; of Mistral's.
_MARKS: Final = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "[THINK]": "[/THINK]",
}
_LONGEST: Final = max(map(len, _MARKS))


def without_thoughts(text: str) -> str:
    """A text less the thoughts that it begins with."""
    begun = text.lstrip()
    for mark, end in _MARKS.items():
        if begun.startswith(mark):
            _, found, rest = begun.partition(end)
            return rest.lstrip() if found else ""
    return text


def shown(deltas: Iterable[Delta]) -> Iterator[Delta]:
    """The deltas of an answer, with what its server parted from its text put back into it."""
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


class Thoughts:
    """Parts the thoughts at the beginning of an answer's text from the rest, as it comes."""

    def __init__(self) -> None:
        #: Text that may still become a mark.
        self._held = ""
        #: The mark that ends the thoughts; "" before they began, ``None`` when no more can come.
        self._end: str | None = ""
        self._is_after = False

    def part(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        """The deltas of an answer, those of its text parted."""
        for delta in deltas:
            if isinstance(delta, TextDelta) and (self._end is not None or self._is_after):
                yield from self._feed(delta.text) if delta.text else [delta]
            else:
                yield from self._flush(delta)
                yield delta

    def _flush(self, delta: Delta) -> Iterator[Delta]:
        """What was held back, when something else than text comes."""
        if self._held and not isinstance(delta, ThinkingDelta):
            held, self._held = self._held, ""
            if self._end:
                yield ThinkingDelta(text=held)
            else:
                self._end = None
                yield TextDelta(text=held)

    def _feed(self, piece: str) -> Iterator[Delta]:
        if self._is_after:  # the blank lines between thoughts and answer belong to neither
            piece = piece.lstrip()
            self._is_after = not piece
            if piece:
                yield TextDelta(text=piece)
            return
        text = self._held + piece
        self._held = ""
        if self._end == "":
            begun = text.lstrip()
            mark = next((mark for mark in _MARKS if begun.startswith(mark)), None)
            if mark is None:
                if len(begun) < _LONGEST and any(m.startswith(begun) for m in _MARKS):
                    self._held = text
                    return
                self._end = None
                yield TextDelta(text=text)
                return
            self._end, text = _MARKS[mark], begun[len(mark) :]
        end = str(self._end)
        thought, found, rest = text.partition(end)
        if found:
            self._end, self._is_after = None, True
            if thought:
                yield ThinkingDelta(text=thought)
            yield from self._feed(rest)
            return
        keep = next((n for n in range(len(end) - 1, 0, -1) if text.endswith(end[:n])), 0)
        self._held = text[len(text) - keep :]
        if thought := text[: len(text) - keep]:
            yield ThinkingDelta(text=thought)
