"""The reader program: a file is its standard input, its passages its standard output, one a line.

Each is a JSON array of the start, the text and the headings. Where parts of the file could not be
read, the last line is an object with ``unread``, which says what. Where it ends with the status 1,
the last line is an object with ``code`` and ``message`` instead: why there are none.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, NamedTuple

from assistants_client.engine.search.document_reader.chunking import Chunk, chunks, count_tokens
from assistants_client.engine.search.document_reader.office_archives import OfficeArchive
from assistants_client.engine.search.document_reader.pdfs import read_pdf
from assistants_client.engine.search.document_reader.plain_text import (
    HEAD,
    encoding_of,
    kind_of,
    normalized,
    unescaped,
)
from assistants_client.engine.search.document_reader.presentations import read_pptx
from assistants_client.engine.search.document_reader.refusal import Refused
from assistants_client.engine.search.document_reader.table_rows import read_table
from assistants_client.engine.search.document_reader.web_pages import read_html
from assistants_client.engine.search.document_reader.word_documents import read_docx
from assistants_client.engine.search.document_reader.workbooks import read_xlsx

#: Characters that tell what could not be read, at most.
_MAX_UNREAD: Final = 400
#: Seconds between two checks whether the process that started it is still there.
_CHECK_SECONDS: Final = 1.0


class ReadRequest(NamedTuple):
    """The program's one argument, as JSON: the file's name, the sizes of passages, the limits.

    Attributes:
        parent: The process that started it, and that it does not outlive.
        name: The file's name.
        size: Tokens of a passage.
        overlap: Tokens that it shares with the next one.
        letters: Bytes of a file of plain text or HTML, at most.
        characters: Characters of text that are read from a document, at most.
        tokens: Tokens of the text, at most.
        seconds: Of the processor, at most.
        memory: Bytes of memory, at most.
        output: Bytes of passages, at most.
    """

    parent: int
    name: str
    size: int
    overlap: int
    letters: int
    characters: int
    tokens: int
    seconds: int
    memory: int
    output: int


def main(argument: str) -> int:
    """Writes the passages of the file, or why there are none; returns the exit status."""
    request = ReadRequest(**json.loads(argument))
    with _exiting_with(request.parent):
        return _read(request)


def _read(request: ReadRequest) -> int:
    _set_limits(request)
    code, message = "invalid_file", ""
    try:
        sys.stdout.buffer.writelines(_lines(sys.stdin.buffer, request))
    except Refused as error:
        code, message = error.code, str(error)
    except ImportError as error:
        code, message = "server_error", f"A library is missing: {error}"
    except MemoryError:
        bound = f"{request.memory // 1024**2} MiB"
        message = f"The file could not be read: reading it takes more than {bound} of memory."
    except RecursionError:
        message = "The file could not be read: it is nested too deep."
    except Exception as error:
        message = f"The file is broken: {type(error).__name__}: {error}"[:300]
    if message:
        error_line = json.dumps({"code": code, "message": message}) + "\n"
        sys.stdout.buffer.write(error_line.encode())
    sys.stdout.buffer.flush()
    if hasattr(signal, "setitimer"):
        # Python takes its handlers back before it ends; the timer's next signal would kill it then.
        signal.setitimer(signal.ITIMER_REAL, 0)
    return 1 if message else 0


def _lines(file: BinaryIO, request: ReadRequest) -> Iterator[bytes]:
    """Yields the passages of a file, as they are written, and what of it could not be read."""
    left = request.output
    unread: list[str] = []
    for chunk in passages(file, request, unread):
        line = _line(chunk)
        left -= len(line)
        if left < 0:
            raise Refused("The file is too long: its passages take too much room.")
        yield line
    if unread:
        yield _line({"unread": "; ".join(unread)[:_MAX_UNREAD]})


def _line(document: object) -> bytes:
    return (json.dumps(document, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def passages(file: BinaryIO, request: ReadRequest, unread: list[str]) -> Iterator[Chunk]:
    """Yields the passages of a file.

    Args:
        file: The file.
        request: The request.
        unread: What cannot be read of it is added here.

    Raises:
        Refused: None of it can be read.
    """
    text, is_headed = _text(file, request, unread)
    tokens = count_tokens(text)
    if tokens > request.tokens:
        raise Refused(f"The file has {tokens} tokens; at most {request.tokens} are allowed.")
    yield from chunks(text, request.size, request.overlap, has_headings=is_headed)


def _text(file: BinaryIO, request: ReadRequest, unread: list[str]) -> tuple[str, bool]:
    """Returns the text, and whether its lines may be headings, as in Markdown."""
    head = file.read(HEAD)
    kind = kind_of(head, request.name)
    if kind in ("pdf", "office"):
        pieces = read_pdf(file, unread) if kind == "pdf" else _office_text(file, unread)
        joined = _joined(pieces, request.characters)
        if unread and not joined.strip():
            raise Refused(f"The file contains no text but {'; '.join(unread)}."[:_MAX_UNREAD])
        return normalized(joined), kind == "office"
    encoding = encoding_of(head)
    size = file.seek(0, os.SEEK_END)
    if size > request.letters:
        raise Refused(f"The file is too long: {size} bytes; at most {request.letters} are read.")
    file.seek(0)
    text = file.read().decode(encoding, errors="replace")
    if kind == "html":
        return normalized(_joined(read_html(text), request.characters)), True
    if kind == "json":
        text = unescaped(text)
    if kind == "table":
        text = _with_headers(text, request)
    return normalized(text), kind == "markdown"


def _with_headers(text: str, request: ReadRequest) -> str:
    """Returns a table with a header in each row; the table as it is where that is too long."""
    rows = read_table(text)
    try:
        named = text if rows is None else _joined(rows, request.characters)
    except Refused:
        return text
    return named if count_tokens(named) <= request.tokens else text


def _office_text(file: BinaryIO, unread: list[str]) -> Iterator[str]:
    with OfficeArchive(file) as archive:
        if archive.kind == "docx":
            yield from read_docx(archive, unread)
        elif archive.kind == "pptx":
            yield from read_pptx(archive, unread)
        elif archive.kind == "xlsx":
            yield from read_xlsx(archive, unread)
        else:
            message = "Archives and office files other than DOCX, PPTX and XLSX cannot be read."
            raise Refused(message, "unsupported_file")


def _joined(pieces: Iterator[str], characters: int) -> str:
    taken, left = [], characters
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise Refused(f"The file is too long: over {characters} characters of text.")
        if piece:
            taken.append(piece)
    return "".join(taken)


@contextmanager
def _exiting_with(parent: int) -> Iterator[None]:
    """Has this program exit when its parent is gone: nobody would read its output."""
    if not hasattr(signal, "setitimer"):
        yield  # on Windows, which does not report that a parent is gone
        return

    def check(*_: object) -> None:
        if os.getppid() != parent:
            os._exit(1)

    # A timer, since a thread would take address space, which is bounded.
    signal.signal(signal.SIGALRM, check)
    signal.setitimer(signal.ITIMER_REAL, _CHECK_SECONDS, _CHECK_SECONDS)
    yield
    # As the interpreter ends, its handlers are gone before its timers are.
    signal.setitimer(signal.ITIMER_REAL, 0)


def _set_limits(request: ReadRequest) -> None:
    try:
        import resource
    except ImportError:
        return  # not on Windows, where the time alone is bounded, by the parent
    bounds = {
        resource.RLIMIT_CPU: (request.seconds, request.seconds + 1),
        resource.RLIMIT_AS: (request.memory, request.memory),
        resource.RLIMIT_FSIZE: (request.output + HEAD, request.output + HEAD),
        resource.RLIMIT_CORE: (0, 0),
    }
    for which, (soft, hard) in bounds.items():
        try:
            resource.setrlimit(which, (soft, hard))
        except (ValueError, OSError):
            continue  # some systems have the bound, and do not let it be set
    os.nice(5)  # those who wait for an answer come first
