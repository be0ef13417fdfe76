"""Files of stores with many passages: put in and deleted piece by piece, others writing between."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from attrs import define, field
from engine_store import Store, committing
from sqlalchemy import text, update
from werkzeug.test import Client

from assistants_client.engine.faults import Fault
from assistants_client.engine.search.document_reader.chunking import Chunk
from assistants_client.engine.search.vectors import packed
from assistants_client.engine.services import _passages, _search
from assistants_client.engine.services.files import Files, Upload
from assistants_client.engine.services.vector_store_file_batches import VectorStoreFileBatches
from assistants_client.engine.services.vector_store_files import VectorStoreFiles
from assistants_client.engine.services.vector_stores import VectorStores
from assistants_client.engine.services.worker_side.ingesting import Ingesting
from assistants_client.engine.storage.keyset_pages import PageQuery
from assistants_client.engine.storage.tables import vector_store_files
from assistants_client.models.messages import MessageRequest
from assistants_client.models.vector_stores import (
    FileCounts,
    SearchRequest,
    VectorStoreFileBatchRequest,
    VectorStoreFileRequest,
    VectorStoreRequest,
)

#: Ten passages, which are put in by four pieces.
CHUNKS = [Chunk(number * 10, f"walrus {number}. ") for number in range(10)]
TEXT = "".join(chunk.text for chunk in CHUNKS)
ALL = PageQuery(limit=100)


class Embeddings:
    """All texts mean the same."""

    model = "m"

    def of_query(self, _: str) -> bytes:
        """The one vector."""
        return packed([1.0, 0.0])

    def warn_of_lengths(self, *_: object) -> None:
        """They are all the same."""


@define
class Shelf:
    """A vector store whose files nobody reads but the test."""

    store: Store
    #: What happens between two pieces.
    pause: Callable[[float], object] = lambda _: None
    files: Any = field(init=False)
    stores: Any = field(init=False)
    held: Any = field(init=False)
    batches: Any = field(init=False)
    reader: Ingesting = field(init=False)
    id: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.use(pause=self._pause)
        self.id = self.stores.create(VectorStoreRequest()).id

    def _pause(self, seconds: float) -> None:
        self.pause(seconds)

    def use(self, **changes: Any) -> None:
        """Goes on in a context that differs, such as in its pauses."""
        self.store = self.store.where(**changes)
        context = self.store.context
        self.files = committing(Files, context)
        self.stores = committing(VectorStores, context)
        self.held = committing(VectorStoreFiles, context)
        self.batches = committing(VectorStoreFileBatches, context)
        self.reader = Ingesting(context)

    def upload(self) -> str:
        """The id of a new file."""
        upload = Upload(source=io.BytesIO(b"x"), size=1, filename="a.txt", purpose="assistants")
        return self.files.create(upload).id

    def put(self, file_id: str | None = None) -> str:
        """Puts a file into the store, to be read."""
        file_id = file_id or self.upload()
        self.held.create(self.id, VectorStoreFileRequest(file_id))
        return file_id

    def read(self, chunks: Sequence[Chunk] = CHUNKS) -> None:
        """Reads the file that was put in last."""
        job = self.reader.claim(self.store.to_read[-1])
        assert job is not None
        self.reader.complete(job, chunks, "m", [packed([1.0, 0.0])] * len(chunks))

    def between(self, act: Callable[[], object]) -> list[int]:
        """From now on acts between two pieces; answers how many passages there were before each."""
        found: list[int] = []

        def pause(_: float) -> None:
            found.append(self.rows()[0])
            act()

        self.pause = pause
        return found

    def rows(self) -> list[int]:
        """How many passages there are, how many entries of their words, and how many vectors."""
        with self.store.context.database.read() as connection:
            return [
                connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
                for table in ("passages", "passage_words", "passage_vectors")
            ]

    def found(self, query: str = "walrus") -> list[tuple[str, float, str]]:
        """What a search finds."""
        page = self.stores.search(self.id, SearchRequest(query=query, max_num_results=50))
        return [(hit.file_id, hit.score, hit.content[0].text) for hit in page.data]

    def content(self, file_id: str) -> str:
        """The text that the store has of a file."""
        return "".join(part.text for part in self.held.content(self.id, file_id).data)

    def counts(self) -> FileCounts:
        """The store's files by their statuses."""
        return self.stores.retrieve(self.id).file_counts


@pytest.fixture
def shelf(store: Store, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A store in which three passages are many."""
    monkeypatch.setattr(_passages, "_AT_ONCE", 3)
    return Shelf(store)


class KilledError(BaseException):
    """What reads is no more."""


def kill() -> None:
    """Ends what calls it, as if its process had ended."""
    raise KilledError


def test_others_write_between_two_pieces(shelf: Shelf) -> None:
    """Each transaction puts in a few passages, their words and their vectors."""
    thread = shelf.store.new_thread()
    left = shelf.between(lambda: shelf.store.messages.create(thread, MessageRequest("x")))
    file_id = shelf.put()
    shelf.read()
    assert left == [3, 6, 9]
    assert shelf.rows() == [10, 10, 10]
    assert len(shelf.store.messages.list(thread, ALL).data) == 4
    assert shelf.content(file_id) == TEXT
    assert shelf.stores.retrieve(shelf.id).usage_bytes == len(TEXT)
    assert shelf.counts() == FileCounts(completed=1, total=1)


def test_long_passages_go_in_by_fewer(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece is bounded by its text as well, and has one passage at least."""
    monkeypatch.setattr(_passages, "_TEXT_AT_ONCE", 25)
    parts = list(_passages.in_slices([Chunk(0, "x" * size) for size in (10, 10, 10, 90, 1, 1)]))
    assert parts == [slice(0, 2), slice(2, 3), slice(3, 4), slice(4, 6)]
    assert list(_passages.in_slices([])) == [slice(0, 0)]


@pytest.mark.parametrize("exactly", [5000, 4])
@pytest.mark.parametrize("embeddings", [None, Embeddings()])
def test_a_file_that_is_being_put_in_is_not_seen(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, exactly: int, embeddings: Any
) -> None:
    """Neither by words nor by meaning, however many passages hold a word; nor is it read."""
    monkeypatch.setattr(_search, "_KNOWN_EXACTLY", exactly)
    monkeypatch.setattr(_search, "_RANKED", 2 * exactly)
    shelf.use(embeddings=embeddings)
    slow, late = shelf.put(), shelf.upload()
    looked: list[int] = []

    def look() -> None:
        if shelf.rows()[0] == 9 and not looked:
            # More than are ranked would be in front of what is found.
            looked.append(1)
            shelf.put(late)
            shelf.read(CHUNKS[:1])
            assert [hit[0] for hit in shelf.found()] == [late]
            assert shelf.counts() == FileCounts(in_progress=1, completed=1, total=2)
            assert shelf.content(late) == CHUNKS[0].text
        elif not looked:
            assert shelf.found() == []
            assert shelf.counts() == FileCounts(in_progress=1, total=1)
        with pytest.raises(Fault, match="its status is in_progress"):
            shelf.content(slow)

    shelf.between(look)
    shelf.read()
    assert looked
    assert slow in {hit[0] for hit in shelf.found()}


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_reader_that_died_leaves_nothing_twice(shelf: Shelf, pieces: int) -> None:
    """Whoever reads the file next deletes what there is, in pieces too."""
    file_id, times = shelf.put(), iter(range(pieces - 1))
    shelf.between(lambda: kill() if next(times, None) is None else None)
    with pytest.raises(KilledError):
        shelf.read()
    shelf.reader.release(shelf.store.to_read[-1])
    assert shelf.rows()[0] == 3 * pieces

    shelf.reader = Ingesting(shelf.store.context)
    left = shelf.between(lambda: None)
    shelf.read()
    assert left == [*range(3 * (pieces - 1), 0, -3), 3, 6, 9]
    assert shelf.rows() == [10, 10, 10]
    assert shelf.content(file_id) == TEXT


def test_of_two_readers_in_one_process_the_last_goes_on(shelf: Shelf) -> None:
    """Who was taken for lost puts in nothing more, though both sign alike."""
    file_id = shelf.put()
    taken: list[int] = []

    def take_over() -> None:
        if not taken:
            taken.append(1)
            shelf.reader.release(shelf.store.to_read[-1])
            shelf.read()

    shelf.between(take_over)
    shelf.read()
    assert shelf.rows() == [10, 10, 10]
    assert shelf.content(file_id) == TEXT


def test_a_cancelled_batch_leaves_no_passage_behind(shelf: Shelf) -> None:
    """Its reader stops at once, and what it has put in is deleted."""
    request = VectorStoreFileBatchRequest(file_ids=[shelf.upload(), shelf.upload()])
    batch = shelf.batches.create(shelf.id, request)
    cancelled: list[int] = []

    def cancel() -> None:
        if shelf.rows()[0] == 6:
            shelf.batches.cancel(shelf.id, batch.id)
            cancelled.append(shelf.rows()[0])

    left = shelf.between(cancel)
    shelf.read()
    assert left == [3, 6, 3]
    assert cancelled == [0]
    assert shelf.rows() == [0, 0, 0]
    counts = FileCounts(cancelled=2, total=2)
    assert shelf.batches.retrieve(shelf.id, batch.id).file_counts == counts
    assert shelf.counts() == counts
    assert shelf.found() == []


def delete_from_store(shelf: Shelf, file_id: str) -> None:
    """Takes the file out of the store."""
    shelf.held.delete(shelf.id, file_id)


def delete_file(shelf: Shelf, file_id: str) -> None:
    """Deletes the file itself."""
    shelf.files.delete(file_id)


def delete_store(shelf: Shelf, _: str) -> None:
    """Deletes the store."""
    shelf.stores.delete(shelf.id)


DELETIONS = pytest.mark.parametrize("delete", [delete_from_store, delete_file, delete_store])


@DELETIONS
def test_what_is_deleted_while_it_is_put_in(
    shelf: Shelf, delete: Callable[[Shelf, str], None]
) -> None:
    """Its reader stops, and nothing stays."""
    file_id, deleted = shelf.put(), list[int]()

    def act() -> None:
        if shelf.rows()[0] == 6 and not deleted:
            deleted.append(1)
            delete(shelf, file_id)

    shelf.between(act)
    shelf.read()
    assert deleted
    assert shelf.rows() == [0, 0, 0]


@DELETIONS
def test_what_is_long_is_deleted_piece_by_piece(
    shelf: Shelf, delete: Callable[[Shelf, str], None]
) -> None:
    """Others can write in between; nobody finds what is half there."""
    file_id = shelf.put()
    shelf.read()
    left = shelf.between(lambda: found.append(shelf.found()))
    found: list[object] = []
    delete(shelf, file_id)
    assert left == [7, 4, 1]
    assert found == [[], [], []]
    assert shelf.rows() == [0, 0, 0]


@pytest.mark.parametrize("as_batch", [False, True])
def test_a_long_file_that_is_put_in_again(shelf: Shelf, as_batch: bool) -> None:
    """What the store had of it goes piece by piece, unless the request is refused."""
    file_id = shelf.put()
    shelf.read()
    left = shelf.between(lambda: None)

    def put(*file_ids: str) -> None:
        if as_batch:
            request = VectorStoreFileBatchRequest(file_ids=list(file_ids))
            shelf.batches.create(shelf.id, request)
        else:
            shelf.put(file_ids[-1])

    with pytest.raises(Fault, match="No such File"):
        put(file_id, "file-unknown")
    assert shelf.rows() == [10, 10, 10]
    put(file_id)
    assert left == [7, 4, 1]
    assert shelf.rows() == [0, 0, 0]
    shelf.read()
    assert shelf.content(file_id) == TEXT
    assert shelf.counts() == FileCounts(completed=1, total=1)


@pytest.mark.parametrize("as_batch", [False, True])
def test_a_repeat_takes_no_piece_of_a_file(shelf: Shelf, as_batch: bool) -> None:
    """What was read since the first request stays as it is."""
    file_id = shelf.upload()
    http = Client(shelf.store.app())
    path = f"/vector_stores/{shelf.id}/" + ("file_batches" if as_batch else "files")
    body = {"file_ids": [file_id]} if as_batch else {"file_id": file_id}
    first = http.post(path, json=body, headers={"Idempotency-Key": "the key"})
    shelf.read()
    pauses = shelf.between(lambda: None)

    again = http.post(path, json=body, headers={"Idempotency-Key": "the key"})

    assert (again.status_code, again.get_json()) == (200, first.get_json())
    assert pauses == []
    assert shelf.content(file_id) == TEXT


def test_a_deletion_that_broke_off_leaves_no_half_file(shelf: Shelf) -> None:
    """It counts as cancelled and takes no room; others are untouched."""
    other = shelf.put()
    shelf.read(CHUNKS[:1])
    file_id = shelf.put()
    shelf.read()
    shelf.between(kill)
    with pytest.raises(KilledError):
        shelf.held.delete(shelf.id, file_id)
    assert shelf.held.retrieve(shelf.id, file_id).status == "cancelled"
    assert {hit[0] for hit in shelf.found()} == {other}
    assert shelf.stores.retrieve(shelf.id).usage_bytes == len(CHUNKS[0].text)
    shelf.between(lambda: None)
    shelf.held.delete(shelf.id, file_id)
    assert shelf.rows() == [1, 1, 1]


def test_a_store_of_many_files_is_deleted_piece_by_piece(shelf: Shelf) -> None:
    """Small files go several at once, and so do those without a passage; the files stay."""
    ids = []
    for count in (1, 1, 0, 5, 1, 1):
        ids.append(shelf.put())
        shelf.read(CHUNKS[:count])
    left = shelf.between(lambda: None)
    shelf.stores.delete(shelf.id)
    assert left == [7, 4, 1]
    assert shelf.rows() == [0, 0, 0]
    assert len(shelf.files.list(ALL).data) == len(ids)


def test_a_file_that_fails_in_the_middle_keeps_nothing(shelf: Shelf) -> None:
    """What was put in until then goes before it has failed."""
    shelf.put()
    job = shelf.reader.claim(shelf.store.to_read[-1])
    assert job is not None
    shelf.between(lambda: kill() if shelf.rows()[0] == 9 else None)
    with pytest.raises(KilledError):
        shelf.reader.complete(job, CHUNKS)
    left = shelf.between(lambda: None)
    shelf.reader.fail(job, "server_error", "No more.")
    assert left == [6, 3]
    assert shelf.rows() == [0, 0, 0]
    assert shelf.counts() == FileCounts(failed=1, total=1)


def test_what_nobody_came_to_delete_is_deleted_by_the_next_process(shelf: Shelf) -> None:
    """A file may have ended, and its canceller's process too, before its passages went."""
    file_id = shelf.put()
    shelf.read()
    with shelf.store.context.database.begin() as connection:
        connection.execute(update(vector_store_files).values(status="cancelled"))
    assert shelf.found() == []
    assert shelf.reader.orphans() == shelf.store.to_read
    assert shelf.reader.claim(shelf.store.to_read[-1]) is None
    assert shelf.rows() == [0, 0, 0]
    assert shelf.reader.orphans() == []
    assert shelf.held.retrieve(shelf.id, file_id).id == file_id
