"""Chats become messages; the calls in them become runs with steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from reading_kit import refusal, result, source

CALL = {"id": "call_1", "type": "function", "function": {"name": "tide", "arguments": "{}"}}
OPENAI = [
    {"role": "user", "content": "When?"},
    {"role": "assistant", "content": "Let me look.", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "14:10"},
    {"role": "assistant", "content": "At 14:10."},
]
_AI = {"type": "ai", "content": "At 14:10.", "tool_calls": []}
_LOOK = {
    "type": "ai",
    "content": [{"type": "text", "text": "Let me look."}, {"type": "tool_use", "id": "call_1"}],
    "tool_calls": [{"name": "tide", "args": {}, "id": "call_1", "type": "tool_call"}],
}
LANGCHAIN = [
    {"type": "human", "data": {"content": "When?", "type": "human"}},
    {"type": "ai", "data": _LOOK},
    {"type": "tool", "data": {"content": "14:10", "tool_call_id": "call_1"}},
    {"lc": 1, "type": "constructor", "id": ["langchain", "AIMessage"], "kwargs": _AI},
]
SHORT = [
    {"type": "human", "content": "When?"},
    _LOOK,
    {"type": "tool", "content": "14:10", "tool_call_id": "call_1"},
    _AI,
]
RESPONSES = [
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "When?"}]},
    {"type": "message", "role": "assistant", "content": "Let me look."},
    {"type": "function_call", "call_id": "call_1", "name": "tide", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "14:10"},
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "At 14:10.", "annotations": []}],
    },
]
OLD = [
    {"role": "user", "content": "When?"},
    {"role": "assistant", "content": "Let me look."},
    {"role": "assistant", "content": None, "function_call": {"name": "tide", "arguments": "{}"}},
    {"role": "function", "name": "tide", "content": "14:10"},
    {"role": "assistant", "content": "At 14:10."},
]
FORMS = {
    "chat completions": OPENAI,
    "functions": OLD,
    "LangChain": LANGCHAIN,
    "LangChain's short form": SHORT,
    "responses": RESPONSES,
}


@pytest.mark.parametrize("chat", FORMS.values(), ids=FORMS)
def test_each_form_gives_the_same_thread(tmp_path: Path, chat: list[Any]) -> None:
    """Messages, and a run whose step has the call with its output."""
    read = result(source(tmp_path, "thread_A.json", chat))

    assert read.messages() == [
        ("thread_A", "user", "When?"),
        ("thread_A", "assistant", "Let me look."),
        ("thread_A", "assistant", "At 14:10."),
    ]
    run, step = read.one("run"), read.one("step")
    [call] = step["step_details"]["tool_calls"]
    assert call["function"] == {"name": "tide", "arguments": "{}", "output": "14:10"}
    assert step["run_id"] == run["id"]
    assert run["status"] == step["status"] == "completed"
    assert read.found[-1].document["run_id"] == run["id"]
    assert {one.direction for one in read.found if one.kind == "message"} == {"oldest_first"}
    assert {one.reader for one in read.recognised} == {"chat"}


def test_lines_of_chats_are_threads_each(tmp_path: Path) -> None:
    """Two equal chats are two threads, and the same again the next time."""
    path = source(tmp_path, "tuning.jsonl", [{"messages": OPENAI, "weight": 1}] * 2)

    keys = [one.thread_key for one in result(path).found]

    assert len(set(keys)) == 2
    assert keys == [one.thread_key for one in result(path).found]


def test_a_longer_export_of_a_chat_is_the_same_thread(tmp_path: Path) -> None:
    """Whatever the file is called."""
    more = [*OPENAI, {"role": "user", "content": "And low?"}]

    first = result(source(tmp_path, "chat.json", OPENAI))
    second = result(source(tmp_path, "later.json", more))

    assert {one.thread_key for one in first.found} == {one.thread_key for one in second.found}
    assert first.one("run")["id"] == second.one("run")["id"]


@pytest.mark.parametrize(
    ("name", "is_id"),
    [
        ("thread_abc.json", True),
        ("thread-abc.json.gz.json", True),
        ("964d69c7-0000-4000-8000-000000000001.json", True),
        ("messages.json", False),
        ("conversation_of_the_first_of_march.json", False),
    ],
)
def test_a_file_s_name_is_the_thread_where_it_is_an_id(
    tmp_path: Path, name: str, is_id: bool
) -> None:
    """Two files that are called the same are not one conversation."""
    [key] = {one.thread_key for one in result(source(tmp_path, name, OPENAI)).found}

    assert key is not None
    assert (key == name.partition(".")[0]) == is_id


def test_lines_that_are_turns_are_one_chat(tmp_path: Path) -> None:
    """A line each."""
    keys = {one.thread_key for one in result(source(tmp_path, "chat.jsonl", OPENAI)).found}

    assert len(keys) == 1


def test_a_conversation_and_its_items(tmp_path: Path) -> None:
    """The conversation is the thread."""
    conversation = {"id": "conv_1", "object": "conversation", "created_at": 5, "metadata": {}}
    items = {"object": "list", "data": RESPONSES, "has_more": False}

    read = result(source(tmp_path, "a.json", {"conversation": conversation, "items": items}))

    assert read.one("thread")["created_at"] == 5
    assert {one.thread_key for one in read.found} == {"conv_1"}
    assert read.codes() == ["part_dropped"]


def test_calls_of_built_in_tools_are_steps(tmp_path: Path) -> None:
    """With the output beside them; others are reported by their type."""
    chat = [
        {"role": "user", "content": "1 + 1?"},
        {"type": "code_interpreter_call", "id": "ci_1", "code": "1+1"}
        | {"outputs": [{"type": "logs", "logs": "2"}, {"type": "image", "url": "x"}]},
        {"type": "file_search_call", "id": "fs_1", "results": None},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"role": "assistant", "content": "2"},
    ]

    read = result(source(tmp_path, "a.json", chat))

    calls = [
        one.document["step_details"]["tool_calls"][0] for one in read.found if one.kind == "step"
    ]
    assert [call["type"] for call in calls] == ["code_interpreter", "file_search"]
    assert calls[0]["code_interpreter"] == {
        "input": "1+1",
        "outputs": [{"type": "logs", "logs": "2"}],
    }
    assert read.kinds().count("run") == 1
    assert [one.note for one in read.losses] == ["an item web_search_call"]


def test_calls_and_outputs_that_do_not_fit(tmp_path: Path) -> None:
    """An id used twice, a call without output, an output without call, odd arguments."""
    twice = [{**CALL, "function": {"name": name, "arguments": "not {json"}} for name in "fg"]
    chat = [
        {"role": "assistant", "content": None, "tool_calls": twice},
        {"role": "tool", "tool_call_id": "call_1", "content": "1"},
        {"role": "tool", "tool_call_id": "gone", "content": "2"},
        {"role": "user", "content": "Well?"},
    ]

    read = result(source(tmp_path, "thread_A.json", chat))

    [call] = read.one("step")["step_details"]["tool_calls"]
    assert call["function"] == {"name": "g", "arguments": "not {json", "output": "1"}
    assert read.messages() == [("thread_A", "assistant", "2"), ("thread_A", "user", "Well?")]
    assert read.found[-2].document["metadata"] == {"role": "tool"}
    assert sorted(read.codes()) == ["role_mapped", "tool_output_missing"]


def test_a_call_that_nothing_answers_leaves_its_text(tmp_path: Path) -> None:
    """Without a run, for there is no step in it."""
    read = result(source(tmp_path, "thread_A.json", OPENAI[:2]))

    assert read.kinds() == ["message", "message"]
    assert "run_id" not in read.found[1].document
    assert read.codes() == ["tool_output_missing"]


def test_parts_of_other_interfaces(tmp_path: Path) -> None:
    """Images, files and citations have the protocol's form; data stays data."""
    content = [
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
        {"type": "input_image", "file_id": "file-9"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "BBBB"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "input_file", "file_data": "AAAA"},
        {"type": "input_audio", "input_audio": {}},
    ]
    cited = {"type": "file_citation", "file_id": "file-1", "filename": "a", "index": 3}
    web = {"type": "url_citation", "url": "https://x", "title": "T"}
    web |= {"start_index": 0, "end_index": 2}
    text = {"type": "output_text", "text": "Yes", "annotations": [cited, web, {"type": "odd"}]}
    chat = [
        {"role": "user", "content": content},
        {"role": "assistant", "content": [text]},
        {"role": "assistant", "content": None, "refusal": "No."},
    ]

    read = result(source(tmp_path, "a.json", chat))

    first, second, third = (one.document for one in read.found)
    assert [part.get("image_url") or part.get("image_file") for part in first["content"][1:]] == [
        {"url": "https://example.org/x.png"},
        {"url": "data:image/png;base64,AAAA"},
        {"file_id": "file-9"},
        {"url": "data:image/gif;base64,BBBB"},
    ]
    assert [one["file_id"] for one in first["attachments"]] == ["file-1"]
    assert [one["type"] for one in second["content"][0]["text"]["annotations"]] == [
        "file_citation",
        "url_citation",
    ]
    assert third["content"] == [{"type": "refusal", "refusal": "No."}]
    assert read.codes() == ["part_dropped", "part_dropped", "annotation_dropped"]


def test_other_things_of_the_same_service_are_refused(tmp_path: Path) -> None:
    """Single completions and responses, and ChatKit's threads."""
    one = {"object": "chat.completion", "choices": [{"message": {"role": "assistant"}}]}
    kit = {"object": "list", "data": [{"object": "chatkit.thread", "id": "cthr_1"}]}

    assert "one by one" in refusal(source(tmp_path, "a.json", one))
    assert "ChatKit's threads" in refusal(source(tmp_path, "b.json", kit))
