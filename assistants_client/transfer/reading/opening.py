"""Finds the files behind a path: the file itself, those of a folder, the members of an archive.

Nothing is written: what is compressed is read as it unfolds. Links are not followed.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final

from attrs import frozen

from assistants_client.transfer.reading.options import SourceError

#: Members of one archive.
MEMBERS: Final = 100_000
#: Bytes of all members together, unfolded.
UNFOLDED: Final = 64 * 1024**3
#: How many bytes may come of one, for members above ``SMALL``; more is made to fill a disk.
RATIO: Final = 500
SMALL: Final = 64 * 1024**2

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
#: Names of files that can be sources, where they were not named one by one.
_SUFFIXES = frozenset((".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".sql", ".txt"))
_DIGITS = re.compile("([0-9]+)")


@frozen
class SourceFile:
    """A file that can be opened.

    Attributes:
        name: Its name as it was given; members of archives as ``ARCHIVE/MEMBER``.
        is_named: It was named itself, and not a folder or archive that it is in.
        path: The file on disk.
        archive: The archive that it is a member of.
        member: Its name there.
    """

    name: str
    is_named: bool
    path: Path
    archive: zipfile.ZipFile | None = None
    member: str = ""

    @contextmanager
    def opened(self) -> Iterator[io.BufferedIOBase]:
        """Opens it for its bytes, unfolded."""
        stream: Any
        with self.archive.open(self.member) if self.archive else self.path.open("rb") as stream:
            if not stream.seekable():
                yield stream
                return
            head = stream.read(2)
            stream.seek(0)
            if head == _GZIP:
                with gzip.open(stream) as unfolded:
                    yield unfolded
            else:
                yield stream


@frozen
class Group:
    """The files behind one path.

    Attributes:
        name: The path, as it was given.
        files: Those that can be sources.
        others: The number of files that are none, by their names.
        archive: The archive that they are members of; open until ``close``.
    """

    name: str
    files: list[SourceFile]
    others: int = 0
    archive: zipfile.ZipFile | None = None

    def close(self) -> None:
        """Closes the archive."""
        if self.archive is not None:
            self.archive.close()


def group_of(given: str | os.PathLike[str]) -> Group:
    """Returns the files behind a path.

    Raises:
        SourceError: It is missing, is no file or folder, holds nothing, or is an archive whose
            members are not to be opened.
    """
    name = os.fspath(given)
    path = Path(name)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return _folder(name, path)
        if not stat.S_ISREG(mode):
            return Group(name, [SourceFile(name, True, path)])
        with path.open("rb") as stream:
            head = stream.read(4)
    except FileNotFoundError:
        raise SourceError(f"{name}: there is no such file or folder") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise SourceError(f"{name}: cannot be opened: {why}") from error
    if head in _ZIP:
        return _archive(name, path)
    return Group(name, [SourceFile(name, True, path)])


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which ``page_2`` comes before ``page_10``."""
    return [
        (int(part), "") if part.isdecimal() and part.isascii() else (-1, part)
        for part in _DIGITS.split(name)
    ]


def _can_be_source(parts: tuple[str, ...]) -> bool:
    """Returns whether a name below a folder may be a source: files of an archive are none."""
    *folders, last = parts
    if any(part.startswith((".", "__MACOSX")) or part.endswith(".files") for part in folders):
        return False
    plain = last.lower().removesuffix(".gz")
    return not last.startswith(".") and PurePosixPath(plain).suffix in _SUFFIXES


def _folder(name: str, path: Path) -> Group:
    found, others = list[SourceFile](), 0
    for folder, _, names in os.walk(path):
        for one in names:
            inner = Path(folder, one)
            below = inner.relative_to(path)
            if _can_be_source(below.parts) and inner.is_file() and not inner.is_symlink():
                shown = f"{name.rstrip('/')}/{below.as_posix()}"
                found.append(SourceFile(shown, False, inner))
            else:
                others += 1
    if not found:
        raise SourceError(
            f"{name}: no file in this folder is JSON, NDJSON, CSV or SQL by its name "
            f"({others} others): name the files themselves"
        )
    return Group(name, sorted(found, key=lambda one: _natural(one.name)), others)


def _archive(name: str, path: Path) -> Group:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise SourceError(f"{name}: is a damaged zip archive ({error}): unpack it first") from error
    try:
        return _members(name, path, archive)
    except SourceError:
        archive.close()
        raise


def _members(name: str, path: Path, archive: zipfile.ZipFile) -> Group:
    members = [one for one in archive.infolist() if not one.is_dir()]
    if len(members) > MEMBERS:
        raise SourceError(
            f"{name}: has {len(members):,} members, and no more than {MEMBERS:,} are read: "
            "unpack it first"
        )
    found, size = list[SourceFile](), 0
    for one in members:
        _check_member(name, one)
        size += one.file_size
        if _can_be_source(PurePosixPath(one.filename).parts):
            shown = f"{name}/{one.filename}"
            found.append(SourceFile(shown, False, path, archive, one.filename))
    if size > UNFOLDED:
        raise SourceError(
            f"{name}: unfolds to {size:,} bytes, and no more than {UNFOLDED:,} are read: "
            "unpack it first"
        )
    if not found:
        what = "an office document or a package" if _is_document(members) else "a zip archive"
        raise SourceError(
            f"{name}: is {what}, and none of its {len(members)} members is JSON, NDJSON, CSV or "
            "SQL by its name: name the files themselves"
        )
    found.sort(key=lambda file: _natural(file.name))
    return Group(name, found, len(members) - len(found), archive)


def _is_document(members: list[zipfile.ZipInfo]) -> bool:
    names = {one.filename for one in members}
    return "[Content_Types].xml" in names or "META-INF/MANIFEST.MF" in names


def _check_member(name: str, member: zipfile.ZipInfo) -> None:
    """Refuses members that no export has, and that are made to do harm."""
    inner = member.filename
    path = PurePosixPath(inner.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or inner[1:3] in {":\\", ":/"}:
        raise SourceError(f"{name}: a member's name leads out of the archive, so none is read")
    if member.flag_bits & 1:
        raise SourceError(f"{name}: is encrypted: unpack it first")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise SourceError(f"{name}: a member is a link, so none is read: unpack it first")
    if member.file_size > SMALL and member.file_size > RATIO * max(member.compress_size, 1):
        raise SourceError(
            f"{name}: a member unfolds to more than {RATIO} times its size, so none is read"
        )
