"""Reads the files of stores in the background: from content to passages and vectors.

The writes are ingesting.py's; the threads are thread_pool.py's. No SQL, no statuses.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable

from assistants_client.engine.faults import Fault, named
from assistants_client.engine.search.embeddings import EmbeddingError, Embeddings
from assistants_client.engine.search.extraction import (
    ReaderStoppedError,
    UnreadableError,
    extract_passages,
)
from assistants_client.engine.services.worker_side.ingesting import Ingesting, Job

_log = logging.getLogger(__name__)


class Ingester:
    """Processes files of stores, by their numbers, as a ``Runner`` processes runs."""

    def __init__(self, ingesting: Ingesting, embeddings: Embeddings | None = None) -> None:
        self._ingesting = ingesting
        self._embeddings = embeddings

    def process(self, store_file: str, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Reads a file, if it is waiting and nobody else has claimed it."""
        job = self._ingesting.claim(int(store_file))
        if job is None:
            return
        try:
            self._read(job)
        except ReaderStoppedError:
            raise  # it is read again, as often as a file whose process ended
        except UnreadableError as error:
            self._ingesting.fail(job, error.code, str(error))
        except EmbeddingError as error:
            self._ingesting.fail(job, "server_error", str(error))
            _log.warning("File %s of a store could not be read: %s", store_file, error)
        except Fault as fault:  # nothing of it is stored where the file was deleted meanwhile
            self._ingesting.fail(job, "server_error", fault.message)
        except Exception as error:
            self._ingesting.fail(job, "server_error", f"The engine failed: {named(error)}")
            _log.exception("File %s of a store could not be read", store_file)

    def release(self, store_file: str) -> None:
        """Releases a file whose reading broke off without an end, to be read again."""
        self._ingesting.release(int(store_file))

    def renew_leases(self) -> frozenset[str]:
        """Renews the leases of the claimed files, and returns the numbers of those still held."""
        return self._ingesting.renew_leases()

    def _read(self, job: Job) -> None:
        sizes = job.sizes
        # It has no name, where that can be: nothing is left of it when this process is killed.
        with tempfile.TemporaryFile() as file:
            file.writelines(job.content)
            cut, unread = extract_passages(
                file,
                job.content.file.filename,
                sizes.max_chunk_size_tokens,
                sizes.chunk_overlap_tokens,
            )
        if self._embeddings is None:
            self._ingesting.complete(job, cut, unread=unread)
            return
        # The headings say what a passage is about that does not say so itself.
        texts = [f"{one.headings}\n{one.text}" if one.headings else one.text for one in cut]
        vectors = self._embeddings.of_passages(texts)
        self._ingesting.complete(job, cut, self._embeddings.model, vectors, unread=unread)
