"""A request that is repeated with its ``Idempotency-Key`` is acted on once."""

from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from databases import fresh
from engine_store import Clock, Store, committing
from stream_bench import FUNCTION, StreamBench, in_background, told
from werkzeug.test import Client, TestResponse

from assistants_client._protocol import HONOURS_IDEMPOTENCY
from assistants_client.engine import call
from assistants_client.engine.faults import Fault
from assistants_client.engine.http.responses import refusing
from assistants_client.engine.http.routes import ROUTES
from assistants_client.engine.services import idempotency_keys
from assistants_client.engine.services.files import Files, Upload
from assistants_client.engine.services.idempotency_keys import KEPT_SECONDS, IdempotencyKeys
from assistants_client.engine.services.vector_store_file_batches import VectorStoreFileBatches
from assistants_client.engine.services.vector_stores import VectorStores
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.keyset_pages import PageQuery
from assistants_client.engine.storage.tables import (
    answered_requests,
    files,
    messages,
    runs,
    threads,
)
from assistants_client.models.run_steps import FunctionRecord, FunctionToolCall
from assistants_client.models.vector_stores import VectorStoreFileBatchRequest, VectorStoreRequest

KEY = {"Idempotency-Key": "the key"}


@pytest.fixture
def http(store: Store) -> Client:
    """A client of the application."""
    return Client(store.app())


def post(http: Client, path: str, body: object = None, key: str = "the key") -> TestResponse:
    """A POST with a key; an upload is a form."""
    headers = {"Idempotency-Key": key}
    if path.endswith("/files") and "vector_stores" not in path:
        form = {"purpose": "assistants", "file": (io.BytesIO(b"x"), "x.txt")}
        return http.post(path, data=form, headers=headers)
    return http.post(path, json=body or {}, headers=headers)


def rows(database: Database, table: Any) -> int:
    """How many rows a table has."""
    with database.read() as connection:
        return len(connection.execute(table.select()).all())


def requests_of(store: Store) -> dict[str, tuple[str, dict[str, Any]]]:
    """A path and a body for each route that is posted to."""
    waiting, work = store.claimed()[1].run, store.new_run()
    thread = store.new_thread()
    message = store.messages.list(thread, PageQuery()).data[0]
    function = {"metadata": {"k": "v"}}
    assistant = work.assistant_id
    file = (
        committing(Files, store.context)
        .create(Upload(source=io.BytesIO(b"x"), size=1, filename="x.txt", purpose="assistants"))
        .id
    )
    request = VectorStoreRequest(file_ids=[file])
    stored = f"/vector_stores/{committing(VectorStores, store.context).create(request).id}"
    batches = committing(VectorStoreFileBatches, store.context)
    batch = batches.create(
        stored.rpartition("/")[2], VectorStoreFileBatchRequest(file_ids=[file])
    ).id
    return {
        "/files": ("/files", {}),
        "/vector_stores/<vector_store_id>/search": (f"{stored}/search", {"query": "x"}),
        "/vector_stores": ("/vector_stores", {"name": "n"}),
        "/vector_stores/<vector_store_id>": (stored, {"metadata": {"k": "v"}}),
        "/vector_stores/<vector_store_id>/files": (f"{stored}/files", {"file_id": file}),
        "/vector_stores/<vector_store_id>/files/<file_id>": (
            f"{stored}/files/{file}",
            {"attributes": {"k": "v"}},
        ),
        "/vector_stores/<vector_store_id>/file_batches": (
            f"{stored}/file_batches",
            {"file_ids": [file]},
        ),
        "/vector_stores/<vector_store_id>/file_batches/<batch_id>/cancel": (
            f"{stored}/file_batches/{batch}/cancel",
            {},
        ),
        "/assistants": ("/assistants", {"model": "m"}),
        "/assistants/<assistant_id>": (f"/assistants/{assistant}", function),
        "/threads": ("/threads", {}),
        "/threads/<thread_id>": (f"/threads/{thread}", function),
        "/threads/runs": (
            "/threads/runs",
            {"assistant_id": assistant, "instructions": "x"},
        ),
        "/threads/<thread_id>/messages": (
            f"/threads/{thread}/messages",
            {"role": "user", "content": "x"},
        ),
        "/threads/<thread_id>/messages/<message_id>": (
            f"/threads/{thread}/messages/{message.id}",
            function,
        ),
        "/threads/<thread_id>/runs": (f"/threads/{thread}/runs", {"assistant_id": assistant}),
        "/threads/<thread_id>/runs/<run_id>": (
            f"/threads/{work.thread_id}/runs/{work.id}",
            function,
        ),
        "/threads/<thread_id>/runs/<run_id>/cancel": (
            f"/threads/{work.thread_id}/runs/{work.id}/cancel",
            {},
        ),
        "/threads/<thread_id>/runs/<run_id>/submit_tool_outputs": (
            f"/threads/{waiting.thread_id}/runs/{waiting.id}/submit_tool_outputs",
            {"tool_outputs": [{"tool_call_id": "c", "output": "7"}]},
        ),
    }


#: The one POST that changes nothing, and keeps no answer.
SEARCH = "/vector_stores/<vector_store_id>/search"


@pytest.mark.parametrize("route", [path for method, path, _ in ROUTES if method == "POST"])
def test_every_post_is_acted_on_once(store: Store, clock: Clock, route: str) -> None:
    """The repeat gets the same answer, though what was made has changed; and makes nothing."""
    path, body = requests_of(store)[route]
    if route.endswith("submit_tool_outputs"):
        _require_action(store, path)
    http = Client(store.app())
    first = post(http, path, body)
    assert first.status_code == 200, first.text
    assert rows(store.context.database, answered_requests) == (route != SEARCH)
    clock.move(10)
    counts = [rows(store.context.database, table) for table in (messages, threads, files)]
    for prefix in ("", "/v1"):
        again = post(http, prefix + path, body)
        assert (again.status_code, again.get_data()) == (200, first.get_data())
    assert [rows(store.context.database, table) for table in (messages, threads, files)] == counts
    if route in {SEARCH, "/files"}:  # a form is written anew, and not compared
        return
    other = post(http, path, {**body, "metadata": {"other": "1"}})
    assert other.status_code == 422
    assert other.get_json()["error"]["code"] == "idempotency_key_reused"
    if "metadata" in body or route in ("/assistants", "/threads"):
        assert post(http, path, body, key="another").status_code == 200


def _require_action(store: Store, path: str) -> None:
    _, _, thread_id, _, run_id, _ = path.split("/")
    execution = Execution(store.context)
    run = store.runs.retrieve(thread_id, run_id)
    with store.context.database.begin() as connection:  # takes it over
        owned = runs.update().where(runs.c.id == run_id).values(owner=execution.owner)
        connection.execute(owned)
    made = FunctionToolCall(id="c", function=FunctionRecord(name="get_weather", arguments="{}"))
    execution.require_action(run, execution.begin_tools_step(run, [made]))


def test_every_answer_says_that_keys_are_honoured(store: Store) -> None:
    """Refusals too; a client may then repeat what it got no answer to."""
    http = Client(store.app(token="secret"))
    allowed = {"authorization": "Bearer secret"}
    answers = [
        http.get("/assistants", headers=allowed),
        http.get("/assistants"),
        http.get("/nowhere", headers=allowed),
        http.delete("/threads", headers=allowed),
        http.post("/threads", headers={**allowed, **KEY}),
        http.post("/threads", headers={**allowed, **KEY}, json={"metadata": {"a": "b"}}),
        Client(refusing(Fault(503, "Not open.", type="server_error"))).get("/"),
    ]
    assert [a.status_code for a in answers] == [200, 401, 404, 405, 200, 422, 503]
    assert {a.headers.get(HONOURS_IDEMPOTENCY) for a in answers} == {"true"}


def test_what_was_refused_can_be_tried_again(http: Client, store: Store) -> None:
    """Only what was done is kept."""
    run = store.new_run()
    path, body = f"/threads/{run.thread_id}/messages", {"role": "user", "content": "x"}
    assert post(http, path, body).status_code == 400
    http.post(f"/threads/{run.thread_id}/runs/{run.id}/cancel")
    assert post(http, path, body).status_code == 200


def test_a_key_that_cannot_be_one(http: Client) -> None:
    """It is refused with the documented body; an empty one is none."""
    refused = post(http, "/threads", key="x" * 256)
    assert refused.status_code == 400
    assert refused.get_json()["error"]["param"] == "Idempotency-Key"
    ids = {post(http, "/threads", key=" ").get_json()["id"] for _ in range(2)}
    assert len(ids) == 2


def test_keys_are_forgotten_after_a_day(http: Client, store: Store, clock: Clock) -> None:
    """Then they are free again, and take no room."""
    first = post(http, "/threads").get_json()["id"]
    clock.move(KEPT_SECONDS - 1)
    assert post(http, "/threads").get_json()["id"] == first
    clock.move(1)
    assert post(http, "/threads").get_json()["id"] != first
    post(http, "/threads", key="other")
    assert rows(store.context.database, answered_requests) == 2
    clock.move(KEPT_SECONDS)
    post(http, "/threads", key="third")
    assert rows(store.context.database, answered_requests) == 1


def test_many_keys_are_forgotten_some_at_a_time(
    http: Client, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No request has to wait until all of them are."""
    monkeypatch.setattr(idempotency_keys, "_PURGED_AT_ONCE", 2)
    for number in range(7):
        post(http, "/v1/threads", key=str(number))
    clock.move(KEPT_SECONDS + 1)
    counts = []
    for number in range(3):
        post(http, "/v1/threads", key=f"new {number}")
        counts.append(rows(store.context.database, answered_requests))
    assert counts == [6, 5, 4]
    IdempotencyKeys(store.context).purge()
    assert rows(store.context.database, answered_requests) == 3


def test_what_is_kept_of_a_thread_goes_with_it(http: Client, store: Store) -> None:
    """Nothing that was said in it stays behind."""
    thread = post(http, "/threads", key="a").get_json()["id"]
    post(http, f"/threads/{thread}/messages", {"role": "user", "content": "secret"}, key="b")
    assert rows(store.context.database, answered_requests) == 2
    http.delete(f"/threads/{thread}")
    assert rows(store.context.database, answered_requests) == 0


@pytest.mark.parametrize("path", ["/threads", "/messages", "/runs", "/threads/runs"])
def test_the_same_request_many_times_at_once(tmp_path: Any, path: str) -> None:
    """All get the one answer, and one thing was made."""
    bench = StreamBench(["Hi"] * 20, database=fresh(f"sqlite:///{tmp_path}/a.db"))
    assistant, thread = bench.assistant(), bench.thread()
    body: dict[str, Any] = {}
    if "runs" in path:
        body = {"assistant_id": assistant, "instructions": "x"}
    if path == "/messages":
        body = {"role": "user", "content": "x"}
    full = path if path.startswith("/threads") else thread + path
    start, answers = threading.Barrier(8), list[Any]()

    def ask() -> None:
        start.wait(10)
        answers.append(bench.send("POST", full, body, Idempotency_Key="k"))

    workers = [in_background(ask) for _ in range(8)]
    for worker in workers:
        worker.join(20)
    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)
    bench.close()


def test_who_is_beaten_undoes_everything(
    http: Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repeat stores nothing, also where the first answer cannot be seen yet."""
    body = {"messages": [{"role": "user", "content": "x"}]}
    first = post(http, "/threads", body).get_json()
    assert post(http, "/threads", body).get_json() == first
    monkeypatch.setattr(IdempotencyKeys, "find", lambda *_: None)
    refused = post(http, "/threads", body)
    assert refused.status_code == 409
    assert refused.get_json()["error"]["code"] == "idempotency_key_in_use"
    assert rows(store.context.database, threads) == 1
    assert rows(store.context.database, messages) == 1


def test_a_streamed_run_is_started_once() -> None:
    """Who asks again follows the same run, from its beginning to where it is now and on."""
    bench = StreamBench([call("f"), "Hello there", "never"])
    body = {"assistant_id": bench.assistant(FUNCTION), "instructions": "x"}
    streams = [bench.open("/threads/runs", body, Idempotency_Key="a") for _ in range(2)]
    lines = [stream.rest() for stream in streams]
    assert lines[0] == lines[1]
    assert streams[0].run_path == streams[1].run_path
    assert streams[0].last_run == streams[1].last_run
    calls = streams[0].last_run["required_action"]["submit_tool_outputs"]["tool_calls"]
    outputs = [{"tool_call_id": c["id"], "output": "7"} for c in calls]
    path = f"{streams[0].run_path}/submit_tool_outputs"
    first = bench.open(path, {"tool_outputs": outputs}, Idempotency_Key="b")
    expected = first.rest()
    again = bench.open(path, {"tool_outputs": outputs}, Idempotency_Key="b")
    lines = again.rest()
    assert lines[0] == "run.queued queued"
    assert lines[-9:] == expected[-9:]
    assert told(again.seen)[-2:] == ["run.completed completed", "done"]
    assert len(bench.send("GET", f"{path.partition('/runs')[0]}/runs")["data"]) == 1
    bench.close()


def test_threads_are_listed(http: Client) -> None:
    """Newest first, page by page."""
    ids = [http.post("/threads").get_json()["id"] for _ in range(3)]
    page = http.get("/threads?limit=2").get_json()
    assert [thread["id"] for thread in page["data"]] == ids[:0:-1]
    assert page["has_more"] is True
    page = http.get(f"/threads?limit=2&after={page['last_id']}").get_json()
    assert [thread["id"] for thread in page["data"]] == ids[:1]
    assert page["has_more"] is False
