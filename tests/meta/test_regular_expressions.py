"""No regular expression of the package takes more time than in proportion to the text."""

from __future__ import annotations

import re

import pytest
from regular_expressions import compiled, growth, modules, runner, source_of, stray_calls, texts
from thorough import amount

#: Of the time for 1,000 characters, what 100,000 may take; in proportion it is 100.
MOST = 400

#: Expressions that are made while the program runs, and why they are harmless.
MADE_LATER = {
    # The table of this file is made by it.
    "engine.language_models.error_words": ["compile"],
    # Names of fields between bounded gaps.
    "engine.language_models.refused_fields": ["search", "search"],
    # What a function's author writes beside a type.
    "function_tools.limits": ["compile"],
    # What a test's author writes: a path with a star for a segment.
    "testing.faults": ["compile"],
}

EXPRESSIONS = list(compiled())


def worst(pattern: re.Pattern[str], use: str, tries: int) -> tuple[float, object]:
    """The largest growth, and the text that it comes with."""
    run = runner(pattern, use)
    largest, of_text = 0.0, ("", "a", "")
    for text in texts(pattern, tries):
        ratio = growth(run, *text, 10_000)
        if ratio == float("inf"):
            return ratio, text
        if ratio > largest:
            largest, of_text = ratio, text
    # Only the worst is taken to the whole length.
    return growth(run, *of_text, 100_000), of_text


@pytest.mark.parametrize(
    ("pattern", "use"),
    [(pattern, use) for _, pattern, use in EXPRESSIONS],
    ids=[place for place, _, _ in EXPRESSIONS],
)
def test_the_time_is_in_proportion_to_the_text(pattern: re.Pattern[str], use: str) -> None:
    """Also of texts that are made to match everything but the last of it."""
    ratio, text = worst(pattern, use, amount(30, 400))

    assert ratio < MOST, text


@pytest.mark.parametrize(
    ("source", "use"),
    [
        (r"(a+)+$", "match"),
        (r"\s*(?:<!--.*?-->\s*)*<html", "match"),
        (r"^(#{1,6})[ \t]+(\S.*?)[ \t#]*$", "finditer"),
        (r"<meta[^>]+charset\s*=\s*([\w.:-]+)", "search"),
        (r"No \w[\w ]* found\b", "search"),
        (r"\s*\S+\s*", "findall"),
        (r":(\w+)(\s+[^:]*?)??(\s+(\w+))?\s*:", "fullmatch"),
        (r"\[(\d{1,6})([^\]]*)\]", "finditer"),
    ],
)
def test_one_that_is_not_is_found(source: str, use: str) -> None:
    """Expressions that try the same again and again take a hundred times as long, or for ever."""
    ratio, _ = worst(re.compile(source, re.MULTILINE), use, 400)

    assert ratio > MOST


def test_every_expression_stands_at_the_top_of_a_module() -> None:
    """So that none is left out above."""
    found = {
        module.removeprefix("assistants_client."): [name for _, name in calls]
        for module in modules()
        if (calls := stray_calls(source_of(module)))
    }

    assert found == MADE_LATER
    assert len(EXPRESSIONS) > 80
