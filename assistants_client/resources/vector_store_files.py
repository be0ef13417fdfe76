"""Files in vector stores."""

from __future__ import annotations

from typing import Literal

from attrs import evolve

from assistants_client._calls.pagination import LazyList
from assistants_client._calls.resource import ListOptions, build_path, encoded
from assistants_client._http.multipart import FileSource, Progress
from assistants_client.backoff import BackoffLike
from assistants_client.models._base import UNSET
from assistants_client.models.chunking import ChunkingStrategy
from assistants_client.models.lists import Deleted, Page
from assistants_client.models.vector_stores import (
    Attributes,
    FileContentPage,
    VectorStoreFile,
    VectorStoreFileRequest,
    VectorStoreFileUpdate,
)
from assistants_client.resources._signatures import accepts_fields_of
from assistants_client.resources._waits import (
    PROCESSING_SECONDS,
    WaitingResource,
    naming_uploads,
)
from assistants_client.resources.files import Files, upload_in_time
from assistants_client.waiting.deadlines import Deadline


class VectorStoreFiles(WaitingResource):
    """``client.vector_store_files``: files as a vector store holds them."""

    _ALL = "/vector_stores/{vector_store_id}/files"
    _ONE = "/vector_stores/{vector_store_id}/files/{file_id}"
    _CONTENT = "/vector_stores/{vector_store_id}/files/{file_id}/content"

    @accepts_fields_of(lambda: VectorStoreFileRequest)
    def create(self, vector_store_id: str, request: VectorStoreFileRequest) -> VectorStoreFile:
        """Adds an uploaded file; the server processes it in the background."""
        path = build_path(self._ALL, vector_store_id=vector_store_id)
        return self._send("POST", path, VectorStoreFile, request=request)

    def wait(
        self,
        vector_store_id: str,
        file_id: str,
        *,
        timeout: float = 600.0,
        backoff: BackoffLike | None = None,
    ) -> VectorStoreFile:
        """Waits until the store has processed a file; see ``status`` and ``last_error`` then.

        Args:
            vector_store_id: The vector store.
            file_id: The file.
            timeout: Seconds for the whole wait.
            backoff: The delays between polls; by default the client's.

        Raises:
            WaitTimeoutError: The store did not process it in time.
        """
        return self._wait_for(vector_store_id, file_id, timeout, backoff)

    def _wait_for(
        self,
        vector_store_id: str,
        file_id: str,
        timeout: float,
        backoff: BackoffLike | None,
        begun: float | None = None,
    ) -> VectorStoreFile:
        path = build_path(self._ONE, vector_store_id=vector_store_id, file_id=file_id)
        return self._wait(
            path,
            VectorStoreFile,
            name=f"file {file_id} of vector store {vector_store_id}",
            timeout=timeout,
            backoff=backoff,
            begun=begun,
        )

    def upload_and_wait(
        self,
        vector_store_id: str,
        file: FileSource,
        *,
        filename: str | None = None,
        chunking_strategy: ChunkingStrategy | None = None,
        attributes: Attributes | None = None,
        progress: Progress | None = None,
        timeout: float | None = None,
        backoff: BackoffLike | None = None,
    ) -> VectorStoreFile:
        """Uploads a file, adds it to a store, and waits until the store has processed it.

        Args:
            vector_store_id: The vector store.
            file: A path, bytes, a seekable file opened for reading bytes, or a pair of a name and
                one of them.
            filename: Its name on the server; needed for bytes alone.
            chunking_strategy: The store's way to cut it into chunks; by default its own.
            attributes: Stored with the file, to filter searches by.
            progress: Called with the bytes sent and their total, after each block.
            timeout: Seconds for the whole, upload included; by default there are 600 for the wait
                after the upload, which may take as long as it does.
            backoff: The delays between polls; by default the client's.

        Raises:
            WaitTimeoutError: The time ran out first.
            InvalidRequestError: The file cannot be read, or has no name.
            AssistantsError: Its ``file_ids`` has the file, where it was uploaded.
        """
        request = VectorStoreFileRequest(
            "",
            chunking_strategy=UNSET if chunking_strategy is None else chunking_strategy,
            attributes=UNSET if attributes is None else attributes,
        )
        # A mistake must not leave an upload without a use.
        build_path(self._ALL, vector_store_id=vector_store_id)
        encoded(request)
        files = Files(self._transport, self._waiter)
        deadline = Deadline("the upload", timeout, self._waiter.clock)
        made = upload_in_time(files, deadline, file, filename=filename, progress=progress).id
        with naming_uploads([made]):
            added = evolve(request, file_id=made)
            deadline.call(lambda: self.create(vector_store_id, added))
            seconds = PROCESSING_SECONDS if timeout is None else timeout
            return self._wait_for(vector_store_id, made, seconds, backoff, deadline.begun)

    def retrieve(self, vector_store_id: str, file_id: str) -> VectorStoreFile:
        """Reads a file's state in a store.

        Raises:
            NotFoundError: It is not in the store.
        """
        path = build_path(self._ONE, vector_store_id=vector_store_id, file_id=file_id)
        return self._send("GET", path, VectorStoreFile)

    @accepts_fields_of(lambda: VectorStoreFileUpdate)
    def update(
        self, vector_store_id: str, file_id: str, request: VectorStoreFileUpdate
    ) -> VectorStoreFile:
        """Changes a file's attributes."""
        path = build_path(self._ONE, vector_store_id=vector_store_id, file_id=file_id)
        return self._send("POST", path, VectorStoreFile, request=request)

    def list(
        self,
        vector_store_id: str,
        *,
        filter: str | None = None,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> LazyList[VectorStoreFile]:
        """Lists the files of a vector store, newest first unless ``order`` is ``"asc"``.

        Args:
            vector_store_id: The vector store.
            filter: Only files with this status.
            limit: At most this many in all.
            order: By time of creation.
            after: Begin behind the item with this id.
            before: Only items before the one with this id; pages then go backwards.
            page_size: Items a request, 1 to 100; the server's default is 20.
        """
        return self._list(
            build_path(self._ALL, vector_store_id=vector_store_id),
            Page[VectorStoreFile],
            ListOptions(limit, order, after, before, page_size),
            filters={"filter": filter},
        )

    def delete(self, vector_store_id: str, file_id: str) -> Deleted:
        """Removes a file from a store; the file itself stays."""
        path = build_path(self._ONE, vector_store_id=vector_store_id, file_id=file_id)
        return self._delete(path, file_id)

    def content(self, vector_store_id: str, file_id: str) -> FileContentPage:
        """Reads the text that the store has of a file."""
        path = build_path(self._CONTENT, vector_store_id=vector_store_id, file_id=file_id)
        return self._send("GET", path, FileContentPage)
