"""Files in vector stores: put in, changed, listed, read as text, taken out. The files stay."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from sqlalchemy import Connection, select

from assistants_client._json.codec import decode, encode
from assistants_client.engine.faults import Fault, not_found
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._contents import require_files
from assistants_client.engine.services._passages import drop_first, text_of
from assistants_client.engine.services._stores import (
    NewFile,
    in_store,
    purge_expired,
    put_files,
    requeue_unread,
    require_store,
    require_usable,
    require_visible,
    save_file,
    with_status,
)
from assistants_client.engine.services._write import Write, in_pieces
from assistants_client.engine.storage.deleted_items import drop
from assistants_client.engine.storage.keyset_pages import PageQuery, read_page
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import vector_store_files
from assistants_client.models.lists import Deleted, Page
from assistants_client.models.vector_stores import (
    FileContentPage,
    FoundText,
    VectorStoreFile,
    VectorStoreFileRequest,
    VectorStoreFileUpdate,
)


@frozen
class VectorStoreFiles:
    """The operations under ``/vector_stores/{id}/files``. Unknown ids are refused."""

    _context: Context

    def create(
        self, vector_store_id: str, request: VectorStoreFileRequest
    ) -> Write[VectorStoreFile]:
        """Puts a file into a store; it is read in the background.

        Of a long file that is there already the passages are deleted first, piece by piece.

        Raises:
            Fault: Also when the file does not exist, or the store has expired.
        """
        document: dict[str, Any] = encode(request)

        def write(connection: Connection) -> VectorStoreFile | None:
            store = require_store(self._context, connection, vector_store_id)
            require_usable(store, self._context.clock())
            purge_expired(self._context, connection)
            require_files(self._context, connection, [request.file_id], "file_id")
            if drop_first(connection, in_store(vector_store_id, [request.file_id])):
                return None
            new, tenant = [NewFile(**document)], self._context.caller.tenant
            put_files(connection, store, new, self._context.now(), tenant)
            return _require(self._context, connection, vector_store_id, request.file_id)[1]

        return Write(write)

    def retrieve(self, vector_store_id: str, file_id: str) -> VectorStoreFile:
        """Returns a file of a store."""
        with self._context.database.read() as connection:
            seq, made = _require(self._context, connection, vector_store_id, file_id)
            requeue_unread(self._context, connection, vector_store_files.c.seq == seq)
        return made

    def update(
        self, vector_store_id: str, file_id: str, update: VectorStoreFileUpdate
    ) -> Write[VectorStoreFile]:
        """Replaces the attributes; null clears."""

        def write(connection: Connection) -> VectorStoreFile:
            seq, made = _require(self._context, connection, vector_store_id, file_id)
            made.attributes = dict(update.attributes or {})
            save_file(connection, seq, made)
            return made

        return Write(write)

    def list(
        self, vector_store_id: str, query: PageQuery, *, status: str | None = None
    ) -> StoredJson[Page[VectorStoreFile]]:
        """Returns a page of a store's files, or of those with one status."""
        where = vector_store_files.c.vector_store_id == vector_store_id
        with self._context.database.read() as connection:
            require_store(self._context, connection, vector_store_id)
            requeue_unread(self._context, connection, where)
            return read_page(
                connection,
                vector_store_files,
                VectorStoreFile,
                query,
                {"vector_store_id": vector_store_id},
                parent=vector_store_id,
                passing=with_status(status),
            )

    def delete(self, vector_store_id: str, file_id: str) -> Deleted:
        """Takes a file out of a store; the file itself stays."""
        return in_pieces(self._context, lambda: self._deleted(vector_store_id, file_id))

    def _deleted(self, vector_store_id: str, file_id: str) -> Deleted | None:
        """Takes a file out of a store, or some of a long one's passages."""
        with self._context.database.begin() as connection:
            seq, _ = _require(self._context, connection, vector_store_id, file_id)
            gone = vector_store_files.c.seq == seq
            if drop_first(connection, gone):
                return None
            drop(connection, vector_store_files, gone)
        return Deleted(id=file_id, object="vector_store.file.deleted")

    def content(self, vector_store_id: str, file_id: str) -> FileContentPage:
        """Returns the text that the store has of a file.

        Raises:
            Fault: Also while it is being read, and when it could not be read.
        """
        with self._context.database.read() as connection:
            seq, made = _require(self._context, connection, vector_store_id, file_id)
            if made.status != "completed":
                message = f"The store has no text of file {file_id}: its status is {made.status}."
                raise Fault(400, message, "file_not_processed")
            pieces = text_of(connection, seq)
        return FileContentPage(data=[FoundText(text=piece) for piece in pieces], has_more=False)


def _require(
    context: Context, connection: Connection, vector_store_id: str, file_id: str
) -> tuple[int, VectorStoreFile]:
    require_visible(context, connection, vector_store_id)
    held = vector_store_files.c
    row = connection.execute(
        select(held.seq, held.body).where(
            held.vector_store_id == vector_store_id, held.id == file_id
        )
    ).first()
    if row is None:
        require_store(context, connection, vector_store_id)
        raise not_found("file", file_id)
    return row.seq, decode(VectorStoreFile, row.body)
