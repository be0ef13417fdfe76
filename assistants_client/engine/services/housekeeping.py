"""Housekeeping: what is older than it is to be kept is counted, or deleted.

It is done beside engines that serve: what is deleted is deleted as a request would do it, in pieces
for which other writers wait but moments, and is checked again where nothing can change any more. So
it may be interrupted, or killed, at any time; what is left is found the next time.

Nothing here decides for how long anything is kept. Events have no age: they are never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from attrs import define, field, fields_dict, frozen
from sqlalchemy import ColumnElement, Connection, Table, delete, exists, func, select, update

from assistants_client.engine.services import _old_items as old
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._contents import BLOCK, drop_files
from assistants_client.engine.services._old_items import Item
from assistants_client.engine.services._passages import drop_first
from assistants_client.engine.services._write import PAUSE, in_pieces
from assistants_client.engine.storage.database import PATIENT
from assistants_client.engine.storage.deleted_items import drop, store_places
from assistants_client.engine.storage.sizes import Sizes, measure
from assistants_client.engine.storage.tables import (
    answered_requests,
    file_blocks,
    files,
    interpreter_files,
    messages,
    runs,
    threads,
    vector_store_files,
    vector_stores,
)

#: Finds what is older than a time; deletes some of it, and returns what is gone.
_Find: TypeAlias = Callable[[float], Iterator[Item]]
_Delete: TypeAlias = Callable[[Sequence[Item], float], Collection[Item]]


@frozen(kw_only=True)
class Ages:
    """For how many seconds each kind is kept; ``None`` keeps it for ever.

    Attributes:
        threads: Since their last message, or the end of their last run.
        runs: Since they ended; their steps go with them, and their messages stay.
        requests: Responses to requests that have an idempotency key, since they were made.
        stores: Vector stores, since they expired.
        files: Files that nothing refers to, since they were uploaded or used last.
    """

    threads: int | None = None
    runs: int | None = None
    requests: int | None = None
    stores: int | None = None
    files: int | None = None


@define(kw_only=True)
class Tally:
    """The count of what was deleted of a kind, or would be.

    Attributes:
        kind: The name of its age in :class:`Ages`.
        age: That age.
        count: The number of items.
        bytes: What their rows hold, without indexes.
        oldest: The time from which the age of the oldest counts, in Unix seconds.
        newest: That of the newest.
    """

    kind: str
    age: int
    count: int = 0
    bytes: int = 0
    oldest: int | None = None
    newest: int | None = None

    def add(self, item: Item) -> None:
        """Counts one more."""
        self.count += 1
        self.bytes += item.bytes
        self.oldest = item.at if self.oldest is None else min(self.oldest, item.at)
        self.newest = item.at if self.newest is None else max(self.newest, item.at)


@define
class Housekeeping:
    """Measures the database of a context, and deletes what is old in it."""

    _context: Context
    #: The ids of what a dry run has counted. What is in them goes with them, and counts once.
    _counted: set[str] = field(factory=set, init=False)

    def sizes(self) -> Sizes:
        """Returns the sizes of the database; it may read all of it."""
        with self._context.database.read(patience=PATIENT) as connection:
            return measure(connection)

    def prune(self, ages: Ages, *, apply: bool) -> Iterator[Tally]:
        """Deletes what is older than its age, or counts it.

        Args:
            ages: The ages.
            apply: Whether it is deleted; else nothing is changed.

        Yields:
            What was done of a kind so far: at its beginning, and after each piece.

        Raises:
            Fault: 503: the database cannot be used for the moment.
        """
        self._counted = set()
        for kind, (find, delete_all) in self._kinds().items():
            age: int | None = getattr(ages, kind)
            if age is None:
                continue
            tally, before = Tally(kind=kind, age=age), self._context.clock() - age
            yield tally
            for group in old.groups(self._uncounted(find(before))):
                for item in delete_all(group, before) if apply else group:
                    tally.add(item)
                if apply:
                    self._context.pause(PAUSE)
                elif kind == "threads" or ages.files is not None:
                    self._counted.update(item.id for item in group)
                yield tally

    def _kinds(self) -> Mapping[str, tuple[_Find, _Delete]]:
        """Returns how each kind is done, in this order: files may have been those of threads."""
        context, database = self._context, self._context.database
        kinds: dict[str, tuple[_Find, _Delete]] = {
            "threads": (
                lambda before: old.old_threads(database, before, context.clock()),
                self._delete_threads,
            ),
            "runs": (lambda before: old.old_runs(database, before), self._delete_runs),
            "requests": (lambda before: old.old_requests(database, before), self._delete_requests),
            "stores": (lambda before: old.old_stores(database, before), self._delete_stores),
            "files": (
                lambda before: old.orphaned_files(database, before, self._counted),
                self._delete_files,
            ),
        }
        return {kind: kinds[kind] for kind in fields_dict(Ages)}

    def _uncounted(self, items: Iterator[Item]) -> Iterator[Item]:
        return (item for item in items if item.within not in self._counted)

    def _delete_threads(self, group: Sequence[Item], before: float) -> list[Item]:
        """Deletes threads that are still old, and have no active run."""
        if group[0].is_long:
            self._empty(group[0].id, before)
        with self._context.begin(patience=PATIENT) as connection:
            unused = self._unused(connection, [item.id for item in group], before)
            drop(connection, threads, threads.c.id.in_(unused))
        return [item for item in group if item.id in unused]

    def _empty(self, thread_id: str, before: float) -> None:
        """Deletes what is in a long thread, the oldest first, for as long as nobody uses it."""
        for table, find in ((messages, old.messages_of), (runs, old.runs_of)):
            for group in old.groups(find(self._context.database, thread_id)):
                with self._context.begin(patience=PATIENT) as connection:
                    if not self._unused(connection, [thread_id], before):
                        return
                    places = [item.place for item in group]
                    connection.execute(delete(table).where(table.c.seq.in_(places)))
                self._context.pause(PAUSE)

    def _unused(self, connection: Connection, ids: Sequence[str], before: float) -> list[str]:
        """Returns the threads that are still to be deleted, of those that were just now.

        What came since is the newest of a list, so that the rest need not be read again.
        """
        own = threads.c
        still = [func.coalesce(_newest(table), 0) <= before for table in (messages, runs)]
        unused = list(connection.execute(select(own.id).where(own.id.in_(ids), *still)).scalars())
        active = select(runs.c.active_thread_id).where(runs.c.active_thread_id.in_(unused))
        for thread_id in connection.execute(active).scalars().all():
            # One that is overdue is ended here, as it is by every request.
            if self._context.active_run(connection, thread_id) is not None:
                unused.remove(thread_id)
        return unused

    def _delete_runs(self, group: Sequence[Item], _: float) -> Sequence[Item]:
        """Deletes runs that have ended, with their steps: nothing changes these any more."""
        with self._context.begin(patience=PATIENT) as connection:
            drop(connection, runs, runs.c.seq.in_([item.place for item in group]))
        return group

    def _delete_requests(self, group: Sequence[Item], before: float) -> Sequence[Item]:
        own = answered_requests.c
        some = own.key.in_([item.id for item in group])
        with self._context.begin(patience=PATIENT) as connection:
            connection.execute(delete(answered_requests).where(some, own.created_at <= before))
        return group

    def _delete_stores(self, group: Sequence[Item], before: float) -> list[Item]:
        """Deletes stores one by one; what has expired can be used for nothing any more."""
        return [
            item
            for item in group
            if in_pieces(self._context, partial(self._delete_store, item.id, before))
        ]

    def _delete_store(self, store_id: str, before: float) -> bool | None:
        """Deletes a store, or some of the passages of a large one; returns whether it was there."""
        own = vector_stores.c
        expired = (own.id == store_id) & (own.expires_at <= before)
        with self._context.begin(patience=PATIENT) as connection:
            if not connection.execute(select(exists().where(expired))).scalar_one():
                return False
            if drop_first(connection, vector_store_files.c.vector_store_id == store_id):
                return None
            return bool(drop(connection, vector_stores, expired))

    def _delete_files(self, group: Sequence[Item], before: float) -> list[Item]:
        """Deletes files that nothing has come to refer to meanwhile."""
        own = files.c
        is_large = group[0].is_long
        unused = (
            own.is_whole,
            before >= old.FILE_USED,
            ~exists().where(vector_store_files.c.id == own.id),
            ~exists().where(interpreter_files.c.file_id == own.id),
        )
        some = own.id.in_([item.id for item in group])
        with self._context.begin(patience=PATIENT) as connection:
            ids = list(connection.execute(select(own.id).where(some, *unused)).scalars())
            if is_large:
                # From here on it is seen no more; what is left of it is purged in any case.
                store_places(connection, files, own.id.in_(ids))
                connection.execute(update(files).where(own.id.in_(ids)).values(is_whole=False))
            else:
                drop_files(connection, own.id.in_(ids))
        gone = [item for item in group if item.id in ids]
        if is_large and gone:
            self._delete_blocks(gone[0])
        return gone

    def _delete_blocks(self, item: Item) -> None:
        """Deletes a large file that is seen no more, block by block."""
        at_once, held = old.BYTES_AT_ONCE // BLOCK, file_blocks.c
        for end in range(at_once, item.bytes // BLOCK + 1, at_once):
            self._context.pause(PAUSE)
            with self._context.begin(patience=PATIENT) as connection:
                some = (held.file_id == item.id) & (held.number < end)
                connection.execute(delete(file_blocks).where(some))
        with self._context.begin(patience=PATIENT) as connection:
            connection.execute(delete(files).where(files.c.id == item.id))


def _newest(table: Table) -> ColumnElement[int]:
    """Returns when the newest of a thread's messages or runs was made."""
    here = select(table.c.created_at).where(table.c.thread_id == threads.c.id)
    return here.order_by(table.c.seq.desc()).limit(1).scalar_subquery()
