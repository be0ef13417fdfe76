"""Detects the kind of a file and its character encoding, and normalizes its text.

Nothing of any document format belongs here; a text of any kind is normalized the same way.
"""

from __future__ import annotations

import codecs
import re
from typing import Final, Literal, TypeAlias

from assistants_client.engine.search.document_reader.refusal import Refused

Kind: TypeAlias = Literal["pdf", "office", "html", "markdown", "json", "table", "plain"]

#: Bytes of a file from which its kind and encoding are detected.
HEAD: Final = 64 * 1024

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLANKS: Final = re.compile(rb"\s*")
_HTML_START: Final = re.compile(rb"<(?:!doctype\s{1,99}html|html|head|body)\b", re.IGNORECASE)
_CHARSET: Final = re.compile(
    rb"charset\s{0,99}=\s{0,99}[\"']?\s{0,99}([\w.:-]{1,40})", re.IGNORECASE
)
#: Codecs of Python in which no file is written.
_NO_ENCODINGS: Final = frozenset({"punycode", "idna", "unicode-escape", "raw-unicode-escape"})
_HTML_NAMES: Final = (".html", ".htm", ".xhtml")
_MARKDOWN_NAMES: Final = (".md", ".markdown", ".mdx")
_JSON_NAMES: Final = (".json", ".jsonl", ".ndjson", ".ipynb", ".geojson")
_TABLE_NAMES: Final = (".csv", ".tsv")
#: By the ends of names, of what is text.
_KINDS: Final[tuple[tuple[tuple[str, ...], Kind], ...]] = (
    (_MARKDOWN_NAMES, "markdown"),
    (_JSON_NAMES, "json"),
    (_TABLE_NAMES, "table"),
)
_OFFICE: Final = ("docx", "pptx", "xlsx")
_CONTROL: Final = frozenset(range(32)) - {7, 8, 9, 10, 11, 12, 13, 27}
#: Escapes of letters in JSON, one or two, which may be halves of one; and any other escape.
_ESCAPE: Final = re.compile(r"(\\u[0-9a-fA-F]{4}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?)|\\[^u]")
_LAST_ASCII: Final = 0x7F
#: Without a group that is repeated: each time would take memory.
_GAP: Final = re.compile(r"\n[ \t\n]*\n")


def kind_of(head: bytes, name: str) -> Kind:
    """Returns the kind of a file.

    Raises:
        Refused: It is empty, or not of the kind that its name says.
    """
    name = name.lower()
    if not head:
        raise Refused("The file is empty.")
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return "office"
    for ending in ("pdf", *_OFFICE):
        if name.endswith(f".{ending}"):
            article = "an" if ending == "xlsx" else "a"
            raise Refused(f"The file is not {article} {ending.upper()}, though its name says so.")
    if name.endswith(_HTML_NAMES) or _begins_as_html(head):
        return "html"
    for names, kind in _KINDS:
        if name.endswith(names):
            return kind
    return "plain"


def _begins_as_html(head: bytes) -> bool:
    """Returns whether an HTML page begins here, after any comments."""
    place = _after_blanks(head, 0)
    while head.startswith(b"<!--", place):
        end = head.find(b"-->", place)
        if end < 0:
            return False
        place = _after_blanks(head, end + 3)
    return _HTML_START.match(head, place) is not None


def _after_blanks(head: bytes, place: int) -> int:
    found = _BLANKS.match(head, place)
    return place if found is None else found.end()


def encoding_of(head: bytes) -> str:
    """Returns the character encoding of a file.

    Raises:
        Refused: It does not look like text at all.
    """
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    if _CONTROL & set(head):
        message = (
            "The file is not text, and of no kind that can be read (PDF, DOCX, PPTX, XLSX, HTML)."
        )
        raise Refused(message, "unsupported_file")
    named = _declared_encoding(head)
    if named:
        return named
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes  # only what is needed is loaded

        best = from_bytes(head).best()
        return "latin-1" if best is None else best.encoding
    return "utf-8"


def _declared_encoding(head: bytes) -> str:
    """Returns the encoding that a page declares; empty where there is none, or an unknown one."""
    lower = head.lower()
    start = lower.find(b"<meta")
    while start >= 0:
        end = lower.find(b">", start)
        end = len(head) if end < 0 else end
        found = _CHARSET.search(head, start, end)
        if found is not None:
            return _known_encoding(found[1].decode("ascii"))
        start = lower.find(b"<meta", end)
    return ""


def _known_encoding(name: str) -> str:
    try:
        encoding = codecs.lookup(name).name
        b"a".decode(encoding)  # some turn bytes into bytes
    except (LookupError, ValueError):
        return ""
    return "" if encoding.replace("_", "-") in _NO_ENCODINGS else encoding


def unescaped(text: str) -> str:
    """Returns a text of JSON in which letters stand for themselves, and not as escapes."""
    return _ESCAPE.sub(_letter, text) if "\\u" in text else text


def _letter(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[0]  # a sign that is escaped by itself, such as a backslash
    letters = bytes.fromhex(found[1].replace("\\u", "")).decode("utf-16-be", "replace")
    return letters if letters.isalpha() or ord(letters[0]) > _LAST_ASCII else found[0]


def normalized(text: str) -> str:
    """Returns a text with one kind of line end, and without gaps of many lines.

    Raises:
        Refused: It has nothing but white space.
    """
    # NUL is text in Python but not in every database.
    text = text.replace("\x00", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")
    text = _GAP.sub(_narrowed, text).lstrip("\n")
    if not text or text.isspace():
        raise Refused("The file contains no text.")
    return text


def _narrowed(gap: re.Match[str]) -> str:
    return gap[0] if gap[0].count("\n") == 2 else "\n\n"
