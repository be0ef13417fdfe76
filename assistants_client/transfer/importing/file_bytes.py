"""Where the bytes of files are found: beside an archive, and in a folder that is named."""

from __future__ import annotations

import gzip
import os
from bisect import bisect_left
from pathlib import Path
from typing import Final

from attrs import frozen

from assistants_client.transfer.archive import file_path, files_folder

#: What the first line of an archive has in it, and how much of it is read to see that.
_ARCHIVE: Final = b'"object":"export"'
_BEGINNING: Final = 4096


@frozen
class FoundBytes:
    """A file with bytes: its path, and the name of the file as far as the path has it."""

    path: Path
    filename: str


class ByteSources:
    """Finds the bytes of files.

    Args:
        directory: A folder with files named by their ids, by id and extension, by id, ``_`` and
            name, or by their names alone, where only one has that name. Links are not followed.
    """

    def __init__(self, directory: Path | None) -> None:
        self._folders: list[Path] = []
        self._paths: dict[str, list[Path]] = {}
        if directory is not None:
            for folder, _, names in os.walk(directory):
                for name in names:
                    path = Path(folder, name)
                    if path.is_file() and not path.is_symlink():
                        self._paths.setdefault(name, []).append(path)
        self._names = sorted(self._paths)

    def add_archive(self, archive: Path) -> None:
        """Adds the folder that belongs to an archive, which may have been packed since."""
        for path in (archive, archive.with_suffix("") if archive.suffix == ".gz" else archive):
            folder = files_folder(path)
            if folder.is_dir() and folder not in self._folders:
                self._folders.append(folder)

    def find(self, file_id: str, filename: str | None) -> FoundBytes | None:
        """Returns where the bytes of a file are."""
        for folder in self._folders:
            path = file_path(folder, file_id)
            if path.is_file() and not path.is_symlink():
                return FoundBytes(path, filename or file_id)
        found = self._paths.get(file_id)
        if found is not None and len(found) == 1:
            return FoundBytes(found[0], filename or file_id)
        for mark in "._":
            start = bisect_left(self._names, f"{file_id}{mark}")
            if start < len(self._names) and self._names[start].startswith(f"{file_id}{mark}"):
                name = self._names[start]
                own = name.removeprefix(f"{file_id}_") if mark == "_" else name
                return FoundBytes(self._paths[name][0], filename or own)
        found = self._paths.get(filename or "")
        if filename and found is not None and len(found) == 1:
            return FoundBytes(found[0], filename)
        return None


def is_archive(path: Path) -> bool:
    """Returns whether a file is an archive of ``assistants export``."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
        if beginning[:2] == b"\x1f\x8b":
            with gzip.open(path) as unpacked:
                beginning = unpacked.read(_BEGINNING)
    except (OSError, EOFError):
        return False
    return _ARCHIVE in beginning.partition(b"\n")[0]
