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

#: A poll that is due, in a queue: since when, and a number that tells it from others.
Ticket: TypeAlias = tuple[float, int]

_EPSILON = 1e-9  # tokens; what arithmetic may lose on the way to a whole one
_GLANCE = 1e-4  # seconds; the shortest pause that is asked for


class RateLimiter:
    """Lets polls through one by one, the one that has been due longest first.

    Args:
        per_second: How many in a second; infinity lets every poll through.
    """

    def __init__(self, per_second: float = math.inf) -> None:
        self.per_second = per_second
        self._line: list[Ticket] = []
        self._numbers = count()
        self._tokens = 1.0
        self._filled: float | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()

    def queue(self, due: float) -> Ticket:
        """Takes a place in the line, for a poll that has been due since then."""
        if self._process != os.getpid():  # the threads in line, or at the lock, are not here
            self._process, self._lock, self._line = os.getpid(), threading.Lock(), []
        with self._lock:
            ticket = (due, next(self._numbers))
            insort(self._line, ticket)
        return ticket

    def try_acquire(self, ticket: Ticket, now: float) -> float:
        """Whether it is this poll's turn.

        Returns:
            0 when it is, and the poll has left the line; else after how many seconds to ask again.
        """
        if math.isinf(self.per_second):
            self.cancel(ticket)
            return 0.0
        with self._lock:
            if self._filled is not None and now > self._filled:
                self._tokens += (now - self._filled) * self.per_second
            self._filled = now
            self._tokens = min(self._tokens, 1.0)
            missing = bisect_left(self._line, ticket) + 1 - self._tokens
            if missing > _EPSILON:
                return max(missing / self.per_second, _GLANCE)
            self._line.remove(ticket)
            self._tokens -= 1
        return 0.0

    def cancel(self, ticket: Ticket) -> None:
        """Gives the place up, if it is still held."""
        with self._lock:
            if ticket in self._line:
                self._line.remove(ticket)


def as_rate_limiter(per_second: float | None) -> RateLimiter:
    """The cap that a client's argument asks for.

    Raises:
        ConfigurationError: It is no number above 0.
    """
    if per_second is None:
        return RateLimiter()
    return RateLimiter(number("max_polls_per_second", per_second, above=0, hint="None sets no cap"))
