"""Imported threads go on: a run sees the whole history in order, whatever form it came in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assistants_client import Client
from assistants_client.engine import Engine, Scripted
from assistants_client.transfer import import_files

AT = 1_700_000_000
HISTORY = ["What is an otter?", "A mammal.", "Where does it live?", "In rivers.", "And now?"]


def _message(n: int, **more: Any) -> dict[str, Any]:
    """The message of a place in the history, as a server of the protocol sends it."""
    return {
        "id": f"msg_{n}",
        "object": "thread.message",
        "created_at": AT + n,
        "thread_id": "thread_1",
        "role": "assistant" if n % 2 else "user",
        "content": [{"type": "text", "text": {"value": HISTORY[n], "annotations": []}}],
        **more,
    }


def _page() -> str:
    found = [_message(n) for n in (3, 2, 1, 0)]
    page = {"object": "list", "data": found, "first_id": "msg_3", "last_id": "msg_0"}
    return json.dumps({**page, "has_more": False})


def _lines() -> str:
    call = {"id": "call_1", "type": "function"}
    call["function"] = {"name": "f", "arguments": "{}", "output": "1"}  # type: ignore[assignment]
    run = {"object": "thread.run", "id": "run_1", "thread_id": "thread_1", "created_at": AT + 2}
    step = {"object": "thread.run.step", "id": "step_1", "run_id": "run_1", "created_at": AT + 2}
    details = {"type": "tool_calls", "tool_calls": [call]}
    documents = [
        {"object": "thread", "id": "thread_1", "created_at": AT},
        *(_message(n, run_id="run_1" if n == 3 else None) for n in range(4)),
        {**run, "assistant_id": "asst_gone", "status": "requires_action", "model": "gpt-4"},
        {**step, "thread_id": "thread_1", "type": "tool_calls", "step_details": details},
    ]
    return "".join(f"{json.dumps(document)}\n" for document in documents)


def _images() -> str:
    """Parts, files and citations that are not there."""
    image = {"type": "image_file", "image_file": {"file_id": "file-gone"}}
    link = {"type": "image_url", "image_url": {"url": "https://127.0.0.1:9/a.png"}}
    cited = _message(3)
    text = cited["content"][0]["text"]
    text["value"] += "[0]"
    text["annotations"] = [
        {
            "type": "file_citation",
            "text": "[0]",
            "start_index": len(HISTORY[3]),
            "end_index": len(HISTORY[3]) + 3,
            "file_citation": {"file_id": "file-gone"},
        }
    ]
    asked = _message(2)
    asked["content"] += [image, link]
    attached = [{"file_id": "file-gone", "tools": [{"type": "file_search"}]}]
    return json.dumps([_message(0, attachments=attached), _message(1), asked, cited])


def _rows() -> str:
    rows = ["session,role,content,time"]
    for n in range(4):
        role = "ai" if n % 2 else "human"
        rows.append(f'chat-7,{role},"{HISTORY[n]}",2024-01-01T10:00:0{n}Z')
    return "\n".join(rows)


def _chat() -> str:
    roles = ("user", "assistant")
    chat = [{"role": roles[n % 2], "content": HISTORY[n]} for n in range(4)]
    return json.dumps({"messages": chat}) + "\n"


def _tree() -> str:
    mapping: dict[str, Any] = {"root": {"id": "root", "parent": None, "children": ["n0"]}}
    for n in range(4):
        content = {"content_type": "text", "parts": [HISTORY[n]]}
        author = {"role": "assistant" if n % 2 else "user"}
        message = {"id": f"m{n}", "author": author, "content": content, "create_time": AT + n}
        node = {"id": f"n{n}", "message": message, "parent": f"n{n - 1}" if n else "root"}
        mapping[f"n{n}"] = {**node, "children": [f"n{n + 1}"] if n < 3 else []}
    talk = {"title": "Otters", "create_time": AT, "mapping": mapping, "current_node": "n3"}
    return json.dumps([{**talk, "conversation_id": "c1"}])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.json", _page()),
        ("lines.ndjson", _lines()),
        ("images.json", _images()),
        ("rows.csv", _rows()),
        ("chat.jsonl", _chat()),
        ("conversations.json", _tree()),
    ],
)
def test_a_run_sees_the_whole_history(url: str, tmp_path: Path, name: str, text: str) -> None:
    """In order, with the question that is asked here behind it."""
    (tmp_path / name).write_text(text, "utf-8")
    assert import_files([tmp_path / name], url).number("message", "new") == 4
    model = Scripted(["It swims on."])
    with Engine(url, model) as engine, Client(engine=engine) as client:
        [thread] = client.threads.list()
        assistant = client.assistants.create(model="m")
        reply = client.ask(thread.id, HISTORY[4], assistant_id=assistant.id)
    assert reply.text == "It swims on."
    [conversation] = model.conversations
    said = [(turn.role, turn.text) for turn in conversation.turns]
    assert [role for role, _ in said] == ["user", "assistant"] * 2 + ["user"]
    assert all(words in text for words, (_, text) in zip(HISTORY, said, strict=True))


@pytest.mark.parametrize("again", [False, True])
def test_imported_threads_are_found(tmp_path: Path, again: bool) -> None:
    """By metadata and by words, and their runs are in the usage; imported again, as before."""
    documents = [
        {"object": "thread", "id": "thread_1", "created_at": AT, "metadata": {"user": "7"}},
        *(_message(n, run_id="run_1" if n == 3 else None) for n in (0, 3, 1, 2)),
        {
            "object": "thread.run",
            "id": "run_1",
            "thread_id": "thread_1",
            "created_at": AT + 2,
            "assistant_id": "asst_gone",
            "status": "completed",
            "model": "gpt-4",
            "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
        },
    ]
    source = tmp_path / "source.ndjson"
    url = f"sqlite:///{tmp_path / 'imported.db'}"
    for changed in range(1 + again):
        documents[0]["metadata"] = {"user": str(7 + changed)}
        source.write_text("".join(f"{json.dumps(one)}\n" for one in documents), "utf-8")
        import_files([source], url, on_conflict="replace")
    with Engine(url, Scripted([])) as engine, Client(engine=engine) as client:
        user = {"user": "8" if again else "7"}
        assert [one.id for one in client.threads.list(metadata=user)] == ["thread_1"]
        assert [one.id for one in client.threads.list(search="rivers otter")] == []
        assert [one.id for one in client.threads.list(search="otters")] == ["thread_1"]
        usage = client._transport.send("GET", "/usage", query={"since": "0", "group_by": "model"})
        assert usage.document is not None
        [group] = usage.document["data"]
        assert (group["key"], group["total_tokens"], group["runs"]) == ("gpt-4", 7, 1)
