"""The official Python client against ``assistants serve``: what its programs must find."""

from __future__ import annotations

from typing import Any

import pytest
from clients_kit import Program

DELTA = "thread.message.delta"
MESSAGE = [
    "thread.run.step.created",
    "thread.run.step.in_progress",
    "thread.message.created",
    "thread.message.in_progress",
    DELTA,
    "thread.message.completed",
    "thread.run.step.completed",
]
BEGIN = ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
TOOLS = ["thread.run.step.created", "thread.run.step.in_progress", "thread.run.step.delta"]


@pytest.fixture(scope="module")
def objects(openai_program: Program) -> dict[str, Any]:
    """What ``openai_objects.py`` found."""
    return openai_program("openai_objects")


@pytest.fixture(scope="module")
def runs(openai_program: Program) -> dict[str, Any]:
    """What ``openai_runs.py`` found."""
    return openai_program("openai_runs")


@pytest.fixture(scope="module")
def streams(openai_program: Program) -> dict[str, Any]:
    """What ``openai_streams.py`` found."""
    return openai_program("openai_streams")


def without_repeats(events: list[str]) -> list[str]:
    """Events, those of one name in a row as one."""
    return [name for index, name in enumerate(events) if index == 0 or events[index - 1] != name]


def without_empty(sizes: list[int]) -> list[int]:
    """Sizes of pages; old clients ask for one more behind the last, which is empty."""
    return [size for size in sizes if size]


def test_assistants(objects: dict[str, Any]) -> None:
    """What is created is what was asked for, is read back the same, and changes where told."""
    made, updated = objects["assistant"], objects["assistant_updated"]

    assert made == objects["assistant_again"]
    assert {key: made[key] for key in ("object", "name", "description", "instructions")} == {
        "object": "assistant",
        "name": "Guide",
        "description": "Knows the way",
        "instructions": "Be brief.",
    }
    assert [tool["type"] for tool in made["tools"]] == ["code_interpreter", "function"]
    assert made["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert made["metadata"] == {"a": "1"}
    assert made["tool_resources"] == {"code_interpreter": {"file_ids": []}}
    bare = {"tools": [], "tool_resources": {}}
    assert updated == {**made, "name": "Scout", "metadata": {"b": "2"}, **bare}
    assert objects["assistant_deleted"] == {
        "id": made["id"],
        "object": "assistant.deleted",
        "deleted": True,
    }


def test_forty_five_items_by_twenty(objects: dict[str, Any]) -> None:
    """The client's own iterator sees each item once, in either order, many in one second."""
    assert objects["pages"]["descending"]
    assert objects["pages"]["ascending"]
    assert objects["pages"]["before"]
    assert objects["pages"]["sizes"][:2] == [20, 20]
    assert without_empty(objects["message_pages"]) == [20, 20, 5]


def test_threads_and_messages(objects: dict[str, Any]) -> None:
    """Threads are made with their messages, or empty; metadata is replaced."""
    assert objects["thread"]["metadata"] == {"page": "3"}
    assert objects["thread_updated"]["metadata"] == {"page": "4"}
    assert objects["empty_thread"]["object"] == "thread"
    assert objects["messages"] == [["user", "One"], ["assistant", "Two"], ["user", "Three"]]
    assert objects["message"]["attachments"] == []
    assert objects["message_updated"] == {"seen": "yes"}
    assert objects["message_deleted"]["object"] == "thread.message.deleted"
    assert objects["thread_deleted"]["object"] == "thread.deleted"


def test_error_classes(objects: dict[str, Any]) -> None:
    """Each refusal becomes the client's own class, with code and the exact parameter."""
    kind = "invalid_request_error"
    assert objects["request_id"].startswith("req_")
    assert objects["errors"] == {
        "gone": ["NotFoundError", 404, None, None, kind],
        "deleted twice": ["NotFoundError", 404, None, None, kind],
        "missing thread": ["NotFoundError", 404, None, None, kind],
        "unknown key": ["BadRequestError", 400, "unknown_parameter", "temprature", kind],
        "metadata": ["BadRequestError", 400, "invalid_type", "metadata.k", kind],
        "temperature": ["BadRequestError", 400, "decimal_above_max_value", "temperature", kind],
        "role": ["BadRequestError", 400, "invalid_value", "messages[0].role", kind],
        "limit": ["BadRequestError", 400, "integer_above_max_value", "limit", kind],
        "cursor": ["BadRequestError", 400, "invalid_value", "after", kind],
        "key": ["AuthenticationError", 401, "invalid_api_key", None, kind],
        "no such path": ["NotFoundError", 404, "unknown_url", None, kind],
    }


def test_a_run_by_polling(runs: dict[str, Any]) -> None:
    """The run completes; its step and its message are there, and usage is counted."""
    run = runs["run"]
    [step] = runs["steps"]

    assert run["status"] == "completed"
    assert run["instructions"] == "Be brief.\n\nBe kind."
    assert run["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "total_tokens": 12,
        "prompt_token_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    assert run["expires_at"] is None
    assert runs["texts"] == ["Hello", "You said: Hello"]
    assert (step["type"], step["status"]) == ("message_creation", "completed")
    assert step["completed_at"] is not None
    assert step["usage"] == run["usage"]
    assert runs["step_again"] == step["id"]
    assert runs["run_updated"] == {"r": "2"}
    assert runs["messages_of_run"] == 1


def test_code(runs: dict[str, Any]) -> None:
    """The code that the model wrote was run; its output is in the step."""
    [call] = runs["code_steps"][0]["tool_calls"]

    assert call["code_interpreter"] == {
        "input": "print(6 * 7)",
        "outputs": [{"type": "logs", "logs": "42\n"}],
    }


def test_tool_outputs_plain(runs: dict[str, Any]) -> None:
    """Two calls are asked for at once and answered in one request; the answer uses both."""
    asked = runs["asked"]
    calls = asked["required_action"]["submit_tool_outputs"]["tool_calls"]

    assert asked["status"] == "requires_action"
    assert [call["function"]["arguments"] for call in calls] == [
        '{"city": "Oslo"}',
        '{"city": "Bergen"}',
    ]
    assert runs["answered"][:2] == ["completed", "The tool said: Oslo: 9 C and Bergen: 9 C"]
    assert runs["answered"][2]["total_tokens"] == 24
    assert [call["function"]["output"] for call in runs["answered_steps"][0]["tool_calls"]] == [
        "Oslo: 9 C",
        "Bergen: 9 C",
    ]


def test_refusals_of_runs(runs: dict[str, Any]) -> None:
    """A locked thread, half of the outputs and a late cancel are refused with 400."""
    refusals = runs["refusals"]
    asked = runs["asked"]

    assert (
        f"Can't add messages to {asked['thread_id']} while a run {asked['id']} is active."
        in refusals["locked for messages"][2]
    )
    assert (
        f"Thread {asked['thread_id']} already has an active run {asked['id']}."
        in refusals["locked for runs"][2]
    )
    assert [refusal[:2] for refusal in refusals.values()] == [["BadRequestError", 400]] * 4


def test_failing_and_cancelled_runs(runs: dict[str, Any]) -> None:
    """Runs end as they do elsewhere, and their thread is free again."""
    assert runs["failed"] == ["failed", "server_error"]
    assert runs["cancelling"] in {"cancelling", "cancelled"}
    assert runs["cancelled"] == "cancelled"
    assert runs["cancelled_waiting"] == ["cancelled", None]
    assert without_empty(runs["run_pages"]) == [20, 3]
    assert runs["listed"] == 23


def test_a_stream_with_an_event_handler(streams: dict[str, Any]) -> None:
    """Every callback is called in order, the snapshots are whole, and the helpers answer."""
    plain = streams["plain"]

    assert without_repeats(plain["events"]) == [*BEGIN, *MESSAGE, "thread.run.completed"]
    assert plain["text"] == "You said: Good day to you"
    assert plain["calls"] == [
        ["text_created", "You"],
        ["text_done", True],
        ["message_done", "completed"],
        ["run_step_done", "message_creation", "completed"],
        ["end"],
    ]
    assert streams["final"] == ["completed", ["You said: Good day to you"], 1]


def test_code_in_a_stream(streams: dict[str, Any]) -> None:
    """A thread and a run in one request; code and its logs come in deltas."""
    code = streams["code"]

    assert without_repeats(code["events"]) == [
        "thread.created",
        *BEGIN,
        *TOOLS,
        "thread.run.step.completed",
        *MESSAGE,
        "thread.run.completed",
    ]
    assert code["logs"] == ["42\n"]
    assert code["calls"][0] == ["tool_call_created", "code_interpreter"]
    assert streams["code_text"] == "The tool said: 42\n"


def test_tool_outputs_streamed(streams: dict[str, Any]) -> None:
    """Both legs are streams; the client's own snapshot holds the calls whole."""
    calls = [["get_weather", {"city": "Oslo"}], ["get_weather", {"city": "Bergen"}]]

    assert streams["asked"] == calls
    assert streams["asked_snapshot"] == calls
    assert without_repeats(streams["first_leg"]["events"]) == [
        *BEGIN,
        *TOOLS,
        "thread.run.requires_action",
    ]
    assert without_repeats(streams["second_leg"]["events"]) == [
        "thread.run.step.completed",
        "thread.run.queued",
        "thread.run.in_progress",
        *MESSAGE,
        "thread.run.completed",
    ]
    assert streams["second_leg"]["text"] == "The tool said: 9 C and 9 C"
    assert streams["answered"] == "completed"


def test_bare_events_failures_and_leaving(streams: dict[str, Any]) -> None:
    """Without helpers too; a failed run ends its stream; who leaves can cancel.

    A stream that cannot go on raises an error.
    """
    assert without_repeats(streams["bare"]) == [*BEGIN, *MESSAGE, "thread.run.completed"]
    assert streams["failing"] == ["thread.run.failed", "failed"]
    assert streams["left"] == "cancelled"
    assert streams["broken_off"] == ["APIError", True]
