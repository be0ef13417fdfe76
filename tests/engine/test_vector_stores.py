"""Vector stores and their files: made, filled in the background, changed, searched, deleted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import fresh
from documents import docx_of, pdf
from engine_store import Clock
from store_bench import Bench, waiting_reader

import assistants_client as ac
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.search import extraction
from assistants_client.engine.worker import ingester as ingestion
from assistants_client.models.chunking import AutoChunking, StaticChunking, StaticChunkingSizes
from assistants_client.models.vector_stores import FileCounts, StoreExpiry

DAY = 86_400


@pytest.fixture
def bench(tmp_path: Path, clock: Clock) -> Iterator[Bench]:
    """An engine on a file, with a clock that stands still."""
    with Engine(fresh(f"sqlite:///{tmp_path / 'stores.db'}"), Scripted([]), clock=clock) as engine:
        yield Bench(engine)


def test_a_store_is_made_changed_listed_and_deleted(bench: Bench) -> None:
    """As it is described; null clears; its files outlive it."""
    stores = bench.client.vector_stores
    file = bench.upload("text")
    empty = stores.create()
    assert (empty.name, empty.metadata, empty.status) == (None, {}, "completed")
    assert (empty.object, empty.expires_at) == ("vector_store", None)
    made = stores.create(
        name="n",
        description="d",
        metadata={"a": "1"},
        file_ids=[file],
        expires_after={"days": 2, "anchor": "last_active_at"},
    )
    assert (made.description, made.status, made.file_counts.total) == ("d", "in_progress", 1)
    assert made.expires_at == made.created_at + 2 * DAY
    assert made.id.startswith("vs_")

    changed = stores.update(made.id, name=None, expires_after=None, metadata={"b": "2"})

    assert (changed.name, changed.expires_at, changed.metadata) == (None, None, {"b": "2"})
    assert [store.id for store in stores.list()] == [made.id, empty.id]
    gone = stores.delete(made.id)
    assert (gone.object, gone.deleted) == ("vector_store.deleted", True)
    with pytest.raises(ac.NotFoundError):
        stores.retrieve(made.id)
    assert bench.client.files.retrieve(file).id == file


_RANKER = {"ranking_options": {"score_threshold": 0, "ranker": "best"}}


@pytest.mark.parametrize(
    ("path", "document", "param"),
    [
        ("/vector_stores", None, None),
        ("/vector_stores", {"expires_after": {"days": 1}}, "expires_after.anchor"),
        (
            "/vector_stores",
            {"expires_after": {"days": 1, "anchor": "created_at"}},
            "expires_after.anchor",
        ),
        (
            "/threads",
            {"tool_resources": {"file_search": {"vector_store_ids": [], "vector_stores": []}}},
            "tool_resources.file_search.vector_stores",
        ),
        (
            "/assistants",
            {"model": "m", "tools": [{"type": "file_search", "file_search": _RANKER}]},
            "tools[0].file_search.ranking_options.ranker",
        ),
    ],
)
def test_what_the_protocol_insists_on_is_insisted_on(
    bench: Bench, path: str, document: object, param: str | None
) -> None:
    """What would be plain without it too: a body, an anchor; and known rankers."""
    with pytest.raises(ac.BadRequestError) as caught:
        bench.client._transport.send("POST", path, document=document)

    assert caught.value.param == param


@pytest.mark.parametrize("path", ["/assistants", "/threads"])
@pytest.mark.parametrize("search", [{}, {"vector_store_ids": None, "vector_stores": None}])
def test_no_stores_need_be_named(bench: Bench, path: str, search: object) -> None:
    """Programs that write all their fields name none, and null is the absence of a field."""
    tools = {"model": "m", "tools": [{"type": "file_search"}]} if path == "/assistants" else {}
    document = {**tools, "tool_resources": {"file_search": search}}
    made = bench.client._transport.send("POST", path, document=document)
    assert made.document["tool_resources"] == {"file_search": {"vector_store_ids": []}}


def test_no_stores_may_be_named(bench: Bench) -> None:
    """An empty list says so; on an update nothing need be said, and means the same."""
    none = {"file_search": {"vector_store_ids": []}}
    thread = bench.client.threads.create(tool_resources=none)
    assert (
        thread.tool_resources
        == bench.client.threads.update(thread.id, tool_resources={"file_search": {}}).tool_resources
    )
    assistant = bench.client.assistants.create(
        model="m",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_stores": []}},
    )
    assert assistant.tool_resources == thread.tool_resources
    assert (
        bench.client.assistants.create(
            model="m",
            tools=[{"type": "file_search"}],
            tool_resources=assistant.tool_resources,
        ).tool_resources
        == thread.tool_resources
    )


def test_files_of_all_kinds_are_read(bench: Bench) -> None:
    """Counts, sizes and statuses tell how it went; the text can be had back."""
    store = bench.store(
        a_md="# Cats\n\nCats purr.",
        b_pdf=pdf("Dogs bark."),
        c_docx=docx_of("Fish", "Fish swim."),
        d_html="<html><body><p>Birds fly.</p></body></html>",
        e_bin=bytes(range(256)),
        f_pdf="no PDF",
    )

    assert store.status == "completed"
    assert store.file_counts == FileCounts(completed=4, failed=2, total=6)
    errors = {}
    for name in ("e.bin", "f.pdf"):
        held = bench.file(store.id, name)
        assert held.status == "failed"
        assert held.last_error is not None
        errors[name] = held.last_error.code
    assert errors == {"e.bin": "unsupported_file", "f.pdf": "invalid_file"}
    held = bench.file(store.id, "a.md")
    assert (held.status, held.last_error, held.usage_bytes) == ("completed", None, 18)
    assert bench.client.vector_store_files.content(store.id, held.id).text == "# Cats\n\nCats purr."
    assert store.usage_bytes > 18
    for query, name in (
        ("cat", "a.md"),
        ("dog", "b.pdf"),
        ("fishes", "c.docx"),
        ("bird", "d.html"),
    ):
        assert bench.found(store.id, query) == [name]


def test_the_content_is_the_text_once_though_passages_overlap(bench: Bench) -> None:
    """Its pieces make up the whole."""
    text = "".join(f"Sentence number {n} says little. " for n in range(2000))
    store = bench.store(a_txt=text)
    held = bench.file(store.id, "a.txt")

    page = bench.client.vector_store_files.content(store.id, held.id)

    assert page.text == text
    assert len(page.data) > 10
    assert (page.has_more, page.next_page) == (False, None)


def test_chunking_is_as_told(bench: Bench) -> None:
    """Answers name the sizes, also where the server chose them; smaller ones make more passages."""
    files = bench.client.vector_store_files
    store = bench.client.vector_stores.create().id
    sizes = StaticChunkingSizes(max_chunk_size_tokens=100, chunk_overlap_tokens=0)
    text = "Word after word. " * 500
    small = files.create(store, bench.upload(text), chunking_strategy=StaticChunking(static=sizes))
    auto = files.create(store, bench.upload(text), chunking_strategy=AutoChunking())
    bench.settled(store)

    assert small.chunking_strategy == StaticChunking(static=sizes)
    assert isinstance(auto.chunking_strategy, StaticChunking)
    assert auto.chunking_strategy.static.max_chunk_size_tokens == 800
    assert auto.chunking_strategy.static.chunk_overlap_tokens == 400
    assert len(files.content(store, small.id).data) > 2 * len(files.content(store, auto.id).data)


def test_a_file_is_put_in_waited_for_and_taken_out(bench: Bench) -> None:
    """It leaves the store, and stays where it was; put in again, it is read anew."""
    files = bench.client.vector_store_files
    store = bench.client.vector_stores.create().id
    file = bench.upload("A walrus sleeps.")
    made = files.create(store, file, attributes={"kind": "sea", "year": 3, "new": True})
    assert (made.status, made.object, made.vector_store_id) == (
        "in_progress",
        "vector_store.file",
        store,
    )
    done = files.wait(store, file)
    assert (done.status, done.attributes) == ("completed", {"kind": "sea", "year": 3, "new": True})
    assert bench.found(store, "walrus") == ["a.txt"]

    assert files.update(store, file, {"kind": "ice"}).attributes == {"kind": "ice"}
    assert files.update(store, file, None).attributes == {}
    gone = files.delete(store, file)

    assert (gone.object, gone.id) == ("vector_store.file.deleted", file)
    assert bench.found(store, "walrus") == []
    with pytest.raises(ac.NotFoundError):
        files.retrieve(store, file)
    for _ in range(2):
        files.create(store, file)
    bench.settled(store)
    assert bench.found(store, "walrus") == ["a.txt"]


def test_a_deleted_file_leaves_every_store(bench: Bench) -> None:
    """Its passages, and what is counted of it, are gone at once."""
    one = bench.store(a_txt="A walrus sleeps.", b_txt="A seal barks.")
    file = bench.file(one.id, "a.txt").id
    other = bench.client.vector_stores.create(file_ids=[file])
    bench.settled(other.id)

    bench.client.files.delete(file)

    assert bench.found(one.id, "walrus seal") == ["b.txt"]
    assert bench.found(other.id, "walrus") == []
    assert bench.settled(one.id).file_counts == FileCounts(completed=1, total=1)
    assert bench.settled(other.id).file_counts == FileCounts()


def test_an_expired_file_leaves_its_stores(bench: Bench, clock: Clock) -> None:
    """The next search finds nothing of it."""
    expiry = ac.FileExpiry(seconds=3600)
    file = bench.client.files.upload(b"A walrus.", filename="a.txt", expires_after=expiry).id
    store = bench.client.vector_stores.create(file_ids=[file]).id
    bench.settled(store)
    assert bench.found(store, "walrus") == ["a.txt"]

    clock.move(3600)

    assert bench.found(store, "walrus") == []


def test_a_store_expires_some_time_after_its_last_use(bench: Bench, clock: Clock) -> None:
    """A search is a use. What has expired says so, and cannot be used."""
    store = bench.store(a_txt="A walrus.")
    bench.client.vector_stores.update(store.id, expires_after=StoreExpiry(days=1))
    clock.move(DAY - 1)
    bench.found(store.id, "walrus")
    clock.move(DAY - 1)
    before = bench.client.vector_stores.retrieve(store.id)
    assert (before.status, before.expires_at) == ("completed", store.created_at + 2 * DAY - 1)

    clock.move(1)

    assert bench.client.vector_stores.retrieve(store.id).status == "expired"
    with pytest.raises(ac.BadRequestError, match="expired"):
        bench.found(store.id, "walrus")
    with pytest.raises(ac.BadRequestError, match="expired"):
        bench.client.vector_store_files.create(store.id, bench.upload("x"))


@pytest.mark.parametrize(
    ("where", "param"),
    [
        ("create", "file_ids[1]"),
        ("attach", "file_id"),
        ("batch", "file_ids[2]"),
        ("files", "files[0].file_id"),
    ],
)
def test_files_that_do_not_exist_are_refused(bench: Bench, where: str, param: str) -> None:
    """The id is named, and nothing is done."""
    store = bench.client.vector_stores.create().id
    file = bench.upload("x")
    batches = bench.client.vector_store_file_batches
    calls: dict[str, Callable[[], object]] = {
        "create": lambda: bench.client.vector_stores.create(file_ids=[file, "file-nothing"]),
        "attach": lambda: bench.client.vector_store_files.create(store, "file-nothing"),
        "batch": lambda: batches.create(store, file_ids=[file, file, "file-nothing"]),
        "files": lambda: batches.create(store, files=[{"file_id": "file-nothing"}]),
    }

    with pytest.raises(ac.NotFoundError, match="file-nothing") as caught:
        calls[where]()

    assert (caught.value.param, caught.value.type) == (param, "invalid_request_error")
    assert [s.id for s in bench.client.vector_stores.list()] == [store]
    assert bench.settled(store).file_counts == FileCounts()


def test_a_batch_is_counted_listed_and_waited_for(bench: Bench, tmp_path: Path) -> None:
    """Each file once, with its own options or the batch's."""
    batches = bench.client.vector_store_file_batches
    store = bench.client.vector_stores.create().id
    good, bad = bench.upload("A walrus."), bench.upload(b"\x00", "a.bin")
    one = batches.create(store, file_ids=[good, bad, good], attributes={"n": 1})
    assert (one.status, one.file_counts) == ("in_progress", FileCounts(in_progress=2, total=2))
    done = batches.wait(store, one.id)
    assert (done.status, done.id) == ("completed", one.id)
    assert done.file_counts == FileCounts(completed=1, failed=1, total=2)
    assert [f.id for f in batches.list_files(store, one.id, order="asc")] == [good, bad]
    assert [f.id for f in batches.list_files(store, one.id, filter="failed")] == [bad]
    assert [f.id for f in bench.client.vector_store_files.list(store, filter="completed")] == [good]
    assert bench.client.vector_store_files.retrieve(store, good).attributes == {"n": 1}

    paths = [tmp_path / f"{n}.txt" for n in range(3)]
    for path in paths:
        path.write_text(f"File {path.stem}")
    sent = batches.upload_and_wait(store, paths)
    other = batches.create(store, files=[{"file_id": bad, "attributes": {"m": 2}}])

    assert sent.file_counts == FileCounts(completed=3, total=3)
    assert batches.wait(store, other.id).status == "failed"
    assert bench.client.vector_store_files.retrieve(store, bad).attributes == {"m": 2}
    assert bench.settled(store).file_counts.total == 5
    for ended in (one.id, other.id):
        assert batches.cancel(store, ended) == batches.retrieve(store, ended)
    assert batches.retrieve(store, one.id).status == "completed"
    with pytest.raises(ac.NotFoundError):
        batches.retrieve(store, "vsfb_nothing")


def test_a_cancelled_batch_keeps_what_is_done(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is cancelled, also what is being read at that moment."""
    batches = bench.client.vector_store_file_batches
    store = bench.client.vector_stores.create().id
    with waiting_reader(monkeypatch) as gate:
        ids = [bench.upload(f"walrus {n}") for n in range(6)]
        batch = batches.create(store, file_ids=ids)
        cancelled = batches.cancel(store, batch.id)
        assert cancelled.status == "cancelled"
        assert cancelled.file_counts == FileCounts(cancelled=6, total=6)
        assert batches.cancel(store, batch.id).status == "cancelled"
        gate.set()
        later = bench.client.vector_store_files.create(store, ids[0])
        assert later.status == "in_progress"
        bench.settled(store)
    assert batches.retrieve(store, batch.id).file_counts == FileCounts(cancelled=5, total=5)
    assert len(bench.found(store, "walrus")) == 1


def test_a_reader_that_fails_does_not_keep_a_file_in_progress(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file fails, and no word of the error is told that might be a secret."""

    def extract(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(ingestion, "extract_passages", extract)
    held = bench.file(bench.store(a_txt="x").id, "a.txt")

    assert held.last_error is not None
    assert held.last_error.code == "server_error"
    assert "secret" not in held.last_error.message


def test_a_text_of_too_many_tokens_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented bound is two million."""
    monkeypatch.setattr(extraction, "MAX_TOKENS", 3)
    held = bench.file(bench.store(a_txt="one two three four").id, "a.txt")

    assert held.last_error is not None
    assert held.last_error.code == "invalid_file"
    assert "4 tokens" in held.last_error.message


def test_stores_are_filled_and_searched_by_many_at_once(bench: Bench) -> None:
    """Nothing is lost or counted twice."""
    store = bench.client.vector_stores.create().id
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for round_ in range(5):
                file = bench.upload(f"walrus w{number}x{round_}", f"{number}-{round_}.txt")
                bench.client.vector_store_files.create(store, file)
                bench.found(store, "walrus")
                if round_ == 4:
                    bench.client.vector_store_files.delete(store, file)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert bench.settled(store).file_counts == FileCounts(completed=24, total=24)
    assert len(bench.found(store, "walrus", max_num_results=50)) == 24
    assert bench.found(store, "w3x2") == ["3-2.txt"]
