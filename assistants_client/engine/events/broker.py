"""What happens to runs, told as it happens to whoever follows them in this process.

Only the passing on belongs here: no order of events (stream_state.py), no database, no HTTP. Nobody
who tells ever waits for somebody who listens.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Final

from attrs import frozen

from assistants_client.models._base import JsonObject

#: So many events are kept for a follower that is slow to take them.
KEPT_EVENTS: Final = 10_000


@frozen
class RunEvent:
    """One thing that happened to a run; ``document`` is the object as it was then."""

    run_id: str
    name: str
    document: JsonObject


class Subscription:
    """The events of one run, from its making on; made by :meth:`Broker.subscribe`."""

    def __init__(self, broker: Broker, run_id: str, bound: int) -> None:
        self.run_id = run_id
        self._broker = broker
        self._bound = bound
        self._changed = threading.Condition(threading.Lock())
        self._events: list[RunEvent] = []
        self._has_gap = False
        #: Whether nothing is told any more, for the engine was closed.
        self.is_over = False

    def put(self, event: RunEvent) -> None:
        """Adds an event; beyond the bound it is dropped, and so are all until some are taken."""
        with self._changed:
            self._has_gap = self._has_gap or len(self._events) >= self._bound
            if not self._has_gap:
                self._events.append(event)
            self._changed.notify()

    def take(self, seconds: float) -> tuple[list[RunEvent], bool]:
        """What has come since, and whether more came after it that was dropped.

        Args:
            seconds: How long to wait for the first event.
        """
        with self._changed:
            if not self._events and not self._has_gap and not self.is_over:
                self._changed.wait(seconds)
            events, self._events = self._events, []
            has_gap, self._has_gap = self._has_gap, False
        return events, has_gap

    def end(self) -> None:
        """Wakes whoever waits for events: beyond those that are kept there are none."""
        with self._changed:
            self.is_over = True
            self._changed.notify()

    def close(self) -> None:
        """Ends it: nothing is kept any more."""
        self._broker.leave(self)


class Broker:
    """Passes events on to the followers in this process; a forked child starts with none.

    Args:
        kept: How many events are kept for a follower that does not take them.
    """

    def __init__(self, kept: int = KEPT_EVENTS) -> None:
        self._kept = kept
        self._closed = False
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        #: The followers of each run that has any. The tuples are never changed, only replaced.
        self._followers: dict[str, tuple[Subscription, ...]] = {}

    def subscribe(self, run_id: str) -> Subscription:
        """Follows a run from here on; to be closed."""
        self._look_for_fork()
        made = Subscription(self, run_id, self._kept)
        with self._lock:
            self._followers[run_id] = (*self._followers.get(run_id, ()), made)
            is_closed = self._closed
        if is_closed:
            made.end()
        return made

    def leave(self, subscription: Subscription) -> None:
        """Forgets a follower; twice does no harm."""
        self._look_for_fork()
        with self._lock:
            run_id = subscription.run_id
            left = tuple(s for s in self._followers.get(run_id, ()) if s is not subscription)
            if left:
                self._followers[run_id] = left
            else:
                self._followers.pop(run_id, None)

    def publish(self, events: Iterable[RunEvent]) -> None:
        """Tells the followers. Costs next to nothing where there are none."""
        self._look_for_fork()
        for event in events:
            for follower in self._followers.get(event.run_id, ()):
                follower.put(event)

    def close(self) -> None:
        """Ends all subscriptions, those to come as well."""
        self._look_for_fork()
        with self._lock:
            self._closed = True
            followers = [one for some in self._followers.values() for one in some]
        for follower in followers:
            follower.end()

    def _look_for_fork(self) -> None:
        # A thread that does not exist here may hold the locks of what was there before.
        if self._pid != os.getpid():
            self._start_afresh()
