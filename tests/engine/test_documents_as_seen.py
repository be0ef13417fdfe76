"""Readers take all the text that a person sees, once; what they cannot read is told."""

from __future__ import annotations

import io
import json
import tempfile
from typing import Any

import docx
import pytest
from databases import fresh
from documents import (
    OFFICE,
    archive,
    docx_with,
    pdf,
    pptx_of,
    references,
    shape,
    sheet,
    slide,
    xlsx_of,
)
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    BooleanObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    TextStringObject,
)
from store_bench import Bench

from assistants_client.engine import Engine, Scripted
from assistants_client.engine.search.extraction import Extracted, UnreadableError, extract

WORD = f"{OFFICE}/wordprocessingml/2006/main"


def read(content: bytes, name: str) -> Extracted:
    """The text of a file, and what of it could not be read."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        return extract(file, name)


# --- DOCX ---------------------------------------------------------------------------------------


def run(text: str) -> str:
    """A run of Word's."""
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def body_text(body: str) -> str:
    """The text of a DOCX with this body."""
    return read(docx_with(body), "a.docx").text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (f"<w:p>{run('a')}<w:smartTag>{run('b')}</w:smartTag></w:p>", "ab"),
        (f"<w:p><w:fldSimple>{run('a')}</w:fldSimple></w:p>", "a"),
        (
            f"<w:p><w:r><w:instrText>PAGE</w:instrText></w:r>{run('7')}</w:p>",
            "7",
        ),
        (f"<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>no</w:t></w:r>{run('yes')}</w:p>", "yes"),
        ('<w:p><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>yes</w:t></w:r></w:p>', "yes"),
        (f"<w:p><w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr>{run('yes')}</w:p>", "yes"),
        (
            '<w:p><w:pPr><w:pPrChange><w:pPr><w:pStyle w:val="Heading1"/></w:pPr></w:pPrChange>'
            f"</w:pPr>{run('plain')}</w:p>",
            "plain",
        ),
        (
            f"<w:p><w:r><w:txbxContent><w:p>{run('box')}</w:p></w:txbxContent></w:r>"
            f"{run('text')}</w:p>",
            "text\n\nbox",
        ),
        (
            '<w:p xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
            f"<w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p>{run('box')}</w:p>"
            f"</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent><w:p>{run('box')}</w:p>"
            "</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r></w:p>",
            "box",
        ),
        (
            '<w:p xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:oMath>'
            "<m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den>"
            "</m:f></m:oMath></w:p>",
            "a/b",
        ),
        (
            f"<w:p><w:ruby><w:rt>{run('よみ')}</w:rt><w:rubyBase>{run('読')}</w:rubyBase></w:ruby>"
            f"{run('む')}</w:p>",
            "読む\n\nよみ",
        ),
        (
            "<w:tbl>"
            f'<w:tr><w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr><w:p>{run("a")}</w:p></w:tc>'
            f"<w:tc><w:p>{run('b')}</w:p></w:tc></w:tr>"
            f"<w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p>{run('a')}</w:p></w:tc>"
            f"<w:tc><w:p>{run('c')}</w:p></w:tc></w:tr></w:tbl>",
            "a | b\nb: c",
        ),
        (
            "<w:tbl>"
            f'<w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr><w:p>{run("a")}</w:p></w:tc>'
            f"<w:tc><w:p>{run('b')}</w:p></w:tc></w:tr>"
            f"<w:tr><w:tc><w:p>{run('1')}</w:p></w:tc><w:tc><w:p>{run('2')}</w:p></w:tc>"
            f"<w:tc><w:p>{run('3')}</w:p></w:tc></w:tr></w:tbl>",
            "a | b\na: 1 | 2 | b: 3",
        ),
    ],
)
def test_what_a_docx_shows(body: str, text: str) -> None:
    """Fields, boxes, equations and what stands above words; nothing hidden or merged away."""
    assert body_text(body).strip() == text


def noted(kind: str) -> bytes:
    """A DOCX with a note of a kind on its first paragraph, and headers and footers."""
    document = docx.Document()
    paragraph = document.add_paragraph("First.")
    document.add_paragraph("Second.")
    section = document.sections[0]
    section.header.paragraphs[0].text = "The header"
    section.footer.paragraphs[0].text = "The footer"
    section.first_page_header.paragraphs[0].text = "The header"
    element = {"footnotes": "footnote", "endnotes": "endnote", "comments": "comment"}[kind]
    lines = f'<w:{element} w:id="0" w:type="separator"><w:p>{run("----")}</w:p></w:{element}>'
    note = f'<w:{element} w:id="7"><w:p>{run("The note")}</w:p></w:{element}>'
    own = f'<w:{kind} xmlns:w="{WORD}">{lines}{note}</w:{kind}>'
    content_type = f"application/vnd.openxmlformats-officedocument.wordprocessingml.{kind}+xml"
    part = Part(PackURI(f"/word/own_{kind}.xml"), content_type, own.encode())
    document.part.relate_to(part, getattr(RELATIONSHIP_TYPE, kind.upper()))
    for _ in range(2):
        reference = docx.oxml.OxmlElement(f"w:{element}Reference")
        reference.set(docx.oxml.ns.qn("w:id"), "7")
        paragraph.runs[0]._r.append(reference)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["footnotes", "endnotes", "comments"])
def test_notes_headers_and_footers_of_a_docx(kind: str) -> None:
    """A note comes once, after its paragraph, and so does what stands on every page."""
    text = read(noted(kind), "a.docx").text

    parts = ["The header", "First.", "The note", "Second.", "The footer"]
    assert [part for part in text.split("\n") if part] == parts


# --- PDF ----------------------------------------------------------------------------------------


def pdf_with(*annotations: dict[str, Any], form: bool = True, pages: int = 1) -> bytes:
    """A PDF whose last page has these annotations."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(*["Page."] * pages))))
    made = ArrayObject()
    for one in annotations:
        made.append(writer._add_object(DictionaryObject(_named(one))))
    writer.pages[-1][NameObject("/Annots")] = made
    if form:
        writer.root_object[NameObject("/AcroForm")] = DictionaryObject(
            {NameObject("/Fields"): ArrayObject(made), NameObject("/XFA"): BooleanObject(True)}
        )
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def _named(given: dict[str, Any]) -> dict[NameObject, Any]:
    made: dict[NameObject, Any] = {}
    for key, value in given.items():
        if isinstance(value, dict):
            made[NameObject(key)] = DictionaryObject(_named(value))
        elif isinstance(value, list):
            made[NameObject(key)] = ArrayObject(
                ArrayObject(map(TextStringObject, one)) for one in value
            )
        elif isinstance(value, int):
            made[NameObject(key)] = NumberObject(value)
        elif value.startswith("/"):
            made[NameObject(key)] = NameObject(value)
        else:
            made[NameObject(key)] = TextStringObject(value)
    return made


def test_values_of_a_form_and_notes_of_a_pdf() -> None:
    """Each once, with the field's name; nothing that is hidden, empty or not chosen."""
    widget = {"/Subtype": "/Widget"}
    content = pdf_with(
        {**widget, "/FT": "/Tx", "/T": "name", "/V": "Ada Lovelace"},
        {**widget, "/FT": "/Tx", "/T": "name", "/V": "Ada Lovelace"},
        {**widget, "/FT": "/Tx", "/T": "empty", "/V": ""},
        {**widget, "/Parent": {"/FT": "/Tx", "/T": "street", "/TU": "Your street", "/V": "Ivy 1"}},
        {**widget, "/FT": "/Ch", "/T": "land", "/V": "de", "/Opt": [["de", "Germany"]]},
        {**widget, "/FT": "/Btn", "/T": "agree", "/AS": "/Yes"},
        {**widget, "/FT": "/Btn", "/T": "refuse", "/AS": "/Off"},
        {**widget, "/FT": "/Btn", "/T": "push", "/MK": {"/CA": "Send it"}},
        {"/Subtype": "/Text", "/Contents": "A sticky note"},
        {"/Subtype": "/Popup", "/Contents": "A sticky note"},
        {"/Subtype": "/FreeText", "/Contents": "Hidden", "/F": 2},
        {"/Subtype": "/Link", "/Contents": "A link"},
    )

    text, unread = read(content, "a.pdf")

    assert text.split("\n\n")[1:] == [
        "name: Ada Lovelace",
        "Your street: Ivy 1",
        "land: Germany",
        "agree: Yes",
        "push: Send it",
        "A sticky note",
        "",
    ]
    assert unread == ""


def test_what_of_a_pdf_cannot_be_read_is_told() -> None:
    """Pictures of text, a form of another kind, and files that are attached."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_with(pages=2))))
    writer.add_attachment("a.txt", b"attached")
    page = writer.add_blank_page(99, 99)
    picture = DictionaryObject({NameObject("/Subtype"): NameObject("/Image")})
    objects = DictionaryObject({NameObject("/Im1"): picture})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): objects})
    file = io.BytesIO()
    writer.write(file)

    text, unread = read(file.getvalue(), "a.pdf")

    assert text.count("Page.") == 2
    assert unread == (
        "the text in pictures of page 3; the form, which is of XFA; the files attached to it"
    )


# --- PPTX and XLSX ------------------------------------------------------------------------------


def test_the_slides_of_a_pptx() -> None:
    """In the order in which they are shown, titles first, with tables, notes and comments."""
    rows = "".join(
        "<a:tr>"
        + "".join(
            f"<a:tc><a:txBody><a:p><a:r><a:t>{one}</a:t></a:r></a:p></a:txBody></a:tc>"
            for one in row
        )
        + "</a:tr>"
        for row in ("ab", "12")
    )
    table = f"<p:graphicFrame><a:tbl>{rows}</a:tbl></p:graphicFrame>"
    content = pptx_of(
        slide(shape("Words\nand more"), shape("Bees", "title"), shape("Co. Ltd.", "ftr"), table),
        slide(shape("Wasps", "ctrTitle"), shape("Co. Ltd.", "ftr"), shape("2", "sldNum")),
        **{
            "ppt/slides/_rels/slide99.xml.rels": references(
                n="notesSlide=../notes.xml", c="comments=../comments.xml"
            ),
            "ppt/notes.xml": slide(shape("Said aloud"), shape("1", "sldNum"), root="notes"),
            "ppt/comments.xml": f'<p:cmLst xmlns:p="{OFFICE}/presentationml/2006/main"><p:cm>'
            "<p:text>Is it so?</p:text></p:cm></p:cmLst>".encode(),
        },
    )

    text, unread = read(content, "a.pptx")

    assert [part for part in text.split("\n") if part] == [
        *("# Bees", "Words", "and more", "Co. Ltd.", "a | b", "a: 1 | b: 2"),
        *("Said aloud", "Is it so?"),
        "# Wasps",
    ]
    assert unread == ""


def test_slides_and_shapes_that_are_hidden_are_left_out() -> None:
    """With the notes of the slide; what is not hidden is read."""
    hidden = shape("no").replace("<p:nvSpPr>", '<p:nvSpPr><p:cNvPr id="2" hidden="1"/>')
    content = pptx_of(
        slide(shape("no")).replace(b"<p:sld ", b'<p:sld show="0" '),
        slide(hidden, shape("yes")).replace(b"<p:sld ", b'<p:sld show="1" '),
        **{
            "ppt/slides/_rels/slide99.xml.rels": references(n="notesSlide=../notes.xml"),
            "ppt/notes.xml": slide(shape("no"), root="notes"),
        },
    )

    assert read(content, "a.pptx").text.split() == ["yes"]


def test_a_slide_that_is_broken_is_told() -> None:
    """The others are read."""
    text, unread = read(pptx_of(slide(shape("one")), b"<p:sld", slide(shape("three"))), "a.pptx")

    assert text.split() == ["one", "three"]
    assert unread == "broken slides (2)"


def test_the_rows_of_an_xlsx() -> None:
    """With their headers; days, times and percents as such; each sheet under its name."""
    main = f"{OFFICE}/spreadsheetml/2006/main"
    styles = (
        f'<styleSheet xmlns="{main}"><numFmts><numFmt numFmtId="164" formatCode="dd\\.mm\\.yyyy"/>'
        '<numFmt numFmtId="165" formatCode="[Red]0.0&quot; days&quot;"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="9"/><xf numFmtId="165"/>'
        '<xf numFmtId="20"/></cellXfs></styleSheet>'
    )
    strings = (
        f'<sst xmlns="{main}"><si><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></si>'
        "<si><r><t>Rich</t></r><r><t> text</t></r></si></sst>"
    )
    content = xlsx_of(
        {
            "Trips": sheet(
                ["All trips"],
                ["Town", "Day", "Share", "Left", "At", "Note"],
                [
                    '<c {0} t="s"><v>0</v></c>',
                    '<c {0} s="1"><v>45292</v></c>',
                    '<c {0} s="2"><v>0.125</v></c>',
                    '<c {0} s="3"><v>3</v></c>',
                    '<c {0} s="4"><v>0.5</v></c>',
                    '<c {0} t="b"><v>1</v></c>',
                ],
                ['<c {0} t="s"><v>1</v></c>', "<c {0}><f>A1</f></c>", "<c {0}><v>0.1</v></c>"],
            ),
            "Empty": sheet(),
        },
        **{"xl/styles.xml": styles.encode(), "xl/sharedStrings.xml": strings.encode()},
    )

    text, unread = read(content, "a.xlsx")

    assert text.strip().split("\n") == [
        "# Trips",
        "",
        "All trips",
        "Town | Day | Share | Left | At | Note",
        "Town: 東京 | Day: 2024-01-01 | Share: 12.5% | Left: 3 | At: 12:00:00 | Note: TRUE",
        "Town: Rich text | Share: 0.1",
    ]
    assert unread == "formulas without a stored value (1)"


def test_rows_and_columns_of_an_xlsx_that_are_hidden_are_left_out() -> None:
    """As hidden sheets are; no formula of theirs is told to be without a value."""
    rows = sheet(
        ["Town", "no", "no", "Left"],
        ["no", "no", "no", "no"],
        ["Paris", "<c {0}><f>A1</f></c>", 7, 8],
    )
    columns = b'<cols><col min="2" max="3" hidden="1"/><col min="4" max="4"/></cols><sheetData>'
    rows = rows.replace(b"<sheetData>", columns).replace(b'<row r="2"', b'<row r="2" hidden="1"')

    text, unread = read(xlsx_of({"Trips": rows}), "a.xlsx")

    assert text.strip().split("\n") == ["# Trips", "", "Town | Left", "Town: Paris | Left: 8"]
    assert unread == ""


@pytest.mark.parametrize(
    ("rows", "last"),
    [
        ("Country,2019,2020\nChad,1,2", "Country: Chad | 2019: 1 | 2020: 2"),
        (",2019/20,2020/21\nChad,1,2", "Chad | 2019/20: 1 | 2020/21: 2"),
        ("Town,2024-01,2024-02\nRome,1,", "Town: Rome | 2024-01: 1"),
        ("Name,Q1,Q1\nx,1,2", "Name: x | Q1: 1 | Q1: 2"),
        ("Berlin,3.7,1.2\nRome,2.8,1.1", "Rome | 2.8 | 1.1"),
        ("Berlin,37,12\nRome,28,11", "Rome | 28 | 11"),
        ("Berlin,1999,2001\nRome,1998,2002", "Rome | 1998 | 2002"),
        ("2019,2020\n1,2", "1 | 2"),
        ("Name:,Ada\nTown:,Rome", "Town: | Rome"),
    ],
)
def test_which_first_row_is_the_header(rows: str, last: str) -> None:
    """Names, also repeated ones, and periods; no row of values."""
    assert read(rows.encode(), "a.csv").text.strip().split("\n")[-1] == last


@pytest.mark.parametrize(
    ("content", "name", "text"),
    [
        ("a;b\nx;1\ny;2\n", "a.csv", "a | b\na: x | b: 1\na: y | b: 2\n"),
        (
            'name,note\nAda,"one, two\nthree"\n',
            "a.csv",
            "name | note\nname: Ada | note: one, two three\n",
        ),
        ("1,2\n3,4\n", "a.csv", "1 | 2\n3 | 4\n"),
        ("a\tb\nx\t\n\t9\n", "a.tsv", "a | b\na: x\nb: 9\n"),
        ("one column\nalone\n", "a.csv", "one column\nalone\n"),
        ("a,b\nx,1\n", "a.txt", "a,b\nx,1\n"),
        (json.dumps({"a": 'ü 東 😀 "\\u'}), "a.json", '{"a": "ü 東 😀 \\"\\\\u"}'),
    ],
)
def test_tables_and_json_of_plain_text(content: str, name: str, text: str) -> None:
    """Rows have their headers where there are any; letters stand for themselves."""
    assert read(content.encode(), name).text == text


def test_other_archives_are_refused_in_words() -> None:
    """Of those that look like a document, too."""
    for name in ("a.zip", "a.pptx", "a.odt"):
        with pytest.raises(UnreadableError, match="DOCX, PPTX and XLSX"):
            read(archive(a=b"x"), name)
    with pytest.raises(UnreadableError, match=r"not a PPTX, though"):
        read(b"text", "a.pptx")


def test_a_page_shows_what_a_browser_shows() -> None:
    """No element that attributes hide; values of fields, and what stands above words."""
    page = (
        '<p>one</p><div hidden>no<div>no</div>no</div><span style="color:red; display: none">no'
        '</span><div class="mt-2 hidden md:flex">two</div><input type="hidden" value="no">'
        "<input value='three'><input type=password value=no><dialog>no</dialog>"
        "<dialog open>four</dialog><ruby>漢<rt>かん</rt></ruby><datalist><option>no</datalist>"
        "<div style='visibility: Hidden'>no</div><pre hidden>no</pre>"
    )
    assert read(page.encode(), "a.html").text.split() == [
        "one",
        "two",
        "three",
        "four",
        "漢",
        "かん",
    ]


def test_lines_that_a_page_shows_as_they_are_written() -> None:
    """Those of a ``pre`` with their blanks, and no comment in it as a heading; no others."""
    page = "<p>a\nb</p><pre>if x &lt; <b>1</b>:\n    # no heading\n    y\n# nor this</pre><p>c\nd"
    text = "a b\n\nif x < 1:\n    # no heading\n    y\n # nor this\n\nc d"
    assert read(page.encode(), "a.html").text == text


def test_the_cells_of_a_page_are_parted_between_each_other() -> None:
    """No row begins with the sign that parts them, whatever tags are left out."""
    page = "<table><tr><th>a<th>b</tr><tr><td>1</td><td>2<table><td>3</table><td>4</table>"
    shown = [line.rstrip() for line in read(page.encode(), "a.html").text.split("\n")]
    assert [line for line in shown if line] == ["a | b", "1 | 2", "3", "4"]


# --- what the store tells ---------------------------------------------------------------------


def test_a_file_that_was_read_in_part_says_so() -> None:
    """It is completed and found; its error says what is missing."""
    content = pptx_of(slide(shape("Walrus")), b"<p:sld")
    with Engine(fresh("sqlite://"), Scripted([])) as engine:
        bench = Bench(engine)
        store = bench.store(a_pptx=content, b_txt="All of it.").id
        held = bench.file(store, "a.pptx")
        assert held.status == "completed"
        assert held.last_error is not None
        assert held.last_error.code == "unsupported_file"
        assert held.last_error.message == ("The file was read, except for broken slides (2).")
        assert bench.file(store, "b.txt").last_error is None
        assert bench.found(store, "walrus") == ["a.pptx"]
