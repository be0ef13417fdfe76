"""Files that nothing refers to go, and whatever refers to one keeps it, from the last moment on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from engine_store import Store, committing
from old_rows import DAY, answered, counts, prune, upload
from sqlalchemy import func, select, update
from werkzeug.test import Client as Web

from assistants_client.engine.faults import Fault
from assistants_client.engine.services import _old_items
from assistants_client.engine.services._references import references
from assistants_client.engine.services.files import Files
from assistants_client.engine.services.vector_stores import VectorStores
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.keyset_pages import PageQuery
from assistants_client.engine.storage.tables import (
    file_blocks,
    files,
    interpreter_files,
    run_steps,
    threads,
)
from assistants_client.models.assistants import AssistantRequest, AssistantUpdate
from assistants_client.models.messages import MessageRequest
from assistants_client.models.run_requests import RunRequest
from assistants_client.models.threads import ThreadRequest, ThreadUpdate
from assistants_client.models.vector_stores import VectorStoreRequest

ALL = PageQuery(limit=100, order="asc")


def attached(store: Store, file: str) -> None:
    """A file that is attached to a message."""
    attachment = {"file_id": file, "tools": [{"type": "code_interpreter"}]}
    request = MessageRequest("See", attachments=[attachment])
    thread = store.threads.create(ThreadRequest(messages=[request])).id
    store.threads.update(
        thread, ThreadUpdate(tool_resources={"code_interpreter": {"file_ids": []}})
    )


def shown(store: Store, file: str) -> None:
    """An image of a message."""
    part = {"type": "image_file", "image_file": {"file_id": file}}
    store.threads.create(ThreadRequest(messages=[MessageRequest([part])]))


def of_assistant(store: Store, file: str) -> None:
    """A file of an assistant's code interpreter."""
    resources = {"code_interpreter": {"file_ids": [file]}}
    tools = [{"type": "code_interpreter"}]
    store.assistants.create(AssistantRequest(model="m", tools=tools, tool_resources=resources))


def of_thread(store: Store, file: str) -> None:
    """A file of a thread's code interpreter."""
    resources = {"code_interpreter": {"file_ids": [file]}}
    store.threads.create(ThreadRequest(tool_resources=resources))


def in_store(store: Store, file: str) -> None:
    """A file in a vector store."""
    committing(VectorStores, store.context).create(VectorStoreRequest(file_ids=[file]))


def written(store: Store, file: str) -> None:
    """A file that code wrote in a thread."""
    with store.context.database.begin() as connection:
        row = {"thread_id": store_thread(store), "path": "a.txt", "file_id": file}
        connection.execute(interpreter_files.insert().values(row))


def store_thread(store: Store) -> str:
    """A thread that is there already: it is made before the transaction."""
    with store.context.database.read() as connection:
        return str(connection.execute(select(threads.c.id)).scalars().first())


def of_step(store: Store, file: str) -> None:
    """An image that a step of code showed."""
    run = answered(store)
    [step] = store.run_steps.list(run.thread_id, run.id, ALL).data
    image = {"type": "image", "image": {"file_id": file}}
    call = {"id": "c", "type": "code_interpreter", "code_interpreter": {"outputs": [image]}}
    with store.context.database.begin() as connection:
        body = connection.execute(
            select(run_steps.c.body).where(run_steps.c.id == step.id)
        ).scalar()
        body = {**(body or {}), "step_details": {"type": "tool_calls", "tool_calls": [call]}}
        connection.execute(update(run_steps).where(run_steps.c.id == step.id).values(body=body))


def of_active_run(store: Store, file: str) -> None:
    """A file that a run was started with, of an assistant that has it no more."""
    resources: Any = {"code_interpreter": {"file_ids": [file]}}
    tools = [{"type": "code_interpreter"}]
    request = AssistantRequest(model="m", tools=tools, tool_resources=resources)
    assistant = store.assistants.create(request)
    store.runs.create(store.new_thread(), RunRequest(assistant_id=assistant.id))
    resources = {"code_interpreter": {"file_ids": []}}
    store.assistants.update(assistant.id, AssistantUpdate(tool_resources=resources))


KINDS = [attached, shown, of_assistant, of_thread, in_store, written, of_step, of_active_run]


@pytest.mark.parametrize("refer", KINDS, ids=lambda kind: kind.__name__)
def test_a_file_that_is_referred_to_stays(
    store: Store, refer: Callable[[Store, str], None]
) -> None:
    """Whatever refers to it; another, which nothing refers to, goes."""
    store = store.where(run_seconds=1000 * DAY)
    store.new_thread()
    kept, orphan = upload(store), upload(store)
    refer(store, kept)
    store.clock.move(100 * DAY)

    would, done = (prune(store, files=90 * DAY, apply=apply)["files"] for apply in (False, True))
    assert would == done
    assert (done.count, done.bytes) == (1, 10)
    kinds = committing(Files, store.context)
    assert [file.id for file in kinds.list(ALL).data] == [kept]
    assert orphan not in {file for _, file in references(store.context.database)}


def test_a_files_age_counts_from_its_last_use(store: Store) -> None:
    """Of one that nothing refers to any more, from when it was referred to last."""
    unused, used = upload(store), upload(store)
    store.clock.move(50 * DAY)
    stores = committing(VectorStores, store.context)
    stores.delete(stores.create(VectorStoreRequest(file_ids=[used])).id)
    store.clock.move(10 * DAY)

    assert counts(prune(store, files=60 * DAY)) == {"files": 1}
    assert [file.id for file in committing(Files, store.context).list(ALL).data] == [used]
    assert counts(prune(store, files=10 * DAY)) == {"files": 1}
    assert unused != used


@pytest.mark.parametrize("refer", [attached, of_assistant, of_thread, in_store, written])
def test_a_file_that_is_used_at_the_last_moment_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch, refer: Callable[[Store, str], None]
) -> None:
    """After everything that is stored was read, and before the file is deleted."""
    store.new_thread()
    file, orphan = upload(store), upload(store)
    store.clock.move(100 * DAY)
    find = _old_items.references

    def meanwhile(database: Database, wanted: Iterable[str]) -> Iterator[tuple[set[str], str]]:
        yield from find(database, wanted)
        refer(store, file)

    monkeypatch.setattr(_old_items, "references", meanwhile)
    assert counts(prune(store, files=DAY)) == {"files": 1}
    assert [one.id for one in committing(Files, store.context).list(ALL).data] == [file]
    assert orphan != file


def test_files_of_threads_that_go_are_counted_with_them(store: Store) -> None:
    """A dry run says the same as what follows, also where one kind goes because of another."""
    for refer in (attached, shown, of_thread):
        refer(store, upload(store))
    written(store, upload(store))
    of_step(store, upload(store))
    run = answered(store)
    expiry = {"anchor": "last_active_at", "days": 7}
    request = VectorStoreRequest(file_ids=[upload(store)], expires_after=expiry)
    committing(VectorStores, store.context).create(request)
    web = Web(store.app())
    web.post(f"/v1/threads/{run.thread_id}/messages", json={"role": "user", "content": "x"},
             headers={"Idempotency-Key": "k"})  # fmt: skip
    store.clock.move(100 * DAY)
    of_assistant(store, upload(store))

    ages = dict.fromkeys(("threads", "runs", "requests", "stores", "files"), 50 * DAY)
    would = prune(store, apply=False, **ages)
    done = prune(store, **ages)
    assert would == done
    assert counts(done) == {"threads": 5, "runs": 0, "requests": 0, "stores": 1, "files": 6}


def test_a_large_file_goes_piece_by_piece(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is seen no more from the first piece on; what an end leaves of it is purged."""
    monkeypatch.setattr(_old_items, "BYTES_AT_ONCE", 2 * 1024 * 1024)
    large, other = upload(store, 7 * 1024 * 1024), upload(store)
    store.clock.move(100 * DAY)
    kinds = committing(Files, store.context)
    blocks: list[int] = []

    def look(_: float) -> None:
        with store.context.database.read() as connection:
            query = select(func.count()).select_from(file_blocks)
            blocks.append(connection.execute(query).scalar_one())
        assert [file.id for file in kinds.list(ALL).data] in ([other], [])
        with pytest.raises(Fault, match="No file found"):
            kinds.retrieve(large)
        assert kinds.list(PageQuery(after=large)).data == []
        if len(blocks) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune(store.where(pause=look), files=DAY)
    assert blocks == [8, 6, 4]
    upload(store)  # which purges
    with store.context.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(files)).scalar_one() == 2
    assert counts(prune(store, files=DAY)) == {"files": 1}
