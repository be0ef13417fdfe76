"""The vectors of passages: put in, and found by what they are alike to."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from assistants_client.engine.tables import passage_vectors, passages, vector_store_files
from assistants_client.engine.vectors import likely, likeness, signs, unpacked


def put_vectors(
    connection: Connection, numbers: Sequence[int], model: str, vectors: Sequence[bytes]
) -> None:
    """Stores the vectors of passages, each by the passage's number."""
    rows = [
        {"passage": number, "model": model, "signs": signs(vector), "vector": vector}
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
) -> dict[int, float]:
    """The passages whose vectors are most alike to a query's, by how alike they are.

    Args:
        connection: The transaction.
        store_ids: The stores.
        model: What made the query's vector. Another's vectors mean something else.
        query: The vector.
        allowed: The numbers of the files that are wanted; ``None`` wants all.
        most: How many passages at most.
    """
    held, kept = vector_store_files.c, passage_vectors.c
    joined = passage_vectors.join(passages, passages.c.seq == kept.passage).join(
        vector_store_files, held.seq == passages.c.store_file
    )
    of_stores = (
        select(kept.passage, kept.signs, held.seq.label("store_file"))
        .select_from(joined)
        .where(held.vector_store_id.in_(store_ids), kept.model == model)
    )
    rows = connection.execute(of_stores)
    candidates = likely(
        query,
        ((row.passage, row.signs) for row in rows if allowed is None or row.store_file in allowed),
        most,
    )
    wanted, like = unpacked(query), dict[int, float]()
    for row in connection.execute(
        select(kept.passage, kept.vector).where(kept.passage.in_(candidates))
    ):
        # A server may serve another model under the same name.
        if len(row.vector) == len(query):
            like[row.passage] = likeness(wanted, unpacked(row.vector))
    best = sorted(like, key=lambda passage: (-like[passage], passage))[:most]
    return {passage: like[passage] for passage in best if like[passage] > 0}
