"""Objects of the protocol are found wherever they stand, and their gaps are filled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from reading_kit import message, page, result, source

HEAD = {"object": "export", "version": 1, "source": {"kind": "engine"}}
END = {"object": "export.end", "counts": {}, "sha256": ""}


def plain(number: int, **fields: Any) -> dict[str, Any]:
    """A message as scripts save it: without its type, and without its thread."""
    whole = message(number, **fields)
    return {name: whole[name] for name in ("id", "created_at", "role", "content")}


WRAPPED = {
    "a page": page(message(2), message(1)),
    "pages": [page(message(2), has_more=True), page(message(1))],
    "an array": [message(2), message(1)],
    "a thread's file": {"thread_id": "thread_A", "messages": [plain(2), plain(1)]},
    "a thread and messages": {
        "thread": {"id": "thread_A", "object": "thread"},
        "fetched_at": 1,
        "messages": [plain(2), plain(1)],
    },
    "threads": [{"id": "thread_A", "created_at": "x", "messages": [plain(2), plain(1)]}],
    "a capital letter": [{"Messages": [message(2), message(1)]}],
    "by the thread's id": {"thread_A": [plain(2), plain(1)]},
    "a page of a thread": {"thread_id": "thread_A", "messages": page(plain(2), plain(1))},
    "deep inside": {"a": {"b": [{"c": {"messages": [message(2), message(1)]}}]}},
}


@pytest.mark.parametrize("document", WRAPPED.values(), ids=WRAPPED)
def test_messages_are_found_whatever_wraps_them(tmp_path: Path, document: object) -> None:
    """With the thread that encloses them, and with the order that their times show."""
    read = result(source(tmp_path, "saved.json", document))

    assert read.messages() == [
        ("thread_A", "assistant", "Text 2"),
        ("thread_A", "user", "Text 1"),
    ]
    assert {one.direction for one in read.found if one.kind == "message"} <= {
        "newest_first",
        "unknown",
    }
    assert {one.document["thread_id"] for one in read.found if one.kind == "message"} == {
        "thread_A"
    }
    assert read.codes() == []


def test_our_own_archive_is_read_without_losses(tmp_path: Path) -> None:
    """Each object as it is, in its order, with nothing changed."""
    objects = [
        {"id": "asst_1", "object": "assistant", "tools": [], "metadata": {"email": "a@b"}},
        {"id": "file-1", "object": "file", "filename": "a.txt"},
        {"id": "vs_1", "object": "vector_store", "name": "S"},
        {"id": "file-1", "object": "vector_store.file", "vector_store_id": "vs_1"},
        {"id": "thread_A", "object": "thread", "metadata": {}, "extension": {"kept": [1]}},
        message(1, own="kept"),
        {"id": "run_1", "object": "thread.run", "thread_id": "thread_A", "status": "completed"},
        {"id": "step_1", "object": "thread.run.step", "thread_id": "thread_A", "run_id": "run_1"},
        message(2, content=[{"type": "refusal", "refusal": "No."}]),
        message(3, content=[]),
    ]

    read = result(source(tmp_path, "archive.ndjson", [HEAD, *objects, END]))

    assert [one.document for one in read.found] == objects
    assert read.losses == []
    assert [one.place.line for one in read.found] == list(range(2, 12))
    assert read.found[5].direction == "oldest_first"
    assert read.found[7].run_key == "run_1"
    [recognised] = read.recognised
    assert (recognised.reader, recognised.objects) == ("protocol", 10)


def test_an_archive_without_its_last_line_was_cut(tmp_path: Path) -> None:
    """What is there is read, and that more was there is said."""
    read = result(source(tmp_path, "archive.ndjson", [HEAD, message(1)]))

    assert read.kinds() == ["message"]
    assert read.codes() == ["truncated_file"]


def test_objects_are_known_by_the_prefix_of_their_ids(tmp_path: Path) -> None:
    """Scripts leave ``object`` out."""
    objects = [
        {"id": "asst_1", "model": "m"},
        {"id": "thread_1", "created_at": 1},
        {"id": "run_1", "status": "completed", "thread_id": "thread_1"},
        {"id": "step_1", "run_id": "run_1", "thread_id": "thread_1"},
        {"id": "vs_1", "name": "S"},
        {"id": "file-1", "vector_store_id": "vs_1"},
        {"id": "file-1", "filename": "a.txt"},
    ]

    kinds = result(source(tmp_path, "a.json", objects)).kinds()

    assert " ".join(kinds) == ("assistant thread run step vector_store vector_store_file file")


def test_runs_and_steps_inside_of_a_thread_belong_to_it(tmp_path: Path) -> None:
    """The calls that a run waits for are in the place that the protocol has for them."""
    calls = [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    run = {"id": "run_1", "status": "requires_action", "tool_calls": calls, "steps": []}
    run["steps"] = [{"id": "step_1", "step_details": {"type": "tool_calls"}}]
    thread = {"id": "thread_A", "createdAt": "2025-05-11", "runs": [run]}

    read = result(source(tmp_path, "a.json", thread))

    assert read.one("thread") == {
        "id": "thread_A",
        "createdAt": "2025-05-11",
        "created_at": "2025-05-11",
    }
    found = read.one("run")
    assert found["thread_id"] == "thread_A"
    assert found["required_action"]["submit_tool_outputs"]["tool_calls"] == calls
    assert {"steps", "tool_calls"}.isdisjoint(found)
    step = read.one("step")
    assert (step["thread_id"], step["run_id"]) == ("thread_A", "run_1")


def test_the_first_version_of_the_protocol_is_mapped(tmp_path: Path) -> None:
    """Files of assistants and of messages, and the tool that is called ``file_search`` now."""
    assistant = {"id": "asst_1", "object": "assistant", "file_ids": ["file-1"], "created_at": 5}
    assistant["tools"] = [{"type": "retrieval"}, {"type": "code_interpreter"}]
    step = {"id": "step_1", "object": "thread.run.step", "run_id": "run_1"}
    step["step_details"] = {"type": "tool_calls", "tool_calls": [{"id": "c", "type": "retrieval"}]}

    read = result(
        source(tmp_path, "a.json", [assistant, message(1, file_ids=["file-1"], agent_id="x"), step])
    )

    found = read.one("assistant")
    store = read.one("vector_store")
    assert "file_ids" not in found
    assert found["tools"] == [{"type": "file_search"}, {"type": "code_interpreter"}]
    assert found["tool_resources"] == {
        "code_interpreter": {"file_ids": ["file-1"]},
        "file_search": {"vector_store_ids": [store["id"]]},
    }
    assert read.one("vector_store_file")["vector_store_id"] == store["id"]
    attachment = {"file_id": "file-1", "tools": [{"type": "file_search"}]}
    assert read.one("message")["attachments"] == [attachment]
    assert read.one("message")["assistant_id"] == "x"
    [call] = read.one("step")["step_details"]["tool_calls"]
    assert call == {"id": "c", "type": "file_search", "file_search": {}}
    assert set(read.codes()) == {"v1_mapped"}


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        (["code_interpreter"], [{"type": "code_interpreter"}]),
        ('[{"type": "file_search"}]', [{"type": "file_search"}]),
        ("[{'type': 'file_search'}]", [{"type": "file_search"}]),
        ("code_interpreter", [{"type": "code_interpreter"}]),
        ([{"type": "azure_ai_search"}], [{"type": "azure_ai_search"}]),
        ("__import__('os').getcwd()", []),
    ],
)
def test_tools_come_in_many_forms(tmp_path: Path, tools: object, expected: object) -> None:
    """Names, JSON in a text and Python in a text; no text is executed."""
    read = result(source(tmp_path, "a.json", {"id": "asst_1", "model": "m", "tools": tools}))

    assert read.one("assistant")["tools"] == expected


def test_response_formats_come_in_three_forms(tmp_path: Path) -> None:
    """A name, JSON in a text, and the object."""
    formats = ["auto", "json_object", '{"type": "text"}', {"type": "text"}]
    documents = [{"id": "asst_1", "model": "m", "response_format": one} for one in formats]

    read = result(source(tmp_path, "a.json", documents))

    found = [one.document["response_format"] for one in read.found]
    assert found == ["auto", {"type": "json_object"}, {"type": "text"}, {"type": "text"}]


@pytest.mark.parametrize(
    ("content", "expected", "codes"),
    [
        ("a text", "a text", []),
        (None, "", []),
        ([], "", []),
        ([{"type": "text", "text": {"value": None}}], "", ["part_dropped"]),
        ([{"type": "text", "text": {"value": "x"}, "image_file": None}], "x", []),
        ([{"type": "text", "text": {"annotations": []}}], "", ["part_dropped"]),
        ([{"type": "image_file", "image_file": {"file_id": "f"}}], "<image_file>", []),
        ([{"type": "image_url", "image_url": "http://localhost/x"}], "<image_url>", []),
        (["a", {"type": "hologram"}, 5], "a", ["part_dropped", "part_dropped"]),
    ],
)
def test_content_comes_in_many_forms(
    tmp_path: Path, content: object, expected: str, codes: list[str]
) -> None:
    """What cannot be a part is reported, by its type alone."""
    read = result(source(tmp_path, "a.json", message(1, content=content)))

    assert read.messages() == [("thread_A", "user", expected)]
    assert read.codes() == codes


@pytest.mark.parametrize(
    ("given", "role", "kept"),
    [
        ("MessageRole.AGENT", "assistant", {}),
        ("bot", "assistant", {}),
        ("incoming", "user", {}),
        ("system", "user", {"role": "system"}),
        ("tool", "assistant", {"role": "tool"}),
        ("someone else", "user", {}),
    ],
)
def test_roles_are_mapped(tmp_path: Path, given: str, role: str, kept: dict[str, str]) -> None:
    """A role that the protocol has no word for is kept in the metadata."""
    read = result(source(tmp_path, "a.json", message(1, role=given)))

    found = read.one("message")
    assert (found["role"], found["metadata"]) == (role, kept)
    [loss] = read.losses
    assert (loss.code, loss.object, loss.id) == ("role_mapped", "message", "msg_1")
    assert "someone else" not in str(loss)


def test_words_for_no_id_are_none(tmp_path: Path) -> None:
    """Some servers write the word, and an empty ``object``."""
    odd = message(1, object="", run_id="null", assistant_id="None", id="0000-a", thread_id="0000-b")

    found = result(source(tmp_path, "a.json", [odd])).one("message")

    assert (found["run_id"], found["assistant_id"], found["thread_id"]) == (None, None, "0000-b")


def test_a_message_without_a_thread_belongs_to_that_of_its_file(tmp_path: Path) -> None:
    """Of two files with one name, the second's has the folder's name in it."""
    one = page({**message(1), "thread_id": None})
    first, second = source(tmp_path, "a/saved.json", one), source(tmp_path, "b/saved.json", one)

    keys = [found.thread_key for found in result(first, second).found]

    assert keys == ["saved", "b-saved"]


@pytest.mark.parametrize(
    ("document", "marks"),
    [
        (page(message(2), message(1), has_more=True), [False, True]),
        (page(message(2), message(1)), [False, False]),
        ([message(n) for n in range(20, 0, -1)], [False] * 19 + [True]),
        ([message(n) for n in range(19, 0, -1)], [False] * 19),
        (page(*[message(n) for n in range(20)]), [False] * 20),
        ([page(message(2), has_more=True), page(message(1))], [False, False]),
        ([page(message(2), has_more=True), page(message(1), has_more=True)], [False, True]),
        ([message(1, thread_id=f"thread_{n}") for n in range(20)], [False] * 20),
    ],
)
def test_the_end_of_a_list_that_was_cut_is_marked(
    tmp_path: Path, document: object, marks: list[bool]
) -> None:
    """It says that there is more, or is as long as a page; unless the next page stands there."""
    found = result(source(tmp_path, "a.json", document)).found

    assert [one.is_cut for one in found] == marks


@pytest.mark.parametrize(
    ("times", "direction"),
    [
        ([3, 2, 2, 1], "newest_first"),
        ([1, 1, 2], "oldest_first"),
        ([5, 5, 5], "unknown"),
        ([1, 3, 2], "unknown"),
        (["2025-05-11T21:47:22Z", "2025-05-11T21:47:20Z"], "newest_first"),
        (["1747000001", "1747000002"], "oldest_first"),
    ],
)
def test_the_direction_is_that_of_the_times(
    tmp_path: Path, times: list[object], direction: str
) -> None:
    """Where they are equal, or contradict each other, nothing is said."""
    messages = [message(n, created_at=time) for n, time in enumerate(times)]

    found = result(source(tmp_path, "a.json", messages)).found

    assert {one.direction for one in found} == {direction}


def test_times_of_other_threads_say_nothing(tmp_path: Path) -> None:
    """Threads that were fetched newest first, with their messages oldest first."""
    lines = [message(n, thread_id=f"thread_{t}") for t in (9, 8) for n in (1, 2, 3)]

    found = result(source(tmp_path, "a.ndjson", lines)).found

    assert {one.direction for one in found} == {"oldest_first"}


def test_the_same_message_twice_is_passed_on_twice(tmp_path: Path) -> None:
    """The seams of pages are the import's matter."""
    document = [page(message(3), message(2)), page(message(2), message(1))]

    assert len(result(source(tmp_path, "a.json", document)).found) == 4


def test_stores_and_files_are_found(tmp_path: Path) -> None:
    """In a listing of a dashboard's; a remark beside them is none."""
    listing = {
        "vector_stores": [{"id": "vs_1", "object": "vector_store"}],
        "vector_store_files": [
            {"id": "file-1", "object": "vector_store.file", "vector_store_id": "vs_1"}
        ],
        "files": [{"id": "file-1", "object": "file", "filename": "a.txt"}],
        "note": "bytes beside it",
    }

    read = result(source(tmp_path, "a.json", listing))

    assert read.kinds() == ["vector_store", "vector_store_file", "file"]


def test_the_text_of_a_file_is_joined_where_its_chunks_overlap(tmp_path: Path) -> None:
    """More that follows is reported; a file in its store is not made twice."""
    parts = ["High water is at ten past two.", "is at ten past two. Low water is at twenty.", "End"]
    chunks = [{"type": "text", "text": part} for part in parts]
    inner = {"object": "vector_store.file_content.page", "data": chunks, "has_more": True}
    text = {"vector_store_id": "vs_1", "file_id": "file-1", "filename": "a.pdf", "content": inner}
    listed = {"id": "file-1", "object": "vector_store.file", "vector_store_id": "vs_1"}

    read = result(source(tmp_path, "a.json", text))
    both = result(source(tmp_path, "b.ndjson", [listed, text]))

    assert read.one("file_text")["text"] == (
        "High water is at ten past two. Low water is at twenty.\nEnd"
    )
    assert read.one("vector_store_file")["id"] == "file-1"
    assert both.kinds() == ["vector_store_file", "file_text"]
    assert read.codes() == ["truncated_file"]


def test_json_in_a_text_is_read_as_json(tmp_path: Path) -> None:
    """Also twice; the time of the row that holds it is the object's."""
    inner = json.dumps(json.dumps({"id": "asst_1", "name": "Pilot", "tools": []}))
    rows = {"AssistantOpenAI": [{"id": "x", "details": inner, "createdDate": "2024-03-01"}]}

    found = result(source(tmp_path, "a.json", rows)).one("assistant")

    assert (found["name"], found["created_at"]) == ("Pilot", "2024-03-01")


def test_threads_that_were_saved_empty_are_counted(tmp_path: Path) -> None:
    """One that failed stands there without messages."""
    read = result(source(tmp_path, "a.json", [{"Messages": None}, {"Messages": [message(1)]}]))

    assert read.kinds() == ["message"]
    assert read.codes() == ["empty_source"]
