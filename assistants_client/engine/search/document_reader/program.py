"""The program: a file is its standard input, its passages are its standard output, one a line.

Each is a JSON array of the start, the text and the headings. Where it ends with the status 1, the
last line is an object with ``code`` and ``message`` instead: why there are none.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from assistants_client.engine.search.document_reader.chunking import Chunk, chunks, count_tokens
from assistants_client.engine.search.document_reader.pdfs import read_pdf
from assistants_client.engine.search.document_reader.plain_text import (
    HEAD,
    coding_of,
    kind_of,
    tidied,
)
from assistants_client.engine.search.document_reader.refusal import Refused
from assistants_client.engine.search.document_reader.web_pages import read_html
from assistants_client.engine.search.document_reader.word_documents import read_docx

#: How often it looks whether the process that started it is still there.
_LOOK_SECONDS: Final = 1.0


class Order(NamedTuple):
    """What the program is to do: its one argument, as JSON.

    Attributes:
        parent: The process that started it, and that it does not outlive.
        name: What the file is called.
        size: Tokens of a passage.
        overlap: Tokens that it shares with the next one.
        letters: Bytes of a file of plain text or HTML, at most.
        characters: Characters of text that are taken from a document, at most.
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
    order = Order(**json.loads(argument))
    _end_with(order.parent)
    _bound(order)
    code, message = "invalid_file", ""
    try:
        sys.stdout.buffer.writelines(_lines(sys.stdin.buffer, order))
    except Refused as error:
        code, message = error.code, str(error)
    except ImportError as error:
        code, message = "server_error", f"A library is missing: {error}"
    except MemoryError:
        bound = f"{order.memory // 1024**2} MiB"
        message = f"The file could not be read: reading it takes more than {bound} of memory."
    except RecursionError:
        message = "The file could not be read: it is nested too deep."
    except Exception as error:
        message = f"The file is broken: {type(error).__name__}: {error}"[:300]
    if message:
        told = json.dumps({"code": code, "message": message}) + "\n"
        sys.stdout.buffer.write(told.encode())
    sys.stdout.buffer.flush()
    if hasattr(signal, "setitimer"):
        # Python takes its handlers back before it ends; the timer's next signal would kill it then.
        signal.setitimer(signal.ITIMER_REAL, 0)
    return 1 if message else 0


def _lines(file: BinaryIO, order: Order) -> Iterator[bytes]:
    """The passages of a file, as they are written."""
    left = order.output
    for chunk in passages(file, order):
        line = (json.dumps(chunk, ensure_ascii=False) + "\n").encode("utf-8", "replace")
        left -= len(line)
        if left < 0:
            raise Refused("The file is too long: its passages take too much room.")
        yield line


def passages(file: BinaryIO, order: Order) -> Iterator[Chunk]:
    """The passages of a file.

    Raises:
        Refused: It cannot be read.
    """
    text, is_headed = _text(file, order)
    tokens = count_tokens(text)
    if tokens > order.tokens:
        raise Refused(f"The file has {tokens} tokens; at most {order.tokens} are allowed.")
    yield from chunks(text, order.size, order.overlap, has_headings=is_headed)


def _text(file: BinaryIO, order: Order) -> tuple[str, bool]:
    """The text, and whether its lines may be headings, as in Markdown."""
    head = file.read(HEAD)
    kind = kind_of(head, order.name)
    if kind == "pdf":
        return tidied(_joined(read_pdf(file), order.characters)), False
    if kind == "docx":
        return tidied(_joined(read_docx(file), order.characters)), True
    coding = coding_of(head)
    size = file.seek(0, os.SEEK_END)
    if size > order.letters:
        raise Refused(f"The file is too long: {size} bytes; at most {order.letters} are read.")
    file.seek(0)
    text = file.read().decode(coding, errors="replace")
    if kind == "html":
        return tidied(_joined(read_html(text), order.characters)), True
    return tidied(text), kind == "markdown"


def _joined(pieces: Iterator[str], characters: int) -> str:
    taken, left = [], characters
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise Refused(f"The file is too long: over {characters} characters of text.")
        if piece:
            taken.append(piece)
    return "".join(taken)


def _end_with(parent: int) -> None:
    """Ends this program when its parent is gone: nobody would read what comes of it."""
    if not hasattr(signal, "setitimer"):
        return  # on Windows, which does not tell whether a parent is gone

    def look(*_: object) -> None:
        if os.getppid() != parent:
            os._exit(1)

    # A timer, since a thread would take address space, which is bounded.
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)


def _bound(order: Order) -> None:
    try:
        import resource
    except ImportError:
        return  # not on Windows, where the time alone is bounded, by who started this program
    bounds = {
        resource.RLIMIT_CPU: (order.seconds, order.seconds + 1),
        resource.RLIMIT_AS: (order.memory, order.memory),
        resource.RLIMIT_FSIZE: (order.output + HEAD, order.output + HEAD),
        resource.RLIMIT_CORE: (0, 0),
    }
    for which, (soft, hard) in bounds.items():
        try:
            resource.setrlimit(which, (soft, hard))
        except (ValueError, OSError):
            continue  # some systems know the bound, and do not let it be set
    os.nice(5)  # those who wait for an answer come first
