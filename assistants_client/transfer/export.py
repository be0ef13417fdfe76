"""``export``: all that a server stores into an archive, also in several goes.

How a server is read is in live_source.py, how an archive is written in archive.py.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from attrs import define, field

from assistants_client._arguments import checked_id
from assistants_client.client.client import Client
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    AuthenticationError,
    InvalidRequestError,
    NotFoundError,
)
from assistants_client.transfer.archive import (
    ArchiveError,
    ArchiveWriter,
    Document,
    file_path,
    files_folder,
    save_bytes,
)
from assistants_client.transfer.live_source import ExportError, LiveSource, created_at
from assistants_client.transfer.losses import CODES, Loss, Losses, Place

#: The progress is reported after so many objects, beside each thread and file.
_REPORT_EVERY: Final = 100
#: Pauses before the bytes of a file are asked for again, in seconds.
_FILE_PAUSES: Final = (1.0, 5.0, 15.0)
#: So many threads in a row that cannot be read mean that the server cannot be.
_MOST_UNREADABLE: Final = 5

#: The kinds of objects in a sentence, without the plural's s; the first two are always in it.
_NOUNS: Final = {
    "thread": "thread",
    "thread.message": "message",
    "thread.run": "run",
    "thread.run.step": "run step",
    "assistant": "assistant",
    "file": "file",
    "vector_store": "vector store",
}


@define
class ExportReport:
    """What was exported, or has been so far. As text it is a sentence.

    Attributes:
        path: The archive.
        counts: Its lines by their ``object``, such as ``thread.message``.
        threads_done: The threads that are dealt with; some may not be there any more.
        threads_total: The threads that there are to export; ``None`` while that is not known.
        losses: What could not come along, by its code; see ``losses.CODES``.
        waits: The seconds for which the server is being waited for; else 0.
    """

    path: Path
    counts: Counter[str] = field(factory=Counter)
    threads_done: int = 0
    threads_total: int | None = None
    losses: Counter[str] = field(factory=Counter)
    waits: float = 0.0

    def __str__(self) -> str:
        parts = [
            f"{self.counts[kind]:,} {noun}{'' if self.counts[kind] == 1 else 's'}"
            for kind, noun in _NOUNS.items()
            if self.counts[kind] or kind in ("thread", "thread.message")
        ]
        said = [", ".join(parts), *(f"{n:,} {CODES[code]}" for code, n in self.losses.items())]
        return "; ".join(said) + "."


def export(
    client: Client,
    path: str | os.PathLike[str],
    *,
    threads: Iterable[str] | None = None,
    since: int | datetime | None = None,
    files: bool = True,
    progress: Callable[[ExportReport], object] | None = None,
    on_loss: Callable[[Loss], object] | None = None,
) -> ExportReport:
    """Exports what a server stores into an archive, and returns what that was.

    The archive is a text file with one object of the protocol a line, and a folder with the bytes
    of files beside it; ``archive.py`` describes it. The same objects make the same bytes. Until it
    is complete it is called ``PATH.part``: called again after a crash or an error, this goes on
    where it was. Assistants, files and vector stores are then as they were at the beginning.

    Limits of rates are kept to, and connections that fail are tried again for some minutes. A
    thread that changes meanwhile is exported as it was when it was read, one that is deleted
    meanwhile is left out and counted.

    In a notebook, with a bar of tqdm::

        with tqdm() as bar:
            def show(report):
                bar.total = report.threads_total
                bar.update(report.threads_done - bar.n)
            export(client, "backup.ndjson", progress=show)

    Args:
        client: A client of any server of the protocol, of Foundry, or with the embedded engine.
        path: The archive; one that is there is replaced once this one is complete.
        threads: The ids of the threads to export, where a server cannot list them or only some are
            wanted; with none at all, what is outside of threads is exported.
        since: Only threads that were created then or later, or have a message from then or later;
            seconds since 1970, or a time.
        files: Also the bytes of files. Those that are there already are not read again.
        progress: Called with the report so far, after each thread and file and every hundred
            objects.
        on_loss: Called with each thing that cannot come along.

    Raises:
        ExportError: The server cannot be read, or does not list its threads.
        ArchiveError: The archive cannot be written.
        InvalidRequestError: ``threads`` or ``since`` cannot be used.
    """
    return _Export(
        client,
        Path(path),
        threads=threads,
        since=since,
        files=files,
        progress=progress,
        on_loss=on_loss,
    ).run()


class _Export:
    """One export; see :func:`export` for its arguments."""

    def __init__(
        self,
        client: Client,
        path: Path,
        *,
        threads: Iterable[str] | None,
        since: int | datetime | None,
        files: bool,
        progress: Callable[[ExportReport], object] | None,
        on_loss: Callable[[Loss], object] | None,
    ) -> None:
        self._threads = None if threads is None else _ids(threads)
        self._since = None if since is None else _seconds(since)
        self._files = files
        self._progress = progress
        self._losses = Losses(on_loss)
        self.report = ExportReport(path, losses=self._losses.counts)
        if path.is_dir() or not path.parent.is_dir():
            why = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
            raise ArchiveError(f"{path} cannot be written: {why}")
        self._folder = files_folder(path)
        self._source = LiveSource(client, on_pause=self._waits)
        self._place = Place(self._source.source.get("host", "engine"))
        self._without_bytes: set[str] = set()

    def run(self) -> ExportReport:
        options: dict[str, object] = {}
        if self._since is not None:
            options["since"] = self._since
        if self._threads is not None:
            options["threads"] = "given"
        if not self._files:
            options["files"] = False
        self._writer = writer = ArchiveWriter(self.report.path, self._source.source, options)
        self.report.counts = writer.counts
        try:
            if writer.has_head:
                self._losses_of_head()
            else:
                self._head()
            self._all_threads()
            writer.finish()
        except AuthenticationError as error:
            raise self._stopped(f"the key or token is not accepted any more: {error}") from error
        except APIError as error:
            raise self._stopped(str(error)) from error
        finally:
            writer.close()
        self.report.counts = writer.counts
        return self.report

    # --- before the threads -----------------------------------------------------------------------

    def _head(self) -> None:
        for one in self._source.assistants() or ():
            self._write(one)
        for one in self._source.files() or ():
            if self._files:
                self._save_bytes(one)
            self._write(one)
            self._tell()
        for store in self._source.vector_stores() or ():
            self._write(store)
            try:
                for one in self._source.vector_store_files(store["id"]):
                    self._write(one)
                    if one["id"] in self._without_bytes:
                        self._write_text(store["id"], one["id"])
            except NotFoundError:  # the store was deleted meanwhile
                self._lost("store_without_files", store, "deleted meanwhile")

    def _losses_of_head(self) -> None:
        """Reports again what was lost before the threads that are there already."""
        for one in self._writer.head() if self._files else ():
            if one["object"] == "vector_store.file_content.page":
                self._lost("file_as_text", {"object": "file", "id": one["file_id"]})
            elif one["object"] == "file" and not file_path(self._folder, one["id"]).is_file():
                self._lost("attachment_without_bytes", one)

    def _save_bytes(self, file: Document) -> None:
        target = file_path(self._folder, file["id"])
        if target.is_file() and target.stat().st_size == file.get("bytes"):
            return
        for pause in (*_FILE_PAUSES, None):
            try:
                with self._source.content(file["id"]) as blocks:
                    save_bytes(self._folder, file["id"], blocks)
            except (APIResponseError, APIConnectionError, APIStatusError) as error:
                if isinstance(error, AuthenticationError):
                    raise
                status = error.status_code if isinstance(error, APIStatusError) else 0
                if pause is not None and (not status or status >= 500):
                    self._source.pause(pause)
                elif not status:
                    raise
                else:
                    self._without_bytes.add(file["id"])
                    self._lost("attachment_without_bytes", file, f"status {status}")
                    return
            else:
                return

    def _write_text(self, store_id: str, file_id: str) -> None:
        text = self._source.text(store_id, file_id)
        if text is not None:
            self._write(text)
            self._without_bytes.discard(file_id)
            self._lost("file_as_text", {"object": "file", "id": file_id})

    # --- threads ----------------------------------------------------------------------------------

    def _all_threads(self) -> None:
        done = self._writer.done
        if self._threads is None:
            keys = self._source.thread_keys()
            if done and done.isdisjoint(id_ for _, id_ in keys):
                raise ArchiveError(
                    f"{self.report.path}.part was begun from another server or database: none of "
                    "its threads is here; delete it, or choose another name"
                )
            todo = [id_ for time_, id_ in keys if self._is_wanted(time_, id_)]
        else:
            todo = self._threads
        self.report.threads_total = len(todo)
        failed = 0
        for id_ in todo:
            if id_ not in done:
                try:
                    with self._writer.whole_thread():
                        self._thread(id_)
                    failed = 0
                except NotFoundError:
                    self._lost("thread_gone", {"object": "thread", "id": id_})
                except APIStatusError as error:
                    failed += 1
                    is_passing = error.status_code in (401, 403, 408, 429)
                    if is_passing or failed == _MOST_UNREADABLE:
                        raise
                    note = f"status {error.status_code}"
                    self._lost("thread_not_given", {"object": "thread", "id": id_}, note)
            self.report.threads_done += 1
            self._tell()

    def _is_wanted(self, created: int, thread_id: str) -> bool:
        if self._since is None or created >= self._since:
            return True
        try:
            return self._source.is_newer(thread_id, self._since)
        except NotFoundError:
            return False

    def _thread(self, thread_id: str) -> None:
        thread = self._source.thread(thread_id)
        # Of those that the server lists, it is known already.
        if self._threads is not None and not self._is_wanted(created_at(thread), thread_id):
            return
        self._write(thread)
        for message in self._source.messages(thread_id):
            self._write(message)
        # Read after the messages: the run that wrote one of them is there.
        for run in self._source.runs(thread_id):
            self._write(run)
            steps = self._source.steps(thread_id, run["id"])
            if steps is None:
                self._lost("steps_missing", run)
            else:
                for step in steps:
                    self._write(step)

    # --- reports ----------------------------------------------------------------------------------

    def _write(self, document: Document) -> None:
        self._writer.write(document)
        if sum(self._writer.counts.values()) % _REPORT_EVERY == 0:
            self._tell()

    def _lost(self, code: str, document: Document, note: str | None = None) -> None:
        self._losses.add(Loss(code, self._place, document["object"], document["id"], note=note))

    def _tell(self) -> None:
        self.report.waits = 0.0
        self.report.counts = self._writer.counts
        if self._progress is not None:
            self._progress(self.report)

    def _waits(self, seconds: float) -> None:
        self.report.waits = seconds
        if self._progress is not None:
            self._progress(self.report)

    def _stopped(self, why: str) -> ExportError:
        return ExportError(
            f"{why}. What was exported stays in {self.report.path}.part: the same export, called "
            "again, goes on with it"
        )


def _ids(threads: Iterable[object]) -> list[str]:
    if isinstance(threads, str):
        raise InvalidRequestError(
            "threads: expected the ids of threads, such as a list, got a string", path="threads"
        )
    return [checked_id("thread_id", one) for one in dict.fromkeys(threads)]


def _seconds(since: object) -> int:
    if isinstance(since, datetime):
        return int(since.timestamp())
    if not isinstance(since, int) or isinstance(since, bool):
        raise InvalidRequestError(
            f"since: expected seconds since 1970 or a datetime, got {type(since).__name__}",
            path="since",
        )
    return since
