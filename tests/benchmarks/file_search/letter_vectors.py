"""An embedding model of our own, of which the same text has the same vector everywhere.

It knows no meaning: a vector counts the triples of letters of a text's words, folded to small
letters, each in one of 512 places that its hash chooses. Texts that share parts of words are alike,
as are the forms of one word. So it shows that search by vectors works, and works together with that
by words; what a real model would find beyond it does not count here.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Final

from assistants_client.engine import Embeddings
from assistants_client.engine.search.vectors import packed

_PLACES: Final = 512
_LETTERS: Final = 3


class LetterVectors(Embeddings):
    """The model, in this process: no server is asked."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9/v1", model="letters")

    def _request(self, transport: Any, texts: Sequence[str]) -> list[bytes]:
        return [packed(_counted(text)) for text in texts]


def _counted(text: str) -> list[float]:
    counts = [0.0] * _PLACES
    counts[0] = 0.01  # no text is without a direction
    for word in text.casefold().split():
        marked = f" {word} "
        for place in range(len(marked) - _LETTERS + 1):
            part = marked[place : place + _LETTERS].encode()
            counts[zlib.crc32(part) % _PLACES] += 1
    return [count**0.5 for count in counts]
