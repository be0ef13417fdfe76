"""The archive: what a server stores, as lines of JSON, and the bytes of files beside.

An archive is a text file in UTF-8, one JSON object a line, keys sorted and no spaces between::

    {"object":"export","source":{"kind":"engine"},"version":1}
    {"id":"asst_1","object":"assistant",...}
    {"id":"file-1","object":"file",...}
    {"id":"vs_1","object":"vector_store",...}
    {"id":"file-1","object":"vector_store.file","vector_store_id":"vs_1",...}
    {"id":"thread_1","object":"thread",...}
    {"id":"msg_1","object":"thread.message","thread_id":"thread_1",...}
    {"id":"run_1","object":"thread.run","thread_id":"thread_1",...}
    {"id":"step_1","object":"thread.run.step","run_id":"run_1","thread_id":"thread_1",...}
    {"counts":{"assistant":1,...},"object":"export.end","sha256":"..."}

Assistants, files, vector stores and threads stand in the order of their times and, within a second,
of their ids; the files of a store behind it; behind a thread its messages, oldest first, and its
runs, oldest first, each followed by its steps. The last line counts the lines between by their
``object``, and has the SHA-256 of all lines before it; a file without it was cut. No line says when
the archive was made: the same objects make the same bytes.

The bytes of files stand in the folder ``NAME.files`` beside the file ``NAME``, each under the name
that :func:`file_path` returns. While an archive is written it is called ``NAME.part``. What was
begun there is gone on with: the last thread in it may not be complete, and is written again.

Nothing here knows a server.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, TypeAlias
from urllib.parse import quote

from assistants_client.errors import AssistantsError

VERSION: Final = 1
#: The ``object`` of the first and of the last line.
FIRST: Final = "export"
LAST: Final = "export.end"

Document: TypeAlias = dict[str, Any]

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
#: A longer name would be too long for some file systems.
_LONGEST_NAME: Final = 200


class ArchiveError(AssistantsError):
    """An archive cannot be written, or not be read."""


def canonical(document: Mapping[str, Any]) -> str:
    """Returns the JSON text of an object on one line: keys sorted, no spaces.

    Raises:
        ValueError: A number in it is none that JSON has.
    """
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    # Halves of surrogate pairs have no form in UTF-8.
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def files_folder(archive: Path) -> Path:
    """Returns the folder of an archive's files: ``backup.ndjson.files`` of ``backup.ndjson``."""
    return archive.with_name(f"{archive.name}.files")


def file_path(folder: Path, file_id: str) -> Path:
    """Returns where the bytes of a file stand: under its id.

    Characters of an id that not every file system takes are percent-encoded, and a very long one
    has its SHA-256 as its name.
    """
    encoded = file_id.encode("utf-8", "surrogatepass")
    name = quote(encoded, safe=" ()+,;=@")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if len(name) > _LONGEST_NAME:
        name = hashlib.sha256(encoded).hexdigest()
    return folder / name


def save_bytes(folder: Path, file_id: str, blocks: Iterable[bytes]) -> int:
    """Writes the bytes of a file under a temporary name, renames it, and returns their number."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{uuid.uuid4().hex}.part"
    size = 0
    try:
        with partial.open("xb") as file:
            for block in blocks:
                size += file.write(block)
        partial.replace(file_path(folder, file_id))
    finally:
        partial.unlink(missing_ok=True)
    return size


class ArchiveWriter:
    """Writes an archive, or goes on with one that was begun.

    Args:
        path: The finished archive; one that is there is replaced once this one is complete.
        source: Where the objects come from, without a time in it.
        options: What else the first line says, such as ``{"since": 1700000000}``.

    Attributes:
        counts: The lines written so far by their ``object``, those of an earlier beginning too.
        done: The ids of the threads that an earlier beginning has whole.
        has_head: Whether that has all that stands before the threads.

    Raises:
        ArchiveError: It cannot be written there, or another export was begun there.
    """

    def __init__(
        self, path: Path, source: Mapping[str, Any], options: Mapping[str, Any] | None = None
    ) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self.done: set[str] = set()
        self.has_head: bool = False
        self._partial = path.with_name(f"{path.name}.part")
        self._sha256 = hashlib.sha256()
        first = {"object": FIRST, "version": VERSION, "source": dict(source), **(options or {})}
        line = f"{canonical(first)}\n".encode()
        try:
            self._file: IO[bytes] = os.fdopen(
                os.open(self._partial, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666),
                "r+b",
            )
        except OSError as error:
            raise ArchiveError(f"{self._partial} cannot be written: {error.strerror}") from error
        try:
            _lock(self._file, self._partial)
            self._resume(line)
        except BaseException:
            self._file.close()
            raise

    def _resume(self, first: bytes) -> None:
        """Reads what was begun, cuts its last thread off, and stands at its end."""
        begun = self._file.readline()
        if begun != first:
            if begun.endswith(b"\n"):
                was = begun[:300].decode(errors="replace").strip()
                raise ArchiveError(
                    f"{self._partial} is the beginning of another export, {was}, and not of "
                    f"{first.decode().strip()}; delete it, or choose another name"
                )
            self._file.seek(0)
            self._file.truncate()
            self._file.write(first)
            self._sha256.update(first)
            return
        self._sha256.update(first)
        # What is known to be whole: everything before the last line that begins a thread.
        end = len(first)
        threads: list[str] = []
        kept, counts, sha256 = end, self.counts.copy(), self._sha256.copy()
        for line in self._file:
            document = _document(line)
            if document is None or document["object"] == LAST:
                break
            if document["object"] == "thread":
                kept, counts, sha256 = end, self.counts.copy(), self._sha256.copy()
                threads.append(str(document.get("id")))
            self._sha256.update(line)
            self.counts[document["object"]] += 1
            end += len(line)
        self.counts, self._sha256 = counts, sha256
        self.has_head = bool(threads)
        self.done = set(threads[:-1])
        self._file.seek(kept)
        self._file.truncate()

    def head(self) -> Iterator[Document]:
        """Yields what an earlier beginning has before the threads."""
        with self._partial.open("rb") as file:
            file.readline()
            for line in file:
                document = _document(line)
                if document is None or document["object"] == "thread":
                    return
                yield document

    def write(self, document: Mapping[str, Any]) -> None:
        """Writes one object of the protocol, with its ``object``."""
        line = f"{canonical(document)}\n".encode()
        self._file.write(line)
        self._sha256.update(line)
        self.counts[document["object"]] += 1

    @contextmanager
    def whole_thread(self) -> Iterator[None]:
        """Within the context a thread is written with what is in it; an error takes it all back."""
        start, counts, sha256 = self._file.tell(), self.counts.copy(), self._sha256.copy()
        try:
            yield
        except BaseException:
            self._file.seek(start)
            self._file.truncate()
            self.counts, self._sha256 = counts, sha256
            raise
        self._file.flush()

    def finish(self) -> None:
        """Writes the last line, and gives the archive its name."""
        last = {
            "object": LAST,
            "counts": dict(self.counts),
            "sha256": self._sha256.hexdigest(),
        }
        self._file.write(f"{canonical(last)}\n".encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._partial, self.path)

    def close(self) -> None:
        """Leaves what was begun, to be gone on with."""
        self._file.close()


def read_archive(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """Yields the objects of an archive, without its first and its last line.

    Raises:
        ArchiveError: It is none, or it was cut or changed; what was yielded is its beginning.
    """
    sha256 = hashlib.sha256()
    if not Path(path).is_file():
        raise ArchiveError(f"{path} cannot be read: there is no such file")
    with Path(path).open("rb") as file:
        first = file.readline()
        begun = _document(first) or {}
        if begun.get("object") != FIRST:
            raise ArchiveError(f"{path} is no archive: its first line is not that of an export")
        if begun.get("version") != VERSION:
            raise ArchiveError(
                f"{path} has the version {begun.get('version')!r}, and this is for {VERSION}"
            )
        sha256.update(first)
        for number, line in enumerate(file, 2):
            document = _document(line)
            if document is None:
                raise ArchiveError(f"{path}: line {number} was cut, or cannot be read")
            if document["object"] == LAST:
                if document.get("sha256") != sha256.hexdigest():
                    raise ArchiveError(f"{path} was changed: its SHA-256 is not that of its end")
                return
            sha256.update(line)
            yield document
    raise ArchiveError(f"{path} was cut: its last line is not that of an export's end")


def _document(line: bytes) -> Document | None:
    """Returns the object of a whole line with an ``object``; ``None`` of any other."""
    if not line.endswith(b"\n"):
        return None
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("object"), str):
        return None
    return document


def _lock(file: IO[bytes], path: Path) -> None:
    """Holds the file until it is closed; another export may be writing it.

    Raises:
        ArchiveError: One is.
    """
    try:
        import fcntl  # not on Windows, where nothing is held
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ArchiveError(f"{path} is being written by another export") from error
