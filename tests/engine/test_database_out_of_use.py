"""A database that cannot be used for a while: who waits how long, and what is said."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from engine_http import Http
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from werkzeug.test import Client as Web

from assistants_client import Client
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.faults import Fault
from assistants_client.engine.storage import database
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.store_faults import DatabaseFile, fault_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "test.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    """An engine on a file, open."""
    with Engine(f"sqlite:///{path}", Scripted(["Hello."])) as made:
        made.open()
        yield made


def refusal(engine: Engine, method: str = "POST", where: str = "/threads") -> str:
    """What a request is refused with."""
    answer = Web(engine).open(f"/v1{where}", method=method)
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    error = answer.get_json()["error"]
    assert error["type"] == "server_error"
    return str(error["message"])


def test_each_writer_has_one_deadline(
    engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another program holds the lock all are refused, and none of them has written."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(6) as pool:
        said = list(pool.map(lambda _: refusal(engine), range(6)))
    assert all("kept it busy" in one for one in said)
    assert other.execute("SELECT count(*) FROM threads").fetchone() == (0,)
    other.execute("ROLLBACK")
    other.close()
    assert Http(engine).send("POST", "/threads")["id"]


@pytest.mark.parametrize("block", [Database.begin, Database.read])
def test_a_database_in_memory_is_waited_for_as_long(
    block: Callable[[Database], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All threads take turns with its one connection."""
    made = Database("sqlite://")
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    refused: list[Fault] = []

    def wait() -> None:
        with pytest.raises(Fault) as caught, block(made):  # type: ignore[attr-defined]
            pass
        refused.append(caught.value)

    with made.begin():
        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join(10)
    assert [fault.status for fault in refused] == [503]
    made.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_file_that_is_deleted_takes_nothing(engine: Engine, path: Path, method: str) -> None:
    """Not even a new one is made in its place."""
    for one in path.parent.iterdir():
        one.unlink()
    assert "was deleted or moved away" in refusal(engine, method)
    assert list(path.parent.iterdir()) == []


def test_a_log_that_is_deleted_is_noticed(engine: Engine, path: Path) -> None:
    """What is written to it would be lost with it."""
    path.with_name("test.db-wal").unlink()
    assert "was deleted or moved away" in refusal(engine)


def test_a_database_without_a_log_is_watched_too(path: Path) -> None:
    """As on file systems that have none of what a log needs."""
    path.write_bytes(bytes(4096))
    watched = DatabaseFile(str(path), has_log=False)
    watched.check(writes=True)
    path.unlink()
    with pytest.raises(Fault, match="deleted"):
        watched.check(writes=True)


def test_a_file_that_is_replaced_takes_nothing(engine: Engine, path: Path) -> None:
    """As by a backup; what is put back as it was is taken again."""
    path.rename(path.with_name("kept"))
    path.write_bytes(path.with_name("kept").read_bytes())
    assert "was replaced" in refusal(engine)
    path.with_name("kept").replace(path)
    assert Http(engine).send("POST", "/threads")["id"]


def test_a_file_that_goes_within_a_transaction_is_noticed(path: Path) -> None:
    """The block was written already, and is undone."""
    made = Database(f"sqlite:///{path}")
    with pytest.raises(Fault, match="deleted"), made.begin():
        path.rename(path.with_name("moved"))
    path.with_name("moved").rename(path)
    with made.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM threads")).scalar_one() == 0
    made.close()


def test_a_file_that_is_made_read_only_takes_nothing(engine: Engine, path: Path) -> None:
    """Whoever has it open could still write it, but was not meant to."""
    path.chmod(0o444)
    assert "read-only" in refusal(engine)
    path.chmod(0o644)
    assert Http(engine).send("POST", "/threads")["id"]


def test_a_file_that_is_emptied_takes_nothing(engine: Engine, path: Path) -> None:
    """It is the same file, and not what was stored in it."""
    with path.open("wb"):
        pass
    assert "replaced or emptied" in refusal(engine)


def test_a_file_named_by_a_uri_is_watched_too(path: Path) -> None:
    """However it is named, what is written to a deleted file is lost."""
    with Engine(f"sqlite:///file:{path}?uri=true", Scripted()) as made:
        Http(made).send("POST", "/threads")
        path.unlink()
        assert "deleted or moved away" in refusal(made)


def test_who_comes_while_it_is_opened_waits_no_longer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a deadline of their own from the first request on."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.3)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = wal")
    other.execute("BEGIN IMMEDIATE")
    with Engine(f"sqlite:///{path}", Scripted()) as made:
        begun = time.monotonic()
        with ThreadPoolExecutor(6) as pool:
            said = list(pool.map(lambda _: refusal(made), range(6)))
        assert time.monotonic() - begun < 6 * 0.3
        assert all("kept it busy" in one for one in said)
        other.execute("ROLLBACK")
        other.close()
        assert Http(made).send("POST", "/threads")["id"]


@pytest.mark.parametrize("follows", [False, True])
def test_a_run_outlives_a_moment_without_its_file(path: Path, follows: bool) -> None:
    """It is waited for; so it is by who follows the run."""
    away, back = threading.Event(), threading.Event()

    def vanish(_: object) -> str:
        path.rename(path.with_suffix(".away"))
        away.set()
        threading.Timer(0.6, lambda: (path.with_suffix(".away").rename(path), back.set())).start()
        return "All is well."

    with Client(engine=Engine(f"sqlite:///{path}", Scripted([[vanish]]))) as client:
        assistant = client.assistants.create(model="m")
        thread = client.threads.create(messages=[{"role": "user", "content": "Hi"}])
        if follows:
            with client.runs.stream(thread.id, assistant_id=assistant.id) as stream:
                list(stream)
                run = stream.run
        else:
            made = client.runs.create(thread.id, assistant_id=assistant.id)
            assert back.wait(10)
            run = client.wait_for_run(made, check=False)
        assert away.is_set()
        assert run is not None
        assert (run.status, run.last_error) == ("completed", None)


def test_a_relative_path_is_one_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the process changes its working directory."""
    monkeypatch.chdir(path.parent)
    made = Database("sqlite:///test.db")
    made.open()
    (path.parent / "other").mkdir()
    monkeypatch.chdir(path.parent / "other")
    with made.begin() as one, made.read() as another:
        for connection in (one, another):
            connection.execute(text("SELECT count(*) FROM threads"))
    made.close()
    assert os.listdir() == []


class Postgres(Exception):
    """An error as psycopg has it."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("words in any language")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "is_lost", "said"),
    [
        (sqlite3.OperationalError("database is locked"), False, "busy"),
        (sqlite3.OperationalError("attempt to write a readonly database"), False, "only be read"),
        (sqlite3.OperationalError("database or disk is full"), False, "no space left"),
        (sqlite3.OperationalError("disk I/O error"), False, "answers with errors"),
        (sqlite3.OperationalError("unable to open database file"), False, "cannot be opened"),
        (sqlite3.OperationalError("no such table: x"), False, None),
        (Postgres("55P03"), False, "busy"),
        (Postgres("57P01"), True, "stopping or starting"),
        (Postgres("53300"), False, "no connection left (max_connections)"),
        (Postgres("53100"), False, "no room"),
        (Postgres("57014"), False, "statement_timeout"),
        (Postgres("28P01"), False, "does not let in"),
        (Postgres("3D000"), False, "no such database"),
        (Postgres("25006"), False, "only be read"),
        (Postgres(None), True, "cannot be reached"),
        (Postgres("42P01"), False, None),
    ],
)
def test_what_is_said_of_a_drivers_error(error: Exception, is_lost: bool, said: str | None) -> None:
    """What passes, or what people can mend, is told; a mistake of ours is not excused."""
    fault = fault_of(error, is_lost=is_lost)
    if said is None:
        assert fault is None
    else:
        assert fault is not None
        assert (fault.status, fault.retry_after is not None) == (503, True)
        assert said in fault.message


def test_a_server_that_cannot_be_reached_is_told_by_the_drivers_kind_of_error() -> None:
    """It has no code then, and the connection was never there to be lost."""
    kind = type("OperationalError", (Exception,), {"__module__": "psycopg"})
    fault = fault_of(kind("connection refused"), is_lost=False)
    assert fault is not None
    assert "cannot be reached" in fault.message


def test_a_full_disk_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading goes on."""

    def full(*_: object, **__: object) -> None:
        reason = sqlite3.OperationalError("database or disk is full")
        raise OperationalError("INSERT", {}, reason)

    with monkeypatch.context() as patched:
        patched.setattr("assistants_client.engine.services._resources.add", full)
        assert "no space left" in refusal(engine)
    assert Http(engine).send("GET", "/threads")["data"] == []


def test_other_errors_are_no_refusals(path: Path) -> None:
    """They are mistakes of whoever has the transaction."""
    made = Database(f"sqlite:///{path}")
    with pytest.raises(OSError, match="mine"), made.begin():
        raise OSError(errno.EIO, "mine")
    with pytest.raises(OperationalError, match="no such table"), made.begin() as connection:
        connection.execute(text("SELECT * FROM absent"))
    made.close()
