"""A clock that stands still until something advances it, for a client and an engine together.

Threads that wait for a point in time are handled here; runs, models and requests do not belong
here.
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
#: Real seconds for which :meth:`Clock.settle` waits for the engine to become idle.
GRACE: Final = 1.0
#: Real seconds for which a stream's reader waits before the clock advances.
PATIENCE: Final = 0.05

_POLL_SECONDS: Final = 0.0005  # real seconds between two checks of the engine


@define(eq=False)
class _Sleeper:
    """A thread of the engine that waits for a point in time."""

    until: float
    is_awake: bool = False
    #: The last event that it has seen; another one wakes it for a check.
    seen: int = -1


class Clock:
    """The time of a test, in Unix seconds. The client's pauses advance it, and so does the test.

    All that is due in between happens at its own time, in order: a model's answer that takes a
    minute comes 60 seconds after the question, however far the clock is advanced.
    """

    def __init__(self, now: float = START) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._sleepers: list[_Sleeper] = []
        #: By real time: the start of each wait of a stream's reader.
        self._readers: list[float] = []
        self._events = 0
        self._is_over = False
        #: Returns the number of busy threads of the engine, including those that wait for this
        #: clock.
        self._busy: Callable[[], int] = lambda: 0

    @property
    def now(self) -> float:
        """The current time."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Advances the time; all that is due meanwhile happens.

        Raises:
            ConfigurationError: It is not a number of 0 or more seconds.
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
        """Waits until the engine has done all that is possible at the current time.

        For a second at most: threads that wait for something else than this clock are ignored.
        """
        until = time.monotonic() + GRACE
        while not self._is_settled() and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)

    def _wait(self, seconds: float) -> Iterator[None]:
        """Waits in a thread of the engine; yields when there may be a reason to stop waiting.

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
        """Lets the time advance while a thread waits for an idle engine."""
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
        """Wakes all waiting threads, to check whether they should go on waiting."""
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

    # --- all that follows is called with the lock held, except these two ------------------------

    def _is_settled(self) -> bool:
        busy = self._busy()
        with self._changed:
            return busy <= self._waiting()

    def _has_woken(self, sleeper: _Sleeper) -> bool:
        """Waits for the sleeper's time or an event, and returns whether the time has come."""
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
        """Returns whether a reader has waited for long, and the engine waits for time alone."""
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
