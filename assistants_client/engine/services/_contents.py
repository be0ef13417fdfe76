"""The contents of files, in blocks within the database, and which files there are at a moment.

A file's row comes first and its last block makes it whole; what a dead process left half-written is
dropped when the next file is stored. No request is known here; of stores only that they hold files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, false, insert, or_, select, update

from assistants_client.engine.faults import Fault, of_another_kind
from assistants_client.engine.services._base import Context
from assistants_client.engine.storage.database import Database, add, load
from assistants_client.engine.storage.deleted_items import drop, store_places
from assistants_client.engine.storage.outages import retried
from assistants_client.engine.storage.tables import file_blocks, files, vector_store_files
from assistants_client.models.files import File

#: Bytes of one block.
BLOCK: Final = 1024 * 1024
#: Blocks that are written in one transaction, so that a large file blocks no other writer.
_BLOCKS_AT_ONCE: Final = 4
#: Files that are purged in one transaction, for the same reason.
_PURGED_AT_ONCE: Final = 20
#: Seconds after which a file that is still not whole was left behind.
_LEFT_BEHIND: Final = 60 * 60


def present(now: float) -> ColumnElement[bool]:
    """Finds the files that can be seen: whole, and not expired."""
    # In whole seconds, as the column has them: no index serves a comparison with fractions.
    unexpired = or_(files.c.expires_at.is_(None), files.c.expires_at > int(now))
    return and_(files.c.is_whole, unexpired)


def require_file(context: Context, connection: Connection, file_id: str) -> File:
    """Returns a file that the caller sees.

    Raises:
        Fault: There is no such file (any more).
    """
    found = load(connection, files, File, file_id, is_whole=True, **context.visible)
    now = context.clock()
    if found is None or (found.expires_at is not None and found.expires_at <= now):
        raise no_file(file_id)
    return found


def no_file(file_id: str) -> Fault:
    """Returns the refusal of a file's id in the path, which is named as ``param``."""
    gone = Fault(404, f"No file found with id '{file_id}'.", None, "id")
    return of_another_kind("file", file_id) or gone


def require_files(
    context: Context, connection: Connection, file_ids: Sequence[str], param: str
) -> None:
    """Refuses ids that no file has which the caller sees; notes the use of the others.

    Args:
        context: The context of the services.
        connection: The transaction, which writes.
        file_ids: The ids.
        param: The path of each in the body: a ``{}`` in it is the number of the id.

    Raises:
        Fault: One is unknown; it is named.
    """
    known: set[str] = set()
    wanted = list(dict.fromkeys(file_ids))
    seen = [files.c[name] == value for name, value in context.visible.items()]
    for start in range(0, len(wanted), 500):
        some = files.c.id.in_(wanted[start : start + 500])
        query = select(files.c.id).where(some, present(context.clock()), *seen)
        found = connection.execute(query).scalars().all()
        known.update(found)
        noted = update(files).where(files.c.id.in_(found)).values(used_at=context.now())
        connection.execute(noted)
    for number, file_id in enumerate(file_ids):
        if file_id not in known:
            where = param.format(number)
            message = f"No such File object: '{file_id:.80}'."
            gone = Fault(404, message, "file_not_found", where)
            raise of_another_kind("file", file_id, where) or gone


def purge(connection: Connection, now: float) -> None:
    """Deletes some of what has expired, and of what was left half-written."""
    left = and_(files.c.is_whole == false(), files.c.created_at <= int(now) - _LEFT_BEHIND)
    due = select(files.c.id).where(or_(files.c.expires_at <= int(now), left))
    drop_files(connection, files.c.id.in_(due.limit(_PURGED_AT_ONCE)))


def drop_files(connection: Connection, which: ColumnElement[bool]) -> int:
    """Deletes files, also out of every vector store, and returns their number."""
    in_stores = vector_store_files.c.id.in_(select(files.c.id).where(which))
    store_places(connection, vector_store_files, in_stores)
    return drop(connection, files, which)


def write_blocks(context: Context, made: File, source: BinaryIO, tenant: str | None) -> None:
    """Stores a tenant's file with its content, not whole yet; then comes :func:`make_whole`."""
    database = context.database
    with database.begin() as connection:
        purge(connection, context.clock())
        add(
            connection,
            files,
            made,
            purpose=made.purpose,
            expires_at=made.expires_at,
            is_whole=False,
            tenant=tenant,
        )
    number = 0
    while blocks := list(_blocks(source, _BLOCKS_AT_ONCE)):
        rows = [
            {"file_id": made.id, "number": number + place, "content": block}
            for place, block in enumerate(blocks)
        ]
        with database.begin() as connection:
            connection.execute(insert(file_blocks), rows)
        number += len(rows)


def _blocks(source: BinaryIO, count: int) -> Iterator[bytes]:
    for _ in range(count):
        block = source.read(BLOCK)
        if not block:
            return
        yield block


def make_whole(connection: Connection, file_id: str) -> None:
    """Makes a file visible."""
    connection.execute(update(files).where(files.c.id == file_id).values(is_whole=True))


@retried
def discard(database: Database, file_id: str) -> None:
    """Drops a file that did not become whole."""
    with database.begin() as connection:
        connection.execute(delete(files).where(files.c.id == file_id))


class FileContent:
    """A file's content, block by block; each is read when it is asked for.

    Attributes:
        file: The file.
    """

    def __init__(self, database: Database, file: File) -> None:
        self.file = file
        self._database = database

    def __iter__(self) -> Iterator[bytes]:
        """Yields the blocks.

        Raises:
            Fault: The file was deleted meanwhile.
        """
        left, number = self.file.bytes, 0
        while left > 0:
            block = self._block(number)
            yield block
            left -= len(block)
            number += 1

    @retried
    def _block(self, number: int) -> bytes:
        stored = file_blocks.c
        with self._database.read() as connection:
            block: bytes | None = connection.execute(
                select(stored.content).where(
                    stored.file_id == self.file.id, stored.number == number
                )
            ).scalar_one_or_none()
        if block is None:
            raise no_file(self.file.id)
        return block
