"""Leases and their owners, alive or lost by their heartbeats and by nobody's clock.

A lease is a number that its holder changes every few seconds. A watcher takes it for lost
once the number has stood still for ``LEASE`` seconds of a clock of its own that nothing sets. So no
step of a clock ends anything, and machines may differ about the time. What is watched for the first
time is believed alive.

Only time counts in which the watcher could write, again and again: where it stood still itself, as
in a container that is paused, or the store could not be written, the holder may have been held up
as well. So what decides is the number that is read with the right to write, by a watcher that has
had this right every few seconds for ``LEASE`` seconds.

A holder that is taken for lost all the same finds another owner with its next write, and writes
nothing.
"""

from __future__ import annotations

import itertools
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Final

from attrs import define

from assistants_client.engine.domain.state_machine import LEASE
from assistants_client.engine.ids import owner_is_dead

#: Whoever could not write for so many seconds begins to watch anew. Longer than a holder's time
#: between two heartbeats, and than the time between two checks.
UNSEEN: Final = 6.0
#: The columns of a row that nobody holds.
RELEASED: Final[Mapping[str, None]] = {"owner": None, "lease_until": None}
#: After so many seconds without a check a lease is evicted, where many are watched.
_EVICTED_AFTER: Final = 10 * LEASE
_MANY: Final = 1000


@define
class _Watched:
    owner: str
    lease: float | None
    since: float
    asked: float


class Leases:
    """The leases that this process gives and watches. Safe to share between threads.

    Args:
        monotonic: A clock in seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._count = itertools.count(1)
        self._start_afresh()
        _every.add(self)

    def _start_afresh(self) -> None:
        self._watching = threading.Lock()
        self._watched: dict[str, _Watched] = {}
        #: When this process could write for the last time, and since when it can.
        self._wrote = self._writes_since = -math.inf

    def next(self, now: float) -> float:
        """Returns a number that differs from the last one.

        Processes of earlier versions read it as the time until which the lease holds.

        Args:
            now: The time, in Unix seconds.
        """
        return now + LEASE + next(self._count) % 1000 / 1000

    def is_lost(self, name: str, owner: str, lease: float | None) -> bool:
        """Returns whether the holder of a lease is dead, or must be taken for dead.

        That holds where the right to write was noted (see :meth:`note_write`) before the number was
        read. Elsewhere it is a reason to check again there.

        Args:
            name: The name of the lease.
            owner: The holder (see ``ids.owner_name``).
            lease: The number that stands there now.
        """
        is_dead = owner_is_dead(owner)
        if is_dead is not None:
            return is_dead
        now = self._monotonic()
        with self._watching:
            watched = self._watched.get(name)
            if watched is None or (watched.owner, watched.lease) != (owner, lease):
                self._evict(now)
                watched = self._watched[name] = _Watched(owner, lease, now, now)
            watched.asked = now
            return now - max(watched.since, self._writes_since) >= LEASE

    def note_write(self) -> None:
        """Notes that this process has the right to write, in a transaction that has just begun."""
        now = self._monotonic()
        with self._watching:
            if now - self._wrote > UNSEEN:
                self._writes_since = now
            self._wrote = now

    def _evict(self, now: float) -> None:
        """Evicts leases that nobody checks any more; called with the lock held."""
        if len(self._watched) >= _MANY:
            self._watched = {
                name: watched
                for name, watched in self._watched.items()
                if now - watched.asked < _EVICTED_AFTER
            }


#: For the child of a fork, where the lock may be left taken.
_every: Final[weakref.WeakSet[Leases]] = weakref.WeakSet()


def _after_fork() -> None:
    for leases in list(_every):
        leases._start_afresh()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
