"""Files and vector stores: method, path and body of each plain operation."""

import pytest

from assistants_client import (
    Deleted,
    File,
    VectorStore,
    VectorStoreFile,
    VectorStoreFileBatch,
)

STORE = {"id": "vs_1", "object": "vector_store", "name": "n", "status": "completed"}
MEMBER = {"id": "file-1", "object": "vector_store.file", "vector_store_id": "vs_1"}
BATCH = {"id": "vsfb_1", "object": "vector_store.files_batch", "vector_store_id": "vs_1"}
GONE = {"id": "x", "object": "y", "deleted": True}

OPERATIONS = [
    (lambda c: c.vector_stores.create(name="n"), "POST", "/vector_stores", {"name": "n"}, STORE),
    (lambda c: c.vector_stores.retrieve("vs_1"), "GET", "/vector_stores/vs_1", None, STORE),
    (
        lambda c: c.vector_stores.update("vs_1", name=None),
        "POST",
        "/vector_stores/vs_1",
        {"name": None},
        STORE,
    ),
    (lambda c: c.vector_stores.delete("vs_1"), "DELETE", "/vector_stores/vs_1", None, GONE),
    (
        lambda c: c.vector_store_files.create("vs_1", "file-1", attributes={"a": 1}),
        "POST",
        "/vector_stores/vs_1/files",
        {"file_id": "file-1", "attributes": {"a": 1}},
        MEMBER,
    ),
    (
        lambda c: c.vector_store_files.retrieve("vs_1", "file-1"),
        "GET",
        "/vector_stores/vs_1/files/file-1",
        None,
        MEMBER,
    ),
    (
        lambda c: c.vector_store_files.update("vs_1", "file-1", attributes=None),
        "POST",
        "/vector_stores/vs_1/files/file-1",
        {"attributes": None},
        MEMBER,
    ),
    (
        lambda c: c.vector_store_files.delete("vs_1", "file-1"),
        "DELETE",
        "/vector_stores/vs_1/files/file-1",
        None,
        GONE,
    ),
    (
        lambda c: c.vector_store_file_batches.create("vs_1", file_ids=["file-1"]),
        "POST",
        "/vector_stores/vs_1/file_batches",
        {"file_ids": ["file-1"]},
        BATCH,
    ),
    (
        lambda c: c.vector_store_file_batches.retrieve("vs_1", "vsfb_1"),
        "GET",
        "/vector_stores/vs_1/file_batches/vsfb_1",
        None,
        BATCH,
    ),
    (
        lambda c: c.vector_store_file_batches.cancel("vs_1", "vsfb_1"),
        "POST",
        "/vector_stores/vs_1/file_batches/vsfb_1/cancel",
        None,
        BATCH,
    ),
]
CLASSES = {"vs_1": VectorStore, "file-1": VectorStoreFile, "vsfb_1": VectorStoreFileBatch}


@pytest.mark.parametrize(("call", "method", "path", "body", "answer"), OPERATIONS)
def test_an_operation_of_stores(expect, call, method, path, body, answer):  # noqa: PLR0917
    """What is sent, and the class of what comes back."""
    made = expect(call, method, path, answer, body=body)
    assert isinstance(made, CLASSES.get(answer["id"], Deleted))
    assert made.id == answer["id"]


@pytest.mark.parametrize(
    ("call", "path", "cls"),
    [
        (lambda c: c.vector_stores.list(limit=1), "/vector_stores", VectorStore),
        (lambda c: c.vector_store_files.list("vs_1"), "/vector_stores/vs_1/files", VectorStoreFile),
        (
            lambda c: c.vector_store_file_batches.list_files("vs_1", "vsfb_1"),
            "/vector_stores/vs_1/file_batches/vsfb_1/files",
            VectorStoreFile,
        ),
        (lambda c: c.files.list(limit=1), "/files", File),
    ],
)
def test_a_list_of_stores_and_files(listed, call, path, cls):
    """The path, and the class of the items."""
    (made,), _ = listed(call, path, {"id": "x"})
    assert type(made) is cls


def test_plain_operations_of_files(client, wire):
    """Reading, deleting; without the assistants' header, as the API has it."""
    url = "https://server.test/v1/files/file-1"
    wire.get(url, json={"id": "file-1", "object": "file", "bytes": 3, "filename": "a.txt"})
    wire.delete(url, json={"id": "file-1", "object": "file", "deleted": True})
    assert client.files.retrieve("file-1").filename == "a.txt"
    assert client.files.delete("file-1").deleted
    assert all("OpenAI-Beta" not in call.request.headers for call in wire.calls)
