"""The text of a file: what kind of file it is, how its letters are coded, what it says.

Plain text is read here. What takes more (HTML, PDF, DOCX) is read in a process of its own, which
is stopped when it takes too long or too much: files may be made to harm. No database, no stores.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import IO, Final

from charset_normalizer import from_bytes

#: Characters of text that are taken from one file.
MAX_CHARACTERS: Final = 16_000_000
#: Seconds and bytes of memory that reading one file may take.
SECONDS: Final = 120
MEMORY: Final = 2 * 1024 * 1024 * 1024

#: Larger plain text is not read at all, in bytes.
_MAX_PLAIN: Final = 4 * MAX_CHARACTERS
_HEAD: Final = 64 * 1024
_READER: Final = Path(__file__).with_name("document_reader.py")
#: Tells the reader where its libraries are: it is started without this process's environment.
_START: Final = (
    "import json, runpy, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
)
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HTML_START: Final = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I
)
_HTML_CHARSET: Final = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
_GAP: Final = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
_HTML_NAMES: Final = (".html", ".htm", ".xhtml")
_MARKDOWN_NAMES: Final = (".md", ".markdown", ".mdx")
_CONTROL: Final = frozenset(range(32)) - {7, 8, 9, 10, 11, 12, 13, 27}


class UnreadableError(Exception):
    """A file that no text can be had from.

    Attributes:
        code: ``unsupported_file``, ``invalid_file``, or ``server_error`` where it is not its fault.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def extract(file: IO[bytes], filename: str) -> tuple[str, bool]:
    """The text of a file, and whether its lines may be headings, as in Markdown.

    Args:
        file: The file, a real one: another process may read it.
        filename: What it is called: with its first bytes it tells of what kind it is.

    Raises:
        UnreadableError: It has none, or it cannot be read.
    """
    file.seek(0)
    head = file.read(_HEAD)
    name = filename.lower()
    if not head:
        raise UnreadableError("invalid_file", "The file is empty.")
    if b"%PDF-" in head[:1024]:
        text, is_headed = _read(file, "pdf"), False
    elif head.startswith(b"PK\x03\x04"):
        _require_docx(file)
        text, is_headed = _read(file, "docx"), True
    elif name.endswith(".pdf"):
        raise UnreadableError("invalid_file", "The file is not a PDF, though its name says so.")
    elif name.endswith(".docx"):
        raise UnreadableError("invalid_file", "The file is not a DOCX, though its name says so.")
    else:
        encoding = _encoding(head)
        if name.endswith(_HTML_NAMES) or _HTML_START.match(head):
            text, is_headed = _read(file, "html", encoding), True
        else:
            text, is_headed = _plain(file, encoding), name.endswith(_MARKDOWN_NAMES)
    # NUL is text in Python but not in every database.
    text = text.replace("\x00", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")
    text = _GAP.sub("\n\n", text).lstrip("\n")
    if not text.strip():
        raise UnreadableError("invalid_file", "The file contains no text.")
    return text, is_headed


def _encoding(head: bytes) -> str:
    """How a file's letters are coded.

    Raises:
        UnreadableError: It does not look like text at all.
    """
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    if _CONTROL & set(head):
        message = "The file is not text, and of no kind that can be read (PDF, DOCX, HTML)."
        raise UnreadableError("unsupported_file", message)
    named = _HTML_CHARSET.search(head)
    if named is not None:
        try:
            return codecs.lookup(named[1].decode("ascii")).name
        except LookupError:
            pass  # it says something else, or nothing that is known
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        best = from_bytes(head).best()
        return "latin-1" if best is None else best.encoding
    return "utf-8"


def _plain(file: IO[bytes], encoding: str) -> str:
    size = file.seek(0, os.SEEK_END)
    if size > _MAX_PLAIN:
        raise UnreadableError("invalid_file", f"The file is too long: {size} bytes of text.")
    file.seek(0)
    return file.read().decode(encoding, errors="replace")


def _require_docx(file: IO[bytes]) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError):
        raise UnreadableError("invalid_file", "The file is broken: no archive.") from None
    if "word/document.xml" not in names:
        message = "Archives and office files other than DOCX cannot be read."
        raise UnreadableError("unsupported_file", message)


def _read(file: IO[bytes], kind: str, encoding: str = "") -> str:
    """Has a file read by another process, within bounds."""
    known = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH") if name in os.environ}
    limits = [str(MAX_CHARACTERS), str(SECONDS), str(MEMORY)]
    begin = [sys.executable, "-I", "-c", _START, json.dumps(sys.path), str(_READER)]
    file.flush()
    file.seek(0)
    try:
        done = subprocess.run(
            [*begin, kind, encoding, *limits],
            stdin=file,
            capture_output=True,
            timeout=SECONDS,
            env=known,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"The file could not be read within {SECONDS} seconds."
        raise UnreadableError("invalid_file", message) from None
    except OSError as error:
        message = f"The reader of files cannot be started: {error}"
        raise UnreadableError("server_error", message) from error
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "replace")
    try:
        told = json.loads(done.stderr.decode("utf-8", "replace").splitlines()[-1])
        raise UnreadableError(told["code"], told["message"])
    except (ValueError, LookupError, TypeError):
        message = "The file could not be read: reading it takes too much, or it is broken."
        raise UnreadableError("invalid_file", message) from None
