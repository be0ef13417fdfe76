"""The engine's model against real servers: pieces as they come, whole tool rounds, failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from assistants_client import Client
from assistants_client.engine import (
    ChatCompletions,
    Conversation,
    Engine,
    LanguageModelError,
    TextDelta,
    TokenUsage,
    Turn,
)
from assistants_client.models.events import MessageDelta, RunStepDelta

QUESTION = "I need to solve the equation `3x + 11 = 14`. Can you help me?"
INSTRUCTIONS = "Please address the user as Jane Doe. The user has a premium account."


@pytest.fixture
def litellm(litellm_server: str, peer_key: str) -> Iterator[ChatCompletions]:
    """LiteLLM's proxy with a few rules behind it."""
    made = ChatCompletions(litellm_server, peer_key, model="brain")
    yield made
    made.close()


@pytest.fixture
def llama(llama_server: str, peer_key: str) -> Iterator[ChatCompletions]:
    """llama.cpp with a model that knows one conversation."""
    made = ChatCompletions(llama_server, peer_key, model="tiny-table")
    yield made
    made.close()


@pytest.fixture(params=["litellm", "llama"])
def model(request: pytest.FixtureRequest) -> ChatCompletions:
    """Each of the servers in turn."""
    found: ChatCompletions = request.getfixturevalue(request.param)
    return found


def test_a_streamed_run_with_code(model: ChatCompletions) -> None:
    """The guide's program, streamed: code in pieces, its output, the answer word by word."""
    with Engine("sqlite://", model) as engine, Client(engine=engine) as client:
        assistant = client.assistants.create(
            model="m", instructions=INSTRUCTIONS, tools=[{"type": "code_interpreter"}]
        )
        thread = client.threads.create(messages=[{"role": "user", "content": QUESTION}])
        with client.runs.stream(thread.id, assistant_id=assistant.id) as stream:
            events: list[Any] = list(stream)
        assert stream.run is not None
        assert stream.run.status == "completed", stream.run.last_error
        assert stream.run.usage is not None
        assert any(isinstance(event, RunStepDelta) for event in events)
        words = [event.text for event in events if isinstance(event, MessageDelta)]
        assert len(words) > 1
        [message] = stream.messages
        assert "".join(words) == message.text
        assert "x = 1" in message.text


def test_many_answers_in_a_row(model: ChatCompletions) -> None:
    """No connection is used twice, so none fails because its server has let go of it."""
    asked = Conversation(model="m", turns=[Turn(role="user", text=QUESTION)])
    for _ in range(10):
        deltas = list(model.respond(asked))
        assert any(isinstance(delta, TextDelta) and delta.text for delta in deltas)
        assert any(isinstance(delta, TokenUsage) for delta in deltas)


def test_a_failure_within_a_stream(litellm: ChatCompletions) -> None:
    """It is told in the server's words."""
    asked = Conversation(model="m", turns=[Turn(role="user", text="fail with 500")])
    with pytest.raises(LanguageModelError, match="an error: "):
        list(litellm.respond(asked))


def test_a_prompt_that_is_too_long(llama: ChatCompletions) -> None:
    """A refusal before the stream is told with its code."""
    asked = Conversation(model="m", turns=[Turn(role="user", text="long " * 6000)])
    with pytest.raises(LanguageModelError) as caught:
        list(llama.respond(asked))
    assert caught.value.code == "context_length_exceeded"
