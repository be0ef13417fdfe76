"""Texts of files: of every kind that is read, of those that cannot be, and of hostile ones."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import pytest
from documents import archive, docx_bomb, docx_of, locked_pdf, pdf, pdf_bomb
from thorough import another_case

from assistants_client.engine.search import extraction
from assistants_client.engine.search.document_reader import office_archives, program
from assistants_client.engine.search.document_reader.program import ReadRequest
from assistants_client.engine.search.document_reader.refusal import Refused
from assistants_client.engine.search.extraction import UnreadableError, extract

PAGE = """<!DOCTYPE html><html><head><title>T</title><style>p {}</style></head><body>
<script>var a = "hidden";</script><h1>Sheep &amp; goats</h1><p>Sheep <b>gr</b>aze,
goats climb.</p><ul><li>wool</li><li>milk</li></ul>
<table><tr><td>a</td><td>b</td></tr></table>
</body></html>"""


#: Without a bound that these files reach.
REQUEST = ReadRequest(
    parent=os.getpid(),
    name="",
    size=4096,
    overlap=0,
    letters=10**7,
    characters=10**7,
    tokens=10**6,
    seconds=60,
    memory=10**9,
    output=10**7,
)


def text_of(content: bytes, name: str) -> str:
    """The text of a file with some content, as a process of its own reads it."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        return extract(file, name).text


def read_here(content: bytes, name: str) -> list[bytes]:
    """The lines that the reader writes for a file, read in this process and without its bounds."""
    return [*program._lines(io.BytesIO(content), REQUEST._replace(name=name))]


@pytest.mark.parametrize(
    ("content", "name", "text"),
    [
        (b"plain text", "a.txt", "plain text"),
        (b"# Head\r\n\r\nBody\r\n", "a.md", "# Head\n\nBody\n"),
        (b'{"a": ["\xc3\xa4", 1]}', "a.json", '{"a": ["ä", 1]}'),
        (b"def f(x):\n    return x  # \xe2\x86\x92\n", "f.py", "def f(x):\n    return x  # →\n"),
        (b"no name tells of it", "README", "no name tells of it"),
        ("\ufeffmarked".encode(), "a.txt", "marked"),
        ("breit: Größe".encode("utf-16"), "a.txt", "breit: Größe"),
        ("breit: Größe".encode("utf-32"), "a.txt", "breit: Größe"),
        ("日本語の文章です。".encode(), "a.txt", "日本語の文章です。"),
    ],
)
def test_plain_text_is_taken_as_it_is(content: bytes, name: str, text: str) -> None:
    """Markdown, JSON, CSV and source code too, however their letters are coded."""
    assert text_of(content, name) == text
    assert json.loads(read_here(content, name)[0])[1] == text


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "shift_jis"])
def test_older_codings_are_guessed(encoding: str) -> None:
    """What is not UTF-8 is read in the coding that fits best."""
    text = {
        "cp1252": "Die Straße führt über die Brücke zur Mühle, und jährlich wächst der Grünkohl. ",
        "cp1251": "Весной река выходит из берегов и заливает луга до самой деревни. ",
        "shift_jis": "春になると川は岸を越えて村まで水に浸かります。毎年のことです。",
    }[encoding]

    content = (text * 20).encode(encoding)

    assert text_of(content, "a.txt") == text * 20
    assert json.loads(read_here(content, "a.txt")[0])[1] == text * 20


@pytest.mark.parametrize("name", ["page.html", "page"])
def test_of_a_page_what_it_shows_is_read(name: str) -> None:
    """Headings stay headings; scripts and styles are no text; words stay whole."""
    text = text_of(PAGE.encode(), name)

    assert "# Sheep & goats\n" in text
    assert "Sheep graze, goats climb." in text
    assert "wool\n" in text
    assert "a | b" in text
    assert "hidden" not in text
    assert "{}" not in text


def test_a_page_tells_its_own_coding() -> None:
    """As it says in its head."""
    page = '<html><head><meta charset="iso-8859-15"></head><body>10 € für Öl</body></html>'

    assert "10 € für Öl" in text_of(page.encode("iso-8859-15"), "a.html")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (PAGE.encode(), "page"),
        (b"<!-- a --> <!-- b --><html><meta name='x'><p>Text</p>", "page"),
        (b"<!-- a comment that does not end <html>", "notes"),
        (b'<html><meta http-equiv="x" content="text/html; charset=cp1252"><p>\xe4</p>', "a.html"),
        (b'<html><meta charset="no-such-coding"><p>\xc3\xa4</p>', "a.html"),
        (b'<html><meta charset="base64"><p>Text</p>', "a.html"),
        (b"a\n\n \n\n\nb\n\nc", "a.md"),
        (pdf("One page.", "Another."), "a.pdf"),
        (docx_of("Bees", "Bees make honey."), "a.docx"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else None,
)
def test_a_process_of_its_own_changes_nothing(content: bytes, name: str) -> None:
    """The program reads there what its functions read here."""
    found = [json.loads(line) for line in read_here(content, name)]

    assert found[0][1] == text_of(content, name)


def test_the_program_writes_passages_or_the_reason_why_there_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A line a passage and the status 0; else the status 1, and code and message last."""
    monkeypatch.setattr(program, "_set_limits", lambda request: None)
    for content, name, status, last in (
        (b"some text", "a.txt", 0, [0, "some text"]),
        (b"\x00\x01", "a.bin", 1, "unsupported_file"),
        (archive(a=b"x")[:-5], "a.docx", 1, "invalid_file"),
        (archive(a=b"x"), "a.zip", 1, "unsupported_file"),
    ):
        output = io.BytesIO()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output))

        assert program.main(json.dumps({**REQUEST._asdict(), "name": name})) == status

        line = json.loads(output.getvalue().splitlines()[-1])
        assert (line[:2] if status == 0 else line["code"]) == last


@pytest.mark.parametrize("bound", ["letters", "characters", "tokens", "output"])
def test_each_bound_is_told(bound: str) -> None:
    """What is longer is refused, and not cut."""
    name = "a.html" if bound == "characters" else "a.txt"
    request = REQUEST._replace(name=name, **{bound: 4})

    with pytest.raises(Refused, match=r"too long|at most 4"):
        list(program._lines(io.BytesIO(b"a text of more than four words"), request))


def test_the_pages_of_a_pdf() -> None:
    """All of them, in order, whatever the file is called."""
    content = pdf("The first page is about rivers.", "The second one is about bridges.")

    for name in ("a.pdf", "a.bin"):
        text = text_of(content, name)
        assert text.index("about rivers") < text.index("about bridges")


def test_a_docx() -> None:
    """Its heading, paragraphs and table."""
    content = docx_of("Bees", "Bees make honey.", table=[["bee", "wax"], ["wasp", "paper"]])

    text = text_of(content, "a.docx")

    assert text.startswith("# Bees\n\nBees make honey.\n")
    assert "bee | wax\nbee: wasp | wax: paper" in text


@pytest.mark.parametrize(
    ("content", "name", "code", "words"),
    [
        (b"", "a.txt", "invalid_file", "empty"),
        (b" \n\t ", "a.txt", "invalid_file", "no text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a.png", "unsupported_file", "not text"),
        (bytes(range(256)), "a.txt", "unsupported_file", "not text"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", "a.doc", "unsupported_file", "not text"),
        (archive(a=b"x"), "a.zip", "unsupported_file", "Archives"),
        (archive(a=b"x")[:-5], "a.docx", "invalid_file", "broken"),
        (docx_of("x")[:9000], "a.docx", "invalid_file", "broken"),
        (archive(**{"word/document.xml": b"<a>"}), "a.docx", "invalid_file", "broken"),
        (b"%PDF-1.4\nnothing", "a.pdf", "invalid_file", "broken"),
        (pdf("text")[:700], "a.pdf", "invalid_file", "."),
        (pdf(""), "a.pdf", "invalid_file", "no text"),
        (b"no such thing", "a.pdf", "invalid_file", "not a PDF"),
        (b"no such thing", "a.docx", "invalid_file", "not a DOCX"),
        (locked_pdf("secret", "key"), "a.pdf", "invalid_file", "encrypted"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else None,
)
def test_what_cannot_be_read_says_why(content: bytes, name: str, code: str, words: str) -> None:
    """Each has a code of the protocol's, and words that tell what is wrong with the file."""
    with pytest.raises(UnreadableError, match=words) as caught:
        text_of(content, name)

    assert caught.value.code == code


def test_a_pdf_that_is_locked_against_changes_only_is_read() -> None:
    """It opens without a password."""
    assert "free to read" in text_of(locked_pdf("free to read", ""), "a.pdf")


@pytest.mark.skipif(sys.platform == "win32", reason="memory is not bounded there")
@pytest.mark.parametrize("kind", [pytest.param("docx", marks=another_case), "pdf"])
def test_a_bomb_takes_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """What unpacks to hundreds of times its size is given up, in time, and nothing else suffers."""
    monkeypatch.setattr(extraction, "SECONDS", 5)
    content = docx_bomb(600) if kind == "docx" else pdf_bomb(200)
    assert len(content) < 4_000_000
    begin = time.monotonic()

    with pytest.raises(UnreadableError) as caught:
        text_of(content, f"a.{kind}")

    assert caught.value.code == "invalid_file"
    assert time.monotonic() - begin < 30


def test_a_docx_is_not_unpacked_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says of its size is looked at first."""
    monkeypatch.setattr(office_archives, "_MAX_UNPACKED", 1000)

    with pytest.raises(Refused, match="too large once it is unpacked"):
        office_archives.OfficeArchive(io.BytesIO(docx_of("a")))


def test_a_text_that_is_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither plain nor out of a document."""
    monkeypatch.setattr(extraction, "_MAX_LETTERS", 1000)
    monkeypatch.setattr(extraction, "MAX_CHARACTERS", 1000)
    for content, name in ((b"a" * 1001, "a.txt"), (PAGE.encode() * 40, "a.html")):
        with pytest.raises(UnreadableError, match="too long") as caught:
            text_of(content, name)
        assert caught.value.code == "invalid_file"


def test_a_document_sees_nothing_of_this_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its reader has no environment that could hold a key."""
    (tmp_path / "document_reader").mkdir()
    spy = tmp_path / "document_reader" / "program.py"
    spy.write_text("import json, os\ndef main(_): print(json.dumps([0, str(os.environ), '']))")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setitem(extraction._ABOVE, "assistants_client.engine.search", str(tmp_path))

    text = text_of(PAGE.encode(), "a.html")

    assert "PATH" in text
    assert "OPENAI" not in text
