"""The sizes of a database, and the advice that it gives."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest
from databases import VARIABLE
from engine_store import Store
from old_rows import DAY, answered, copied
from sqlalchemy import make_url

from assistants_client.engine.services.housekeeping import Ages, Housekeeping
from assistants_client.engine.storage import sizes
from assistants_client.engine.storage.sizes import KINDS, OTHER, Sizes, shown_bytes
from assistants_client.engine.storage.tables import metadata

on_a_server = pytest.mark.skipif(
    not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no PostgreSQL server"
)
on_sqlite = pytest.mark.skipif(
    bool(os.environ.get(VARIABLE)), reason=f"{VARIABLE} names a PostgreSQL server"
)


def measured(store: Store) -> Sizes:
    """The sizes now."""
    return Housekeeping(store.context).sizes()


def bytes_of(found: Sizes) -> dict[str, int]:
    """The bytes of kinds."""
    return {kind.kind: kind.bytes for kind in found.kinds}


def test_every_table_is_in_one_kind() -> None:
    """Save the version of the schema, which is among the others."""
    named = [table for tables in KINDS.values() for table in tables]
    assert len(named) == len(set(named))
    assert set(metadata.tables) - set(named) <= {
        "assistants_schema_version",
        "tenant_usage",
        "tokens",
    }
    assert set(named) - set(metadata.tables) == {"message_words", "passage_words"}


def test_kinds_have_rows_and_bytes(store: Store) -> None:
    """All bytes of the database are in one of them."""
    small = measured(store)
    copied(store.context.database, answered(store), 300)
    large = measured(store)
    rows = {kind.kind: kind.rows for kind in large.kinds}
    assert (rows["threads"], rows["messages"], rows["runs"], rows["run steps"]) == (
        301,
        602,
        301,
        301,
    )
    assert rows[OTHER] is None
    grown = {kind for kind, size in bytes_of(large).items() if size > bytes_of(small)[kind]}
    assert {"threads", "messages", "runs", "run steps"} <= grown
    assert "files" not in grown
    assert large.bytes > small.bytes
    if large.has_indexes:
        assert sum(bytes_of(large).values()) + large.free_bytes == pytest.approx(
            large.bytes, rel=0.1
        )


@on_sqlite
def test_without_page_statistics_columns_are_summed_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some builds of SQLite have none: then indexes are left out, which is said."""
    copied(store.context.database, answered(store), 100)
    whole = measured(store)
    monkeypatch.setattr(sizes, "_has_dbstat", lambda _: False)
    summed = measured(store)
    assert not summed.has_indexes
    assert (summed.bytes, summed.free_bytes) == (whole.bytes, whole.free_bytes)
    held = bytes_of(summed)
    assert 0.3 * bytes_of(whole)["messages"] < held["messages"] <= whole.bytes
    assert held["files"] == 0


@on_sqlite
def test_free_pages_pay_for_a_vacuum(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice can be done as it stands there, and says that it locks."""
    monkeypatch.setattr(sizes, "_FREE_BYTES", 1024)
    copied(store.context.database, answered(store), 300)
    assert measured(store).advice == []
    store.clock.move(100 * DAY)
    list(Housekeeping(store.context).prune(Ages(threads=DAY), apply=True))
    found = measured(store)
    assert found.free_bytes > 0.5 * found.bytes
    [advice] = found.advice
    path = make_url(store.context.database.shown_url).database or ""
    assert f"sqlite3 {path} VACUUM. That locks" in advice

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")
    smaller = measured(store)
    assert (smaller.free_bytes, smaller.advice) == (0, [])
    assert smaller.bytes < 0.5 * found.bytes


@on_a_server
def test_dead_rows_pay_for_a_vacuum(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables are named, and what locks."""
    monkeypatch.setattr(sizes, "_DEAD_ROWS", 200)
    copied(store.context.database, answered(store), 300)
    store.clock.move(100 * DAY)
    list(Housekeeping(store.context).prune(Ages(runs=DAY), apply=True))
    with store.context.database.begin() as connection:
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
    [advice] = measured(store).advice
    assert "VACUUM (ANALYZE) model_states, run_steps, runs; that locks nobody out" in advice
    assert "VACUUM (FULL, ANALYZE) model_states, run_steps, runs; gives the space back" in advice


def test_bytes_are_shown_in_their_unit() -> None:
    """As people write them."""
    given = [0, 1023, 1024, 1_500_000, 5 * 1024**3]
    assert [*map(shown_bytes, given)] == ["0 bytes", "1023 bytes", "1.0 KiB", "1.4 MiB", "5.0 GiB"]
