"""Searches of stores whose passages have vectors, end to end: engine, store, server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import fresh
from embedding_server import EmbeddingServer, embedding_server
from served_process import served
from store_bench import Bench

import assistants_client as ac
from assistants_client.engine import Embeddings, Engine, Scripted, call

TEXTS: dict[str, str | bytes] = {
    "garage_txt": "The automobile is mended on Mondays.",
    "clinic_txt": "Our physician sees patients from nine.",
    "harbour_txt": "A vessel leaves the harbour at noon. It is inexpensive.",
    "parade_txt": "The car parade is in May.",
}


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    """A server that knows a few meanings."""
    with embedding_server() as running:
        yield running


@pytest.fixture
def bench(server: EmbeddingServer) -> Iterator[Bench]:
    """An engine in memory with that server."""
    embeddings = Embeddings(server.base_url, model="concepts")
    with Engine(fresh("sqlite://"), Scripted([]), embeddings=embeddings) as engine:
        yield Bench(engine)
    embeddings.close()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("surgeon", ["clinic.txt"]),
        ("cheap boat", ["harbour.txt"]),
        # Words and meaning, before meaning alone.
        ("car", ["parade.txt", "garage.txt"]),
        # Words alone.
        ("harbour", ["harbour.txt"]),
    ],
)
def test_meanings_are_found(bench: Bench, query: str, names: list[str]) -> None:
    """Other words for the same are found; what has the words as well comes first."""
    store = bench.store(**TEXTS).id

    page = bench.client.vector_stores.search(store, query, ranking_options={"score_threshold": 0.1})

    assert [hit.filename for hit in page.data] == names
    values = [hit.score for hit in page.data]
    assert values == sorted(values, reverse=True)
    assert all(0 < value <= 1 for value in values)


def test_words_alone_would_not_find_them() -> None:
    """The same without a server finds nothing: the test above shows what it is to show."""
    with Engine(fresh("sqlite://"), Scripted([])) as engine:
        bench = Bench(engine)
        assert bench.found(bench.store(**TEXTS).id, "surgeon") == []


def test_filters_and_limits_hold(bench: Bench) -> None:
    """For what is found by its meaning as for what is found by its words."""
    store = bench.store(**TEXTS).id
    garage = bench.file(store, "garage.txt")
    bench.client.vector_store_files.update(store, garage.id, attributes={"year": 2001})

    filters = {"type": "eq", "key": "year", "value": 2001}
    assert bench.found(store, "car", filters=filters) == ["garage.txt"]
    assert bench.found(store, "car", max_num_results=1) == ["parade.txt"]
    assert bench.found(store, "   ") == []


def test_a_run_finds_them_too(server: EmbeddingServer) -> None:
    """The file search of an assistant is the same search."""
    embeddings = Embeddings(server.base_url, model="concepts")
    model = Scripted([call("file_search", query="surgeon"), "Nine.【0:0†clinic.txt】"])
    with Engine(fresh("sqlite://"), model, embeddings=embeddings) as engine:
        bench = Bench(engine)
        store = bench.store(**TEXTS).id
        client = bench.client
        assistant = client.assistants.create(
            model="m",
            tools=[{"type": "file_search"}],
            tool_resources={"file_search": {"vector_store_ids": [store]}},
        )
        thread = client.threads.create()
        reply = client.ask(thread.id, "When is the surgeon there?", assistant_id=assistant.id)

    assert [one.text for one in reply.citations] == ["【0:0†clinic.txt】"]
    embeddings.close()


def test_words_go_on_without_the_server(
    bench: Bench, server: EmbeddingServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A search while the server fails goes by words alone; the log says so once each time."""
    store = bench.store(**TEXTS).id
    broken = (500, {"error": {"message": "Out of memory."}})
    server.answers = [broken, broken]

    assert bench.found(store, "harbour") == ["harbour.txt"]
    assert bench.found(store, "surgeon") == []
    assert bench.found(store, "surgeon")[0] == "clinic.txt"
    assert [record.message for record in caplog.records] == [
        f"The embedding server at {server.base_url} (model 'concepts') gave no vectors: "
        "answered 500: Out of memory. Until it does, files are searched by words alone."
    ]
    server.answers = [broken]
    assert bench.found(store, "surgeon") == []
    assert len(caplog.records) == 2


def test_a_file_without_vectors_is_failed(bench: Bench, server: EmbeddingServer) -> None:
    """Its error names the server; put into the store again, it is read."""
    server.answers = [(400, {"error": {"message": "The input is too long."}})]
    store = bench.store(clinic_txt=TEXTS["clinic_txt"])
    assert (store.file_counts.failed, store.file_counts.completed) == (1, 0)
    held = bench.file(store.id, "clinic.txt")

    assert held.last_error is not None
    assert held.last_error.code == "server_error"
    assert held.last_error.message.startswith(f"The embedding server at {server.base_url}")
    assert "too long" in held.last_error.message
    assert bench.found(store.id, "physician") == []

    bench.client.vector_store_files.create(store.id, held.id)
    assert bench.settled(store.id).file_counts.completed == 1
    assert bench.found(store.id, "surgeon") == ["clinic.txt"]


def test_vectors_of_another_model_are_not_mixed(tmp_path: Path, server: EmbeddingServer) -> None:
    """They are kept and not compared: what has no others is found by its words."""
    url = fresh(f"sqlite:///{tmp_path / 'a.db'}")
    with Engine(url, Scripted([])) as engine:
        before = Bench(engine).store(parade_txt=TEXTS["parade_txt"]).id
    stores = {}
    for model in ("concepts", "backwards"):
        embeddings = Embeddings(server.base_url, model=model)
        with Engine(url, Scripted([]), embeddings=embeddings) as engine:
            bench = Bench(engine)
            stores[model] = bench.store(garage_txt=TEXTS["garage_txt"]).id
            for made_by, store in stores.items():
                assert bench.found(store, "vehicle") == ["garage.txt"] * (made_by == model)
                assert bench.found(store, "automobile") == ["garage.txt"]
            assert bench.found(before, "parade") == ["parade.txt"]
            assert bench.found(before, "vehicle") == []
        embeddings.close()


def test_vectors_of_another_length_are_told(
    tmp_path: Path, server: EmbeddingServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Another model under the same name: what it did not read is found by its words, with a log."""
    url = fresh(f"sqlite:///{tmp_path / 'a.db'}")
    stores = []
    for padding in (0, 3):
        server.padding = padding
        embeddings = Embeddings(server.base_url, model="concepts")
        with Engine(url, Scripted([]), embeddings=embeddings) as engine:
            bench = Bench(engine)
            stores.append(bench.store(garage_txt=TEXTS["garage_txt"]).id)
            assert bench.found(stores[-1], "vehicle") == ["garage.txt"]
            assert caplog.records == []
            for _ in range(2 * padding):
                assert bench.found(stores[0], "vehicle") == []
                assert bench.found(stores[0], "automobile") == ["garage.txt"]
        embeddings.close()

    [record] = caplog.records
    assert "vectors of 8 numbers, and there are passages with its vectors of 5" in record.message
    assert "'concepts'" in record.message


def test_vectors_go_with_their_file(bench: Bench) -> None:
    """Taken out of the store, a file is found no more."""
    store = bench.store(**TEXTS).id
    bench.client.vector_store_files.delete(store, bench.file(store, "clinic.txt").id)

    assert bench.found(store, "surgeon", ranking_options={"score_threshold": 0.1}) == []


def test_the_environment_names_the_model(
    tmp_path: Path, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the server that answers runs; without a server it is refused."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("ASSISTANTS_EMBEDDING_MODEL", "concepts")
    monkeypatch.delenv("ASSISTANTS_MODEL_URL", raising=False)
    with pytest.raises(ac.ConfigurationError, match="ASSISTANTS_MODEL_URL"):
        Engine("sqlite://")

    monkeypatch.setenv("ASSISTANTS_MODEL_URL", server.base_url)
    monkeypatch.setenv("ASSISTANTS_MODEL_KEY", "k")
    with Engine(fresh("sqlite://")) as engine:
        bench = Bench(engine)
        assert bench.found(bench.store(**TEXTS).id, "surgeon")[0] == "clinic.txt"
    assert {*server.keys} == {"Bearer k"}


def test_the_command_has_an_option_for_it(tmp_path: Path, server: EmbeddingServer) -> None:
    """Beside those for the model's server."""
    options = ("--model-url", server.base_url, "--embedding-model", "concepts")
    with served(tmp_path, *options) as running, ac.Client(running.base_url, api_key="k") as client:
        store = client.vector_stores.create()
        text = b"The automobile is mended."
        client.vector_store_files.upload_and_wait(store.id, text, filename="garage.txt")
        [hit] = client.vector_stores.search(store.id, "vehicle").data
    assert hit.filename == "garage.txt"


def test_what_is_no_embeddings_is_refused() -> None:
    """Such as a model's name."""
    with pytest.raises(ac.ConfigurationError, match="Embeddings"):
        Engine("sqlite://", Scripted([]), embeddings="nomic")  # type: ignore[arg-type]
