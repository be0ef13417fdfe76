"""Assistants, files with their bytes, vector stores and the files in them, written one by one.

A file without bytes is not made: what refers to it goes on without. What is put into a store is
read by the engine, as if it had been uploaded.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from attrs import define, evolve, field

from assistants_client.engine.services.files import MAX_FILE
from assistants_client.engine.services.imports import Known, Row
from assistants_client.transfer.importing.contents import MadeFile
from assistants_client.transfer.importing.decisions import digest_of
from assistants_client.transfer.importing.objects import Document, renamed, with_former
from assistants_client.transfer.importing.spool import Ready, Spooled
from assistants_client.transfer.importing.writer import Tally, Writer, as_json
from assistants_client.transfer.losses import Loss, Place

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Objects of one transaction.
_AT_ONCE: Final = 200
#: How a file is cut into passages where a source does not say.
_CHUNKS: Final = {
    "chunking_strategy": {
        "type": "static",
        "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400},
    }
}
#: What is at the end of a text's name.
_TEXT: Final = ".txt"


@define
class StoresWriter:
    """Writes what belongs to no thread."""

    writer: Writer
    now: int
    #: Texts of files whose bytes may not be there.
    _texts: dict[str, int] = field(factory=dict)
    #: Stores that are only named, and were made.
    _stores: set[str] = field(factory=set)

    def write(self) -> None:
        """Writes all of it: what others refer to first."""
        spool = self.writer.spool
        for one in spool.of("file_text"):
            if one.id is not None:
                self._texts[one.id] = one.n
        for one in self._last("file"):
            self._file(one)
        for file_id, n in self._texts.items():
            if not spool.is_present(file_id):
                [text] = spool.at([n])
                self._file(text)
        self._in_groups("vector_store")
        self._store_files()
        self._in_groups("assistant")

    def _last(self, kind: str) -> Iterator[Spooled]:
        """Yields the objects of a kind; of those with the same id the last."""
        for one in self.writer.spool.of(kind):
            if one.id is None or self.writer.spool.is_last(kind, one.id, one.n):
                yield one
            else:
                self.writer.losses.add(Loss("duplicate", one.place, kind, one.id))

    def ready(self, kind: str, one: Spooled, document: Document, **fields: Any) -> Ready:
        """Returns an object as it is to be stored.

        Args:
            kind: What it is.
            one: As it was read.
            document: Its document, in form.
            fields: Fields that are known.
        """
        writer = self.writer
        name = str(one.id)
        report = writer.reporter(one.place, kind, name)
        at = self.now if one.time is None else int(one.time)
        document = with_former(document, document.pop("_former", None))
        body = writer.forms.body(kind, document, at, report, **{"id": name, **fields})
        is_dated = one.time is not None
        text = as_json(body)
        sha256 = digest_of(kind, text, is_dated=is_dated)
        status = str(body.get("status") or "")
        return Ready(name, at, None, status, text, sha256, is_dated, one.place)

    def _in_groups(self, kind: str) -> None:
        group: list[tuple[Ready, dict[str, Any]]] = []
        for one in self._last(kind):
            group.append(self._assistant(one) if kind == "assistant" else self._store(one))
            if len(group) == _AT_ONCE:
                self._put(kind, group)
                group = []
        if group:
            self._put(kind, group)

    def _put(self, kind: str, group: list[tuple[Ready, dict[str, Any]]]) -> None:
        writer = self.writer
        with writer.transaction() as (connection, tally):
            known = writer.imports.known(connection, kind, [ready.id for ready, _ in group])
            new: list[Row] = []
            again: list[Row] = []
            noted: list[Ready] = []
            for ready, columns in group:
                decision = writer.decision(kind, ready, known.get(ready.id), tally)
                row = Row(ready.id, ready.created_at, ready.body, columns)
                if decision == "new":
                    new.append(row)
                elif decision == "replaced":
                    again.append(row)
                if decision in ("new", "replaced"):
                    noted.append(ready)
            writer.imports.add(connection, kind, new)
            writer.imports.replace(connection, kind, again)
            writer.note(connection, kind, noted, known)

    def _assistant(self, one: Spooled) -> tuple[Ready, dict[str, Any]]:
        report = self.writer.reporter(one.place, "assistant", one.id)
        document = self.writer.forms.assistant(one.document, report)
        document = renamed(document, self.writer.name)
        return self.ready("assistant", one, document), {"tenant": None}

    def _store(self, one: Spooled) -> tuple[Ready, dict[str, Any]]:
        document = dict(one.document)
        counts = document.pop("file_counts", None)
        claimed = counts.get("total") if isinstance(counts, dict) else None
        if claimed and not self.writer.spool.has("vector_store_file"):
            note = f"{claimed} files, none in the source"
            self.writer.reporter(one.place, "vector_store", one.id)(
                "store_without_files", None, note
            )
        document.update(usage_bytes=0, status="completed")
        expires = self.writer.forms.times.read(document.get("expires_at")).seconds
        columns = {"expires_at": None if expires is None else int(expires), "tenant": None}
        return self.ready("vector_store", one, document), columns

    # --- files ------------------------------------------------------------------------------------

    def _file(self, one: Spooled) -> None:
        """Writes a file, if its bytes or its text are somewhere."""
        writer = self.writer
        name = str(one.id)
        document = dict(one.document)
        text = document.pop("text", None)
        document.pop("file_id", None)
        filename = document.get("filename")
        found = writer.sources.find(
            str(document.get("_former") or name), filename if isinstance(filename, str) else None
        )
        if found is not None:
            document["filename"] = found.filename
            with found.path.open("rb") as source:
                size = found.path.stat().st_size
                self.put_file(one, {**document, "bytes": size}, source)
            return
        if text is None and name in self._texts:
            text = next(writer.spool.at([self._texts[name]])).document.get("text")
        report = writer.reporter(one.place, "file", name)
        if not isinstance(text, str):
            report("attachment_without_bytes", None, None)
            return
        report("file_as_text", None, f"{len(text)} characters")
        content = text.encode("utf-8", "replace")
        shown = filename if isinstance(filename, str) and filename else name
        document["filename"] = shown if shown.endswith(_TEXT) else f"{shown}{_TEXT}"
        self.put_file(one, {**document, "bytes": len(content)}, io.BytesIO(content))

    def put_file(self, one: Spooled, document: Document, source: BinaryIO) -> None:
        """Writes a file with its content, in several transactions where it is large."""
        writer = self.writer
        if document["bytes"] > MAX_FILE:
            note = f"{document['bytes']} bytes, at most {MAX_FILE} are allowed"
            writer.reporter(one.place, "file", one.id)("attachment_without_bytes", "bytes", note)
            return
        document.setdefault("purpose", "assistants")
        ready = self.ready("file", one, document)
        expires = writer.forms.times.read(document.get("expires_at")).seconds
        columns = {
            "purpose": str(document.get("purpose") or "assistants"),
            "expires_at": None if expires is None else int(expires),
            "tenant": None,
        }
        row = Row(ready.id, ready.created_at, ready.body, columns)
        writer.spool.note_present(ready.id)
        is_whole, number = True, 0
        with writer.transaction() as (connection, tally):
            known = writer.imports.known(connection, "file", [ready.id])
            decision = writer.decision("file", ready, known.get(ready.id), tally)
            if decision == "new":
                is_whole = writer.imports.begin_file(connection, row, source)
            elif decision == "replaced":
                values = {**columns, "is_whole": True}
                again = Row(ready.id, ready.created_at, ready.body, values)
                writer.imports.replace(connection, "file", [again])
            if decision in ("new", "replaced") and is_whole:
                writer.note(connection, "file", [ready], known)
        while not is_whole and not writer.options.dry_run:
            number += 4
            with writer.transaction() as (connection, _):
                is_whole = writer.imports.append_blocks(connection, ready.id, number, source)
                if is_whole:
                    writer.note(connection, "file", [ready], known)

    def find_file(self, file_id: str, place: Place, time: float | None) -> bool:
        """Writes a file that is only referred to, if its bytes are there; returns whether it is."""
        if self.writer.spool.is_present(file_id):
            return True
        found = self.writer.sources.find(file_id, None)
        if found is None:
            return False
        one = Spooled(0, {}, place, file_id, None, time)
        with found.path.open("rb") as source:
            document = {"filename": found.filename, "bytes": found.path.stat().st_size}
            self.put_file(one, document, source)
        return True

    def make_file(self, made: MadeFile, place: Place, time: float | None) -> None:
        """Writes a file that was part of a text."""
        if not self.writer.spool.is_present(made.id):
            one = Spooled(0, {}, place, made.id, None, time)
            document = {"filename": made.filename, "bytes": len(made.content)}
            self.put_file(one, document, io.BytesIO(made.content))

    # --- files in stores --------------------------------------------------------------------------

    def _store_files(self) -> None:
        """Puts files into their stores; what only names both follows what has more to say."""
        seen: set[tuple[str, str]] = set()
        for is_named_only in (False, True):
            for one in self.writer.spool.of("vector_store_file"):
                store_id = one.document.get("vector_store_id")
                if not isinstance(store_id, str) or one.id is None:
                    continue
                store_id = self.writer.name("vector_store", store_id)
                if (one.time is None) == is_named_only and (store_id, one.id) not in seen:
                    seen.add((store_id, one.id))
                    self._store_file(one, store_id)

    def _store_file(self, one: Spooled, store_id: str) -> None:
        if not self.find_file(str(one.id), one.place, one.time):
            report = self.writer.reporter(one.place, "vector_store_file", one.id)
            report("store_without_files", "vector_store_id", store_id)
            return
        document = {**_CHUNKS, **one.document, "usage_bytes": 0}
        if document.get("status") not in ("failed", "cancelled"):
            document.update(status="in_progress", last_error=None)
        ready = self.ready("vector_store_file", one, document, vector_store_id=store_id)
        self._require_store(store_id, one)
        with self.writer.transaction() as (connection, tally):
            self._put_store_file(connection, tally, store_id, ready)

    def _require_store(self, store_id: str, one: Spooled) -> None:
        """Makes a store that is only named, by what is in it."""
        writer = self.writer
        if store_id in self._stores or writer.spool.has_id("vector_store", store_id):
            return
        self._stores.add(store_id)
        with writer.transaction() as (connection, _):
            known = writer.imports.known(connection, "vector_store", [store_id])
        if store_id not in known:
            store = Spooled(0, {}, one.place, store_id, None, one.time)
            self._put("vector_store", [self._store(store)])

    def _put_store_file(
        self, connection: Connection, tally: Tally, store_id: str, ready: Ready
    ) -> None:
        writer, imports = self.writer, self.writer.imports
        place = f"{store_id}/{ready.id}"
        stores = imports.known(connection, "vector_store", [store_id])
        is_there = stores.get(store_id, Known()).body is not None
        if not is_there and not writer.options.dry_run:
            tally.outcomes["vector_store_file", "deleted"] += 1  # with its store
            return
        body = imports.store_files(connection, store_id, [ready.id]).get(ready.id)
        noted = imports.noted(connection, "vector_store_file", [place]).get(place)
        decision = writer.decision("vector_store_file", ready, Known(store_id, body, noted), tally)
        columns = {"vector_store_id": store_id, "status": ready.status, "usage_bytes": 0}
        row = Row(ready.id, ready.created_at, ready.body, columns)
        if decision == "new" and is_there:
            imports.put_store_file(connection, row)
        elif decision == "replaced" and body is not None:
            # What was read of it is still that.
            document = {**json.loads(body), "attributes": json.loads(ready.body)["attributes"]}
            imports.replace_store_file(connection, store_id, evolve(row, body=as_json(document)))
        if decision in ("new", "replaced"):
            made = (place, ready.sha256, ready.place.file)
            again = [] if noted is None else [place]
            imports.note(connection, "vector_store_file", [made], again)
