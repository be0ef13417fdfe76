"""Outages of a database's server: waited for, and what they have interrupted is done again.

Where nothing was sent yet, a transaction begins once the server is back. What was interrupted is
done again where its function says so by :func:`retried` or :func:`repeatable`. No SQL.
"""

from __future__ import annotations

import functools
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from attrs import define

from assistants_client.engine.faults import Fault
from assistants_client.engine.storage.store_faults import (
    CommitInDoubtError,
    InterruptedTransactionError,
)

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds between two tries to reach a server.
PAUSE: Final = 0.1
#: Seconds between two reports of the same, at least.
REPORT_SECONDS: Final = 10.0
#: A function is called so often at most: what ends the server itself would do so again and again.
_MOST_TRIES: Final = 4

_log = logging.getLogger(__name__)


@define
class Reports:
    """Warnings in the log that are not repeated while the reason for them lasts."""

    _reported_at: float = -math.inf

    def warn(self, message: str, *values: object) -> None:
        """Warns, unless it did so a moment ago."""
        now = time.monotonic()
        if now - self._reported_at >= REPORT_SECONDS:
            self._reported_at = now
            _log.warning(message, *values)


class _OpenTransactions(threading.local):
    """The number of transactions that this thread is within; each is a ``with`` block of it."""

    number: int = 0

    def __enter__(self) -> None:
        self.number += 1

    def __exit__(self, *_: object) -> None:
        self.number -= 1


open_transactions: Final = _OpenTransactions()


def retried(transaction: Callable[P, T]) -> Callable[P, T]:
    """Returns a function that does it again where an outage of the server has interrupted it.

    It may be done again, as nothing of the transaction that was interrupted is stored; of several,
    those before it are. What is in doubt, since the outage came with its commit, is not done again.
    Each transaction waits for the server as long as it may. Of what is called within a transaction
    nothing is done again: that is interrupted as a whole.
    """
    return _done_again(transaction, InterruptedTransactionError)


def repeatable(transaction: Callable[P, T]) -> Callable[P, T]:
    """Returns a function as :func:`retried` does that does it again when it is in doubt, too.

    It must come to the same when it was done already.
    """
    return _done_again(transaction, (InterruptedTransactionError, CommitInDoubtError))


def _done_again(
    transaction: Callable[P, T], failures: type[Fault] | tuple[type[Fault], ...]
) -> Callable[P, T]:
    @functools.wraps(transaction)
    def again_and_again(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(0 if open_transactions.number else _MOST_TRIES - 1):
            try:
                return transaction(*args, **kwargs)
            except failures as error:
                _log.info("It is done again: %s", error)
        return transaction(*args, **kwargs)

    return again_and_again
