"""How many runs are processed at once in all, and what becomes of those that find no room."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import fresh
from engine_http import Http
from engine_store import Store
from sqlalchemy import update

from assistants_client.engine import Conversation, Engine, Scripted, TextDelta
from assistants_client.engine.services._run_queue import RunQueue
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage.tables import runs
from assistants_client.engine.worker.lookout import Lookout
from assistants_client.errors import ConfigurationError

PATIENCE = 20.0


class Gate:
    """A model that answers when it is let: it notes how many questions are open at once."""

    def __init__(self) -> None:
        self.open = self.most = 0
        self.asked: list[str] = []
        self.changed = threading.Condition()
        self._passes = threading.Semaphore(0)

    def respond(self, conversation: Conversation) -> Iterator[TextDelta]:
        """Answers, once it is let."""
        with self.changed:
            self.asked.append(conversation.turns[-1].text)
            self.open += 1
            self.most = max(self.most, self.open)
            self.changed.notify_all()
        assert self._passes.acquire(timeout=PATIENCE)
        with self.changed:
            self.open -= 1
        yield TextDelta(text="Done.")

    def let(self, number: int = 1) -> None:
        """Lets so many answer."""
        for _ in range(number):
            self._passes.release()

    def wait(self, asked: int) -> None:
        """Waits until so many were asked."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.asked) >= asked, PATIENCE)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An empty database that several processes could use."""
    return fresh(f"sqlite:///{tmp_path / 'test.db'}")


@pytest.fixture
def no_lookouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks for waiting runs every two seconds."""
    monkeypatch.setattr(Lookout, "start", lambda self: None)


@pytest.mark.usefixtures("no_lookouts")
def test_engines_share_the_room(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """At most so many runs are in progress in all; whichever ends, the oldest that waits begins.

    It begins because of that, and not since somebody looks for it now and then.
    """
    gate = Gate()
    with Engine(url, gate, max_runs=2) as one, Engine(url, gate, max_runs=2) as other:
        https = [Http(one), Http(other)]
        with caplog.at_level(logging.INFO, "assistants_client"):
            paths = [https[0].start("0")]
            gate.wait(1)
            paths += [https[0].start("1")]
            gate.wait(2)
            # The second engine has none of its own in progress.
            paths += [https[1].start(str(number)) for number in range(2, 6)]
            for number, path in enumerate(paths[2:]):
                run_id = path.rpartition("/")[2]
                said = f"Run {run_id} is queued, and {number} before it"
                until(caplog, said)
                assert one.queued_runs(before=run_id) == number
        assert other.queued_runs() == one.queued_runs() == 4
        assert one.waiting_runs == other.waiting_runs == 0
        for number in range(6):
            assert gate.asked == [str(text) for text in range(min(2 + number, 6))]
            gate.let()
            gate.wait(min(3 + number, 6))
        assert [https[0].wait(path)["status"] for path in paths] == ["completed"] * 6
        assert gate.most == 2
        assert one.queued_runs() == 0


def until(caplog: pytest.LogCaptureFixture, words: str) -> None:
    """Waits for words in the log."""
    waiting = threading.Event()
    for _ in range(int(PATIENCE / 0.01)):
        if words in caplog.text:
            return
        waiting.wait(0.01)
    pytest.fail(f"{words!r} is not in the log")


def test_what_a_process_that_is_gone_had_waiting_is_found(url: str) -> None:
    """By another one that looks for it."""
    gate = Gate()
    with Engine(url, gate, max_runs=1) as living:
        http = Http(living)
        path = http.start("0")
        gate.wait(1)
        gone = Engine(url, gate, max_runs=1)
        left = Http(gone).start("1")
        gone._run_pool.close(0)
        gone.close()
        gate.let(2)
        assert [http.wait(one)["status"] for one in (path, left)] == ["completed"] * 2
        assert gate.most == 1


def test_none_is_overtaken(store: Store) -> None:
    """A run that found no room comes before those that are queued later."""
    queue = RunQueue(store.context, 1)
    execution = Execution(store.context, queue)
    first, second, third = (store.new_run() for _ in range(3))
    work = execution.claim(first.id)
    assert work is not None
    assert execution.claim(second.id) is None
    assert execution.unclaimed() == [third.id]  # the other one is found where a run ends
    assert queue.after_an_end() == []
    execution.finish(work.run, "failed")

    assert execution.claim(third.id) is None
    assert queue.after_an_end() == [second.id]
    assert execution.unclaimed() == [second.id]
    work = execution.claim(second.id)
    assert work is not None
    execution.finish(work.run, "failed")
    assert execution.claim(third.id) is not None


@pytest.mark.parametrize("max_runs", [1, 2])
def test_the_room_goes_round(store: Store, max_runs: int) -> None:
    """Many runs of one tenant do not hold up another's, whoever queued first."""
    execution = Execution(store.context, queue := RunQueue(store.context, max_runs))
    many = [store.new_run() for _ in range(5)]
    for run in (*many, one := store.new_run()):
        tenant = "ben" if run is one else "ann"
        with store.context.begin() as connection:
            connection.execute(update(runs).where(runs.c.id == run.id).values(tenant=tenant))
    works = [execution.claim(run.id) for run in (*many, one)]
    assert [work is not None for work in works] == [True] * max_runs + [False] * (6 - max_runs)

    assert works[0] is not None
    execution.finish(works[0].run, "failed")

    assert queue.after_an_end() == [one.id]
    assert execution.claim(one.id) is not None


def test_only_what_a_worker_has_takes_room(store: Store) -> None:
    """Not what waits for its caller; what is cancelled, as long as its worker is at work."""
    execution = Execution(store.context, RunQueue(store.context, 1))
    first, second, third = (store.new_run() for _ in range(3))
    work = execution.claim(first.id)
    assert work is not None
    step = execution.begin_tools_step(work.run, [])
    execution.require_action(work.run, step)
    assert execution.claim(second.id) is not None
    store.runs.cancel(second.thread_id, second.id)
    assert execution.claim(third.id) is None
    store.clock.move(3)
    assert store.current(second).status == "cancelled"
    assert execution.claim(third.id) is not None


def test_without_a_bound_nothing_is_counted(store: Store) -> None:
    """Any number is in progress at once; what another process has marked is found all the same."""
    bound = Execution(store.context, RunQueue(store.context, 1))
    unbound = Execution(store.context)
    first, second = store.new_run(), store.new_run()
    assert bound.claim(first.id) is not None
    assert bound.claim(second.id) is None
    assert unbound.unclaimed() == [second.id]
    assert unbound.claim(second.id) is not None


@pytest.mark.parametrize(
    ("name", "variable", "value", "words"),
    [
        ("max_runs", "ASSISTANTS_MAX_RUNS", "0", "0 is below 1"),
        ("max_runs", "ASSISTANTS_MAX_RUNS", "few", "'few' is not a whole number"),
        ("pool_size", "ASSISTANTS_POOL_SIZE", "1.5", "'1.5' is not a whole number"),
        ("statement_timeout", "ASSISTANTS_STATEMENT_TIMEOUT", "-1", "-1 is below 0"),
        ("statement_timeout", "ASSISTANTS_STATEMENT_TIMEOUT", "long", "'long' is not a number"),
    ],
)
def test_a_bound_that_cannot_be_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, variable: str, value: str, words: str
) -> None:
    """By the variable; an argument goes before it, so that it is not even read then."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=rf"^\${variable}: {words}$"):
        Engine("sqlite://", Scripted())
    good: dict[str, Any] = {name: 1}
    Engine("sqlite://", Scripted(), **good).close()
    bad: dict[str, Any] = {name: -1}
    with pytest.raises(ConfigurationError, match=rf"^{name}: -1 is not a"):
        Engine("sqlite://", Scripted(), **bad)


def test_a_database_that_cannot_be_read_has_no_number(tmp_path: Path) -> None:
    """It is an error, and not zero."""
    engine = Engine(f"sqlite:///{tmp_path / 'test.db'}", Scripted())
    assert engine.queued_runs() == 0
    engine.close()
    with pytest.raises(ConfigurationError, match="closing"):
        engine.queued_runs()
