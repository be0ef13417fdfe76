"""How many runs an engine carries at once: by argument, by variable, and what waits."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from assistants_client import Client
from assistants_client.engine import Engine, Scripted
from assistants_client.errors import ConfigurationError

PATIENCE = 20.0
QUESTION: dict[str, Any] = {"messages": [{"role": "user", "content": "Go."}]}


def at_once(engine: Engine, runs: int) -> list[str]:
    """How that many runs have ended."""
    with Client(engine=engine) as client:
        assistant = client.assistants.create(model="m")
        made = [
            client.runs.create_thread_and_run(assistant_id=assistant.id, thread=QUESTION)
            for _ in range(runs)
        ]
        return [run.status for run in client.wait_for_runs(made, timeout=PATIENCE, check=False)]


def meeting_model(meeting: threading.Barrier, runs: int) -> Scripted:
    """A model whose answers wait for each other."""

    def answer(conversation: object) -> str:
        meeting.wait(PATIENCE)
        return "Done."

    return Scripted([answer] * runs)


def test_sixty_four_runs_are_carried_at_once() -> None:
    """Without a word, a model that keeps 64 runs waiting keeps no other waiting."""
    meeting = threading.Barrier(64)
    with Engine("sqlite://", meeting_model(meeting, 64)) as engine:
        assert at_once(engine, 64) == ["completed"] * 64
        assert engine.waiting_runs == 0


def test_a_variable_says_how_many(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes for every engine whose maker does not say it; what waits is told."""
    monkeypatch.setenv("ASSISTANTS_WORKERS", "2")
    begun, go_on = threading.Semaphore(0), threading.Event()

    def answer(conversation: object) -> str:
        begun.release()
        assert go_on.wait(PATIENCE)
        return "Done."

    with Engine("sqlite://", Scripted([answer] * 5)) as engine, Client(engine=engine) as client:
        assistant = client.assistants.create(model="m")
        runs = [
            client.runs.create_thread_and_run(assistant_id=assistant.id, thread=QUESTION)
            for _ in range(5)
        ]
        assert begun.acquire(timeout=PATIENCE)
        assert begun.acquire(timeout=PATIENCE)
        assert engine.waiting_runs == 3
        go_on.set()
        done = list(client.wait_for_runs(runs, timeout=PATIENCE))
        assert engine.waiting_runs == 0

    assert [run.status for run in done] == ["completed"] * 5
    assert "All workers (2) are busy; runs that wait for one: 1." in caplog.text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("0", r"\$ASSISTANTS_WORKERS: 0 is below 1"),
        ("-1", r"\$ASSISTANTS_WORKERS: -1 is below 1"),
        ("many", r"\$ASSISTANTS_WORKERS: 'many' is not a whole number"),
    ],
)
def test_a_variable_that_cannot_be_is_named(
    monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    """An argument goes before it, so that it is not even read then."""
    monkeypatch.setenv("ASSISTANTS_WORKERS", value)

    with pytest.raises(ConfigurationError, match=words):
        Engine("sqlite://", Scripted())
    Engine("sqlite://", Scripted(), workers=1).close()


@pytest.mark.parametrize(
    ("workers", "words"), [(0, "0 is not a whole number"), ("8", "'8' is not a whole number")]
)
def test_an_argument_that_cannot_be_is_named(workers: Any, words: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigurationError, match=f"workers: {words}"):
        Engine("sqlite://", Scripted(), workers=workers)
