"""What is asked of servers of the Responses API, against the types of the official client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from clients_kit import HERE, interpreter, told

from assistants_client.engine.language_models.base import (
    Conversation,
    FunctionSpec,
    Image,
    ToolCall,
    Turn,
)
from assistants_client.engine.language_models.responses_wire import request_document

SHOWN = Turn(
    role="user",
    parts=["Look:", Image(url="https://x/y.png"), Image(url="data:1", detail="low")],
)
FULL = Conversation(
    model="m",
    instructions="Be kind",
    turns=[
        Turn(role="user", text="Hi"),
        SHOWN,
        Turn(
            role="assistant",
            text="Well",
            tool_calls=[ToolCall(id="call_1", name="f", arguments="{}")],
        ),
        Turn(role="tool", text="2", tool_call_id="call_1"),
    ],
    functions=[FunctionSpec(name="f", description="F", strict=True), FunctionSpec(name="g")],
    tool_choice="function:f",
    parallel_tool_calls=False,
    temperature=0.5,
    top_p=0.9,
    max_completion_tokens=300,
    reasoning_effort="low",
    response_format={
        "type": "json_schema",
        "json_schema": {"name": "point", "schema": {"type": "object"}, "strict": True},
    },
)
PLAIN = Conversation(
    model="m",
    turns=[Turn(role="user", text="Hi")],
    functions=[FunctionSpec(name="f")],
    tool_choice="required",
    response_format={"type": "json_object"},
)
GREETING = Conversation(model="m", turns=[], instructions="Greet")


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    """Requests that hold everything that is ever sent."""
    asked = [FULL, PLAIN, GREETING]
    return [{**request_document(one, model="m", origin=""), "stream": True} for one in asked]


def test_requests_are_what_the_client_would_send(
    documents: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Each is valid, and holds no field that the client does not know."""
    python = interpreter("CLIENTS_PYTHON", "the interpreter of tests/clients/requirements.txt")
    (tmp_path / "documents.json").write_text(json.dumps(documents))
    program = str(HERE / "programs" / "openai_request_types.py")

    taken: Any = told([python, program, str(tmp_path / "documents.json")], tmp_path, "unused")

    assert taken == documents
