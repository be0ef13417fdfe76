"""Threads that have grown long: what a run reads of one, in which order, and by which index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from engine_store import Store
from sqlalchemy import event, text
from werkzeug.test import Client as Web

from assistants_client._json.codec import decode
from assistants_client.engine.faults import Fault
from assistants_client.engine.services import _history, threads
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.keyset_pages import PageQuery
from assistants_client.models.assistants import AssistantRequest
from assistants_client.models.messages import Message, MessageRequest
from assistants_client.models.run_requests import RunRequest
from assistants_client.models.runs import Run, TruncationStrategy
from assistants_client.models.threads import ThreadRequest

ALL = PageQuery(limit=100, order="asc")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads of a few messages are long."""
    monkeypatch.setattr(_history, "_AT_ONCE", 3)
    monkeypatch.setattr(_history, "_IDS_AT_ONCE", 2)


def queued(store: Store, texts: list[str], **fields: Any) -> Run:
    """A run on a thread with these messages."""
    first = [MessageRequest(one) for one in texts]
    thread = store.threads.create(ThreadRequest(messages=first))
    assistant = store.assistants.create(AssistantRequest(model="m"))
    return store.runs.create(thread.id, RunRequest(assistant_id=assistant.id, **fields))


def shown(store: Store, run: Run) -> list[str]:
    """The texts of the messages that come with the run when it is claimed."""
    work = Execution(store.context).claim(run.id)
    assert work is not None
    return [message.text for message in work.messages]


@contextmanager
def statements(database: Database, *, only_written: bool = False) -> Iterator[list[str]]:
    """What is executed in the block; or only what is while the right to write is held."""
    database.open()
    engine = database._here().connections.engine
    found: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not only_written or database._here().turn.locked():
            found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize(("last", "count"), [(1, 1), (3, 3), (4, 4), (6, 6), (7, 7), (9, 7)])
def test_so_many_messages_as_the_run_asks_for(store: Store, last: int, count: int) -> None:
    """The newest, oldest first, whatever the size of the pages in which they are read."""
    texts = [str(number) for number in range(7)]
    truncation = TruncationStrategy(type="last_messages", last_messages=last)
    run = queued(store, texts, truncation_strategy=truncation)
    assert shown(store, run) == texts[-count:]


@pytest.mark.parametrize(
    ("characters", "count", "expected"),
    [(100, 100, "abcdefg"), (30, 100, "efg"), (29, 100, "fg"), (5, 100, "g"), (100, 4, "defg")],
)
def test_no_more_messages_than_a_model_can_be_shown(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    characters: int,
    count: int,
    expected: str,
) -> None:
    """The bounds are on their text and on their number; one is shown in any case."""
    monkeypatch.setattr(_history, "MAX_HISTORY_TEXT", characters)
    monkeypatch.setattr(_history, "MAX_HISTORY_MESSAGES", count)
    run = queued(store, [letter * 10 for letter in "abcdefg"])
    assert shown(store, run) == [letter * 10 for letter in expected]


def test_a_refusal_counts_as_text_and_an_image_does_not() -> None:
    """What a model is shown of a message is words, in the main."""
    parts = [
        {"type": "text", "text": {"value": "abc", "annotations": []}},
        {"type": "refusal", "refusal": "de"},
        {"type": "image_file", "image_file": {"file_id": "file-1"}},
    ]
    document = {"id": "msg_1", "created_at": 1, "thread_id": "thread_1", "content": parts}
    assert _history._length(decode(Message, document)) == 5


def test_a_runs_own_messages_count_for_themselves(store: Store) -> None:
    """A run that goes on after its caller's outputs has what it found, and then what it said."""
    truncation = TruncationStrategy(type="last_messages", last_messages=2)
    run = queued(store, ["a", "b", "c"], truncation_strategy=truncation)
    execution = Execution(store.context)
    work = execution.claim(run.id)
    assert work is not None
    said = [execution.begin_message(work.run)[1] for _ in range(3)]
    again = [message.id for message in _history.own_work(store.context.database, run)[1]]
    assert again == [message.id for message in said]
    found = _history.history(store.context.database, run)
    assert [message.text for message in found] == ["b", "c"]


def test_claiming_reads_no_message_while_others_wait(store: Store) -> None:
    """What is done under the one right to write does not grow with the thread."""
    run = queued(store, [str(number) for number in range(7)])
    with statements(store.context.database, only_written=True) as found:
        assert Execution(store.context).claim(run.id) is not None
    assert found
    assert not any("messages" in statement for statement in found)


def test_the_order_is_not_the_clocks(store: Store) -> None:
    """Lists and what a model sees keep the order in which things were made."""
    run = queued(store, ["first"])
    execution = Execution(store.context)
    work = execution.claim(run.id)
    assert work is not None
    steps = []
    for _ in range(3):
        store.clock.move(-5)
        step, message = execution.begin_message(work.run)
        execution.complete_message(work.run, step, message, [])
        steps.append(step.id)
    execution.finish(work.run, "completed")
    store.clock.move(-100)
    store.messages.create(run.thread_id, MessageRequest("last"))
    listed = store.messages.list(run.thread_id, ALL).data
    assert [message.text for message in listed] == ["first", "", "", "", "last"]
    stored = store.run_steps.list(run.thread_id, run.id, ALL).data
    assert [step.id for step in stored] == steps
    newest = store.messages.list(run.thread_id, PageQuery(limit=1)).data
    assert [message.text for message in newest] == ["last"]


def test_a_long_thread_is_deleted_piece_by_piece(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others can write in between, and nothing is left of it."""
    monkeypatch.setattr(threads, "_AT_ONCE", 3)
    run = queued(store, [str(number) for number in range(10)])
    other = store.new_thread()
    left: list[int] = []

    def write(_: float) -> None:
        store.messages.create(other, MessageRequest("x"))
        left.append(len(store.messages.list(run.thread_id, ALL).data))

    store.where(pause=write).threads.delete(run.thread_id)
    assert left == [7, 4, 1]
    with pytest.raises(Fault, match="No thread found"):
        store.threads.retrieve(run.thread_id)
    assert len(store.messages.list(other, ALL).data) == 4
    assert store.stopped == [run.id]


LISTS = {
    "messages": lambda run: f"/threads/{run.thread_id}/messages",
    "messages of a run": lambda run: f"/threads/{run.thread_id}/messages?run_id={run.id}",
    "runs": lambda run: f"/threads/{run.thread_id}/runs",
    "steps": lambda run: f"/threads/{run.thread_id}/runs/{run.id}/steps",
    "files": lambda _: "/files",
    "files for a purpose": lambda _: "/files?purpose=assistants",
    "threads": lambda _: "/threads",
    "assistants": lambda _: "/assistants",
    "stores": lambda _: "/vector_stores",
}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("where", LISTS.values(), ids=LISTS)
def test_a_page_is_read_along_an_index(
    store: Store, where: Callable[[Run], str], order: str
) -> None:
    """Nothing is sorted, and a page costs the same whatever the list has grown to."""
    run = store.new_run()
    path = where(run)
    with statements(store.context.database) as found:
        mark = "&" if "?" in path else "?"
        assert Web(store.app()).get(f"/v1{path}{mark}order={order}").status_code == 200
    pages = [statement for statement in found if "ORDER BY" in statement]
    assert pages
    with store.context.database.read() as connection:
        if connection.dialect.name != "sqlite":
            pytest.skip("the plan of an empty table says nothing on PostgreSQL")
        for page in pages:
            plan = connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {page}", tuple("1" * page.count("?"))
            )
            lines = [row[3] for row in plan]
            assert not any("TEMP B-TREE" in line for line in lines), lines


def test_the_plan_of_a_page_names_its_index(store: Store) -> None:
    """One index has what the query asks for, and its order."""
    store.context.database.open()
    with store.context.database.read() as connection:
        if connection.dialect.name != "sqlite":
            pytest.skip("the plan of an empty table says nothing on PostgreSQL")
        for where, index in {
            "messages WHERE thread_id = '1' AND run_id = '1'": "ix_messages_by_run",
            "messages WHERE thread_id = '1'": "ix_messages_made",
            "runs WHERE thread_id = '1'": "ix_runs_made",
            "run_steps WHERE run_id = '1'": "ix_run_steps_made",
            "files WHERE is_whole = 1 AND purpose = 'x'": "ix_files_made_for",
            "files WHERE is_whole = 1": "ix_files_made",
            "vector_store_files WHERE vector_store_id = '1' AND status = '1'": (
                "ix_vector_store_files_by_status"
            ),
            "vector_store_files WHERE vector_store_id = '1'": "ix_vector_store_files_made",
        }.items():
            query = f"EXPLAIN QUERY PLAN SELECT body FROM {where} ORDER BY seq DESC LIMIT 9"
            [row] = connection.execute(text(query)).all()
            assert f" {index} " in row[3]
