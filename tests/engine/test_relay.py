"""Relays on a channel within this process: who is asked, who is told, and what fails."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import pytest

from assistants_client.engine.events import relay as relay_module
from assistants_client.engine.events.relay import Relay

PATIENCE = 10.0

#: An event as it was received: its run, publisher, number, name and document.
Received: TypeAlias = tuple[str, str, int, str, str]


class Hub:
    """Brings messages to whoever listens; the test may break it, or have it hang."""

    limit = 200
    prefix = "test:"

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.listening: dict[str, list[queue.Queue[str | None]]] = {}
        self.sent: list[tuple[str, str]] = []
        self.is_broken = False
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.hangs = threading.Semaphore(0)
        self.tries = threading.Semaphore(0)

    def sender(self) -> HubSender:
        """Connects, if it works."""
        self._connect()
        return HubSender(self)

    def receiver(self, names: Sequence[str]) -> HubReceiver:
        """Listens, if it works."""
        self._connect()
        return HubReceiver(self, names)

    def _connect(self) -> None:
        self.tries.release()
        if self.is_broken:
            raise OSError("the hub is broken")

    def break_off(self) -> None:
        """Breaks all connections, and lets nobody connect."""
        with self.lock:
            self.is_broken = True
            for ears in self.listening.values():
                for ear in ears:
                    ear.put(None)

    def words(self) -> list[str]:
        """What was sent, line by line, without the heads."""
        return [line for _, message in self.sent for line in message.split("\n")[1:]]


class HubSender:
    """Sends."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def send(self, messages: Sequence[tuple[str, str]]) -> None:
        """Sends, or hangs, or fails."""
        if not self.hub.goes_on.is_set():
            self.hub.hangs.release()
            assert self.hub.goes_on.wait(PATIENCE)
        with self.hub.lock:
            if self.hub.is_broken:
                raise OSError("the hub is broken")
            for name, message in messages:
                assert len(message) <= self.hub.limit
                self.hub.sent.append((name, message))
                for ear in self.hub.listening.get(name, ()):
                    ear.put(message)

    def close(self) -> None:
        """Nothing is left."""


class HubReceiver:
    """Receives."""

    def __init__(self, hub: Hub, names: Sequence[str]) -> None:
        self.hub = hub
        self.ear: queue.Queue[str | None] = queue.Queue()
        with hub.lock:
            for name in names:
                hub.listening.setdefault(name, []).append(self.ear)

    def receive(self, seconds: float) -> list[str]:
        """Waits for one message."""
        try:
            message = self.ear.get(timeout=seconds)
        except queue.Empty:
            return []
        if message is None:
            raise OSError("the hub is broken")
        return [message]

    def close(self) -> None:
        """Listens no longer."""
        with self.hub.lock:
            for ears in self.hub.listening.values():
                if self.ear in ears:
                    ears.remove(self.ear)


class Process:
    """What a process is to the others: a relay, with what it received."""

    def __init__(self, hub: Any) -> None:
        self.relay = Relay(hub)
        self.received: queue.Queue[Received] = queue.Queue()
        self.stopped: queue.Queue[str] = queue.Queue()
        self.start()

    def start(self) -> None:
        """Starts it."""
        self.relay.start(lambda *event: self.received.put(event), self.stopped.put)

    def publish(self, number: int, run_id: str = "run_1") -> None:
        """Publishes an event that is known by its number."""
        self.relay.publish(run_id, "thread.message.delta", {"number": number})

    def documents(self, count: int) -> list[str]:
        """The documents of the next events that it receives."""
        return [self.received.get(timeout=PATIENCE)[4] for _ in range(count)]


def until(condition: Callable[[], object]) -> None:
    """Waits for a condition, but not for ever."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def hub() -> Hub:
    """A channel."""
    return Hub()


@pytest.fixture
def processes(hub: Hub) -> Iterator[list[Process]]:
    """Three processes that know of each other."""
    made = [Process(hub) for _ in range(3)]
    until(lambda: all(len(one.relay._peers) == 2 for one in made))
    yield made
    hub.goes_on.set()
    for one in made:
        one.relay.close()


def wanted(process: Process, run_id: str = "run_1") -> None:
    """Waits until a process knows that a run is read elsewhere."""
    until(lambda: run_id in process.relay._wanted)


def test_events_go_to_who_reads_the_run(hub: Hub, processes: list[Process]) -> None:
    """In order, and to nobody else; of a run that nobody reads, nothing is sent."""
    worker, reader, other = processes
    reader.relay.subscribe("run_1")
    wanted(worker)
    for number in range(1000):
        worker.publish(number)
        worker.publish(number, "run_2")
    events = [reader.received.get(timeout=PATIENCE) for _ in range(1000)]
    assert [one[4] for one in events] == [f'{{"number":{number}}}' for number in range(1000)]
    assert {(one[0], one[1], one[3]) for one in events} == {
        ("run_1", worker.relay._name, "thread.message.delta")
    }
    numbers = [one[2] for one in events]
    assert numbers == [*range(numbers[0], numbers[0] + 1000)]
    assert other.received.empty()
    assert not any("run_2" in word for word in hub.words())


def test_the_others_know_once_subscribing_returns(hub: Hub, processes: list[Process]) -> None:
    """Its own word has come back by then."""
    _, reader, _ = processes
    for number in range(20):
        reader.relay.subscribe(f"run_{number}")
        assert f"want run_{number}" in hub.words()


def test_each_reader_gets_its_own(processes: list[Process]) -> None:
    """Also one that comes later."""
    worker, one, two = processes
    one.relay.subscribe("run_1")
    wanted(worker)
    worker.publish(1)
    assert one.documents(1) == ['{"number":1}']
    two.relay.subscribe("run_1")
    until(lambda: len(worker.relay._wanted._runs["run_1"].readers) == 2)
    worker.publish(2)
    assert one.documents(1) == two.documents(1) == ['{"number":2}']


def test_a_run_that_is_over_is_not_wanted(processes: list[Process]) -> None:
    """Its last event is the last one that is sent."""
    worker, reader, _ = processes
    reader.relay.subscribe("run_1")
    wanted(worker)
    worker.relay.publish("run_1", "thread.run.completed", {})
    worker.publish(1)
    assert reader.documents(1) == ["{}"]
    assert "run_1" not in worker.relay._wanted


def test_a_stopped_run_is_told_to_all(processes: list[Process]) -> None:
    """Only one of them processes it, and nobody knows which."""
    reader, *others = processes
    reader.relay.stop("run_1")
    assert [one.stopped.get(timeout=PATIENCE) for one in others] == ["run_1"] * 2
    assert reader.stopped.empty()


def test_an_event_that_is_too_large_is_only_counted(processes: list[Process]) -> None:
    """The reader learns that there was one."""
    worker, reader, _ = processes
    reader.relay.subscribe("run_1")
    wanted(worker)
    worker.publish(1)
    worker.relay.publish("run_1", "thread.message.delta", {"text": "x" * Hub.limit})
    worker.publish(3)
    events = [reader.received.get(timeout=PATIENCE) for _ in range(3)]
    assert [one[3:] for one in events[1:]] == [
        ("", ""),
        ("thread.message.delta", '{"number":3}'),
    ]
    assert events[2][2] == events[0][2] + 2


def test_who_comes_later_is_told_what_is_read(hub: Hub, processes: list[Process]) -> None:
    """A worker that is started in the middle publishes what it takes over."""
    _, reader, _ = processes
    reader.relay.subscribe("run_1")
    late = Process(hub)
    wanted(late)
    late.publish(1)
    assert reader.documents(1) == ['{"number":1}']
    late.relay.close()


def test_who_is_alone_says_nothing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked, and nothing is waited for."""
    monkeypatch.setattr(relay_module, "_INTRODUCTION_SECONDS", 0.0)
    alone = Process(hub)
    until(alone.relay._is_alone)
    before = len(hub.sent)
    alone.relay.subscribe("run_1")
    alone.publish(1)
    alone.relay.unsubscribe("run_1")
    assert len(hub.sent) == before
    alone.relay.close()


def test_heartbeats_say_it_again(
    hub: Hub, processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who missed a word hears it with the next one."""
    worker, reader, _ = processes
    reader.relay.subscribe("run_1")
    wanted(worker)
    worker.relay._wanted.drop(reader.relay._name)
    with reader.relay._has_work:
        reader.relay._beat_at = 0.0
        reader.relay._has_work.notify()
    wanted(worker)


def test_who_is_silent_is_taken_for_gone(processes: list[Process]) -> None:
    """Nothing is sent to it any more."""
    worker, reader, _ = processes
    reader.relay.subscribe("run_1")
    wanted(worker)
    worker.relay._monotonic = lambda: time.monotonic() + relay_module.EXPIRY_SECONDS
    with worker.relay._has_work:
        worker.relay._beat()
        assert worker.relay._peers == {}
        assert "run_1" not in worker.relay._wanted


def test_who_says_bye_is_gone(processes: list[Process]) -> None:
    """At once."""
    worker, reader, _ = processes
    reader.relay.subscribe("run_1")
    wanted(worker)
    reader.relay.close()
    until(lambda: "run_1" not in worker.relay._wanted)
    assert reader.relay._name not in worker.relay._peers


def test_closing_sends_what_is_still_to_be_sent(hub: Hub, processes: list[Process]) -> None:
    """The last events of runs that were given back are among it."""
    worker, reader, _ = processes
    reader.relay.subscribe("run_1")
    wanted(worker)
    hub.goes_on.clear()
    worker.publish(0)
    assert hub.hangs.acquire(timeout=PATIENCE)
    for number in range(1, 500):
        worker.publish(number)
    closing = threading.Thread(target=worker.relay.close)
    closing.start()
    hub.goes_on.set()
    closing.join()
    assert reader.documents(500)[-1] == '{"number":499}'
    assert hub.sent[-1][1].endswith("\nbye")
    assert not any(thread.is_alive() for thread in worker.relay._threads)


def test_a_channel_that_hangs_makes_nobody_wait(
    hub: Hub, processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too much is dropped, and the numbers show it."""
    monkeypatch.setattr(relay_module, "QUEUED_EVENTS", 10)
    worker, reader, _ = processes
    reader.relay.subscribe("run_1")
    wanted(worker)
    hub.goes_on.clear()
    worker.publish(0)
    assert hub.hangs.acquire(timeout=PATIENCE)
    for number in range(1, 1000):
        worker.publish(number)
    assert len(worker.relay._events) == 10
    hub.goes_on.set()
    assert reader.documents(11)[-1] == '{"number":10}'
    worker.publish(1000)
    _, _, number, _, document = reader.received.get(timeout=PATIENCE)
    assert document == '{"number":1000}'
    assert number - worker.relay._wanted._runs["run_1"].number == 0


def test_events_have_a_bound_in_characters_too(
    hub: Hub, processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that large ones do not fill the memory."""
    monkeypatch.setattr(relay_module, "QUEUED_CHARACTERS", 500)
    worker, reader, _ = processes
    reader.relay.subscribe("run_1")
    wanted(worker)
    hub.goes_on.clear()
    worker.publish(0)
    assert hub.hangs.acquire(timeout=PATIENCE)
    for number in range(1, 1000):
        worker.publish(number)
    assert 0 < worker.relay._characters <= 500
    hub.goes_on.set()
    until(lambda: worker.relay._characters == 0)


def test_a_subscriber_waits_only_so_long(
    hub: Hub,
    processes: list[Process],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And nobody does who comes after, until the channel works again; it is logged once."""
    monkeypatch.setattr(relay_module, "ACKNOWLEDGED_SECONDS", 0.01)
    worker, reader, _ = processes
    hub.goes_on.clear()
    reader.relay.subscribe("run_1")
    monkeypatch.setattr(relay_module, "ACKNOWLEDGED_SECONDS", 3600.0)
    reader.relay.subscribe("run_2")
    warnings = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "come from the database: TimeoutError: no answer within 0.01 s" in caplog.text
    hub.goes_on.set()
    wanted(worker)
    wanted(worker, "run_2")
    until(lambda: not reader.relay._is_failing)


def test_a_channel_that_breaks_is_connected_again(
    hub: Hub, processes: list[Process], caplog: pytest.LogCaptureFixture
) -> None:
    """Meanwhile nobody waits; then all are told anew who reads what."""
    worker, reader, _ = processes
    reader.relay.subscribe("run_1")
    wanted(worker)
    hub.break_off()
    worker.publish(1)
    until(lambda: all(one.relay._is_failing for one in processes))
    until(lambda: not worker.relay._is_sending)
    worker.publish(2)
    reader.relay.subscribe("run_2")
    hub.is_broken = False
    wanted(worker, "run_2")
    until(lambda: worker.relay._is_sending and not reader.relay._is_failing)
    worker.publish(3)
    event = reader.received.get(timeout=PATIENCE)
    assert event[4] == '{"number":3}'
    assert "OSError: the hub is broken" in caplog.text


def test_a_channel_that_is_broken_from_the_start(hub: Hub) -> None:
    """It is tried again and again, and closing does not wait for it."""
    hub.is_broken = True
    process = Process(hub)
    for _ in range(4):
        assert hub.tries.acquire(timeout=PATIENCE)
    process.relay.subscribe("run_1")
    process.publish(1)
    process.relay.stop("run_1")
    process.relay.close()
    assert not any(thread.is_alive() for thread in process.relay._threads)


def test_messages_that_cannot_be_read_are_skipped(hub: Hub, processes: list[Process]) -> None:
    """They come from another version, or another program."""
    worker, reader, _ = processes
    reader.relay.subscribe("run_1")
    wanted(worker)
    sender = hub.sender()
    for message in ("", "9 other 0\nwant", "1 other 0\nwant", "1 other 0\nevent run_1 x y z"):
        sender.send([("test:all", message), (f"test:{reader.relay._name}", message)])
    sender.send([("test:all", "1 other 0\ndance all night")])
    worker.publish(1)
    assert reader.documents(1) == ['{"number":1}']


def test_before_it_is_started_nothing_happens(hub: Hub) -> None:
    """And after it was closed."""
    relay = Relay(hub)
    for _ in range(2):
        relay.subscribe("run_1")
        relay.publish("run_1", "thread.run.queued", {})
        relay.stop("run_1")
        relay.unsubscribe("run_1")
        relay.close()
        relay.start(lambda *event: None, lambda run_id: None)
    assert hub.sent == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_starts_its_own(hub: Hub, processes: list[Process]) -> None:
    """Even where the parent's locks were taken at that moment; and its name is another one."""
    worker, *_ = processes
    name = worker.relay._name
    with worker.relay._has_work:
        pid = os.fork()
    if not pid:
        try:
            worker.relay.subscribe("run_1")  # nothing, and nothing hangs
            worker.publish(1)
            alone = Hub()
            worker.relay._channel = alone
            worker.start()
            until(lambda: alone.words()[:1] == ["hello"])
            worker.relay.close()
            os._exit(0 if worker.relay._name != name else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
