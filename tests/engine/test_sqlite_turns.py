"""How a process waits for its turn to write an SQLite database."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistants_client.engine.services import _write
from assistants_client.engine.storage.sqlite_turns import try_begin


@pytest.fixture
def both(tmp_path: Path) -> Iterator[list[sqlite3.Connection]]:
    """Two connections to one database: the first one writes."""
    path = tmp_path / "test.db"
    opened = [sqlite3.connect(path, timeout=0, isolation_level=None) for _ in range(2)]
    opened[0].execute("BEGIN IMMEDIATE")
    yield opened
    for connection in opened:
        connection.close()


def test_a_turn_is_taken_in_the_first_pause(
    both: list[sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it was waited for, no pause between two pieces is missed."""
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 100:
            both[0].execute("COMMIT")

    monkeypatch.setattr(time, "sleep", sleep)
    assert try_begin(both[1].cursor(), time.monotonic() + 30)
    assert both[1].in_transaction
    assert len(looks) == 100
    assert max(looks) < _write.PAUSE


def test_a_turn_is_waited_for_so_long(both: list[sqlite3.Connection]) -> None:
    """Then nothing has begun."""
    assert not try_begin(both[1].cursor(), time.monotonic() + 0.05)
    assert not both[1].in_transaction


def test_what_cannot_be_written_is_not_waited_for(
    both: list[sqlite3.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next try has the reason."""
    monkeypatch.setattr(time, "sleep", pytest.fail)
    both[0].execute("COMMIT")
    both[1].execute("BEGIN")
    assert not try_begin(both[1].cursor(), time.monotonic() + 30)
