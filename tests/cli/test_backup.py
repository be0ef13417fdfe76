"""``assistants backup`` and ``assistants vacuum``: beside a server, under load, and refusals."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from databases import fresh
from served_process import environment, served
from stored_objects import everything, filled

from assistants_client import Client, to_dict
from assistants_client.engine import Engine, Scripted

Ended: TypeAlias = subprocess.CompletedProcess[str]
WINDOWS = sys.platform == "win32"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The file of a database with objects of all kinds."""
    path = tmp_path / "kept.db"
    filled(f"sqlite:///{path}")
    return path


def test_a_copy_has_everything(command: Callable[..., Ended], tmp_path: Path, kept: Path) -> None:
    """It is one file, as readable as its source, and an engine serves and goes on with it."""
    kept.chmod(0o640)
    done = command("backup", "copy.db", "--database", str(kept))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("copy.db: ")
    assert "threads 3, messages 6, runs 3, files 1" in done.stdout
    copy = tmp_path / "copy.db"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["copy.db", "kept.db"]
    if not WINDOWS:
        assert stat.S_IMODE(copy.stat().st_mode) == 0o640
    assert everything(f"sqlite:///{copy}") == everything(f"sqlite:///{kept}")
    with Engine(f"sqlite:///{copy}", Scripted(["Yes."])) as engine, Client(engine=engine) as client:
        [thread] = list(client.threads.list(search="kettles", metadata={"user": "1"}))
        assistant = next(iter(client.assistants.list()))
        assert client.ask(thread.id, "Still there?", assistant_id=assistant.id).text == "Yes."


def test_a_database_is_copied_before_it_is_migrated(
    command: Callable[..., Ended], tmp_path: Path, kept: Path
) -> None:
    """So that there is a way back from an update."""
    with closing(sqlite3.connect(kept)) as connection:
        connection.execute("UPDATE assistants_schema_version SET version = 1")
        connection.commit()
    assert command("backup", "copy.db", "--database", str(kept)).returncode == 0
    for path in (kept, tmp_path / "copy.db"):
        with closing(sqlite3.connect(path)) as connection:
            [(version,)] = connection.execute("SELECT version FROM assistants_schema_version")
        assert version == 1


def test_a_copy_under_load_is_of_one_moment(tmp_path: Path, kept: Path) -> None:
    """What was acknowledged before it began is in it; nothing in it is half there, or other.

    Four writers go on meanwhile, and none of them is refused anything.
    """
    url, over = f"sqlite:///{kept}", threading.Event()
    told: list[tuple[str, str]] = []
    mistakes: list[str] = []

    def write(client: Client, assistant: str) -> None:
        try:
            while not over.is_set():
                said = [{"role": "user", "content": "6 * 7"}]
                run = client.runs.create_thread_and_run(
                    assistant_id=assistant, thread={"messages": said, "metadata": {"by": "load"}}
                )
                client.wait_for_run(run)
                told.append((run.thread_id, run.id))
        except Exception as error:
            mistakes.append(repr(error))

    def backup(name: str) -> Path:
        done = subprocess.run(
            [sys.executable, "-m", "assistants_client", "backup", name, "--database", url],
            check=False,
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return tmp_path / name

    with (
        served(tmp_path, "--database", url) as running,
        Client(running.base_url, api_key="k") as client,
    ):
        assistant = client.assistants.create(model="m").id
        writers = [threading.Thread(target=write, args=(client, assistant)) for _ in range(4)]
        for writer in writers:
            writer.start()
        copies = []
        for number in range(3):
            before = list(told)
            copies.append((backup(f"{number}.db"), before))
        over.set()
        for writer in writers:
            writer.join()
        assert mistakes == []
        assert len(told) > len(copies[-1][1]) > 0
    whole = everything(url)
    for path, before in copies:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            [(unindexed,)] = connection.execute(
                "SELECT count(*) FROM messages WHERE status != 'in_progress' "
                "AND seq NOT IN (SELECT rowid FROM message_words)"
            )
            assert unindexed == 0
        held = final(path)
        assert {one for pair in before for one in pair} <= held.keys()
        assert {one: whole[one] for one in held} == held
    assert everything(f"sqlite:///{backup('quiet.db')}") == whole


def final(path: Path) -> dict[str, Any]:
    """The objects of a copy that can change no more: those of runs that have ended in it."""
    url, found = f"sqlite:///{path}", {}
    with closing(sqlite3.connect(path)) as connection:
        active = {row[0] for row in connection.execute(
            "SELECT thread_id FROM runs WHERE active_thread_id IS NOT NULL")}  # fmt: skip
        connection.execute("DELETE FROM runs WHERE active_thread_id IS NOT NULL")
        connection.commit()
    for one, document in everything(url).items():
        if document.get("thread_id", one) not in active:
            found[one] = document
    return found


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["there.txt"], (2, "there.txt is a file that is there already: name a new file")),
        (["folder"], (2, "folder is a folder that is there already")),
        (["none/copy.db"], (2, "none/copy.db: there is no folder none")),
        (["kept.db"], (2, "kept.db is a file that is there already")),
        (["copy.db", "--database", "none.db"], (4, "there is no database ")),
        (["copy.db", "--database", "there.txt"], (4, "there.txt is no SQLite database")),
        (["copy.db", "--database", "others.db"], (4, "is not a database of an engine")),
        (["copy.db", "--database", "sqlite://"], (4, "a database in memory is this process's")),
        (["copy.db", "--database", "postgresql://u:secret@h/d"], (2, "pg_dump --format=custom")),
    ],
)
def test_what_is_not_copied(
    command: Callable[..., Ended],
    tmp_path: Path,
    kept: Path,
    arguments: list[str],
    expected: tuple[int, str],
) -> None:
    """It is said why; nothing is overwritten, and nothing is left behind."""
    (tmp_path / "there.txt").write_text("Not a database, and longer than a head. " * 10, "utf-8")
    (tmp_path / "folder").mkdir()
    with closing(sqlite3.connect(tmp_path / "others.db")) as connection:
        connection.execute("CREATE TABLE cats (name TEXT)")
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.iterdir()}
    options = arguments if "--database" in arguments else [*arguments, "--database", str(kept)]
    done = command("backup", *options)
    assert (done.returncode, done.stdout) == (expected[0], "")
    assert expected[1] in done.stderr
    assert "secret" not in done.stderr
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_disk_that_is_full(
    command: Callable[..., Ended], tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and what was written of the copy is gone."""

    def fail(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("assistants_client.engine.storage.upkeep.copy_sqlite", fail)
    done = command("backup", "copy.db", "--database", str(kept))
    assert done.returncode == 1
    assert "cannot be copied: database or disk is full" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["kept.db"]


# --- vacuum -------------------------------------------------------------------------------------


def test_free_space_is_given_back(command: Callable[..., Ended], tmp_path: Path) -> None:
    """On SQLite the file becomes smaller; on a server rows are cleared; nothing is lost."""
    url = fresh(f"sqlite:///{tmp_path / 'kept.db'}")
    filled(url)
    with Engine(url, Scripted([])) as engine, Client(engine=engine) as client:
        said = [{"role": "user", "content": "word " * 5_000}]
        for _ in range(40):
            client.threads.delete(client.threads.create(messages=said).id)
    whole = everything(url)
    done = command("vacuum", "--json", "--database", url)
    assert (done.returncode, done.stderr) == (0, "")
    after = json.loads(done.stdout)
    if url.startswith("sqlite"):
        assert after["bytes"] < after["before"]["bytes"]
        assert after["free_bytes"] == 0 < after["before"]["free_bytes"]
        assert (tmp_path / "kept.db").stat().st_size == after["bytes"]
    assert {one["kind"]: one["rows"] for one in after["kinds"]}["threads"] == 3
    assert everything(url) == whole
    text = command("vacuum", "--database", url).stdout
    assert text.startswith("Before: ")
    assert "threads " in text


def test_vacuum_beside_a_server(command: Callable[..., Ended], tmp_path: Path) -> None:
    """What it serves is as it was, and it goes on."""
    url = fresh(f"sqlite:///{tmp_path / 'kept.db'}")
    ids = filled(url)
    with (
        served(tmp_path, "--database", url) as running,
        Client(running.base_url, api_key="k") as client,
    ):
        before = to_dict(client.threads.retrieve(ids["threads"]))
        assert command("vacuum", "--database", url).returncode == 0
        assert to_dict(client.threads.retrieve(ids["threads"])) == before
        assert client.messages.create(ids["threads"], "Still here").id


def test_a_database_in_use_is_left_alone(
    command: Callable[..., Ended], kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said that another program holds it."""
    monkeypatch.setattr("assistants_client.engine.storage.database.BUSY_SECONDS", 1)
    with closing(sqlite3.connect(kept, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        done = command("vacuum", "--database", str(kept))
        connection.execute("ROLLBACK")
    assert done.returncode == 4
    assert "another program or process has kept it busy" in done.stderr
