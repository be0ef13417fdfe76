"""Reads tables in CSV: finds the delimiter, and gives each row as an object."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from assistants_client.transfer.reading.columns import columns_of
from assistants_client.transfer.reading.options import ReadOptions, SourceError
from assistants_client.transfer.reading.state import FileState

#: Characters of one cell.
_CELL: Final = 64 * 1024 * 1024
#: Characters of a head in which the last cell may not be closed.
_WHOLE_HEAD: Final = 8 * 1024
_DELIMITERS: Final = (",", ";", "\t", "|")
_LINE_END = re.compile("\r\n|\n|\r")


def is_table(head: str, options: ReadOptions) -> bool:
    """Returns whether a text begins with the names of columns, of which some are known."""
    names = _header(head)
    if len(names) < 2:
        return False
    columns = columns_of(names, options.columns)
    return columns.is_pair or columns.is_message or bool(options.columns)


def _header(head: str) -> list[str]:
    """Returns the names of the columns."""
    line = head.lstrip("\ufeff \r\n").partition("\n")[0]
    return next(csv.reader([line], delimiter=_delimiter(line)), [])


def _delimiter(line: str) -> str:
    """Returns the character that stands between the names, which contain none of the others."""
    return max(_DELIMITERS, key=line.count)


def _is_quoted(head: str, delimiter: str) -> bool:
    """Returns whether cells stand in quotes: each that is opened is closed.

    A quote that is not belongs to a text, and the cells after it are not part of it.
    """
    plain = head.replace('""', "").replace("\r\n", "\n").strip("\n")
    opened = plain.startswith('"') + plain.count(f'{delimiter}"') + plain.count('\n"')
    closed = plain.endswith('"') + plain.count(f'"{delimiter}') + plain.count('"\n')
    return opened > 0 and abs(opened - closed) <= (len(head) > _WHOLE_HEAD)


def rows_of(head: str, pieces: Iterable[str], state: FileState) -> Iterator[tuple[int, Any]]:
    """Yields the rows of a table with their lines.

    Args:
        head: The first characters.
        pieces: The whole text.
        state: Of the file; takes what cannot be read.

    Raises:
        SourceError: No columns are known by their names, or a cell is too long.
    """
    start = head.lstrip("\ufeff \r\n")
    delimiter = _delimiter(start.partition("\n")[0])
    names = _header(head)
    columns = columns_of(names, state.options.columns)
    missing = sorted(set(state.options.columns.values()) - set(names))
    if missing:
        raise SourceError(
            f"{state.file}: there is no column {missing[0]!r}: it has {_listed(names)}"
        )
    if not (columns.is_pair or "text" in columns.by_field):
        raise SourceError(
            f"{state.file}: none of its columns is known by its name ({_listed(names)}): say which "
            "is which, as in --columns thread=...,role=...,text=...,time=..."
        )
    # The limit of the module is the process's own, and there is no other.
    csv.field_size_limit(max(csv.field_size_limit(), _CELL))
    reader = csv.reader(
        _lines(pieces),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if _is_quoted(start, delimiter) else csv.QUOTE_NONE,
    )
    try:
        yield from _objects(reader, delimiter, state)
    except csv.Error as error:
        raise SourceError(f"{state.file}:{reader.line_num}: {error}: save it as JSON") from error


def _objects(reader: Any, delimiter: str, state: FileState) -> Iterator[tuple[int, Any]]:
    names: list[str] = []
    line = 1
    for cells in reader:
        here, line = line, reader.line_num + 1
        if not any(cells):
            continue
        if not names:
            names = [name.strip().lstrip("\ufeff") for name in cells]
            continue
        if len(cells) != len(names):
            state.number = here
            note = f"{len(cells)} cells for {len(names)} columns"
            state.lose("unreadable_line", note=f"{note}: read all the same")
            # A delimiter in an unquoted text: most likely in the last, which is the longest.
            cells[len(names) - 1 :] = [delimiter.join(cells[len(names) - 1 :])]
        yield here, dict(zip(names, cells, strict=False))


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Yields lines with their ends, as the module wants them: cells may hold several."""
    rest = ""
    for piece in pieces:
        text = rest + piece.replace("\0", "\ufffd")
        start = 0
        for end in _LINE_END.finditer(text):
            if end.end() == len(text) and end.group() == "\r":
                break  # the other half may follow
            yield text[start : end.end()]
            start = end.end()
        rest = text[start:]
    if rest:
        yield rest


def _listed(names: list[str]) -> str:
    """Returns the names of columns for a person."""
    shown = ", ".join(name[:40] for name in names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"
