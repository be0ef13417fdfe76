"""A database that is unavailable for the moment: its errors as refusals, and its missing file.

Requests are refused with 503 then: nothing was written, and the same request may be sent again.
How long an outage is waited for is outages.py's. No SQL, and no library of any database.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, TypeVar

from assistants_client.engine.faults import Fault

T = TypeVar("T")

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


class OutageError(Fault):
    """503: the database's server is away for the moment, as when it is started again."""


class OutOfReachError(OutageError):
    """503: nothing answers where the database's server should be."""


class InterruptedTransactionError(OutageError):
    """503: the server went away within a transaction, of which nothing is stored."""


class CommitInDoubtError(Fault):
    """500: the server went away within a commit: nobody knows whether it was made."""

    def __init__(self) -> None:
        super().__init__(
            500,
            "The connection to the database was lost while a change was committed: it may have "
            "been made, or not. Look before you make it again.",
            type="server_error",
        )


#: What is said of a PostgreSQL server, when to retry, and what it is: an outage is waited for.
_Said: TypeAlias = tuple[str, int, type[Fault]]
_OUT_OF_REACH: Final[_Said] = ("its server cannot be reached", _SOON, OutOfReachError)
_RESTARTING: Final[_Said] = ("its server is stopping or starting", _SOON, OutageError)
_NO_CONNECTION: Final[_Said] = (
    "its server has no connection left (max_connections). Let it have more, or each process fewer: "
    "Engine(pool_size=…), ASSISTANTS_POOL_SIZE or --pool-size",
    _LATER,
    OutageError,
)
_NOT_LET_IN: Final[_Said] = (
    "its server does not let in who is named (user, password, pg_hba.conf)",
    _LATER,
    Fault,
)
#: PostgreSQL's errors, by the beginnings of their codes.
_POSTGRESQL: Final[Mapping[str, _Said]] = {
    "55P03": (_BUSY, _SOON, Fault),
    "57014": (
        "its server has cancelled a statement, as it does with those that take too long; "
        "Engine(statement_timeout=…), ASSISTANTS_STATEMENT_TIMEOUT or --statement-timeout gives "
        "more seconds",
        _LATER,
        Fault,
    ),
    "08": _OUT_OF_REACH,
    "57P": _RESTARTING,
    "25P03": ("its server has ended the transaction, which took too long", _SOON, OutageError),
    "53300": _NO_CONNECTION,
    "53": ("its server has no room or memory left", _LATER, Fault),
    "25006": ("its server may only be read", _LATER, Fault),
    "28": _NOT_LET_IN,
    "3D000": ("its server has no such database", _LATER, Fault),
}
#: Of a connection that was not made the driver has the server's words only, and no code.
_REFUSED: Final[Mapping[str, _Said]] = {
    "too many": _NO_CONNECTION,
    "connection slots": _NO_CONNECTION,
    "is starting up": _RESTARTING,
    "is shutting down": _RESTARTING,
    "in recovery mode": _RESTARTING,
    "not yet accepting": _RESTARTING,
    "password": _NOT_LET_IN,
    "authentication failed": _NOT_LET_IN,
    "pg_hba.conf": _NOT_LET_IN,
    "not permitted to log in": _NOT_LET_IN,
    "does not exist": ("its server has no such database or user", _LATER, Fault),
}


def unavailable(why: str, retry_after: int = _LATER, kind: type[Fault] = Fault) -> Fault:
    """Returns the refusal of a request that needs the database while it is unavailable."""
    message = f"The database cannot be used at the moment: {why}. Nothing was changed."
    return kind(503, message, type="server_error", retry_after=retry_after)


def exhausted(pool_size: int) -> Fault:
    """Returns the refusal of a request for which no connection of this process was free in time."""
    return unavailable(
        f"all {pool_size} connections that this process may have were in use for longer than a "
        "request may wait. Engine(pool_size=…), ASSISTANTS_POOL_SIZE or --pool-size gives more, as "
        "far as the server has them",
        _SOON,
    )


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
    words = str(error)
    if code is not None:
        said = _found(_POSTGRESQL, code.startswith)
    elif not type(error).__module__.startswith("psycopg"):
        plain = _found(_SQLITE, words.__contains__)
        if plain is not None:
            return unavailable(*plain)
        said = None
    else:
        # It has no code where there was no server to give one, or none that let it in.
        is_lost = is_lost or type(error).__name__ == "OperationalError"
        said = _found(_REFUSED, words.__contains__) if is_lost else None
    if said is None and is_lost:
        said = _OUT_OF_REACH
    if said is None:
        return None
    return unavailable(*said)


def interrupted(outage: OutageError) -> InterruptedTransactionError:
    """Returns the refusal of a transaction that an outage has interrupted."""
    return InterruptedTransactionError(
        outage.status, outage.message, type=outage.type, retry_after=outage.retry_after
    )


def _found(table: Mapping[str, T], fits: Callable[[str], bool]) -> T | None:
    return next((said for name, said in table.items() if fits(name)), None)


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
