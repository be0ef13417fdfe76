"""Vector stores."""

from __future__ import annotations

from typing import Literal

from assistants_client._calls.pagination import LazyList
from assistants_client._calls.resource import ListOptions, build_path
from assistants_client.backoff import BackoffLike
from assistants_client.models.lists import Deleted, Page
from assistants_client.models.vector_stores import (
    SearchPage,
    SearchRequest,
    VectorStore,
    VectorStoreRequest,
    VectorStoreUpdate,
)
from assistants_client.resources._signatures import accepts_fields_of
from assistants_client.resources._waits import WaitingResource


class VectorStores(WaitingResource):
    """``client.vector_stores``: searchable collections of files."""

    _ALL = "/vector_stores"
    _ONE = "/vector_stores/{vector_store_id}"
    _SEARCH = "/vector_stores/{vector_store_id}/search"

    @accepts_fields_of(lambda: VectorStoreRequest)
    def create(self, request: VectorStoreRequest) -> VectorStore:
        """Creates a vector store, perhaps with its first files."""
        return self._create(self._ALL, VectorStore, request, listed_as=Page[VectorStore])

    def retrieve(self, vector_store_id: str) -> VectorStore:
        """Reads a vector store.

        Raises:
            NotFoundError: There is none with this id.
        """
        path = build_path(self._ONE, vector_store_id=vector_store_id)
        return self._send("GET", path, VectorStore)

    def wait(
        self,
        vector_store_id: str,
        *,
        timeout: float = 600.0,
        backoff: BackoffLike | None = None,
    ) -> VectorStore:
        """Waits until the store has processed all its files; ``file_counts`` has the outcome.

        Args:
            vector_store_id: The vector store.
            timeout: Seconds for the whole wait.
            backoff: The delays between polls; by default the client's.

        Raises:
            WaitTimeoutError: The store did not process them in time.
        """
        path = build_path(self._ONE, vector_store_id=vector_store_id)
        return self._wait(
            path,
            VectorStore,
            name=f"vector store {vector_store_id}",
            timeout=timeout,
            backoff=backoff,
        )

    @accepts_fields_of(lambda: VectorStoreUpdate)
    def update(self, vector_store_id: str, request: VectorStoreUpdate) -> VectorStore:
        """Changes the given fields of a vector store; ``None`` clears one."""
        path = build_path(self._ONE, vector_store_id=vector_store_id)
        return self._send("POST", path, VectorStore, request=request)

    def list(
        self,
        *,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> LazyList[VectorStore]:
        """Lists all vector stores lazily, newest first unless ``order`` is ``"asc"``.

        Args:
            limit: At most this many in all.
            order: By time of creation.
            after: Begin behind the item with this id.
            before: Only items before the one with this id; pages then go backwards.
            page_size: Items a request, 1 to 100; the server's default is 20.
        """
        return self._list(
            self._ALL,
            Page[VectorStore],
            ListOptions(limit, order, after, before, page_size),
        )

    def delete(self, vector_store_id: str) -> Deleted:
        """Deletes a vector store; its files stay."""
        path = build_path(self._ONE, vector_store_id=vector_store_id)
        return self._delete(path, vector_store_id)

    @accepts_fields_of(lambda: SearchRequest)
    def search(self, vector_store_id: str, request: SearchRequest) -> SearchPage:
        """Searches a vector store; the best match comes first."""
        path = build_path(self._SEARCH, vector_store_id=vector_store_id)
        return self._send("POST", path, SearchPage, request=request)
