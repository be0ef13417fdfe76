"""Rows of tables become messages: their columns are known by name, or are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reading_kit import refusal, result, source


def test_flat_lines_are_messages(tmp_path: Path) -> None:
    """Each field from its column; a message without text is kept, and reported."""
    common = {"thread_id": "thread_A", "assistant_id": "asst_1"}
    lines = [
        {**common, "message_id": "msg_1", "role": "user", "text": "Hello", "created_at": 10},
        {**common, "message_id": "msg_2", "role": "assistant", "text": "", "created_at": 12},
    ]

    read = result(source(tmp_path, "flat.ndjson", lines))

    first, second = (one.document for one in read.found)
    assert read.messages() == [("thread_A", "user", "Hello"), ("thread_A", "assistant", "")]
    assert (first["id"], first["created_at"], "assistant_id" in first) == ("msg_1", 10, False)
    assert second["assistant_id"] == "asst_1"
    assert read.codes() == ["text_only"]
    [recognised] = read.recognised
    assert recognised.reader == "rows"
    assert recognised.direction == "oldest_first"
    assert recognised.columns == {
        "thread": "thread_id",
        "id": "message_id",
        "role": "role",
        "text": "text",
        "time": "created_at",
        "assistant": "assistant_id",
    }


def test_rows_inside_of_their_thread(tmp_path: Path) -> None:
    """The thread is said once, around them."""
    threads = [
        {"thread_id": "thread_A", "thread": [{"role": "user", "text": "Hello"}]},
        {"sessionId": "thread_B", "messages": [{"role": "bot", "content": "Yes", "time": "2025"}]},
    ]

    read = result(source(tmp_path, "a.json", threads))

    assert read.messages() == [("thread_A", "user", "Hello"), ("thread_B", "assistant", "Yes")]


def test_a_wrapper_with_a_time_and_a_title_describes_its_thread(tmp_path: Path) -> None:
    """Where messages have no times of their own, it is the only one."""
    row = {"chatId": "c9", "created": "2024-01-01 10:00:00", "title": "Tides"}
    row["messages"] = json.dumps([{"role": "user", "content": "Hello"}])

    read = result(source(tmp_path, "a.json", [row]))

    assert read.one("thread") == {
        "id": "c9",
        "object": "thread",
        "created_at": "2024-01-01 10:00:00",
        "metadata": {"title": "Tides"},
    }
    assert read.messages() == [("c9", "user", "Hello")]


def test_a_question_and_its_answer_in_one_row(tmp_path: Path) -> None:
    """Two messages of one time; an id that would be that of both is kept beside them."""
    row = {"id": "r1", "conversation_id": "c1", "query": "Q", "answer": "A", "created_at": 5}

    read = result(source(tmp_path, "a.json", {"limit": 20, "has_more": True, "data": [row]}))

    assert read.messages() == [("c1", "user", "Q"), ("c1", "assistant", "A")]
    assert [one.document["created_at"] for one in read.found] == [5, 5]
    assert [one.document["metadata"] for one in read.found] == [{"id": "r1"}] * 2
    assert all("id" not in one.document for one in read.found)
    assert [one.is_cut for one in read.found] == [False, True]


def test_an_empty_thread_is_no_thread(tmp_path: Path) -> None:
    """Each of its rows is one of its own; equal rows are two."""
    row = {"message": "Q", "response": "", "threadId": ""}
    table = {"thread_x": [{**row, "threadId": "thread_x"}], "": [row, {**row, "threadId": None}]}
    table[""].append(row)

    read = result(source(tmp_path, "a.json", [table]))

    keys = [one.thread_key for one in read.found]
    assert keys[0] == "thread_x"
    assert len(set(keys)) == 4
    assert read.codes() == ["text_only"] * 4
    assert [one.thread_key for one in result(tmp_path / "a.json").found] == keys


def test_what_names_people_and_keys_do_not_come_along(tmp_path: Path) -> None:
    """Other columns become metadata; the report has the column's name, and nothing of it."""
    row = {
        "thread_id": "thread_A",
        "role": "user",
        "content": "Hello",
        "userIP": "203.0.113.9",
        "user_email": "ana@example.org",
        "openaiKey": "abc",
        "note": "sk-" + "x" * 30,
        "channel": "web",
        "empty": None,
        "metadata": {"kept": "yes"},
    }

    read = result(source(tmp_path, "a.json", [row]))

    assert read.one("message")["metadata"] == {"channel": "web", "kept": "yes"}
    assert sorted((one.code, one.field) for one in read.losses) == [
        ("personal_data_skipped", "userIP"),
        ("personal_data_skipped", "user_email"),
        ("secret_skipped", "note"),
        ("secret_skipped", "openaiKey"),
    ]
    assert "203.0.113.9" not in str(read.losses)


def test_memory_of_a_flow_is_unpacked(tmp_path: Path) -> None:
    """Messages as JSON, or as JSON in a text; a number of a row is no id."""
    rows = [
        {"id": 1, "session_id": "s", "message": {"type": "human", "content": "Hello"}},
        {"id": 2, "session_id": "s", "message": json.dumps({"type": "ai", "content": "Yes"})},
    ]

    read = result(source(tmp_path, "a.json", rows))

    assert read.messages() == [("s", "user", "Hello"), ("s", "assistant", "Yes")]
    assert [one.direction for one in read.found] == ["oldest_first"] * 2
    assert all("id" not in one.document for one in read.found)


def test_a_text_that_is_json_stays_a_text(tmp_path: Path) -> None:
    """People send JSON to assistants."""
    row = {"thread_id": "thread_A", "role": "user", "text": '{"a": [1, 2]}'}

    assert result(source(tmp_path, "a.json", [row])).messages()[0][2] == '{"a": [1, 2]}'


def test_rows_of_a_dump_of_django(tmp_path: Path) -> None:
    """The fields stand one level deeper."""
    fields = {"thread": 3, "message": {"type": "human", "data": {"content": "Hello"}}}
    rows = [{"model": "chat.message", "pk": 7, "fields": fields}]

    assert result(source(tmp_path, "a.json", rows)).messages() == [("3", "user", "Hello")]


def test_directions_and_payloads_are_roles_and_texts(tmp_path: Path) -> None:
    """With a token for the next page, the list was cut."""
    rows = [
        {"id": "b2", "createdAt": "2025-02", "payload": {"text": "Yes"}, "direction": "outgoing"},
        {"id": "b1", "createdAt": "2025-01", "payload": {"text": "Hello"}, "direction": "incoming"},
    ]
    for row in rows:
        row["conversationId"] = "c"

    read = result(source(tmp_path, "a.json", {"messages": rows, "meta": {"nextToken": "t"}}))

    assert read.messages() == [("c", "assistant", "Yes"), ("c", "user", "Hello")]
    assert read.found[0].direction == "newest_first"
    assert read.found[1].is_cut
    assert read.codes() == ["role_mapped"] * 2


def test_what_a_flow_keeps_beside_a_text(tmp_path: Path) -> None:
    """Tools that were used become a step; pictures as data stay; links and paths are reported."""
    row = {"role": "bot", "content": "There.", "time": "2025-05-11", "sessionId": "thread_A"}
    row["usedTools"] = [{"tool": "tide", "toolInput": {"a": 1}, "toolOutput": "14:10"}]
    row["filePaths"] = ["/srv/a.pdf"]
    row["artifacts"] = [{"data": "http://localhost/x.png"}]
    row["files"] = [{"src": "data:image/png;base64,AAAA"}, {"file_id": "file-1"}]

    read = result(source(tmp_path, "a.json", [row]))

    assert read.messages() == [("thread_A", "assistant", "There.<image_url>")]
    run = read.one("run")
    [call] = read.one("step")["step_details"]["tool_calls"]
    assert call["function"] == {"name": "tide", "arguments": '{"a": 1}', "output": "14:10"}
    assert read.one("step")["run_id"] == read.one("message")["run_id"] == run["id"]
    assert read.one("message")["attachments"][0]["file_id"] == "file-1"
    assert read.codes() == ["attachment_without_bytes", "link_not_fetched", "role_mapped"]


def test_steps_of_a_thread_are_messages_and_calls(tmp_path: Path) -> None:
    """The text of a user stands in the output; the thread's id in the metadata."""
    steps = [
        {"id": "s1", "type": "user_message", "output": "Hello", "createdAt": "2025-01"},
        {"id": "s2", "type": "run", "input": "Hello", "createdAt": "2025-02"},
        {"id": "s3", "type": "tool", "name": "tide", "input": "{}", "output": "14:10"},
        {"id": "s4", "type": "assistant_message", "output": "At 14:10.", "createdAt": "2025-03"},
    ]
    thread = {"id": "u", "createdAt": "2025", "name": "Tides", "userIdentifier": "ana"}
    thread |= {"metadata": {"openai_thread_id": "thread_A"}, "steps": steps}
    thread["elements"] = [{"forId": "s1", "url": "https://bucket.example/e1"}, {"forId": "s1"}]

    read = result(source(tmp_path, "a.json", thread))

    assert read.kinds() == ["thread", "message", "run", "step", "message"]
    assert read.one("thread")["metadata"] == {"title": "Tides"}
    assert read.messages() == [
        ("thread_A", "user", "Hello"),
        ("thread_A", "assistant", "At 14:10."),
    ]
    assert read.codes() == [
        "personal_data_skipped",
        "link_not_fetched",
        "attachment_without_bytes",
    ]


def test_csv_with_lines_in_cells(tmp_path: Path) -> None:
    """Quoted, and with a cell of a megabyte."""
    text = "x" * 1_000_000
    table = (
        "Message ID,Message Date,Message Type,Message Content,Participant Name,Session ID\r\n"
        '1,2024-01-01,human,"Hello\nagain, ""you""",Ana,s1\r\n'
        f"2,2024-01-02,ai,{text},Ana,s1\r\n"
    )

    read = result(source(tmp_path, "a.csv", table))

    assert read.messages() == [("s1", "user", 'Hello\nagain, "you"'), ("s1", "assistant", text)]
    assert [one.place.line for one in read.found] == [2, 4]
    assert read.codes().count("personal_data_skipped") == 2
    assert read.found[0].direction == "oldest_first"


def test_csv_with_a_delimiter_in_a_text(tmp_path: Path) -> None:
    """It is not quoted: what is too much belongs to the last cell, and is reported."""
    table = (
        "ConversationID|DateTime|UserQuestion|AssistantAnswer\n"
        'x|01/03/2024|Say "hi|"hi there\n'
        "x|01/03/2024|A or B|A | B\n"
    )

    read = result(source(tmp_path, "a.csv", table))

    assert [text for _, _, text in read.messages()] == [
        'Say "hi',
        '"hi there',
        "A or B",
        "A | B",
    ]
    assert read.found[0].document["created_at"] == "01/03/2024"
    assert read.codes() == ["unreadable_line"]
    assert read.losses[0].place.line == 3


def test_columns_can_be_named(tmp_path: Path) -> None:
    """For a header in another language; also where the names would say something else."""
    path = source(tmp_path, "a.csv", "gesprek;wie;text;bericht\n7;user;no;Hallo\n")
    columns = {"thread": "gesprek", "role": "wie", "text": "bericht"}

    assert result(path, columns=columns).messages() == [("7", "user", "Hallo")]
    rows = [{"gesprek": "7", "wie": "user", "bericht": "Hallo", "text": "no"}]
    assert result(source(tmp_path, "b.json", rows), columns=columns).messages()[0][2] == "Hallo"


def test_what_is_wrong_with_columns_is_said(tmp_path: Path) -> None:
    """With the names that there are."""
    path = source(tmp_path, "a.csv", "gesprek;rol;bericht\n7;user;Hallo\n")

    assert refusal(path) == (
        "a.csv: none of its columns is known by its name (gesprek, rol, bericht): say which is "
        "which, as in --columns thread=...,role=...,text=...,time=..."
    )
    assert refusal(path, columns={"text": "berichten"}) == (
        "a.csv: there is no column 'berichten': it has gesprek, rol, bericht"
    )
    assert refusal(path, columns={"txt": "bericht"}).startswith(
        "--columns: there is no field 'txt': the fields are thread, id, role, text, time"
    )


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("thread_id\trole\ttext", "t\tuser\tHello"),
        ("thread_id;role;text", "t;user;Hello"),
        ('"thread_id","role","text"', '"t","user","Hello"'),
        ("\ufeffthread_id,role,text", "t,user,Hello"),
    ],
)
def test_the_delimiter_is_found(tmp_path: Path, header: str, row: str) -> None:
    """Whatever the file is called."""
    path = source(tmp_path, "table.txt", f"{header}\n{row}\n")

    assert result(path).messages() == [("t", "user", "Hello")]


def test_a_dump_of_a_session_is_read_and_not_executed(tmp_path: Path) -> None:
    """With and without names of columns; quotes are doubled, and a text may hold a semicolon."""
    dump = (
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nDROP TABLE agent_messages;\n"
        "INSERT INTO agent_sessions VALUES('thread_A','2025-05-11 21:47:19','x');\n"
        'INSERT INTO agent_messages VALUES(1,\'thread_A\',\'{"role": "user", "content": '
        "\"It''s; late\"}','2025-05-11 21:47:20');\n"
        "INSERT INTO agent_messages (session_id, message_data, created_at) VALUES "
        '(\'thread_A\', \'{"role": "assistant", "content": "Yes"}\', \'2025-05-11 21:47:22\');\n'
        "COMMIT;\n"
    )

    read = result(source(tmp_path, "session.sql", dump))

    assert read.kinds() == ["thread", "message", "message"]
    assert read.messages() == [
        ("thread_A", "user", "It's; late"),
        ("thread_A", "assistant", "Yes"),
    ]
    assert read.found[1].place.line == 5
    assert refusal(source(tmp_path, "b.sql", "CREATE TABLE x (y);")).startswith(
        "b.sql: is SQL without rows of an Agents SDK's session"
    )


def test_one_reader_can_be_told_to_take_all(tmp_path: Path) -> None:
    """Then the others take nothing."""
    path = source(tmp_path, "a.json", [{"thread_id": "t", "role": "user", "content": "Hello"}])

    assert result(path).recognised[0].reader == "rows"
    assert result(path, as_="chat").recognised[0].reader == "chat"
    assert "no conversation" in refusal(path, as_="tree")
