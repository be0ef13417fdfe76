"""A database that cannot be written for a while: no run and no file stays in progress for it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from store_bench import Bench

from assistants_client.engine import Engine, Scripted
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage import database

PATIENCE = 10.0


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Another program's connection; while it writes, nobody else can, and nobody waits for it."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    path = tmp_path / "test.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    yield other
    other.close()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Opens engines on the database."""
    engines = []

    def open_engine(*answers: Any, heartbeat: float = 0.02) -> Bench:
        engine = Engine(f"sqlite:///{tmp_path / 'test.db'}", Scripted(answers))
        engine._run_pool._heartbeat = engine._readers._heartbeat = heartbeat
        engines.append(engine)
        return Bench(engine)

    yield open_engine
    for engine in engines:
        engine.close()


def until(condition: Callable[[], bool]) -> None:
    """Waits for something."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def started(bench: Bench) -> Any:
    """A run on a thread of its own."""
    assistant = bench.client.assistants.create(model="m")
    thread = bench.client.threads.create(messages=[{"role": "user", "content": "Hi"}])
    return bench.client.runs.create(thread.id, assistant_id=assistant.id)


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_run_whose_end_cannot_be_written(
    opened: Callable[..., Bench],
    lock: sqlite3.Connection,
    caplog: pytest.LogCaptureFixture,
    is_closed: bool,
) -> None:
    """It is queued again with the next heartbeat that can write that, and done once more.

    When the engine is closed before that, the next one processes it: nothing of it is stored.
    """

    def answer(_: object) -> str:
        lock.execute("BEGIN IMMEDIATE")
        return "Hello."

    bench = opened(answer, "Hello again.", heartbeat=60 if is_closed else 0.02)
    run = started(bench)
    until(lambda: "could not be processed" in caplog.text)
    lock.execute("ROLLBACK")
    if is_closed:
        bench.engine.close()
        bench = opened("Hello again.")
    ended = bench.client.wait_for_run(run_id=run.id, thread_id=run.thread_id, check=False)

    assert ended.status == "completed"
    assert ended.last_error is None
    assert bench.client.messages.create(run.thread_id, "It is not locked.").id


def test_a_run_that_cannot_be_claimed(
    opened: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is claimed later."""
    claim, failures = Execution.claim, [OSError("disk full")] * 3

    def failing(self: Execution, run_id: str) -> Any:
        if failures:
            raise failures.pop()
        return claim(self, run_id)

    monkeypatch.setattr(Execution, "claim", failing)
    bench = opened("Hello.")

    assert bench.client.wait_for_run(started(bench)).status == "completed"


def test_a_file_whose_passages_cannot_be_written(
    opened: Callable[..., Bench], lock: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """It is read once more."""
    bench = opened()
    complete = bench.engine._ingesting.complete

    def locked(*arguments: Any, **named: Any) -> None:
        if not lock.in_transaction and "could not be processed" not in caplog.text:
            lock.execute("BEGIN IMMEDIATE")
        complete(*arguments, **named)

    bench.engine._ingesting.complete = locked  # type: ignore[method-assign]  # for this test
    store = bench.client.vector_stores.create(file_ids=[bench.upload("A walrus.")])
    until(lambda: "could not be processed" in caplog.text)
    lock.execute("ROLLBACK")

    assert bench.settled(store.id).file_counts.completed == 1
    assert len(bench.found(store.id, "walrus")) == 1
