"""Fixtures of the engine's tests: a clock, a database, and the services on both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import fresh
from engine_store import Clock, Store

from assistants_client.engine.services._base import Context
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.leases import Leases


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A database in a file, not opened yet."""
    opened = Database(fresh(f"sqlite:///{tmp_path / 'test.db'}"))
    yield opened
    opened.close()


@pytest.fixture
def store(database: Database, clock: Clock) -> Store:
    """Services on that database and that clock, which tells them how long anything takes, too."""
    return Store(Context(database=database, clock=clock, leases=Leases(clock)), clock)
