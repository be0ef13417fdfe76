"""The search of stores: by words, by meaning where vectors are made, and by both as one.

The index of words and the comparison of vectors are not this file's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from assistants_client.engine.search.filters import Filter
from assistants_client.engine.search.text_ranking import (
    Hit,
    Postings,
    conjunctions,
    fuse_rankings,
    scores,
    selective_terms,
    terms,
)
from assistants_client.engine.search.vectors import count
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._passages import holding_hidden
from assistants_client.engine.services._vectors import nearest
from assistants_client.engine.services._words import Searched, word_index
from assistants_client.engine.storage.tables import (
    files,
    passages,
    vector_store_files,
    vector_stores,
)

#: Passages whose scores are computed, for each one that is wanted, and at least.
_CANDIDATES: Final = 5
_FEWEST_CANDIDATES: Final = 100
#: Up to so many passages that hold a word, and passages of stores, are counted one by one: they are
#: read in a millisecond or two, so that a word that all passages hold takes hardly longer than one
#: that few do.
_KNOWN_EXACTLY: Final = 1000
#: Of more passages, so many are read, to know how long they are.
_LENGTHS: Final = 500
#: Of more passages than are known exactly, the index computes the ranks of so many.
_RANKED: Final = _KNOWN_EXACTLY


def search(
    context: Context,
    store_ids: Sequence[str],
    query: str,
    *,
    limit: int,
    threshold: float = 0.0,
    wanted: Filter | None = None,
) -> list[Hit]:
    """Finds passages, best first.

    Not to be called within a transaction: a server may be asked for the query's vector.

    Args:
        context: The context of the services.
        store_ids: The stores.
        query: Words, one of which at least is in every passage that is found; or, where passages
            have vectors, what they are to be about.
        limit: The maximum number of passages.
        threshold: Their lowest score.
        wanted: Returns whether a file is wanted, by its attributes.
    """
    embeddings = context.embeddings
    vector = None
    if embeddings is not None and store_ids and query.strip():
        vector = embeddings.of_query(query)
    with context.database.read() as connection:
        numbers = list(
            connection.execute(
                select(vector_stores.c.seq).where(vector_stores.c.id.in_(store_ids))
            ).scalars()
        )
        if not numbers:
            return []
        within = vector_store_files.c.vector_store_id.in_(store_ids)
        where = Searched(numbers, holding_hidden(connection, within))
        allowed = None if wanted is None else _allowed(connection, store_ids, wanted)
        most = max(_CANDIDATES * limit, _FEWEST_CANDIDATES)
        scored = _by_words(connection, store_ids, where, query, allowed=allowed, most=most)
        if embeddings is not None and vector is not None:
            model = embeddings.model
            alike, others = nearest(
                connection, store_ids, model, vector, allowed=allowed, most=most
            )
            embeddings.warn_of_lengths(others, count(vector))
            scored = fuse_rankings(scored, alike)
        best = sorted(scored, key=lambda seq: (-scored[seq], seq))[: limit * len(numbers)]
        chosen = {seq: scored[seq] for seq in best if scored[seq] >= threshold}
        # A file may be in several of the stores; each of its passages is a hit once.
        found: dict[tuple[str, str], Hit] = {}
        for hit in _hits(connection, chosen):
            found.setdefault((hit.file_id, hit.text), hit)
        return list(found.values())[:limit]


def _by_words(
    connection: Connection,
    store_ids: Sequence[str],
    where: Searched,
    query: str,
    *,
    allowed: frozenset[int] | None,
    most: int,
) -> dict[int, float]:
    words = terms(query)
    if not words:
        return {}
    index = word_index(connection)
    held = {word: index.holding(connection, where, word, most=_KNOWN_EXACTLY + 1) for word in words}
    total = _count(connection, store_ids)
    counts = {
        # Of a word that many passages hold nobody counts how many: it says little in any case.
        word: len(found) if len(found) <= _KNOWN_EXACTLY else max(len(found), total // 2)
        for word, found in held.items()
    }
    # Where only some files are wanted, theirs may be the last of many: all are ranked.
    bound = _RANKED if allowed is None and total > _KNOWN_EXACTLY else None
    if bound is None:
        ranks = _ranks(connection, where, words, None, query=words, allowed=allowed, most=most)
    else:
        ranks = _ranks_of_many(connection, where, counts, bound, most=most)
    at_hand = list(ranks)
    holding = [
        Postings(
            held[word]
            if len(held[word]) <= _KNOWN_EXACTLY
            else index.holding(connection, where, word, among=at_hand, most=len(at_hand)),
            counts[word],
        )
        for word in words
    ]
    return scores(ranks, holding, total)


def _ranks_of_many(
    connection: Connection,
    where: Searched,
    counts: Mapping[str, int],
    bound: int,
    *,
    most: int,
) -> dict[int, float]:
    """Returns the ranks where more passages have one of the words than are ranked."""
    query, ranks = list(counts), dict[int, float]()
    # Which of the passages with a common word are ranked is chance, so that those that hold
    # several words are asked for by these.
    for words, together in conjunctions(counts):
        if len(ranks) >= most:
            break
        found = _ranks(connection, where, words, bound, together=together, query=query, most=most)
        for seq, rank in found.items():
            # Ranked by fewer of its words, a passage stands lower than it does by all.
            ranks[seq] = min(rank, ranks.get(seq, rank))
    wanted = selective_terms(counts, bound)
    if len(wanted) < len(counts):
        found = _ranks(connection, where, wanted, bound, query=query, most=most)
        for seq, rank in found.items():
            ranks[seq] = min(rank, ranks.get(seq, rank))
    if len(ranks) < most:
        # What holds none but common words comes after.
        others = _ranks(connection, where, query, bound, query=query, most=most)
        worst = max(ranks.values(), default=-math.inf)
        for seq, rank in others.items():
            ranks.setdefault(seq, max(rank, worst))
    return ranks


def _ranks(
    connection: Connection,
    where: Searched,
    words: Sequence[str],
    bound: int | None,
    *,
    together: int = 1,
    query: Sequence[str],
    allowed: frozenset[int] | None = None,
    most: int,
) -> dict[int, float]:
    """Returns the best passages that have so many of the words, with their ranks."""
    ranks: dict[int, float] = {}
    found = word_index(connection).ranked(
        connection, where, words, bound, together=together, query=query
    )
    for seq, store_file, rank in found:
        if allowed is None or store_file in allowed:
            ranks[seq] = rank
            if len(ranks) == most:
                break
    return ranks


def _allowed(connection: Connection, store_ids: Sequence[str], wanted: Filter) -> frozenset[int]:
    held = vector_store_files.c
    rows = connection.execute(
        select(held.seq, held.body).where(held.vector_store_id.in_(store_ids))
    )
    return frozenset(row.seq for row in rows if wanted(row.body.get("attributes") or {}))


def _count(connection: Connection, store_ids: Sequence[str]) -> int:
    """Returns the number of passages in stores; of many, an estimate."""
    held = vector_store_files.c
    found = (
        select(passages.c.seq)
        .join(vector_store_files, held.seq == passages.c.store_file)
        .where(held.vector_store_id.in_(store_ids), held.status == "completed")
    )
    some = found.limit(_KNOWN_EXACTLY + 1).subquery()
    counted: int = connection.execute(select(func.count()).select_from(some)).scalar_one()
    if counted <= _KNOWN_EXACTLY:
        return counted
    # Only to count is a matter of the index; to know their length takes to read them.
    length = func.length(passages.c.text).label("length")
    read = found.with_only_columns(length).limit(_LENGTHS).subquery()
    lengths = connection.execute(select(func.sum(read.c.length))).scalar_one()
    size = select(func.sum(held.usage_bytes)).where(held.vector_store_id.in_(store_ids))
    whole = int(connection.execute(size).scalar_one())
    return max(counted, whole * _LENGTHS // max(1, int(lengths)))


def _hits(connection: Connection, chosen: Mapping[int, float]) -> Iterator[Hit]:
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
