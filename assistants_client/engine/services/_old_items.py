"""Items that are old enough to be deleted, of each kind, with the rows that go with them.

They are read piece by piece, in the order of their tables, so that no transaction is long. Between
this and their deletion they may change: whoever deletes them checks them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set as AbstractSet
from typing import Any, Final

from attrs import evolve, frozen
from sqlalchemy import ColumnElement, Table, exists, func, literal, or_, select

from assistants_client.engine.services._references import references
from assistants_client.engine.storage.database import PATIENT, Database
from assistants_client.engine.storage.json_fields import number_field
from assistants_client.engine.storage.sizes import StoredBytes
from assistants_client.engine.storage.table_scans import scan
from assistants_client.engine.storage.tables import (
    answered_requests,
    files,
    interpreter_states,
    messages,
    model_states,
    passage_vectors,
    passages,
    run_steps,
    runs,
    threads,
    vector_store_files,
    vector_stores,
)
from assistants_client.models.runs import FINAL_STATUSES

#: Rows, and bytes in them, that are deleted in one transaction.
ROWS_AT_ONCE: Final = 100
BYTES_AT_ONCE: Final = 2 * 1024 * 1024
#: Items that are read in one transaction.
_PAGE: Final = 200

#: The time of a run's end; an expired run has none.
_ENDED: Final[ColumnElement[Any]] = func.coalesce(
    *(number_field(runs.c.body, name) for name in ("completed_at", "failed_at", "cancelled_at")),
    runs.c.created_at,
)
#: The time from which a file's age counts.
FILE_USED: Final[ColumnElement[Any]] = func.coalesce(files.c.used_at, files.c.created_at)


@frozen(kw_only=True)
class Item:
    """One thing that is old enough.

    Attributes:
        place: Where it is in the order of its table.
        id: Its id.
        within: The id of what it is in, such as a run's thread; empty where it is in nothing.
        at: The time from which its age counts, in Unix seconds.
        rows: Its rows, with those that go with it.
        bytes: What these hold.
    """

    place: Any
    id: str
    within: str = ""
    at: int
    rows: int = 1
    bytes: int

    @property
    def is_long(self) -> bool:
        """True where it is too much for one transaction."""
        return self.rows > ROWS_AT_ONCE or self.bytes > BYTES_AT_ONCE


def groups(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yields items in groups, each for one transaction; one that is too long is alone."""
    group: list[Item] = []
    rows = size = 0
    for item in items:
        if group and (rows + item.rows > ROWS_AT_ONCE or size + item.bytes > BYTES_AT_ONCE):
            yield group
            group, rows, size = [], 0, 0
        group.append(item)
        rows, size = rows + item.rows, size + item.bytes
    if group:
        yield group


def old_threads(database: Database, before: float, now: float) -> Iterator[Item]:
    """Yields the threads without any use since a time, and without a run that may go on."""
    own = threads.c
    used = (
        exists().where(messages.c.thread_id == own.id, messages.c.created_at > before),
        exists().where(
            runs.c.thread_id == own.id, or_(runs.c.created_at > before, before < _ENDED)
        ),
        # A run that is overdue will be ended by whoever asks for it next.
        exists().where(
            runs.c.active_thread_id == own.id,
            runs.c.status != "cancelling",
            func.coalesce(number_field(runs.c.body, "expires_at"), now + 1) > now,
        ),
    )
    query = _items(threads, own.created_at, own.body).where(
        own.created_at <= before, *(~one for one in used)
    )
    parts = (
        (messages.c.thread_id, messages.c.body, messages.c.created_at, messages),
        (runs.c.thread_id, runs.c.body, _ENDED, runs),
        (runs.c.thread_id, run_steps.c.body, None, runs.join(run_steps)),
        (model_states.c.thread_id, model_states.c.state, None, model_states),
        (interpreter_states.c.thread_id, interpreter_states.c.state, None, interpreter_states),
        (answered_requests.c.thread_id, answered_requests.c.answer, None, answered_requests),
    )
    for rows in scan(database, threads, query):
        yield from _with_parts(database, rows, parts)


def messages_of(database: Database, thread_id: str) -> Iterator[Item]:
    """Yields the messages of a thread, oldest first."""
    own = messages.c
    query = _items(messages, own.created_at, own.body).where(own.thread_id == thread_id)
    for rows in _pages(database, query, own.seq):
        yield from map(_item, rows)


def runs_of(database: Database, thread_id: str) -> Iterator[Item]:
    """Yields the runs of a thread with their steps, oldest first."""
    for rows in _pages(database, _RUNS.where(runs.c.thread_id == thread_id), runs.c.seq):
        yield from _with_parts(database, rows, _OF_RUNS)


def old_runs(database: Database, before: float) -> Iterator[Item]:
    """Yields the runs that ended before a time, with their steps."""
    own = runs.c
    has_ended = own.status.in_(FINAL_STATUSES) & own.active_thread_id.is_(None)
    query = _RUNS.where(own.created_at <= before, has_ended, before >= _ENDED)
    for rows in scan(database, runs, query):
        yield from _with_parts(database, rows, _OF_RUNS)


def old_requests(database: Database, before: float) -> Iterator[Item]:
    """Yields the responses that were stored by idempotency keys before a time."""
    own = answered_requests.c
    query = _query(own.key, own.key, own.created_at, _bytes(own.answer), own.thread_id)
    for rows in _pages(database, query.where(own.created_at <= before), own.key):
        yield from map(_item, rows)


def old_stores(database: Database, before: float) -> Iterator[Item]:
    """Yields the vector stores that expired before a time, with the passages that they search."""
    own, held = vector_stores.c, vector_store_files.c
    texts = vector_store_files.join(passages)
    parts = (
        (held.vector_store_id, held.body, None, vector_store_files),
        (held.vector_store_id, passages.c.text, None, texts),
        (held.vector_store_id, passage_vectors.c.vector, None, texts.join(passage_vectors)),
    )
    query = _items(vector_stores, own.expires_at, own.body).where(own.expires_at <= before)
    for rows in scan(database, vector_stores, query):
        yield from _with_parts(database, rows, parts)


def orphaned_files(database: Database, before: float, without: AbstractSet[str]) -> Iterator[Item]:
    """Yields the files that nothing refers to, and nothing has come to refer to since a time.

    Args:
        database: The database.
        before: The time.
        without: Ids of what is not counted among what refers to files, such as threads.
    """
    own = files.c
    size = number_field(own.body, "bytes").label("bytes")
    query = _query(own.seq, own.id, FILE_USED, size).where(own.is_whole, before >= FILE_USED)
    found = {row.id: _item(row) for rows in scan(database, files, query) for row in rows}
    if found:
        for owners, file_id in references(database, found):
            if without.isdisjoint(owners):
                found.pop(file_id, None)
    yield from found.values()


def _bytes(column: Any) -> ColumnElement[Any]:
    return func.coalesce(StoredBytes(column), 0)


def _items(table: Table, at: Any, body: Any, within: Any = None) -> Any:
    return _query(table.c.seq, table.c.id, at, _bytes(body), within)


def _query(place: Any, id_: Any, at: Any, size: Any, within: Any = None) -> Any:
    """Returns a query for what an item is made of."""
    return select(
        place.label("place"),
        id_.label("id"),
        (literal("") if within is None else func.coalesce(within, "")).label("within"),
        at.label("at"),
        size.label("bytes"),
    )


def _item(row: Any) -> Item:
    place, id_, within, at, size = row
    return Item(place=place, id=id_, within=within, at=int(at), bytes=int(size))


_RUNS: Final = _items(runs, _ENDED, runs.c.body, runs.c.thread_id)
#: What goes with runs, as :func:`_with_parts` takes it.
_OF_RUNS: Final = (
    (run_steps.c.run_id, run_steps.c.body, None, run_steps),
    (run_steps.c.run_id, model_states.c.state, None, run_steps.join(model_states)),
)


def _pages(database: Database, query: Any, order: ColumnElement[Any]) -> Iterator[Sequence[Any]]:
    """Yields the rows that a query finds along an index, page by page."""
    after: list[ColumnElement[bool]] = []
    while True:
        some = query.where(*after).order_by(order).limit(_PAGE)
        with database.read(patience=PATIENT) as connection:
            rows = connection.execute(some).all()
        if not rows:
            return
        yield rows
        after = [order > rows[-1].place]


def _with_parts(
    database: Database, rows: Iterable[Any], parts: Iterable[Sequence[Any]]
) -> list[Item]:
    """Returns items with the rows that go with them.

    Args:
        database: The database.
        rows: The rows of the items.
        parts: Of each kind of rows the column of the item's id, the column that holds most, that of
            a time which counts for the item's age, if any, and where they are.
    """
    found = {row.id: _item(row) for row in rows}
    with database.read(patience=PATIENT) as connection:
        for parent, value, at, source in parts:
            latest = func.max(0 if at is None else at)
            query = (
                select(parent, func.count(), func.sum(StoredBytes(value)), latest)
                .select_from(source)
                .where(parent.in_(list(found)))
                .group_by(parent)
            )
            for id_, count, size, time in connection.execute(query):
                item = found[id_]
                found[id_] = evolve(
                    item,
                    at=max(item.at, int(time or 0)),
                    rows=item.rows + count,
                    bytes=item.bytes + int(size or 0),
                )
    return list(found.values())
