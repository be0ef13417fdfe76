"""An engine with files in vector stores, and a reader of files that waits until it is let."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pytest

import assistants_client as ac
from assistants_client.engine import Engine
from assistants_client.engine.search import extraction
from assistants_client.engine.search.extraction import Passages
from assistants_client.engine.worker import ingester as ingestion
from assistants_client.models.vector_stores import VectorStore, VectorStoreFile


class Bench:
    """A client and an engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.client = ac.Client(engine=engine)

    def upload(self, text: str | bytes, name: str = "a.txt") -> str:
        """The id of a new file."""
        content = text.encode() if isinstance(text, str) else text
        return self.client.files.upload(content, filename=name).id

    def store(self, **texts: str | bytes) -> VectorStore:
        """A store of files with these names and texts, all of them read."""
        ids = [self.upload(text, name.replace("_", ".")) for name, text in texts.items()]
        return self.settled(self.client.vector_stores.create(file_ids=ids).id)

    def settled(self, store_id: str) -> VectorStore:
        """A store, once all of its files are read."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            store = self.client.vector_stores.retrieve(store_id)
            if store.file_counts.in_progress == 0:
                return store
            time.sleep(0.01)
        raise AssertionError("the files of the store are still not read")

    def file(self, store_id: str, name: str) -> VectorStoreFile:
        """A file of a store, by its name."""
        for held in self.client.vector_store_files.list(store_id):
            if self.client.files.retrieve(held.id).filename == name:
                return held
        raise AssertionError(f"the store has no file {name}")

    def found(self, store_id: str, query: str | list[str], **options: Any) -> list[str]:
        """The names of the files that a search finds, best first."""
        page = self.client.vector_stores.search(store_id, query, **options)
        return [hit.filename for hit in page.data]


@contextmanager
def waiting_reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Files are read once the event is set."""
    gate, real = threading.Event(), extraction.extract_passages

    def extract(file: IO[bytes], filename: str, size: int, overlap: int) -> Passages:
        assert gate.wait(30)
        return real(file, filename, size, overlap)

    monkeypatch.setattr(ingestion, "extract_passages", extract)
    try:
        yield gate
    finally:
        gate.set()
