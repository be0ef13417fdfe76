"""Reads an untrusted file in a process of its own, within limits.

Nothing of a file is parsed here, neither its first bytes nor its text: that is done in
``document_reader``. No database, no stores.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Final, NamedTuple

from assistants_client.engine.search.document_reader.chunking import Chunk
from assistants_client.engine.search.document_reader.program import ReadRequest

#: Characters of text that are read from one document, and bytes of a plain text or of HTML.
MAX_CHARACTERS: Final = 16_000_000
_MAX_LETTERS: Final = 4 * MAX_CHARACTERS
#: The longest text, in tokens.
MAX_TOKENS: Final = 2_000_000
#: Seconds of the processor and bytes of memory that reading one file may take, and bytes of its
#: output. A busy machine gives a reader part of its time: it may take longer by this factor.
SECONDS: Final = 120
_BUSY: Final = 2
MEMORY: Final = 1024 * 1024 * 1024
MAX_OUTPUT: Final = 256 * 1024 * 1024

#: Characters of a name's end, which has the ending, that are passed on.
_END_OF_NAME: Final = 20
_FOLDER: Final = Path(__file__).parent
#: Starts the reader without this process's environment, and without what the packages above it
#: would import: they are there by name alone.
_START: Final = """\
import json, sys, types
sys.path[:] = json.loads(sys.argv[1])
for name, folder in json.loads(sys.argv[2]).items():
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
from assistants_client.engine.search.document_reader.program import main
sys.exit(main(sys.argv[3]))
"""
_ABOVE: Final = {
    "assistants_client": str(_FOLDER.parents[1]),
    "assistants_client.engine": str(_FOLDER.parent),
    "assistants_client.engine.search": str(_FOLDER),
}
#: Signals that a file cannot cause: this process and its readers are stopped from outside.
_STOPPED: Final = frozenset({"SIGINT", "SIGTERM", "SIGHUP"})


class Extracted(NamedTuple):
    """The text of a file.

    Attributes:
        text: All of it that could be read.
        unread: What could not be read, in words; empty where that is nothing.
    """

    text: str
    unread: str = ""


class Passages(NamedTuple):
    """The passages of a file.

    Attributes:
        chunks: All of them that could be read, one at least.
        unread: What could not be read, in words; empty where that is nothing.
    """

    chunks: list[Chunk]
    unread: str = ""


class UnreadableError(Exception):
    """A file that no text can be read from.

    Attributes:
        code: ``unsupported_file``, ``invalid_file``, or ``server_error`` where it is not the cause.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ReaderStoppedError(Exception):
    """The reader was stopped from outside: the file is to be read again."""


def extract(file: IO[bytes], filename: str) -> Extracted:
    """Returns the text of a file, as a person sees it.

    Raises:
        UnreadableError: It has none, it cannot be read, or reading it takes too much.
        ReaderStoppedError: Somebody ended the process that read it.
    """
    [whole], unread = extract_passages(file, filename, MAX_TOKENS, 0)
    return Extracted(whole.text, unread)


def extract_passages(file: IO[bytes], filename: str, size: int, overlap: int) -> Passages:
    """Returns the passages of a file.

    Args:
        file: The file, a real one: another process reads it.
        filename: Its name: with its first bytes it decides the kind of file.
        size: Tokens of a passage, at most.
        overlap: Tokens that it shares with the next one.

    Raises:
        UnreadableError: It has none, it cannot be read, or reading it takes too much.
        ReaderStoppedError: Somebody ended the process that read it.
    """
    request = ReadRequest(
        parent=os.getpid(),
        name=filename[-_END_OF_NAME:],
        size=size,
        overlap=overlap,
        letters=_MAX_LETTERS,
        characters=MAX_CHARACTERS,
        tokens=MAX_TOKENS,
        seconds=SECONDS,
        memory=MEMORY,
        output=MAX_OUTPUT,
    )
    file.flush()
    file.seek(0)
    with tempfile.TemporaryFile() as output:
        status = _run(file, output, request)
        output.seek(0)
        try:
            if status == 0:
                found = [json.loads(line) for line in output]
                unread = found.pop()["unread"] if isinstance(found[-1], dict) else ""
                if found:
                    return Passages([Chunk(*one) for one in found], unread)
            last = json.loads(output.readlines()[-1])
            error = UnreadableError(last["code"], last["message"])
        except (ValueError, LookupError, TypeError):
            error = _error_of(status)
    raise error


def _run(file: IO[bytes], output: IO[bytes], request: ReadRequest) -> int:
    """Runs the reader; returns its exit status, or the negative number of the signal."""
    environment = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH") if name in os.environ}
    arguments = [json.dumps(sys.path), json.dumps(_ABOVE), json.dumps(request._asdict())]
    longest = _BUSY * SECONDS
    try:
        return subprocess.run(
            [sys.executable, "-I", "-c", _START, *arguments],
            stdin=file,
            stdout=output,
            stderr=subprocess.DEVNULL,
            timeout=longest,
            env=environment,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        message = f"The file could not be read within {longest} seconds."
        raise UnreadableError("invalid_file", message) from None
    except OSError as error:
        message = f"The reader of files cannot be started: {error}"
        raise UnreadableError("server_error", message) from error


def _error_of(status: int) -> UnreadableError:
    """Returns the error for a reader that ended without a message.

    Raises:
        ReaderStoppedError: The file was not the cause.
    """
    if status >= 0:
        message = f"The reader of files ended without a result (status {status})."
        return UnreadableError("server_error", message)
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if name in _STOPPED:
        raise ReaderStoppedError(f"The reader of files was ended by {name}.")
    if name == "SIGXCPU":
        why = f"reading it takes more than {SECONDS} seconds of the processor"
    else:
        why = f"its reader was ended by {name}"
    return UnreadableError("invalid_file", f"The file could not be read: {why}.")
