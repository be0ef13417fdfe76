"""``assistants import``: what it prints, its options, and its exit status."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from databases import fresh

from assistants_client import Client
from assistants_client.engine import Engine, Scripted, call

Ended: TypeAlias = subprocess.CompletedProcess[str]
Command: TypeAlias = Callable[..., Ended]

#: A table of messages in which one has no zone and one an unknown role.
TABLE = """\
session,who,body,at
talk-1,human,Hello,2024-03-01T10:00:00Z
talk-1,ai,Hi,2024-03-01 10:00:01
talk-2,robot,Beep,2024-03-02T10:00:00Z
"""
COLUMNS = "thread=session,role=who,text=body,time=at"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An empty database."""
    return fresh(f"sqlite:///{tmp_path / 'engine.db'}")


@pytest.fixture
def table(tmp_path: Path) -> str:
    """The table's file."""
    path = tmp_path / "chats.csv"
    path.write_text(TABLE, "utf-8")
    return str(path)


def test_it_imports_and_says_what_has_come_along(command: Command, url: str, table: str) -> None:
    """The first line says the most; codes are counted behind it."""
    done = command("import", table, "--columns", COLUMNS, "--database", url)
    assert (done.returncode, done.stderr) == (0, "")
    first, new, *losses = done.stdout.splitlines()
    assert first == "2 threads, 3 messages; no run steps in the source."
    assert new == "New: 2 threads, 3 messages."
    assert "  zone_assumed: 1 (times had no zone)" in losses
    again = command("import", table, "--columns", COLUMNS, "--database", url)
    assert again.stdout.splitlines()[1] == "Already there: 2 threads, 3 messages."
    with Engine(url, Scripted([])) as engine, Client(engine=engine) as client:
        assert {thread.id for thread in client.threads.list()} == {"talk-1", "talk-2"}
        assert [one.text for one in client.messages.list("talk-1", order="asc")] == ["Hello", "Hi"]


def test_a_dry_run_says_how_each_file_was_read(
    command: Command, tmp_path: Path, table: str
) -> None:
    """With the columns that fields came from; nothing is stored, and no database is made."""
    path = tmp_path / "none.db"
    done = command("import", table, "--columns", COLUMNS, "--dry-run", "--database", str(path))
    how, said, *_ = done.stdout.splitlines()
    assert how == f"{table}: rows, 3 objects; columns thread=session, role=who, text=body, time=at"
    assert said.startswith("Dry run, nothing is stored: 2 threads, 3 messages;")
    assert not path.exists()


def test_strict_ends_with_8_where_something_is_lost(
    command: Command, url: str, table: str, tmp_path: Path
) -> None:
    """What it was is in the report, a JSON object a line."""
    report = tmp_path / "losses.ndjson"
    options = ("--columns", COLUMNS, "--database", url, "--strict", "--report", str(report))
    assert command("import", table, *options).returncode == 8
    lines = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    assert "zone_assumed" in {line["code"] for line in lines}
    assert {line["file"] for line in lines} == {table}


def test_strict_ends_with_0_where_nothing_is(command: Command, url: str, tmp_path: Path) -> None:
    """Such as of an object that is as servers send it."""
    document = {
        "object": "thread.message",
        "id": "msg_1",
        "thread_id": "thread_1",
        "created_at": 1_700_000_000,
        "role": "user",
        "content": [{"type": "text", "text": {"value": "Hello", "annotations": []}}],
    }
    path = tmp_path / "lines.ndjson"
    path.write_text(f"{json.dumps(document)}\n", "utf-8")
    assert command("import", str(path), "--database", url, "--strict").returncode == 0


def test_a_locked_thread_ends_with_1_and_is_named(
    command: Command, url: str, tmp_path: Path
) -> None:
    """The rest is imported."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    with Engine(url, Scripted([call("f")])) as engine, Client(engine=engine) as client:
        assistant = client.assistants.create(model="m", tools=tools)
        thread = client.threads.create(messages=[{"role": "user", "content": "Hello"}])
        run = client.runs.create(thread.id, assistant_id=assistant.id)
        client.wait_for_run(run)
        path = tmp_path / "rows.csv"
        path.write_text(f"thread,role,text\n{thread.id},user,More\nother,user,Hi\n", "utf-8")
        done = command("import", str(path), "--database", url)
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1].endswith(f"import again later: {thread.id}")
        assert [one.text for one in client.messages.list("other")] == ["Hi"]


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--timezone", "Mars"], 2, "--timezone: 'Mars' is no name of a zone"),
        (["--date-format", "dmy"], 2, "--date-format: 'dmy' has no field such as %d"),
        (["--columns", "who=x"], 2, "--columns: 'who' is none of the fields thread"),
        (["--columns", "who"], 2, "argument --columns: 'who' is not NAME=VALUE"),
        (["--model-map", "gpt-4"], 2, "argument --model-map: 'gpt-4' is not NAME=VALUE"),
        (["--files", "nowhere"], 2, "--files: there is no folder nowhere"),
        (["--order", "newest"], 2, "argument --order: invalid choice: 'newest'"),
        (["--report", "no/where.json"], 1, "no/where.json cannot be written"),
        (["--database", "sqlite:////no/where.db"], 4, "/no"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    command: Command, table: str, options: list[str], status: int, words: str
) -> None:
    """Usage is 2, the database 4."""
    given = [] if "--columns" in options else ["--columns", COLUMNS]
    done = command("import", table, *given, *options)
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("missing.json", None, "missing.json"),
        ("page.html", "<!DOCTYPE html><html></html>", "page.html: "),
        ("dates.csv", "thread,role,text,time\na,user,b,01/02/2024 10:00\n", "--date-format"),
    ],
)
def test_a_source_that_cannot_be_read_ends_with_1_and_makes_no_database(
    command: Command, tmp_path: Path, name: str, text: str | None, words: str
) -> None:
    """The words say what to do."""
    if text is not None:
        (tmp_path / name).write_text(text, "utf-8")
    done = command("import", str(tmp_path / name), "--database", str(tmp_path / "none.db"))
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr
    assert not (tmp_path / "none.db").exists()
