"""What these tests share: the doubles without pytest's fixtures, and a run to begin with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assistants_client import (
    AssistantRequest,
    FunctionDefinition,
    FunctionTool,
    MessageRequest,
    Run,
)
from assistants_client.testing import Doubles
from assistants_client.testing.doubles import opened


@pytest.fixture
def doubles() -> Iterator[Doubles]:
    """An engine in memory with all that steers it; what is not used does not matter."""
    with opened() as made:
        yield made


def started(doubles: Doubles, question: str = "Hi", tool: str | None = None) -> Run:
    """A run on a thread of its own."""
    client = doubles.client
    tools = [] if tool is None else [FunctionTool(function=FunctionDefinition(name=tool))]
    assistant = client.assistants.create(AssistantRequest(model="scripted", tools=tools))
    thread = client.threads.create(messages=[MessageRequest(question)])
    return client.runs.create(thread.id, assistant_id=assistant.id)


@pytest.fixture(name="started")
def _started() -> object:
    """Starts a run."""
    return started
