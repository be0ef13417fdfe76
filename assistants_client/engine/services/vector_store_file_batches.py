"""Batches: files that were put into a store together, counted together, and cancelled together."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from sqlalchemy import Connection, select, update

from assistants_client._json.codec import decode, encode
from assistants_client.engine.faults import not_found
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._contents import require_files
from assistants_client.engine.services._passages import clear, drop_first, holding_hidden
from assistants_client.engine.services._pieces import in_pieces
from assistants_client.engine.services._stores import (
    NewFile,
    count_files,
    end_file,
    in_store,
    look_after,
    put_files,
    require_store,
    require_usable,
    tidy,
)
from assistants_client.engine.storage.database import add, load
from assistants_client.engine.storage.keyset_pages import PageQuery, read_page
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
    ) -> VectorStoreFileBatch:
        """Puts files into a store; they are read in the background.

        Raises:
            Fault: Also when a file does not exist, or the store has expired.
        """
        return in_pieces(self._context, lambda: self._created(vector_store_id, request))

    def _created(
        self, vector_store_id: str, request: VectorStoreFileBatchRequest
    ) -> VectorStoreFileBatch | None:
        """Puts files into a store, or takes out some of long ones that are there already."""
        now = self._context.clock()
        asked, param = _new_files(encode(request))
        new = list({one.file_id: one for one in asked}.values())
        made = VectorStoreFileBatch(
            id=self._context.new_id("vsfb_"),
            created_at=self._context.now(),
            vector_store_id=vector_store_id,
            status="in_progress",
        )
        with self._context.database.begin() as connection:
            store = require_store(connection, vector_store_id)
            require_usable(store, now)
            tidy(self._context, connection)
            require_files(connection, [one.file_id for one in asked], now, param)
            if drop_first(connection, in_store(vector_store_id, [one.file_id for one in new])):
                return None
            add(
                connection,
                vector_store_batches,
                made,
                vector_store_id=vector_store_id,
                is_cancelled=False,
            )
            put_files(connection, store, new, self._context.now(), batch_id=made.id)
            made = _require(connection, vector_store_id, made.id)
            self._context.answering(connection, made)
        return made

    def retrieve(self, vector_store_id: str, batch_id: str) -> VectorStoreFileBatch:
        """One batch."""
        with self._context.database.read() as connection:
            look_after(self._context, connection, vector_store_files.c.batch_id == batch_id)
            return _require(connection, vector_store_id, batch_id)

    def cancel(self, vector_store_id: str, batch_id: str) -> VectorStoreFileBatch:
        """Ends what is not read yet; files that are done stay, and so does a batch that is done."""
        held = vector_store_files.c
        with self._context.database.begin() as connection:
            batch = _require(connection, vector_store_id, batch_id)
            if batch.status in ("completed", "failed"):
                self._context.answering(connection, batch)
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
            batch = _require(connection, vector_store_id, batch_id)
            self._context.answering(connection, batch)
        for store_file in begun:
            clear(self._context, store_file)
        return batch

    def list_files(
        self, vector_store_id: str, batch_id: str, query: PageQuery, *, status: str | None = None
    ) -> Page[VectorStoreFile]:
        """One page of a batch's files, or of those with one status."""
        where = [vector_store_files.c.batch_id == batch_id]
        if status is not None:
            where.append(vector_store_files.c.status == status)
        with self._context.database.read() as connection:
            _require(connection, vector_store_id, batch_id)
            return read_page(connection, vector_store_files, VectorStoreFile, query, *where)


def _new_files(document: dict[str, Any]) -> tuple[list[NewFile], str]:
    """The files that a request names, and where: a ``{}`` in it is the number of each."""
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


def _require(connection: Connection, vector_store_id: str, batch_id: str) -> VectorStoreFileBatch:
    batch = load(
        connection,
        vector_store_batches,
        VectorStoreFileBatch,
        batch_id,
        vector_store_id=vector_store_id,
    )
    if batch is None:
        require_store(connection, vector_store_id)
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
