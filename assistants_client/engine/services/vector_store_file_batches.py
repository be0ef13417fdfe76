"""Batches: files that were put into a store together, counted together, and cancelled together."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from sqlalchemy import Connection, select, update

from assistants_client._json.codec import decode, encode
from assistants_client.engine.faults import not_found
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._contents import require_files
from assistants_client.engine.services._passages import clear_first, drop_first, holding_hidden
from assistants_client.engine.services._stores import (
    NewFile,
    count_files,
    end_file,
    in_store,
    purge_expired,
    put_files,
    requeue_unread,
    require_store,
    require_usable,
    require_visible,
    with_status,
)
from assistants_client.engine.services._write import Write
from assistants_client.engine.storage.database import add, load
from assistants_client.engine.storage.keyset_pages import PageQuery, read_page
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import vector_store_batches, vector_store_files
from assistants_client.models.lists import Page
from assistants_client.models.vector_stores import (
    VectorStoreFile,
    VectorStoreFileBatch,
    VectorStoreFileBatchRequest,
)


@frozen
class VectorStoreFileBatches:
    """The operations under ``/vector_stores/{id}/file_batches``. Unknown ids are refused.

    A file belongs to the batch that it came with last, as long as it is in the store.
    """

    _context: Context

    def create(
        self, vector_store_id: str, request: VectorStoreFileBatchRequest
    ) -> Write[VectorStoreFileBatch]:
        """Puts files into a store; they are read in the background.

        Of long files that are there already the passages are deleted first, piece by piece.

        Raises:
            Fault: Also when a file does not exist, or the store has expired.
        """
        asked, param = _new_files(encode(request))
        new = list({one.file_id: one for one in asked}.values())
        batch = VectorStoreFileBatch(
            id=self._context.new_id("vsfb_"),
            created_at=self._context.now(),
            vector_store_id=vector_store_id,
            status="in_progress",
        )

        def write(connection: Connection) -> VectorStoreFileBatch | None:
            store = require_store(self._context, connection, vector_store_id)
            require_usable(store, self._context.clock())
            purge_expired(self._context, connection)
            require_files(self._context, connection, [one.file_id for one in asked], param)
            if drop_first(connection, in_store(vector_store_id, [one.file_id for one in new])):
                return None
            add(
                connection,
                vector_store_batches,
                batch,
                vector_store_id=vector_store_id,
                is_cancelled=False,
            )
            put_files(
                connection,
                store,
                new,
                self._context.now(),
                self._context.caller.tenant,
                batch_id=batch.id,
            )
            return _require(self._context, connection, vector_store_id, batch.id)

        return Write(write)

    def retrieve(self, vector_store_id: str, batch_id: str) -> VectorStoreFileBatch:
        """Returns a batch."""
        with self._context.database.read() as connection:
            batch = _require(self._context, connection, vector_store_id, batch_id)
            requeue_unread(self._context, connection, vector_store_files.c.batch_id == batch_id)
        return batch

    def cancel(self, vector_store_id: str, batch_id: str) -> Write[VectorStoreFileBatch]:
        """Ends what is not read yet; files that are done stay, and so does a batch that is done.

        Passages of the others that are stored are deleted before the response, piece by piece.
        """
        held = vector_store_files.c

        def write(connection: Connection) -> VectorStoreFileBatch | None:
            batch = _require(self._context, connection, vector_store_id, batch_id)
            if batch.status in ("completed", "failed"):
                return batch
            connection.execute(
                update(vector_store_batches)
                .where(vector_store_batches.c.id == batch_id)
                .values(is_cancelled=True)
            )
            rows = connection.execute(
                select(held.seq, held.body).where(
                    held.batch_id == batch_id, held.status == "in_progress"
                )
            ).all()
            for row in rows:
                made = decode(VectorStoreFile, row.body)
                made.status = "cancelled"
                end_file(connection, row.seq, made)
            begun = holding_hidden(connection, held.batch_id == batch_id)
            if begun and (clear_first(connection, begun[0]) or begun[1:]):
                return None
            return _require(self._context, connection, vector_store_id, batch_id)

        return Write(write)

    def list_files(
        self, vector_store_id: str, batch_id: str, query: PageQuery, *, status: str | None = None
    ) -> StoredJson[Page[VectorStoreFile]]:
        """Returns a page of a batch's files, or of those with one status."""
        with self._context.database.read() as connection:
            _require(self._context, connection, vector_store_id, batch_id)
            return read_page(
                connection,
                vector_store_files,
                VectorStoreFile,
                query,
                {"batch_id": batch_id},
                parent=vector_store_id,
                passing=with_status(status),
            )


def _new_files(document: dict[str, Any]) -> tuple[list[NewFile], str]:
    """Returns the files that a request names, and their path: a ``{}`` in it is their number."""
    if document.get("files"):
        new = [NewFile(**one) for one in document["files"]]
        param = "files[{}].file_id"
    else:
        shared = {
            "chunking_strategy": document.get("chunking_strategy"),
            "attributes": document.get("attributes"),
        }
        new = [NewFile(file_id=file_id, **shared) for file_id in document["file_ids"]]
        param = "file_ids[{}]"
    return new, param


def _require(
    context: Context, connection: Connection, vector_store_id: str, batch_id: str
) -> VectorStoreFileBatch:
    require_visible(context, connection, vector_store_id)
    batch = load(
        connection,
        vector_store_batches,
        VectorStoreFileBatch,
        batch_id,
        vector_store_id=vector_store_id,
    )
    if batch is None:
        require_store(context, connection, vector_store_id)
        raise not_found("file batch", batch_id)
    counts, _ = count_files(connection, vector_store_files.c.batch_id, [batch_id])[batch_id]
    batch.file_counts = counts
    table = vector_store_batches.c
    is_cancelled = connection.execute(
        select(table.is_cancelled).where(table.id == batch_id)
    ).scalar_one()
    if is_cancelled:
        batch.status = "cancelled"
    elif counts.in_progress:
        batch.status = "in_progress"
    else:
        batch.status = "failed" if counts.failed and not counts.completed else "completed"
    return batch
