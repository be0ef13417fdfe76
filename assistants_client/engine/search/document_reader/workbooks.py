"""Reads the sheets of an XLSX as rows with their headers; dates, times and percents as such."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from assistants_client.engine.search.document_reader.office_archives import (
    FALLBACK,
    OfficeArchive,
    drawn,
)
from assistants_client.engine.search.document_reader.table_rows import with_headers

#: Numbers of the formats that every program knows: dates, times, and shares of a hundred.
_DATES: Final = frozenset({14, 15, 16, 17, 22, *range(27, 37), *range(50, 59)})
_TIMES: Final = frozenset({18, 19, 20, 21, 45, 46, 47})
_PERCENTS: Final = frozenset({9, 10})
#: In a format's code: what is text, a colour or a condition, and no sign of a date.
_NO_SIGNS: Final = re.compile(r'"[^"]{0,255}"|\[[^\]]{0,99}\]|\\.|_.|\*.')
#: Characters of a format's code.
_LONGEST_CODE: Final = 255
_COLUMN: Final = re.compile(r"([A-Z]{1,3})[0-9]")
#: Columns of a sheet.
_MAX_COLUMNS: Final = 16_384
_ON: Final = frozenset({"1", "true"})
_DAY: Final = 24 * 60 * 60
#: What the days are counted from: in most files, with 1900 as a leap year; and on old Macs.
_FIRST: Final = datetime(1899, 12, 30)
_FIRST_OF_1904: Final = datetime(1904, 1, 1)


def read_xlsx(archive: OfficeArchive, unread: list[str]) -> Iterator[str]:
    """Yields the rows of the sheets that are shown, each sheet under its name as a heading.

    Rows and columns that are hidden are left out, as hidden sheets are.

    Args:
        archive: The file.
        unread: What cannot be read is added here.

    Raises:
        Refused: It is broken, or too large once it is unpacked.
    """
    main = archive.main
    book, strings, styles = _Book(), _Strings(), _Styles()
    archive.read(main, book)
    for kind, handler in (("sharedStrings", strings), ("styles", styles)):
        for part in archive.referred(main, kind):
            archive.read(part, handler)
    formats = _Formats(styles.kinds, _FIRST_OF_1904 if book.is_from_1904 else _FIRST)
    references = archive.references(main)
    uncomputed = 0
    for name, reference in book.sheets:
        if reference not in references:
            unread.append(f"the missing sheet {name!r}")
            continue
        part = references[reference].part
        sheet = _Sheet(strings.found, formats)
        rows = with_headers(_rows(archive, part, sheet))
        begun = False
        for row in rows:
            if not begun:
                yield f"# {name}\n\n"
            begun = True
            yield row
        uncomputed += sheet.uncomputed
        yield "\n"
        for drawing in archive.referred(part, "drawing"):
            yield from drawn(archive, drawing, "chart", "diagramData")
        yield from drawn(archive, part, "drawing", "comments")
    if uncomputed:
        unread.append(f"formulas without a stored value ({uncomputed})")


def _rows(archive: OfficeArchive, part: str, sheet: _Sheet) -> Iterator[Mapping[int, str]]:
    for _ in archive.parsed(part, sheet):
        yield from sheet.take()


class _Book:
    """Finds the sheets that are shown: their names, and the ids of their parts."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.is_from_1904 = False

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "x:sheet" and attributes.get("state", "visible") == "visible":
            self.sheets.append((attributes.get("name", ""), attributes.get("r:id", "")))
        elif name == "x:workbookPr":
            self.is_from_1904 = attributes.get("date1904") in _ON

    def end(self, name: str) -> None:
        pass

    def characters(self, text: str) -> None:
        pass


class _Strings:
    """Collects the texts that cells refer to, without how they are pronounced."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._pieces: list[str] = []
        self._in_text = False
        self._skipped = 0

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._skipped or name in ("x:rPh", FALLBACK):
            self._skipped += 1
        else:
            self._in_text = name == "x:t"

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        self._in_text = False
        if name == "x:si":
            self.found.append("".join(self._pieces))
            self._pieces.clear()

    def characters(self, text: str) -> None:
        if self._in_text and not self._skipped:
            self._pieces.append(text)


class _Styles:
    """Finds the kind of format of each style of cells."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self._own: dict[str, str] = {}
        self._in_cells = False

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        number = attributes.get("numFmtId", "0")
        if name == "x:numFmt":
            self._own[number] = _kind_of(attributes.get("formatCode", ""))
        elif name == "x:cellXfs":
            self._in_cells = True
        elif name == "x:xf" and self._in_cells:
            known = int(number) if number.isdecimal() and len(number) < len("10000") else 0
            self.kinds.append(self._own.get(number) or _known_kind(known))

    def end(self, name: str) -> None:
        if name == "x:cellXfs":
            self._in_cells = False

    def characters(self, text: str) -> None:
        pass


def _known_kind(number: int) -> str:
    kinds = {"date": _DATES, "time": _TIMES, "percent": _PERCENTS}
    return next((kind for kind, numbers in kinds.items() if number in numbers), "number")


def _kind_of(code: str) -> str:
    """Returns the kind of a format by its code."""
    signs = set(_NO_SIGNS.sub("", code[:_LONGEST_CODE].lower().partition(";")[0]))
    if signs & {"y", "d"}:
        return "date"
    if signs & {"h", "s"}:
        return "time"
    return "percent" if "%" in signs else "number"


class _Formats:
    """Writes the numbers of cells: dates, times and percents as such, others without a format."""

    def __init__(self, kinds: Sequence[str], first: datetime) -> None:
        self._kinds = kinds
        self._first = first

    def written(self, value: str, style: str) -> str:
        place = int(style) if style.isdecimal() and len(style) < len("100000") else 0
        kind = self._kinds[place] if place < len(self._kinds) else "number"
        try:
            return self._number(float(value), kind)
        except (ValueError, OverflowError):
            return value

    def _number(self, number: float, kind: str) -> str:
        if kind == "percent":
            return f"{number * 100:.10g}%"
        if kind == "number":
            return f"{number:.15g}"
        seconds = round(number * _DAY)
        if kind == "time":
            return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        moment = self._first + timedelta(seconds=seconds)
        shown = moment.date().isoformat()
        return shown if seconds % _DAY == 0 else f"{shown} {moment:%H:%M}"


class _Sheet:
    """Collects the rows of a sheet; ``uncomputed`` counts formulas without a value."""

    def __init__(self, strings: Sequence[str], formats: _Formats) -> None:
        self._strings = strings
        self._formats = formats
        self._rows: list[dict[int, str]] = []
        #: The cells of the open row by their columns, and the column of the next one.
        self._row: dict[int, str] = {}
        self._column = 0
        self._hidden_columns: set[int] = set()
        self._is_row_hidden = False
        self._type = self._style = ""
        self._pieces: list[str] = []
        self._in_value = self._has_formula = False
        self._skipped = 0
        self.uncomputed = 0

    def take(self) -> list[dict[int, str]]:
        """Returns the rows since the last call."""
        found, self._rows = self._rows, []
        return found

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._skipped or name in ("x:rPh", FALLBACK):
            self._skipped += 1
        elif name == "x:row":
            self._row, self._column = {}, 0
            self._is_row_hidden = attributes.get("hidden") in _ON
        elif name == "x:col" and attributes.get("hidden") in _ON:
            self._hide(attributes.get("min", ""), attributes.get("max", ""))
        elif name == "x:c":
            self._begin_cell(attributes)
        elif name == "x:f":
            self._has_formula = True
        else:
            self._in_value = name in ("x:v", "x:t")

    def _hide(self, first: str, last: str) -> None:
        if all(one.isdecimal() and len(one) <= len(str(_MAX_COLUMNS)) for one in (first, last)):
            self._hidden_columns.update(range(int(first) - 1, min(int(last), _MAX_COLUMNS)))

    def _begin_cell(self, attributes: Mapping[str, str]) -> None:
        self._type, self._style = attributes.get("t", "n"), attributes.get("s", "0")
        self._pieces.clear()
        self._has_formula = False
        place = _COLUMN.match(attributes.get("r", ""))
        if place is not None:
            column = 0
            for letter in place[1]:
                column = column * 26 + ord(letter) - ord("A") + 1
            self._column = column - 1

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        self._in_value = False
        if name == "x:c":
            is_hidden = self._is_row_hidden or self._column in self._hidden_columns
            if not is_hidden and (text := self._value("".join(self._pieces))):
                self._row[self._column] = text
            self._column += 1
        elif name == "x:row":
            self._rows.append(self._row)

    def _value(self, text: str) -> str:
        if not text:
            self.uncomputed += self._has_formula
            return ""
        if self._type == "s":
            place = int(text) if text.isdecimal() and len(text) < len("1000000000") else -1
            return self._strings[place] if 0 <= place < len(self._strings) else ""
        if self._type == "b":
            return "TRUE" if text == "1" else "FALSE"
        return self._formats.written(text, self._style) if self._type == "n" else text

    def characters(self, text: str) -> None:
        if self._in_value and not self._skipped:
            self._pieces.append(text)
