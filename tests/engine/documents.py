"""Documents of all kinds, made as their own programs make them, and some that were made to harm."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape

import docx
from fpdf import FPDF
from pypdf import PdfReader, PdfWriter


def pdf(*pages: str) -> bytes:
    """A PDF of these pages."""
    made = FPDF()
    made.set_font("Helvetica", size=12)
    for page in pages:
        made.add_page()
        made.multi_cell(0, text=page)
    return bytes(made.output())


def locked_pdf(text: str, password: str) -> bytes:
    """A PDF that is opened with a password."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(text))))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def docx_of(title: str, *paragraphs: str, table: Sequence[Sequence[str]] = ()) -> bytes:
    """A DOCX with a heading, paragraphs and perhaps a table."""
    document = docx.Document()
    document.add_heading(title, level=1)
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    if table:
        made = document.add_table(rows=0, cols=len(table[0]))
        for row in table:
            for cell, text in zip(made.add_row().cells, row, strict=True):
                cell.text = text
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def docx_with(body: str, before: str = "") -> bytes:
    """A DOCX with this body, as XML; its elements are named ``w:…``."""
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    whole = f'{before}<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>'
    return _docx([whole.encode()])


def docx_bomb(megabytes: int) -> bytes:
    """A DOCX whose text takes so much room once it is unpacked, and next to none before."""
    return _docx(b" " * 1024 * 1024 for _ in range(megabytes))


OFFICE = "http://schemas.openxmlformats.org"
_TYPES = f"{OFFICE}/officeDocument/2006/relationships"
_RELS = f'<Relationships xmlns="{OFFICE}/package/2006/relationships">{{}}</Relationships>'


def references(**kinds: str) -> bytes:
    """A part with references to others: their kinds by their ids, with their names after ``=``."""
    return _RELS.format(
        "".join(
            f'<Relationship Id="{name}" Type="{_TYPES}/{one.partition("=")[0]}" '
            f'Target="{one.partition("=")[2]}"/>'
            for name, one in kinds.items()
        )
    ).encode()


def shape(text: str, kind: str = "body") -> str:
    """A shape of a slide, as XML, with a paragraph for each line."""
    lines = "".join(f"<a:p><a:r><a:t>{escape(one)}</a:t></a:r></a:p>" for one in text.split("\n"))
    holder = f'<p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>'
    return f"<p:sp>{holder}<p:txBody>{lines}</p:txBody></p:sp>"


def slide(*shapes: str, root: str = "sld") -> bytes:
    """A slide of these shapes."""
    names = f'xmlns:p="{OFFICE}/presentationml/2006/main" xmlns:a="{OFFICE}/drawingml/2006/main"'
    tree = f"<p:cSld><p:spTree>{''.join(shapes)}</p:spTree></p:cSld>"
    return f"<p:{root} {names}>{tree}</p:{root}>".encode()


def pptx_of(*slides: bytes, **parts: bytes) -> bytes:
    """A PPTX of these slides, in this order, and further parts by their names."""
    ids = "".join(f'<p:sldId r:id="s{number}"/>' for number in range(len(slides)))
    names = f'xmlns:p="{OFFICE}/presentationml/2006/main" xmlns:r="{_TYPES}"'
    main = f"<p:presentation {names}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>"
    # The names of their parts are in another order.
    files = {f"s{number}": f"slides/slide{99 - number}.xml" for number in range(len(slides))}
    return archive(
        **{
            "_rels/.rels": references(r1="officeDocument=ppt/presentation.xml"),
            "ppt/presentation.xml": main.encode(),
            "ppt/_rels/presentation.xml.rels": references(
                **{name: f"slide={file}" for name, file in files.items()}
            ),
            **{f"ppt/{file}": one for file, one in zip(files.values(), slides, strict=True)},
        },
        **parts,
    )


def sheet(*rows: Sequence[str | float]) -> bytes:
    """A sheet of these rows; a text that begins with ``<`` is the XML of its cell."""
    written = ""
    for number, row in enumerate(rows, 1):
        cells = ""
        for column, value in enumerate(row):
            place = f'r="{chr(ord("A") + column)}{number}"'
            if isinstance(value, str) and value.startswith("<"):
                cells += value.format(place)
            elif isinstance(value, str):
                cells += f'<c {place} t="inlineStr"><is><t>{escape(value)}</t></is></c>'
            else:
                cells += f"<c {place}><v>{value}</v></c>"
        written += f'<row r="{number}">{cells}</row>'
    main = f"{OFFICE}/spreadsheetml/2006/main"
    return f'<worksheet xmlns="{main}"><sheetData>{written}</sheetData></worksheet>'.encode()


def xlsx_of(sheets: Mapping[str, bytes], **parts: bytes) -> bytes:
    """An XLSX of these sheets by their names, and further parts by theirs."""
    listed = "".join(f'<sheet name="{name}" r:id="{name}"/>' for name in sheets)
    names = f'xmlns="{OFFICE}/spreadsheetml/2006/main" xmlns:r="{_TYPES}"'
    book = f"<workbook {names}><sheets>{listed}</sheets></workbook>"
    kinds = {name: f"worksheet=worksheets/{number}.xml" for number, name in enumerate(sheets)}
    kinds["styles"], kinds["strings"] = "styles=styles.xml", "sharedStrings=sharedStrings.xml"
    return archive(
        **{
            "_rels/.rels": references(r1="officeDocument=xl/workbook.xml"),
            "xl/workbook.xml": book.encode(),
            "xl/_rels/workbook.xml.rels": references(**kinds),
            **{f"xl/worksheets/{number}.xml": one for number, one in enumerate(sheets.values())},
        },
        **parts,
    )


def _docx(document: Iterable[bytes]) -> bytes:
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(docx_of("x"))) as source,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        for name in source.namelist():
            if name != "word/document.xml":
                target.writestr(name, source.read(name))
        with target.open("word/document.xml", "w", force_zip64=True) as file:
            for piece in document:
                file.write(piece)
    return made.getvalue()


def pdf_bomb(megabytes: int) -> bytes:
    """A PDF whose one page takes so much room once it is unpacked."""
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(b"(a) Tj\n" * 150_000) for _ in range(megabytes))
    packed += packer.flush()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << >> >>",
        b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed),
    ]
    made, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    made += b"xref\n0 5\n0000000000 65535 f \n" + table
    made += b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n" % (made.index(b"xref\n0 5"))
    return made + b"%%EOF"


def archive(**files: bytes) -> bytes:
    """A ZIP of these files."""
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return made.getvalue()
