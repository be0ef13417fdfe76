"""Limits of readers, and odd values in places where something else is usual."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from reading_kit import message, page, refusal, result, source

from assistants_client.transfer.reading import json_stream, opening, pages, rows, tables, walker


@pytest.fixture
def long_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets values be long that are not."""
    monkeypatch.setattr(json_stream, "WHOLE", 300)
    monkeypatch.setattr("assistants_client.transfer.reading.text._PIECE", 64)
    monkeypatch.setattr("assistants_client.transfer.reading.text.HEAD", 64)


LONG = {
    "an array": [message(n) for n in (1, 2, 3)],
    "a page": page(message(1), message(2), message(3), has_more=True),
    "a thread around them": {"id": "thread_A", "messages": [message(n) for n in (1, 2, 3)]},
    "a wrapper": {"thread_id": "thread_A", "messages": [message(n) for n in (1, 2, 3)]},
    "a wrapper in one": {"data": {"messages": [message(n) for n in (1, 2, 3)]}, "count": 3},
    "a row": {"thread_id": "thread_A", "role": "user", "text": "x" * 900},
    "a message": message(1, content=[{"type": "text", "text": {"value": "x", "n": ["y" * 900]}}]),
}


@pytest.mark.parametrize("document", LONG.values(), ids=LONG)
def test_long_values_give_what_short_ones_do(
    tmp_path: Path, document: object, request: pytest.FixtureRequest
) -> None:
    """The same objects, in the same thread, cut or not; only their order may differ."""
    path = source(tmp_path, "a.json", document)
    short = result(path)

    request.getfixturevalue("long_from")
    long = result(path)

    def sorted_(found: Any) -> list[str]:
        return sorted(
            json.dumps([one.kind, one.thread_key, one.document, one.is_cut]) for one in found
        )

    assert sorted_(long.found) == sorted_(short.found)
    assert long.codes() == short.codes()


@pytest.mark.usefixtures("long_from")
@pytest.mark.parametrize(
    ("document", "cut", "found"),
    [
        ({"id": "thread_A", "messages": [message(1), message(2)]}, 1, ["msg_1", "msg_2"]),
        ({"id": "thread_A", "messages": [message(1), message(2)]}, 40, ["msg_1"]),
        ({"threads": {"messages": [message(1), message(2)]}}, 2, ["msg_1", "msg_2"]),
        (
            {"id": "run_1", "status": "completed", "steps": [{"id": "step_1", "run_id": "r"}]},
            1,
            ["step_1"],
        ),
        ({**message(1), "x": "y" * 400}, 3, []),
    ],
)
def test_of_a_long_value_that_was_cut_what_is_whole_is_read(
    tmp_path: Path, document: object, cut: int, found: list[str]
) -> None:
    """The object around it is not whole, and is left out."""
    read = result(source(tmp_path, "a.json", json.dumps(document)[:-cut]))

    assert [one.document["id"] for one in read.found] == found
    assert "truncated_file" in read.codes()


def test_many_threads_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of chats, of ends of pages and of headers, so many are kept."""
    monkeypatch.setattr(walker, "_CHATS", 4)
    monkeypatch.setattr(pages, "_WAITING", 3)
    monkeypatch.setattr(rows, "_HEADERS", 2)
    lines = [{"thread_id": f"t{n}", "role": "user", "text": "x", f"c{n}": 1} for n in range(20)]
    cut = [page(message(n, thread_id=f"thread_{n}"), has_more=True) for n in range(9)]

    assert len(result(source(tmp_path, "a.ndjson", lines)).found) == 20
    assert [one.is_cut for one in result(source(tmp_path, "b.json", cut)).found] == [True] * 9


def test_what_stands_behind_the_last_message_stays_behind_it(tmp_path: Path) -> None:
    """However much it is."""
    runs = [{"id": f"run_{n}", "status": "completed"} for n in range(300)]

    read = result(source(tmp_path, "a.json", [message(1), *runs]))

    assert sorted(read.kinds()) == ["message"] + ["run"] * 300


def test_archives_with_too_much_in_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members and bytes have limits, which the sentence names."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", "[]")
        archive.writestr("b.json", "[]")
    monkeypatch.setattr(opening, "UNFOLDED", 3)
    assert refusal(path) == (
        "a.zip: unfolds to 4 bytes, and no more than 3 are read: unpack it first"
    )
    monkeypatch.setattr(opening, "MEMBERS", 1)
    assert refusal(path) == ("a.zip: has 2 members, and no more than 1 are read: unpack it first")


def test_a_cell_that_is_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its line."""
    monkeypatch.setattr(tables, "_CELL", 1000)
    before = csv.field_size_limit(10)
    try:
        path = source(tmp_path, "a.csv", f"thread_id,role,text\n\nt,user,{'x' * 2000}\n")
        assert refusal(path).startswith("a.csv:3: field larger than field limit (1000)")
    finally:
        csv.field_size_limit(before)


def test_the_last_line_of_a_table_needs_no_end(tmp_path: Path) -> None:
    """Nor is one end of a line that of another."""
    table = "thread_id,role,text\r\n\r\nt,user,a\r\nt,user,b"

    assert [text for _, _, text in result(source(tmp_path, "a.csv", table)).messages()] == [
        "a",
        "b",
    ]


ODD = {
    "a thread as an object": ({"thread": {"id": "t"}, "role": "user", "text": "x"}, ["x"]),
    "parts in a cell": (
        {"thread_id": "t", "role": "user", "text": '[{"type": "text", "text": "x"}]'},
        ["x"],
    ),
    "a part in a cell": (
        {"thread_id": "t", "role": "user", "content": {"type": "card", "text": "x"}},
        ["x"],
    ),
    "a role that is a flag": ({"conversationId": "t", "isCreatedByUser": True, "text": "x"}, ["x"]),
    "an answer without a question": ({"question": None, "answer": "x"}, ["x"]),
    "calls where others have them": (
        {"type": "ai", "content": "x", "additional_kwargs": {"tool_calls": [None, {"id": "c"}]}},
        ["x"],
    ),
    "fields of other types": (
        {"id": "msg_1", "role": "user", "text": 5, "content": {"a": 1}, "tool_calls": 5},
        [""],
    ),
    "no calls": ({"role": "assistant", "content": "x", "tool_calls": None}, ["x"]),
    "an image without one": ({"role": "user", "content": ["x", {"type": "input_image"}]}, ["x"]),
    "an image by a source": (
        {
            "role": "user",
            "content": [{"type": "image", "source": {"type": "url", "url": "https://x"}}],
        },
        ["<image_url>"],
    ),
}


@pytest.mark.parametrize(("document", "texts"), ODD.values(), ids=ODD)
def test_odd_messages(tmp_path: Path, document: object, texts: list[str]) -> None:
    """Each is a message all the same."""
    read = result(source(tmp_path, "a.json", [document]))

    assert [text for _, _, text in read.messages()] == texts


@pytest.mark.parametrize(
    "document",
    [
        {"lc": 1, "type": "constructor", "id": "x", "kwargs": {}},
        {"lc": 1, "type": "constructor", "id": ["langchain", "Prompt"], "kwargs": {"a": 1}},
        {"some": {"thing": {"else": 1}}},
        {"type": "text", "text": "x"},
        {"type": "function_call", "name": None},
        {"role": "user"},
        {"role": 5, "content": "x"},
        {"message": "a text alone"},
        "a text",
    ],
)
def test_what_is_no_message_is_not_made_one(tmp_path: Path, document: object) -> None:
    """Nor is a part of it."""
    assert "no conversation" in refusal(source(tmp_path, "a.json", [document]))


def test_steps_that_stand_newest_first_are_turned(tmp_path: Path) -> None:
    """For calls and messages are read in their order."""
    steps = [
        {"id": "s2", "type": "assistant_message", "output": "Yes", "createdAt": "2025-02"},
        {"id": "s1", "type": "user_message", "output": "Hello", "createdAt": "2025-01"},
    ]

    assert [
        text
        for _, _, text in result(source(tmp_path, "a.json", {"id": "t", "steps": steps})).messages()
    ] == [
        "Hello",
        "Yes",
    ]


def test_runs_and_steps_of_azure_name_an_agent(tmp_path: Path) -> None:
    """It is the assistant; tools of a run have the form of today too."""
    run = {"id": "run_1", "object": "thread.run", "agent_id": "a", "tools": [{"type": "retrieval"}]}
    step = {"id": "step_1", "object": "thread.run.step", "run_id": "run_1", "agent_id": "a"}

    read = result(source(tmp_path, "a.json", [run, step]))

    assert read.one("run")["assistant_id"] == read.one("step")["assistant_id"] == "a"
    assert read.one("run")["tools"] == [{"type": "file_search"}]
    assert all("agent_id" not in one.document for one in read.found)


def test_statements_that_are_not_whole_are_left_out(tmp_path: Path) -> None:
    """Values that are no literals too."""
    good = 'INSERT INTO agent_messages VALUES(1,\'t\',\'{"role":"user","content":"x"}\',NULL)'
    odd = "INSERT INTO agent_messages VALUES(2,'t',x'00',NULL)"

    read = result(source(tmp_path, "a.sql", f"PRAGMA x;\n{good};\n{odd};\n{good}, (3,'t','cut"))

    assert [text for _, _, text in read.messages()] == ["x", "x"]
