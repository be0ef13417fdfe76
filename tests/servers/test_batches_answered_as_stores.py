"""Servers that answer a batch's address with the vector store: the batch keeps its own id."""

import pytest

from assistants_client import WaitTimeoutError

STORE = {
    "id": "vs_1",
    "object": "vector_store",
    "created_at": 1795368809,
    "name": "FAQ",
    "description": None,
    "usage_bytes": 5,
    "file_counts": {"in_progress": 1, "completed": 1, "failed": 0, "cancelled": 0, "total": 2},
    "status": "in_progress",
    "last_active_at": 1795368809,
    "metadata": {},
}
DONE = {
    **STORE,
    "status": "completed",
    "file_counts": {"in_progress": 0, "completed": 2, "failed": 0, "cancelled": 0, "total": 2},
}
BATCH = {"id": "vsfb_1", "object": "vector_store.files_batch", "vector_store_id": "vs_1"}
PATH = "/vector_stores/vs_1/file_batches/vsfb_1"


def check(batch):
    """It is the batch that was asked for."""
    assert (batch.id, batch.vector_store_id) == ("vsfb_1", "vs_1")


def test_retrieve_keeps_the_batch_id(client, server):
    """The answer goes under the id that was asked for, so that the next call works."""
    server.answers("GET", PATH, DONE)

    batch = client.vector_store_file_batches.retrieve("vs_1", "vsfb_1")

    check(batch)
    assert batch.is_processed
    assert batch.file_counts.completed == 2


def test_cancel_keeps_the_batch_id(client, server):
    """As for reading."""
    server.answers("POST", PATH + "/cancel", STORE)

    check(client.vector_store_file_batches.cancel("vs_1", "vsfb_1"))


def test_wait_asks_for_the_batch_and_keeps_its_id(timed_client, server):
    """Every poll goes to the batch's address, never to one with the store's id as the batch's."""
    server.answers("GET", PATH, STORE, STORE, DONE)

    batch = timed_client.vector_store_file_batches.wait("vs_1", "vsfb_1", backoff=1)

    check(batch)
    assert batch.status == "completed"
    assert server.sent == [("GET", PATH)] * 3


def test_upload_and_wait_keeps_the_batch_id(timed_client, server, tmp_path):
    """The id is that of the answer to the creation."""
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    server.answers("POST", "/files", {"id": "file-1"}, {"id": "file-2"})
    server.answers("POST", "/vector_stores/vs_1/file_batches", {**BATCH, "status": "in_progress"})
    server.answers("GET", PATH, STORE, DONE)

    batch = timed_client.vector_store_file_batches.upload_and_wait(
        "vs_1", [tmp_path / "a.txt", tmp_path / "b.txt"], backoff=1
    )

    check(batch)
    assert [path for _, path in server.sent][2:] == [
        "/vector_stores/vs_1/file_batches",
        PATH,
        PATH,
    ]


def test_a_wait_that_takes_too_long_names_the_batch(timed_client, server):
    """So that it can be taken up again."""
    server.answers("GET", PATH, STORE)

    with pytest.raises(WaitTimeoutError, match=r"batch vsfb_1 of vector store vs_1 .*in_progress"):
        timed_client.vector_store_file_batches.wait("vs_1", "vsfb_1", timeout=5, backoff=1)


@pytest.mark.parametrize("name", ["vector_store.files_batch", "vector_store.file_batch", None])
def test_a_batch_may_call_itself_either_way(client, server, name):
    """The protocol's own documents use both names."""
    server.answers("GET", PATH, {**BATCH, "object": name, "status": "completed"})

    check(client.vector_store_file_batches.retrieve("vs_1", "vsfb_1"))


def test_a_store_has_a_description(client, server):
    """Answers carry it though the schema does not list it."""
    server.answers("GET", "/vector_stores/vs_1", {**STORE, "description": "what is asked"})

    store = client.vector_stores.retrieve("vs_1")

    assert store.description == "what is asked"
    assert not store.extra
