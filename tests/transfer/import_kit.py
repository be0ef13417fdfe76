"""What tests of the import share: objects as readers find them, and databases read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistants_client.engine import Engine, Scripted
from assistants_client.transfer.archive import read_archive
from assistants_client.transfer.found import Direction, Found, Kind
from assistants_client.transfer.importing import importer
from assistants_client.transfer.importing.importer import import_files
from assistants_client.transfer.importing.summary import ImportSummary
from assistants_client.transfer.losses import Place

#: The kinds of objects, by what they call themselves.
KINDS: dict[str, Kind] = {
    "assistant": "assistant",
    "thread": "thread",
    "thread.message": "message",
    "thread.run": "run",
    "thread.run.step": "step",
    "file": "file",
    "vector_store": "vector_store",
    "vector_store.file": "vector_store_file",
}


def message(
    thread: str,
    name: str | None,
    at: object,
    role: str = "user",
    text: str = "Hello",
    *,
    direction: Direction = "unknown",
    file: str = "source.json",
    is_cut: bool = False,
    **more: Any,
) -> Found:
    """A message, as a reader finds it."""
    content = [{"type": "text", "text": {"value": text, "annotations": []}}]
    document = {"created_at": at, "role": role, "content": content, **more}
    if name is not None:
        document["id"] = name
    place = Place(file, 1)
    return Found("message", document, place, thread, direction=direction, is_cut=is_cut)


def thing(kind: Kind, document: dict[str, Any], thread: str | None = None) -> Found:
    """Any other object."""
    run = document.get("run_id") if kind == "step" else None
    return Found(kind, document, Place("source.json", 1), thread, run)


def archived(path: Path) -> Iterator[Found]:
    """The objects of an archive."""
    for line, document in enumerate(read_archive(path), 2):
        kind = KINDS[document["object"]]
        thread = document["id"] if kind == "thread" else document.get("thread_id")
        run = document.get("run_id") if kind == "step" else None
        yield Found(kind, document, Place(str(path), line), thread, run, "oldest_first")


Import = Callable[..., ImportSummary]


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> Import:
    """Imports objects into a database, by ``imported(objects, url, **options)``."""

    def call(found: Iterable[Found], url: str, **options: Any) -> ImportSummary:
        listed = list(found)
        monkeypatch.setattr(importer, "read", lambda *_: iter(listed))
        return import_files(["source.json"], url, **options)

    return call


def opened(url: str, *answers: str) -> Engine:
    """An engine on a database, with a model that gives these answers."""
    return Engine(url, Scripted(list(answers)))
