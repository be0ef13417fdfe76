"""A file and its form fields as one multipart body, read while it is sent: memory stays flat.

No requests and no classes of the protocol belong here.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, cast

from assistants_client.errors import AssistantsError, InvalidRequestError

#: A path, the bytes themselves, or a file opened for reading bytes.
FileContent: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO"
_Content: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO"
#: The same, or a pair: the file's name on the server, and its content.
FileSource: TypeAlias = "FileContent | tuple[str, FileContent]"
#: Called with the bytes sent so far and their total.
Progress: TypeAlias = Callable[[int, int], object]

#: Large enough that sending costs little, small enough for memory and progress.
_BLOCK: Final = 1024 * 1024
#: The hint for text in the place of a path.
_CONTENT: Final = "; for a file's content give bytes, as with text.encode(), and filename="


class ProgressFailedError(AssistantsError):
    """The error of ``progress``, wrapped: unwrapped it might look like a connection error."""

    def __init__(self, error: Exception) -> None:
        super().__init__("progress failed")
        self.error = error


def check_progress(progress: object) -> None:
    """Validates the callback before anything is sent.

    Raises:
        InvalidRequestError: It cannot be called.
    """
    if progress is not None and not callable(progress):
        raise InvalidRequestError(
            f"progress: expected a function (sent, total), got {type(progress).__name__}",
            path="progress",
        )


class MultipartBody:
    """The body, to be iterated once for each try.

    Args:
        source: The file to upload.
        filename: Its name on the server, else taken from the source; bytes have none.
        fields: The other form fields.
        progress: Called as the file is sent.

    Raises:
        InvalidRequestError: There is no such file, it is empty or not opened for bytes, its size
            cannot be determined, or it has no name; or ``progress`` cannot be called.
    """

    def __init__(
        self,
        source: FileSource,
        *,
        filename: str | None,
        fields: Mapping[str, str],
        progress: Progress | None = None,
    ) -> None:
        check_progress(progress)
        self._source, name_in_pair = _unpaired(source)
        self._progress = progress
        self.size, self._start = _measured(self._source)
        boundary = uuid.uuid4().hex
        name = filename or name_in_pair or _name_of(self._source)
        if not self.size:  # the refusal of servers does not name the file
            why = "was read to its end; seek(0) goes back" if self._start else "is empty"
            raise InvalidRequestError(f"file: {name!r} {why}", path="file")
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        ]
        parts.append(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{_quoted(name)}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        # A name on disk need not be valid text.
        self._head = "".join(parts).encode("utf-8", "replace")
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers: Mapping[str, str | None] = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(self._head) + self.size + len(self._tail)),
        }

    def __iter__(self) -> Iterator[bytes]:
        """Yields the body in blocks; once more from the start for another try.

        Raises:
            InvalidRequestError: The file is shorter now than it was, or cannot be read again.
            ProgressFailedError: ``progress`` raised.
        """
        yield self._head
        sent = 0
        blocks = self._blocks()
        while True:
            try:
                block = next(blocks, b"")
            except (OSError, ValueError) as error:  # gone, unreadable, or closed
                # An OSError would look like a connection error.
                raise InvalidRequestError(f"file: cannot be read: {error}", path="file") from error
            if not block:
                break
            yield block
            sent += len(block)
            if self._progress is not None:
                try:
                    self._progress(sent, self.size)
                except Exception as error:
                    raise ProgressFailedError(error) from error
        if sent < self.size:
            raise InvalidRequestError(
                f"file: {sent} bytes could be read where {self.size} were announced", path="file"
            )
        yield self._tail

    def _blocks(self) -> Iterator[bytes]:
        if isinstance(self._source, bytes):
            view = memoryview(self._source)
            for start in range(0, self.size, _BLOCK):
                yield bytes(view[start : start + _BLOCK])
        elif isinstance(self._source, (str, os.PathLike)):
            with open(self._source, "rb") as file:
                yield from _read(file, self.size)
        else:
            self._source.seek(self._start)
            yield from _read(self._source, self.size)


def _read(file: BinaryIO, left: int) -> Iterator[bytes]:
    while left > 0 and (block := file.read(min(_BLOCK, left))):
        left -= len(block)
        yield block


def _unpaired(source: FileSource) -> tuple[_Content, str]:
    """Returns the content, and its name where a pair gives one."""
    name = ""
    if isinstance(source, tuple):
        pair: tuple[object, ...] = source
        if len(pair) != 2 or not isinstance(pair[0], str) or not pair[0]:
            raise InvalidRequestError(
                "file: a tuple is a pair, the file's name and its content: ('report.pdf', content)",
                path="file",
            )
        name, source = source
    if isinstance(source, (bytearray, memoryview)):
        source = bytes(source)
    upload: Any = source
    if not hasattr(upload, "tell") and hasattr(upload, "filename") and hasattr(upload, "file"):
        # As FastAPI, Bottle and Pyramid give it: a file, and its name beside.
        return upload.file, name or upload.filename or ""
    return source, name


def _measured(source: _Content) -> tuple[int, int]:
    """Returns the number of bytes, and the offset at which they start."""
    if isinstance(source, bytes):
        return len(source), 0
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        try:
            is_directory, is_file = path.is_dir(), path.is_file()
        except (OSError, ValueError) as error:  # too long, or with characters that no path has
            raise InvalidRequestError(
                f"file: this cannot be a path{_CONTENT}", path="file"
            ) from error
        if is_directory:
            raise InvalidRequestError(f"file: {str(path)!r} is a directory", path="file")
        if not is_file:
            hint = _CONTENT if not str(path).isprintable() else ""
            raise InvalidRequestError(f"file: there is no file {str(path)!r}{hint}", path="file")
        return path.stat().st_size, 0
    try:
        start = source.tell()
        source.seek(0, os.SEEK_END)  # not every kind of file returns where that is
        size = source.tell() - start
        source.seek(start)
        is_binary = isinstance(source.read(0), bytes)
    except (AttributeError, OSError) as error:
        raise InvalidRequestError(
            f"file: expected a path, bytes, a seekable file opened for reading bytes, or a pair of "
            f"a name and one of them, got {type(source).__name__}",
            path="file",
        ) from error
    except ValueError as error:
        why = "it is closed; open it again" if getattr(source, "closed", False) else str(error)
        raise InvalidRequestError(f"file: {why}", path="file") from error
    if not is_binary:
        raise InvalidRequestError("file: open it for reading bytes, mode 'rb'", path="file")
    return size, start


def _name_of(source: _Content) -> str:
    named: object = source
    if not isinstance(source, (str, os.PathLike)):
        # Of an upload to a Flask view, name is that of the form's field.
        named = getattr(source, "filename" if hasattr(source, "filename") else "name", None)
    name = Path(cast("str", named)).name if isinstance(named, (str, os.PathLike)) else ""
    if not name:
        raise InvalidRequestError(
            "filename: needed where the file has no name, as in the pair ('report.pdf', content)",
            path="filename",
        )
    return name


def _quoted(name: str) -> str:
    """Returns a file name as browsers write it into the header."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
