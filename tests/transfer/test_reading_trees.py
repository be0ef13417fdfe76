"""Trees of versions become the thread of the current path; other branches are counted or made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reading_kit import result, source


def node(parent: str | None, role: str, *parts: object, time: float | None = None) -> Any:
    """A node of ChatGPT's tree."""
    content = {"content_type": "text", "parts": list(parts)}
    message = {"author": {"role": role}, "create_time": time, "content": content}
    return {"parent": parent, "message": message}


def conversation(**fields: Any) -> dict[str, Any]:
    """A conversation with two answers to one question, the first of them older."""
    image = {
        "content_type": "image_asset_pointer",
        "asset_pointer": "file-service://file-Chart",
    }
    mapping = {
        "n0": {"parent": None, "message": None},
        "n1": node("n0", "user", image, "What is this?", time=1.5),
        "n2": node("n1", "assistant", "A first try", time=2),
        "n3": node("n1", "assistant", "A tide table.", time=3.5),
    }
    fixed = {"conversation_id": "c-1", "title": "Tides", "create_time": 1.25}
    return {**fixed, "mapping": mapping, **fields}


def test_the_current_path_is_the_thread(tmp_path: Path) -> None:
    """Also where it is not the newest; without it, the newest is."""
    path = source(tmp_path, "conversations.json", [conversation(current_node="n2")])

    read = result(path)

    assert read.one("thread") == {
        "object": "thread",
        "id": "c-1",
        "metadata": {"title": "Tides"},
        "created_at": 1.25,
    }
    assert read.messages() == [
        ("c-1", "user", "<image_file>What is this?"),
        ("c-1", "assistant", "A first try"),
    ]
    assert read.codes() == ["branch_left_out"]
    newest = result(source(tmp_path, "a.json", [conversation(current_node="gone")]))
    assert newest.messages()[-1][2] == "A tide table."
    assert newest.recognised[0].reader == "tree"


def test_each_branch_can_be_a_thread(tmp_path: Path) -> None:
    """With the messages that they have in common in each."""
    read = result(source(tmp_path, "a.json", [conversation(current_node="n3")]), branches=True)

    assert [(key, text) for key, _, text in read.messages()] == [
        ("c-1", "<image_file>What is this?"),
        ("c-1", "A tide table."),
        ("c-1-n2", "<image_file>What is this?"),
        ("c-1-n2", "A first try"),
    ]
    assert read.codes() == []


def test_what_is_not_shown_is_no_message(tmp_path: Path) -> None:
    """Thoughts, outputs of tools and hidden instructions."""
    thought = node("n1", "assistant", "Hm")
    thought["message"]["content"]["content_type"] = "thoughts"
    hidden = node("n4", "system", "Instructions")
    hidden["message"]["metadata"] = {"is_visually_hidden_from_conversation": True}
    mapping = {
        "n1": node(None, "user", "Hello", {"content_type": "audio"}),
        "n2": thought,
        "n3": node("n2", "tool", "output"),
        "n4": {"parent": "n3", "message": {"author": {}, "content": None}},
        "n5": hidden,
        "n6": node("n5", "assistant", "Yes"),
    }
    for before, after in [("n3", "n4"), ("n4", "n5")]:
        mapping[after]["parent"] = before

    read = result(source(tmp_path, "a.json", conversation(mapping=mapping, current_node="n6")))

    assert [text for _, _, text in read.messages()] == ["Hello", "Yes"]
    assert read.codes() == ["part_dropped"] * 3


def test_odd_trees_end(tmp_path: Path) -> None:
    """An empty one, a circle, and many branches of a long path."""
    circle = {"a": node("b", "user", "A"), "b": node("a", "assistant", "B")}
    long = {f"n{i}": node(f"n{i - 1}", "user", str(i)) for i in range(2000)}
    leaves = {f"m{i}": node(f"n{i}", "assistant", "x") for i in range(2000)}
    trees = [
        conversation(mapping={}),
        conversation(mapping=circle),
        conversation(mapping={**long, **leaves}, current_node="n1999"),
    ]

    read = result(source(tmp_path, "a.json", trees))

    assert read.kinds().count("thread") == 3
    assert len(read.messages()) == 2 + 2000
    assert read.codes() == ["branch_left_out"] * 2000


def libre(id_: str, parent: str | None, **fields: Any) -> dict[str, Any]:
    """A message of LibreChat's."""
    return {"messageId": id_, "parentMessageId": parent, "text": "", **fields}


def test_librechat_s_messages_and_calls(tmp_path: Path) -> None:
    """The thread and the assistant are those of the protocol; an unfinished answer is left out."""
    code = {"input": "plot()", "outputs": []}
    called = {"id": "call_1", "type": "code_interpreter", "code_interpreter": code}
    function = {"id": "call_2", "name": "tide", "args": {"a": 1}, "output": "14:10"}
    image = {"file_id": "file-2", "filepath": "/images/u/chart.png"}
    content = [
        {"type": "tool_call", "tool_call": called},
        {"type": "tool_call", "tool_call": function},
        {"type": "tool_call", "tool_call": {"id": "call_3", "type": "file_search"}},
        {"type": "tool_call", "tool_call": {"id": "call_4", "name": "open", "args": "{}"}},
        {"type": "image_file", "image_file": image},
        {"type": "error", "error": "x"},
        {"type": "text", "text": {"value": "There.", "annotations": []}},
    ]
    answer = libre("a2", "a1", content=content, model="asst_1", createdAt="2025-05-11T21:47:29Z")
    question = libre("a1", None, text="Draw it", isCreatedByUser=True, thread_id="thread_A")
    question["files"] = [{"file_id": "file-1"}]
    later = libre("a3", "a1", unfinished=True, content=[], createdAt="2025-05-12T00:00:00Z")
    document = {"conversationId": "u", "title": "T", "messages": [question, answer, later]}

    read = result(source(tmp_path, "a.json", document))

    assert read.messages() == [
        ("thread_A", "user", "Draw it"),
        ("thread_A", "assistant", "<image_file>There."),
    ]
    first, second = (one.document for one in read.found if one.kind == "message")
    assert first["attachments"][0]["file_id"] == "file-1"
    assert second["assistant_id"] == "asst_1"
    assert second["content"][0]["image_file"] == {"file_id": "file-2"}
    calls = [
        one.document["step_details"]["tool_calls"][0] for one in read.found if one.kind == "step"
    ]
    assert [call["type"] for call in calls] == ["code_interpreter", "function", "file_search"]
    assert calls[1]["function"] == {"name": "tide", "arguments": '{"a": 1}', "output": "14:10"}
    assert sorted(read.codes()) == ["branch_left_out", "part_dropped", "tool_output_missing"]


def test_librechat_s_messages_inside_of_each_other(tmp_path: Path) -> None:
    """The recursive form of the export."""
    children = [
        {"messageId": "b", "text": "One", "createdAt": "2025-01"},
        {"messageId": "c", "text": "Two", "createdAt": "2025-02", "children": []},
    ]
    root = {"messageId": "a", "text": "Q", "isCreatedByUser": True, "children": children}
    document = {"conversationId": "u", "recursive": True, "messagesTree": [root, None]}

    read = result(source(tmp_path, "a.json", document))

    assert read.messages() == [("u", "user", "Q"), ("u", "assistant", "Two")]
    assert read.codes() == ["branch_left_out"]
