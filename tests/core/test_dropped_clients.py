"""Clients that a program does not keep: what it has of them goes on, and then all is closed."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest

from assistants_client import Client
from assistants_client.resources.threads import Threads


@pytest.mark.parametrize(
    "threads_of",
    [lambda: Client().threads, lambda: Client().with_options(timeout=5).threads],
    ids=["client", "copy"],
)
def test_a_resource_outlives_its_client(
    clean_environment: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    threads_of: Callable[[], Threads],
) -> None:
    """The engine of ``Client().threads.create()`` closes when the resource is gone, too."""
    monkeypatch.chdir(tmp_path)
    threads = threads_of()
    gc.collect()

    assert threads.create().id.startswith("thread_")
    assert len(list(tmp_path.iterdir())) > 1  # the database, and what it has while it is open

    del threads
    gc.collect()
    assert [found.name for found in tmp_path.iterdir()] == ["assistants.db"]
