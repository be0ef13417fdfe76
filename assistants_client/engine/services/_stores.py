"""The parts that services of vector stores share: files put into stores, counted, and requeued.

A file in a store is read in the background, after the transaction that put it there. Its worker
claims it under a lease, as it does a run; a file whose lease is lost is queued again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from assistants_client._json.codec import decode, encode
from assistants_client.engine.faults import Fault, not_found
from assistants_client.engine.services._base import Context, StoreFileQueued
from assistants_client.engine.services._contents import purge
from assistants_client.engine.storage.database import add, emit_after_commit, load, save
from assistants_client.engine.storage.deleted_items import drop
from assistants_client.engine.storage.leases import RELEASED
from assistants_client.engine.storage.tables import vector_store_files, vector_stores
from assistants_client.models._base import JsonObject
from assistants_client.models.chunking import ChunkingStrategy, StaticChunking, StaticChunkingSizes
from assistants_client.models.vector_stores import (
    FileCounts,
    StoreExpiry,
    VectorStore,
    VectorStoreFile,
)

#: The beginning of the name of a file's lease; the file's number follows.
FILE_LEASE: Final = "file "

STATUSES: Final = ("in_progress", "completed", "failed", "cancelled")

_DAY: Final = 24 * 60 * 60
#: A store's last use is stored to so many seconds.
_USE_SECONDS: Final = 60
#: After so many seconds a file that no worker has claimed is queued again.
_REQUEUED_AFTER: Final = 60

_AUTO_CHUNKING: Final = StaticChunkingSizes(max_chunk_size_tokens=800, chunk_overlap_tokens=400)


@frozen(kw_only=True)
class NewFile:
    """A file that is to be put into a store."""

    file_id: str
    chunking_strategy: ChunkingStrategy | JsonObject | None = None
    attributes: Mapping[str, Any] | None = None


def new_store(
    connection: Connection,
    store_id: str,
    now: int,
    tenant: str | None,
    *,
    name: str | None = None,
    description: str | None = None,
    expires_after: StoreExpiry | None = None,
    metadata: Mapping[str, str] | None = None,
) -> VectorStore:
    """Makes an empty store of a tenant's."""
    store = VectorStore(
        id=store_id,
        created_at=now,
        name=name,
        description=description,
        status="completed",
        expires_after=expires_after,
        last_active_at=now,
        metadata=dict(metadata or {}),
    )
    set_expiry(store)
    add(connection, vector_stores, store, expires_at=store.expires_at, tenant=tenant)
    return store


def set_expiry(store: VectorStore) -> None:
    """Computes when a store expires, unless it has."""
    after, used = store.expires_after, store.last_active_at or store.created_at
    store.expires_at = None if after is None else used + after.days * _DAY


def require_store(
    context: Context, connection: Connection, store_id: str, *, param: str | None = None
) -> VectorStore:
    """Returns a store that the caller sees, its files not counted.

    Raises:
        Fault: There is no such store.
    """
    store = load(connection, vector_stores, VectorStore, store_id, **context.visible)
    if store is None:
        raise not_found("vector store", store_id, param)
    return store


def require_visible(context: Context, connection: Connection, store_id: str) -> None:
    """Refuses a store that is there, but not for the caller; asks nothing where all see all.

    Raises:
        Fault: There is no such store for the caller.
    """
    if context.visible:
        require_store(context, connection, store_id)


def require_usable(store: VectorStore, now: float) -> None:
    """Refuses a store that has expired.

    Raises:
        Fault: It has.
    """
    if is_expired(store, now):
        raise Fault(400, f"Vector store {store.id} has expired.", "vector_store_expired")


def is_expired(store: VectorStore, now: float) -> bool:
    """Returns whether a store has expired."""
    return store.expires_at is not None and store.expires_at <= now


def use(connection: Connection, store: VectorStore, now: int) -> None:
    """Stores the time of a store's last use: it expires some time after it."""
    if now - (store.last_active_at or 0) >= _USE_SECONDS:
        store.last_active_at = now
        set_expiry(store)
        save(connection, vector_stores, store, expires_at=store.expires_at)


def in_store(store_id: str, file_ids: Sequence[str]) -> ColumnElement[bool]:
    """Finds those of files that are in a store."""
    held = vector_store_files.c
    return and_(held.vector_store_id == store_id, held.id.in_(file_ids))


def with_status(status: str | None) -> list[ColumnElement[bool]]:
    """Returns the condition of a status, which files lose again; none for ``None``."""
    return [] if status is None else [vector_store_files.c.status == status]


def put_files(
    connection: Connection,
    store: VectorStore,
    new: Sequence[NewFile],
    now: int,
    tenant: str | None,
    *,
    batch_id: str | None = None,
) -> None:
    """Puts files that exist into a store; one that is there already is read anew.

    Args:
        connection: The transaction.
        store: The store.
        new: The files.
        now: The time, in whole Unix seconds.
        tenant: Who waits for them, if it is known.
        batch_id: The batch that they come with.
    """
    for one in new:
        made = VectorStoreFile(
            id=one.file_id,
            created_at=now,
            vector_store_id=store.id,
            status="in_progress",
            chunking_strategy=_static(one.chunking_strategy),
            attributes=dict(one.attributes or {}),
        )
        known = in_store(store.id, [one.file_id])
        drop(connection, vector_store_files, known)
        number = connection.execute(
            insert(vector_store_files)
            .values(
                id=made.id,
                created_at=now,
                vector_store_id=store.id,
                batch_id=batch_id,
                status=made.status,
                usage_bytes=0,
                body=encode(made),
            )
            .returning(vector_store_files.c.seq)
        ).scalar_one()
        emit_after_commit(connection, StoreFileQueued(number, tenant))
    use(connection, store, now)


def _static(strategy: ChunkingStrategy | JsonObject | None) -> StaticChunking:
    document = {} if strategy is None else encode(strategy)
    sizes = document.get("static")
    return StaticChunking(
        static=_AUTO_CHUNKING if sizes is None else decode(StaticChunkingSizes, sizes)
    )


def end_file(connection: Connection, seq: int, made: VectorStoreFile) -> None:
    """Stores a file's final status, and releases it."""
    save_file(connection, seq, made, **RELEASED)


def save_file(connection: Connection, seq: int, made: VectorStoreFile, **columns: Any) -> None:
    """Stores a file of a store as it is now."""
    connection.execute(
        update(vector_store_files)
        .where(vector_store_files.c.seq == seq)
        .values(status=made.status, usage_bytes=made.usage_bytes, body=encode(made), **columns)
    )


def count_files(
    connection: Connection, column: Any, parents: Iterable[str]
) -> dict[str, tuple[FileCounts, int]]:
    """Returns for each store or batch its files by status, and their bytes."""
    held = vector_store_files.c
    counted = {parent: (FileCounts(), 0) for parent in parents}
    rows = connection.execute(
        select(column, held.status, func.count(), func.sum(held.usage_bytes))
        .where(column.in_(list(counted)))
        .group_by(column, held.status)
    )
    for parent, status, number, size in rows:
        counts, total = counted[parent]
        setattr(counts, status, number)
        counts.total += number
        counted[parent] = counts, total + int(size)
    return counted


def with_counts(connection: Connection, stores: Sequence[VectorStore], now: float) -> None:
    """Fills in what is not stored with stores: their files' counts, and their statuses."""
    counted = count_files(
        connection, vector_store_files.c.vector_store_id, [store.id for store in stores]
    )
    for store in stores:
        store.file_counts, store.usage_bytes = counted[store.id]
        in_progress = store.file_counts.in_progress
        store.status = "in_progress" if in_progress else "completed"
        if is_expired(store, now):
            store.status = "expired"


def requeue_unread(context: Context, connection: Connection, which: ColumnElement[bool]) -> None:
    """Queues the files again that no worker reads (any more)."""
    held = vector_store_files.c
    now = context.clock()
    begun = or_(held.owner.is_not(None), held.created_at <= now - _REQUEUED_AFTER)
    rows = connection.execute(
        select(held.seq, held.owner, held.lease_until).where(
            and_(which, held.status == "in_progress", begun)
        )
    )
    for row in rows:
        if row.owner is None or is_lost(context, row.seq, row.owner, row.lease_until):
            emit_after_commit(connection, StoreFileQueued(row.seq, context.caller.tenant))


def is_lost(context: Context, store_file: int, owner: str, lease: float | None) -> bool:
    """Returns whether the worker that reads a file of a store must be taken for dead."""
    return context.leases.is_lost(f"{FILE_LEASE}{store_file}", owner, lease)


def purge_expired(context: Context, connection: Connection) -> None:
    """Deletes the files that have expired, also from stores."""
    purge(connection, context.clock())
