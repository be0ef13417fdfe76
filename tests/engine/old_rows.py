"""Databases that have grown old, for housekeeping: finished runs by the thousand, and whole dumps.

It imports no part of pytest: programs that tests start use it as well.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine_store import Store, committing, content_of
from sqlalchemy import JSON, Text, cast, insert, select

from assistants_client.engine.language_models.base import State
from assistants_client.engine.services.files import Files, Upload
from assistants_client.engine.services.housekeeping import Ages, Housekeeping, Tally
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.tables import (
    messages,
    metadata,
    model_states,
    run_steps,
    runs,
    threads,
)
from assistants_client.models.runs import Run

DAY = 24 * 60 * 60


def answered(store: Store, thread_id: str | None = None) -> Run:
    """A run that has ended: a step, a message that it wrote, and what a server attached to it."""
    execution = Execution(store.context)
    work = execution.claim(store.new_run(thread_id).id)
    assert work is not None
    step, message = execution.begin_message(work.run)
    state = State(origin="server", turn={"signature": "x" * 100}, calls={})
    execution.complete_message(work.run, step, message, content_of("It is 42. " * 20), state=state)
    return execution.finish(work.run, "completed")


def copied(database: Database, run: Run, count: int) -> list[tuple[str, str]]:
    """Copies a run with its thread, each copy a second younger than the one before.

    Returns:
        The ids of the threads and of their runs.
    """
    with database.begin() as connection:
        of_thread = {
            threads: threads.c.id == run.thread_id,
            messages: messages.c.thread_id == run.thread_id,
            runs: runs.c.id == run.id,
            run_steps: run_steps.c.run_id == run.id,
            model_states: model_states.c.thread_id == run.thread_id,
        }
        for table, which in of_thread.items():
            rows = connection.execute(select(table).where(which)).mappings().all()
            made = [
                _copy({name: row[name] for name in row if name != "seq"}, number)
                for number in range(count)
                for row in rows
            ]
            connection.execute(insert(table), made)
    return [(_renamed(run.thread_id, n), _renamed(run.id, n)) for n in range(count)]


def _renamed(id_: str, number: int) -> str:
    return f"{id_[:-6]}{number:06d}"


def _copy(row: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A row with the ids of another run, so many seconds younger."""

    def renamed(value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {key: renamed(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [renamed(one, name) for one in value]
        if isinstance(value, str) and value.startswith(("thread_", "msg_", "run_", "step_")):
            return _renamed(value, number)
        return value + number if name.endswith("_at") and isinstance(value, int) else value

    return {name: renamed(value, name) for name, value in row.items()}


def prune(store: Store, *, apply: bool = True, **ages: int) -> dict[str, Tally]:
    """What came of each kind."""
    done = Housekeeping(store.context).prune(Ages(**ages), apply=apply)
    return {tally.kind: tally for tally in done}


def counts(done: dict[str, Tally]) -> dict[str, int]:
    """How many of each kind."""
    return {kind: tally.count for kind, tally in done.items()}


def upload(store: Store, size: int = 10) -> str:
    """The id of a new file."""
    made = Upload(source=io.BytesIO(b"x" * size), size=size, filename="x.txt", purpose="assistants")
    return str(committing(Files, store.context).create(made).id)


def dump(database: Database) -> dict[str, set[str]]:
    """All rows of all tables, each as one text, in which JSON is as it is stored."""
    found = {}
    with database.read() as connection:
        for table in metadata.sorted_tables:
            columns = [
                cast(one, Text) if isinstance(one.type, JSON) else one for one in table.columns
            ]
            rows = connection.execute(select(*columns)).all()
            found[table.name] = {json.dumps([*row], default=bytes.hex) for row in rows}
        words = "passage_words"
        key = "rowid" if connection.dialect.name == "sqlite" else "passage"
        rows = connection.exec_driver_sql(f"SELECT {key}, CAST(words AS TEXT) FROM {words}").all()
        found[words] = {json.dumps([*row]) for row in rows}
    return found


def changes(
    before: Mapping[str, set[str]], after: Mapping[str, set[str]]
) -> tuple[dict[str, int], dict[str, Sequence[str]]]:
    """How many rows are gone, by table, and which are new or have changed."""
    gone = {name: len(before[name] - after[name]) for name in before}
    new = {name: sorted(after[name] - before[name]) for name in before}
    return (
        {name: count for name, count in gone.items() if count},
        {name: rows for name, rows in new.items() if rows},
    )
