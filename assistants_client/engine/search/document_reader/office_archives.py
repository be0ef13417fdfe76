"""Reads the parts of an Office Open XML file as streams: no tree of any is ever in memory.

DOCX, PPTX and XLSX are archives of XML parts that refer to each other. What the parts mean belongs
to the readers of each kind; here are the archive, the references, the parser, and its bounds.
"""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Protocol
from xml.parsers import expat

from assistants_client.engine.search.document_reader.refusal import Refused

#: A part of a document may be unpacked to so many bytes; what claims more is refused unread.
_MAX_UNPACKED: Final = 512 * 1024 * 1024
#: Elements of all parts, and how deep they may be nested.
_MAX_ELEMENTS: Final = 10_000_000
_MAX_DEPTH: Final = 10_000
#: Bytes of one tag or comment.
_MAX_TAG: Final = 16 * 1024 * 1024
#: References of one part.
_MAX_REFERENCES: Final = 100_000

_BLOCK: Final = 64 * 1024
#: What names of elements and attributes begin with here, by their namespaces: as they are today,
#: and in the strict form of the standard.
_PREFIXES: Final = {
    f"{base}{name}": prefix
    for base, ending in (
        ("http://schemas.openxmlformats.org/", "2006/main"),
        ("http://purl.oclc.org/ooxml/", "main"),
    )
    for prefix, name in (
        ("w:", f"wordprocessingml/{ending}"),
        ("a:", f"drawingml/{ending}"),
        ("p:", f"presentationml/{ending}"),
        ("x:", f"spreadsheetml/{ending}"),
    )
} | {
    "http://schemas.openxmlformats.org/drawingml/2006/chart": "c:",
    "http://purl.oclc.org/ooxml/drawingml/chart": "c:",
    "http://schemas.openxmlformats.org/officeDocument/2006/math": "m:",
    "http://purl.oclc.org/ooxml/officeDocument/math": "m:",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "r:",
    "http://purl.oclc.org/ooxml/officeDocument/relationships": "r:",
    "http://schemas.openxmlformats.org/markup-compatibility/2006": "mc:",
    "http://schemas.openxmlformats.org/package/2006/relationships": "rel:",
}
#: The main parts as almost every program names them, and the root elements of main parts, by the
#: kinds of documents.
_MAIN_PARTS: Final = {
    "word/document.xml": "docx",
    "ppt/presentation.xml": "pptx",
    "xl/workbook.xml": "xlsx",
}
_ROOTS: Final = {"w:document": "docx", "p:presentation": "pptx", "x:workbook": "xlsx"}
#: The same content again, for programs that cannot show it as it is meant.
FALLBACK: Final = "mc:Fallback"


class Reference(NamedTuple):
    """A part that another one refers to.

    Attributes:
        kind: What it is to that one: the last part of the type's URL, such as ``header``.
        part: Its name in the archive.
    """

    kind: str
    part: str


class Handler(Protocol):
    """The callbacks of the parser of a part; known namespaces are a prefix of names."""

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        """Handles the start of an element."""
        ...

    def end(self, name: str) -> None:
        """Handles the end of an element."""
        ...

    def characters(self, text: str) -> None:
        """Handles text of the element that began last."""
        ...


class OfficeArchive:
    """An open file.

    Attributes:
        label: What messages call the file, such as ``DOCX``.
        main: The name of the main part; empty where there is none.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Opens a file.

        Raises:
            Refused: It is no archive, or broken.
        """
        try:
            self._archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            raise Refused("The file is broken: no archive.") from None
        self._names = set(self._archive.namelist())
        self._elements = 0
        self.label: str = "file"
        own = [one.part for one in self.references("").values() if one.kind == "officeDocument"]
        self.main: str = next((part for part in (*own, *_MAIN_PARTS) if part in self._names), "")
        if self.main:
            self.label = _MAIN_PARTS.get(self.main, "docx").upper()
            self.label = self._kind().upper()

    @property
    def kind(self) -> str:
        """The kind of document, such as ``docx``; empty for an archive of anything else."""
        return self.label.lower() if self.main else ""

    def _kind(self) -> str:
        root = _Root()
        next(self.parsed(self.main, root), None)
        return _ROOTS.get(root.name, self.label)

    def __enter__(self) -> OfficeArchive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._archive.close()

    def references(self, part: str) -> Mapping[str, Reference]:
        """Returns the parts that a part refers to, by the ids that it has for them, in order.

        What is outside of the archive, or missing in it, is left out.
        """
        folder, name = posixpath.split(part)
        handler = _References(folder, self._names)
        own = posixpath.join(folder, "_rels", f"{name}.rels")
        if own in self._names:
            self.read(own, handler)
        return handler.found

    def referred(self, part: str, *kinds: str) -> list[str]:
        """Returns the parts of some kinds that a part refers to, each once."""
        found = (one.part for one in self.references(part).values() if one.kind in kinds)
        return list(dict.fromkeys(found))

    def read(self, part: str, handler: Handler) -> None:
        """Parses a whole part."""
        for _ in self.parsed(part, handler):
            pass

    def parsed(self, part: str, handler: Handler) -> Iterator[None]:
        """Parses a part, and yields after each block.

        Raises:
            Refused: It is broken, or too large once it is unpacked.
        """
        if self._archive.getinfo(part).file_size > _MAX_UNPACKED:
            raise Refused(f"The {self.label} is too large once it is unpacked.")
        parser = self._parser(handler)
        try:
            with self._archive.open(part) as file:
                size = _BLOCK
                while block := file.read(size):
                    before = parser.CurrentByteIndex
                    parser.Parse(block, False)
                    yield
                    # Old parsers begin anew with each block of a long tag: blocks grow with it.
                    size = _BLOCK if parser.CurrentByteIndex > before else 2 * size
                    if size > _MAX_TAG:
                        raise self._broken(f"a tag is longer than {_MAX_TAG} bytes.")
                parser.Parse(b"", True)
                yield
        except expat.ExpatError as error:
            raise self._broken(str(error)) from None
        except (
            *(zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError),
        ) as error:
            raise self._broken(str(error)) from None

    def _broken(self, reason: str) -> Refused:
        return Refused(f"The {self.label} is broken: {reason}"[:300])

    def _parser(self, handler: Handler) -> expat.XMLParserType:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        depth = 0

        def begin(name: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            self._elements += 1
            depth += 1
            if self._elements > _MAX_ELEMENTS:
                raise Refused(f"The {self.label} has more than {_MAX_ELEMENTS} elements.")
            if depth > _MAX_DEPTH:
                raise Refused(f"The {self.label} is nested more than {_MAX_DEPTH} deep.")
            if attributes:
                attributes = {_short(key): value for key, value in attributes.items()}
            handler.begin(_short(name), attributes)

        def end(name: str) -> None:
            nonlocal depth
            depth -= 1
            handler.end(_short(name))

        def doctype(*_: object) -> None:
            raise self._broken("it has a document type, which none may have.")

        parser.StartElementHandler = begin
        parser.EndElementHandler = end
        parser.CharacterDataHandler = handler.characters
        parser.StartDoctypeDeclHandler = doctype
        return parser


def _short(name: str) -> str:
    namespace, _, local = name.rpartition(" ")
    prefix = _PREFIXES.get(namespace)
    return name if prefix is None else prefix + local


class _Root:
    """Notes the name of the root element."""

    def __init__(self) -> None:
        self.name = ""

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        self.name = self.name or name

    def end(self, name: str) -> None:
        pass

    def characters(self, text: str) -> None:
        pass


class _References:
    """Collects the references of a part."""

    def __init__(self, folder: str, names: set[str]) -> None:
        self._folder = folder
        self._names = names
        self.found: dict[str, Reference] = {}

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name != "rel:Relationship" or len(self.found) >= _MAX_REFERENCES:
            return
        target = posixpath.normpath(posixpath.join("/", self._folder, attributes.get("Target", "")))
        part = target.lstrip("/")
        if part in self._names and attributes.get("TargetMode") != "External":
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.found[attributes.get("Id", "")] = Reference(kind, part)

    def end(self, name: str) -> None:
        pass

    def characters(self, text: str) -> None:
        pass


class _DrawnText:
    """Collects the paragraphs of drawings, charts, diagrams and comments, one a line.

    Attributes:
        pieces: The text.
    """

    _TEXTS: Final = frozenset({"a:t", "c:v", "p:text", "x:t"})

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._skipped = 0
        self._in_text = False

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._skipped or name in (FALLBACK, "c:numCache", "c:numLit"):
            self._skipped += 1
        elif name == "a:br":
            self.pieces.append("\n")
        else:
            self._in_text = name in self._TEXTS

    def end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        self._in_text = False
        if name in ("a:p", "c:v", "p:text", "x:comment"):
            self.pieces.append("\n")

    def characters(self, text: str) -> None:
        if self._in_text and not self._skipped:
            self.pieces.append(text)


def drawn(archive: OfficeArchive, part: str, *kinds: str) -> Iterator[str]:
    """Yields the text of the parts of some kinds that a part refers to."""
    for other in archive.referred(part, *kinds):
        handler = _DrawnText()
        archive.read(other, handler)
        text = "".join(handler.pieces).strip()
        if text:
            yield f"\n{text}\n\n"
