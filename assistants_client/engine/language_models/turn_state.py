"""Collects the parts of a turn that go back to its server: reasoning, in the forms servers have.

Pure. Pieces are put together again as they came; their content is opaque here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from assistants_client.engine.language_models.wire import clean

#: Text that comes in pieces: DeepSeek, Moonshot, Z.ai and vLLM have the first, OpenRouter, Groq and
#: newer vLLM the second.
_TEXTS: Final = ("reasoning_content", "reasoning")
#: Lists of blocks: OpenRouter has the first, LiteLLM the second.
_LISTS: Final = ("reasoning_details", "thinking_blocks")
#: Objects: Gemini's signature of a turn, and LiteLLM's place for the same.
_OBJECTS: Final = ("extra_content", "provider_specific_fields")
#: The fields of a block that are joined where they come in pieces; all others are whole each time.
_JOINED: Final = frozenset({"text", "thinking", "summary"})

STATE_FIELDS: Final = (*_TEXTS, *_LISTS, *_OBJECTS)
_ALL: Final = frozenset(STATE_FIELDS)


class TurnState:
    """Collects the state in one turn's pieces, or in the whole message."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, list[Any]] = {}
        self._objects: dict[str, dict[str, Any]] = {}

    def add(self, delta: Mapping[str, Any], *, is_whole: bool = False) -> None:
        """Adds the state in one piece, or in the message as a whole."""
        if _ALL.isdisjoint(delta):
            return
        for name in _TEXTS:
            value = delta.get(name)
            if isinstance(value, str):
                self._texts.setdefault(name, []).append(value)
            elif name == _TEXTS[0] and name in delta and value is None:
                self._texts.setdefault(name, [])  # it may be empty, but has to be there
        for name in _LISTS:
            value = delta.get(name)
            if isinstance(value, list):
                blocks = self._lists.setdefault(name, [])
                # Blocks that came together are different ones.
                known = [] if is_whole else list(blocks)
                for block in value:
                    _add(blocks, known, block)
        for name in _OBJECTS:
            value = delta.get(name)
            if isinstance(value, dict) and value:
                self._objects.setdefault(name, {}).update(value)

    def document(self) -> dict[str, Any]:
        """Returns the fields that go back beside the turn's text and calls."""
        return {
            **{name: clean("".join(pieces)) for name, pieces in self._texts.items()},
            **{name: blocks for name, blocks in self._lists.items() if blocks},
            **self._objects,
        }


def _add(blocks: list[Any], before: list[Any], piece: object) -> None:
    """Adds a block to a list, or a piece to the block before that it continues."""
    known = None
    if isinstance(piece, dict):
        index = piece.get("index")
        some = [block for block in before if isinstance(block, dict)]
        some = some[-1:] if index is None else [b for b in some if b.get("index") == index]
        known = next((block for block in reversed(some) if _continues(block, piece)), None)
    if known is None or not isinstance(piece, dict):
        blocks.append(dict(piece) if isinstance(piece, dict) else piece)
        return
    before.remove(known)  # the next entry of this piece is another block
    for name, value in piece.items():
        had = known.get(name)
        if name in _JOINED and isinstance(had, str) and isinstance(value, str):
            known[name] = had + value
        elif value is not None or name not in known:
            known[name] = value


def _continues(block: Mapping[str, Any], piece: Mapping[str, Any]) -> bool:
    """Returns whether a piece belongs to a block: of its kind, and not closed before."""
    if block.get("type") != piece.get("type"):
        return False
    ids = block.get("id"), piece.get("id")
    if None not in ids and ids[0] != ids[1]:
        return False
    if block.get("data") and piece.get("data"):
        return False  # encrypted blocks come whole
    before, signature = block.get("signature"), piece.get("signature")
    if not before:
        return True
    if piece.get("index") is None:  # what is signed is whole
        return not (piece.get("text") or piece.get("thinking"))
    return signature in (None, "", before)
