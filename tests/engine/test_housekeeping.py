"""Housekeeping: what is old goes, as a request would delete it, and nothing else changes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import fresh
from engine_store import Clock, Store, committing
from old_rows import DAY, answered, changes, copied, counts, dump, prune, upload
from sqlalchemy import select
from thorough import amount
from werkzeug.test import Client as Web

from assistants_client.engine.faults import Fault
from assistants_client.engine.services import _old_items
from assistants_client.engine.services._base import Context
from assistants_client.engine.services.files import Files
from assistants_client.engine.services.housekeeping import Ages, Housekeeping, Tally
from assistants_client.engine.services.vector_stores import VectorStores
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage import table_scans
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.keyset_pages import PageQuery
from assistants_client.engine.storage.tables import threads
from assistants_client.models.messages import MessageRequest
from assistants_client.models.run_requests import RunRequest
from assistants_client.models.vector_stores import VectorStoreRequest

ALL = PageQuery(limit=100, order="asc")


def is_there(store: Store, thread_id: str) -> bool:
    """Whether there is a thread."""
    with store.context.database.read() as connection:
        query = select(threads.c.seq).where(threads.c.id == thread_id)
        return connection.execute(query).first() is not None


# --- runs ----------------------------------------------------------------------------------------


def test_a_thousand_runs_go_and_nothing_else_changes(store: Store) -> None:
    """Runs that are old are gone with their steps; whatever is kept is the same, byte for byte.

    The messages that they wrote stay, and name them still. A dry run counts the same, and changes
    nothing.
    """
    count, run = amount(1000, 10_000), answered(store)
    old = copied(store.context.database, run, count)
    store.clock.move(20 * DAY)
    young, active = answered(store), store.new_run()
    waiting = store.new_run(run.thread_id)
    store.clock.move(20 * DAY)
    before, sizes = dump(store.context.database), Housekeeping(store.context).sizes()

    [would] = prune(store, runs=30 * DAY, apply=False).values()
    assert dump(store.context.database) == before
    [done] = prune(store, runs=30 * DAY).values()

    assert done == would
    assert (done.count, done.oldest) == (count + 1, run.completed_at)
    assert done.bytes > 1000 * count
    gone, new = changes(before, dump(store.context.database))
    assert gone == {"runs": count + 1, "run_steps": count + 1, "model_states": count + 1}
    assert {name: len(rows) for name, rows in new.items()} == {"deleted_items": count + 1}
    kinds = {kind.kind: kind for kind in sizes.kinds}
    left = {kind.kind: kind for kind in Housekeeping(store.context).sizes().kinds}
    assert (kinds["runs"].rows, left["runs"].rows) == (count + 4, 3)
    assert kinds["messages"].rows == left["messages"].rows
    for one in (young, active, waiting):
        assert store.runs.retrieve(one.thread_id, one.id).id == one.id
    with pytest.raises(Fault, match="No run found"):
        store.runs.retrieve(*old[0])


def test_messages_outlive_their_run(store: Store) -> None:
    """Lists have them, also by the run's id; the run itself and its steps are not found."""
    run = answered(store)
    path = f"/v1/threads/{run.thread_id}"
    web = Web(store.app())
    before = web.get(f"{path}/messages?run_id={run.id}").get_json()
    store.clock.move(31 * DAY)
    prune(store, runs=30 * DAY)

    assert web.get(f"{path}/messages?run_id={run.id}").get_json() == before
    assert before["data"][0]["run_id"] == run.id
    assert web.get(f"{path}/runs").get_json()["data"] == []
    for gone in (f"{path}/runs/{run.id}", f"{path}/runs/{run.id}/steps"):
        assert web.get(gone).status_code == 404
    again = store.runs.create(run.thread_id, RunRequest(assistant_id=run.assistant_id))
    work = Execution(store.context).claim(again.id)
    assert work is not None
    assert [message.role for message in work.messages] == ["user", "assistant"]


def test_a_list_of_runs_goes_on_from_one_that_is_gone(store: Store) -> None:
    """A program that lists runs page by page does not notice."""
    thread = store.new_thread()
    made = [answered(store, thread) for _ in range(3)]
    store.clock.move(31 * DAY)
    made += [answered(store, thread) for _ in range(2)]
    prune(store, runs=30 * DAY)

    after = store.runs.list(thread, PageQuery(after=made[1].id, order="asc")).data
    before = store.runs.list(thread, PageQuery(before=made[2].id)).data
    assert [run.id for run in after] == [run.id for run in made[3:]]
    assert [run.id for run in before] == [run.id for run in reversed(made[3:])]


def test_a_runs_age_counts_from_its_end(store: Store) -> None:
    """However it ended; one that has not ended has no age."""
    ended = []
    for status in ("completed", "failed", "incomplete"):
        execution, work = store.claimed()
        store.clock.move(100)
        ended.append(execution.finish(work.run, status))
    cancelled, expired, waiting = store.new_run(), store.new_run(), store.new_run()
    store.runs.cancel(cancelled.thread_id, cancelled.id)
    ended.append(store.current(cancelled))
    store.clock.move(10 * store.context.run_seconds)
    ended.append(store.current(expired))
    assert [run.status for run in ended][3:] == ["cancelled", "expired"]
    age = int(store.clock() - ended[0].completed_at)
    assert counts(prune(store, runs=age + 1)) == {"runs": 0}
    assert counts(prune(store, runs=age)) == {"runs": 1}
    assert counts(prune(store, runs=60)) == {"runs": 4}
    assert store.current(waiting).status == "expired"


def test_a_stream_of_a_run_that_is_gone_says_so(store: Store) -> None:
    """As one whose thread was deleted does: a repeat by its key finds what was answered, no run."""
    run = answered(store)
    web, key = Web(store.app()), {"Idempotency-Key": "k"}
    body = {"assistant_id": run.assistant_id, "stream": True}
    path = f"/v1/threads/{run.thread_id}/runs"
    first = web.post(path, json=body, headers=key, buffered=False)
    made = store.runs.list(run.thread_id, PageQuery(limit=1)).data[0]
    store.runs.cancel(run.thread_id, made.id)
    assert store.current(made).status == "cancelled"
    first.close()
    store.clock.move(3700)
    assert counts(prune(store, runs=3600)) == {"runs": 2}

    said = web.post(path, json=body, headers=key).text
    assert f"Run {made.id} was deleted." in said
    assert said.count("event: error") == 1


# --- threads -------------------------------------------------------------------------------------


def test_a_threads_age_counts_from_its_last_use(store: Store) -> None:
    """From its last message, or the end of its last run, and not from when it was made."""
    unused, read, told, asked = (store.new_thread() for _ in range(4))
    store.clock.move(50 * DAY)
    store.messages.create(told, MessageRequest("Hello again"))
    run = answered(store, asked)
    store.messages.delete(asked, store.messages.list(asked, PageQuery(limit=1)).data[0].id)
    store.threads.retrieve(read)
    store.clock.move(50 * DAY)

    done = prune(store, threads=60 * DAY)
    assert counts(done) == {"threads": 2}
    assert done["threads"].newest == int(store.clock() - 100 * DAY)
    assert [is_there(store, one) for one in (unused, read, told, asked)] == [False] * 2 + [True] * 2
    done = prune(store, threads=50 * DAY)
    assert (counts(done), done["threads"].newest) == ({"threads": 2}, run.completed_at)


def test_a_thread_with_a_run_under_way_stays(store: Store) -> None:
    """However old it is; where the run is overdue, it is ended as by any request, and goes."""
    store = store.where(run_seconds=100 * DAY)
    forgotten = store.new_run()
    store.clock.move(50 * DAY)
    execution, work = store.claimed()
    store.clock.move(50 * DAY)

    assert counts(prune(store, threads=DAY, apply=False)) == {"threads": 1}
    assert counts(prune(store, threads=DAY)) == {"threads": 1}
    assert not is_there(store, forgotten.thread_id)
    execution.finish(work.run, "completed")
    assert counts(prune(store, threads=DAY)) == {"threads": 0}
    store.clock.move(2 * DAY)
    assert counts(prune(store, threads=DAY)) == {"threads": 1}


def test_pruning_does_what_deleting_does(tmp_path: Path, clock: Clock) -> None:
    """Of two equal databases, one is pruned and the other's objects are deleted: they are equal."""
    left = []
    for number in range(2):
        ids = iter(range(1000))
        database = Database(fresh(f"sqlite:///{tmp_path / f'{number}.db'}"))
        store = Store(
            Context(
                database=database, clock=clock, new_id=lambda p, ids=ids: f"{p}{next(ids):024}"
            ),
            clock,
        )
        clock.time = 1_700_000_000.0
        stores, file = committing(VectorStores, store.context), upload(store)
        gone = [answered(store).thread_id for _ in range(3)]
        expiry = {"anchor": "last_active_at", "days": 1}
        request = VectorStoreRequest(file_ids=[file], expires_after=expiry)
        expired = [stores.create(request).id for _ in range(2)]
        clock.move(100 * DAY)
        stores.create(VectorStoreRequest(file_ids=[]))
        answered(store)
        if number:
            done = prune(store, threads=50 * DAY, stores=50 * DAY, files=50 * DAY)
            assert counts(done) == {"threads": 3, "stores": 2, "files": 1}
        else:
            for one in gone:
                store.threads.delete(one)
            for one in expired:
                stores.delete(one)
            committing(Files, store.context).delete(file)
        left.append(dump(database))
        database.close()
    assert left[0] == left[1]
    assert len(left[0]["deleted_items"]) == 6


def test_a_thread_that_is_used_at_the_last_moment_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between being found and being deleted: by a message, or by a run."""
    told, asked, other = answered(store), answered(store), answered(store)
    store.clock.move(100 * DAY)
    find = _old_items.old_threads

    def meanwhile(*arguments: Any) -> Iterator[_old_items.Item]:
        found = list(find(*arguments))
        store.messages.create(told.thread_id, MessageRequest("Still here"))
        store.runs.create(asked.thread_id, RunRequest(assistant_id=asked.assistant_id))
        yield from found

    monkeypatch.setattr(_old_items, "old_threads", meanwhile)
    assert counts(prune(store, threads=DAY)) == {"threads": 1}
    assert [is_there(store, run.thread_id) for run in (told, asked, other)] == [True, True, False]


def test_a_long_thread_goes_piece_by_piece(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others write in between; and where it is used again, what is left of it stays."""
    monkeypatch.setattr(_old_items, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(_old_items, "_PAGE", 2)
    monkeypatch.setattr(table_scans, "_AT_ONCE", 2)
    other, long, used = store.new_thread(), store.new_thread(), store.new_thread()
    for thread in (long, used):
        for number in range(9):
            store.messages.create(thread, MessageRequest(str(number)))
    store.clock.move(100 * DAY)
    left: list[int] = []

    def write(_: float) -> None:
        store.messages.create(other, MessageRequest("x"))
        if is_there(store, long):
            left.append(len(store.messages.list(long, ALL).data))
        elif len(store.messages.list(used, ALL).data) == 7:
            store.messages.create(used, MessageRequest("I am back"))

    store.messages.create(other, MessageRequest("x"))
    done = prune(store.where(pause=write), threads=50 * DAY)
    assert left == [7, 4, 1, 0]
    assert counts(done) == {"threads": 1}
    texts = [message.text for message in store.messages.list(used, ALL).data]
    assert texts == [*map(str, range(2, 9)), "I am back"]


# --- responses, stores and files -----------------------------------------------------------------


def test_responses_by_keys_go_by_age(store: Store) -> None:
    """A repeat of a request whose response is gone is a new request."""
    web = Web(store.app())

    def make(key: str) -> str:
        return str(web.post("/v1/threads", headers={"Idempotency-Key": key}).get_json()["id"])

    first = make("a")
    store.clock.move(3600)
    second = make("b")
    done = prune(store, requests=1800)
    assert counts(done) == {"requests": 1}
    assert done["requests"].bytes > 50
    assert (make("a") == first, make("b") == second) == (False, True)


def test_stores_go_after_they_expired(store: Store) -> None:
    """With their passages, and not those that may still be used; their files stay."""
    stores, file = committing(VectorStores, store.context), upload(store)
    expiry = {"anchor": "last_active_at", "days": 7}
    for after in (expiry, None):
        stores.create(VectorStoreRequest(file_ids=[file], expires_after=after))
    store.clock.move(10 * DAY)
    assert counts(prune(store, stores=4 * DAY)) == {"stores": 0}
    assert counts(prune(store, stores=3 * DAY)) == {"stores": 1}
    assert [one.expires_at for one in stores.list(ALL).data] == [None]
    assert committing(Files, store.context).retrieve(file).id == file


# --- all of it -----------------------------------------------------------------------------------


def test_without_an_age_nothing_is_done(store: Store) -> None:
    """There is none by default."""
    answered(store)
    upload(store)
    store.clock.move(10_000 * DAY)
    before = dump(store.context.database)
    assert prune(store) == {}
    assert dump(store.context.database) == before


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_what_is_interrupted_goes_on_where_it_was(
    store: Store, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    """All that was said to be deleted is; a second call does the rest, and no more."""
    monkeypatch.setattr(_old_items, "ROWS_AT_ONCE", 10)
    copied(store.context.database, answered(store), 20)
    upload(store)
    store.clock.move(100 * DAY)
    answered(store)
    before, left, said = dump(store.context.database), [pieces], dict[str, Tally]()

    def interrupt(_: float) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    halted = Housekeeping(store.where(pause=interrupt).context)
    with pytest.raises(KeyboardInterrupt):
        said.update(
            (one.kind, one) for one in halted.prune(Ages(threads=DAY, files=DAY), apply=True)
        )
    first, _ = changes(before, dump(store.context.database))
    second = prune(store, threads=DAY, files=DAY)
    assert 0 < first["threads"] < 21
    assert first["threads"] + second["threads"].count == 21
    assert second["files"].count == 1
    gone, new = changes(before, dump(store.context.database))
    assert (gone["threads"], gone["runs"], set(new)) == (21, 21, {"deleted_items"})
    assert counts(prune(store, threads=DAY, files=DAY)) == {"threads": 0, "files": 0}


def test_each_piece_is_short(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No transaction deletes more rows, or larger ones, than there are bounds for."""
    monkeypatch.setattr(_old_items, "ROWS_AT_ONCE", 8)
    copied(store.context.database, answered(store), 20)
    store.clock.move(100 * DAY)
    left = [dump(store.context.database)]

    def look(_: float) -> None:
        left.append(dump(store.context.database))

    prune(store.where(pause=look), threads=DAY)
    for before, after in itertools.pairwise(left):
        gone, _ = changes(before, after)
        assert 0 < sum(gone.values()) <= 8
