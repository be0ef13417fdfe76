"""The import into a database: what becomes of each object, the first time and again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from import_kit import message, messages_of, opened, texts_of, thing

from assistants_client import Client
from assistants_client.engine import Engine, Scripted, call
from assistants_client.errors import ConfigurationError
from assistants_client.transfer import (
    ImportProgress,
    ImportSummary,
    TransferError,
    import_files,
)

Import: TypeAlias = Callable[..., ImportSummary]
AT = 1_700_000_000

TALK = [
    message("thread_1", "msg_1", AT, text="one"),
    message("thread_1", "msg_2", AT + 1, "assistant", "two"),
]


def codes(summary: ImportSummary) -> dict[str, int]:
    """The losses by code."""
    return dict(summary.losses)


def test_a_message_is_stored_as_the_engine_would_have(url: str, imported: Import) -> None:
    """What the source does not say has the engine's values."""
    imported(TALK)
    [one, _] = messages_of(url, "thread_1")
    assert one == {
        "id": "msg_1",
        "object": "thread.message",
        "created_at": AT,
        "thread_id": "thread_1",
        "status": "completed",
        "incomplete_details": None,
        "completed_at": AT,
        "incomplete_at": None,
        "role": "user",
        "content": [{"type": "text", "text": {"value": "one", "annotations": []}}],
        "assistant_id": None,
        "run_id": None,
        "attachments": [],
        "metadata": {},
    }


def test_the_same_import_again_changes_nothing(url: str, imported: Import) -> None:
    """Also where ids and times were filled in."""
    found = [*TALK, *(message("session", None, None, text="Hello") for _ in range(3))]
    first = imported(found)
    before = [messages_of(url, "thread_1"), messages_of(url, "session")]
    again = imported(found)
    assert (first.number("message", "new"), again.number("message", "same")) == (5, 5)
    assert set(again.outcomes) == {("thread", "same"), ("message", "same")}
    assert [messages_of(url, "thread_1"), messages_of(url, "session")] == before


@pytest.mark.parametrize("name", ["msg_{}", None])
def test_a_longer_export_adds_what_is_new_where_it_belongs(
    url: str, imported: Import, name: str | None
) -> None:
    """At the end, at the beginning and between; ids that are derived are the same again."""

    def talk(*numbers: int) -> list[Any]:
        return [message("thread_1", name and name.format(n), AT + n, text=str(n)) for n in numbers]

    imported(talk(3, 4, 6))
    summary = imported(talk(1, 2, 3, 4, 5, 6, 7))
    assert (summary.number("message", "new"), summary.number("message", "same")) == (4, 3)
    assert texts_of(url, "thread_1") == list("1234567")


def test_what_was_added_here_stays_behind_what_it_followed(url: str, imported: Import) -> None:
    """The thread went on here, and a longer export has what stood before."""
    imported([message("thread_1", "msg_3", AT + 3, text="3")])
    with opened(url) as engine, Client(engine=engine) as client:
        client.messages.create("thread_1", "here")
    imported([message("thread_1", f"msg_{n}", AT + n, text=str(n)) for n in (2, 3, 4)])
    assert texts_of(url, "thread_1") == ["2", "3", "here", "4"]


def test_what_the_source_has_changed_is_replaced(url: str, imported: Import) -> None:
    """As long as it is here as it was left."""
    imported(TALK)
    summary = imported([message("thread_1", "msg_1", AT, text="one", metadata={"a": "b"})])
    assert summary.outcomes["message", "replaced"] == 1
    assert messages_of(url, "thread_1")[0]["metadata"] == {"a": "b"}
    assert texts_of(url, "thread_1") == ["one", "two"]


def changed_here(url: str) -> None:
    """A message's metadata is changed by a client."""
    with opened(url) as engine, Client(engine=engine) as client:
        client.messages.update("thread_1", "msg_1", metadata={"here": "yes"})


def test_what_was_changed_here_is_kept(url: str, imported: Import) -> None:
    """It is reported; the caller may have it replaced, or be refused."""
    imported(TALK)
    changed_here(url)
    kept = imported(TALK)
    assert (kept.outcomes["message", "conflict"], codes(kept)) == (1, {"conflict": 1})
    assert messages_of(url, "thread_1")[0]["metadata"] == {"here": "yes"}

    more = [*TALK, message("thread_1", "msg_3", AT + 2)]
    with pytest.raises(TransferError, match="the message msg_1 differs from what is stored"):
        imported(more, on_conflict="fail")
    assert texts_of(url, "thread_1") == ["one", "two"]

    replaced = imported(TALK, on_conflict="replace")
    assert replaced.outcomes["message", "replaced"] == 1
    assert messages_of(url, "thread_1")[0]["metadata"] == {}
    assert imported(TALK).outcomes["message", "same"] == 2


def test_what_was_made_here_is_no_part_of_the_ledger(url: str, imported: Import) -> None:
    """An object of the same id that differs is somebody's own."""
    with opened(url) as engine, Client(engine=engine) as client:
        thread = client.threads.create(metadata={"own": "yes"})
    summary = imported([thing("thread", {"id": thread.id, "created_at": AT}, thread.id)])
    assert summary.outcomes["thread", "conflict"] == 1


def test_what_was_deleted_here_stays_deleted(url: str, imported: Import) -> None:
    """A message, and a thread with all that is in it; they can be brought back."""
    other = message("thread_2", "msg_9", AT, text="nine")
    imported([*TALK, other])
    with opened(url) as engine, Client(engine=engine) as client:
        client.messages.delete("thread_1", "msg_1")
        client.threads.delete("thread_2")
    summary = imported([*TALK, other])
    assert summary.outcomes["message", "deleted"] == 1
    assert summary.outcomes["thread", "deleted"] == 1
    assert texts_of(url, "thread_1") == ["two"]

    restored = imported([*TALK, other], restore=True)
    assert (restored.number("message", "new"), restored.number("thread", "new")) == (2, 1)
    assert texts_of(url, "thread_1") == ["one", "two"]
    assert texts_of(url, "thread_2") == ["nine"]


def test_nothing_is_deleted_because_an_export_lacks_it(url: str, imported: Import) -> None:
    """It may be a shorter one."""
    imported(TALK)
    imported(TALK[:1])
    assert texts_of(url, "thread_1") == ["one", "two"]


def test_a_dry_run_does_it_all_and_stores_nothing(tmp_path: Path, imported: Import) -> None:
    """It counts what would be done, and makes no database."""
    summary = imported(TALK, dry_run=True)
    assert (summary.number("thread", "new"), summary.number("message", "new")) == (1, 2)
    assert str(summary).startswith("Dry run, nothing is stored: 1 thread, 2 messages;")
    assert not (tmp_path / "engine.db").exists()
    assert imported(TALK).number("message", "new") == 2
    assert imported(TALK, dry_run=True).number("message", "same") == 2


def test_a_thread_that_a_run_is_active_on_is_left_out(url: str, imported: Import) -> None:
    """The others are not; it is imported once the run has ended."""
    imported(TALK)
    tools: Any = [{"type": "function", "function": {"name": "f"}}]
    with Engine(url, Scripted([call("f")])) as engine, Client(engine=engine) as client:
        assistant = client.assistants.create(model="m", tools=tools)
        run = client.runs.create("thread_1", assistant_id=assistant.id)
        client.wait_for_run(run)
        more = [*TALK, message("thread_1", "msg_3", AT + 2), message("thread_2", None, AT)]
        summary = imported(more)
        assert summary.locked == ["thread_1"]
        assert "import again later: thread_1" in str(summary)
        assert summary.number("thread", "new") == 1
        client.runs.cancel("thread_1", run.id)
        assert imported(more).locked == []
    assert len(texts_of(url, "thread_1")) == 3


def test_one_id_in_two_threads_is_another_in_the_second(url: str, imported: Import) -> None:
    """Ids of messages are unique over all threads; the old one is in the metadata."""
    found = [*TALK, message("thread_2", "msg_1", AT, text="other")]
    summary = imported(found)
    assert codes(summary) == {"id_changed": 1}
    [other] = messages_of(url, "thread_2")
    assert other["id"] != "msg_1"
    assert other["metadata"] == {"was": "msg_1"}
    assert imported(found).number("message", "same") == 3


@pytest.mark.parametrize("name", ["a/b", "x" * 201, "line\nbreak", "\ud83d", ".."])
def test_ids_that_cannot_be_served_are_derived(url: str, imported: Import, name: str) -> None:
    """What names them names them still."""
    step = {"id": "step_1", "run_id": "run_1", "created_at": AT, "status": "completed"}
    wrote = {"type": "message_creation", "message_creation": {"message_id": name}}
    found = [
        message("thread_1", name, AT, "assistant", run_id="run_1"),
        thing("run", {"id": "run_1", "created_at": AT, "status": "completed"}, "thread_1"),
        thing("step", {**step, "type": "message_creation", "step_details": wrote}, "thread_1"),
    ]
    summary = imported(found)
    assert codes(summary)["id_changed"] == 1
    [one] = messages_of(url, "thread_1")
    with opened(url) as engine, Client(engine=engine) as client:
        [made] = client.run_steps.list("thread_1", "run_1")
    assert made.to_dict()["step_details"]["message_creation"]["message_id"] == one["id"]
    assert imported(found).number("message", "same") == 1


@pytest.mark.parametrize(
    "name", ["19:abc@thread.v2", "a b", "é", "2f1c9bb0-6d4e-4c0b-9c39-8c3f5f3c2d11"]
)
def test_ids_of_other_forms_are_kept(url: str, imported: Import, name: str) -> None:
    """Whatever can be served is."""
    imported([message(name, name, AT)])
    assert [one["id"] for one in messages_of(url, name)] == [name]


def test_ids_that_differ_in_case_are_two(url: str, imported: Import) -> None:
    """They are on the protocol's servers."""
    imported([message("thread_1", "msg_A", AT), message("thread_1", "msg_a", AT)])
    assert [one["id"] for one in messages_of(url, "thread_1")] == ["msg_A", "msg_a"]


def test_doubled_messages_are_one(url: str, imported: Import) -> None:
    """At a seam of pages; one that is the protocol's own outweighs a row of it."""
    whole = message("thread_1", "msg_2", AT + 1, text="whole", object="thread.message")
    summary = imported([TALK[0], TALK[0], whole, TALK[1]])
    assert codes(summary)["duplicate"] == 2
    assert texts_of(url, "thread_1") == ["one", "whole"]


def test_messages_of_no_thread_are_threads_of_their_own(url: str, imported: Import) -> None:
    """An empty key is no key."""
    found = [message("", None, AT, text=words) for words in "ab"]
    assert imported(found).number("thread", "new") == 2
    assert imported(found).number("thread", "same") == 2


def test_a_thread_named_by_its_file_has_a_derived_id(url: str, imported: Import) -> None:
    """Save where the file's name is an id."""
    summary = imported(
        [
            message("chat", None, AT, file="folder/chat.json"),
            message("thread_7", None, AT, file="folder/thread_7.json"),
        ]
    )
    assert codes(summary) == {}
    with opened(url) as engine, Client(engine=engine) as client:
        found = {one.id: one.metadata for one in client.threads.list()}
    assert found.pop("thread_7") == {}
    [(name, metadata)] = found.items()
    assert name.startswith("thread_")
    assert metadata == {"was": "chat"}


def test_metadata_is_cut_to_its_limits(url: str, imported: Import) -> None:
    """Sixteen pairs of 64 and 512 characters, all of them text."""
    given = {f"{n:02}{'k' * 70}": "v" * 600 for n in range(20)}
    summary = imported(
        [
            message("thread_1", "msg_1", AT, metadata={"n": 1, "l": [1, None], "t": True}),
            message("thread_1", "msg_2", AT, metadata=given),
            message("thread_1", "msg_3", AT, metadata="text"),
        ]
    )
    first, second, third = messages_of(url, "thread_1")
    assert first["metadata"] == {"n": "1", "l": "[1,null]", "t": "true"}
    assert len(second["metadata"]) == 16
    assert {(len(key), len(value)) for key, value in second["metadata"].items()} == {(64, 512)}
    assert third["metadata"] == {}
    assert codes(summary) == {"metadata_cut": 2}


def test_runs_that_were_under_way_have_expired(url: str, imported: Import) -> None:
    """No thread is locked by them; steps whose run is unknown are dropped and counted."""
    runs = [
        {"id": f"run_{status}", "created_at": AT, "status": status, "expires_at": AT + 600}
        for status in ("queued", "in_progress", "requires_action", "cancelling", "completed")
    ]
    step = {"id": "step_1", "created_at": AT, "run_id": "run_gone", "type": "message_creation"}
    found = [*(thing("run", run, "thread_1") for run in runs), thing("step", step, "thread_1")]
    summary = imported([*TALK, *found])
    with opened(url, "Fine.") as engine, Client(engine=engine) as client:
        statuses = {one.id: one.status for one in client.runs.list("thread_1")}
        assert set(statuses.values()) == {"expired", "completed"}
        client.messages.create("thread_1", "Is it locked?")
    assert codes(summary) == {"run_closed": 4, "part_dropped": 1, "steps_missing": 1}


def test_assistants_are_brought_into_form(url: str, imported: Import) -> None:
    """The first version's tools and files, models that are gone, tools that nobody knows."""
    old = {
        "id": "asst_1",
        "created_at": AT,
        "model": "gpt-4-turbo",
        "tools": [{"type": "retrieval"}, {"type": "code_interpreter"}, {"type": "bing_grounding"}],
        "file_ids": ["file-1"],
    }
    text = {"id": "asst_2", "created_at": AT, "model": "gpt-4", "tools": json.dumps(old["tools"])}
    found = [thing("assistant", old), thing("assistant", text)]
    summary = imported(found, model_map={"gpt-4": "gpt-4o"})
    with opened(url) as engine, Client(engine=engine) as client:
        one, other = (client.assistants.retrieve(name).to_dict() for name in ("asst_1", "asst_2"))
    kinds = [tool["type"] for tool in one["tools"]]
    assert kinds == ["file_search", "code_interpreter", "bing_grounding"]
    assert kinds == [tool["type"] for tool in other["tools"]]
    assert one["tool_resources"]["code_interpreter"] == {"file_ids": ["file-1"]}
    assert (one["model"], other["model"]) == ("gpt-4-turbo", "gpt-4o")
    assert codes(summary) == {"v1_mapped": 3, "tool_unknown": 2, "model_gone": 1}


def test_a_date_that_may_be_read_two_ways_ends_the_import_before_it_begins(
    url: str, imported: Import
) -> None:
    """It says what to do; with a form of dates it is read."""
    found = [*TALK, message("thread_1", "msg_3", "02/03/2024 10:00", text="three")]
    with pytest.raises(TransferError, match=r"source.json, line 1: .*--date-format.*Nothing was"):
        imported(found)
    imported(found, date_format="%d/%m/%Y %H:%M", timezone="UTC")
    assert messages_of(url, "thread_1")[-1]["created_at"] == 1709373600


def test_the_report_has_no_content(url: str, tmp_path: Path, imported: Import) -> None:
    """It says what was lost where, a JSON object a line."""
    found = [message("thread_1", "msg_1", "2024-01-01 10:00", "robot", "a secret", metadata=[5])]
    imported(found, report=tmp_path / "losses.ndjson")
    text = (tmp_path / "losses.ndjson").read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["code"] for line in lines} == {"zone_assumed", "role_mapped", "metadata_cut"}
    assert {(line["file"], line["line"], line["id"]) for line in lines} == {
        ("source.json", 1, "msg_1")
    }
    assert "secret" not in text


def test_progress_is_reported(imported: Import) -> None:
    """While it reads, and while it writes."""
    seen: list[ImportProgress] = []
    imported(TALK, progress=seen.append)
    assert seen[0] == ImportProgress("reading", 2)
    assert seen[-1] == ImportProgress("writing", 1, 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"order": "random"}, "order: 'random' is none of auto, oldest-first"),
        ({"on_conflict": "ask"}, "on_conflict: 'ask' is none of keep, replace, fail"),
        ({"as_": "xml"}, "as_: 'xml' is none of protocol, rows, chat, tree"),
        ({"columns": {"who": "x"}}, "columns: 'who' is none of the fields thread, id, role"),
        ({"files": "nowhere"}, "files: there is no folder nowhere"),
        ({"timezone": "Mars/Base"}, "timezone: 'Mars/Base' is no name of a zone"),
        ({"date_format": "dmy"}, "date_format: 'dmy' has no field such as %d"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, Any], words: str) -> None:
    """Before anything is read."""
    with pytest.raises(ConfigurationError, match=words):
        import_files(["x.json"], "sqlite://", **options)
