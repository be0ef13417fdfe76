"""Reads the paragraphs and tables of a DOCX as a stream: no tree of it is ever in memory."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final, Protocol
from xml.parsers import expat

from assistants_client.engine.search.document_reader.refusal import Refused

#: A part of a document may be unpacked to so many bytes; what claims more is refused unread.
_MAX_UNPACKED: Final = 512 * 1024 * 1024
#: Elements of a part, and how deep they may be nested.
_MAX_ELEMENTS: Final = 10_000_000
_MAX_DEPTH: Final = 10_000
#: Bytes of one tag or comment.
_MAX_TAG: Final = 16 * 1024 * 1024

_BLOCK: Final = 64 * 1024
_MAIN: Final = "word/document.xml"
_STYLES: Final = "word/styles.xml"
#: The namespace of Word's elements, as it is today and in the strict form of the standard.
_WORD: Final = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main ",
    "http://purl.oclc.org/ooxml/wordprocessingml/main ",
)
#: Elements that are skipped: what was deleted or moved away, the fallbacks for old programs, and
#: the places of tabs, which are no characters.
_SKIPPED: Final = frozenset(
    {"del", "moveFrom", "tabs"}
    | {"http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback"}
)
_CHARACTERS: Final = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


class _Handler(Protocol):
    """The callbacks of the parser of a part; names of Word's come without their namespace."""

    def begin(self, name: str, value: str) -> None:
        """Handles the start of an element; ``value`` is its attribute ``val``, or a style's id."""
        ...

    def end(self, name: str) -> None:
        """Handles the end of an element."""
        ...

    def characters(self, text: str) -> None:
        """Handles text of the element that began last."""
        ...


def read_docx(file: BinaryIO) -> Iterator[str]:
    """Yields the paragraphs and tables of a DOCX; headings as in Markdown.

    Raises:
        Refused: It is broken, an archive of another kind, or too large once it is unpacked.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError):
        raise Refused("The file is broken: no archive.") from None
    with archive:
        names = set(archive.namelist())
        if _MAIN not in names:
            message = "Archives and office files other than DOCX cannot be read."
            raise Refused(message, "unsupported_file")
        styles = _Styles()
        if _STYLES in names:
            for _ in _parsed(archive, _STYLES, styles):
                pass
        body = _Body(styles.marks)
        for _ in _parsed(archive, _MAIN, body):
            yield body.take()


def _parsed(archive: zipfile.ZipFile, part: str, handler: _Handler) -> Iterator[None]:
    """Parses a part, and yields after each block."""
    if archive.getinfo(part).file_size > _MAX_UNPACKED:
        raise Refused("The DOCX is too large once it is unpacked.")
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    elements, depth = 0, 0

    def begin(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal elements, depth
        elements += 1
        depth += 1
        if elements > _MAX_ELEMENTS:
            raise Refused(f"The DOCX has more than {_MAX_ELEMENTS} elements.")
        if depth > _MAX_DEPTH:
            raise Refused(f"The DOCX is nested more than {_MAX_DEPTH} deep.")
        value = ""
        for key, text in attributes.items():
            if key.endswith((" val", " styleId")) and key.startswith(_WORD):
                value = text
        handler.begin(_short(name), value)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        handler.end(_short(name))

    def doctype(*_: object) -> None:
        raise Refused("The DOCX is broken: it has a document type, which no DOCX may have.")

    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = handler.characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        with archive.open(part) as file:
            size = _BLOCK
            while block := file.read(size):
                before = parser.CurrentByteIndex
                parser.Parse(block, False)
                yield
                # Old parsers begin anew with each block of a long tag: blocks grow with it.
                size = _BLOCK if parser.CurrentByteIndex > before else 2 * size
                if size > _MAX_TAG:
                    raise Refused(f"The DOCX is broken: a tag is longer than {_MAX_TAG} bytes.")
            parser.Parse(b"", True)
            yield
    except expat.ExpatError as error:
        raise Refused(f"The DOCX is broken: {error}") from None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise Refused(f"The DOCX is broken: {error}"[:300]) from None


def _short(name: str) -> str:
    for namespace in _WORD:
        if name.startswith(namespace):
            return name[len(namespace) :]
    return name


class _Styles:
    """Finds the styles of headings: ``marks`` has the prefix of a paragraph of each."""

    def __init__(self) -> None:
        self.marks: dict[str, str] = {}
        self._style = ""

    def begin(self, name: str, value: str) -> None:
        if name == "style":
            self._style = value
        elif name == "name" and self._style:
            kind, _, level = value.lower().partition(" ")
            if kind == "heading" and level.isdecimal() and len(level) == 1:
                self.marks[self._style] = "#" * min(int(level), 6) + " "
            elif value.lower() == "title":
                self.marks[self._style] = "# "

    def end(self, name: str) -> None:
        pass

    def characters(self, text: str) -> None:
        pass


class _Body:
    """Collects the text of the main part: outermost first, then that of each open cell."""

    def __init__(self, marks: Mapping[str, str]) -> None:
        self._marks = marks
        self._texts: list[list[str]] = [[]]
        self._rows: list[list[str]] = []
        #: The number of open elements from one that is skipped on.
        self._skipped = 0
        self._in_text = False

    def take(self) -> str:
        """Returns the text since the last call, without that of tables that are still open."""
        text = "".join(self._texts[0])
        self._texts[0].clear()
        return text

    def begin(self, name: str, value: str) -> None:
        if self._skipped or name in _SKIPPED:
            self._skipped += 1
        elif name == "t":
            self._in_text = True
        elif name == "pStyle":
            # Before the text of its paragraph, by the standard.
            if len(self._texts) == 1:
                self._texts[0].append(self._marks.get(value, ""))
        elif name in _CHARACTERS:
            self._texts[-1].append(_CHARACTERS[name])
        elif name == "tr":
            self._rows.append([])
        elif name == "tc":
            self._texts.append([])

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
        elif name == "t":
            self._in_text = False
        elif name == "p":
            self._texts[-1].append("\n\n" if len(self._texts) == 1 else "\n")
        elif name == "tc":
            cell = "".join(self._texts.pop()).strip()
            (self._rows[-1] if self._rows else self._texts[-1]).append(cell)
        elif name == "tr":
            self._texts[-1].append(" | ".join(self._rows.pop()) + "\n")
        elif name == "tbl":
            self._texts[-1].append("\n")

    def characters(self, text: str) -> None:
        if self._in_text and not self._skipped:
            self._texts[-1].append(text)
