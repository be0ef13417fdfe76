"""Reads the text of one document and writes it out: a program, run by extraction.py.

It imports nothing of this package: it runs apart from the engine, so that a file that was made to
harm can take no more than its own time and memory. The file is its standard input. Its arguments
are the kind of file, the coding of its letters, and the most characters, seconds and bytes of
memory to be used.
"""

from __future__ import annotations

import html.parser
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, Final

#: A document may be unpacked to so many bytes; what claims more is refused unread.
_MAX_UNPACKED: Final = 512 * 1024 * 1024
_SILENT: Final = frozenset({"script", "style", "template", "noscript", "svg", "head"})
#: Elements that do not part words.
_INLINE: Final = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "dfn", "em", "font", "i", "img", "kbd"}
    | {"label", "mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt"}
    | {"u", "var", "wbr"}
)
_ALONE: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "wbr", "source", "col"})


class Refused(Exception):
    """A file that cannot be read, and why."""


def read_pdf(file: BinaryIO) -> Iterator[str]:
    """The pages of a PDF."""
    import pypdf  # only what is needed is loaded
    from pypdf.errors import DependencyError, PyPdfError

    locked = "The PDF is encrypted: its text cannot be read without a password."
    try:
        reader = pypdf.PdfReader(file)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Refused(locked)
        for page in reader.pages:
            yield page.extract_text()
            yield "\n\n"
    except DependencyError:
        raise Refused(locked) from None
    except (PyPdfError, ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        raise Refused(f"The PDF is broken: {error}"[:300]) from None


def read_docx(file: BinaryIO) -> Iterator[str]:
    """The paragraphs and tables of a DOCX; headings as in Markdown."""
    import docx
    from docx.table import Table

    with zipfile.ZipFile(file) as archive:
        if sum(info.file_size for info in archive.infolist()) > _MAX_UNPACKED:
            raise Refused("The DOCX is too large once it is unpacked.")
    try:
        for block in docx.Document(file).iter_inner_content():
            if isinstance(block, Table):
                for row in block.rows:
                    yield " | ".join(cell.text.strip() for cell in row.cells) + "\n"
                yield "\n"
                continue
            style = block.style.name if block.style is not None else ""
            level = (style or "").rpartition("Heading ")[2]
            if level.isdigit() and style != level:
                yield "#" * min(int(level), 6) + " "
            elif style == "Title":
                yield "# "
            yield block.text + "\n\n"
    except (
        KeyError,
        ValueError,
        AttributeError,
        SyntaxError,
        OSError,
        zipfile.BadZipFile,
    ) as error:
        raise Refused(f"The DOCX is broken: {error}"[:300]) from None


class _Page(html.parser.HTMLParser):
    """Gathers the text that a page shows."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "body":
            self._silent.clear()  # a head need not be closed
        elif tag in _SILENT and tag not in _ALONE:
            self._silent.append(tag)
        elif len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
            self.pieces.append("\n\n" + "#" * int(tag[1]) + " ")
        elif tag in ("td", "th"):
            self.pieces.append(" | ")
        elif tag not in _INLINE:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            del self._silent[self._silent.index(tag) :]
        elif tag in ("p", "div", "h1", "h2", "h3", "h4", "h5", "h6"):
            self.pieces.append("\n\n")
        elif tag not in _INLINE and tag not in ("td", "th"):
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            words = " ".join(data.split())
            before = " " if data[:1].isspace() else ""
            after = " " if words and data[-1:].isspace() else ""
            self.pieces.append(f"{before}{words}{after}")


def read_html(file: BinaryIO, encoding: str) -> Iterator[str]:
    """What a page shows; headings as in Markdown."""
    page = _Page()
    letters = io.TextIOWrapper(file, encoding=encoding, errors="replace")
    while piece := letters.read(65536):
        page.feed(piece)
        yield "".join(page.pieces)
        page.pieces.clear()
    page.close()
    yield "".join(page.pieces)


def _bounded(seconds: int, memory: int) -> None:
    try:
        import resource
    except ImportError:
        return  # not on Windows, where only the time is bounded
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def _joined(pieces: Iterator[str], characters: int) -> str:
    taken = []
    for piece in pieces:
        characters -= len(piece)
        if characters < 0:
            raise Refused("The file is too long.")
        taken.append(piece)
    return "".join(taken)


def main(kind: str, encoding: str, *limits: str) -> int:
    """Writes the text to standard output, or why there is none to standard error."""
    characters, seconds, memory = (int(limit) for limit in limits)
    _bounded(seconds, memory)
    file = sys.stdin.buffer
    code, message, text = "invalid_file", "", ""
    try:
        if kind == "html":
            source = read_html(file, encoding)
        else:
            source = read_pdf(file) if kind == "pdf" else read_docx(file)
        text = _joined(source, characters)
    except Refused as error:
        message = str(error)
    except ImportError as error:
        code, message = "server_error", f"A library is missing: {error}"
    except (MemoryError, RecursionError):
        message = "The file could not be read: reading it takes too much memory."
    except Exception as error:
        message = f"The file is broken: {type(error).__name__}: {error}"[:300]
    if message:
        sys.stderr.write("\n" + json.dumps({"code": code, "message": message}))
        return 1
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
