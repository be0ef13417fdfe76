"""Whole runs of the engine on every real server of language models that is there, by every API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from peer_rows import Peer

from assistants_client import Client, Run
from assistants_client.engine import Conversation, Engine, Finish, TextDelta, Turn
from assistants_client.models.events import MessageDelta, RunStepDelta

QUESTION = "I need to solve the equation `3x + 11 = 14`. Can you help me?"
CODE = [{"type": "code_interpreter"}]
AT_ONCE = 4
#: Some servers end a connection after a hundred answers.
MANY = 110


@pytest.fixture
def client(peer: Peer) -> Iterator[Client]:
    """A client of an engine on that server."""
    with Engine("sqlite://", peer.model) as engine, Client(engine=engine) as made:
        yield made


def ended(client: Client, run: Run) -> Run:
    """A run that has completed."""
    run = client.wait_for_run(run, check=False)
    assert run.status == "completed", run.last_error
    return run


def last_text(client: Client, run: Run) -> str:
    """What the run said last."""
    return next(iter(client.messages.list(run.thread_id, run_id=run.id))).text


def test_a_plain_run(client: Client, peer: Peer) -> None:
    """A question is answered in words, and its tokens are counted where the server does."""
    assistant = client.assistants.create(model="m", instructions="Be brief.")
    thread = client.threads.create(messages=[{"role": "user", "content": QUESTION}])
    run = ended(client, client.runs.create(thread.id, assistant_id=assistant.id))
    assert last_text(client, run)
    assert (run.usage is not None) == peer.tells_usage


def test_instructions_only(client: Client) -> None:
    """A thread without messages is answered too."""
    assistant = client.assistants.create(model="m", instructions="Greet the user.")
    thread = client.threads.create()
    run = ended(client, client.runs.create(thread.id, assistant_id=assistant.id))
    assert last_text(client, run)


def test_code_by_polling(client: Client, peer: Peer) -> None:
    """The model calls the tool, the engine runs it, and the answer follows; then all once more."""
    assistant = client.assistants.create(model="m", tools=CODE)
    thread = client.threads.create()
    for _ in range(2):
        client.messages.create(thread.id, QUESTION)
        run = client.runs.create(thread.id, assistant_id=assistant.id, tool_choice=peer.tool_choice)
        ended(client, run)
        steps = list(client.run_steps.list(thread.id, run.id, order="asc"))
        assert [step.type for step in steps] == ["tool_calls", "message_creation"]
        assert "x = 1" in last_text(client, run)


def test_code_in_a_stream(client: Client, peer: Peer) -> None:
    """The same streamed: code in pieces, its output, the answer word by word."""
    assistant = client.assistants.create(model="m", tools=CODE)
    thread = client.threads.create(messages=[{"role": "user", "content": QUESTION}])
    with client.runs.stream(
        thread.id, assistant_id=assistant.id, tool_choice=peer.tool_choice
    ) as stream:
        events: list[Any] = list(stream)
    assert stream.run is not None
    assert stream.run.status == "completed", stream.run.last_error
    assert any(isinstance(event, RunStepDelta) for event in events)
    words = [event.text for event in events if isinstance(event, MessageDelta)]
    assert len(words) > 1
    [message] = stream.messages
    assert "".join(words) == message.text
    assert "x = 1" in message.text


def test_runs_at_once(client: Client) -> None:
    """Several threads are answered at the same time."""
    assistant = client.assistants.create(model="m")
    runs = []
    for _ in range(AT_ONCE):
        thread = client.threads.create(messages=[{"role": "user", "content": QUESTION}])
        runs.append(client.runs.create(thread.id, assistant_id=assistant.id))
    for run in runs:
        assert last_text(client, ended(client, run))


def test_an_answer_that_is_cut_short(peer: Peer) -> None:
    """A bound on tokens is told as the reason of the end, where the server tells it."""
    asked = Conversation(
        model="m", turns=[Turn(role="user", text=QUESTION)], max_completion_tokens=2
    )
    *_, last = peer.model.respond(asked)
    assert last == Finish(reason="length" if peer.tells_length else "stop")


def test_many_answers_in_a_row(peer: Peer) -> None:
    """Each question is answered, on whichever connection: servers let go of theirs at will."""
    asked = Conversation(model="m", turns=[Turn(role="user", text=QUESTION)])
    for _ in range(MANY):
        deltas = list(peer.model.respond(asked))
        assert any(isinstance(delta, TextDelta) and delta.text for delta in deltas)
