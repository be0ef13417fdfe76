"""The vectors of passages: stored, and found by similarity."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select

from assistants_client.engine.search.vectors import (
    NUMBER_BYTES,
    candidates,
    cosine_similarity,
    sign_bits,
    unpacked,
)
from assistants_client.engine.storage.tables import passage_vectors, passages, vector_store_files


def put_vectors(
    connection: Connection, numbers: Sequence[int], model: str, vectors: Sequence[bytes]
) -> None:
    """Stores the vectors of passages, each by the passage's number."""
    if not numbers:
        return
    rows = [
        {"passage": number, "model": model, "signs": sign_bits(vector), "vector": vector}
        for number, vector in zip(numbers, vectors, strict=True)
    ]
    connection.execute(insert(passage_vectors), rows)


def nearest(
    connection: Connection,
    store_ids: Sequence[str],
    model: str,
    query: bytes,
    *,
    allowed: frozenset[int] | None,
    most: int,
) -> tuple[dict[int, float], set[int]]:
    """Returns the passages whose vectors are most similar to a query's, with their similarity.

    A server may have served another model under the same name once. Its vectors are not compared;
    their lengths, in numbers, are the second part of the result.

    Args:
        connection: The transaction.
        store_ids: The stores.
        model: The model of the query's vector. Another's vectors mean something else.
        query: The vector.
        allowed: The numbers of the files that are wanted; ``None`` wants all.
        most: The maximum number of passages.
    """
    held, kept = vector_store_files.c, passage_vectors.c
    joined = passage_vectors.join(passages, passages.c.seq == kept.passage).join(
        vector_store_files, held.seq == passages.c.store_file
    )
    of_stores = (
        select(
            kept.passage,
            kept.signs,
            func.length(kept.vector).label("bytes"),
            held.seq.label("store_file"),
        )
        .select_from(joined)
        .where(held.vector_store_id.in_(store_ids), held.status == "completed", kept.model == model)
    )
    comparable, others = list[tuple[int, bytes]](), set[int]()
    for row in connection.execute(of_stores):
        if allowed is not None and row.store_file not in allowed:
            continue
        if row.bytes == len(query):
            comparable.append((row.passage, row.signs))
        else:
            others.add(row.bytes // NUMBER_BYTES)
    wanted, like = unpacked(query), dict[int, float]()
    for found in connection.execute(
        select(kept.passage, kept.vector).where(
            kept.passage.in_(candidates(query, comparable, most))
        )
    ):
        like[found.passage] = cosine_similarity(wanted, unpacked(found.vector))
    best = sorted(like, key=lambda passage: (-like[passage], passage))[:most]
    return {passage: like[passage] for passage in best if like[passage] > 0}, others
