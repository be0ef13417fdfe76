"""The table of the benchmarks: what it says of samples, and that it has every row."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from figures import Result, Row, paired, rst_table, table
from instructions import refs

HERE = Path(__file__).parent

SECONDS = ([0.002, 0.001, 0.009], [0.004, 0.010, 0.010])
IN_CACHEGRIND = "==7== \n==7== I refs:        1,234,567,890\n"


@pytest.mark.parametrize(
    ("row", "figure", "spread", "verdict"),
    [
        (Row("a", "base", bound=0.2), 0.2, (0.1, 0.9), "met"),
        (Row("a", "base", bound=0.19), 0.2, (0.1, 0.9), "MISSED"),
        (Row("a", "base", bound=0.3, at_least=True), 0.2, (0.1, 0.9), "MISSED"),
        (Row("a", "base", of="difference", bound=5), -8.0, (-9.0, -1.0), "met"),
        (Row("a", "base", of="own", bound=1.5), 2.0, (1.0, 9.0), "MISSED"),
        (Row("a", "base"), 0.2, (0.1, 0.9), ""),
    ],
)
def test_a_figure_is_of_medians_and_its_spread_of_pairs(
    row: Row, figure: float, spread: tuple[float, float], verdict: str
) -> None:
    """Ratios, differences in the row's unit, and our own samples, beside their target."""
    result = Result(row, *SECONDS)

    assert result.figure == pytest.approx(figure)
    assert result.spread == pytest.approx(spread)
    assert result.verdict == verdict


def test_a_side_that_is_missing_leaves_a_row_without_a_verdict() -> None:
    """Our own samples are shown; nothing is said of a ratio."""
    result = Result(Row("a", "base", bound=0.3), SECONDS[0])

    assert (result.figure, result.spread, result.verdict) == (None, None, "")
    assert result.cells()["Ours"] == "2.00 ms"


def test_sides_take_turns() -> None:
    """Each side has a sample of every round; who begins changes."""
    calls: list[str] = []

    def sample(side: str) -> dict[str, float]:
        calls.append(side)
        return {"a": float(len(calls))}

    found = paired(lambda: sample("ours"), lambda: sample("other"), rounds=3)

    assert calls == ["other", "ours", "ours", "other", "other", "ours"]
    assert found == {"a": ([2.0, 3.0, 6.0], [1.0, 4.0, 5.0])}


def test_tables_have_aligned_columns_and_leave_out_empty_ones() -> None:
    """Plain text has the notes; reStructuredText has the rules."""
    row = Row("retrieve a run", "openai", bound=0.33)
    results = [Result(row, *SECONDS, note="of 20 streams"), Result(Row("b", "base"), *SECONDS)]

    assert table(results) == [
        "Work            Ours     Other    Beside  Result  min to max    Target  Verdict",
        "retrieve a run  2.00 ms  10.0 ms  openai  0.20    0.10 to 0.90  ≤ 0.33  met",
        "    of 20 streams",
        "b               2.00 ms  10.0 ms  base    0.20    0.10 to 0.90",
    ]
    assert rst_table(results)[:4] == [
        "==============  ======  ======  ============  ======  =======",
        "Work            Beside  Result  min to max    Target  Verdict",
        "==============  ======  ======  ============  ======  =======",
        "retrieve a run  openai  0.20    0.10 to 0.90  ≤ 0.33  met",
    ]


def test_the_count_of_instructions_is_read() -> None:
    """It is in what cachegrind logs, or the reader says that it is not."""
    assert refs(IN_CACHEGRIND) == 1_234_567_890
    with pytest.raises(RuntimeError, match="counted nothing"):
        refs("valgrind: no such program")


def test_every_row_is_listed() -> None:
    """``--list`` names each once, with its target; it measures and makes nothing."""
    command = [sys.executable, "-X", "utf8", str(HERE), "--list"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    lines = listed.splitlines()

    assert len(lines) == len(set(lines)) > 30
    for name in ("import and construct, wall", "engine: streamed token", "gunicorn: POST", "10^6"):
        assert any(name in line for line in lines), name
    assert "engine: list 100 messages" in listed
    assert "≤ 0.3" in listed
