"""The connections of one process to an open database: places, outages, errors as refusals.

Where nothing was sent yet, a transaction begins once the server is back. What each transaction is
for is not known here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy
from attrs import define, field
from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import DBAPIError

from assistants_client.engine.faults import Fault
from assistants_client.engine.storage.engines import Access, Begin
from assistants_client.engine.storage.outages import PAUSE, Reports, open_transactions
from assistants_client.engine.storage.store_faults import (
    CommitInDoubtError,
    OutageError,
    OutOfReachError,
    busy,
    closed,
    exhausted,
    fault_of,
    interrupted,
)

#: After so many seconds that a place was waited for, the log says so.
_LONG: Final = 5.0

_log = logging.getLogger(__name__)


@define(eq=False)
class Connections:
    """The connections of one process; each is one transaction's at a time.

    Args:
        engine: SQLAlchemy's.
        begin: Begins the transaction of a connection.
        most: How many there may be; ``None`` is any number.

    Attributes:
        outage: The outage of the server that somebody waits for to be over.
        is_closed: True once nothing is to be waited for any more.
    """

    engine: sqlalchemy.Engine
    begin: Begin
    most: int | None = None
    outage: Fault | None = field(default=None, init=False)
    is_closed: bool = field(default=False, init=False)
    _places: threading.Semaphore = field(init=False)
    _exhaustion: Reports = field(factory=Reports, init=False)
    _outages: Reports = field(factory=Reports, init=False)

    def __attrs_post_init__(self) -> None:
        self._places = threading.Semaphore(self.most or 0)

    @contextmanager
    def transaction(self, until: float, access: Access) -> Iterator[Progress]:
        """Opens a transaction, which the end of the block commits.

        Args:
            until: For how long to wait, by ``time.monotonic``: for one of the connections, for the
                server, for the right to write.
            access: The access that it needs.

        Raises:
            InterruptedTransactionError: The server went away within the block.
            CommitInDoubtError: It went away within the commit.
            Fault: 503: the database cannot be used for the moment.
        """
        progress: Progress | None = None
        self._take_place(until)
        try:
            connection, transaction = self._begun(until, access)
            with connection, transaction, open_transactions:
                progress = Progress(connection)
                yield progress
        except DBAPIError as error:
            fault = _fault(error)
            if progress is not None and progress.commits and error.connection_invalidated:
                _log.warning("A commit is in doubt: %s", error.orig)
                raise CommitInDoubtError from error
            if progress is not None and isinstance(fault, OutageError):
                raise interrupted(fault) from error
            if fault is None:
                raise
            raise fault from error
        finally:
            if self.most is not None:
                self._places.release()

    @contextmanager
    def begun(
        self, until: float, access: Access, *, waits_for_all: bool = True
    ) -> Iterator[Connection]:
        """Opens a transaction as :meth:`transaction` does, but in no place, and errors stay theirs.

        Args:
            until: As there.
            access: As there.
            waits_for_all: Whether a server that cannot be reached is waited for. One that is
                stopping or starting, or has no connection left, always is.
        """
        connection, transaction = self._begun(until, access, waits_for_all=waits_for_all)
        with connection, transaction:
            yield connection

    def _begun(
        self, until: float, access: Access, *, waits_for_all: bool = True
    ) -> tuple[Connection, RootTransaction]:
        while True:
            connection = None
            try:
                connection = self.engine.connect()
                transaction = self.begin(connection, access)
            except DBAPIError as error:
                if connection is not None:
                    connection.close()
                outage = _fault(error)
                if not isinstance(outage, OutageError) or time.monotonic() >= until:
                    raise
                if isinstance(outage, OutOfReachError) and not waits_for_all:
                    raise
                if self.is_closed:
                    raise closed() from error
                self.outage = outage
                self._outages.warn("%s It is waited for. (%s)", outage.message, error.orig)
                time.sleep(PAUSE)
            except BaseException:
                if connection is not None:
                    connection.close()
                raise
            else:
                self.outage = None
                return connection, transaction

    def _take_place(self, until: float) -> None:
        """Takes the place of one connection, where there are only so many."""
        if self.most is None:
            return
        now = time.monotonic()
        has_one = self._places.acquire(timeout=max(0.0, min(until - now, _LONG)))
        if not has_one and time.monotonic() < until:
            self._exhaustion.warn(
                "All %d connections to the database are in use, and what needs one waits for it. "
                "Engine(pool_size=…), ASSISTANTS_POOL_SIZE or --pool-size gives more.",
                self.most,
            )
            has_one = self._places.acquire(timeout=max(0.0, until - time.monotonic()))
        if not has_one:
            raise exhausted(self.most)


@define
class Progress:
    """The progress of a transaction.

    Attributes:
        connection: Its connection.
        commits: True once its block is over.
    """

    connection: Connection
    commits: bool = False


def _fault(error: DBAPIError) -> Fault | None:
    """Returns the refusal for a driver's error; ``None`` where it is a mistake of ours."""
    is_lost = error.connection_invalidated
    return None if error.orig is None else fault_of(error.orig, is_lost=is_lost)


class Holding:
    """Holds a lock for a ``with`` block.

    Args:
        lock: The lock.
        until: For how long to wait for it, by ``time.monotonic``.
        late: Returns the refusal that is raised then.
    """

    __slots__ = ("_late", "_lock", "_until")

    def __init__(self, lock: Any, until: float, late: Callable[[], Fault] = busy) -> None:
        self._lock, self._until, self._late = lock, until, late

    def __enter__(self) -> None:
        # Mostly it is free, and no time is to be computed.
        lock = self._lock
        if lock.acquire(blocking=False):
            return
        if not lock.acquire(timeout=max(0.0, self._until - time.monotonic())):
            raise self._late()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
