"""A database that is unavailable for the moment: its errors as refusals, and its missing file.

Requests are refused with 503 then: nothing was written, and the same request may be sent again.
No SQL, and no library of any database.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Final

from assistants_client.engine.faults import Fault

#: When to retry, in seconds: a writer is busy for moments; what people mend takes longer.
_SOON: Final = 1
_LATER: Final = 10

#: Bytes that every SQLite file begins with.
_HEAD: Final = 100
_BUSY: Final = "another program or process has kept it busy for longer than a request may wait"
#: SQLite's errors, by what is in their messages: Python 3.10 has no codes.
_SQLITE: Final[Mapping[str, tuple[str, int]]] = {
    "is locked": (_BUSY, _SOON),
    "readonly database": ("it may only be read", _LATER),
    "is full": ("there is no space left", _LATER),
    "disk I/O error": ("its disk answers with errors", _LATER),
    "unable to open database file": ("its file cannot be opened", _LATER),
    "malformed": ("its file is damaged", _LATER),
    "not a database": ("its file is no database any more", _LATER),
}
#: PostgreSQL's, by the beginnings of their codes.
_POSTGRESQL: Final[Mapping[str, tuple[str, int]]] = {
    "55P03": (_BUSY, _SOON),
    "08": ("its server cannot be reached", _SOON),
    "57P": ("its server is stopping or starting", _SOON),
    "25P03": ("its server has ended the transaction, which took too long", _SOON),
    "53": ("its server has no room, memory or connections left", _LATER),
    "25006": ("its server may only be read", _LATER),
}


def unavailable(why: str, retry_after: int = _LATER) -> Fault:
    """Returns the refusal of a request that needs the database while it is unavailable."""
    message = f"The database cannot be used at the moment: {why}. Nothing was changed."
    return Fault(503, message, type="server_error", retry_after=retry_after)


def busy() -> Fault:
    """Returns the refusal of a request that has waited for long enough."""
    return unavailable(_BUSY, _SOON)


def closed() -> Fault:
    """Returns the refusal of a request that comes while the engine closes."""
    return unavailable("the engine that has it open is closing", _SOON)


def is_busy(error: object) -> bool:
    """Returns whether a driver's error means that another program has the database locked."""
    return "is locked" in str(error) or getattr(error, "sqlstate", None) == "55P03"


def fault_of(error: BaseException, *, is_lost: bool) -> Fault | None:
    """Returns the refusal for a driver's error; ``None`` where the error is a mistake of ours.

    Args:
        error: The driver's own error.
        is_lost: Whether its connection is lost with it.
    """
    code = getattr(error, "sqlstate", None)
    if code is None and type(error).__module__.startswith("psycopg"):
        # It has no code where there was no server to give one.
        is_lost = is_lost or type(error).__name__ == "OperationalError"
    if code is not None:
        found = next((_POSTGRESQL[one] for one in _POSTGRESQL if code.startswith(one)), None)
    else:
        words = str(error)
        found = next((_SQLITE[one] for one in _SQLITE if one in words), None)
    if found is None and is_lost:
        found = _POSTGRESQL["08"]
    return None if found is None else unavailable(*found)


def wrong_directory(path: str) -> str | None:
    """Returns what is wrong with the directory of an SQLite file, if that is to blame."""
    if path.startswith("file:"):
        return None
    directory = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(directory):
        return f"the directory {directory} does not exist"
    if not os.access(directory, os.W_OK):  # SQLite keeps files of its own beside the database
        return f"the directory {directory} cannot be written to"
    return None


class DatabaseFile:
    """The file of an SQLite database that is open.

    A file that is deleted or replaced goes on taking writes from those who have it open, and all of
    them are lost when they close it.

    Args:
        path: The path of the file.
        has_log: Whether writes go to a log beside it first.
    """

    def __init__(self, path: str, *, has_log: bool) -> None:
        self._path = path
        self._paths = [path, f"{path}-wal"] if has_log else [path]
        self._identities = [_identity(os.stat(one)) for one in self._paths]

    def check(self, *, writes: bool) -> None:
        """Checks that what is written now is still there tomorrow.

        Args:
            writes: Whether anything is to be written.

        Raises:
            Fault: It would not be.
        """
        try:
            found = [os.stat(one) for one in self._paths]
        except OSError:
            raise unavailable(
                f"a file of it, {self._path}, was deleted or moved away, or cannot be reached. "
                "Stop all that use it, restore it, and start again"
            ) from None
        if [_identity(one) for one in found] != self._identities or found[0].st_size < _HEAD:
            raise unavailable(
                f"its file {self._path} was replaced or emptied. Start again whatever has it open"
            )
        mode = found[0].st_mode
        if writes and not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            raise unavailable(f"its file {self._path} was made read-only")


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
