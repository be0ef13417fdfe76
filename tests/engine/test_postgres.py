"""What is PostgreSQL's own: several processes at once, lost connections, signs that it refuses.

With ``ASSISTANTS_TEST_POSTGRES`` (see databases.py) many other tests run on it too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from databases import VARIABLE, fresh
from sqlalchemy import NullPool, create_engine, text
from werkzeug.test import Client

from assistants_client import Client as AssistantsClient
from assistants_client.engine import Engine, Scripted, TextDelta
from assistants_client.engine.faults import Fault
from assistants_client.engine.storage import database
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.engines import WRITER
from assistants_client.errors import ConfigurationError

on_a_server = pytest.mark.skipif(
    not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no PostgreSQL server"
)


@pytest.fixture
def url() -> str:
    """An empty database."""
    return fresh("")


@pytest.fixture
def engines(url: str) -> Iterator[list[Engine]]:
    """Two engines on one database, which know nothing of each other."""
    made = [Engine(url, Scripted([[TextDelta(text="Hi")]] * 50)) for _ in range(2)]
    yield made
    for engine in made:
        engine.close()


@on_a_server
def test_engines_write_at_once(engines: list[Engine]) -> None:
    """Nothing is lost, nothing is refused for being busy, and all see the same."""
    webs = [Client(engine) for engine in engines]
    thread = webs[0].post("/v1/threads").get_json()["id"]

    def write(number: int) -> int:
        body = {"role": "user", "content": str(number)}
        return webs[number % 2].post(f"/v1/threads/{thread}/messages", json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        assert {*pool.map(write, range(60))} == {200}
    for web in webs:
        page = web.get(f"/v1/threads/{thread}/messages?limit=100").get_json()
        assert sorted(int(m["content"][0]["text"]["value"]) for m in page["data"]) == [*range(60)]


@on_a_server
def test_a_thread_is_locked_for_all_engines(engines: list[Engine]) -> None:
    """Of two runs that are asked for at once, one is refused; and so time and again."""
    webs = [Client(engine) for engine in engines]
    assistant = webs[0].post("/v1/assistants", json={"model": "m"}).get_json()["id"]
    held = {"assistant_id": assistant, "tools": [{"type": "function", "function": {"name": "f"}}]}

    def ask(web: Client, thread: str) -> int:
        return web.post(f"/v1/threads/{thread}/runs", json=held).status_code

    for engine in engines:
        engine._run_pool.close()  # what is queued stays queued
    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            asked = {"messages": [{"role": "user", "content": "Hi"}]}
            thread = webs[0].post("/v1/threads", json=asked).get_json()["id"]
            assert sorted(pool.map(ask, webs, [thread] * 2)) == [200, 400]


@on_a_server
def test_a_lost_connection_is_replaced(url: str) -> None:
    """The server may be started again: the next request finds it."""
    with Engine(url, Scripted([])) as engine:
        web = Client(engine)
        thread = web.post("/v1/threads").get_json()["id"]
        with create_engine(_psycopg(url), poolclass=NullPool).connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        assert web.get(f"/v1/threads/{thread}").status_code == 200
        assert web.post("/v1/threads").status_code == 200


@on_a_server
def test_a_writer_is_waited_for_so_long(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the request is refused, to be sent again; the next one is not the worse for it."""
    with Engine(url, Scripted([])) as engine:
        web = Client(engine)
        web.get("/v1/threads")
        with create_engine(_psycopg(url), poolclass=NullPool).begin() as connection:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({WRITER})"))
            with monkeypatch.context() as patched:
                patched.setattr(database, "BUSY_SECONDS", 0.2)
                refused = web.post("/v1/threads")
            assert web.get("/v1/threads").get_json()["data"] == []
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert web.post("/v1/threads").status_code == 200


@on_a_server
def test_a_connection_that_is_lost_in_a_transaction_is_a_refusal(url: str) -> None:
    """Nothing was written, so the same request may be sent again."""
    made = Database(url)

    def write() -> None:
        with made.begin() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with create_engine(_psycopg(url), poolclass=NullPool).connect() as other:
                other.execute(text(f"SELECT pg_terminate_backend({pid}, 5000)"))
            connection.execute(text("SELECT 1"))

    with pytest.raises(Fault, match="cannot be used") as caught:
        write()
    assert caught.value.status == 503
    made.close()


@on_a_server
def test_indexes_of_earlier_versions_are_replaced(url: str) -> None:
    """Those that are missing are made; those that no query needs any more are dropped."""
    older = Database(url)
    older.open()
    older.close()
    with create_engine(_psycopg(url), poolclass=NullPool).begin() as connection:
        connection.execute(text("DROP INDEX ix_messages_made"))
        connection.execute(text("CREATE INDEX ix_messages_order ON messages (created_at, seq)"))
    made = Database(url)
    with made.read() as connection:
        names = set(connection.execute(text("SELECT indexname FROM pg_indexes")).scalars())
    made.close()
    assert "ix_messages_made" in names
    assert "ix_messages_order" not in names


@on_a_server
@pytest.mark.parametrize("sign", ["\x00", "\ud800"])
def test_signs_that_no_text_may_hold(url: str, sign: str) -> None:
    """They come back where they are content, and name nothing where they are ids."""
    with Engine(url, Scripted([])) as engine:
        web = Client(engine)
        given: dict[str, Any] = {"metadata": {"a": sign}}
        thread = web.post("/v1/threads", json=given).get_json()["id"]
        assert web.get(f"/v1/threads/{thread}").get_json()["metadata"] == {"a": sign}
        run = web.post(f"/v1/threads/{thread}/runs", json={"assistant_id": sign})
        assert run.status_code == 404
        assert web.get("/v1/threads/%00").status_code == 404


@on_a_server
def test_threads_of_signs_that_no_text_may_hold_are_run_and_pruned(url: str) -> None:
    """Also a text that has the sign's escape, and a run whose metadata has it."""
    with Engine(url, Scripted(["Hi"])) as engine, AssistantsClient(engine=engine) as client:
        thread = client.threads.create(metadata={"k": "a\x00b"})
        for content in ("a\x00b", "\\\\u0000"):
            client.messages.create(thread.id, role="user", content=content)
        assistant = client.assistants.create(model="m", name="a\x00b")
        run = client.runs.create(thread.id, assistant_id=assistant.id, metadata={"k": "\x00"})
        assert client.wait_for_run(run).status == "completed"
        texts = [message.text for message in client.messages.list(thread.id, order="asc")]
        assert texts == ["a\x00b", "\\\\u0000", "Hi"]
        server = create_engine(_psycopg(url), poolclass=NullPool)
        with server.begin() as connection:
            for table in ("threads", "messages", "runs"):
                connection.execute(text(f"UPDATE {table} SET created_at = created_at - 1000"))
        found = subprocess.run(
            [
                *(sys.executable, "-m", "assistants_client", "prune", "--database", url),
                *("--runs", "1m", "--threads", "1m", "--yes"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stderr
        # The time of its end is in the run's JSON: it is not old.
        assert client.runs.retrieve(thread.id, run.id).metadata == {"k": "\x00"}


@on_a_server
def test_options_of_the_url_hold(url: str) -> None:
    """Such as the schema in which the tables are."""
    with create_engine(_psycopg(url), poolclass=NullPool).begin() as connection:
        connection.execute(text("CREATE SCHEMA apart"))
    mark = "&" if "?" in url else "?"
    with Engine(f"{url}{mark}options=-csearch_path%3Dapart", Scripted([])) as engine:
        assert Client(engine).post("/v1/threads").status_code == 200
    with create_engine(_psycopg(url), poolclass=NullPool).begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM apart.threads")).scalar_one() == 1


@on_a_server
def test_a_second_engine_finds_the_tables(url: str) -> None:
    """Also when several begin at the same moment."""

    def opened(_: int) -> None:
        made = Database(url)
        made.open()
        made.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(opened, range(4)))


def test_without_its_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra that has it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r"assistants-client\[postgres\]"):
        Database("postgresql://user@host/name").open()


def test_other_servers_are_refused() -> None:
    """By name, and without the password."""
    with pytest.raises(ConfigurationError, match="supports SQLite and PostgreSQL") as caught:
        Database("mysql+pymysql://user:secret@host/name").open()
    assert "secret" not in str(caught.value)


def _psycopg(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg:", 1)
