"""Azure's Python client, and the official one's class for Azure, against ``assistants serve``."""

from __future__ import annotations

from clients_kit import Program


def test_azure_agents(python_program: Program) -> None:
    """Agents, pages, runs, streams and functions work as against Azure's own service."""
    told = python_program("azure_agents")

    assert told["agent"] == ["azure guide", []]
    assert told["updated"] == told["by_api_key"] == "azure scout"
    assert told["paged"] == 45
    assert told["run"] == ["completed", ["Hello", "You said: Hello"]]
    assert told["steps"] == ["RunStepType.MESSAGE_CREATION"]
    assert told["last"] == "You said: Hello"
    assert told["stream"][0] == "You said: Good day"
    assert told["stream"][1] == ["queued", "queued", "in_progress", "completed", "done"]
    assert told["by_hand"] == ["completed", "The tool said: 9 C and 9 C"]
    assert told["by_itself"] == ["completed", 'The tool said: {"city": "Oslo", "degrees": 9}']
    assert told["cancelled"] == "cancelled"
    assert told["threads"]
    assert told["gone"] == [404, True]
    assert told["refused"] == [400, True]


def test_azures_class_of_the_official_client(openai_program: Program) -> None:
    """``AzureOpenAI`` needs another endpoint and nothing else, with a deployment or without."""
    told = openai_program("openai_azure")

    done = ["completed", "You said: Hello", "You said: Good day", [True] * 4, True]
    for form in ("key", "token", "deployment", "deployment_in_the_url", "version_1"):
        assert told[form] == done, form
    assert "/openai/deployments/gpt-4o/chat/completions" in told["chat"]
    assert "need a client of their own" in told["chat"]
    assert told["wrong"] == "invalid_api_key"
