"""Vector stores: made, changed, listed, searched, deleted with their passages. The files stay."""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen
from sqlalchemy import Connection

from assistants_client._json.codec import decode, encode
from assistants_client.engine.domain.new_objects import changed
from assistants_client.engine.search.filters import read_filter
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._contents import require_files
from assistants_client.engine.services._passages import drop_first
from assistants_client.engine.services._search import search
from assistants_client.engine.services._stores import (
    NewFile,
    is_expired,
    new_store,
    purge_expired,
    put_files,
    requeue_unread,
    require_store,
    require_usable,
    set_expiry,
    use,
    with_counts,
)
from assistants_client.engine.services._write import Write, in_pieces
from assistants_client.engine.storage.database import remove, save
from assistants_client.engine.storage.keyset_pages import PageQuery, read_page
from assistants_client.engine.storage.tables import vector_store_files, vector_stores
from assistants_client.models.lists import Deleted, Page
from assistants_client.models.vector_stores import (
    FoundText,
    SearchHit,
    SearchPage,
    SearchRequest,
    StoreExpiry,
    VectorStore,
    VectorStoreRequest,
    VectorStoreUpdate,
)

_RESULTS: Final = 10


@frozen
class VectorStores:
    """The operations on a vector store itself. An unknown id is refused with a ``Fault``."""

    _context: Context

    def create(self, request: VectorStoreRequest) -> Write[VectorStore]:
        """Makes a store; its first files are read in the background.

        Raises:
            Fault: Also when a file does not exist.
        """
        document: dict[str, Any] = encode(request)
        now, expiry = self._context.now(), document.get("expires_after")
        file_ids = document.get("file_ids") or []
        tenant = self._context.caller.tenant

        def write(connection: Connection) -> VectorStore:
            purge_expired(self._context, connection)
            require_files(self._context, connection, file_ids, "file_ids[{}]")
            store = new_store(
                connection,
                self._context.new_id("vs_"),
                now,
                tenant,
                name=document.get("name"),
                description=document.get("description"),
                expires_after=None if expiry is None else decode(StoreExpiry, expiry),
                metadata=document.get("metadata"),
            )
            chunking = document.get("chunking_strategy")
            new = [NewFile(file_id=i, chunking_strategy=chunking) for i in dict.fromkeys(file_ids)]
            put_files(connection, store, new, now, tenant)
            with_counts(connection, [store], now)
            return store

        return Write(write)

    def retrieve(self, vector_store_id: str) -> VectorStore:
        """Returns a store."""
        with self._context.database.read() as connection:
            store = require_store(self._context, connection, vector_store_id)
            with_counts(connection, [store], self._context.clock())
            within = vector_store_files.c.vector_store_id == vector_store_id
            requeue_unread(self._context, connection, within)
        return store

    def update(self, vector_store_id: str, update: VectorStoreUpdate) -> Write[VectorStore]:
        """Changes the fields that are given; null clears."""
        now = self._context.clock()

        def write(connection: Connection) -> VectorStore:
            before = require_store(self._context, connection, vector_store_id)
            store = changed(before, update)
            if not is_expired(before, now):
                set_expiry(store)
            save(connection, vector_stores, store, expires_at=store.expires_at)
            with_counts(connection, [store], now)
            return store

        return Write(write)

    def list(self, query: PageQuery) -> Page[VectorStore]:
        """Returns a page of all stores that the caller sees."""
        with self._context.database.read() as connection:
            tenant = self._context.only_tenant
            stored = read_page(connection, vector_stores, VectorStore, query, {}, tenant=tenant)
            page = stored.decoded()
            with_counts(connection, page.data, self._context.clock())
        return page

    def delete(self, vector_store_id: str) -> Deleted:
        """Deletes a store; the files that it holds stay."""
        return in_pieces(self._context, lambda: self._deleted(vector_store_id))

    def _deleted(self, vector_store_id: str) -> Deleted | None:
        """Deletes a store, or some of the files of a large one."""
        with self._context.database.begin() as connection:
            require_store(self._context, connection, vector_store_id)
            if drop_first(connection, vector_store_files.c.vector_store_id == vector_store_id):
                return None
            remove(connection, vector_stores, vector_store_id)
        return Deleted(id=vector_store_id, object="vector_store.deleted")

    def search(self, vector_store_id: str, request: SearchRequest) -> SearchPage:
        """Finds passages, best first. It changes nothing, and so a repeat searches again.

        Raises:
            Fault: Also when the store has expired, or a filter is not valid.
        """
        document: dict[str, Any] = encode(request)
        queries = document["query"]
        queries = [queries] if isinstance(queries, str) else queries
        ranking = document.get("ranking_options") or {}
        filters = document.get("filters")
        wanted = None if filters is None else read_filter(filters)
        with self._context.database.begin() as connection:
            store = require_store(self._context, connection, vector_store_id)
            require_usable(store, self._context.clock())
            purge_expired(self._context, connection)
            use(connection, store, self._context.now())
        hits = search(
            self._context,
            [vector_store_id],
            " ".join(queries),
            limit=document.get("max_num_results") or _RESULTS,
            threshold=ranking.get("score_threshold") or 0.0,
            wanted=wanted,
        )
        return SearchPage(
            search_query=queries,
            data=[
                SearchHit(
                    file_id=hit.file_id,
                    filename=hit.filename,
                    score=hit.score,
                    attributes=dict(hit.attributes),
                    content=[FoundText(text=hit.text)],
                )
                for hit in hits
            ],
            has_more=False,
        )
