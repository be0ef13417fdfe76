"""What of a turn goes back: reasoning in the forms that servers have, whole or in pieces."""

from __future__ import annotations

from typing import Any

import pytest

from assistants_client.engine.language_models.turn_state import TurnState


def kept(*pieces: dict[str, Any], is_whole: bool = False) -> dict[str, Any]:
    """What is kept of pieces."""
    state = TurnState()
    for piece in pieces:
        state.add(piece, is_whole=is_whole)
    return state.document()


def text(words: str, **more: Any) -> dict[str, Any]:
    """A block of reasoning."""
    return {"type": "reasoning.text", "text": words, **more}


ODD = [
    text("a"),
    text("b"),
    {"type": "reasoning.encrypted", "data": "AAA=", "index": 0},
    {"type": "reasoning.encrypted", "data": "BBB=", "index": 0},
    {"type": "redacted_thinking", "data": "x"},
    {"type": "redacted_thinking", "data": "y"},
    "words",
    None,
]


@pytest.mark.parametrize("is_whole", [True, False])
def test_what_comes_together_stays_apart(is_whole: bool) -> None:
    """A list goes back as it came, whatever is in it."""
    assert kept({"reasoning_details": ODD}, is_whole=is_whole) == {"reasoning_details": ODD}


def test_pieces_are_put_together() -> None:
    """By their index and type; what is signed without an index is whole; secrets stay apart."""
    pieces = [
        text("a", index=0, format="f"),
        text("b", index=0, signature="s"),
        text("c", index=1),
        {"type": "reasoning.encrypted", "data": "A", "index": 2},
        {"type": "reasoning.encrypted", "data": "B", "index": 2},
    ]
    assert kept(*({"reasoning_details": [piece]} for piece in pieces)) == {
        "reasoning_details": [text("ab", index=0, format="f", signature="s"), *pieces[2:]]
    }
    blocks = [
        {"type": "thinking", "thinking": "a"},
        {"type": "thinking", "thinking": "b", "signature": "s"},
        {"type": "thinking", "thinking": "c"},
    ]
    assert kept(*({"thinking_blocks": [block]} for block in blocks)) == {
        "thinking_blocks": [{"type": "thinking", "thinking": "ab", "signature": "s"}, blocks[2]]
    }


def test_texts_and_objects() -> None:
    """Text is joined, halves of characters too, and may be empty; null is no object."""
    assert kept({"reasoning_content": "a\ud83d"}, {"reasoning_content": "\ude00"}) == {
        "reasoning_content": "a\U0001f600"
    }
    assert kept({"reasoning_content": None}, {"content": "x"}) == {"reasoning_content": ""}
    assert kept({"reasoning": None, "extra_content": None}) == {}
    assert kept({"extra_content": {"a": 1}}, {"extra_content": {"b": 2}}) == {
        "extra_content": {"a": 1, "b": 2}
    }
