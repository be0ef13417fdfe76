"""The engine against what was recorded of the service: one test for each row of the table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conformance_kit import World
from deviation_reasons import TO_BE_MENDED
from fact_matching import holds
from recorded_facts import ROWS, SITUATIONS
from recorded_rows import Row

#: Values of every type of JSON.
PROBES = [None, [], [0], {}, {"x": 0}, "", "\n", 0, False, True]
README = Path(__file__).with_name("README.rst")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(world: World, row: Row) -> None:
    """The fact holds; or it does not, where the row says why, and then the row must say so."""
    equal, found = holds(row.expected, world.subject(row.situation, SITUATIONS), row.path)
    if row.deviates:
        assert not equal, f"it is as recorded now: take its reason out of the table ({found})"
    else:
        assert equal, f"{row.path or 'it'} is {found}; recorded was {row.expected!r}"


def test_the_figure() -> None:
    """README.rst tells how many rows are equal, and how many of the others are to be mended."""
    equal = sum(not row.deviates for row in ROWS)
    mended = sum(row.deviates.startswith(TO_BE_MENDED) for row in ROWS)
    figure = (
        f"{equal} of {len(ROWS)} rows equal; {mended} to be mended, "
        f"{len(ROWS) - equal - mended} differ for good."
    )
    assert figure in re.sub(r"\s+", " ", README.read_text("utf-8"))
    front_page = (Path(__file__).parents[2] / "README.rst").read_text("utf-8")
    assert f"of {len(ROWS)} facts {equal} hold" in re.sub(r"\s+", " ", front_page)
    assert len(ROWS) >= 300


def test_rows_are_distinct() -> None:
    """No fact is counted twice, no situation is made for nothing, and none is missing."""
    facts = [(row.situation, row.path, repr(row.expected)) for row in ROWS]
    names = [row.name for row in ROWS]
    assert sorted({fact for fact in facts if facts.count(fact) > 1}) == []
    assert sorted({name for name in names if names.count(name) > 1}) == []
    assert {row.situation for row in ROWS} == SITUATIONS.keys()


def test_rows_can_fail() -> None:
    """No fact takes values of more than one type, or more than one of them."""
    for row in ROWS:
        passing = [probe for probe in PROBES if holds(row.expected, {"it": probe}, "it")[0]]
        assert len(passing) <= 1, row.name
