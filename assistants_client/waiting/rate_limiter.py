"""One cap on the polls of a client, shared by all its waits and fair between them.

A token bucket that holds one token, so that polls are spaced and never come in bursts; no clock of
its own, no sleep.
"""

from __future__ import annotations

import math
import os
import threading
from bisect import bisect_left, insort
from itertools import count
from typing import TypeAlias

from assistants_client._arguments import number

#: A due poll in the queue: the time since which it is due, and a number that makes it unique.
Ticket: TypeAlias = tuple[float, int]

_EPSILON = 1e-9  # tokens; the rounding error that may be missing from a whole one
_SHORTEST_PAUSE = 1e-4  # seconds


class RateLimiter:
    """Admits polls one by one, the one that has been due longest first.

    Args:
        per_second: The number of polls in a second; infinity admits every poll at once.
    """

    def __init__(self, per_second: float = math.inf) -> None:
        self.per_second = per_second
        self._queue: list[Ticket] = []
        self._numbers = count()
        self._tokens = 1.0
        self._filled: float | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()

    def queue(self, due: float) -> Ticket:
        """Queues a poll that has been due since then."""
        if self._process != os.getpid():  # threads in the queue, or at the lock, are not forked
            self._process, self._lock, self._queue = os.getpid(), threading.Lock(), []
        with self._lock:
            ticket = (due, next(self._numbers))
            insort(self._queue, ticket)
        return ticket

    def try_acquire(self, ticket: Ticket, now: float) -> float:
        """Takes a token for a poll, if it is the poll's turn.

        Returns:
            0 if it is, and the poll has left the queue; else the seconds until the next try.
        """
        if math.isinf(self.per_second):
            self.cancel(ticket)
            return 0.0
        with self._lock:
            if self._filled is not None and now > self._filled:
                self._tokens += (now - self._filled) * self.per_second
            self._filled = now
            self._tokens = min(self._tokens, 1.0)
            missing = bisect_left(self._queue, ticket) + 1 - self._tokens
            if missing > _EPSILON:
                return max(missing / self.per_second, _SHORTEST_PAUSE)
            self._queue.remove(ticket)
            self._tokens -= 1
        return 0.0

    def cancel(self, ticket: Ticket) -> None:
        """Removes a poll from the queue, if it is still there."""
        with self._lock:
            if ticket in self._queue:
                self._queue.remove(ticket)


def as_rate_limiter(per_second: float | None) -> RateLimiter:
    """Makes the rate limiter of a client's argument.

    Raises:
        ConfigurationError: It is not a number above 0.
    """
    if per_second is None:
        return RateLimiter()
    return RateLimiter(number("max_polls_per_second", per_second, above=0, hint="None sets no cap"))
