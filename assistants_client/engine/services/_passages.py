"""Passages of files in stores: put in, found by their words, read in order.

The only place that knows the full-text index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, insert, select, text

from assistants_client.engine.chunking import Chunk
from assistants_client.engine.search_words import in_stores, indexed, title_words
from assistants_client.engine.tables import passages

_INSERT: Final = text(
    "INSERT INTO passage_words (rowid, store, title, words) VALUES (:rowid, :store, :title, :words)"
)
#: The place of the store takes no part in the rank; a word of the title counts as two.
_RANKED: Final = text(
    "SELECT passages.seq, passages.store_file, bm25(passage_words, 0.0, 2.0, 1.0) AS rank "
    "FROM passage_words JOIN passages ON passages.seq = passage_words.rowid "
    "WHERE passage_words MATCH :wanted ORDER BY rank"
)
_HOLDING: Final = text("SELECT rowid FROM passage_words WHERE passage_words MATCH :wanted")


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
    numbers = []
    for chunk in chunks:
        values = {"store_file": store_file, "start": chunk.start, "text": chunk.text}
        number = connection.execute(
            insert(passages).values(values).returning(passages.c.seq)
        ).scalar_one()
        words = {
            "rowid": number,
            "store": str(store),
            "title": title_words(filename, chunk.headings),
            "words": indexed(chunk.text),
        }
        connection.execute(_INSERT, words)
        numbers.append(number)
    return numbers


def ranked(
    connection: Connection, stores: Sequence[int], words: Sequence[str]
) -> Iterator[tuple[int, int, float]]:
    """Passages of stores that hold one of the words at least, the best first.

    Answered are the passage's number, its file's in the store, and its rank: the lower, the better.
    """
    for row in connection.execute(_RANKED, {"wanted": in_stores(stores, words)}):
        yield row.seq, row.store_file, row.rank


def holding(connection: Connection, stores: Sequence[int], word: str) -> frozenset[int]:
    """The passages of stores that hold a word."""
    found = connection.execute(_HOLDING, {"wanted": in_stores(stores, [word])})
    return frozenset(found.scalars())


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
