"""Documents of all kinds, made as their own programs make them, and some that were made to harm."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Sequence

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
