"""Each query of what is called often finds its rows by an index, however many others there are."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from engine_store import Store, content_of
from sqlalchemy import Connection, event
from werkzeug.test import Client as Web

from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.services.worker_side.ingesting import Ingesting
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.tables import metadata
from assistants_client.engine.worker.ingester import Ingester

Json: TypeAlias = dict[str, Any]

#: On PostgreSQL, where the plan depends on it: how many rows there are of each kind.
_ROWS = 5_000
_FILLED = (
    "INSERT INTO threads (id, created_at, body) "
    "SELECT 't' || n, n, '{{}}' FROM generate_series(1, {rows}) AS n",
    "INSERT INTO messages (id, created_at, thread_id, run_id, status, body) "
    "SELECT 'm' || n, n, 't' || 1 + n % 100, CASE WHEN n % 2 = 0 THEN 'r' || n END, 'completed', "
    '\'{{"role": "user"}}\' FROM generate_series(1, {rows}) AS n',
    "INSERT INTO runs (id, created_at, thread_id, status, body) "
    "SELECT 'r' || n, n, 't' || 1 + n % 100, 'completed', '{{}}' "
    "FROM generate_series(1, {rows}) AS n",
    "INSERT INTO run_steps (id, created_at, run_id, status, body) "
    "SELECT 's' || n, n, 'r' || n, 'completed', '{{}}' FROM generate_series(1, {rows}) AS n",
    "INSERT INTO answered_requests (key, fingerprint, created_at, thread_id, answer) "
    "SELECT 'k' || n, '', 1700000000, 't' || n, '{{}}' FROM generate_series(1, {rows}) AS n",
)
_LARGE = "threads|messages|runs|run_steps|answered_requests"


def fill(connection: Connection) -> None:
    """Fills the tables that grow, so that the server plans as it does with many rows."""
    for statement in _FILLED:
        connection.exec_driver_sql(statement.format(rows=_ROWS).replace("%", "%%"))
    connection.exec_driver_sql("ANALYZE")


@contextmanager
def plans(database: Database) -> Iterator[dict[str, list[str]]]:
    """The plan of each statement that is executed in the block."""
    database.open()
    engine = database._here().connections.engine
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    found: dict[str, list[str]] = {}

    def note(connection: Any, _: Any, statement: str, values: Any, *__: Any) -> None:
        if re.match("SELECT|UPDATE|DELETE", statement) and "advisory" not in statement:
            # The driver's own cursor: another one of SQLAlchemy's would be noted as well.
            cursor = connection.connection.cursor()
            cursor.execute(explain + statement, values)
            found[statement] = [str(row[-1]) for row in cursor.fetchall()]
            cursor.close()

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def is_read_whole(line: str, statement: str) -> bool:
    """Whether a line of a plan reads a table from its beginning to its end, or sorts a list."""
    is_list = re.search(r"ORDER BY \w+\.seq (ASC|DESC)\s+LIMIT", statement) is not None
    if re.search(rf"Seq Scan on ({_LARGE})\b", line) or (is_list and "TEMP B-TREE" in line):
        return True
    scanned = re.match(r"SCAN (\w+)$", line)
    # A list of all there is begins at one end of its table, and is over with the page. Tokens are
    # few, and all are read together.
    few = {"tokens", *({"assistants", "threads", "vector_stores"} if is_list else ())}
    return scanned is not None and scanned[1] in metadata.tables.keys() - few


def read_whole(found: Mapping[str, list[str]]) -> list[tuple[str, str]]:
    """The lines of plans that read whole tables, with their statements."""
    return [
        (line, statement)
        for statement, lines in found.items()
        for line in lines
        if is_read_whole(line, statement)
    ]


class Owner:
    """Calls a store's HTTP face."""

    def __init__(self, store: Store) -> None:
        self._web = Web(store.app())

    def post(self, path: str, body: Mapping[str, Any], **headers: str) -> Json:
        """Posts JSON."""
        return self._ok(self._web.post(f"/v1{path}", json=body, headers=headers))

    def upload(self) -> str:
        """Uploads a file, and returns its id."""
        form = {"purpose": "assistants", "file": (io.BytesIO(b"Sheep graze."), "sheep.txt")}
        found: str = self._ok(self._web.post("/v1/files", data=form))["id"]
        return found

    def get(self, path: str) -> Json:
        """Gets an object or a list."""
        return self._ok(self._web.get(f"/v1{path}"))

    @staticmethod
    def _ok(response: Any) -> Json:
        assert response.status_code == 200, response.text
        return dict(response.get_json())


def work_on(store: Store, run_id: str) -> None:
    """Processes a run as a worker does: one message, and the end."""
    execution = Execution(store.context)
    work = execution.claim(run_id)
    assert work is not None
    execution.check(work.run)
    step, message = execution.begin_message(work.run)
    execution.write_content(work.run, message, content_of("Hello"))
    execution.complete_message(work.run, step, message, content_of("Hello"))
    execution.finish(work.run, "completed")
    execution.renew_leases()


def test_what_is_called_often_has_indexes(store: Store) -> None:
    """Objects made, read and listed, and runs processed: by indexes, and nothing is sorted."""
    store.context.database.open()
    with store.context.database.begin() as connection:
        if connection.dialect.name == "postgresql":
            fill(connection)
    owner = Owner(store)
    with plans(store.context.database) as found:
        assistant = owner.post("/assistants", {"model": "m"})["id"]
        thread = owner.post("/threads", {"messages": [{"role": "user", "content": "Hi"}]})["id"]
        words = {"role": "user", "content": "Hello"}
        for number in range(3):
            key = {"Idempotency-Key": f"key {number}"}
            message = owner.post(f"/threads/{thread}/messages", words, **key)["id"]
            owner.post(f"/threads/{thread}/messages", words, **key)
        run = owner.post(f"/threads/{thread}/runs", {"assistant_id": assistant})["id"]
        work_on(store, run)
        second = owner.post(
            "/threads/runs", {"assistant_id": assistant, "thread": {}, "instructions": "x"}
        )
        owner.post(f"/threads/{second['thread_id']}/runs/{second['id']}/cancel", {})
        run_path = f"/threads/{thread}/runs/{run}"
        step = owner.get(f"{run_path}/steps")["data"][0]["id"]
        for path in (
            f"/assistants/{assistant}",
            f"/threads/{thread}",
            f"/threads/{thread}/messages/{message}",
            run_path,
            f"{run_path}/steps/{step}",
            "/assistants",
            "/threads",
            f"/threads?after={thread}",
            f"/threads/{thread}/runs",
            f"/threads/{thread}/messages",
            f"/threads/{thread}/messages?order=asc&after={message}",
            f"/threads/{thread}/messages?before={message}",
            f"/threads/{thread}/messages?run_id={run}",
        ):
            owner.get(path)
    assert read_whole(found) == []
    assert {table for table in _LARGE.split("|") if any(table in one for one in found)} == {
        *_LARGE.split("|")
    }


def test_files_and_their_search_have_indexes(store: Store) -> None:
    """Stores filled, listed and searched."""
    owner, reader = Owner(store), Ingester(Ingesting(store.context))
    with plans(store.context.database) as found:
        files = [owner.upload() for _ in range(3)]
        kept = owner.post("/vector_stores", {"file_ids": files})["id"]
        for number in list(store.to_read):
            reader.process(str(number))
        hits = owner.post(f"/vector_stores/{kept}/search", {"query": "sheep"})["data"]
        assert len(hits) == 3
        for path in (
            "/files",
            "/files?purpose=assistants",
            f"/files?after={files[1]}",
            "/vector_stores",
            f"/vector_stores/{kept}/files",
            f"/vector_stores/{kept}/files?filter=completed",
        ):
            owner.get(path)
    assert read_whole(found) == []
