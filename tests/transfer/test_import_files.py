"""Files and vector stores of imports: where bytes are found, and what becomes of those without."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from import_kit import message, messages_of, opened, thing

from assistants_client import Client
from assistants_client.transfer import ImportSummary

Import: TypeAlias = Callable[..., ImportSummary]
AT = 1_700_000_000
TEXT = b"Otters hold hands while they sleep."


def file(name: str, **more: Any) -> Any:
    """A file, as a reader finds it."""
    return thing("file", {"id": name, "created_at": AT, "filename": "notes.txt", **more})


def in_store(name: str, store: str = "vs_1", **more: Any) -> Any:
    """A file in a store."""
    document = {"id": name, "vector_store_id": store, "created_at": AT, "status": "completed"}
    return thing("vector_store_file", {**document, **more})


def content_of(url: str, name: str) -> bytes:
    """The bytes of a file as a server has them."""
    with opened(url) as engine, Client(engine=engine) as client:
        return client.files.content(name)


@pytest.mark.parametrize(
    "name", ["file-1", "file-1.txt", "file-1_notes.txt", "notes.txt", "below/file-1"]
)
def test_bytes_are_found_by_id_and_by_name(
    url: str, tmp_path: Path, imported: Import, name: str
) -> None:
    """In a folder that is named, and in folders within."""
    path = tmp_path / "bytes" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT)
    summary = imported([file("file-1", bytes=3, purpose="vision")], files=tmp_path / "bytes")
    assert dict(summary.losses) == {}
    assert content_of(url, "file-1") == TEXT
    with opened(url) as engine, Client(engine=engine) as client:
        made = client.files.retrieve("file-1")
    assert (made.bytes, made.filename, made.purpose) == (len(TEXT), "notes.txt", "vision")


def test_a_name_that_several_files_have_finds_none(tmp_path: Path, imported: Import) -> None:
    """Nor does a link."""
    for folder in ("a", "b"):
        (tmp_path / "bytes" / folder).mkdir(parents=True)
        (tmp_path / "bytes" / folder / "notes.txt").write_bytes(TEXT)
    (tmp_path / "bytes" / "file-2").symlink_to(tmp_path / "bytes" / "a" / "notes.txt")
    found = [file("file-1"), file("file-2", filename="other.txt")]
    summary = imported(found, files=tmp_path / "bytes")
    assert dict(summary.losses) == {"attachment_without_bytes": 2}
    assert summary.number("file") == 0


def test_a_large_file_is_written_in_pieces(url: str, tmp_path: Path, imported: Import) -> None:
    """And is there again the next time."""
    (tmp_path / "bytes").mkdir()
    content = bytes(range(256)) * 4 * 1024 * 9
    (tmp_path / "bytes" / "file-1").write_bytes(content)
    assert imported([file("file-1")], files=tmp_path / "bytes").number("file", "new") == 1
    assert content_of(url, "file-1") == content
    assert imported([file("file-1")], files=tmp_path / "bytes").number("file", "same") == 1


def test_an_empty_file_is_a_file(url: str, tmp_path: Path, imported: Import) -> None:
    """Code may have written it."""
    (tmp_path / "bytes").mkdir()
    (tmp_path / "bytes" / "file-1").touch()
    imported([file("file-1")], files=tmp_path / "bytes")
    assert content_of(url, "file-1") == b""


def test_a_file_that_is_only_referred_to_is_made_of_its_bytes(
    url: str, tmp_path: Path, imported: Import
) -> None:
    """Its name is that of the folder's file."""
    (tmp_path / "bytes").mkdir()
    (tmp_path / "bytes" / "file-1_plan.txt").write_bytes(TEXT)
    attached = [{"file_id": "file-1", "tools": [{"type": "file_search"}]}]
    found = [message("thread_1", "msg_1", AT, attachments=attached)]
    assert dict(imported(found).losses) == {"attachment_without_bytes": 1}
    summary = imported(found, files=tmp_path / "bytes")
    assert (dict(summary.losses), summary.number("file", "new")) == ({}, 1)
    with opened(url) as engine, Client(engine=engine) as client:
        assert client.files.retrieve("file-1").filename == "plan.txt"
    [one] = messages_of(url, "thread_1")
    assert one["attachments"] == attached


def processed(client: Client, store: str) -> dict[str, int]:
    """The counts of a store's files, once they are read."""
    until = time.monotonic() + 30
    while True:
        found = client.vector_stores.retrieve(store)
        if found.status == "completed":
            counts: dict[str, int] = found.file_counts.to_dict()
            return counts
        assert time.monotonic() < until
        time.sleep(0.01)


def test_files_of_stores_are_read_by_the_engine(url: str, tmp_path: Path, imported: Import) -> None:
    """They are found by searches; what has no bytes is left out and counted."""
    (tmp_path / "bytes").mkdir()
    (tmp_path / "bytes" / "file-1").write_bytes(TEXT)
    store = thing("vector_store", {"id": "vs_1", "created_at": AT, "name": "Otters"})
    found = [file("file-1"), store, in_store("file-1", attributes={"a": 1}), in_store("file-2")]
    summary = imported(found, files=tmp_path / "bytes")
    assert dict(summary.losses) == {"store_without_files": 1}
    with opened(url) as engine, Client(engine=engine) as client:
        assert processed(client, "vs_1")["completed"] == 1
        [hit] = client.vector_stores.search("vs_1", "sleeping otters")
        assert (hit.file_id, hit.attributes) == ("file-1", {"a": 1})
    again = imported(found, files=tmp_path / "bytes")
    assert {outcome for _, outcome in again.outcomes} == {"same"}

    found[2] = in_store("file-1", attributes={"a": 2})
    assert imported(found, files=tmp_path / "bytes").number("vector_store_file", "replaced") == 1
    with opened(url) as engine, Client(engine=engine) as client:
        assert processed(client, "vs_1")["completed"] == 1
        [hit] = client.vector_stores.search("vs_1", "sleeping otters")
        assert hit.attributes == {"a": 2}


def test_the_text_of_a_file_is_its_content_where_there_are_no_bytes(
    url: str, imported: Import
) -> None:
    """The store that it was in is made where it is only named."""
    text = thing("file_text", {"file_id": "file-1", "text": TEXT.decode(), "filename": "notes.pdf"})
    named = thing("vector_store_file", {"id": "file-1", "vector_store_id": "vs_9"})
    found = [named, text, file("file-1", filename="notes.pdf")]
    summary = imported(found)
    assert dict(summary.losses) == {"file_as_text": 1}
    assert content_of(url, "file-1") == TEXT
    with opened(url) as engine, Client(engine=engine) as client:
        assert processed(client, "vs_9")["completed"] == 1
        assert client.files.retrieve("file-1").filename == "notes.pdf.txt"
        assert len(list(client.vector_stores.search("vs_9", "otters"))) == 1
    assert {outcome for _, outcome in imported(found).outcomes} == {"same"}


def test_a_store_without_any_file_in_the_source_is_made_and_reported(
    url: str, imported: Import
) -> None:
    """Assistants that name it find it, empty."""
    counts = {"total": 3, "completed": 3}
    document = {"id": "vs_1", "created_at": AT, "name": "Otters", "file_counts": counts}
    assert dict(imported([thing("vector_store", document)]).losses) == {"store_without_files": 1}
    with opened(url) as engine, Client(engine=engine) as client:
        assert client.vector_stores.retrieve("vs_1").file_counts.total == 0


def test_data_within_a_text_becomes_a_file(url: str, imported: Import) -> None:
    """It can be downloaded under the id that its message names."""
    content = TEXT * 200
    words = f"See data:text/plain;base64,{base64.b64encode(content).decode()} there."
    found = [message("thread_1", "msg_1", AT, "assistant", words)]
    imported(found)
    [one] = messages_of(url, "thread_1")
    [path] = one["content"][0]["text"]["annotations"]
    assert content_of(url, path["file_path"]["file_id"]) == content
    assert {outcome for _, outcome in imported(found).outcomes} == {"same"}


def test_files_of_other_ids_are_not_taken_for_orphaned(
    url: str, tmp_path: Path, imported: Import
) -> None:
    """Azure's begin otherwise; a message that names one keeps it."""
    from assistants_client.engine.services._base import Context
    from assistants_client.engine.services.housekeeping import Ages, Housekeeping
    from assistants_client.engine.storage.database import Database

    (tmp_path / "bytes").mkdir()
    names = ("assistant-é", "assistant-b", "file-1")
    for name in names:
        (tmp_path / "bytes" / name).write_bytes(TEXT)
    attached = [{"file_id": "assistant-é", "tools": [{"type": "file_search"}]}]
    found = [*map(file, names), message("thread_1", "msg_1", AT, attachments=attached)]
    imported(found, files=tmp_path / "bytes")
    database = Database(url)
    later = time.time() + 1000
    housekeeping = Housekeeping(Context(database=database, clock=lambda: later))
    list(housekeeping.prune(Ages(files=60), apply=True))
    database.close()
    with opened(url) as engine, Client(engine=engine) as client:
        assert [one.id for one in client.files.list()] == ["assistant-é"]
