"""The reader program: a file is its standard input, its passages its standard output, one a line.

Each is a JSON array of the start, the text and the headings. Where it ends with the status 1, the
last line is an object with ``code`` and ``message`` instead: why there are none.
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
from assistants_client.engine.search.document_reader.pdfs import read_pdf
from assistants_client.engine.search.document_reader.plain_text import (
    HEAD,
    encoding_of,
    kind_of,
    normalized,
)
from assistants_client.engine.search.document_reader.refusal import Refused
from assistants_client.engine.search.document_reader.web_pages import read_html
from assistants_client.engine.search.document_reader.word_documents import read_docx

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
    """Yields the passages of a file, as they are written."""
    left = request.output
    for chunk in passages(file, request):
        line = (json.dumps(chunk, ensure_ascii=False) + "\n").encode("utf-8", "replace")
        left -= len(line)
        if left < 0:
            raise Refused("The file is too long: its passages take too much room.")
        yield line


def passages(file: BinaryIO, request: ReadRequest) -> Iterator[Chunk]:
    """Yields the passages of a file.

    Raises:
        Refused: It cannot be read.
    """
    text, is_headed = _text(file, request)
    tokens = count_tokens(text)
    if tokens > request.tokens:
        raise Refused(f"The file has {tokens} tokens; at most {request.tokens} are allowed.")
    yield from chunks(text, request.size, request.overlap, has_headings=is_headed)


def _text(file: BinaryIO, request: ReadRequest) -> tuple[str, bool]:
    """Returns the text, and whether its lines may be headings, as in Markdown."""
    head = file.read(HEAD)
    kind = kind_of(head, request.name)
    if kind == "pdf":
        return normalized(_joined(read_pdf(file), request.characters)), False
    if kind == "docx":
        return normalized(_joined(read_docx(file), request.characters)), True
    encoding = encoding_of(head)
    size = file.seek(0, os.SEEK_END)
    if size > request.letters:
        raise Refused(f"The file is too long: {size} bytes; at most {request.letters} are read.")
    file.seek(0)
    text = file.read().decode(encoding, errors="replace")
    if kind == "html":
        return normalized(_joined(read_html(text), request.characters)), True
    return normalized(text), kind == "markdown"


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
