"""A PostgreSQL server that goes away within a transaction, or within its commit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from databases import VARIABLE, fresh
from engine_http import Http
from sqlalchemy import Connection, NullPool, create_engine, event, text
from werkzeug.test import Client

from assistants_client.engine import Engine, Scripted, TextDelta, call
from assistants_client.engine.storage.database import load_json
from assistants_client.engine.storage.store_faults import InterruptedTransactionError
from assistants_client.engine.storage.tables import threads
from assistants_client.models.threads import Thread

pytestmark = pytest.mark.skipif(
    not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no PostgreSQL server"
)


@pytest.fixture
def url() -> str:
    """An empty database."""
    return fresh("")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine on it, whose model uses a tool and then says hello."""
    script = [[call("code_interpreter", code="1 + 1")], [TextDelta(text="Hello.")]]
    with Engine(url, Scripted(script)) as made:
        made.open()
        yield made


@pytest.fixture
def end(url: str) -> Iterator[Callable[[Any], None]]:
    """Ends the session of a connection, and waits until it is gone."""
    driver = url.replace("postgresql:", "postgresql+psycopg:", 1)
    other = create_engine(driver, poolclass=NullPool)

    def terminate(connection: Any) -> None:
        with other.connect() as mine:
            pid = connection.connection.driver_connection.info.backend_pid
            mine.execute(text(f"SELECT pg_terminate_backend({pid}, 5000)"))

    yield terminate
    other.dispose()


def ending_at(engine: Engine, words: str, end: Callable[[Any], None]) -> list[str]:
    """Ends the session that is about to execute a statement with these words, the first time."""
    connections = engine._database._here().connections
    assert connections is not None
    ended: list[str] = []

    def look(connection: Connection, _: Any, statement: str, *__: Any) -> None:
        if words in statement and not ended:
            ended.append(statement)
            end(connection)

    event.listen(connections.engine, "before_cursor_execute", look)
    return ended


def ending_at_commit(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Any], None],
    words: str,
    *,
    is_made: bool,
) -> list[str]:
    """Ends the session that is about to commit a statement: before its commit, or just after."""
    psycopg = pytest.importorskip("psycopg")
    connections = engine._database._here().connections
    assert connections is not None
    dialect = connections.engine.dialect
    commit, ended, writing = dialect.do_commit, list[str](), list[Any]()

    def look(connection: Connection, _: Any, statement: str, *__: Any) -> None:
        if words in statement and not ended:
            writing[:] = [connection, connection.connection.dbapi_connection]

    def commit_in_doubt(connection: Any) -> None:
        if ended or not writing or connection.dbapi_connection is not writing[1]:
            commit(connection)
            return
        ended.append("")
        if is_made:
            commit(connection)
            connection.driver_connection.close()
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        end(writing[0])
        commit(connection)

    event.listen(connections.engine, "before_cursor_execute", look)
    monkeypatch.setattr(dialect, "do_commit", commit_in_doubt)
    return ended


def test_what_no_listener_sees_is_interrupted_too(
    engine: Engine, end: Callable[[Any], None]
) -> None:
    """Statements go to the driver at once where nobody listens; the next transaction works."""
    database = engine._database

    def interrupted() -> None:
        with database.begin() as connection:
            end(connection)
            load_json(connection, threads, Thread, "thread_1")

    with pytest.raises(InterruptedTransactionError):
        interrupted()
    with database.begin() as connection:
        assert load_json(connection, threads, Thread, "thread_1") is None


def test_a_request_is_handled_again(engine: Engine, end: Callable[[Any], None]) -> None:
    """Nothing of the first try is there; nobody is told."""
    web = Client(engine)
    thread = web.post("/v1/threads").get_json()["id"]
    where = f"/v1/threads/{thread}/messages"
    for method, words in (
        ("POST", "INSERT INTO messages"),
        ("GET", "FROM messages"),
        ("DELETE", "DELETE FROM messages"),
    ):
        ended = ending_at(engine, words, end)
        body = {"role": "user", "content": "Hi"} if method == "POST" else None
        answer = web.open(where, method=method, json=body)
        assert (answer.status_code, len(ended)) == (200, 1)
        found = web.get(f"/v1/threads/{thread}/messages").get_json()["data"]
        assert len(found) == (0 if method == "DELETE" else 1)
        where = where if method == "POST" else f"{where}/{found[0]['id']}" if found else where


def test_an_upload_is_stored_again_from_its_start(
    engine: Engine, end: Callable[[Any], None]
) -> None:
    """Its content was read already, and is whole all the same."""
    content = bytes(range(256)) * 1_000
    ended = ending_at(engine, "UPDATE files", end)
    web = Client(engine)
    form = {"purpose": "assistants", "file": (BytesIO(content), "a.bin")}
    made = web.post("/v1/files", data=form)
    assert (made.status_code, len(ended)) == (200, 1)
    assert web.get(f"/v1/files/{made.get_json()['id']}/content").data == content
    assert len(web.get("/v1/files").get_json()["data"]) == 1


@pytest.mark.parametrize(
    "words",
    [
        "SELECT CAST(runs.body AS TEXT)",
        "UPDATE runs",
        "SELECT messages.seq",
        "INSERT INTO run_steps",
        "UPDATE run_steps",
        "INSERT INTO interpreter_states",
        "INSERT INTO messages",
        "UPDATE messages",
    ],
)
def test_a_run_goes_on(engine: Engine, end: Callable[[Any], None], words: str) -> None:
    """Whatever its worker was about to do is done again, and only that: no model is asked twice."""
    http = Http(engine)
    assistant = http.send(
        "POST", "/assistants", {"model": "m", "tools": [{"type": "code_interpreter"}]}
    )
    asked = {"messages": [{"role": "user", "content": "Hi"}]}
    thread = http.send("POST", "/threads", asked)["id"]
    ended = ending_at(engine, words, end)
    run = http.send("POST", f"/threads/{thread}/runs", {"assistant_id": assistant["id"]})
    path = f"/threads/{thread}/runs/{run['id']}"
    done = http.wait(path)
    assert (done["status"], done["last_error"], len(ended)) == ("completed", None, 1)
    assert http.texts(path) == ["Hi", "Hello."]
    steps = http.send("GET", f"{path}/steps")["data"]
    assert [(one["type"], one["status"]) for one in steps] == [
        ("message_creation", "completed"),
        ("tool_calls", "completed"),
    ]


@pytest.mark.parametrize("is_made", [True, False])
def test_a_commit_in_doubt_is_settled_by_the_key(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, end: Callable[[Any], None], is_made: bool
) -> None:
    """It is found out whether it was made, and made where it was not."""
    web = Client(engine)
    thread = web.post("/v1/threads").get_json()["id"]
    ended = ending_at_commit(engine, monkeypatch, end, "INSERT INTO messages", is_made=is_made)
    answer = web.post(
        f"/v1/threads/{thread}/messages",
        json={"role": "user", "content": "Hi"},
        headers={"idempotency-key": "a-key"},
    )
    assert (answer.status_code, len(ended)) == (200, 1)
    found = web.get(f"/v1/threads/{thread}/messages").get_json()["data"]
    assert [one["id"] for one in found] == [answer.get_json()["id"]]


@pytest.mark.parametrize("is_made", [True, False])
def test_a_commit_in_doubt_is_told_where_there_is_no_key(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Any], None],
    is_made: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is not made twice, and no client takes it for a refusal."""
    web = Client(engine)
    thread = web.post("/v1/threads").get_json()["id"]
    ended = ending_at_commit(engine, monkeypatch, end, "INSERT INTO messages", is_made=is_made)
    body = {"role": "user", "content": "Hi"}
    answer = web.post(f"/v1/threads/{thread}/messages", json=body)
    assert (answer.status_code, len(ended)) == (500, 1)
    assert "retry-after" not in answer.headers
    assert "may have been made, or not" in answer.get_json()["error"]["message"]
    assert "A commit is in doubt" in caplog.text
    found = web.get(f"/v1/threads/{thread}/messages").get_json()["data"]
    assert len(found) == is_made


@pytest.mark.parametrize("is_made", [True, False])
def test_a_claim_whose_commit_is_in_doubt(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, end: Callable[[Any], None], is_made: bool
) -> None:
    """The run is processed at once, for nobody else can have it; and once."""
    http = Http(engine)
    ended = ending_at_commit(engine, monkeypatch, end, "UPDATE runs", is_made=is_made)
    path = http.start()
    done = http.wait(path)
    assert (done["status"], done["last_error"], len(ended)) == ("completed", None, 1)
    assert len(http.send("GET", f"{path}/steps")["data"]) == 2


@pytest.mark.parametrize("is_made", [True, False])
@pytest.mark.parametrize(
    "words",
    ["UPDATE run_steps", "INSERT INTO interpreter_states", "UPDATE messages", "active_thread_id=%"],
)
def test_a_run_whose_commit_is_in_doubt_goes_on(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Any], None],
    words: str,
    is_made: bool,
) -> None:
    """What its worker writes of what it has begun comes to the same when it is written twice."""
    http = Http(engine)
    tools = [{"type": "code_interpreter"}]
    ended = ending_at_commit(engine, monkeypatch, end, words, is_made=is_made)
    path = http.start(tools=tools)
    done = http.wait(path)
    assert (done["status"], done["last_error"], len(ended)) == ("completed", None, 1)
    assert http.texts(path) == ["Hello", "Hello."]
    steps = http.send("GET", f"{path}/steps")["data"]
    assert [one["status"] for one in steps] == ["completed", "completed"]


@pytest.mark.parametrize("is_made", [True, False])
def test_calls_whose_commit_is_in_doubt_are_done_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, end: Callable[[Any], None], is_made: bool
) -> None:
    """Their step is there once, and the model is not asked for them again."""
    http = Http(engine)
    tools = [{"type": "code_interpreter"}]
    ended = ending_at_commit(engine, monkeypatch, end, "INSERT INTO run_steps", is_made=is_made)
    path = http.start(tools=tools)
    done = http.wait(path)
    assert (done["status"], done["last_error"], len(ended)) == ("completed", None, 1)
    steps = http.send("GET", f"{path}/steps")["data"]
    assert [one["type"] for one in steps] == ["message_creation", "tool_calls"]


@pytest.mark.parametrize("is_made", [True, False])
def test_a_message_that_may_have_been_begun_is_begun_again(
    url: str, monkeypatch: pytest.MonkeyPatch, is_made: bool, end: Callable[[Any], None]
) -> None:
    """By asking the model anew: what it has written of it is not stored."""
    script = [[TextDelta(text="Hello.")], [TextDelta(text="Hello again.")]]
    with Engine(url, Scripted(script)) as engine:
        engine.open()
        http = Http(engine)
        ended = ending_at_commit(engine, monkeypatch, end, "INSERT INTO run_steps", is_made=is_made)
        path = http.start()
        done = http.wait(path)
        assert (done["status"], done["last_error"], len(ended)) == ("completed", None, 1)
        assert http.texts(path) == ["Hello", "Hello again."]
        thread = path.partition("/runs/")[0]
        http.send("POST", f"{thread}/messages", {"role": "user", "content": "Go on."})
