"""Passages of files in stores: put in, and read in order."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select

from assistants_client.engine.search.document_reader.chunking import Chunk
from assistants_client.engine.search.text_ranking import title_words
from assistants_client.engine.services._words import word_index
from assistants_client.engine.storage.tables import passages


def put_passages(
    connection: Connection, store: int, store_file: int, filename: str, chunks: Iterable[Chunk]
) -> list[int]:
    """Stores a file's passages.

    Args:
        connection: The transaction.
        store: The number of the store.
        store_file: The number of the file in it.
        filename: Its name: its words count as a title's.
        chunks: The passages.

    Returns:
        The passages' numbers.
    """
    index, numbers = word_index(connection), []
    for chunk in chunks:
        values = {"store_file": store_file, "start": chunk.start, "text": chunk.text}
        number = connection.execute(
            insert(passages).values(values).returning(passages.c.seq)
        ).scalar_one()
        title = title_words(filename, chunk.headings)
        index.put(connection, number, store, title, chunk.text)
        numbers.append(number)
    return numbers


def text_of(connection: Connection, store_file: int) -> list[str]:
    """The text of a file in pieces, each character of it once."""
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
