"""Writes the rows of a table with their headers, so that each passage of a long one has them.

Also reads tables of plain text, such as CSV. Pure: nothing of archives is here.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

_DELIMITERS: Final = ",;\t|"
#: Characters of the beginning of a text, and rows of it, by which its delimiter is chosen.
_HEAD: Final = 64 * 1024
_HEAD_ROWS: Final = 20
#: A longer cell is no header.
_LONGEST_HEADER: Final = 100


def with_headers(rows: Iterable[Mapping[int, str]]) -> Iterator[str]:
    """Yields a line for each row that is not empty, its cells after the headers of their columns.

    The header is the first row of several cells, if these are names: different ones, and no
    numbers. Without a header, and before it, rows are their cells alone.

    Args:
        rows: The cells of each row by their columns.
    """
    header: Mapping[int, str] = {}
    is_begun = False
    for row in rows:
        cells = {column: " ".join(cell.split()) for column, cell in row.items()}
        cells = {column: cell for column, cell in cells.items() if cell}
        if not cells:
            continue
        yield " | ".join(
            f"{header[column]}: {cell}" if column in header else cell
            for column, cell in cells.items()
        )
        yield "\n"
        if not is_begun and len(cells) > 1:
            is_begun = True
            header = cells if _is_header([*cells.values()]) else {}


def _is_header(cells: Sequence[str]) -> bool:
    return len({*cells}) == len(cells) and not any(
        len(cell) > _LONGEST_HEADER or _is_number(cell) for cell in cells
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
