"""The bounds of an engine on PostgreSQL: its connections, its statements, and how it asks."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from databases import VARIABLE, fresh
from sqlalchemy import Connection, NullPool, create_engine, text
from werkzeug.test import Client

from assistants_client.engine import Engine, Scripted
from assistants_client.engine.faults import Fault
from assistants_client.engine.storage import connections, database
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.engines import WRITER

pytestmark = pytest.mark.skipif(
    not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no PostgreSQL server"
)


@pytest.fixture
def url() -> str:
    """An empty database."""
    return fresh("")


@pytest.fixture
def hurried(url: str) -> Iterator[Database]:
    """A database each of whose statements may take a tenth of a second."""
    made = Database(url, statement_timeout=0.1)
    yield made
    made.close()


def test_no_more_connections_than_there_may_be(url: str) -> None:
    """More requests at once wait for one, and all are served."""
    most = [0]

    def look() -> None:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        driver = url.replace("postgresql:", "postgresql+psycopg:", 1)
        with create_engine(driver, poolclass=NullPool).connect() as connection:
            while not over.wait(0.01):
                count = connection.execute(text(query)).scalar_one() - 1
                connection.rollback()
                most[0] = max(most[0], count)

    over = threading.Event()
    with Engine(url, Scripted(), pool_size=3) as engine:
        engine.open()
        looking = threading.Thread(target=look)
        looking.start()
        with ThreadPoolExecutor(20) as pool:
            answers = pool.map(
                lambda number: Client(engine).open(
                    "/v1/threads", method="POST" if number % 4 == 0 else "GET"
                ),
                range(200),
            )
            assert {one.status_code for one in answers} == {200}
        over.set()
        looking.join()
    # Two more pass events on between processes, however many requests there are.
    assert 1 <= most[0] <= 3 + 2


def test_who_finds_no_connection_in_time_is_told(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the setting that helps; the log says so once, and goes on to say it now and then."""
    monkeypatch.setattr(connections, "_LONG", 0.1)
    with Engine(url, Scripted(), pool_size=2) as engine, ExitStack() as held:
        web = Client(engine)
        web.get("/v1/threads")
        for _ in range(2):
            held.enter_context(engine._database.read())
        monkeypatch.setattr(database, "BUSY_SECONDS", 0.3)
        with ThreadPoolExecutor(4) as pool:
            refused = list(pool.map(lambda _: web.get("/v1/threads"), range(4)))
        assert {(one.status_code, one.headers["retry-after"]) for one in refused} == {(503, "1")}
        message = refused[0].get_json()["error"]["message"]
        assert "all 2 connections" in message
        assert "Engine(pool_size=…), ASSISTANTS_POOL_SIZE or --pool-size" in message
        assert caplog.text.count("All 2 connections to the database are in use") == 1
        held.close()
        assert web.get("/v1/threads").status_code == 200


@pytest.mark.parametrize("block", [Database.begin, Database.read])
def test_a_statement_that_takes_too_long_is_told(hurried: Database, block: Any) -> None:
    """With the setting that helps; the connection is used on."""
    hurried.open()
    with (
        pytest.raises(Fault, match="ASSISTANTS_STATEMENT_TIMEOUT") as caught,
        block(hurried) as connection,
    ):
        connection.execute(text("SELECT pg_sleep(20)"))
    assert (caught.value.status, caught.value.retry_after) == (503, 10)
    with block(hurried) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_the_right_to_write_is_waited_for_longer_than_a_statement(
    hurried: Database, url: str
) -> None:
    """That is what the deadline of the request is for."""
    hurried.open()
    begun = threading.Event()

    def write() -> None:
        begun.set()
        with hurried.begin() as connection:
            connection.execute(text("SELECT 1"))

    driver = url.replace("postgresql:", "postgresql+psycopg:", 1)
    with ThreadPoolExecutor(1) as pool:
        with create_engine(driver, poolclass=NullPool).begin() as other:
            other.execute(text(f"SELECT pg_advisory_xact_lock({WRITER})"))
            done = pool.submit(write)
            assert begun.wait(10)
            other.execute(text("SELECT pg_sleep(0.5)"))
            assert not done.done()
        done.result(20)


def test_migrations_take_as_long_as_they_will(
    hurried: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index of a large table is not made in half a minute."""
    migrate = database.migrate

    def slow(connection: Connection) -> None:
        connection.execute(text("SELECT pg_sleep(0.5)"))
        migrate(connection)

    monkeypatch.setattr(database, "migrate", slow)
    hurried.open()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0"), (0.02, "20ms"), (90, "90s"), (1e9, "0"), (float("inf"), "0")],
)
def test_seconds_become_what_the_server_has(url: str, seconds: float, shown: str) -> None:
    """What is too long for it is for ever."""
    made = Database(url, statement_timeout=seconds)
    for block in (made.read, made.begin):
        with block() as connection:
            found = connection.execute(text("SHOW statement_timeout")).scalar_one()
            assert found == shown
    made.close()


def test_what_waits_is_found_without_reading_what_is_over(url: str) -> None:
    """Of many runs those that are queued are found by an index, however often it is asked."""
    with Engine(url, Scripted([["Hi"]])) as engine:
        web = Client(engine)
        assistant = web.post("/v1/assistants", json={"model": "m"}).get_json()["id"]
        thread = {"messages": [{"role": "user", "content": "Hi"}]}
        body = {"assistant_id": assistant, "thread": thread}
        run = web.post("/v1/threads/runs", json=body).get_json()
        while web.get(f"/v1/threads/{run['thread_id']}/runs/{run['id']}").get_json()["status"] != (
            "completed"
        ):
            pass
        with engine._database.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO runs (id, created_at, thread_id, status, body) "
                    "SELECT id || n, created_at, thread_id, status, body "
                    "FROM runs, generate_series(1, 5000) AS n"
                )
            )
            connection.execute(text("ANALYZE runs"))
        before = _rows_read(engine)
        for _ in range(20):
            assert engine._execution.unclaimed() == []
        assert _rows_read(engine) - before < 5000


def _rows_read(engine: Engine) -> int:
    """How many rows of runs were read until now, by scans of the table and by its indexes."""
    with engine._database.begin() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
    with engine._database.begin() as connection:
        return int(
            connection.execute(
                text(
                    "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables "
                    "WHERE relname = 'runs'"
                )
            ).scalar_one()
        )
