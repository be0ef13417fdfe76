"""Batches of files added to vector stores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from attrs import evolve

from assistants_client._calls.pagination import LazyList
from assistants_client._calls.resource import ListOptions, build_path, encoded
from assistants_client._http.multipart import FileSource, MultipartBody
from assistants_client.backoff import BackoffLike
from assistants_client.errors import InvalidRequestError
from assistants_client.models._base import UNSET
from assistants_client.models.chunking import ChunkingStrategy
from assistants_client.models.lists import Page
from assistants_client.models.vector_stores import (
    Attributes,
    VectorStoreFile,
    VectorStoreFileBatch,
    VectorStoreFileBatchRequest,
)
from assistants_client.resources._signatures import accepts_fields_of
from assistants_client.resources._waits import (
    PROCESSING_SECONDS,
    WaitingResource,
    naming_uploads,
)
from assistants_client.resources.files import Files, upload_in_time
from assistants_client.waiting.deadlines import Deadline


class VectorStoreFileBatches(WaitingResource):
    """``client.vector_store_file_batches``: many files added at once."""

    _ALL = "/vector_stores/{vector_store_id}/file_batches"
    _ONE = "/vector_stores/{vector_store_id}/file_batches/{batch_id}"
    _CANCEL = "/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel"
    _FILES = "/vector_stores/{vector_store_id}/file_batches/{batch_id}/files"

    @accepts_fields_of(lambda: VectorStoreFileBatchRequest)
    def create(
        self, vector_store_id: str, request: VectorStoreFileBatchRequest
    ) -> VectorStoreFileBatch:
        """Adds uploaded files; the server reads them in the background."""
        path = build_path(self._ALL, vector_store_id=vector_store_id)
        return self._send("POST", path, VectorStoreFileBatch, request=request)

    def wait(
        self,
        vector_store_id: str,
        batch_id: str,
        *,
        timeout: float = 600.0,
        backoff: BackoffLike | None = None,
    ) -> VectorStoreFileBatch:
        """Waits until the store has read all files of a batch; ``file_counts`` has the outcome.

        Args:
            vector_store_id: The vector store.
            batch_id: The batch.
            timeout: Seconds for the whole wait.
            backoff: The delays between polls; by default the client's.

        Raises:
            WaitTimeoutError: The store did not process it in time.
        """
        return self._wait_for(vector_store_id, batch_id, timeout, backoff)

    def _wait_for(
        self,
        vector_store_id: str,
        batch_id: str,
        timeout: float,
        backoff: BackoffLike | None,
        begun: float | None = None,
    ) -> VectorStoreFileBatch:
        path = build_path(self._ONE, vector_store_id=vector_store_id, batch_id=batch_id)
        batch = self._wait(
            path,
            VectorStoreFileBatch,
            name=f"batch {batch_id} of vector store {vector_store_id}",
            timeout=timeout,
            backoff=backoff,
            begun=begun,
        )
        return _with_own_ids(batch, vector_store_id, batch_id)

    def upload_and_wait(
        self,
        vector_store_id: str,
        files: Sequence[FileSource],
        *,
        chunking_strategy: ChunkingStrategy | None = None,
        attributes: Attributes | None = None,
        timeout: float | None = None,
        backoff: BackoffLike | None = None,
    ) -> VectorStoreFileBatch:
        """Uploads files one after the other, adds them as a batch, and waits for the store.

        Args:
            vector_store_id: The vector store.
            files: Paths, seekable files opened for reading bytes, or pairs of a name and the
                content: a path, bytes or such a file; 1 to 2,000.
            chunking_strategy: The store's way to cut them into chunks; by default its own.
            attributes: Stored with each file, to filter searches by.
            timeout: Seconds for the whole, uploads included; by default there are 600 for the wait
                after the uploads, which may take as long as they do.
            backoff: The delays between polls; by default the client's.

        Raises:
            WaitTimeoutError: The time ran out first.
            InvalidRequestError: There is no file, or one cannot be read or has no name.
            AssistantsError: Its ``file_ids`` has the files that were uploaded before it.
        """
        if isinstance(files, (str, bytes)) or not files:
            raise InvalidRequestError("files: expected a list of at least one file", path="files")
        if isinstance(files, Iterator):
            files = list(files)
            if not files:
                raise InvalidRequestError(
                    "files: an iterator without files; one can be read once only: was it before?",
                    path="files",
                )
        opened = [id(file) for file in files if hasattr(file, "read")]
        if len(set(opened)) < len(opened):
            raise InvalidRequestError(
                "files: the same open file is given twice, and can be read once only", path="files"
            )
        request = VectorStoreFileBatchRequest(
            file_ids=["" for _ in files],
            chunking_strategy=UNSET if chunking_strategy is None else chunking_strategy,
            attributes=UNSET if attributes is None else attributes,
        )
        # A mistake must not leave uploads without a use.
        build_path(self._ALL, vector_store_id=vector_store_id)
        encoded(request)
        for index, file in enumerate(files):
            _check_file(index, file)
        uploads = Files(self._transport, self._waiter)
        deadline = Deadline("the upload", timeout, self._waiter.clock)
        uploaded: list[str] = []
        with naming_uploads(uploaded):
            for file in files:
                uploaded.append(upload_in_time(uploads, deadline, file).id)
            added = evolve(request, file_ids=uploaded)
            batch = deadline.call(lambda: self.create(vector_store_id, added))
            seconds = PROCESSING_SECONDS if timeout is None else timeout
            return self._wait_for(vector_store_id, batch.id, seconds, backoff, deadline.begun)

    def retrieve(self, vector_store_id: str, batch_id: str) -> VectorStoreFileBatch:
        """Reads a batch.

        Some servers return the vector store instead; the ids of the call are kept then.

        Raises:
            NotFoundError: There is none with this id on this store.
        """
        path = build_path(self._ONE, vector_store_id=vector_store_id, batch_id=batch_id)
        batch = self._send("GET", path, VectorStoreFileBatch)
        return _with_own_ids(batch, vector_store_id, batch_id)

    def cancel(self, vector_store_id: str, batch_id: str) -> VectorStoreFileBatch:
        """Requests the cancellation of a batch; files that are processed stay."""
        path = build_path(self._CANCEL, vector_store_id=vector_store_id, batch_id=batch_id)
        batch = self._send("POST", path, VectorStoreFileBatch)
        return _with_own_ids(batch, vector_store_id, batch_id)

    def list_files(
        self,
        vector_store_id: str,
        batch_id: str,
        *,
        filter: str | None = None,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> LazyList[VectorStoreFile]:
        """Lists the files of a batch, newest first unless ``order`` is ``"asc"``.

        Args:
            vector_store_id: The vector store.
            batch_id: The batch.
            filter: Only files with this status.
            limit: At most this many in all.
            order: By time of creation.
            after: Begin behind the item with this id.
            before: Only items before the one with this id; pages then go backwards.
            page_size: Items a request, 1 to 100; the server's default is 20.
        """
        return self._list(
            build_path(self._FILES, vector_store_id=vector_store_id, batch_id=batch_id),
            Page[VectorStoreFile],
            ListOptions(limit, order, after, before, page_size),
            filters={"filter": filter},
        )


def _check_file(index: int, file: FileSource) -> None:
    try:
        MultipartBody(file, filename=None, fields={})
    except InvalidRequestError as error:
        if error.path != "filename":
            raise
        path = f"files[{index}]"
        raise InvalidRequestError(
            f"{path}: it has no name; a pair gives it one, as in ('report.pdf', content)",
            path=path,
        ) from None


def _with_own_ids(
    batch: VectorStoreFileBatch, vector_store_id: str, batch_id: str
) -> VectorStoreFileBatch:
    """Gives a batch the ids of its request; some servers return the store instead."""
    batch.vector_store_id, batch.id = vector_store_id, batch_id
    return batch
