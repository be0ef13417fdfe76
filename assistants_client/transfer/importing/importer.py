"""The import: sources are read and spooled, then written, the threads one after the other."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from assistants_client.engine.engine import DEFAULT_URL
from assistants_client.engine.faults import Fault
from assistants_client.engine.services._base import Context
from assistants_client.engine.services.imports import Imports
from assistants_client.engine.storage.database import Database
from assistants_client.transfer.found import Found
from assistants_client.transfer.importing.decisions import OnConflict
from assistants_client.transfer.importing.file_bytes import ByteSources, is_archive
from assistants_client.transfer.importing.names import derived, digest, is_usable
from assistants_client.transfer.importing.objects import Forms, role_of
from assistants_client.transfer.importing.options import (
    DatabaseUnusableError,
    ImportOptions,
    TransferError,
)
from assistants_client.transfer.importing.order import OrderOption
from assistants_client.transfer.importing.spool import Spool
from assistants_client.transfer.importing.stores import StoresWriter
from assistants_client.transfer.importing.summary import ImportProgress, ImportSummary
from assistants_client.transfer.importing.thread_rows import LockedError, ThreadRows
from assistants_client.transfer.importing.threads import ThreadsWriter
from assistants_client.transfer.importing.times import DateError, Times
from assistants_client.transfer.importing.writer import Writer
from assistants_client.transfer.losses import CODES, Loss, Losses, Place
from assistants_client.transfer.reading.options import Reader, ReadOptions, SourceError
from assistants_client.transfer.reading.sources import read

#: Objects, or threads, between two reports of progress.
_PROGRESS: Final = 100
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: The beginning of the key of a thread that nothing names; no source's key has it.
_NAMELESS: Final = "\x00"


def import_files(
    paths: Sequence[str | os.PathLike[str]],
    database: str | None = None,
    *,
    as_: Reader | None = None,
    columns: Mapping[str, str] | None = None,
    branches: bool = False,
    order: OrderOption = "auto",
    files: str | os.PathLike[str] | None = None,
    model_map: Mapping[str, str] | None = None,
    timezone: str | None = None,
    date_format: str | None = None,
    on_conflict: OnConflict = "keep",
    restore: bool = False,
    dry_run: bool = False,
    report: str | os.PathLike[str] | None = None,
    progress: Callable[[ImportProgress], object] | None = None,
) -> ImportSummary:
    """Imports conversations, and what belongs to them, into the database of an engine.

    Ids and times are kept, messages are brought into order, and each thread is written in one
    transaction. The database keeps a ledger: the same import again changes nothing, and that of a
    longer export adds what is new. Servers may use the database meanwhile. Nothing is fetched from
    the network.

    Args:
        paths: JSON, NDJSON or CSV files, ``.gz`` and ``.zip`` of them, and folders.
        database: The database, as ``Engine`` takes it; ``None`` is ``ASSISTANTS_DATABASE_URL``,
            else ``assistants.db`` in the working directory.
        as_: How to read all files: ``protocol``, ``rows``, ``chat`` or ``tree``; ``None`` looks.
        columns: For rows: by field (``thread``, ``id``, ``role``, ``text``, ``time``,
            ``question``, ``answer``, ``assistant``, ``run``) the name of the column that holds it.
        branches: Whether each branch of a tree becomes a thread of its own.
        order: How lists of messages stand: ``auto`` decides for each; ``oldest-first``,
            ``newest-first`` and ``as-is`` say it.
        files: A folder with the bytes of files, named by ids, ids and names, or names. The folder
            of an archive of ``assistants export`` is found without.
        model_map: Names of models and what assistants are to have in their place.
        timezone: The zone of times that have none, such as ``Europe/Brussels``; ``None`` is UTC,
            and is reported.
        date_format: The form of dates that begin with a day or a month, as ``strptime`` reads it.
        on_conflict: What becomes of an object that differs from what is stored and was changed
            here: ``keep`` ours, ``replace`` it, or ``fail``.
        restore: Whether what was deleted here comes back.
        dry_run: Whether to do all of it and store nothing.
        report: A file for what did not come along: a JSON object a line, without content.
        progress: Called now and then with a :class:`ImportProgress`.

    Returns:
        What was done; its text is a short report.

    Raises:
        ConfigurationError: An argument or the database's URL cannot be used; it is named.
        TransferError: A source cannot be read, or a conflict is to end the import. Threads that
            were written before are complete, and the same import again goes on.
    """
    options = ImportOptions(
        as_=as_,
        columns=dict(columns or {}),
        branches=branches,
        order=order,
        files=None if files is None else Path(files),
        model_map=dict(model_map or {}),
        timezone=timezone,
        date_format=date_format,
        on_conflict=on_conflict,
        restore=restore,
        dry_run=dry_run,
    )
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    summary = ImportSummary(is_dry_run=dry_run)
    with _reporting(report) as listener, closing(Spool()) as spool:
        losses = Losses(listener)
        summary.losses = losses.counts
        importer = _Importer(options, spool, losses, summary, progress or (lambda _: None))
        importer.read(paths)
        with _opened(database, dry_run=dry_run) as context:
            importer.write(context)
    return summary


@contextmanager
def _reporting(path: str | os.PathLike[str] | None) -> Iterator[Callable[[Loss], object] | None]:
    """Yields what writes losses into a file."""
    if path is None:
        yield None
        return
    try:
        file = open(path, "w", encoding="utf-8")  # noqa: SIM115  # it is closed below
    except OSError as error:
        raise TransferError(f"{os.fspath(path)} cannot be written: {error.strerror}") from error

    def listener(loss: Loss) -> None:
        document = {
            "code": loss.code,
            "what": CODES[loss.code],
            "file": loss.place.file,
            "line": loss.place.line,
            "object": loss.object,
            "id": loss.id,
            "field": loss.field,
            "note": loss.note,
        }
        file.write(f"{json.dumps(document)}\n")

    with file:
        yield listener


@contextmanager
def _opened(url: str | None, *, dry_run: bool) -> Iterator[Context]:
    """Yields the context of a database.

    Raises:
        ConfigurationError: It cannot be opened.
        DatabaseUnusableError: It cannot be used for the moment.
    """
    url = url or os.environ.get("ASSISTANTS_DATABASE_URL") or DEFAULT_URL
    path = url.partition("://")[2].removeprefix("/").partition("?")[0]
    if dry_run and url.startswith("sqlite") and not path.startswith("file:"):
        url = url if os.path.exists(path) else "sqlite://"  # none is made for a dry run
    database = Database(url)
    try:
        database.open()
        yield Context(database=database)
    except Fault as fault:
        raise DatabaseUnusableError(
            f"{fault.message} What was imported before is complete; the same import again goes on."
        ) from fault
    finally:
        database.close()


class _Importer:
    """One import."""

    def __init__(
        self,
        options: ImportOptions,
        spool: Spool,
        losses: Losses,
        summary: ImportSummary,
        progress: Callable[[ImportProgress], object],
    ) -> None:
        self._options = options
        self._spool = spool
        self._losses = losses
        self._summary = summary
        self._progress = progress
        self._times = Times(options.zone, options.date_format)
        self._changed: dict[tuple[str, str], str] = {}
        #: Former names of threads, by their numbers.
        self._formers: dict[int, str] = {}
        self._archives: dict[str, bool] = {}
        self._sources = ByteSources(options.files)

    def read(self, paths: Sequence[str | os.PathLike[str]]) -> None:
        """Spools all that the sources have.

        Raises:
            TransferError: One cannot be read; nothing was written yet.
        """
        for path in paths:
            self._is_archive(os.fspath(path))
        count = 0
        options = ReadOptions(
            as_=self._options.as_,
            columns=self._options.columns,
            branches=self._options.branches,
            recognised=self._summary.recognised.append,
        )
        try:
            for found in read(paths, self._losses, options):
                self._take(found)
                count += 1
                if count % _PROGRESS == 0:
                    self._progress(ImportProgress("reading", count))
        except SourceError as error:
            raise TransferError(f"{error}") from error
        self._progress(ImportProgress("reading", count))
        self._spool.index()
        self._name_threads()

    def write(self, context: Context) -> None:
        """Writes what was read."""
        now = context.now()
        writer = Writer(
            Imports(context),
            self._spool,
            self._options,
            self._losses,
            self._summary,
            Forms(self._times, self._options.model_map),
            self._sources,
            self._changed,
        )
        stores = StoresWriter(writer, now)
        stores.write()
        archives = frozenset(file for file, is_one in self._archives.items() if is_one)
        threads = ThreadsWriter(writer, ThreadRows(writer), stores, now, archives, self._formers)
        names = self._spool.thread_numbers(by_time=not archives)
        locked: list[tuple[int, str]] = []
        for done, (number, thread_id) in enumerate(names):
            if done % _PROGRESS == 0:
                self._progress(ImportProgress("writing", done, len(names)))
            try:
                threads.write(number, thread_id)
            except LockedError:
                locked.append((number, thread_id))
        for number, thread_id in locked:
            try:
                threads.write(number, thread_id)
            except LockedError:
                self._summary.locked.append(thread_id)
        self._progress(ImportProgress("writing", len(names), len(names)))

    def _is_archive(self, file: str) -> bool:
        known = self._archives.get(file)
        if known is None:
            path = Path(file)
            known = self._archives[file] = path.is_file() and is_archive(path)
            if known:
                self._sources.add_archive(path)
        return known

    # --- reading ----------------------------------------------------------------------------------

    def _take(self, found: Found) -> None:
        """Spools an object, with what its place and its id depend on."""
        kind, document = found.kind, found.document
        self._is_archive(found.place.file)
        key = found.thread_key or None
        if kind in ("message", "run", "step", "thread") and key is None:
            own = document.get("id" if kind == "thread" else "thread_id")
            key = own if isinstance(own, str) and own else f"{_NAMELESS}{digest(document)}"
        time = self._time(found)
        name, mark = self._name(found, key)
        role = role_of(document.get("role"))[0] if kind == "message" else None
        run = found.run_key if kind == "step" else document.get("run_id")
        self._spool.put(
            kind,
            document,
            found.place,
            key=key,
            run=run if isinstance(run, str) and run else None,
            name=name,
            mark=mark,
            role=role,
            time=time,
            is_whole=isinstance(document.get("object"), str),
            direction=found.direction,
            is_cut=found.is_cut,
        )

    def _time(self, found: Found) -> float | None:
        value = found.document.get("created_at")
        if value is None:
            return None
        try:
            reading = self._times.read(value)
        except DateError as error:
            line = "" if found.place.line is None else f", line {found.place.line}"
            raise TransferError(
                f"{found.place.file}{line}: the date {str(error)!r:.40} begins with a day or a "
                "month, and nothing says with which: date_format (--date-format) does, such as "
                "%d/%m/%Y or %m/%d/%Y %H:%M. Nothing was imported"
            ) from None
        if reading.is_zone_assumed:
            self._lose("zone_assumed", found, "created_at")
        return reading.seconds

    def _name(self, found: Found, key: str | None) -> tuple[str | None, str | None]:
        """Returns the id that an object has here, or what it is derived from in its thread."""
        kind, document = found.kind, found.document
        given = document.get("file_id" if kind == "file_text" else "id")
        if kind == "vector_store_file" and not given:
            given = document.get("file_id")
        if isinstance(given, int) and not isinstance(given, bool):
            given = str(given)
        of = "file" if kind in ("vector_store_file", "file_text") else kind
        if isinstance(given, str) and given:
            if is_usable(given):
                return given, None
            name = self._changed.get((of, given))
            if name is None:
                name = derived(of, given)
                self._changed[of, given] = name
            self._lose("id_changed", found, "id", f"{len(given)} characters")
            document["_former"] = given
            return name, None
        if kind == "thread":
            return None, None
        if kind == "message":
            content = document.get("content")
            return None, digest([document.get("role"), document.get("created_at"), content])
        return derived(of, key, document), None

    def _name_threads(self) -> None:
        """Decides the ids of threads: their own, or what the source has in their place."""
        self._spool.index_threads()
        named: list[tuple[int, str, float | None]] = []
        for number, key in self._spool.thread_keys():
            own = [one.id for one in self._spool.of("thread", number) if one.id is not None]
            if own:
                name = own[-1]
            else:
                place = self._spool.first_place(number)
                name = self._thread_name(number, key, place)
            named.append((number, name, self._spool.first_time(number)))
        self._spool.name_threads(named)

    def _thread_name(self, number: int, key: str, place: Place) -> str:
        if key.startswith(_NAMELESS):
            return derived("thread", key)
        file = Path(place.file)
        is_file = key in (place.file, file.name, file.stem)
        if is_usable(key) and (
            not is_file or key.startswith("thread_") or _UUID.fullmatch(key) is not None
        ):
            return key
        name = derived("thread", key)
        self._formers[number] = key
        self._changed["thread", key] = name
        if not is_file:
            note = f"{len(key)} characters"
            self._losses.add(Loss("id_changed", place, "thread", name, "id", note))
        return name

    def _lose(self, code: str, found: Found, field: str, note: str | None = None) -> None:
        name = found.document.get("id")
        shown = name if isinstance(name, str) else None
        self._losses.add(Loss(code, found.place, found.kind, shown, field, note))
