"""The reader of a run's events is woken by each that comes while it waits, and by nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from assistants_client.engine.events.broker import Broker, RunEvent

#: More seconds than any of it takes: who waits so long was not woken.
LONG = 60.0


def event(number: int) -> RunEvent:
    """One of the run's events."""
    return RunEvent("run_1", "thread.message.delta", {"number": number})


@pytest.fixture
def in_thread() -> Iterator[Callable[[Callable[[], object]], threading.Thread]]:
    """Calls functions in threads of their own, which end with the test."""
    started: list[threading.Thread] = []

    def start(call: Callable[[], object]) -> threading.Thread:
        started.append(threading.Thread(target=call, daemon=True))
        started[-1].start()
        return started[-1]

    yield start
    for thread in started:
        thread.join(LONG)
        assert not thread.is_alive()


@pytest.mark.parametrize("seconds", [LONG, 0.0001])
def test_each_event_arrives_once_and_in_order(
    in_thread: Callable[[Callable[[], object]], threading.Thread], seconds: float
) -> None:
    """However often the reader gives up waiting just as an event comes."""
    broker, count = Broker(), 3000
    subscription = broker.subscribe("run_1")
    turn = threading.Semaphore(0)

    def publish() -> None:
        for number in range(count):
            broker.publish([event(number)])
            if number % 3 == 0:
                turn.acquire(timeout=LONG)  # the reader has come to wait again, or is about to

    publisher = in_thread(publish)
    seen: list[int] = []
    while len(seen) < count:
        events, has_gap = subscription.take(seconds)
        assert not has_gap
        assert events or seconds < LONG
        seen += [one.document["number"] for one in events]
        for one in events:
            if one.document["number"] % 3 == 0:
                turn.release()
    publisher.join(LONG)
    assert seen == list(range(count))
    assert subscription.take(0.0) == ([], False)


def test_a_reader_that_waits_is_woken_by_the_end(
    in_thread: Callable[[Callable[[], object]], threading.Thread],
) -> None:
    """And waits no more after it."""
    broker = Broker()
    subscription = broker.subscribe("run_1")
    in_thread(broker.close)
    while not subscription.is_over:
        assert subscription.take(LONG) == ([], False)
    assert subscription.take(LONG) == ([], False)
