"""Samples of two sides, and what a row of the table says of them; nothing here measures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Sequence
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

    def cells(self) -> dict[str, str]:
        """The texts of its columns, by their headings."""
        signs, units = {"difference": "+ "}, {"own": self.row.unit, "difference": self.row.unit}
        sign, unit = signs.get(self.row.of, ""), units.get(self.row.of, "")
        beside = self.row.beside if self.other else ""
        if beside and self.row.of == "own":
            beside += f" {self._amount(self.other)}"
        figure = "" if self.figure is None else f"{sign}{shown(self.figure)} {unit}".rstrip()
        return {
            "Work": self.row.name,
            "Ours": self._amount(self.ours),
            "Other": self._amount(self.other) if self.other and self.row.of != "own" else "",
            "Beside": beside,
            "Result": figure,
            "min to max": " to ".join(map(shown, self.spread)) if self.spread else "",
            "Instr.": "" if self.instructions is None else shown(self.instructions),
            "Target": self.row.target,
            "Verdict": self.verdict,
        }

    def _amount(self, samples: Sequence[float]) -> str:
        return f"{shown(statistics.median(samples) * UNITS[self.row.unit])} {self.row.unit}"


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


def columns(results: Sequence[Result], without: Collection[str] = ()) -> list[list[str]]:
    """The columns of the table, with their headings; those without content are left out."""
    rows = [result.cells() for result in results]
    found = [[heading, *(row[heading] for row in rows)] for heading in rows[0]]
    return [cells for cells in found if any(cells[1:]) and cells[0] not in without]


def aligned(found: Sequence[Sequence[str]]) -> list[str]:
    """The lines of columns."""
    widths = [max(map(len, cells)) for cells in found]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in zip(*found, strict=True)
    ]


def table(results: Sequence[Result]) -> list[str]:
    """Lines of plain text: a heading, and a line for each result, or two where it has a note."""
    heading, *lines = aligned(columns(results))
    told = [heading]
    for line, result in zip(lines, results, strict=True):
        told += [line, f"    {result.note}"] if result.note else [line]
    return told


def rst_table(results: Sequence[Result]) -> list[str]:
    """Lines of a simple table of reStructuredText, without absolute times beside ratios."""
    found = columns(results, without=("Ours", "Other"))
    heading, *lines = aligned(found)
    rule = "  ".join("=" * max(map(len, cells)) for cells in found)
    return [rule, heading, rule, *lines, rule]
