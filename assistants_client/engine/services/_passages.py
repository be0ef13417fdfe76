"""Passages of files in stores: put in, read in order, and deleted piece by piece.

A file's passages are shown once it is ``completed``, and no more when it is anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, select

from assistants_client._json.codec import decode
from assistants_client.engine.search.document_reader.chunking import Chunk
from assistants_client.engine.search.text_ranking import title_words
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._stores import STATUSES, end_file
from assistants_client.engine.services._write import delete_first, in_pieces
from assistants_client.engine.storage.deleted_items import drop
from assistants_client.engine.storage.outages import retried
from assistants_client.engine.storage.passage_words import put_words
from assistants_client.engine.storage.tables import passages, vector_store_files
from assistants_client.models.vector_stores import VectorStoreFile

#: Passages that are put in, or deleted, in one transaction; and of long ones about how many
#: characters are put in.
_AT_ONCE: Final = 200
_TEXT_AT_ONCE: Final = 256 * 1024

#: The statuses of files whose passages, if there are any, are not shown.
_HIDDEN: Final = tuple(status for status in STATUSES if status != "completed")


def in_slices(chunks: Sequence[Chunk]) -> Iterator[slice]:
    """Yields parts of a file's passages, each for one transaction; one part at least."""
    first = size = 0
    for place, chunk in enumerate(chunks):
        if place - first == _AT_ONCE or (size and size + len(chunk.text) > _TEXT_AT_ONCE):
            yield slice(first, place)
            first, size = place, 0
        size += len(chunk.text)
    yield slice(first, len(chunks))


def put_passages(
    connection: Connection, store: int, store_file: int, filename: str, chunks: Sequence[Chunk]
) -> Sequence[int]:
    """Stores some of a file's passages, after those that it has.

    Args:
        connection: The transaction.
        store: The number of the store.
        store_file: The number of the file in it.
        filename: The file's name: its words count as a title's.
        chunks: The passages.

    Returns:
        The passages' numbers.
    """
    if not chunks:
        return []
    newest = connection.execute(select(func.max(passages.c.seq))).scalar_one() or 0
    connection.execute(
        insert(passages),
        [{"store_file": store_file, "start": one.start, "text": one.text} for one in chunks],
    )
    # Nobody else can have put in any.
    made = select(passages.c.seq).where(passages.c.seq > newest).order_by(passages.c.seq)
    numbers = connection.execute(made).scalars().all()
    put_words(
        connection,
        [
            (number, store, title_words(filename, one.headings), one.text)
            for number, one in zip(numbers, chunks, strict=True)
        ],
    )
    return numbers


def text_of(connection: Connection, store_file: int) -> list[str]:
    """Returns the text of a file in pieces, each character of it once."""
    rows = connection.execute(
        select(passages.c.start, passages.c.text)
        .where(passages.c.store_file == store_file)
        .order_by(passages.c.seq)
    ).all()
    ends = [row.start for row in rows[1:]] + [None]
    return [
        row.text if end is None else row.text[: end - row.start]
        for row, end in zip(rows, ends, strict=True)
    ]


def holding_hidden(connection: Connection, which: ColumnElement[bool]) -> list[int]:
    """Returns the files of stores that have passages which are not shown.

    Args:
        connection: The transaction.
        which: The condition on the files, by columns of ``vector_store_files``.
    """
    held = vector_store_files.c
    has_some = exists().where(passages.c.store_file == held.seq)
    found = select(held.seq).where(which, held.status.in_(_HIDDEN), has_some)
    return list(connection.execute(found).scalars())


def clear(
    context: Context, store_file: int, is_due: Callable[[Connection], bool] = lambda _: True
) -> None:
    """Deletes the hidden passages of a file that stays, as long as that is to be done."""

    @retried
    def piece() -> bool | None:
        with context.database.begin() as connection:
            if is_due(connection) and clear_first(connection, store_file):
                return None
        return True

    in_pieces(context, piece)


def clear_first(connection: Connection, store_file: int) -> bool:
    """Deletes the oldest of the passages of a file that stays; returns whether there are more."""
    here = passages.c.store_file == store_file
    if delete_first(connection, passages, here, _AT_ONCE):
        return True
    connection.execute(delete(passages).where(here))
    return False


def drop_first(connection: Connection, which: ColumnElement[bool]) -> bool:
    """Deletes the oldest of files that are to leave their stores, where these have many passages.

    A file that has lost some of its passages has the status ``cancelled``, so that it is not taken
    for whole should the rest stay.

    Args:
        connection: The transaction.
        which: The files, by columns of ``vector_store_files``.

    Returns:
        Whether they had many; if not, nothing is deleted.
    """
    held = vector_store_files.c
    some = (
        select(held.seq.label("file"), held.status, held.body, passages.c.seq.label("passage"))
        .outerjoin(passages, passages.c.store_file == held.seq)
        .where(which)
        .order_by(held.seq, passages.c.seq)
    )
    rest = connection.execute(some.offset(_AT_ONCE).limit(1)).first()
    if rest is None:
        return False
    drop(connection, vector_store_files, which, held.seq < rest.file)
    if rest.passage is not None:
        begun = passages.c.store_file == rest.file, passages.c.seq < rest.passage
        connection.execute(delete(passages).where(*begun))
        if rest.status not in _HIDDEN or rest.status == "in_progress":
            made = decode(VectorStoreFile, rest.body)
            made.status, made.usage_bytes = "cancelled", 0
            end_file(connection, rest.file, made)
    return True
