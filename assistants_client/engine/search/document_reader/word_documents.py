"""Reads the text of a DOCX that a person sees, each piece of it once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from assistants_client.engine.search.document_reader.office_archives import (
    FALLBACK,
    OfficeArchive,
    drawn,
)
from assistants_client.engine.search.document_reader.table_rows import NamedCells

#: Elements that are skipped: what was deleted or moved away, properties as they were before a
#: change, the fallbacks for old programs, and the places of tabs, which are no characters.
_SKIPPED: Final = frozenset(
    {"w:del", "w:moveFrom", "w:tabs", FALLBACK}
    | {f"w:{name}PrChange" for name in ("p", "r", "sect", "tbl", "tblGrid", "tblPrEx", "tc", "tr")}
)
_CHARACTERS: Final = {
    **{"w:tab": "\t", "w:ptab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-"},
    **{"w:softHyphen": "\u00ad", "m:den": "/"},
}
_TEXTS: Final = frozenset({"w:t", "m:t"})
#: References to what is shown elsewhere, by the kinds of the parts that have it.
_NOTES: Final = {
    **{"w:footnoteReference": "footnotes", "w:endnoteReference": "endnotes"},
    "w:commentReference": "comments",
}
_NOTE: Final = frozenset({"w:footnote", "w:endnote", "w:comment"})
#: Columns of a table of Word's, at most.
_MAX_COLUMNS: Final = 63
#: Values by which a property is off.
_OFF: Final = frozenset({"0", "false", "off"})


def read_docx(archive: OfficeArchive, unread: list[str]) -> Iterator[str]:
    """Yields the text of a DOCX; headings as in Markdown.

    Headers come first and footers last, each once; notes and comments, and the text of boxes, come
    after the paragraph to which they belong.

    Args:
        archive: The file.
        unread: What cannot be read is added here.

    Raises:
        Refused: It is broken, or too large once it is unpacked.
    """
    main = archive.main
    styles = _Styles()
    for part in archive.referred(main, "styles"):
        archive.read(part, styles)
    notes: dict[tuple[str, str], str] = {}
    for kind in _NOTES.values():
        for part in archive.referred(main, kind):
            found = _Notes(kind)
            archive.read(part, found)
            notes |= found.notes
    yield from _apart(archive, "header")
    body = _Body(styles.marks, notes)
    for _ in archive.parsed(main, body):
        yield body.take()
    yield from drawn(archive, main, "chart", "diagramData")
    yield from _apart(archive, "footer")
    if archive.referred(main, "aFChunk"):
        unread.append("documents of other kinds within this one")


def _apart(archive: OfficeArchive, kind: str) -> Iterator[str]:
    """Yields the text of the headers or footers, without those that say the same."""
    shown: set[str] = set()
    for part in archive.referred(archive.main, kind):
        body = _Body({}, {})
        archive.read(part, body)
        text = body.take().strip()
        if text and text not in shown:
            shown.add(text)
            yield f"{text}\n\n"


class _Styles:
    """Finds the styles of headings: ``marks`` has the prefix of a paragraph of each."""

    def __init__(self) -> None:
        self.marks: dict[str, str] = {}
        self._style = ""

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "w:style":
            self._style = attributes.get("w:styleId", "")
        elif name == "w:name" and self._style:
            value = attributes.get("w:val", "").lower()
            kind, _, level = value.partition(" ")
            if kind == "heading" and level.isdecimal() and len(level) == 1:
                self.marks[self._style] = "#" * min(int(level), 6) + " "
            elif value == "title":
                self.marks[self._style] = "# "

    def end(self, name: str) -> None:
        pass

    def characters(self, text: str) -> None:
        pass


class _Body:
    """Collects the text of a part: outermost first, then that of each open cell or box."""

    def __init__(self, marks: Mapping[str, str], notes: dict[tuple[str, str], str]) -> None:
        self._marks = marks
        self._notes = notes
        self._texts: list[list[str]] = [[]]
        self._tables: list[NamedCells] = []
        self._rows: list[list[str]] = []
        #: What comes after the paragraph that is open, at each depth of ``_texts``.
        self._after: list[list[str]] = [[]]
        #: The open cells: whether each goes on with the one above it, and shows nothing itself.
        self._merged: list[bool] = []
        #: Of the open cells, the columns that each takes.
        self._spans: list[int] = []
        #: The number of open elements from one that is skipped on.
        self._skipped = 0
        self._in_text = False
        #: Whether a run is open, and whether its text is hidden.
        self._in_run = self._is_hidden = False

    def take(self) -> str:
        """Returns the text since the last call, without that of tables that are still open."""
        text = "".join(self._texts[0])
        self._texts[0].clear()
        return text

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._skipped or name in _SKIPPED:
            self._skipped += 1
        elif name in _TEXTS:
            self._in_text = True
        elif name in _CHARACTERS:
            if not self._is_hidden:
                self._texts[-1].append(_CHARACTERS[name])
        elif name in _NOTES:
            # Each is shown once, however often it is referred to.
            note = self._notes.pop((_NOTES[name], attributes.get("w:id", "")), "")
            self._after[-1].append(note)
        else:
            self._begin_structure(name, attributes)

    def _begin_structure(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "w:pStyle":
            # Before the text of its paragraph, by the standard.
            if len(self._texts) == 1:
                self._texts[0].append(self._marks.get(attributes.get("w:val", ""), ""))
        elif name == "w:r":
            self._in_run = True
        elif name == "w:vanish":
            self._is_hidden = self._in_run and attributes.get("w:val") not in _OFF
        elif name == "w:tbl":
            self._tables.append(NamedCells())
        elif name == "w:tr":
            self._rows.append([])
        elif name == "w:gridSpan":
            value = attributes.get("w:val", "")
            if self._spans and value.isdecimal() and len(value) < len("100"):
                self._spans[-1] = min(max(int(value), 1), _MAX_COLUMNS)
        elif name in ("w:vMerge", "w:hMerge"):
            if self._merged:
                self._merged[-1] = attributes.get("w:val", "continue") == "continue"
        elif name in ("w:tc", "w:txbxContent", "w:rt"):
            self._open(is_cell=name == "w:tc")

    def _open(self, *, is_cell: bool) -> None:
        self._texts.append([])
        self._after.append([])
        if is_cell:
            self._merged.append(False)
            self._spans.append(1)
        self._in_run = False

    def _close(self) -> str:
        return "".join((*self._texts.pop(), *self._after.pop())).strip()

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
        elif name in _TEXTS:
            self._in_text = False
        elif name == "w:r":
            self._in_run = self._is_hidden = False
        elif name == "w:p":
            self._end_paragraph()
        elif name == "w:tc":
            text = self._close()
            cell = "" if self._merged.pop() else text
            (self._rows[-1] if self._rows else self._texts[-1]).append(cell)
            further = self._spans.pop() - 1
            if self._rows:
                self._rows[-1].extend([""] * further)
        elif name in ("w:txbxContent", "w:rt"):
            text = self._close()
            self._after[-1].append(text)
        elif name == "w:tr":
            table = self._tables[-1] if self._tables else NamedCells()
            if line := table.line(dict(enumerate(self._rows.pop()))):
                self._texts[-1].append(f"{line}\n")
        elif name == "w:tbl":
            self._tables.pop()
            self._texts[-1].append("\n")

    def _end_paragraph(self) -> None:
        gap = "\n\n" if len(self._texts) == 1 else "\n"
        self._texts[-1].append(gap)
        for text in self._after[-1]:
            if text:
                self._texts[-1].append(f"{text}{gap}")
        self._after[-1].clear()

    def characters(self, text: str) -> None:
        if self._in_text and not self._skipped and not self._is_hidden:
            self._texts[-1].append(text)


class _Notes(_Body):
    """Collects the notes of a part: ``notes`` has each by its kind and id."""

    def __init__(self, kind: str) -> None:
        super().__init__({}, {})
        self._kind = kind
        self._id: str | None = None
        self.notes: dict[tuple[str, str], str] = {}

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in _NOTE and not self._skipped:
            self.take()
            # The lines between text and notes are of types of their own.
            is_note = attributes.get("w:type", "normal") == "normal"
            self._id = attributes.get("w:id") if is_note else None
        super().begin(name, attributes)

    def end(self, name: str) -> None:
        super().end(name)
        if name in _NOTE and self._id is not None and not self._skipped:
            self.notes[self._kind, self._id] = self.take().strip()
            self._id = None
