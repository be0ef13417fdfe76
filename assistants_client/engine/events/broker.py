"""The events of runs, published as they happen to the subscribers in this process.

Only the publishing belongs here: no order of events (stream_state.py), no way to other processes
(relay.py), no database, no HTTP. No publisher ever waits for a subscriber.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from attrs import frozen

from assistants_client.engine.events.relay import Relay
from assistants_client.engine.events.stream_state import SETTLING
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
        self._lock = threading.Lock()
        #: Held, save where the reader, which waits for it, is woken. It stands for a condition,
        #: which takes several times as long, at each piece of an answer.
        self._sleeping = threading.Lock()
        self._sleeping.acquire()
        self._is_waiting = False
        #: ``None`` stands where events are missing.
        self._events: list[RunEvent | None] = []
        #: By the other processes that published events of the run: the number of the last one.
        self._numbers: dict[str, int] = {}
        #: Whether nothing is published any more, for the engine was closed.
        self.is_over: bool = False

    def put(self, event: RunEvent) -> None:
        """Adds an event; beyond the bound it is dropped, and so are all until some are taken."""
        with self._lock:
            self._put(event)

    def put_received(self, publisher: str, number: int, event: RunEvent | None) -> None:
        """Adds an event of another process, after a gap if it does not follow upon the last one.

        The first one of each publisher does not either: nobody knows what came before.

        Args:
            publisher: The process.
            number: The event's, among those of the run that the process has published.
            event: The event; ``None`` where it was not sent.
        """
        with self._lock:
            if event is None or self._numbers.get(publisher) != number - 1:
                self._put(None)
            self._numbers[publisher] = number
            if event is not None:
                self._put(event)

    def _put(self, event: RunEvent | None) -> None:
        if len(self._events) >= self._bound:
            event = None
        if event is not None or not self._events or self._events[-1] is not None:
            self._events.append(event)
        self._wake()

    def _wake(self) -> None:
        """Wakes the reader, if it waits; called with the lock held."""
        if self._is_waiting:
            self._is_waiting = False
            self._sleeping.release()

    def take(self, seconds: float) -> tuple[list[RunEvent], bool]:
        """Returns the queued events up to the first gap, and whether there is one.

        Args:
            seconds: How long to wait for the first event.
        """
        with self._lock:
            self._is_waiting = waits = not self._events and not self.is_over
        is_woken = waits and self._sleeping.acquire(timeout=seconds)
        with self._lock:
            if waits and not is_woken and not self._is_waiting:
                self._sleeping.acquire()  # it was woken only just now
            self._is_waiting = False
            events: list[RunEvent] = []
            for place, event in enumerate(self._events):
                if event is None:
                    del self._events[: place + 1]
                    return events, True
                events.append(event)
            self._events.clear()
        return events, False

    def end(self) -> None:
        """Wakes whoever waits for events: beyond those that are queued there are none."""
        with self._lock:
            self.is_over = True
            self._wake()

    def close(self) -> None:
        """Unsubscribes: nothing is queued any more."""
        self._broker.unsubscribe(self)


class Broker:
    """Publishes events to the subscribers in this process; a forked child starts with none.

    Args:
        bound: How many events are queued for a subscriber that does not take them.
        relay: Passes events on to other processes, and brings theirs.
    """

    def __init__(self, bound: int = QUEUED_EVENTS, relay: Relay | None = None) -> None:
        self._bound = bound
        self._relay = relay
        self._closed = False
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        #: The subscriptions to each run that has any. The tuples are never changed, only replaced.
        self._subscriptions: dict[str, tuple[Subscription, ...]] = {}
        #: Likewise, what is called when a run settles.
        self._watchers: dict[str, tuple[Callable[[], object], ...]] = {}

    def open(self, stop: Callable[[str], object]) -> None:
        """Starts what brings events of other processes; once in each process, after a fork too.

        Args:
            stop: Called with the id of a run that another process has stopped.
        """
        if self._relay is not None:
            self._relay.start(self.receive, stop)

    def subscribe(self, run_id: str) -> Subscription:
        """Subscribes to a run's events from here on; the subscription is to be closed.

        Where other processes can be reached, it returns once they know, or seconds later.
        """
        self._check_for_fork()
        made = Subscription(self, run_id, self._bound)
        with self._lock:
            self._subscriptions[run_id] = (*self._subscriptions.get(run_id, ()), made)
            is_closed = self._closed
        if is_closed:
            made.end()
        elif self._relay is not None:
            self._relay.subscribe(run_id)
        return made

    def unsubscribe(self, subscription: Subscription) -> None:
        """Removes a subscription; twice does no harm."""
        self._check_for_fork()
        with self._lock:
            run_id = subscription.run_id
            before = self._subscriptions.get(run_id, ())
            left = tuple(one for one in before if one is not subscription)
            if left:
                self._subscriptions[run_id] = left
            else:
                self._subscriptions.pop(run_id, None)
        if self._relay is not None and len(left) < len(before):
            self._relay.unsubscribe(run_id)

    @contextmanager
    def watching(
        self,
        run_id: str,
        settled: Callable[[], object],
        is_at_work: Callable[[str], bool] = lambda run_id: True,
    ) -> Iterator[None]:
        """Has a function called, within the block, when a run settles in this process.

        Args:
            run_id: The run.
            settled: The function.
            is_at_work: Whether this process works on the run; if not, it may have settled before,
                and the function is called at once.
        """
        self._check_for_fork()
        with self._lock:
            self._watchers[run_id] = (*self._watchers.get(run_id, ()), settled)
        if not is_at_work(run_id):
            settled()
        try:
            yield
        finally:
            self._check_for_fork()
            with self._lock:
                left = [one for one in self._watchers.pop(run_id, ()) if one is not settled]
                if left:
                    self._watchers[run_id] = tuple(left)

    def publish(self, events: Iterable[RunEvent]) -> None:
        """Publishes events to the subscribers. Costs next to nothing where there are none."""
        self._check_for_fork()
        for event in events:
            for subscription in self._subscriptions.get(event.run_id, ()):
                subscription.put(event)
            if event.name in SETTLING:
                for settled in self._watchers.get(event.run_id, ()):
                    settled()
            if self._relay is not None:
                self._relay.publish(event.run_id, event.name, event.document)

    def receive(self, run_id: str, publisher: str, number: int, name: str, text: str) -> None:
        """Publishes an event of another process to the subscribers in this one.

        Args:
            run_id: The run.
            publisher: The process.
            number: See :meth:`Subscription.put_received`.
            name: The event's name; empty where the event was not sent.
            text: Its document in JSON.
        """
        subscriptions = self._subscriptions.get(run_id, ())
        if subscriptions:
            event = RunEvent(run_id, name, json.loads(text)) if name else None
            for subscription in subscriptions:
                subscription.put_received(publisher, number, event)

    def stop(self, run_id: str) -> None:
        """Has the process stop a run that processes it, if that is another one."""
        if self._relay is not None:
            self._relay.stop(run_id)

    def close(self) -> None:
        """Ends all subscriptions, those to come as well."""
        self._check_for_fork()
        with self._lock:
            self._closed = True
            subscriptions = [one for some in self._subscriptions.values() for one in some]
        for subscription in subscriptions:
            subscription.end()
        if self._relay is not None:
            self._relay.close()

    def _check_for_fork(self) -> None:
        # A thread that does not exist here may hold the locks of what was there before.
        if self._pid != os.getpid():
            self._start_afresh()
