"""The events of runs, published as they happen to the subscribers in this process.

Only the publishing belongs here: no order of events (stream_state.py), no database, no HTTP. No
publisher ever waits for a subscriber.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Final

from attrs import frozen

from assistants_client.models._base import JsonObject

#: So many events are queued for a subscriber that is slow to take them.
QUEUED_EVENTS: Final = 10_000


@frozen
class RunEvent:
    """An event of a run; ``document`` is the object as it was then."""

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
        #: Whether nothing is published any more, for the engine was closed.
        self.is_over: bool = False

    def put(self, event: RunEvent) -> None:
        """Adds an event; beyond the bound it is dropped, and so are all until some are taken."""
        with self._changed:
            self._has_gap = self._has_gap or len(self._events) >= self._bound
            if not self._has_gap:
                self._events.append(event)
            self._changed.notify()

    def take(self, seconds: float) -> tuple[list[RunEvent], bool]:
        """Returns the queued events, and whether more came after them that were dropped.

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
        """Wakes whoever waits for events: beyond those that are queued there are none."""
        with self._changed:
            self.is_over = True
            self._changed.notify()

    def close(self) -> None:
        """Unsubscribes: nothing is queued any more."""
        self._broker.unsubscribe(self)


class Broker:
    """Publishes events to the subscribers in this process; a forked child starts with none.

    Args:
        bound: How many events are queued for a subscriber that does not take them.
    """

    def __init__(self, bound: int = QUEUED_EVENTS) -> None:
        self._bound = bound
        self._closed = False
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        #: The subscriptions to each run that has any. The tuples are never changed, only replaced.
        self._subscriptions: dict[str, tuple[Subscription, ...]] = {}

    def subscribe(self, run_id: str) -> Subscription:
        """Subscribes to a run's events from here on; the subscription is to be closed."""
        self._check_for_fork()
        made = Subscription(self, run_id, self._bound)
        with self._lock:
            self._subscriptions[run_id] = (*self._subscriptions.get(run_id, ()), made)
            is_closed = self._closed
        if is_closed:
            made.end()
        return made

    def unsubscribe(self, subscription: Subscription) -> None:
        """Removes a subscription; twice does no harm."""
        self._check_for_fork()
        with self._lock:
            run_id = subscription.run_id
            left = tuple(s for s in self._subscriptions.get(run_id, ()) if s is not subscription)
            if left:
                self._subscriptions[run_id] = left
            else:
                self._subscriptions.pop(run_id, None)

    def publish(self, events: Iterable[RunEvent]) -> None:
        """Publishes events to the subscribers. Costs next to nothing where there are none."""
        self._check_for_fork()
        for event in events:
            for subscription in self._subscriptions.get(event.run_id, ()):
                subscription.put(event)

    def close(self) -> None:
        """Ends all subscriptions, those to come as well."""
        self._check_for_fork()
        with self._lock:
            self._closed = True
            subscriptions = [one for some in self._subscriptions.values() for one in some]
        for subscription in subscriptions:
            subscription.end()

    def _check_for_fork(self) -> None:
        # A thread that does not exist here may hold the locks of what was there before.
        if self._pid != os.getpid():
            self._start_afresh()
