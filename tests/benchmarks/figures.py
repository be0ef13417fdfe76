"""Samples of two sides, and what a row of the table says of them; nothing here measures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

#: The units of samples, and how many of each a second, a byte or a call has.
UNITS: Final = {"ms": 1e3, "µs": 1e6, "KB": 1e-3, "/s": 1.0, "": 1.0}


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        name: The work.
        beside: The name of what it is compared with; empty for none.
        unit: The unit of the samples.
        of: The figure that has a target: the ratio of the two sides, their difference, or our own.
        bound: The target; ``None`` for a row that only informs.
        at_least: Whether the figure is to be the bound at least, rather than at most.
        in_quick: Whether the row is measured with ``--quick``.
    """

    name: str
    beside: str
    unit: str = "ms"
    of: Literal["ratio", "difference", "own"] = "ratio"
    bound: float | None = None
    at_least: bool = False
    in_quick: bool = True

    @property
    def target(self) -> str:
        """The target, for people."""
        if self.bound is None:
            return ""
        sign = {"ratio": "", "difference": "+ ", "own": ""}[self.of]
        unit = "" if self.of == "ratio" else f" {self.unit}"
        return f"{'≥' if self.at_least else '≤'} {sign}{self.bound:g}{unit}"


@dataclass(frozen=True)
class Result:
    """What was measured for a row.

    Attributes:
        row: The row.
        ours: Samples of this checkout, in seconds, bytes, or calls a second.
        other: Samples of the other side, taken in turns with ours; empty without one.
        instructions: The ratio of instruction counts, where they were counted.
        note: What else there is to say.
    """

    row: Row
    ours: Sequence[float]
    other: Sequence[float] = ()
    instructions: float | None = None
    note: str = ""

    @property
    def figure(self) -> float | None:
        """The row's figure, of medians; ``None`` where the other side is missing."""
        if self.row.of == "own":
            return statistics.median(self.ours) * UNITS[self.row.unit]
        if not self.other:
            return None
        return self._combined(statistics.median(self.ours), statistics.median(self.other))

    @property
    def spread(self) -> tuple[float, float] | None:
        """The smallest and the largest figure, of samples that were taken together."""
        if self.row.of == "own":
            found = [one * UNITS[self.row.unit] for one in self.ours]
        else:
            found = [self._combined(*pair) for pair in zip(self.ours, self.other, strict=False)]
        return (min(found), max(found)) if found else None

    @property
    def verdict(self) -> str:
        """``met`` or ``MISSED``; empty for a row without a target or a figure."""
        if self.row.bound is None or self.figure is None:
            return ""
        least = self.row.at_least
        is_met = self.figure >= self.row.bound if least else self.figure <= self.row.bound
        return "met" if is_met else "MISSED"

    def _combined(self, ours: float, other: float) -> float:
        if self.row.of == "difference":
            return (ours - other) * UNITS[self.row.unit]
        return ours / other

    def cells(self) -> list[str]:
        """The texts of its columns, those of ``HEADINGS``."""
        instructions = "" if self.instructions is None else shown(self.instructions)
        sign = "+ " if self.row.of == "difference" else ""
        has_figure = self.row.of != "own" and self.figure is not None
        spread = f"{shown(self.spread[0])} to {shown(self.spread[1])}" if self.spread else ""
        return [
            self.row.name,
            self._amount(self.ours),
            f"{self._amount(self.other)} {self.row.beside}" if self.other else "",
            f"{sign}{shown(self.figure)}" if has_figure and self.figure is not None else "",
            spread,
            instructions,
            self.row.target,
            self.verdict,
        ]

    def _amount(self, samples: Sequence[float]) -> str:
        return f"{shown(statistics.median(samples) * UNITS[self.row.unit])} {self.row.unit}"


HEADINGS: Final = ("Work", "Ours", "Beside", "Ratio", "min to max", "Instr.", "Target", "")


def shown(number: float) -> str:
    """A number with two or three digits that say something."""
    size = abs(number)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{number:,.{digits}f}"


def paired(
    ours: Callable[[], dict[str, float]], other: Callable[[], dict[str, float]], rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Samples of both sides by names; they take turns, so that both see the same machine.

    Args:
        ours: Measures our side, in a fresh process, and returns samples by names.
        other: Likewise.
        rounds: The number of samples of each. Who begins changes from round to round.
    """
    found: dict[str, tuple[list[float], list[float]]] = {}
    for number in range(rounds):
        order = (0, 1) if number % 2 else (1, 0)
        for side in order:
            for name, value in (ours, other)[side]().items():
                found.setdefault(name, ([], []))[side].append(value)
    return found


def table(results: Sequence[Result]) -> list[str]:
    """Lines of plain text."""
    rows = [list(HEADINGS), *(result.cells() for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for cells, result in zip(rows, [None, *results], strict=True):
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append(line.rstrip())
        if result is not None and result.note:
            lines.append(f"    {result.note}")
    return lines


def rst_table(results: Sequence[Result]) -> list[str]:
    """Lines of a simple table of reStructuredText; columns without content are left out."""
    rows = [[*cells] for cells in (HEADINGS, *(result.cells() for result in results))]
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    rule = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in zip(*columns, strict=True)
    ]
    return [rule, lines[0], rule, *lines[1:], rule]
