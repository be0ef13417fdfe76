"""Who still carries what, told by signs of life and by nobody's clock.

A lease is a number that its holder changes every few seconds. Whoever watches takes it for lost
once the number has stood still for ``LEASE`` seconds of a clock of its own that nothing sets. So no
step of a clock ends anything, and machines may differ about the time. What is watched for the first
time is believed alive.

Only time in which the watcher was looking counts: where it stood still itself, as in a container
that is paused, or had to wait for the store, the holder may have had to as well.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from attrs import define

from assistants_client.engine.domain.state_machine import LEASE
from assistants_client.engine.ids import owner_is_dead

#: Whoever has not looked for so many seconds begins anew. Longer than a holder's time between two
#: signs of life, and than the time between two looks.
UNSEEN: Final = 6.0
#: Seconds to wait for the store that say nothing about the others who wait for it.
_MOMENT: Final = 0.25
#: After so many seconds nobody asks about a lease any more, where many are known.
_FORGOTTEN: Final = 10 * LEASE
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

    def next(self, now: float) -> float:
        """A number that differs from the last one.

        Processes of earlier versions read it as the time until which the lease holds.

        Args:
            now: The time, in Unix seconds.
        """
        return now + LEASE + next(self._count) % 1000 / 1000

    def is_lost(self, name: str, owner: str, lease: float | None) -> bool:
        """Whether the holder of a lease is dead, or must be taken for dead.

        Args:
            name: What is held.
            owner: Who holds it (see ``ids.owner_name``).
            lease: The number that stands there now.
        """
        is_dead = owner_is_dead(owner)
        if is_dead is not None:
            return is_dead
        now = self._monotonic()
        with self._watching:
            watched = self._watched.get(name)
            if watched is None or (watched.owner, watched.lease) != (owner, lease):
                self._forget(now)
                watched = self._watched[name] = _Watched(owner, lease, now, now)
            if now - watched.asked > UNSEEN:
                watched.since = now
            watched.asked = now
            return now - watched.since >= LEASE

    @contextmanager
    def beginning(self) -> Iterator[None]:
        """Around the begin of a transaction that takes note of what is lost.

        Where that takes more than a moment, signs of life may have had to wait for the same:
        nothing is lost then before there was time for one more.
        """
        began = self._monotonic()
        try:
            yield
        finally:
            now = self._monotonic()
            if now - began > _MOMENT:
                with self._watching:
                    for watched in self._watched.values():
                        watched.since = max(watched.since, now + UNSEEN - LEASE)

    def _forget(self, now: float) -> None:
        """Makes room; called with the lock held."""
        if len(self._watched) >= _MANY:
            self._watched = {
                name: watched
                for name, watched in self._watched.items()
                if now - watched.asked < _FORGOTTEN
            }


#: For the child of a fork, where the lock may be left taken.
_every: Final[weakref.WeakSet[Leases]] = weakref.WeakSet()


def _after_fork() -> None:
    for leases in list(_every):
        leases._start_afresh()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
