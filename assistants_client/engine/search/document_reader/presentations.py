"""Reads the slides of a PPTX in their order, with their tables, charts, notes and comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from assistants_client.engine.search.document_reader.office_archives import (
    FALLBACK,
    OfficeArchive,
    drawn,
)
from assistants_client.engine.search.document_reader.refusal import Refused
from assistants_client.engine.search.document_reader.table_rows import NamedCells

_TITLES: Final = frozenset({"title", "ctrTitle"})
#: Kinds of placeholders that say the same on every slide, or its number.
_REPEATED: Final = frozenset({"ftr", "hdr"})
_NUMBERS: Final = frozenset({"sldNum", "dt", "sldImg"})
#: Values by which a property is off.
_OFF: Final = frozenset({"0", "false"})


def read_pptx(archive: OfficeArchive, unread: list[str]) -> Iterator[str]:
    """Yields the text of a PPTX, a heading for each slide that has a title, as in Markdown.

    Slides and shapes that are hidden are left out.

    Args:
        archive: The file.
        unread: What cannot be read is added here.

    Raises:
        Refused: Its main part is broken, or it is too large once it is unpacked.
    """
    order = _Order()
    archive.read(archive.main, order)
    references = archive.references(archive.main)
    repeated: set[str] = set()
    broken = list[str]()
    for number, slide in enumerate(order.ids, 1):
        if slide not in references:
            broken.append(str(number))
            continue
        try:
            yield from _slide(archive, references[slide].part, repeated)
        except Refused:
            broken.append(str(number))
    if broken:
        unread.append(f"broken slides ({', '.join(broken[:20])})")


def _slide(archive: OfficeArchive, part: str, repeated: set[str]) -> Iterator[str]:
    shown = _Shapes(repeated)
    archive.read(part, shown)
    if shown.is_hidden:
        return
    yield shown.text
    yield from drawn(archive, part, "chart", "diagramData")
    for notes in archive.referred(part, "notesSlide"):
        said = _Shapes(repeated)
        archive.read(notes, said)
        yield said.text
    yield from drawn(archive, part, "comments")
    yield "\n"


class _Order:
    """Finds the ids of the slides, in order."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "p:sldId":
            self.ids.append(attributes.get("r:id", ""))

    def end(self, name: str) -> None:
        pass

    def characters(self, text: str) -> None:
        pass


class _Shapes:
    """Collects the text of a slide: its title first, then shape after shape."""

    def __init__(self, repeated: set[str]) -> None:
        self._repeated = repeated
        self._title = ""
        self._shapes: list[str] = []
        self._pieces: list[str] = []
        self._kind = ""
        self._table = NamedCells()
        self._row: list[str] | None = None
        self._is_merged = False
        self._skipped = 0
        self._in_text = False
        #: Whether the open shape is hidden, and whether the whole slide is.
        self._is_shape_hidden = False
        self.is_hidden = False

    @property
    def text(self) -> str:
        """The text that was collected."""
        title = f"# {' '.join(self._title.split())}" if self._title else ""
        return "\n\n".join((*filter(None, (title, *self._shapes)), ""))

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._skipped or name == FALLBACK:
            self._skipped += 1
        elif name == "a:t":
            self._in_text = True
        elif name == "a:br":
            self._pieces.append("\n")
        elif name == "p:ph":
            self._kind = attributes.get("type", "body")
        elif name == "p:sld":
            self.is_hidden = attributes.get("show") in _OFF
        elif name == "p:cNvPr":
            self._is_shape_hidden = attributes.get("hidden", "0") not in _OFF
        elif name == "a:tbl":
            self._table = NamedCells()
        elif name == "a:tr":
            self._row = []
        elif name == "a:tc":
            self._pieces.clear()
            self._is_merged = bool({"hMerge", "vMerge"} & attributes.keys())
        elif name in ("p:sp", "p:graphicFrame", "p:cxnSp"):
            self._pieces.clear()
            self._kind = ""
            self._is_shape_hidden = False

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
        elif name == "a:t":
            self._in_text = False
        elif name == "a:p":
            self._pieces.append("\n")
        elif name == "a:tc" and self._row is not None:
            self._row.append("" if self._is_merged else "".join(self._pieces).strip())
            self._pieces.clear()
        elif name == "a:tr" and self._row is not None:
            line = self._table.line(dict(enumerate(self._row)))
            if not self._is_shape_hidden:
                self._shapes.append(line)
            self._row = None
        elif name == "p:sp" and not self._is_shape_hidden:
            self._end_shape("".join(self._pieces).strip())

    def _end_shape(self, text: str) -> None:
        if self._kind in _TITLES and not self._title:
            self._title = text
        elif text and self._kind not in _NUMBERS:
            if self._kind in _REPEATED:
                if text in self._repeated:
                    return
                self._repeated.add(text)
            self._shapes.append(text)

    def characters(self, text: str) -> None:
        if self._in_text and not self._skipped:
            self._pieces.append(text)
