"""References to files: whatever is stored that names one. What nothing names is orphaned.

All tables that may name files are read from their beginning to their end. What is made meanwhile is
noted with the file (``used_at``), so that whoever deletes orphaned ones can see it. A run that has
ended refers to nothing any more; its steps and messages may.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Table, Text, cast, select

from assistants_client.engine.storage.database import PATIENT, Database
from assistants_client.engine.storage.table_scans import scan
from assistants_client.engine.storage.tables import (
    assistants,
    interpreter_files,
    messages,
    run_steps,
    runs,
    threads,
    vector_store_files,
)

_PREFIX: Final = "file-"
#: A string of JSON that is the id of a file.
_ID: Final = re.compile(rf'"({_PREFIX}[^"\\]+)"')

#: The tables whose objects name files, each with what its rows depend on: they are read with it.
_NAMING: Final[Sequence[tuple[Table, Any]]] = tuple(
    (table, owned.add_columns(cast(table.c.body, Text).label("text")))
    for table, owned in (
        (assistants, select(assistants.c.id)),
        (threads, select(threads.c.id)),
        (messages, select(messages.c.thread_id)),
        (runs, select(runs.c.thread_id).where(runs.c.active_thread_id.is_not(None))),
        (
            run_steps,
            select(run_steps.c.run_id, runs.c.thread_id).join(
                runs, runs.c.id == run_steps.c.run_id
            ),
        ),
    )
)


def references(database: Database) -> Iterator[tuple[set[str], str]]:
    """Yields the files that are referred to.

    Yields:
        The ids of what the reference is a part of, or is in, such as the thread of a message: it is
        gone with any of them. Then the file's id.
    """
    for table, query in _NAMING:
        text = query.selected_columns["text"]
        for rows in scan(database, table, query.where(text.contains(_PREFIX))):
            for row in rows:
                for file_id in _ID.findall(row.text):
                    yield set(row[:-1]), file_id
    held = vector_store_files.c
    for rows in scan(database, vector_store_files, select(held.vector_store_id, held.id)):
        for row in rows:
            yield {row.vector_store_id}, row.id
    with database.read(patience=PATIENT) as connection:
        written = connection.execute(
            select(interpreter_files.c.thread_id, interpreter_files.c.file_id)
        ).all()
    for row in written:
        yield {row.thread_id}, row.file_id
