"""Files that were made to harm: each is read in one pass, or fails with words naming the bound."""

from __future__ import annotations

import io
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import fresh
from documents import docx_of, docx_with
from store_bench import Bench

from assistants_client.engine import Engine, Scripted
from assistants_client.engine.search import extraction
from assistants_client.engine.search.document_reader import office_archives, plain_text
from assistants_client.engine.search.document_reader.chunking import Chunk
from assistants_client.engine.search.document_reader.refusal import Refused
from assistants_client.engine.search.document_reader.web_pages import read_html
from assistants_client.engine.search.document_reader.word_documents import read_docx
from assistants_client.engine.search.extraction import (
    ReaderStoppedError,
    UnreadableError,
    extract_passages,
)
from assistants_client.models.vector_stores import FileCounts

posix = pytest.mark.skipif(sys.platform == "win32", reason="only time is bounded there")


def read(content: bytes, name: str) -> list[Chunk]:
    """The passages of a file with some content."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        return extract_passages(file, name, 800, 400).chunks


def docx_text(content: bytes) -> Iterator[str]:
    """The text of a DOCX, read in this process."""
    with office_archives.OfficeArchive(io.BytesIO(content)) as archive:
        yield from read_docx(archive, [])


def readers_run(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """Has readers run some code instead of the program."""
    (folder / "document_reader").mkdir(exist_ok=True)
    program = folder / "document_reader" / "program.py"
    program.write_text(f"import os, signal\ndef main(_):\n    {body}\n")
    monkeypatch.setitem(extraction._ABOVE, "assistants_client.engine.search", str(folder))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<!---->" * 40 + b"notes", "notes.txt"),
        (b"<!---->" * 9_000 + b"notes", "notes.txt"),
        (b"# a " + b"# " * 100_000 + b"x", "a.md"),
        (b"# a\n" * 100_000, "a.md"),
        (b"<meta " * 10_000 + b"x", "a.txt"),
        (b"<meta" + b" charset =" * 6_000 + b"x", "a.txt"),
        (b"x" + b"\n " * 1_000_000 + b"y", "a.txt"),
        (b"x" + b" " * 1_000_000 + b"y", "a.txt"),
        (b"<p>x" + b"<!--" * 200_000, "a.html"),
        (b"<html>" + b"<div>x" * 100_000, "a.html"),
        (b"x" + b"<svg>" * 100_000 + b"</style>" * 100_000, "a.html"),
        (b"x" + b"<a b='\">" * 100_000, "a.html"),
        (b"x" + b"&#" + b"9" * 100_000, "a.html"),
        (b"x" + b"<a " * 100_000, "a.html"),
        (b"x" + b"</" * 100_000, "a.html"),
    ],
    ids=lambda value: value[:14].decode() if isinstance(value, bytes) else value,
)
def test_no_text_takes_more_than_one_pass(
    monkeypatch: pytest.MonkeyPatch, content: bytes, name: str
) -> None:
    """Whatever is left open, nested or repeated: it is read within a few seconds of processor."""
    monkeypatch.setattr(extraction, "SECONDS", 10)

    found = read(content, name)

    assert "".join(chunk.text for chunk in found).strip()


def test_a_reader_loads_little() -> None:
    """It starts for every file, so it leaves the engine's libraries alone."""
    start = extraction._START.replace("sys.exit(main(sys.argv[3]))", "main(sys.argv[3])")
    start += "print(json.dumps([0, ' '.join(sys.modules), '']))"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extraction, "_START", start)
        loaded = {name.partition(".")[0] for name in read(b"text", "a.txt")[-1].text.split()}

    assert "assistants_client" in loaded
    heavy = {"sqlalchemy", "werkzeug", "requests", "cattrs", "attr", "pypdf", "charset_normalizer"}
    assert loaded & heavy == set()


@posix
@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "invalid_file", "ended by SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "invalid_file", "ended by SIGKILL"),
        ("os.kill(os.getpid(), 40)", "invalid_file", "ended by signal 40"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "invalid_file", "120 seconds of the processor"),
        ("os._exit(3)", "server_error", "status 3"),
        ("print('no array')", "server_error", "status 0"),
        ("print('[1]') or os._exit(0)", "server_error", "status 0"),
    ],
)
def test_words_for_a_reader_that_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, code: str, words: str
) -> None:
    """They name the signal, the bound or the status."""
    readers_run(monkeypatch, tmp_path, body)

    with pytest.raises(UnreadableError, match=words) as caught:
        read(b"text", "a.txt")

    assert caught.value.code == code


def test_a_reader_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After twice the time that it may compute."""
    monkeypatch.setattr(extraction, "SECONDS", 1)
    readers_run(monkeypatch, tmp_path, "__import__('time').sleep(60)")

    with pytest.raises(UnreadableError, match="could not be read within 2 seconds"):
        read(b"text", "a.txt")


def test_a_reader_that_cannot_be_started_is_no_fault_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is the server's."""
    monkeypatch.setattr(sys, "executable", "/nothing/here")

    with pytest.raises(UnreadableError, match="cannot be started") as caught:
        read(b"text", "a.txt")

    assert caught.value.code == "server_error"


@posix
def test_the_bounds_are_those_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time, memory and output; the words name the figure."""
    text = b"word and such " * 200_000
    with monkeypatch.context() as patch:
        patch.setattr(extraction, "MEMORY", 64 * 1024 * 1024)
        with pytest.raises(UnreadableError, match="more than 64 MiB of memory"):
            read(text * 10, "a.txt")
    with monkeypatch.context() as patch:
        patch.setattr(extraction, "MAX_OUTPUT", 1000)
        with pytest.raises(UnreadableError, match="passages take too much room"):
            read(text, "a.txt")
    with monkeypatch.context() as patch:
        patch.setattr(extraction, "SECONDS", 1)
        patch.setattr(extraction, "_BUSY", 60)
        with pytest.raises(UnreadableError, match="more than 1 seconds of the processor"):
            read(b"<div>x" * 3_000_000, "a.html")


@posix
def test_a_file_that_broke_its_reader_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It has failed with words, and a restart leaves it so."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    tried = tmp_path / "tried"
    body = f"open({str(tried)!r}, 'a').write('x'); os.kill(os.getpid(), signal.SIGSEGV)"
    readers_run(monkeypatch, tmp_path, body)
    with Engine(url, Scripted([])) as engine:
        store = Bench(engine).store(a_txt="walrus").id
    with Engine(url, Scripted([])) as engine:
        bench = Bench(engine)
        assert bench.settled(store).file_counts == FileCounts(failed=1, total=1)
        error = bench.file(store, "a.txt").last_error

    assert error is not None
    assert "ended by SIGSEGV" in error.message
    assert tried.read_text() == "x"


@posix
def test_a_reader_that_was_stopped_with_the_server_has_not_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who stops a server often stops its readers with it: their files are read after a restart."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    with monkeypatch.context() as patch:
        readers_run(patch, tmp_path, "os.kill(os.getpid(), signal.SIGTERM)")
        with pytest.raises(ReaderStoppedError):
            read(b"text", "a.txt")
        with Engine(url, Scripted([])) as engine:
            bench = Bench(engine)
            store = bench.client.vector_stores.create(file_ids=[bench.upload("walrus")]).id
    with Engine(url, Scripted([])) as engine:
        assert Bench(engine).settled(store).file_counts == FileCounts(completed=1, total=1)


def test_all_text_of_a_docx_that_it_shows() -> None:
    """Links, insertions, controls and tables in tables; not what was deleted, moved or doubled."""
    body = """
      <w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr>
        <w:r><w:t>One</w:t><w:tab/><w:t>two</w:t><w:br/><w:t>three</w:t></w:r>
        <w:hyperlink><w:r><w:t xml:space="preserve"> link</w:t></w:r></w:hyperlink>
        <w:ins><w:r><w:t> new</w:t></w:r></w:ins>
        <w:del><w:r><w:delText>old</w:delText></w:r></w:del>
        <w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom></w:p>
      <w:sdt><w:sdtContent><w:p><w:r><w:t>control</w:t></w:r></w:p></w:sdtContent></w:sdt>
      <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>
        <w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p>
          <w:tbl><w:tr><w:tc><w:p><w:r><w:t>c</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:tc>
      </w:tr></w:tbl>
      <w:p><w:pPr><w:pStyle w:val="Heading2"/></w:pPr><w:r><w:t>Head</w:t></w:r></w:p>"""

    text = "".join(docx_text(docx_with(body)))

    assert text == "One\ttwo\nthree link new\n\ncontrol\n\na | b\nc\n\n## Head\n\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<w:p>" * 20_000, "nested more than 10000 deep"),
        ("<w:p/>" * 101, "more than 100 elements"),
        (f'<w:p w:a="{"x" * 3_000_000}"/>', "a tag is longer than 1000000 bytes"),
        ("</w:p>", "mismatched tag"),
    ],
)
def test_a_docx_is_bounded_by_what_it_holds(
    monkeypatch: pytest.MonkeyPatch, body: str, words: str
) -> None:
    """Not by its bytes alone: elements, their depth and the length of a tag."""
    if "elements" in words:
        monkeypatch.setattr(office_archives, "_MAX_ELEMENTS", 100)
    monkeypatch.setattr(office_archives, "_MAX_TAG", 1_000_000)

    with pytest.raises(Refused, match=words):
        list(docx_text(docx_with(body)))


def test_a_docx_has_no_document_type() -> None:
    """So that no entity is ever resolved."""
    head = '<!DOCTYPE a [<!ENTITY b "c">]>'

    with pytest.raises(Refused, match="document type"):
        list(docx_text(docx_with("<w:p/>", before=head)))


def test_a_docx_whose_parts_are_broken() -> None:
    """Bytes that do not unpack are told as such."""
    content = bytearray(docx_of("x", "Some words. " * 100))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        place = archive.getinfo("word/document.xml").header_offset + 200
    content[place : place + 40] = bytes(40)

    with pytest.raises(Refused, match="broken"):
        list(docx_text(bytes(content)))


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("a<!-- b --->c", "ac"),
        ("a<!-->c", "ac"),
        ("a<!-- never closed", "a"),
        ("a<?php b ?>c<![CDATA[d]]>e", "ace"),
        ("1 < 2 && 3 > 2 &lt;&#65;&#x42;&unknown; &#99999999;", "1 < 2 && 3 > 2 <AB&unknown; "),
        ('<a title="x > y">b</a>', "b"),
        ('<a title="x>b</a>', "b"),
        ("<script>if (a < b) '</p>'</script >c", "c"),
        ("<script/>a<style>p { }</STYLE>b<script>never closed", "ab"),
        ("<svg><svg>a</svg>b</svg>c", "c"),
        ("<template><noscript>a</template>b", "b"),
        ("</>a</ b>c<>d<", "ac<>d<"),
        ("<b>a<i", "a"),
        ("<head><title>t</title><body>a", "a"),
        ("<head><title>t</title><p>a", "a"),
        ("<head><meta charset=utf-8><noscript><p>n</p></noscript><h1>a</h1>b", "# a\n\nb"),
    ],
)
def test_markup_is_read_as_browsers_do(page: str, text: str) -> None:
    """What is left open goes on to the end; what is no markup is text."""
    shown = "".join(read_html(page))

    assert shown.replace("\ufffd", "").lstrip("\n").startswith(text)
    assert "never" not in shown


@pytest.mark.parametrize("name", ["zip", "punycode", "idna", "unicode_escape", "undefined", "none"])
def test_a_page_names_codings_of_text_only(name: str) -> None:
    """Python knows others too."""
    assert plain_text.encoding_of(f'<meta><meta a charset="{name}">'.encode()) == "utf-8"
