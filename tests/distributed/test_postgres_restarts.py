"""A PostgreSQL server that is started again, is away, is full, or lets nobody in any more."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Literal

import pytest
from postgres_server import PostgresServer
from sqlalchemy import NullPool, create_engine, text
from thorough import amount
from werkzeug.test import Client as Web

from assistants_client import Client, RetryPolicy
from assistants_client.engine import Conversation, Engine, Scripted, TextDelta
from assistants_client.engine.storage import database
from assistants_client.errors import ConfigurationError

QUESTION: Any = {"messages": [{"role": "user", "content": "Go."}]}


class SlowModel:
    """Answers in ten pieces over half a second, and counts the questions."""

    asked = 0

    def respond(self, conversation: Conversation) -> Iterator[TextDelta]:
        """Answers."""
        self.asked += 1
        for number in range(10):
            time.sleep(0.05)
            yield TextDelta(text=f"w{number} ")


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of this test's own."""
    made = PostgresServer()
    yield made
    made.close()


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for longer than a moment."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.4)


def execute(url: str, *statements: str) -> None:
    """Executes statements on a connection of its own, as the server's owner."""
    made = create_engine(
        url.replace("postgresql:", "postgresql+psycopg:"),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )
    with made.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


class Load:
    """Twenty clients that retry nothing: they write, read, stream and wait."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.assistant = client.assistants.create(model="m").id
        self.over = threading.Event()
        self.written: list[tuple[str, str, str]] = []
        self.runs: list[tuple[str, str]] = []
        self.errors: list[str] = []
        acts = [self.write] * 8 + [self.read] * 4 + [self.stream] * 4 + [self.wait] * 4
        self._threads = [threading.Thread(target=self._until_over, args=(act,)) for act in acts]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()

    def _until_over(self, act: Callable[[str], None]) -> None:
        thread = self.client.threads.create(**QUESTION).id
        while not self.over.is_set():
            try:
                act(thread)
            except Exception as error:
                self.errors.append(f"{act.__name__}: {error}")

    def write(self, thread: str) -> None:
        """Posts a message."""
        words = f"{len(self.written)} of {thread}"
        made = self.client.messages.create(thread, words)
        self.written.append((thread, made.id, words))

    def read(self, thread: str) -> None:
        """Lists messages, less often than it could."""
        assert len(list(self.client.messages.list(thread))) == 1
        time.sleep(0.01)

    def stream(self, thread: str) -> None:
        """Streams a run to its end."""
        with self.client.runs.stream_thread_and_run(
            assistant_id=self.assistant, thread=QUESTION
        ) as events:
            assert "".join(events.text()) == "".join(f"w{number} " for number in range(10))
            run = events.run
        assert run is not None
        self.runs.append((run.thread_id, run.id))

    def wait(self, thread: str) -> None:
        """Waits for a run."""
        run = self.client.runs.create_thread_and_run(assistant_id=self.assistant, thread=QUESTION)
        self.runs.append((run.thread_id, run.id))
        self.client.wait_for_run(run)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_is_survived_by_who_waits(
    server: PostgresServer, mode: Literal["fast", "immediate"], caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is told of it: no request fails, no acknowledged write is lost, no run fails.

    Only a run whose commit is in doubt may, which the log says.
    """
    model = SlowModel()
    with Engine(server.url(), model) as engine:
        client = Client(engine=engine, retries=RetryPolicy(attempts=1), timeout=(5, 90))
        with Load(client) as load:
            for _ in range(amount(2, 8)):
                time.sleep(1)
                server.stop(mode)
                server.start()
            time.sleep(1)

        is_in_doubt = "in doubt" in caplog.text
        assert load.errors == [] or is_in_doubt
        assert len(load.written) > 8
        for thread in {thread for thread, _, _ in load.written}:
            found = Counter((thread, one.id, one.text) for one in client.messages.list(thread))
            acknowledged = Counter(one for one in load.written if one[0] == thread)
            assert not acknowledged - found
            assert max(Counter(words for _, _, words in found.elements()).values()) == 1
        statuses = {client.runs.retrieve(*names).status for names in load.runs}
        assert statuses == {"completed"} or is_in_doubt
        assert model.asked == len(load.runs) or is_in_doubt
        assert "It is waited for" in caplog.text


def test_a_server_that_is_away_is_waited_for(server: PostgresServer) -> None:
    """Whatever comes meanwhile begins when it is back, also in a process that begins meanwhile."""
    with Engine(server.url(), SlowModel()) as engine, Engine(server.url(), Scripted()) as fresh:
        client = Client(engine=engine, retries=RetryPolicy(attempts=1), timeout=(5, 90))
        assistant = client.assistants.create(model="m").id
        thread = client.threads.create(**QUESTION).id
        running = client.runs.create_thread_and_run(assistant_id=assistant, thread=QUESTION)
        server.stop("immediate")
        acts: list[Callable[[], Any]] = [
            lambda: client.messages.create(thread, "Hello"),
            lambda: client.threads.retrieve(thread),
            lambda: client.wait_for_run(running).status,
            lambda: Web(fresh).get("/v1/threads").status_code,
            lambda: client.threads.delete(client.threads.create().id),
        ]
        with ThreadPoolExecutor(len(acts)) as pool:
            done = [pool.submit(act) for act in acts]
            time.sleep(amount(1, 20))
            assert not any(one.done() for one in done)
            server.start()
            results = [one.result(60) for one in done]
        assert results[2:4] == ["completed", 200]
        assert [one.text for one in client.messages.list(thread)] == ["Hello", "Go."]


@pytest.mark.usefixtures("short_waits")
def test_one_that_stays_away_is_told(
    server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """All are refused when they have waited for long enough, those too that wait for a turn."""
    with Engine(server.url(), Scripted()) as engine:
        web = Web(engine)
        web.get("/v1/threads")
        server.stop()
        with ThreadPoolExecutor(8) as pool:
            refused = list(pool.map(lambda _: web.post("/v1/threads"), range(8)))
        refused.append(web.get("/v1/threads"))
        assert {one.status_code for one in refused} == {503}
        assert all("cannot be reached" in one.text for one in refused)
        assert {one.headers["retry-after"] for one in refused} == {"1"}
        assert caplog.text.count("It is waited for") == 1
        server.start()
        assert web.post("/v1/threads").status_code == 200


def test_closing_does_not_wait_for_one_that_is_away(
    server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Not for long: what is unfinished is found by the next process."""
    with Engine(server.url(), SlowModel(), close_seconds=0) as engine:
        client = Client(engine=engine, retries=RetryPolicy(attempts=1))
        assistant = client.assistants.create(model="m").id
        client.runs.create_thread_and_run(assistant_id=assistant, thread=QUESTION)
        server.stop()
        begun = time.monotonic()
        engine.close()
        assert time.monotonic() - begun < database.BUSY_SECONDS
    assert "Unfinished work could not be released" in caplog.text


def test_one_that_is_away_from_the_beginning_is_told_at_once(server: PostgresServer) -> None:
    """To whoever starts a program: the address may be wrong."""
    server.stop()
    engine = Engine(server.url(), Scripted())
    with pytest.raises(ConfigurationError, match="No such file"):
        engine.open()
    with pytest.raises(ConfigurationError, match="No such file"):
        Client(engine=engine).threads.create()
    engine.close()


@pytest.mark.usefixtures("short_waits")
def test_one_that_is_away_when_the_first_request_comes_is_waited_for(
    server: PostgresServer,
) -> None:
    """So one process of many may begin while the server is started again."""
    server.stop()
    with Engine(server.url(), Scripted()) as engine:
        refused = Web(engine).post("/v1/threads")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "cannot be reached" in refused.text
        server.start()
        assert Web(engine).post("/v1/threads").status_code == 200


def test_a_password_that_is_wrong_is_told_at_once(server: PostgresServer) -> None:
    """When it is opened as an error of the configuration, later as a refusal."""
    owner = server.url()
    execute(owner, "CREATE USER web PASSWORD 'right'", "CREATE DATABASE shared OWNER web")
    server.allow("local all assistants trust\nlocal all web scram-sha-256\n")
    with pytest.raises(ConfigurationError, match="password authentication failed") as caught:
        Engine(server.url("shared", "web:wrong"), Scripted()).open()
    assert "wrong" not in str(caught.value)

    with Engine(server.url("shared", "web:right"), Scripted()) as engine:
        web = Web(engine)
        assert web.post("/v1/threads").status_code == 200
        execute(
            owner,
            "ALTER USER web PASSWORD 'another'",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'web'",
        )
        for refused in (web.get("/v1/threads"), web.post("/v1/threads")):
            assert refused.status_code == 503
            assert "does not let in who is named (user, password" in refused.text
        execute(owner, "ALTER USER web PASSWORD 'right'")
        assert web.post("/v1/threads").status_code == 200


def test_a_database_that_is_missing_is_told_at_once(server: PostgresServer) -> None:
    """When it is opened as an error of the configuration, later as a refusal."""
    with pytest.raises(ConfigurationError, match='database "gone" does not exist'):
        Engine(server.url("gone"), Scripted()).open()

    execute(server.url(), "CREATE DATABASE gone")
    with Engine(server.url("gone"), Scripted()) as engine:
        web = Web(engine)
        assert web.post("/v1/threads").status_code == 200
        execute(server.url(), "DROP DATABASE gone WITH (FORCE)")
        for refused in (web.get("/v1/threads"), web.post("/v1/threads")):
            assert refused.status_code == 503
            assert "no such database" in refused.text


@pytest.mark.usefixtures("short_waits")
def test_a_server_without_a_connection_left_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """With the settings that help; one that becomes free is taken."""
    server = PostgresServer("max_connections=4", "superuser_reserved_connections=0")
    others = create_engine(server.url().replace("postgresql:", "postgresql+psycopg:"), pool_size=4)
    try:
        with Engine(server.url(), Scripted()) as engine, ExitStack() as held:
            for _ in range(4):
                held.enter_context(others.connect())
            refused = Web(engine).get("/v1/threads")
            assert refused.status_code == 503
            assert "max_connections" in refused.text
            assert "Engine(pool_size=…)" in refused.json["error"]["message"]
            held.close()
            others.dispose()
            assert Web(engine).get("/v1/threads").status_code == 200
            assert any("too many clients" in one.getMessage() for one in caplog.records)
            assert {one.levelno for one in caplog.records} == {logging.WARNING}
    finally:
        others.dispose()
        server.close()
