"""Tasks of Celery: sent without holding anybody up, taken and given back."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from databases import fresh
from engine_http import Http

from assistants_client.engine import Engine, Scripted

celery_tasks = pytest.importorskip("assistants_client.engine.worker.celery_tasks")

from assistants_client.engine.worker.celery_consumer import (  # noqa: E402  # after the skip
    Performer,
    TaskConsumers,
)
from assistants_client.engine.worker.celery_tasks import (  # noqa: E402
    FILES,
    RUNS,
    CelerySender,
    celery_app,
)

PATIENCE = 20.0
#: A broker within this process.
MEMORY = "memory://"


def until(condition: Callable[[], bool]) -> None:
    """Waits for something."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def senders() -> list[threading.Thread]:
    """The threads of all senders."""
    return [one for one in threading.enumerate() if one.name == "assistants-sender"]


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


def test_tasks_are_done_by_the_workers_of_their_queue() -> None:
    """Runs and files do not wait for each other, and what is not over is given back at the end."""
    done: list[tuple[str, str]] = []
    held = threading.Event()

    def perform_run(name: str) -> bool:
        done.append((RUNS, name))
        if name == "never":
            held.wait(PATIENCE)
        return name != "never"

    def perform_file(name: str) -> bool:
        done.append((FILES, name))
        return True

    runs, files = CelerySender(MEMORY, RUNS), CelerySender(MEMORY, FILES)
    performers = {RUNS: Performer(perform_run, 1), FILES: Performer(perform_file, 1)}
    consumers = TaskConsumers(MEMORY, performers, lambda: None)
    consumers.start()
    for name in ("a", "b", "never"):
        runs.submit(name)
    files.submit("1")
    until(lambda: len(done) == 4)
    assert sorted(done) == [(FILES, "1"), (RUNS, "a"), (RUNS, "b"), (RUNS, "never")]
    consumers.take_no_more()
    held.set()
    consumers.stop()
    assert [one for one in threading.enumerate() if one.name == "assistants-celery"] == []

    again: list[str] = []
    performers = {RUNS: Performer(lambda name: not again.append(name), 1)}
    consumers = TaskConsumers(MEMORY, performers, lambda: None)
    consumers.start()
    until(lambda: again == ["never"])
    consumers.stop()
    assert (runs.close(), files.close()) == (True, True)
    until(lambda: senders() == [])


def test_a_broker_that_is_away_holds_nobody_up(
    closed_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What is to be sent is dropped, and told of once."""
    sender = CelerySender(f"redis://127.0.0.1:{closed_port}/0", RUNS)
    begun = time.monotonic()
    for number in range(200):
        sender.submit(str(number))
    assert time.monotonic() - begun < 1.0
    until(lambda: sender._unsent == type(sender._unsent)() and sender._is_failing)
    sender.submit("more")
    sender.close(PATIENCE)
    (told,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert "cannot be reached" in told.message
    sender.submit("after the end")
    assert senders() == []


def test_an_engine_that_leaves_runs_to_workers(tmp_path: Path, closed_port: int) -> None:
    """It carries none itself, opened or closed, and another that does finds them."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    broker = f"redis://127.0.0.1:{closed_port}/0"
    model, other = Scripted(), Scripted(["Done."] * 2)
    before = set(threading.enumerate())
    with Engine(url, model, executor="celery", broker=broker) as engine:
        http = Http(engine)
        paths = [http.start(), http.start()]
        assert [http.send("GET", path)["status"] for path in paths] == ["queued"] * 2
        assert (engine.busy(), engine.waiting_runs) == (0, 0)
        started = {one.name for one in set(threading.enumerate()) - before}
        assert "assistants-sender" in started
        assert started.isdisjoint({"assistants-run", "assistants-lookout"})
        with Engine(url, other) as worker:
            worker.open()
            assert [http.wait(path)["status"] for path in paths] == ["completed"] * 2
    assert model.conversations == []


def test_an_app_is_of_its_broker_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a variable of the program around nor its Celery has to do with it."""
    from celery import current_app

    before = current_app._get_current_object()
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://elsewhere/0")
    app, other = celery_app("redis://one/1"), celery_app("redis://two/2")
    assert app.connection_for_write().hostname == "one"
    assert app.connection_for_read().hostname == "one"
    assert other.connection_for_write().hostname == "two"
    assert current_app._get_current_object() is before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_sends_by_itself(closed_port: int) -> None:
    """Its parent's thread is not there, nor is its connection used."""
    sender = CelerySender(f"redis://127.0.0.1:{closed_port}/0", RUNS)
    sender.submit("a")
    until(lambda: sender._is_failing)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        is_right = False
        try:
            had_none = not sender._has_thread and not sender._is_failing
            sender.submit("b")
            until(lambda: sender._is_failing)
            is_right = had_none and len(senders()) == 1
        finally:
            os._exit(0 if is_right else 1)
    assert os.waitpid(child, 0)[1] == 0
    sender.close()
