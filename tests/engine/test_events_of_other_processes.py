"""A reader in one process, a run in another: whatever is lost, the text is whole, once."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import pytest
from engine_store import Clock, Store, content_of
from stream_bench import told

from assistants_client._http.sse import SseDecoder
from assistants_client._json.codec import encode
from assistants_client.engine.events import event_stream
from assistants_client.engine.events.broker import Broker, RunEvent, Subscription
from assistants_client.engine.events.deltas import text_delta
from assistants_client.engine.events.event_stream import RunEvents
from assistants_client.engine.events.stream_state import MESSAGE, NamedEvent, StreamState
from assistants_client.engine.services._base import Context
from assistants_client.engine.services.run_snapshots import RunSnapshots
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage.database import Database

#: An event's number, its name and its document in JSON, as a relay brings them.
Brought: TypeAlias = tuple[int, str, str]

PIECES = "abcdefgh"
ENDED = ["message.completed completed", "run.step.completed completed", "run.completed completed"]
#: The events of a message that is begun, from its own on.
BEGUN = 2


class Run:
    """A run that is processed in one process and read in another, and a relay that the test is."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.there = Context(database=database, clock=clock, events=Broker())
        self.here = Context(database=database, clock=clock, events=Broker())
        self.run = Store(self.there, clock).new_run()
        # Whatever is committed in this test is committed there.
        self.reads = self.there.events.subscribe(self.run.id)
        self.follow()
        for word in ("created", "queued"):
            event = RunEvent(self.run.id, f"thread.run.{word}", encode(self.run))
            self.here.events.publish([event])
        self.numbers = itertools.count(3)

    def follow(self, first: Iterable[NamedEvent] = ()) -> None:
        """Begins to read, which is told that there is nothing after three polls in vain."""
        seconds = itertools.count(0, event_stream.KEEP_ALIVE_SECONDS / 3)
        self.events = RunEvents(
            self.here.events.subscribe(self.run.id),
            StreamState(),
            RunSnapshots(self.here).load,
            first,
            monotonic=lambda: next(seconds),
        )
        self.stream: Iterator[bytes] = self.events

    def process(self) -> Iterator[Brought]:
        """Processes the run, and yields its events as they happen."""
        execution = Execution(self.there)
        work = execution.claim(self.run.id)
        assert work is not None
        yield from self._happened()
        step, message = execution.begin_message(work.run)
        yield from self._happened()
        for number, piece in enumerate(PIECES):
            delta = text_delta(message.id, piece, is_first=not number)
            execution.publish(work.run, MESSAGE, delta)
            yield from self._happened()
        execution.complete_message(work.run, step, message, content_of(PIECES))
        yield from self._happened()
        execution.finish(work.run, "completed")
        yield from self._happened()

    def _happened(self) -> Iterator[Brought]:
        events, _ = self.reads.take(0)
        for event in events:
            yield next(self.numbers), event.name, json.dumps(event.document)

    def bring(self, events: Iterable[Brought], publisher: str = "there") -> None:
        """Brings events to the reader's process."""
        for number, name, text in events:
            self.here.events.receive(self.run.id, publisher, number, name, text)

    def read(self) -> tuple[list[str], str, int]:
        """What the reader was sent to the end: its lines, its text, and the number of pieces."""
        sent = SseDecoder().feed(b"".join(self.stream))
        events = [(e.event, {} if e.data == "[DONE]" else json.loads(e.data)) for e in sent]
        pieces = [words(document) for name, document in events if name.endswith("message.delta")]
        return told(events), "".join(pieces), len(pieces)


def words(delta: dict[str, Any]) -> str:
    """The text of a piece."""
    text: str = delta["delta"]["content"][0]["text"]["value"]
    return text


@pytest.fixture(autouse=True)
def _polls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for events that never come."""
    monkeypatch.setattr(event_stream, "POLL_SECONDS", 0.001)


@pytest.fixture
def run(database: Database, clock: Clock) -> Run:
    """A run that nobody has processed yet."""
    return Run(database, clock)


def check_whole(read: tuple[list[str], str, int]) -> None:
    """The reader was sent each thing once and in order, and all of the text."""
    lines, text, _ = read
    assert text == PIECES
    assert lines == [
        "run.created queued",
        "run.queued queued",
        "run.in_progress in_progress",
        "run.step.created in_progress",
        "run.step.in_progress in_progress",
        "message.created in_progress",
        "message.in_progress in_progress",
        "message.delta",
        *ENDED,
        "done",
    ]


#: How many events the run above has from where it is claimed.
EVENTS = 1 + 4 + len(PIECES) + 3


def test_all_of_it_arrives(run: Run) -> None:
    """Each piece as it was."""
    blocks = []
    for event in run.process():
        run.bring([event])
        blocks.append(next(run.stream))
    assert len(blocks) == EVENTS
    run.stream = itertools.chain(blocks, run.stream)
    read = run.read()
    check_whole(read)
    assert read[2] == len(PIECES)


@pytest.mark.parametrize("begin", range(EVENTS))
@pytest.mark.parametrize("lost", [1, 2, EVENTS])
def test_some_are_lost(run: Run, begin: int, lost: int) -> None:
    """At each place; where the last ones are lost, nothing says so."""
    for number, event in enumerate(run.process()):
        if not begin <= number < begin + lost:
            run.bring([event])
    check_whole(run.read())


@pytest.mark.parametrize("cut", range(EVENTS))
def test_a_reader_takes_them_as_they_come(run: Run, cut: int) -> None:
    """What was sent before the loss is not sent again."""
    blocks = []
    for number, event in enumerate(run.process()):
        if number != cut:
            run.bring([event])
            blocks.append(next(run.stream))
    run.stream = itertools.chain(blocks, run.stream)
    check_whole(run.read())


@pytest.mark.parametrize("again", range(EVENTS))
def test_one_comes_twice(run: Run, again: int) -> None:
    """Which no relay should do."""
    events = [*run.process()]
    run.bring([*events[: again + 1], *events[again:]])
    check_whole(run.read())


@pytest.mark.parametrize("swapped", range(EVENTS - 1))
def test_two_come_in_the_wrong_order(run: Run, swapped: int) -> None:
    """Likewise."""
    events = [*run.process()]
    events[swapped : swapped + 2] = events[swapped + 1], events[swapped]
    run.bring(events)
    check_whole(run.read())


@pytest.mark.parametrize("large", range(EVENTS))
def test_one_is_too_large_to_be_sent(run: Run, large: int) -> None:
    """It comes from the store."""
    for number, (its, name, text) in enumerate(run.process()):
        run.bring([(its, "", "")] if number == large else [(its, name, text)])
    check_whole(run.read())


@pytest.mark.parametrize("cut", range(EVENTS))
def test_the_publisher_is_another_one_from_there_on(run: Run, cut: int) -> None:
    """Nobody knows what the first one's last words were."""
    events = [*run.process()]
    run.bring(events[:cut])
    run.bring(((number - cut, *rest) for number, *rest in events[cut + 1 :]), "elsewhere")
    check_whole(run.read())


@pytest.mark.parametrize("cut", range(EVENTS))
def test_who_subscribes_late(run: Run, cut: int) -> None:
    """The pieces of a message whose beginning it missed come in one, the others as they are."""
    events = run.process()
    run.bring(itertools.islice(events, cut))
    run.events.close()
    first = [(f"thread.run.{word}", encode(run.run)) for word in ("created", "queued")]
    run.follow(first)
    blocks = [next(run.stream)]
    for event in events:
        run.bring([event])
        blocks.append(next(run.stream))
    run.stream = itertools.chain(blocks, run.stream)
    read = run.read()
    check_whole(read)
    sees_its_beginning = cut <= EVENTS - len(ENDED) - len(PIECES) - BEGUN
    assert read[2] == (len(PIECES) if sees_its_beginning else 1)


# --- the subscription itself ---------------------------------------------------------------------


def event(number: int) -> RunEvent:
    """An event that is known by its number."""
    return RunEvent("run_1", "name", {"number": number})


def taken(subscription: Subscription) -> list[int | None]:
    """The numbers of the events that there are, and None for each gap."""
    found: list[int | None] = []
    while True:
        events, has_gap = subscription.take(0)
        found += [one.document["number"] for one in events]
        if not has_gap:
            return found
        found.append(None)


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        ([], []),
        ([1, 2, 3], [None, 1, 2, 3]),
        ([7, 8], [None, 7, 8]),
        ([1, 3, 4], [None, 1, None, 3, 4]),
        ([1, 2, 2], [None, 1, 2, None, 2]),
        ([2, 1], [None, 2, None, 1]),
        ([5, 6, 1, 2], [None, 5, 6, None, 1, 2]),
    ],
)
def test_a_gap_is_seen_by_the_numbers(received: list[int], expected: list[int | None]) -> None:
    """Also where they go back; before the first there may always be one."""
    subscription = Broker().subscribe("run_1")
    for number in received:
        subscription.put_received("there", number, event(number))
    assert taken(subscription) == expected


def test_each_publisher_has_its_numbers() -> None:
    """And events of this process have none."""
    subscription = Broker().subscribe("run_1")
    subscription.put(event(0))
    subscription.put_received("a", 4, event(1))
    subscription.put_received("b", 9, event(2))
    subscription.put(event(3))
    subscription.put_received("a", 5, event(4))
    subscription.put_received("b", 11, event(5))
    assert taken(subscription) == [0, None, 1, None, 2, 3, 4, None, 5]


def test_gaps_in_a_row_are_one() -> None:
    """The store is read once for them."""
    subscription = Broker().subscribe("run_1")
    for number in (2, 4, 6):
        subscription.put_received("there", number, None)
    assert taken(subscription) == [None]


@pytest.mark.parametrize("bound", [1, 2, 3])
def test_a_reader_that_is_slow_has_a_gap_at_the_bound(bound: int) -> None:
    """However much comes after."""
    subscription = Broker(bound).subscribe("run_1")
    for number in range(10):
        subscription.put(event(number))
    assert taken(subscription) == [*range(bound), None]
    subscription.put(event(10))
    assert taken(subscription) == [10]
