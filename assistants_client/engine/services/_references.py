"""References to files: whatever is stored that names one. What nothing names is orphaned.

All tables that may name files are read from their beginning to their end. What is made meanwhile is
noted with the file (``used_at``), so that whoever deletes orphaned ones can see it. A run that has
ended refers to nothing any more; its steps and messages may.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
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
#: A string of JSON that is the id of a file, of this engine's own.
_ID: Final = re.compile(rf'"({_PREFIX}[^"\\]+)"')
#: Any string of JSON.
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')

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


def references(database: Database, wanted: Iterable[str] = ()) -> Iterator[tuple[set[str], str]]:
    """Yields the files that are referred to.

    Args:
        database: The database.
        wanted: The ids of files that are asked for. Those that were imported may have any form;
            all that is stored is then read, and not only what has an id of the engine's own form.

    Yields:
        The ids of what the reference is a part of, or is in, such as the thread of a message: it is
        gone with any of them. Then the file's id.
    """
    # As they stand in JSON, without their quotes.
    foreign = {json.dumps(one)[1:-1]: one for one in wanted if not one.startswith(_PREFIX)}
    for table, query in _NAMING:
        text = query.selected_columns["text"]
        some = query if foreign else query.where(text.contains(_PREFIX))
        for rows in scan(database, table, some):
            for row in rows:
                for file_id in _ID.findall(row.text):
                    yield set(row[:-1]), file_id
                for string in _STRING.findall(row.text) if foreign else ():
                    if string in foreign:
                        yield set(row[:-1]), foreign[string]
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
