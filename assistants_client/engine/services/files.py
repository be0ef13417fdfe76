"""Files: taken in, listed, read and deleted. Their passages are the vector stores' matter."""

from __future__ import annotations

from typing import BinaryIO, Final

from attrs import frozen
from sqlalchemy import Connection

from assistants_client.engine.faults import Fault
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._contents import (
    FileContent,
    discard,
    drop_files,
    make_whole,
    no_file,
    present,
    require_file,
    write_blocks,
)
from assistants_client.engine.services._passages import drop_first
from assistants_client.engine.services._write import Write, in_pieces
from assistants_client.engine.storage.keyset_pages import PageQuery, read_page
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import files, vector_store_files
from assistants_client.models.files import File, FileExpiry
from assistants_client.models.lists import Deleted, Page

#: The largest file, in bytes.
MAX_FILE: Final = 512 * 1024 * 1024
#: The purposes that a caller may upload a file for.
PURPOSES: Final = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
#: After so many seconds a file of a purpose expires where its upload does not say.
_EXPIRES: Final = {"batch": 30 * 24 * 60 * 60}


@frozen(kw_only=True)
class Upload:
    """An upload: ``source`` is read once, from its position; ``size`` is in bytes."""

    source: BinaryIO
    size: int
    filename: str
    purpose: str
    expires_after: FileExpiry | None = None


@frozen
class Files:
    """The operations under ``/files``. An unknown id is refused with a ``Fault``."""

    _context: Context

    def create(self, upload: Upload) -> Write[File]:
        """Stores a file, in transactions of its own; the rest of the write makes it visible.

        Raises:
            Fault: It is too large, empty, or for a purpose that there is not.
        """
        if upload.purpose not in PURPOSES:
            allowed = ", ".join(repr(purpose) for purpose in PURPOSES)
            message = f"Invalid 'purpose': {upload.purpose!r:.80} is not one of {allowed}."
            raise Fault(400, message, None, "purpose")
        if upload.size > MAX_FILE:
            message = f"The file is larger than the maximum of {MAX_FILE} bytes."
            raise Fault(413, message, "file_too_large", "file")
        if upload.size == 0:
            raise Fault(400, "Invalid 'file': it is empty.", "invalid_value", "file")
        now = self._context.now()
        if upload.expires_after is not None:
            seconds: int | None = upload.expires_after.seconds
        else:
            seconds = _EXPIRES.get(upload.purpose)
        made = File(
            id=self._context.new_id("file-"),
            bytes=upload.size,
            created_at=now,
            expires_at=None if seconds is None else now + seconds,
            filename=upload.filename,
            purpose=upload.purpose,
            status="processed",
        )

        def write(connection: Connection) -> File:
            make_whole(connection, made.id)
            return made

        def undo() -> None:
            discard(self._context.database, made.id)

        try:
            write_blocks(self._context, made, upload.source, self._context.caller.tenant)
        except BaseException:
            undo()
            raise
        return Write(write, undo)

    def retrieve(self, file_id: str) -> File:
        """Returns a file."""
        with self._context.database.read() as connection:
            return require_file(self._context, connection, file_id)

    def content(self, file_id: str) -> FileContent:
        """Returns the content of a file, to be read block by block."""
        return FileContent(self._context.database, self.retrieve(file_id))

    def list(self, query: PageQuery, *, purpose: str | None = None) -> StoredJson[Page[File]]:
        """Returns a page of all files that the caller sees, or of those for one purpose."""
        where: dict[str, str | bool] = {"is_whole": True}
        if purpose is not None:
            where["purpose"] = purpose
        with self._context.database.read() as connection:
            return read_page(
                connection,
                files,
                File,
                query,
                where,
                tenant=self._context.only_tenant,
                passing=[present(self._context.clock())],
            )

    def delete(self, file_id: str) -> Deleted:
        """Deletes a file, also out of every vector store."""
        return in_pieces(self._context, lambda: self._deleted(file_id))

    def _deleted(self, file_id: str) -> Deleted | None:
        """Deletes a file, or some of a long one's passages in stores."""
        with self._context.database.begin() as connection:
            require_file(self._context, connection, file_id)
            if drop_first(connection, vector_store_files.c.id == file_id):
                return None
            if not drop_files(connection, files.c.id == file_id):
                raise no_file(file_id)
        return Deleted(id=file_id, object="file")
