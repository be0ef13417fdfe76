"""Versions of the schema: databases of earlier versions, of newer ones, and of other programs."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import pytest
from databases import fresh
from engine_http import Http
from sqlalchemy import Connection, inspect, make_url, text
from store_bench import Bench
from werkzeug.test import Client as Web

from assistants_client.engine import Engine, Scripted
from assistants_client.engine.services._base import Context
from assistants_client.engine.services.tokens import Tokens
from assistants_client.engine.storage import migrations
from assistants_client.engine.storage.database import Database
from assistants_client.errors import ConfigurationError

FIRST = Path(__file__).with_name("earlier_databases") / "version_1.sql"
EMPTY = FIRST.read_text("utf-8").partition("INSERT")[0]
NOW = 1760000100.0


def ask(url: str, *statements: str) -> list[object]:
    """What the last of some statements returns, in a database that is opened for them alone."""
    database = Database(url)
    with database.begin() as connection:
        for statement in statements:
            done = connection.execute(text(statement))
        found = list(done.scalars()) if done.returns_rows else []
    database.close()
    return found


def version(url: str) -> list[object]:
    """All that a database says of its version."""
    return ask(url, "SELECT version FROM assistants_schema_version")


def columns(url: str, table: str) -> list[str]:
    """The names of a table's columns."""
    database = Database(url)
    with database.begin() as connection:
        found = inspect(connection).get_columns(table)
    database.close()
    return [column["name"] for column in found]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file for a database of SQLite's."""
    return tmp_path / "kept.db"


@pytest.fixture
def url(path: Path) -> str:
    """An empty database."""
    return fresh(f"sqlite:///{path}")


def write(path: Path, *statements: str) -> str:
    """The URL of a database that some statements make, and nothing else."""
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.executescript(statement)
    return f"sqlite:///{path}"


def everything(path: Path) -> list[str]:
    """A database as SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_a_database_without_a_version_is_used(path: Path) -> None:
    """All that an earlier version stored is there, is searched, and goes on; it has a version."""
    url = write(path, FIRST.read_text("utf-8"))
    model = Scripted(["I am here.", "It rains.", "It was 42."])
    with Engine(url, model, clock=lambda: NOW) as engine:
        http = Http(engine)
        queued, waiting = "/threads/thread_0014/runs/run_0016", "/threads/thread_0010/runs/run_0012"
        assert http.wait(queued)["status"] == "completed"
        assert http.texts(queued) == ["Are you there?", "I am here."]

        assert http.send("GET", waiting)["status"] == "requires_action"
        outputs = {"tool_outputs": [{"tool_call_id": "call_2", "output": "rain"}]}
        http.send("POST", f"{waiting}/submit_tool_outputs", outputs)
        assert http.wait(waiting)["status"] == "completed"
        assert http.texts(waiting) == ["Is it raining in Paris?", "It rains."]

        thread = http.send("GET", "/threads/thread_0004")
        assert thread["metadata"] == {"from": "before"}
        steps = http.send("GET", "/threads/thread_0004/runs/run_0006/steps?order=asc")["data"]
        [call] = steps[0]["step_details"]["tool_calls"]
        assert call["code_interpreter"]["outputs"] == [{"type": "logs", "logs": "42\n"}]
        http.send("POST", "/threads/thread_0004/messages", {"role": "user", "content": "Again?"})
        again = http.send("POST", "/threads/thread_0004/runs", {"assistant_id": "asst_0003"})
        run = f"/threads/thread_0004/runs/{again['id']}"
        assert http.wait(run)["status"] == "completed"
        assert http.texts(run) == ["How much is 6 * 7?", "It is 42.", "Again?", "It was 42."]
        assert len(http.send("GET", "/threads/thread_0004/runs")["data"]) == 2

        content = http.session.get("http://engine/v1/files/file-0001/content")
        assert content.content == b"Otters hold hands while they sleep."
        search = {"query": "sleeping otters"}
        [found] = http.send("POST", "/vector_stores/vs_0002/search", search)["data"]
        assert found["filename"] == "notes.txt"
        assert http.send("GET", "/vector_stores/vs_0002")["file_counts"]["completed"] == 1
        assert len(http.send("GET", "/assistants")["data"]) == 1
    assert version(url) == [3]


def test_what_may_be_missing_is_added(path: Path) -> None:
    """Tables, indexes and columns that may be null are made, and what is stored stays."""
    url = write(
        path,
        FIRST.read_text("utf-8"),
        "DROP TABLE model_states; DROP TABLE interpreter_files; DROP INDEX ix_runs_made",
        "ALTER TABLE runs DROP COLUMN cancelling_since",
        "DROP INDEX ix_files_expires_at; ALTER TABLE files DROP COLUMN expires_at",
    )

    assert ask(url, "SELECT cancelling_since FROM runs") == [None] * 3
    assert ask(url, "SELECT id FROM files WHERE expires_at IS NULL") == ["file-0001"]
    assert ask(url, "SELECT count(*) FROM model_states") == [0]
    names = ask(url, "SELECT name FROM sqlite_master WHERE type = 'index'")
    assert {"ix_runs_made", "ix_files_expires_at"} <= {*names}
    assert version(url) == [3]


def test_tokens_come_to_a_database_that_had_none(path: Path) -> None:
    """What was stored before is nobody's: the owner's alone, and in no isolated token's lists."""
    url = write(path, FIRST.read_text("utf-8"))
    with Engine(url, Scripted(["It was 42."]), clock=lambda: NOW) as engine:
        engine.open()
        token = Tokens(Context(database=engine._database)).add("shop", is_isolated=True)
        web, headers = Web(engine), {"authorization": f"Bearer {token}"}
        for path_ in ("/assistants", "/threads", "/files", "/vector_stores"):
            assert web.get(path_).status_code == 401
            assert web.get(path_, headers=headers).get_json()["data"] == []
            assert Http(engine).send("GET", path_)["data"]
        made = web.post("/threads", headers=headers).get_json()
        listed = web.get("/threads", headers=headers).get_json()["data"]
        assert [thread["id"] for thread in listed] == [made["id"]]
    assert {*ask(url, "SELECT tenant FROM threads ORDER BY seq")} == {None, "shop"}
    assert ask(url, "SELECT tenant FROM runs") == [None] * 3
    names = ask(url, "SELECT name FROM sqlite_master WHERE type = 'index'")
    assert {"ix_threads_of", "ix_files_of_for"} <= {*names}
    assert version(url) == [3]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (
            [FIRST.read_text("utf-8"), "ALTER TABLE messages DROP COLUMN status"],
            "messages.status is missing",
        ),
        (
            ["CREATE TABLE threads (id TEXT NOT NULL, title TEXT NOT NULL, body JSON)"],
            "threads.created_at is missing, threads.seq is missing, "
            "threads.title is unknown and may not be null",
        ),
        (
            [EMPTY.replace("owner TEXT,", "owner TEXT NOT NULL,")],
            "runs.owner may not be null, vector_store_files.owner may not be null",
        ),
        (  # which would need a constraint, too
            [
                EMPTY.replace(", UNIQUE (active_thread_id)", "").replace(
                    " active_thread_id TEXT,", ""
                )
            ],
            "runs.active_thread_id is missing",
        ),
        (
            [
                "CREATE TABLE assistants_schema_version (version INTEGER PRIMARY KEY)",
                "INSERT INTO assistants_schema_version VALUES (1)",
                "CREATE TABLE threads (seq INTEGER PRIMARY KEY)",
            ],
            "threads.body is missing, threads.created_at is missing, threads.id is missing",
        ),
    ],
)
def test_what_cannot_be_migrated_is_refused(path: Path, statements: list[str], said: str) -> None:
    """What is wrong is named, and what to do; the database is as it was."""
    url = write(path, *statements)
    before = everything(path)

    with pytest.raises(ConfigurationError) as caught:
        Engine(url, Scripted([])).open()

    assert str(caught.value) == (
        f"The database {url} cannot be opened: its tables are not those of this "
        f"assistants-client: {said}. Go on with the assistants-client that made it, or name "
        "another: Engine(URL), ASSISTANTS_DATABASE_URL, or --database of assistants serve"
    )
    assert everything(path) == before


def test_additions_need_no_step(url: str) -> None:
    """On each kind of database, columns that may be null are added, and others are refused."""
    ask(
        url,
        "ALTER TABLE runs DROP COLUMN lease_until",
        "ALTER TABLE runs DROP COLUMN cancelling_since",
        "DROP TABLE model_states",
    )
    added = {"lease_until", "cancelling_since"}
    assert added < {*columns(url, "runs")}
    assert ask(url, "SELECT count(*) FROM model_states") == [0]

    ask(url, "ALTER TABLE messages DROP COLUMN status")
    with pytest.raises(ConfigurationError, match=r"assistants-client: messages\.status is missing"):
        Database(url).open()


def test_a_newer_version_is_refused(url: str) -> None:
    """Before anything is read or written; the error names both versions, and no password."""
    ask(url, "UPDATE assistants_schema_version SET version = 4")
    given = make_url(url)
    if given.get_backend_name() != "sqlite":
        given = given.set(password="secret")
    shown = given.render_as_string()

    with pytest.raises(ConfigurationError) as caught:
        Database(given.render_as_string(hide_password=False)).open()

    assert str(caught.value).startswith(
        f"The database {shown} cannot be opened: its schema has version 4, and this "
        "assistants-client supports versions 1 to 3. Update assistants-client, or name another: "
    )
    assert "secret" not in str(caught.value)


# --- steps --------------------------------------------------------------------------------------


def colour(connection: Connection) -> None:
    """The step to a version 2 that knows colours."""
    connection.execute(text("ALTER TABLE threads ADD COLUMN colour TEXT"))
    connection.execute(text("UPDATE threads SET colour = 'red'"))


def size(connection: Connection) -> None:
    """The step to a version 3, which needs that to version 2."""
    connection.execute(text("ALTER TABLE threads ADD COLUMN size TEXT"))
    connection.execute(text("UPDATE threads SET size = colour"))


def fail(connection: Connection) -> None:
    """A step that fails once it has changed something."""
    size(connection)
    connection.execute(text("SELECT colour FROM nowhere"))


ONE_THREAD = "INSERT INTO threads (id, created_at, body) VALUES ('thread_1', 1, '{}')"


@pytest.fixture
def first(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of version 1, with a thread in it."""
    monkeypatch.setattr(migrations, "STEPS", ())
    ask(url, ONE_THREAD)
    return url


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the version that some steps lead to."""
    return lambda *given: monkeypatch.setattr(migrations, "STEPS", given)


def test_steps_are_taken_once_and_in_order(first: str, steps: Callable[..., None]) -> None:
    """Each version begins where the one before it ended; the earlier version is then refused."""
    steps(colour)
    assert ask(first, "SELECT colour FROM threads") == ["red"]
    assert version(first) == [2]
    ask(first, "UPDATE threads SET colour = 'blue'")

    steps(colour, size)
    assert ask(first, "SELECT size FROM threads") == ["blue"]
    assert version(first) == [3]

    steps(colour)
    expected = r"has version 3, .* supports versions 1 to 2\. Upd"
    with pytest.raises(ConfigurationError, match=expected):
        Database(first).open()


def test_a_database_without_a_version_takes_all_steps(
    first: str, steps: Callable[..., None]
) -> None:
    """It is of version 1."""
    ask(first, "DROP TABLE assistants_schema_version")
    steps(colour, size)

    assert ask(first, "SELECT size FROM threads") == ["red"]
    assert version(first) == [3]


def test_a_new_database_takes_no_step(url: str, steps: Callable[..., None]) -> None:
    """Its tables are made as this version has them."""
    steps(colour)

    assert version(url) == [2]
    assert "colour" not in columns(url, "threads")


def test_a_step_that_fails_leaves_all_as_it_was(first: str, steps: Callable[..., None]) -> None:
    """Steps before it are undone too, and the version before can go on."""
    steps(colour, fail)
    with pytest.raises(ConfigurationError, match=r"cannot be opened: .*nowhere"):
        Database(first).open()

    steps()
    assert version(first) == [1]
    assert columns(first, "threads") == ["seq", "id", "created_at", "tenant", "body"]


#: What a process does: it waits for a line, then opens a database as a version 2 that adds a
#: column. What follows the step is its second argument.
PROCESS = """
import os, sys, time
from sqlalchemy import text
from assistants_client.engine.services._base import Context
from assistants_client.engine.services.tokens import Tokens
from assistants_client.engine.storage import migrations
from assistants_client.engine.storage.database import Database
def step(connection):
    connection.execute(text("ALTER TABLE threads ADD COLUMN colour TEXT"))
    connection.execute(text("UPDATE threads SET colour = 'red'"))
    exec(sys.argv[2])
migrations.STEPS = (step,)
database = Database(sys.argv[1])
print(flush=True)
sys.stdin.readline()
database.open()
database.close()
"""

Start: TypeAlias = Callable[[str, str], "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process, up to the line that it waits for."""
    started: list[subprocess.Popen[str]] = []

    def begin(url: str, then: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        made = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROCESS, url, then],
            stdin=pipe,
            stdout=pipe,
            text=True,
        )
        started.append(made)
        return made

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("is_new", [True, False])
def test_of_several_processes_one_migrates(
    url: str, start: Start, steps: Callable[..., None], is_new: bool
) -> None:
    """The others wait, and find it done: a second try would fail, as the column is there."""
    if not is_new:
        ask(url, ONE_THREAD, "DROP TABLE assistants_schema_version")
    # The first is not done before the others try; it is right without that, too.
    processes = [start(url, "time.sleep(0.3)") for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    assert [process.wait(60) for process in processes] == [0, 0, 0]
    steps(colour)
    assert version(url) == [2]
    assert ("colour" in columns(url, "threads")) is not is_new


def test_a_process_that_dies_leaves_nothing_half_done(
    first: str, start: Start, steps: Callable[..., None]
) -> None:
    """The next one finds the database as it was, and takes the same step."""
    dying = start(first, "os._exit(9)")
    dying.communicate("\n", timeout=60)
    assert dying.returncode == 9

    assert version(first) == [1]
    assert columns(first, "threads") == ["seq", "id", "created_at", "tenant", "body"]
    steps(colour)
    assert ask(first, "SELECT colour FROM threads") == ["red"]
    assert version(first) == [2]


# --- the step to version 2 ----------------------------------------------------------------------

#: Passages of version 1, by the words that find them now, and did not on each database before.
PASSAGES = {
    "ΕΛΛΑΔΑ": "Στην Ελλάδα",
    "東京": "東京は日本の首都です。",
    "definition": "The de\ufb01nition of a walrus.",
    "notes": "What stands under a title that says it.",
}
BEFORE = {
    "sqlite": (
        "DROP TABLE passage_words",
        "CREATE VIRTUAL TABLE passage_words USING fts5(store, title, words, "
        "tokenize = 'porter unicode61 remove_diacritics 2')",
        "INSERT INTO passage_words (rowid, store, title, words) "
        "SELECT seq, '1', CASE WHEN seq = 4 THEN 'My notes' ELSE '' END, text FROM passages",
    ),
    "postgresql": (
        "DELETE FROM passage_words",
        "CREATE TEXT SEARCH DICTIONARY assistants_stem (TEMPLATE = snowball, LANGUAGE = english)",
        "CREATE TEXT SEARCH CONFIGURATION assistants_words (COPY = simple)",
        "ALTER TEXT SEARCH CONFIGURATION assistants_words "
        "ALTER MAPPING FOR asciiword, word, numword WITH assistants_stem",
        "INSERT INTO passage_words (passage, store, words) SELECT seq, 1, "
        "setweight(to_tsvector('assistants_words', CASE WHEN seq = 4 THEN 'My notes' ELSE '' END), "
        "'A') || to_tsvector('assistants_words', text) FROM passages",
    ),
}


def test_the_words_of_passages_are_made_anew(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What version 1 has indexed is found by this version's words, and deleted with its file.

    The log says before and after how many passages there are, and nothing for a new database.
    """
    monkeypatch.setattr("assistants_client.engine.storage.passage_words._AT_ONCE", 3)
    with Engine(url, Scripted([])) as engine:
        bench = Bench(engine)
        store = bench.store(a_txt="One.").id
        file = bench.file(store, "a.txt").id
    ask(
        url,
        "DELETE FROM passages",
        *(
            f"INSERT INTO passages (seq, store_file, start, text) VALUES ({seq}, 1, 0, '{held}')"
            for seq, held in enumerate(PASSAGES.values(), 1)
        ),
        *BEFORE[make_url(url).get_backend_name()],
        "UPDATE assistants_schema_version SET version = 1",
    )

    assert caplog.messages == []
    with Engine(url, Scripted([])) as engine:
        bench = Bench(engine)
        for query, held in PASSAGES.items():
            [hit] = bench.client.vector_stores.search(store, query)
            assert hit.content[0].text == held
        assert caplog.messages == [
            "Migrating the database: indexing the words of 4 passages anew",
            "Indexed the words of 4 passages anew",
        ]
        bench.client.vector_store_files.delete(store, file)
        assert bench.found(store, "walrus") == []
    assert version(url) == [3]
    assert ask(url, "SELECT count(*) FROM passage_words") == [0]


# --- the step to version 3 ----------------------------------------------------------------------


def test_threads_of_earlier_versions_are_found(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By their metadata, and by words of their messages, save those that are being written."""
    monkeypatch.setattr("assistants_client.engine.storage.thread_index._AT_ONCE", 3)
    with Engine(url, Scripted([])) as engine:
        http = Http(engine)
        for number in range(7):
            first = {"role": "user", "content": f"Otters, number {number}"}
            http.send("POST", "/threads", {"messages": [first], "metadata": {"user": str(number)}})
    triggers = ["DROP TRIGGER message_is_gone", "DROP TRIGGER message_is_moved"]
    triggers = triggers if url.startswith("sqlite") else []
    ask(
        url,
        *triggers,
        "UPDATE messages SET status = 'in_progress' WHERE seq = 7",
        "DROP TABLE thread_metadata",
        "DROP TABLE message_words",
        "UPDATE assistants_schema_version SET version = 2",
    )
    with Engine(url, Scripted([])) as engine:
        http = Http(engine)
        assert len(http.send("GET", "/threads?search=otter")["data"]) == 6
        [found] = http.send("GET", "/threads?search=otters&metadata[user]=3")["data"]
        assert found["metadata"] == {"user": "3"}
        assert caplog.messages == [
            "Migrating the database: indexing the words of 7 messages",
            "Indexed the words of 7 messages",
        ]
    assert version(url) == [3]
