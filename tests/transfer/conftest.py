"""Fixtures of the tests of exports and imports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from databases import fresh

from assistants_client.transfer import ImportSummary, import_files
from assistants_client.transfer.found import Found
from assistants_client.transfer.importing import importer


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An empty database."""
    return fresh(f"sqlite:///{tmp_path / 'engine.db'}")


@pytest.fixture
def imported(url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ImportSummary]:
    """Imports objects into that database, as if a reader had found them."""

    def call(found: Iterable[Found], **options: Any) -> ImportSummary:
        listed = list(found)
        monkeypatch.setattr(importer, "read", lambda *_: iter(listed))
        return import_files(["source.json"], url, **options)

    return call
