"""From bytes to text: encodings, bytes that are none, and files that end in the middle."""

from __future__ import annotations

import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

#: Bytes that are looked at to tell what a file is.
HEAD: Final = 64 * 1024
_PIECE: Final = 256 * 1024
#: Marks at the beginning, the longer one first where one begins another.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def encoding_of(head: bytes) -> tuple[str, int]:
    """Returns the encoding that the first bytes show, and the length of their mark.

    Without a mark it is UTF-8, save where each second byte is NUL, as in JSON in UTF-16.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    if len(head) > 3 and head[1] == head[3] == 0 and head[0] and head[2]:
        return "utf-16-le", 0
    if len(head) > 3 and head[0] == head[2] == 0 and head[1] and head[3]:
        return "utf-16-be", 0
    return "utf-8", 0


class TextFile:
    """The text of a file, piece by piece.

    Args:
        stream: The bytes, from their beginning.

    Attributes:
        head: The first characters of it.
        head_bytes: The first bytes of it, as they stand.
        has_other_bytes: Bytes that are no text in its encoding were replaced.
        is_cut: Its compressed form ends in the middle.
    """

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self.has_other_bytes: bool = False
        self.is_cut: bool = False
        self.head_bytes: bytes = self._read(HEAD)
        self._encoding, self._mark = encoding_of(self.head_bytes)
        decoder = codecs.getincrementaldecoder(self._encoding)("replace")
        self.head: str = decoder.decode(self.head_bytes[self._mark :])

    def _read(self, size: int) -> bytes:
        """Reads so many bytes, or to the end; of a damaged compressed file what comes before."""
        found = b""
        while len(found) < size and not self.is_cut:
            try:
                # One step at a time: a read of all drops what it has when it meets the damage.
                more = self._stream.read1(size - len(found))
            except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile):
                self.is_cut = True
                break
            if not more:
                break
            found += more
        return found

    def pieces(self) -> Iterator[str]:
        """Yields the text from its beginning; to be called once."""
        decoder = codecs.getincrementaldecoder(self._encoding)("strict")
        piece = self.head_bytes[self._mark :]
        while piece:
            yield self._decoded(decoder, piece, final=False)
            piece = self._read(_PIECE)
        rest = self._decoded(decoder, b"", final=True)
        if rest:
            yield rest

    def _decoded(self, decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool) -> str:
        try:
            return decoder.decode(piece, final)
        except UnicodeDecodeError:
            self.has_other_bytes = True
            decoder.errors = "replace"
            return decoder.decode(piece, final)
