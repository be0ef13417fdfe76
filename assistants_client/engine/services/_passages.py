"""Passages of files in stores: put in, searched, read in order. The only place that knows FTS5."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, func, insert, select, text

from assistants_client.engine.chunking import Chunk
from assistants_client.engine.faults import Fault
from assistants_client.engine.filters import Filter
from assistants_client.engine.search_words import (
    Hit,
    in_stores,
    indexed,
    scores,
    terms,
    title_words,
)
from assistants_client.engine.tables import files, passages, vector_store_files, vector_stores

#: Passages whose scores are worked out, for each one that is wanted, and at least.
_CANDIDATES: Final = 5
_FEWEST_CANDIDATES: Final = 100

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
) -> int:
    """Stores a file's passages.

    Args:
        connection: The transaction.
        store: The number of the store.
        store_file: The number of the file in it.
        filename: Its name: its words count as a title's.
        chunks: The passages.

    Returns:
        How many bytes of text they are.
    """
    _require_index(connection)
    size = 0
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
        size += len(chunk.text.encode("utf-8", "replace"))
    return size


def search(
    connection: Connection,
    store_ids: Sequence[str],
    query: str,
    *,
    limit: int,
    threshold: float = 0.0,
    wanted: Filter | None = None,
) -> list[Hit]:
    """Finds passages, best first.

    Args:
        connection: The transaction.
        store_ids: The stores.
        query: Words; one of them at least is in every passage that is found.
        limit: How many passages, at most.
        threshold: Their lowest score.
        wanted: Asked about the attributes of a file.
    """
    _require_index(connection)
    stores = connection.execute(
        select(vector_stores.c.seq).where(vector_stores.c.id.in_(store_ids))
    ).scalars()
    numbers, words = list(stores), terms(query)
    if not numbers or not words:
        return []
    allowed = None if wanted is None else _allowed(connection, store_ids, wanted)
    most = max(_CANDIDATES * limit, _FEWEST_CANDIDATES)
    ranks: dict[int, float] = {}
    for row in connection.execute(_RANKED, {"wanted": in_stores(numbers, words)}):
        if allowed is None or row.store_file in allowed:
            ranks[row.seq] = row.rank
            if len(ranks) == most:
                break
    holding = [
        frozenset(connection.execute(_HOLDING, {"wanted": in_stores(numbers, [word])}).scalars())
        for word in words
    ]
    scored = scores(ranks, holding, _count(connection, store_ids))
    best = sorted(scored, key=lambda seq: (-scored[seq], seq))[: limit * len(numbers)]
    chosen = {seq: scored[seq] for seq in best if scored[seq] >= threshold}
    # A file may be in several of the stores; what it says is said once.
    found: dict[tuple[str, str], Hit] = {}
    for hit in _hits(connection, chosen):
        found.setdefault((hit.file_id, hit.text), hit)
    return list(found.values())[:limit]


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


def _allowed(connection: Connection, store_ids: Sequence[str], wanted: Filter) -> frozenset[int]:
    held = vector_store_files.c
    rows = connection.execute(
        select(held.seq, held.body).where(held.vector_store_id.in_(store_ids))
    )
    return frozenset(row.seq for row in rows if wanted(row.body.get("attributes") or {}))


def _count(connection: Connection, store_ids: Sequence[str]) -> int:
    held = vector_store_files.c
    joined = passages.join(vector_store_files, held.seq == passages.c.store_file)
    counted = select(func.count()).select_from(joined).where(held.vector_store_id.in_(store_ids))
    return int(connection.execute(counted).scalar_one())


def _hits(connection: Connection, chosen: dict[int, float]) -> Iterator[Hit]:
    held = vector_store_files
    joined = passages.join(held, held.c.seq == passages.c.store_file)
    joined = joined.join(files, files.c.id == held.c.id)
    found = select(
        passages.c.seq,
        passages.c.text,
        held.c.body.label("held"),
        files.c.body.label("file"),
    ).select_from(joined)
    rows = {
        row.seq: row for row in connection.execute(found.where(passages.c.seq.in_(chosen))).all()
    }
    for seq, score in chosen.items():
        row = rows[seq]
        yield Hit(
            file_id=row.file["id"],
            filename=row.file["filename"],
            score=score,
            attributes=row.held.get("attributes") or {},
            text=row.text,
        )


def _require_index(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        message = "Vector stores are served on SQLite only so far."
        raise Fault(400, message, "unsupported_value")
