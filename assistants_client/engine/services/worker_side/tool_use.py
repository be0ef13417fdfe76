"""The tools' access while a run is processed: stores to search, files to read, show and write."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from attrs import frozen
from sqlalchemy import Connection, delete, insert, select

from assistants_client._json.codec import decode
from assistants_client.engine.code_interpreter import FOLDER
from assistants_client.engine.domain.images import media_type
from assistants_client.engine.search.text_ranking import Hit
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._contents import (
    FileContent,
    discard,
    make_whole,
    present,
    write_blocks,
)
from assistants_client.engine.services._resources import reachable, thread_tenant
from assistants_client.engine.services._search import search
from assistants_client.engine.services._stores import require_store, require_usable, use
from assistants_client.engine.storage.outages import retried
from assistants_client.engine.storage.tables import files, interpreter_files, vector_store_files
from assistants_client.models.files import File
from assistants_client.models.runs import Run

#: Files that code may leave behind in one call; further ones are dropped.
MOST_WRITTEN: Final = 20
#: The first bytes, by which an image is recognised.
_BEGINNING: Final = 16
#: Bytes of files that code is given; what does not fit is left out.
MOST_GIVEN: Final = 256 * 1024 * 1024


@frozen
class Workspace:
    """The files of a thread, in a folder of their own for one call of the code interpreter.

    Attributes:
        folder: The folder.
        left_out: Names of files that are too large to be there.
    """

    folder: Path
    left_out: list[str]
    _before: dict[str, tuple[int, int]]

    def changes(self) -> list[str]:
        """Returns the paths of files that were written since."""
        now = _states(self.folder)
        return sorted(path for path, state in now.items() if self._before.get(path) != state)


@frozen
class ToolUse:
    """Reads and writes on behalf of the tools of runs."""

    _context: Context

    @retried
    def search(self, run: Run, query: str, *, limit: int, threshold: float) -> list[Hit]:
        """Searches the stores of a run's assistant and thread.

        Raises:
            Fault: One of them is gone, or has expired.
        """
        with self._context.database.begin() as connection:
            store_ids = _stores(connection, run)
            for store_id in store_ids:
                store = require_store(self._context, connection, store_id)
                require_usable(store, self._context.clock())
                use(connection, store, self._context.now())
        return search(self._context, store_ids, query, limit=limit, threshold=threshold)

    @retried
    def is_filling(self, run: Run) -> bool:
        """Returns whether one of a run's stores is still being filled."""
        held = vector_store_files.c
        with self._context.database.read() as connection:
            found = connection.execute(
                select(held.seq)
                .where(
                    held.vector_store_id.in_(_stores(connection, run)),
                    held.status == "in_progress",
                )
                .limit(1)
            ).first()
        return found is not None

    @retried
    def files(self, run: Run) -> dict[str, File]:
        """Returns the files in the code's folder: those of assistant and thread, and its own."""
        kept = interpreter_files.c
        now = self._context.clock()
        with self._context.database.read() as connection:
            given = [
                file_id
                for resources in reachable(connection, run)
                if resources.code_interpreter is not None
                for file_id in resources.code_interpreter.file_ids or ()
            ]
            wanted = connection.execute(
                select(files.c.body).where(files.c.id.in_(given), present(now))
            )
            by_id = {body["id"]: decode(File, body) for body in wanted.scalars()}
            written = connection.execute(
                select(kept.path, files.c.body)
                .join(files, files.c.id == kept.file_id)
                .where(kept.thread_id == run.thread_id, present(now))
            ).all()
        found: dict[str, File] = {}
        for file_id in dict.fromkeys(given):
            if file_id in by_id:
                found[_free_name(by_id[file_id], found)] = by_id[file_id]
        found.update((row.path, decode(File, row.body)) for row in written)
        return found

    @retried
    def written(self, run: Run) -> dict[str, str]:
        """Returns the ids of the files that code wrote in the thread, by their names in a text."""
        kept = interpreter_files.c
        with self._context.database.read() as connection:
            rows = connection.execute(
                select(kept.path, kept.file_id).where(kept.thread_id == run.thread_id)
            ).all()
        return {f"sandbox:{FOLDER}/{row.path}": row.file_id for row in rows}

    @retried
    def open_file(self, file_id: str) -> tuple[File, FileContent] | None:
        """Returns a file and its content, in blocks; ``None`` when there is no such file."""
        with self._context.database.read() as connection:
            found = connection.execute(
                select(files.c.body).where(files.c.id == file_id, present(self._context.clock()))
            ).scalar_one_or_none()
        if found is None:
            return None
        file = decode(File, found)
        return file, FileContent(self._context.database, file)

    @contextmanager
    def workspace(self, run: Run) -> Iterator[Workspace]:
        """Yields the files that code reads and writes, in a folder that is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="assistants-", ignore_cleanup_errors=True) as name:
            folder, left_out, room = Path(name), list[str](), MOST_GIVEN
            for path, file in self.files(run).items():
                room -= file.bytes
                if room < 0:
                    left_out.append(path)
                    room += file.bytes
                    continue
                place = folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("wb") as target:
                    target.writelines(FileContent(self._context.database, file))
            yield Workspace(folder, left_out, _states(folder))

    def store_changes(self, run: Run, workspace: Workspace) -> tuple[list[str], list[str]]:
        """Makes files of what code has written; what is empty or too much is not stored.

        Returns:
            The ids of the files that are images, and the paths of what is not stored.
        """
        changes = workspace.changes()
        images, dropped = list[str](), changes[MOST_WRITTEN:]
        for path in changes[:MOST_WRITTEN]:
            place = workspace.folder / path
            size = place.stat().st_size
            if size == 0:
                dropped.append(path)
                continue
            with place.open("rb") as source:
                is_image = media_type(source.read(_BEGINNING)) is not None
                source.seek(0)
                made = self._store(PurePosixPath(path).name, size, source, run, path)
            if is_image:
                images.append(made.id)
        return images, dropped

    def store_image(self, run: Run, name: str, content: bytes) -> str:
        """Makes a file of an image that a model made for a run.

        Returns:
            The file's id.
        """
        return self._store(name, len(content), BytesIO(content), run).id

    @retried
    def _store(
        self,
        name: str,
        size: int,
        source: BinaryIO,
        run: Run,
        path: str | None = None,
    ) -> File:
        """Stores a file, whole; what a run's code wrote, it finds at that path from now on."""
        source.seek(0)
        with self._context.database.read() as connection:
            tenant = thread_tenant(connection, run.thread_id)
        made = File(
            id=self._context.new_id("file-"),
            bytes=size,
            created_at=self._context.now(),
            filename=name,
            purpose="assistants_output",
            status="processed",
        )
        try:
            write_blocks(self._context, made, source, tenant)
            with self._context.database.begin() as connection:
                make_whole(connection, made.id)
                if path is not None:
                    self._link(connection, run, path, made)
        except BaseException:
            discard(self._context.database, made.id)
            raise
        return made

    @staticmethod
    def _link(connection: Connection, run: Run, path: str, made: File) -> None:
        kept = interpreter_files
        here = (kept.c.thread_id == run.thread_id) & (kept.c.path == path)
        connection.execute(delete(kept).where(here))
        connection.execute(insert(kept).values(thread_id=run.thread_id, path=path, file_id=made.id))


def _stores(connection: Connection, run: Run) -> list[str]:
    return list(
        dict.fromkeys(
            store_id
            for resources in reachable(connection, run)
            if resources.file_search is not None
            for store_id in resources.file_search.vector_store_ids or ()
        )
    )


def _free_name(file: File, taken: dict[str, File]) -> str:
    """Returns a file's own name, or one that differs from others of the same name."""
    if file.filename not in taken:
        return file.filename
    name = PurePosixPath(file.filename)
    return f"{name.stem}-{file.id}{name.suffix}"


def _states(folder: Path) -> dict[str, tuple[int, int]]:
    """Returns the files in a folder by their paths, with their times of change and sizes."""
    states = {}
    for place in folder.rglob("*"):
        if place.is_file() and not place.is_symlink():
            stat = place.stat()
            states[place.relative_to(folder).as_posix()] = (stat.st_mtime_ns, stat.st_size)
    return states
