"""Writes the rows of a table with their headers, so that each passage of a long one has them.

Also reads tables of plain text, such as CSV. Pure: nothing of archives is here.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

_DELIMITERS: Final = ",;\t|"
#: Characters of the beginning of a text, and rows of it, by which its delimiter is chosen.
_HEAD: Final = 64 * 1024
_HEAD_ROWS: Final = 20
#: A longer cell is no header.
_LONGEST_HEADER: Final = 100
#: A year, a span of years, a month or a day.
_PERIOD: Final = re.compile(r"(?:19|20)[0-9]{2}(?:[-/\u2013][0-9]{1,4}){0,2}")


class NamedCells:
    """Writes the rows of one table, each cell after the header of its column.

    The header is the first row of several cells, if these are names. Without a header, and before
    it, rows are their cells alone.
    """

    def __init__(self) -> None:
        self._first: Mapping[int, str] = {}
        self._header: Mapping[int, str] | None = None

    def line(self, row: Mapping[int, str]) -> str:
        """Returns a row, given by columns, as a line without its end; empty if the row is."""
        cells = {column: cell for column, cell in row.items() if cell}
        if cells and self._first and self._header is None:
            self._header = self._first if _is_header(self._first, cells) else {}
        header = self._header or {}
        if len(cells) > 1 and not self._first:
            self._first = {column: " ".join(cell.split()) for column, cell in cells.items()}
        return " | ".join(
            f"{header[column]}: {cell}" if column in header else cell
            for column, cell in cells.items()
        )


def with_headers(rows: Iterable[Mapping[int, str]]) -> Iterator[str]:
    """Yields a line for each row that is not empty, its cells after the headers of their columns.

    Args:
        rows: The cells of each row by their columns.
    """
    named = NamedCells()
    for row in rows:
        line = named.line({column: " ".join(cell.split()) for column, cell in row.items()})
        if line:
            yield line
            yield "\n"


def _is_header(cells: Mapping[int, str], below: Mapping[int, str]) -> bool:
    # A header begins with a name, or an empty corner; its numbers are years or other periods, and
    # those below them are not all periods too. A name with a colon is that of its row.
    numbers = {column for column, cell in cells.items() if _is_number(cell)}
    return (
        min({*cells, *below}) not in numbers
        and all(_PERIOD.fullmatch(cells[column]) for column in numbers)
        and not (numbers and all(_PERIOD.fullmatch(below.get(column, "")) for column in numbers))
        and not any(len(cell) > _LONGEST_HEADER or cell.endswith(":") for cell in cells.values())
    )


def _is_number(cell: str) -> bool:
    return not any(letter.isalpha() for letter in cell) and any(map(str.isdecimal, cell))


def read_table(text: str) -> Iterator[str] | None:
    """Returns the rows of a text with their headers; ``None`` where it is no table."""
    # A quotation mark that is left open makes one cell of all that follows.
    csv.field_size_limit(sys.maxsize)
    delimiter = _delimiter(text[:_HEAD])
    if delimiter is None:
        return None
    rows = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    return with_headers(dict(enumerate(row)) for row in rows)


def _delimiter(head: str) -> str | None:
    """Returns the sign that parts the cells: it makes the most columns, of a like number each."""
    lines = head.splitlines(keepends=True)
    best, most = None, 1
    for delimiter in _DELIMITERS:
        widths = []
        for row in csv.reader(lines, delimiter=delimiter):
            if row:
                widths.append(len(row))
            if len(widths) == _HEAD_ROWS:
                break
        usual = max(widths, key=widths.count, default=1)
        if usual > most and widths.count(usual) * 2 > len(widths):
            best, most = delimiter, usual
    return best
