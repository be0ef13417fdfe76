"""Files."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

from assistants_client._calls.pagination import LazyList
from assistants_client._calls.resource import ListOptions, build_path, encoded
from assistants_client._http.error_mapping import content_of
from assistants_client._http.multipart import FileSource, MultipartBody, Progress, check_progress
from assistants_client._http.response_bodies import announced_length, blocks
from assistants_client.backoff import BackoffLike
from assistants_client.errors import ConfigurationError, InvalidRequestError
from assistants_client.models.files import File, FileExpiry
from assistants_client.models.lists import Deleted, Page
from assistants_client.resources._waits import (
    PROCESSING_SECONDS,
    WaitingResource,
    naming_uploads,
)
from assistants_client.waiting.deadlines import Deadline

Purpose: TypeAlias = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]


class Files(WaitingResource):
    """``client.files``: uploads, for tools to read."""

    _ALL = "/files"
    _ONE = "/files/{file_id}"
    _CONTENT = "/files/{file_id}/content"
    # These operations are not part of the beta, and have no header for it.
    _HEADERS: ClassVar[Mapping[str, str | None]] = {"OpenAI-Beta": None}

    def upload(
        self,
        file: FileSource,
        *,
        purpose: Purpose | str = "assistants",
        filename: str | None = None,
        expires_after: FileExpiry | None = None,
        progress: Progress | None = None,
    ) -> File:
        """Uploads a file; it is read while it is sent, so its size does not cost memory.

        Args:
            file: A path, bytes, or a seekable file opened for reading bytes (from where it
                stands); or a pair of a name and one of them.
            purpose: The purpose of the file.
            filename: Its name on the server; needed for bytes alone.
            expires_after: The time after which the server deletes it; by default never.
            progress: Called with the bytes sent and their total, after each block.

        Raises:
            InvalidRequestError: The file cannot be read, or has no name; or another argument is
                not what the protocol allows.
        """
        given: object = purpose
        if not isinstance(given, str) or not given:
            raise InvalidRequestError(f"purpose: {given!r:.80} is not a purpose", path="purpose")
        fields = {"purpose": purpose}
        if expires_after is not None:
            for key, value in encoded(expires_after).items():
                fields[f"expires_after[{key}]"] = str(value)
        body = MultipartBody(file, filename=filename, fields=fields, progress=progress)
        return self._send_body(self._ALL, File, body)

    def upload_and_wait(
        self,
        file: FileSource,
        *,
        purpose: Purpose | str = "assistants",
        filename: str | None = None,
        expires_after: FileExpiry | None = None,
        progress: Progress | None = None,
        timeout: float | None = None,
        backoff: BackoffLike | None = None,
    ) -> File:
        """Uploads a file and waits until the server has processed it; see its ``status`` then.

        Args:
            file: As for :meth:`upload`.
            purpose: The purpose of the file.
            filename: Its name on the server; needed for bytes alone.
            expires_after: The time after which the server deletes it; by default never.
            progress: Called with the bytes sent and their total, after each block.
            timeout: Seconds for the whole, upload included; by default there are 600 for the wait
                after the upload, which may take as long as it does.
            backoff: The delays between polls; by default the client's.

        Raises:
            WaitTimeoutError: The time ran out first.
            InvalidRequestError: The file cannot be read, or has no name.
        """
        deadline = Deadline("the upload", timeout, self._waiter.clock)
        made = upload_in_time(
            self,
            deadline,
            file,
            purpose=purpose,
            filename=filename,
            expires_after=expires_after,
            progress=progress,
        )
        if made.is_processed:
            return made
        path = build_path(self._ONE, file_id=made.id)
        with naming_uploads([made.id]):
            return self._wait(
                path,
                File,
                name=f"file {made.id}",
                timeout=PROCESSING_SECONDS if timeout is None else timeout,
                backoff=backoff,
                begun=deadline.begun,
            )

    def retrieve(self, file_id: str) -> File:
        """Reads a file's properties.

        Raises:
            NotFoundError: There is none with this id.
        """
        return self._send("GET", build_path(self._ONE, file_id=file_id), File)

    def list(
        self,
        *,
        purpose: str | None = None,
        limit: int | None = None,
        order: Literal["asc", "desc"] | None = None,
        after: str | None = None,
        page_size: int | None = None,
    ) -> LazyList[File]:
        """Lists all files lazily, newest first unless ``order`` is ``"asc"``.

        Args:
            purpose: Only files with this purpose.
            limit: At most this many in all.
            order: By time of creation.
            after: Begin behind the item with this id.
            page_size: Items a request, 1 to 10,000, which is also the server's default.
        """
        return self._list(
            self._ALL,
            Page[File],
            ListOptions(limit, order, after, None, page_size),
            filters={"purpose": purpose},
            largest_page=10_000,
        )

    def delete(self, file_id: str) -> Deleted:
        """Deletes a file, also from every vector store."""
        return self._delete(build_path(self._ONE, file_id=file_id), file_id)

    def content(self, file_id: str) -> bytes:
        """Reads the whole content into memory."""
        with self.content_stream(file_id) as blocks:
            return b"".join(blocks)

    def download(
        self, file_id: str, path: str | os.PathLike[str], *, progress: Progress | None = None
    ) -> Path:
        """Writes the content to a file, block by block; the file appears only when it is complete.

        Args:
            file_id: The file.
            path: The file to write; an existing one is replaced.
            progress: Called with the bytes written and their total (0 if it is unknown).

        Raises:
            APIResponseError: The content was cut short; nothing is left at ``path``.
            InvalidRequestError: No file can be written there.
        """
        target = Path(path)
        if target.is_dir() or not target.parent.is_dir():
            why = "is a directory" if target.is_dir() else f"there is no folder {target.parent}"
            raise InvalidRequestError(f"path: {str(target)!r}: {why}", path="path")
        # A name that no other download, and no file of the user's, has.
        partial = target.with_name(f".{uuid.uuid4().hex}.part")
        try:
            with (
                partial.open("xb") as file,
                self.content_stream(file_id, progress=progress) as blocks,
            ):
                for block in blocks:
                    file.write(block)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target

    @contextmanager
    def content_stream(
        self, file_id: str, *, progress: Progress | None = None
    ) -> Iterator[Iterator[bytes]]:
        """Reads the content in blocks of up to 1 MiB, within a ``with`` block.

        Args:
            file_id: The file.
            progress: As for :meth:`download`.

        Raises:
            APIResponseError: The content was cut short.
            ConfigurationError: A block is requested after the ``with`` block.
        """
        check_progress(progress)
        path = build_path(self._CONTENT, file_id=file_id)
        headers = {**self._HEADERS, "Accept": "*/*", "Accept-Encoding": "identity"}
        with self._transport.open("GET", path, headers=headers) as response:
            total = announced_length(response)
            is_open = True
            received = blocks(response, "GET", path)
            source = content_of(response, received, "GET", path)

            def counted() -> Iterator[bytes]:
                size = 0
                while True:
                    if not is_open:  # the rest would look like the end
                        raise ConfigurationError(
                            "the content is read within the with block of content_stream, which "
                            "has ended; content() returns it whole"
                        )
                    block = next(source, None)
                    if block is None:
                        return
                    size += len(block)
                    yield block
                    if progress is not None:
                        progress(size, total)

            try:
                yield counted()
            finally:
                is_open = False


def upload_in_time(
    files: Files,
    deadline: Deadline,
    file: FileSource,
    *,
    purpose: Purpose | str = "assistants",
    filename: str | None = None,
    expires_after: FileExpiry | None = None,
    progress: Progress | None = None,
) -> File:
    """Uploads a file before a deadline; after it, what is left of the file is not sent.

    Raises:
        WaitTimeoutError: The deadline passed.
        InvalidRequestError: As ``Files.upload``.
    """
    check_progress(progress)

    def sent_in_time(sent: int, total: int) -> None:
        deadline.check()
        if progress is not None:
            progress(sent, total)

    return deadline.call(
        lambda: files.upload(
            file,
            purpose=purpose,
            filename=filename,
            expires_after=expires_after,
            progress=progress if deadline.timeout is None else sent_in_time,
        )
    )
