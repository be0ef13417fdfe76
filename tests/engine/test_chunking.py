"""Passages: nothing is lost, sizes and overlaps hold, and they end where texts pause."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, strategies as st

from assistants_client.engine.search.document_reader.chunking import chunks, count_tokens

SENTENCE = "The quick brown fox jumps over the lazy dog. "


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        (" \n", 0),
        ("word", 1),
        ("internationalisation", 4),
        ("a, b!", 4),
        ("東京都", 3),
        ("x_1", 1),
    ],
)
def test_tokens_are_counted_by_the_rule(text: str, tokens: int) -> None:
    """Six letters of a word, a letter of a script without spaces, or a sign."""
    assert count_tokens(text) == tokens


@given(
    st.text(alphabet="abc .\n#東", max_size=3000), st.sampled_from([(100, 50), (100, 0), (130, 7)])
)
def test_together_they_hold_the_whole_text(text: str, sizes: tuple[int, int]) -> None:
    """Each begins within or at the end of the one before, and no one is larger than it may be."""
    size, overlap = sizes
    end = 0

    for chunk in chunks(text, size, overlap, has_headings=True):
        assert chunk.start <= end
        assert text[chunk.start : chunk.start + len(chunk.text)] == chunk.text
        end = chunk.start + len(chunk.text)
        assert count_tokens(chunk.text) <= size + 40

    assert end == len(text)


def test_they_overlap_as_told() -> None:
    """By as many tokens, give or take a word."""
    found = list(chunks(SENTENCE * 100, 100, 50))
    for one, other in itertools.pairwise(found):
        shared = one.start + len(one.text) - other.start
        assert 48 <= count_tokens(one.text[-shared:]) <= 52
    found = list(chunks(SENTENCE * 100, 100, 0))
    assert "".join(chunk.text for chunk in found) == SENTENCE * 100


def test_they_end_where_the_text_pauses() -> None:
    """At the end of a paragraph if there is one near, else of a line, else of a sentence."""
    paragraph = SENTENCE * 9
    for gap in ("\n\n", "\n"):
        first = next(chunks(paragraph + gap + SENTENCE * 30, 100, 0))
        assert first.text.endswith(gap)
    assert next(chunks(SENTENCE * 30, 100, 0)).text.endswith("dog. ")
    assert len(next(chunks("x" * 5000, 100, 0)).text) == 600


def test_the_headings_above_a_passage_are_known() -> None:
    """Of each level the last one; of plain text there are none."""
    text = f"# A\n{SENTENCE * 20}\n## B\n{SENTENCE * 20}\n# C\n{SENTENCE * 20}"

    found = [chunk.headings for chunk in chunks(text, 100, 0, has_headings=True)]

    assert found[0] == "A"
    assert "A / B" in found
    assert found[-1] == "C"
    assert {chunk.headings for chunk in chunks(text, 100, 0)} == {""}
