"""What servers of embeddings take at once, and which text each of their vectors is of."""

from __future__ import annotations

import base64
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from embedding_server import EmbeddingServer, embedded, embedding_server

from assistants_client import ConfigurationError
from assistants_client.engine import Embeddings
from assistants_client.engine.environment import embeddings as from_environment
from assistants_client.engine.search.embeddings import EmbeddingError
from assistants_client.engine.search.vectors import count, packed, unpacked

#: No two of them have vectors of one direction.
TEXTS = ["car " * (n % 9 + 1) + "ship " * (n // 9 + 1) for n in range(70)]
VECTORS = [packed(embedded(text)) for text in TEXTS]


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    """A server that was not asked yet."""
    with embedding_server() as running:
        yield running


@pytest.fixture
def embeddings(server: EmbeddingServer) -> Iterator[Embeddings]:
    """What asks the server."""
    made = Embeddings(server.base_url, model="concepts")
    yield made
    made.close()


def rows(*indexes: object) -> dict[str, Any]:
    """An answer whose first vector points along the first axis, and so on; ``...`` is no index."""
    data = []
    for axis, index in enumerate(indexes):
        row: dict[str, Any] = {"embedding": [float(axis == n) for n in range(len(indexes))]}
        data.append(row if index is ... else {**row, "index": index})
    return {"data": data}


def axes(vectors: list[bytes]) -> list[int]:
    """The axes that vectors point along."""
    return [unpacked(vector).index(1) for vector in vectors]


# --- how many texts are taken -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "batch size is invalid, it should not be larger than 10."}}),
        (400, {"error": {"message": "Too many inputs for model None. The most is 10."}}),
        (413, {"message": "batch size 64 > maximum allowed batch size 10", "type": "Validation"}),
        (413, b"<html>Request Entity Too Large</html>"),
        (422, {"detail": [{"loc": ["body", "input"], "msg": "List should have at most 10 items"}]}),
    ],
)
def test_refused_batches_are_halved_and_the_size_is_remembered(
    server: EmbeddingServer, embeddings: Embeddings, status: int, body: Any
) -> None:
    """Whatever the words are; the vectors stay those of their texts."""
    server.refuses = lambda texts: (status, body) if len(texts) > 10 else None

    assert embeddings.of_passages(TEXTS) == VECTORS
    assert server.sizes == [64, 32, 16, *[8] * 8, 6]
    server.asked.clear()
    assert embeddings.of_passages(TEXTS[:9]) == VECTORS[:9]
    assert server.sizes == [8, 1]


def test_a_server_may_take_one_text_only(server: EmbeddingServer, embeddings: Embeddings) -> None:
    """That, too, is remembered."""
    server.refuses = lambda texts: (400, {"error": "One at a time."}) if len(texts) > 1 else None

    assert embeddings.of_passages(TEXTS[:3]) == VECTORS[:3]
    assert embeddings.of_passages(TEXTS[:3]) == VECTORS[:3]
    assert server.sizes == [3, 1, 1, 1, 1, 1, 1]


def test_all_texts_together_may_be_too_long(
    server: EmbeddingServer, embeddings: Embeddings
) -> None:
    """What is taken of long texts is what is asked for later."""
    too_many = (400, {"message": "Too many tokens overall, split into more batches."})
    server.refuses = lambda texts: too_many if sum(map(len, texts)) > 1000 else None

    assert embeddings.of_passages(TEXTS) == VECTORS
    sizes = server.sizes
    assert sizes[0] == 64
    assert min(sizes[:-1]) >= 8
    server.asked.clear()
    assert embeddings.of_passages(TEXTS) == VECTORS
    assert sum(server.sizes) == len(TEXTS)


def test_a_text_that_is_refused_alone_is_told(
    server: EmbeddingServer, embeddings: Embeddings
) -> None:
    """With the server's words; other files are asked for as many at once as before."""
    too_long = (413, {"error": {"message": "Too long for the model."}})
    server.refuses = lambda texts: too_long if TEXTS[40] in texts else None

    with pytest.raises(EmbeddingError) as caught:
        embeddings.of_passages(TEXTS)

    assert "answered 413: Too long for the model. This was one text, of" in str(caught.value)
    assert f"of {len(TEXTS[40])} characters" in str(caught.value)
    assert len(server.asked) < 16
    server.asked.clear()
    assert embeddings.of_passages(TEXTS[:40]) == VECTORS[:40]
    assert server.sizes == [40]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, {"message": "No."}),
        (403, {"message": "No."}),
        (404, {"message": "No."}),
        (500, {"message": "The batch is too large."}),
        (400, {"message": "No.", "param": "model"}),
        (400, {"message": "No.", "code": "model_not_found"}),
        (400, {"message": "Model 'concepts' does not exist."}),
        (422, {"message": "No.", "param": "encoding_format"}),
        (400, {"message": "API key not valid."}),
    ],
)
def test_what_has_another_cause_is_asked_once(
    server: EmbeddingServer, embeddings: Embeddings, status: int, error: dict[str, str]
) -> None:
    """Fewer texts would be refused as well."""
    server.refuses = lambda texts: (status, {"error": error})

    with pytest.raises(EmbeddingError, match=rf"answered {status}: {error['message']}"):
        embeddings.of_passages(TEXTS)

    assert server.sizes == [64]


def test_texts_that_are_quoted_are_no_cause(
    server: EmbeddingServer, embeddings: Embeddings
) -> None:
    """A validator repeats what it refuses, whatever that is about."""
    texts = [f"An API key of a model that was not found, number {n}" for n in range(20)]
    head = {"type": "too_long", "loc": ["body", "input"], "msg": "List should have at most 8 items"}
    server.refuses = lambda given: (
        (422, {"detail": [{**head, "input": given}]}) if len(given) > 8 else None
    )

    assert len(embeddings.of_passages(texts)) == 20
    assert server.sizes == [20, 10, 5, 5, 5, 5]


def test_threads_share_what_was_learned(server: EmbeddingServer, embeddings: Embeddings) -> None:
    """Files are read at the same time."""
    server.refuses = lambda texts: (400, {"error": "Ten."}) if len(texts) > 10 else None
    made: list[list[bytes]] = []
    readers = [
        threading.Thread(target=lambda: made.append(embeddings.of_passages(TEXTS)))
        for _ in range(4)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    assert made == [VECTORS] * 4
    server.asked.clear()
    assert embeddings.of_passages(TEXTS) == VECTORS
    assert server.sizes == [*[8] * 8, 6]


def test_a_reader_hears_of_another_at_once(server: EmbeddingServer, embeddings: Embeddings) -> None:
    """The size that one thread found out holds for the next batch of another."""

    def refuses(texts: list[str]) -> tuple[int, Any] | None:
        if len(texts) == 64:  # meanwhile another file is read
            embeddings.of_passages(TEXTS[:11])
        return (400, {"error": "Ten."}) if len(texts) > 10 else None

    server.refuses = refuses

    assert embeddings.of_passages(TEXTS[:64]) == VECTORS[:64]
    assert server.sizes == [64, 11, 5, 5, 1, *[5] * 12, 4]


def test_the_number_of_texts_can_be_set(server: EmbeddingServer) -> None:
    """Nothing is refused then."""
    embeddings = Embeddings(server.base_url, model="concepts", batch=25)

    assert embeddings.of_passages(TEXTS) == VECTORS
    assert server.sizes == [25, 25, 20]
    embeddings.close()


# --- which text a vector is of ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("indexes", "order"),
    [
        ((2, 0, 1), [1, 2, 0]),
        (("2", "0", "1"), [1, 2, 0]),
        ((2.0, 0.0, 1.0), [1, 2, 0]),
        ((..., ..., ...), [0, 1, 2]),
        ((None, None, None), [0, 1, 2]),
        ((0, 0, 0), [0, 1, 2]),
        (("0", "0", "0"), [0, 1, 2]),
        # What is 0 is left out by some.
        ((..., 1, 2), [0, 1, 2]),
        ((2, 1, ...), [2, 1, 0]),
        # The rest says that the list is in order.
        ((0, ..., 2), [0, 1, 2]),
    ],
)
def test_indexes_are_read_in_all_their_forms(
    server: EmbeddingServer, embeddings: Embeddings, indexes: tuple[object, ...], order: list[int]
) -> None:
    """A permutation is honoured; where nothing is said, the list is in order."""
    server.answers = [(200, rows(*indexes))]

    assert axes(embeddings.of_passages(["a", "b", "c"])) == order


@pytest.mark.parametrize(
    ("indexes", "words"),
    [
        ((1, 1, 1), "the indexes 1, 1, 1, which are not those of 3 texts"),
        ((0, 0, 1), "the indexes 0, 0, 1"),
        ((1, 2, 3), "the indexes 1, 2, 3"),
        ((0, 1, -1), "the indexes 0, 1, -1"),
        ((..., 0, 1), "the indexes None, 0, 1"),
        ((1, ..., ...), "the indexes 1, None, None"),
        ((0, 1, "two"), "the index 'two', which is no whole number"),
        ((0, 1, 1.5), "the index 1.5"),
        ((0, 1, True), "the index True"),
        ((0, 1), "2 vectors for 3 texts"),
        ((0, 1, 2, 3), "4 vectors for 3 texts"),
        ((..., ..., ..., ...), "4 vectors for 3 texts"),
    ],
)
def test_vectors_are_never_mixed_up(
    server: EmbeddingServer, embeddings: Embeddings, indexes: tuple[object, ...], words: str
) -> None:
    """Where it is not clear which text a vector is of, there are none."""
    server.answers = [(200, rows(*indexes))]

    with pytest.raises(EmbeddingError, match=words):
        embeddings.of_passages(["a", "b", "c"])


def test_many_indexes_are_not_all_told(server: EmbeddingServer, embeddings: Embeddings) -> None:
    """The error stays short."""
    server.answers = [(200, rows(*range(1, 65)))]

    with pytest.raises(EmbeddingError, match=r"indexes 1, 2, 3, 4, 5, …, which are not those"):
        embeddings.of_passages(TEXTS[:64])


# --- how numbers are told -----------------------------------------------------------------------


def told(numbers: list[int], kind: str) -> tuple[int, Any]:
    """An answer with one vector as bytes."""
    content = struct.pack(f"<{len(numbers)}{kind}", *numbers)
    return 200, {"data": [{"index": 0, "embedding": base64.b64encode(content).decode()}]}


#: As embeddings are: around 0, and most of them small.
SMALL = [(n * 37 + 11) % 61 - 30 for n in range(64)]


def test_bytes_that_are_no_floats_are_told(server: EmbeddingServer, embeddings: Embeddings) -> None:
    """With the cause, and what to set."""
    server.answers = [told(SMALL, "b")]

    with pytest.raises(EmbeddingError, match=r"64 bytes in base64 that are no 32-bit floats") as no:
        embeddings.of_passages(["a"])

    assert "Embeddings(encoding='base64_int8') or ASSISTANTS_EMBEDDING_ENCODING=" in str(no.value)


@pytest.mark.parametrize(
    ("encoding", "kind"), [(None, "f"), ("float", "f"), ("base64", "f"), ("base64_int8", "b")]
)
def test_the_encoding_can_be_set(server: EmbeddingServer, encoding: str | None, kind: str) -> None:
    """It is asked for, and the bytes are read as that; without it nothing is asked."""
    server.answers = [told(SMALL, kind)]
    embeddings = Embeddings(server.base_url, model="concepts", encoding=encoding)

    assert embeddings.of_passages(["a"]) == [packed(SMALL)]

    assert server.asked[0].get("encoding_format") == encoding
    assert ("encoding_format" in server.asked[0]) is (encoding is not None)
    embeddings.close()


# --- how many numbers a vector has --------------------------------------------------------------


def test_vectors_of_one_answer_have_one_length(
    server: EmbeddingServer, embeddings: Embeddings
) -> None:
    """Both lengths are named."""
    data = [{"index": 0, "embedding": [1, 2, 3]}, {"index": 1, "embedding": [1, 2]}]
    server.answers = [(200, {"data": data})]

    with pytest.raises(EmbeddingError, match="vectors of one answer have 2, 3 numbers"):
        embeddings.of_passages(["a", "b"])


@pytest.mark.parametrize(
    "before", [lambda embeddings: embeddings.of_passages(["a"]), lambda one: one.of_query("a")]
)
def test_a_length_that_changes_is_an_error(
    server: EmbeddingServer, before: Callable[[Embeddings], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Between batches and calls; a question has no vector then, which the log says."""
    embeddings = Embeddings(server.base_url, model="concepts", batch=1)
    before(embeddings)
    server.padding = 3

    with pytest.raises(EmbeddingError, match="they have 8 numbers, and those before had 5"):
        embeddings.of_passages(["a"])
    assert embeddings.of_query("a") is None
    assert "they have 8 numbers, and those before had 5" in caplog.text
    server.padding = 0
    assert count(embeddings.of_query("a") or b"") == 5
    embeddings.close()


# --- what the environment sets ------------------------------------------------------------------


@pytest.fixture
def environment(server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The variables of the server."""
    monkeypatch.setenv("ASSISTANTS_MODEL_URL", server.base_url)
    monkeypatch.setenv("ASSISTANTS_EMBEDDING_MODEL", "concepts")
    return monkeypatch


def test_variables_set_the_limits(server: EmbeddingServer, environment: pytest.MonkeyPatch) -> None:
    """As the arguments do."""
    environment.setenv("ASSISTANTS_EMBEDDING_BATCH", "2")
    environment.setenv("ASSISTANTS_EMBEDDING_ENCODING", "base64_int8")
    server.answers = [told(SMALL, "b"), told(SMALL, "b")]
    embeddings = from_environment()
    assert embeddings is not None

    with pytest.raises(EmbeddingError, match="1 vectors for 2 texts"):
        embeddings.of_passages(["a", "b", "c"])
    assert embeddings.of_passages(["a"]) == [packed(SMALL)]
    assert server.asked[0] == {
        "model": "concepts",
        "input": ["a", "b"],
        "encoding_format": "base64_int8",
    }
    embeddings.close()


def test_a_variable_sets_the_timeout(
    server: EmbeddingServer, environment: pytest.MonkeyPatch
) -> None:
    """A server that says nothing for so long has no vectors."""
    environment.setenv("ASSISTANTS_EMBEDDING_TIMEOUT", "0.1")
    released = threading.Event()
    server.refuses = lambda texts: (500, {"error": str(released.wait(30))})
    embeddings = from_environment()
    assert embeddings is not None
    try:
        with pytest.raises(EmbeddingError, match="in time"):
            embeddings.of_passages(["a"])
    finally:
        released.set()
        embeddings.close()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("BATCH", "many", "'many' is not a whole number"),
        ("BATCH", "1.5", "'1.5' is not a whole number"),
        ("BATCH", "0", "0 is not a whole number of 1 or more"),
        ("TIMEOUT", "long", "'long' is not a number"),
        ("TIMEOUT", "-1", "-1.0 is not a number of seconds above 0"),
        ("TIMEOUT", "nan", "nan is not a number of seconds above 0"),
        ("ENCODING", "int8", "'int8' is none of 'float', 'base64', 'base64_int8'"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    environment: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    """With what it may be."""
    environment.setenv(f"ASSISTANTS_EMBEDDING_{variable}", value)

    with pytest.raises(ConfigurationError) as caught:
        from_environment()

    assert str(caught.value) == f"$ASSISTANTS_EMBEDDING_{variable}: {words}"


def test_an_empty_variable_sets_nothing(
    server: EmbeddingServer, environment: pytest.MonkeyPatch
) -> None:
    """As if it were not there; what is wrong with others is told as before."""
    environment.setenv("ASSISTANTS_EMBEDDING_BATCH", "")
    embeddings = from_environment()
    assert embeddings is not None
    assert embeddings.of_passages(TEXTS) == VECTORS
    assert server.sizes == [64, 6]
    embeddings.close()

    environment.setenv("ASSISTANTS_MODEL_URL", "localhost")
    with pytest.raises(ConfigurationError, match="base_url"):
        from_environment()
