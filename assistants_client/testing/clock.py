"""A clock that stands still until something moves it, for a client and an engine together.

Threads that wait for a moment are here, and when it has come; nothing of runs, models or requests.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from attrs import define

from assistants_client.errors import ConfigurationError

#: The time at which a clock begins, in Unix seconds: 2027-01-15 08:00 UTC.
START: Final = 1_800_000_000.0
#: Real seconds that the engine is given to do what it can do without the clock moving.
GRACE: Final = 1.0
#: Real seconds for which a stream's reader waits before time passes.
PATIENCE: Final = 0.05

_GLANCE: Final = 0.0005  # real seconds between two looks at the engine


@define(eq=False)
class _Sleeper:
    """A thread of the engine's that waits for a moment."""

    until: float
    is_awake: bool = False
    #: The last event that it has seen; another one wakes it for a look.
    seen: int = -1


class Clock:
    """The time of a test, in Unix seconds. The client's pauses move it, and so does the test.

    What is due on the way happens at its own moment, one thing after the other: a model's answer
    that takes a minute comes 60 seconds after it was asked for, however far the clock is moved.
    """

    def __init__(self, now: float = START) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._sleepers: list[_Sleeper] = []
        #: Since when readers of streams have been waiting, by real time.
        self._readers: list[float] = []
        self._events = 0
        self._is_over = False
        #: How many threads of the engine are at work, those included that wait for this clock.
        self._busy: Callable[[], int] = lambda: 0

    @property
    def now(self) -> float:
        """What time it is."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves on, and lets happen what is due meanwhile.

        Raises:
            ConfigurationError: That is no number of 0 or more seconds.
        """
        if not 0 <= seconds < float("inf"):
            raise ConfigurationError(f"seconds: {seconds!r} is not a number of 0 or more seconds")
        until = self._now + seconds
        while True:
            self.settle()
            with self._changed:
                first = self._first_sleeper()
                if first is None or first.until > until:
                    self._now = max(self._now, until)
                    return
                self._wake(first)

    def settle(self) -> None:
        """Waits until the engine has done all that it can do at this moment.

        For a second at most: what waits for something else than this clock is left to itself.
        """
        until = time.monotonic() + GRACE
        while not self._is_settled() and time.monotonic() < until:
            time.sleep(_GLANCE)

    def _wait(self, seconds: float) -> Iterator[None]:
        """Waits in a thread of the engine's; yields when there may be a reason to wait no longer.

        Raises:
            TimeoutError: The test ended first.
        """
        sleeper = _Sleeper(self._now + seconds)
        with self._changed:
            self._sleepers.append(sleeper)
        try:
            while not self._has_woken(sleeper):
                yield
        finally:
            with self._changed:
                self._sleepers.remove(sleeper)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """While a thread waits for the engine, time passes when nothing happens otherwise."""
        since = time.monotonic()
        with self._changed:
            self._readers.append(since)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._readers.remove(since)

    def _nudge(self) -> None:
        """Has all that waits look whether it should go on waiting."""
        with self._changed:
            self._events += 1
            self._changed.notify_all()

    def _end(self) -> None:
        """Ends all waiting: the test is over."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def __repr__(self) -> str:
        return f"<Clock at {self._now:.3f}>"

    # --- all that follows is called with the lock held, save these two --------------------------

    def _is_settled(self) -> bool:
        busy = self._busy()
        with self._changed:
            return busy <= self._waiting()

    def _has_woken(self, sleeper: _Sleeper) -> bool:
        """Waits for the sleeper's moment, or for an event; whether it was the moment."""
        with self._changed:
            sleeper.seen = self._events
            while not sleeper.is_awake and sleeper.seen == self._events:
                if self._is_over:
                    raise TimeoutError
                self._changed.wait(PATIENCE if self._readers else None)
                if sleeper is self._first_sleeper() and self._is_awaited():
                    self._wake(sleeper)
            return sleeper.is_awake

    def _is_awaited(self) -> bool:
        """Whether a reader has waited for long, and there is nothing but time to wait for."""
        longest = time.monotonic() - min(self._readers, default=float("inf"))
        return longest >= PATIENCE and self._busy() <= self._waiting()

    def _waiting(self) -> int:
        return sum(not s.is_awake and s.seen == self._events for s in self._sleepers)

    def _first_sleeper(self) -> _Sleeper | None:
        waiting = (sleeper for sleeper in self._sleepers if not sleeper.is_awake)
        return min(waiting, key=lambda sleeper: sleeper.until, default=None)

    def _wake(self, sleeper: _Sleeper) -> None:
        self._now = max(self._now, sleeper.until)
        sleeper.is_awake = True
        self._changed.notify_all()
