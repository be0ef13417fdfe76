"""The engine's model against real servers that fail: it says why, in their words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assistants_client.engine import (
    ChatCompletions,
    Conversation,
    LanguageModelError,
    Turn,
)


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
