"""Archives as what other services take: valid item by item, in order, and what is lost is said."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from item_rules import check_chat, check_request

from assistants_client import InvalidRequestError
from assistants_client.transfer import ArchiveError, convert
from assistants_client.transfer.archive import ArchiveWriter, files_folder, save_bytes

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
SOURCE = {"kind": "engine"}


def message(id_, role, *content, at=100, **more):
    """A message of texts and other parts."""
    parts = [
        {"type": "text", "text": {"value": one, "annotations": []}} if isinstance(one, str) else one
        for one in content
    ]
    return {"object": "thread.message", "id": id_, "thread_id": "thread_1", "role": role,
            "created_at": at, "content": parts, **more}  # fmt: skip


def run(id_, *steps, at=100):
    """A run and its steps: lists of calls, or the id of a message."""
    lines = [{"object": "thread.run", "id": id_, "thread_id": "thread_1", "created_at": at}]
    for number, step in enumerate(steps):
        details = (
            {"type": "message_creation", "message_creation": {"message_id": step}}
            if isinstance(step, str)
            else {"type": "tool_calls", "tool_calls": step}
        )
        lines.append(
            {"object": "thread.run.step", "id": f"step_{id_}_{number}", "run_id": id_,
             "thread_id": "thread_1", "created_at": at, "step_details": details}
        )  # fmt: skip
    return lines


def function(id_, name="tide", arguments='{"port": "Ghent"}', output="14:10"):
    """A call of a function."""
    record = {"name": name, "arguments": arguments, "output": output}
    return {"id": id_, "type": "function", "function": record}


def archive(path, *documents, metadata=None):
    """An archive with one thread, which has a page of files before it."""
    thread = {"object": "thread", "id": "thread_1", "created_at": 90, "metadata": metadata or {}}
    writer = ArchiveWriter(path, SOURCE)
    for id_, name, content in (("file-1", "tides.pdf", b"%PDF"), ("file-2", "a.png", PNG)):
        writer.write({"object": "file", "id": id_, "filename": name, "bytes": len(content)})
        save_bytes(files_folder(path), id_, [content])
    with writer.whole_thread():
        writer.write(thread)
        for one in documents:
            writer.write(one)
    writer.finish()
    return path


@pytest.fixture
def everything(tmp_path):
    """A thread with each kind of part, annotation and call, also broken ones."""
    cited = {
        "type": "text",
        "text": {
            "value": "At 14:10【0†tides.pdf】.",
            "annotations": [
                {"type": "file_citation", "text": "【0†tides.pdf】", "start_index": 8,
                 "end_index": 21, "file_citation": {"file_id": "file-1"}},
                {"type": "file_citation", "text": "x", "end_index": 3,
                 "file_citation": {"file_id": "file-gone"}},
            ],
        },
    }  # fmt: skip
    image = {"type": "image_file", "image_file": {"file_id": "file-2", "detail": "low"}}
    gone = {"type": "image_file", "image_file": {"file_id": "file-gone"}}
    url = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
    code = {
        "id": "c",
        "type": "code_interpreter",
        "code_interpreter": {
            "input": "print(6 * 7)",
            "outputs": [{"type": "logs", "logs": "42\n"}, {"type": "image"}],
        },
    }
    search = {"id": "s", "type": "file_search", "file_search": {
        "results": [{"file_id": "file-1", "file_name": "tides.pdf", "score": 0.5}]}}  # fmt: skip
    return archive(
        tmp_path / "a.ndjson",
        message("msg_1", "user", "When?", image, url, gone, at=100,
                attachments=[{"file_id": "file-1", "tools": []}]),
        message("msg_2", "assistant", cited, at=101, run_id="run_1"),
        message("msg_3", "user", at=102),
        message("msg_4", "user", {"type": "hologram"}, "And ü \ud83d?", at=103),
        message("msg_5", "assistant", image, at=104, run_id="run_2"),
        message("msg_6", "narrator", "Later.", at=105),
        message("msg_7", "assistant", {"type": "refusal", "refusal": "No."}, at=106),
        *run("run_1", [search, function("call_1"), code], "msg_2", at=100),
        *run("run_2", [function("call_1", output=None), function("call_1"), function("x" * 99)],
             "msg_5", [function("call_3")], at=103),
        *run("run_3", [{"id": "m", "type": "mcp", "mcp": {"a": 1}}], at=106),
    )  # fmt: skip


def bodies(folder):
    """The bodies of a thread's requests, in order."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.iterdir())]


def test_every_item_of_a_conversation_is_valid_and_in_order(everything, tmp_path):
    """Calls stand where they were made, before what was said with their outputs."""
    report = convert(everything, tmp_path / "out", "conversations")
    [create] = bodies(tmp_path / "out" / "thread_1")
    check_request(create, creates=True)
    assert create["metadata"] == {"thread_id": "thread_1"}
    shown = [
        item.get("output") or item.get("name") or (item["role"], item["content"])
        for item in create["items"]
    ]
    data = "data:image/png;base64,iVBORw0KGgoAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
    picture = {"type": "input_image", "image_url": data, "detail": "low"}
    assert shown == [
        ("user", [
            {"type": "input_text", "text": "When?"},
            picture,
            {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "auto"},
            {"type": "input_text", "text": "[image: file-gone]"},
            {"type": "input_text", "text": "[attached file: tides.pdf]"},
        ]),
        ("assistant", "[file_search] tides.pdf"),
        "tide", "14:10",
        ("assistant", "[code_interpreter]\nprint(6 * 7)\n\n42\n"),
        ("assistant", "At 14:10【0†tides.pdf】."),
        ("user", "And ü \ud83d?"),
        "tide", "14:10",
        "tide", "14:10",
        ("assistant", [picture]),
        "tide", "14:10",
        ("user", "Later."),
        ("assistant", "No."),
        ("assistant", '[mcp] {"id": "m", "mcp": {"a": 1}, "type": "mcp"}'),
    ]  # fmt: skip
    calls = [item["call_id"] for item in create["items"] if item["type"] == "function_call"]
    assert len(calls) == len(set(calls)) == 4
    assert report.losses == {
        "tool_as_text": 3, "citation_as_mark": 2, "tool_output_missing": 1, "part_dropped": 2,
        "role_mapped": 1, "image_as_note": 1, "attachment_as_note": 1,
    }  # fmt: skip
    assert (report.threads, report.items) == (1, 17)


def test_citations_become_annotations_where_that_is_asked_for(everything, tmp_path):
    """In the form of whole output messages, and only of files whose names are known."""
    report = convert(everything, tmp_path / "out", "conversations", citations="annotations")
    [create] = bodies(tmp_path / "out" / "thread_1")
    check_request(create, creates=True)
    [whole] = [item for item in create["items"] if "id" in item]
    assert whole["id"] == "msg_2"
    assert whole["content"][0]["annotations"] == [
        {"type": "file_citation", "file_id": "file-1", "filename": "tides.pdf", "index": 21}
    ]
    assert report.losses["citation_without_file"] == 1


def test_requests_have_twenty_items_and_calls_stay_with_their_outputs(tmp_path):
    """However long a thread is; a map has a line for each."""
    steps = [step for n in range(30) for step in ([function(f"call_{n}")], f"msg_{n}")]
    path = archive(
        tmp_path / "a.ndjson",
        message("msg_q", "user", "Q"),
        *(message(f"msg_{n}", "assistant", f"A{n}") for n in range(30)),
        *run("run_1", *steps),
        metadata={str(n): "v" for n in range(16)},
    )
    convert(path, tmp_path / "out", "conversations")
    names = [one.name for one in sorted((tmp_path / "out" / "thread_1").iterdir())]
    assert names[:2] == ["000-create.json", "001-items.json"]
    items = []
    for number, body in enumerate(bodies(tmp_path / "out" / "thread_1")):
        check_request(body, creates=number == 0)
        assert body["items"][0]["type"] != "function_call_output"
        items += body["items"]
    assert len(items) == 91
    assert (tmp_path / "out" / "id_map.ndjson").read_text("utf-8") == (
        '{"from": "thread_1", "to": null, "items": 91, "requests": 5}\n'
    )


def test_every_line_of_chat_is_valid(everything, tmp_path):
    """Images of an assistant follow as a user's; a file beside has the ids."""
    path = tmp_path / "out.jsonl"
    report = convert(everything, path, "chat")
    [line] = path.read_text("utf-8").splitlines()
    chat = json.loads(line)
    check_chat(chat)
    roles = [one["role"] for one in chat["messages"]]
    assert roles == [
        "user", "assistant", "assistant", "tool", "assistant", "assistant", "user", "assistant",
        "tool", "assistant", "tool", "user", "assistant", "tool", "user", "assistant", "assistant",
    ]  # fmt: skip
    assert (tmp_path / "out.jsonl.ids").read_text("utf-8") == "thread_1\n"
    assert (report.threads, report.items) == (1, 17)


def test_a_thread_without_anything_is_no_line_of_chat(tmp_path):
    """A request needs a message; a conversation and a session may be empty."""
    path = archive(tmp_path / "a.ndjson")
    assert convert(path, tmp_path / "out.jsonl", "chat").threads == 0
    assert convert(path, tmp_path / "out", "conversations").threads == 1
    assert convert(path, tmp_path / "out.db", "agents-sqlite").threads == 1


def test_sessions_have_the_ids_the_times_and_every_item(everything, tmp_path):
    """In the tables of the SDK."""
    convert(everything, tmp_path / "out.db", "agents-sqlite")
    convert(everything, tmp_path / "out", "conversations")
    [create] = bodies(tmp_path / "out" / "thread_1")
    with closing(sqlite3.connect(tmp_path / "out.db")) as database:
        sessions = database.execute("SELECT * FROM agent_sessions").fetchall()
        rows = database.execute(
            "SELECT session_id, message_data, created_at FROM agent_messages ORDER BY id"
        ).fetchall()
    assert sessions == [("thread_1", "1970-01-01 00:01:30", "1970-01-01 00:01:46")]
    assert [json.loads(row[1]) for row in rows] == create["items"]
    assert {row[0] for row in rows} == {"thread_1"}
    assert rows[0][2] == "1970-01-01 00:01:40"


def test_calls_of_other_tools_can_be_left_out(everything, tmp_path):
    """They are counted as such."""
    report = convert(everything, tmp_path / "out.jsonl", "chat", tools="drop")
    assert "[code_interpreter]" not in (tmp_path / "out.jsonl").read_text("utf-8")
    assert report.losses["tool_dropped"] == 3
    assert "3 tool calls were left out" in str(report)


def test_some_threads_will_do(everything, tmp_path):
    """The others are not there."""
    assert convert(everything, tmp_path / "o.jsonl", "chat", threads=["thread_2"]).threads == 0
    assert convert(everything, tmp_path / "o.jsonl", "chat", threads=["thread_1"]).threads == 1


@pytest.mark.parametrize(
    ("target", "name"), [("conversations", "o"), ("chat", "o.jsonl"), ("agents-sqlite", "o.db")]
)
def test_an_archive_that_was_cut_makes_nothing(target, name, everything, tmp_path):
    """What was there before stays."""
    convert(everything, tmp_path / name, target)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    everything.write_bytes(b"".join(everything.read_bytes().splitlines(keepends=True)[:-1]))
    before[everything] = everything.read_bytes()
    with pytest.raises(ArchiveError, match="was cut"):
        convert(everything, tmp_path / name, target)
    after = {path: path.read_bytes() for path in before}
    assert after == before


def test_a_target_that_there_is_none_of_is_refused(everything, tmp_path):
    """The message has those that there are."""
    with pytest.raises(InvalidRequestError, match="conversations, chat, agents-sqlite"):
        convert(everything, tmp_path / "o", "anthropic")


@pytest.mark.parametrize("citations", ["marks", "annotations"])
def test_the_official_packages_take_what_is_written(citations, everything, tmp_path):
    """Every item by the models of openai, every session by the Agents SDK itself."""
    python = os.environ.get("CLIENTS_AGENTS_PYTHON")
    if not python:
        pytest.skip("CLIENTS_AGENTS_PYTHON: an interpreter with openai and openai-agents")
    for name, target in (("o", "conversations"), ("o.jsonl", "chat"), ("o.db", "agents-sqlite")):
        convert(everything, tmp_path / name, target, citations=citations)
    program = Path(__file__).parent / "programs" / "read_targets.py"
    done = subprocess.run([python, program, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"items": 17, "messages": 17, "sessions": {"thread_1": 17}}
