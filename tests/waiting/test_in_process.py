"""Waits for runs of an engine in this process: they end with the run, whenever a poll is due."""

from __future__ import annotations

import sys
import threading
from functools import partial
from types import SimpleNamespace

import pytest

from assistants_client import Client
from assistants_client.engine import Engine, Scripted, call
from assistants_client.engine.events.broker import Broker, RunEvent
from assistants_client.engine.http import app

#: More than the whole wait may take, so that nothing but the run's end can end it in time.
LATE = 600.0


class Gate:
    """A model that answers, each time, after it was let."""

    def __init__(self, *answers):
        self._let = threading.Semaphore(0)
        self._scripted = Scripted(answers)

    def respond(self, conversation):
        """Waits, and answers."""
        assert self._let.acquire(timeout=30)
        return self._scripted.respond(conversation)

    def let(self, run):
        """Lets it answer; for ``on_poll``."""
        if not run.is_final:
            self._let.release()


@pytest.fixture
def hint(monkeypatch):
    """Has the engine ask for polls far apart, which wins over any backoff."""
    monkeypatch.setattr(app, "_POLL_MINIMUM", LATE)
    monkeypatch.setattr(app, "_POLL_MAXIMUM", LATE)


@pytest.fixture
def connected():
    """Makes clients of engines with a model."""
    opened = []

    def connect(model, wrapped=lambda engine: engine):
        engine = Engine("sqlite://", model)
        client = Client(engine=wrapped(engine), backoff=LATE)
        opened.extend([client, engine])
        return client

    yield connect
    for one in opened:
        one.close()


def begun(client, **fields):
    """A run on a new thread."""
    assistant = client.assistants.create(model="scripted")
    thread = {"messages": [{"role": "user", "content": "Hi"}]}
    return client.runs.create_thread_and_run(assistant_id=assistant.id, thread=thread, **fields)


@pytest.mark.usefixtures("hint")
@pytest.mark.parametrize("progress", [False, True])
def test_a_wait_ends_when_its_run_does(connected, monkeypatch, progress):
    """The poll that finds the end is not the next one by its time; also where a line is drawn."""
    terminal = SimpleNamespace(isatty=lambda: True, write=len, flush=int, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr("sys.stderr", terminal)
    model, seen = Gate("Hello"), []
    client = connected(model)
    run = begun(client)
    ended = client.wait_for_run(
        run, timeout=30, progress=progress, on_poll=lambda run: (seen.append(run), model.let(run))
    )
    assert ended.status == "completed"
    assert len(seen) == 2


@pytest.mark.usefixtures("hint")
def test_a_wait_that_calls_tools_ends_when_its_run_does(connected):
    """Also the one for the call, in the middle."""

    def double(number: int) -> int:
        """Doubles a number."""
        return 2 * number

    model = Gate(call("double", number=4), "Eight")
    client = connected(model)
    function = {"type": "function", "function": {"name": "double", "parameters": {}}}
    run = begun(client, tools=[function])
    ended = client.wait_for_run(run, tools=[double], timeout=30, on_poll=model.let)
    assert ended.status == "completed"


def test_an_application_around_an_engine_is_polled(connected):
    """It does not say when a run ends."""
    client = connected(Scripted(["Hello"]), partial)
    assert client.wait_for_run(begun(client), timeout=30).status == "completed"


def test_a_watcher_is_told_of_its_run_alone_and_while_it_watches():
    """Once for each event by which the run settles."""
    broker, told = Broker(), []

    def publish(run_id, word):
        broker.publish([RunEvent(run_id, f"thread.run.{word}", {})])

    with broker.watching("run_1", lambda: told.append("outer")):
        with broker.watching("run_1", lambda: told.append("inner")):
            publish("run_2", "completed")
            publish("run_1", "in_progress")
            assert not told
            publish("run_1", "requires_action")
            assert told == ["outer", "inner"]
        publish("run_1", "failed")
        assert told == ["outer", "inner", "outer"]
    publish("run_1", "completed")
    assert told == ["outer", "inner", "outer"]


def test_a_wait_reads_a_run_once_that_ends_soon(connected):
    """The engine tells of the end: there is nothing to be read before."""
    client, seen = connected(Scripted(["Hello"] * 20)), []
    for _ in range(20):
        run = begun(client)
        assert client.wait_for_run(run, timeout=30, on_poll=seen.append).status == "completed"
    # On a busy machine one may take longer than the first look is put off.
    assert len(seen) < 40


def test_a_watcher_of_what_is_at_work_elsewhere_is_told_at_once():
    """It may have ended before it was watched."""
    broker, told = Broker(), []
    with broker.watching("run_1", lambda: told.append("here"), lambda run_id: True):
        assert not told
    with broker.watching("run_1", lambda: told.append("elsewhere"), lambda run_id: False):
        assert told == ["elsewhere"]
