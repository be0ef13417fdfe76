"""The official Node client and Azure's against ``assistants serve``."""

from __future__ import annotations

from typing import Any

import pytest
from clients_kit import Program


@pytest.fixture(scope="module")
def openai(openai_node_program: Program) -> dict[str, Any]:
    """What ``openai_client.mjs`` found."""
    return openai_node_program("openai_client")


def test_pages_runs_and_steps(openai: dict[str, Any]) -> None:
    """45 items by 20, a run by polling, and what it left."""
    assert openai["paged"] == 45
    assert openai["run"] == ["completed", ["Hello", "You said: Hello"]]
    assert openai["steps"] == ["message_creation"]
    assert openai["cancelled"] == "cancelled"


def test_streams(openai: dict[str, Any]) -> None:
    """Its events come, and its snapshots are whole; one that cannot go on is an error."""
    assert openai["stream"]["text"] == "You said: Good day"
    assert openai["stream"]["events"] == ["textDone", "messageDone completed", "end"]
    assert openai["final"] == ["completed", 1]
    assert openai["code"]["events"][:2] == [
        "toolCallCreated code_interpreter",
        "toolCallDone code_interpreter",
    ]
    assert openai["logs"] == [{"type": "logs", "logs": "42\n"}]
    assert openai["broken_off"]


def test_tools(openai: dict[str, Any]) -> None:
    """Outputs of two calls are taken, plain and streamed."""
    assert openai["plain_tools"] == ["completed", "The tool said: Oslo and Bergen"]
    assert openai["streamed_tools"] == ["requires_action", "completed"]
    assert openai["first_leg"]["names"][-1] == "thread.run.requires_action"
    assert openai["second_leg"]["text"] == "The tool said: Oslo and Bergen"


def test_files_deletion_and_errors(openai: dict[str, Any]) -> None:
    """An upload is read and found; what is deleted is gone; refusals are its own classes."""
    assert openai["files"] == ["completed", "Oslo is the capital of Norway."]
    assert openai.get("found", "capitals.txt") == "capitals.txt"  # version 4 cannot search
    assert openai["deleted"] == [
        "thread.deleted",
        "assistant.deleted",
        "vector_store.deleted",
        "file",
    ]
    assert openai["errors"] == {
        "gone": ["NotFoundError", 404, None, None],
        "temperature": ["BadRequestError", 400, "decimal_above_max_value", "temperature"],
        "key": ["AuthenticationError", 401, "invalid_api_key", None],
    }


def test_azure(node_program: Program) -> None:
    """Agents, a run, a stream; the client reads ``tools`` and the ``done`` event."""
    told = node_program("azure_agents")

    assert told["agent"] == ["azure node", []]
    assert told["run"] == ["completed", ["Hello", "You said: Hello"]]
    assert told["stream"] == ["thread.run.created", "done", "You said: Good day"]
    assert told["gone"] == 404


def test_azures_class_of_the_official_client(openai_node_program: Program) -> None:
    """``AzureOpenAI`` sends its key as ``api-key`` alone; its endpoint is all that changes."""
    told = openai_node_program("openai_azure")

    assert told["key"] == told["deployment"] == ["completed", "You said: Hello"]
    assert told["wrong"] == "invalid_api_key"
