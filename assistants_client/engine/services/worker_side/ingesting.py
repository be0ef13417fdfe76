"""The writes of ingestion: a file of a store is claimed, and read or failed.

The reading of files does not belong here; see ``worker.ingester``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen
from sqlalchemy import Connection, select, update

from assistants_client._json.codec import decode
from assistants_client.engine.search.document_reader.chunking import Chunk
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._contents import FileContent
from assistants_client.engine.services._leases import LeaseHolder
from assistants_client.engine.services._passages import (
    clear,
    holding_hidden,
    in_slices,
    put_passages,
)
from assistants_client.engine.services._stores import FILE_LEASE, end_file
from assistants_client.engine.services._vectors import put_vectors
from assistants_client.engine.services._write import in_pieces
from assistants_client.engine.storage.database import BRIEF, load
from assistants_client.engine.storage.outages import retried
from assistants_client.engine.storage.tables import files, vector_store_files, vector_stores
from assistants_client.models.chunking import StaticChunking, StaticChunkingSizes
from assistants_client.models.endings import LastError
from assistants_client.models.files import File
from assistants_client.models.vector_stores import VectorStoreFile

#: A file whose worker died so often is not tried again.
MAX_TRIES: Final = 3
#: The statuses of files that were not read.
_ENDED: Final = ("failed", "cancelled")
#: Waiting files that are read together.
_MOST_WAITING: Final = 100


@frozen(kw_only=True)
class Job:
    """A claimed file of a store: its content is to be cut into passages of these sizes."""

    store_file: int
    #: The number of this try, from 1.
    tries: int
    content: FileContent
    sizes: StaticChunkingSizes


class Ingesting:
    """Writes on behalf of one worker on files. Safe to share between threads and over a fork."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._database = context.database
        self._leases = LeaseHolder(context, vector_store_files, FILE_LEASE)

    @property
    def owner(self) -> str:
        """The owner name of this worker; another one after a fork."""
        return self._leases.owner

    def claim(self, store_file: int) -> Job | None:
        """Claims a file that is in progress and not claimed; ``None`` when there is none.

        What earlier tries have stored is deleted, also where there is to be no further one.
        """
        job, is_left = self._claimed(store_file)
        if is_left:
            self._clear(store_file, job)
        return job

    @retried
    def _claimed(self, store_file: int) -> tuple[Job | None, bool]:
        with self._context.begin() as connection:
            job = self._claim(connection, store_file)
            return job, bool(holding_hidden(connection, vector_store_files.c.seq == store_file))

    def _claim(self, connection: Connection, store_file: int) -> Job | None:
        row = _row(connection, store_file)
        if row is None or row.status != "in_progress":
            return None
        columns = self._leases.claim(store_file, row.owner, row.lease_until)
        if columns is None:
            return None
        if row.tries >= MAX_TRIES:
            message = f"Reading the file ended its process {MAX_TRIES} times."
            error = LastError(code="server_error", message=message)
            self._end(connection, row.seq, row.made, "failed", error)
            return None
        tries = row.tries + 1
        connection.execute(
            update(vector_store_files)
            .where(vector_store_files.c.seq == store_file)
            .values(tries=tries, **columns)
        )
        file = load(connection, files, File, row.made.id)
        if file is None:
            return None
        chunking = row.made.chunking_strategy
        return Job(
            store_file=store_file,
            tries=tries,
            content=FileContent(self._database, file),
            sizes=chunking.static
            if isinstance(chunking, StaticChunking)
            else StaticChunkingSizes(max_chunk_size_tokens=800, chunk_overlap_tokens=400),
        )

    def complete(
        self,
        job: Job,
        chunks: Sequence[Chunk],
        model: str = "",
        vectors: Sequence[bytes] = (),
        *,
        unread: str = "",
    ) -> None:
        """Stores the passages of a file as long as it is ours; else it was cancelled or deleted.

        Args:
            job: The file.
            chunks: The passages.
            model: The model of their vectors.
            vectors: One for each passage, or none at all.
            unread: What of the file could not be read, in words: its error, though it is completed.
        """
        size = sum(len(one.text.encode("utf-8", "replace")) for one in chunks)
        slices = in_slices(chunks)
        some = next(slices)

        @retried
        def store() -> bool | None:
            with self._database.begin() as connection:
                row = self._own(connection, job)
                if row is None:
                    return False
                made = row.made
                store = connection.execute(
                    select(vector_stores.c.seq).where(vector_stores.c.id == made.vector_store_id)
                ).scalar_one()
                filename = job.content.file.filename
                numbers = put_passages(connection, store, row.seq, filename, chunks[some])
                if vectors:
                    put_vectors(connection, numbers, model, vectors[some])
                if some.stop < len(chunks):
                    return None
                made.usage_bytes = size
                error = None
                if unread:
                    message = f"The file was read, except for {unread}."
                    error = LastError(code="unsupported_file", message=message)
                self._end(connection, row.seq, made, "completed", error)
            return True

        def piece() -> bool | None:
            nonlocal some
            is_over = store()
            if is_over is None:
                some = next(slices)
            return is_over

        in_pieces(self._context, piece)

    @retried
    def fail(self, job: Job, code: str, message: str) -> None:
        """Stores the error of a file that cannot be read."""
        self._clear(job.store_file, job)
        with self._database.begin() as connection:
            row = self._own(connection, job)
            if row is not None:
                error = LastError(code=code, message=message)
                self._end(connection, row.seq, row.made, "failed", error)

    @retried
    def renew_leases(self) -> frozenset[str]:
        """Renews the leases of the claimed files, and returns their numbers."""
        held = select(vector_store_files.c.seq).where(self._leases.owned)
        with self._database.begin() as connection:
            self._leases.renew(connection)
            own = connection.execute(held).scalars()
            return frozenset(str(store_file) for store_file in own)

    @retried
    def orphans(self) -> list[int]:
        """Returns the files that are to be read and not claimed, in the order they came in.

        Those come after that have ended, and passages of which nobody has deleted.
        """
        ended = vector_store_files.c.status.in_(_ENDED)
        unread = self._unread(None)
        with self._database.read() as connection:
            return unread + holding_hidden(connection, ended)

    @retried
    def unclaimed(self) -> list[str]:
        """Returns the files that are to be read and not claimed, as strings, the oldest of many.

        To be called often.
        """
        return [str(store_file) for store_file in self._unread(_MOST_WAITING)]

    def _unread(self, most: int | None) -> list[int]:
        held = vector_store_files.c
        waiting = select(held.seq).where(held.status == "in_progress")
        return self._leases.free(waiting.order_by(held.seq).limit(most))

    @retried
    def release(self, store_file: int) -> None:
        """Releases one file, if it is claimed, for whoever claims it next."""
        with self._database.begin() as connection:
            self._leases.release(connection, vector_store_files.c.seq == store_file)

    def close(self) -> None:
        """Stops further claims."""
        self._leases.close()

    @retried
    def release_all(self) -> None:
        """Releases all claimed files for whoever opens the database next; after :meth:`close`."""
        with self._database.begin(patience=BRIEF) as connection:
            self._leases.release(connection, tries=0)

    def _own(self, connection: Connection, job: Job) -> _Held | None:
        row = _row(connection, job.store_file)
        if row is None or row.owner != self.owner:
            return None
        # This process may have taken it for lost, and begun anew.
        return row if row.tries == job.tries else None

    def _clear(self, store_file: int, job: Job | None) -> None:
        """Deletes passages that are not shown of a file that is ours, or has ended."""

        def is_due(connection: Connection) -> bool:
            if job is not None:
                return self._own(connection, job) is not None
            row = _row(connection, store_file)
            return row is not None and row.status in _ENDED

        clear(self._context, store_file, is_due)

    @staticmethod
    def _end(
        connection: Connection,
        seq: int,
        made: VectorStoreFile,
        status: str,
        error: LastError | None,
    ) -> None:
        made.status = status
        made.last_error = error
        end_file(connection, seq, made)


@frozen(kw_only=True)
class _Held:
    """A file of a store, with the columns of the worker that has claimed it."""

    seq: int
    made: VectorStoreFile
    status: str
    owner: str | None
    lease_until: float | None
    tries: int


def _row(connection: Connection, store_file: int) -> _Held | None:
    held = vector_store_files.c
    query = select(held.seq, held.body, held.status, held.owner, held.lease_until, held.tries)
    row = connection.execute(query.where(held.seq == store_file)).first()
    if row is None:
        return None
    return _Held(
        seq=row.seq,
        made=decode(VectorStoreFile, row.body),
        status=row.status,
        owner=row.owner,
        lease_until=row.lease_until,
        tries=row.tries,
    )
