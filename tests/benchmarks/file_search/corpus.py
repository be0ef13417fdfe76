"""The documents and questions of the evaluation: read from their source, and written as files.

A source has the documents of a language, each after a line of its file's name and its title.
Sections begin with ``##``; a line with `` | `` is a row of a table. A line that begins with ``?``
is a question on what stands above it, whose answer is a passage with the words after ``=>``. All of
it is invented, and was written for this project; like its code it may be used by its license.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

import docx
from attrs import define, field, frozen

sys.path.insert(0, str(Path(__file__).parents[2] / "engine"))
from documents import pdf, pptx_of, shape, sheet, slide, xlsx_of

SOURCES: Final = Path(__file__).with_name("corpus")


@frozen
class Question:
    """A question: the file and words of the passage that answers it."""

    text: str
    file: str
    words: str


@define
class Document:
    """A document: sections of a heading and a text, or rows of a table."""

    name: str
    title: str = ""
    sections: list[tuple[str, str]] = field(factory=list)
    rows: list[Sequence[str]] = field(factory=list)
    questions: list[Question] = field(factory=list)

    @property
    def language(self) -> str:
        """Its language, with which its name begins."""
        return self.name.partition("-")[0]

    @property
    def format(self) -> str:
        """Its format, with which its name ends."""
        return self.name.rpartition(".")[2]

    @property
    def content(self) -> bytes:
        """The file, in the format of its name."""
        return WRITERS[self.format](self)


def documents() -> Iterator[Document]:
    """All documents, language by language."""
    for source in sorted(SOURCES.glob("*.txt")):
        found: list[Document] = []
        for line in source.read_text("utf-8").splitlines():
            _add(found, line)
        yield from found


def _add(found: list[Document], line: str) -> None:
    if line.startswith("=== "):
        name, _, title = line.removeprefix("=== ").partition(": ")
        found.append(Document(name, title))
    elif line.startswith("## "):
        found[-1].sections.append((line.removeprefix("## "), ""))
    elif line.startswith("? "):
        asked, _, words = line.removeprefix("? ").partition(" => ")
        found[-1].questions.append(Question(asked, found[-1].name, words))
    elif " | " in line:
        found[-1].rows.append(line.split(" | "))
    else:
        heading, text = found[-1].sections[-1]
        found[-1].sections[-1] = heading, f"{text}\n{line}".strip()


def _plain(one: Document) -> bytes:
    sections = "\n\n".join(f"{heading}\n{text}" for heading, text in one.sections)
    return f"{one.title}\n\n{sections}\n".encode()


def _markdown(one: Document) -> bytes:
    sections = "\n\n".join(f"## {heading}\n\n{text}" for heading, text in one.sections)
    return f"# {one.title}\n\n{sections}\n".encode()


def _html(one: Document) -> bytes:
    sections = "".join(f"<h2>{escape(h)}</h2>\n<p>{escape(text)}</p>" for h, text in one.sections)
    head = f"<meta charset=utf-8><title>{escape(one.title)}</title><style>p {{ margin: 0 }}</style>"
    page = f"<html><head>{head}</head><body><h1>{escape(one.title)}</h1>{sections}</body></html>"
    return f"<!DOCTYPE html>{page}".encode()


def _json(one: Document) -> bytes:
    sections = [{"heading": heading, "text": text} for heading, text in one.sections]
    # With escapes in the place of all letters but English ones, as most programs write it.
    return json.dumps({"title": one.title, "sections": sections}, indent=1).encode()


def _docx(one: Document) -> bytes:
    made = docx.Document()
    made.add_heading(one.title, level=0)
    for heading, text in one.sections:
        made.add_heading(heading, level=1)
        made.add_paragraph(text)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def _pdf(one: Document) -> bytes:
    # The fonts that every PDF has are of Latin letters alone.
    sections = "\n\n".join(f"{heading}\n{text}" for heading, text in one.sections)
    return pdf(f"{one.title}\n\n{sections}".replace("\N{EN DASH}", "-"))


def _pptx(one: Document) -> bytes:
    first = slide(shape(one.title, "ctrTitle"))
    return pptx_of(
        first, *(slide(shape(text), shape(heading, "title")) for heading, text in one.sections)
    )


def _csv(one: Document) -> bytes:
    file = io.StringIO()
    csv.writer(file, delimiter=";").writerows(one.rows)
    return file.getvalue().encode()


def _xlsx(one: Document) -> bytes:
    return xlsx_of({"1": sheet(*one.rows)})


WRITERS: Final[dict[str, Callable[[Document], bytes]]] = {
    "txt": _plain,
    "md": _markdown,
    "html": _html,
    "json": _json,
    "docx": _docx,
    "pdf": _pdf,
    "pptx": _pptx,
    "csv": _csv,
    "xlsx": _xlsx,
}
