"""What is asked of a server of embeddings, and what of its answers is taken."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from embedding_server import EmbeddingServer, embedding_server

from assistants_client import ConfigurationError
from assistants_client.engine import Embeddings
from assistants_client.engine.search.embeddings import EmbeddingError
from assistants_client.engine.search.text_ranking import fuse_rankings
from assistants_client.engine.search.vectors import (
    candidates,
    cosine_similarity,
    packed,
    sign_bits,
    unpacked,
)

KEY = "the-key-of-the-test"


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    """A server that was not asked yet."""
    with embedding_server() as running:
        yield running


def asked(server: EmbeddingServer, **options: Any) -> Embeddings:
    """What asks the server."""
    return Embeddings(server.base_url, KEY, **{"model": "concepts", **options})


@pytest.mark.parametrize("as_base64", [False, True])
def test_vectors_come_in_both_forms(server: EmbeddingServer, as_base64: bool) -> None:
    """Numbers or bytes: the same vectors, of length 1, in the order of the texts."""
    server.as_base64 = as_base64
    embeddings = asked(server)

    ship, car, vehicle = embeddings.of_passages(["A ship.", "Cars!", "My vehicle"])

    assert cosine_similarity(unpacked(car), unpacked(vehicle)) == pytest.approx(1)
    assert cosine_similarity(unpacked(car), unpacked(ship)) < 0.01
    assert math.hypot(*unpacked(ship)) == pytest.approx(1)
    assert server.asked == [{"model": "concepts", "input": ["A ship.", "Cars!", "My vehicle"]}]
    assert server.keys == [f"Bearer {KEY}"]
    assert KEY not in repr(embeddings)
    embeddings.close()


def test_many_texts_are_many_requests(server: EmbeddingServer) -> None:
    """No request asks for more than servers take, and none without texts is made."""
    embeddings = asked(server)

    assert len(embeddings.of_passages([f"car {n}" for n in range(150)])) == 150
    assert [len(one["input"]) for one in server.asked] == [64, 64, 22]
    assert embeddings.of_passages([]) == []
    embeddings.close()


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, {"error": {"message": "Out of memory."}}, "answered 500: Out of memory."),
        (401, {"error": {"message": f"No such key: {KEY}"}}, "answered 401: No such key: ***."),
        (404, {"error": {"message": "No such model."}}, "Is the base URL right"),
        (200, b"<html>", "answered 200 without JSON"),
        (200, {"data": []}, "0 vectors for 1 texts"),
        (200, {"error": {"message": "Out of memory."}}, "no vectors: Out of memory."),
        (200, {"data": [{"index": 1, "embedding": [1]}]}, "has the indexes 1, which are not those"),
        (200, {"data": [{"index": 0, "embedding": []}]}, "0 numbers"),
        (200, {"data": [{"index": 0, "embedding": [0, 0]}]}, "no direction"),
        (200, {"data": [{"index": 0, "embedding": [1e400]}]}, "no direction"),
        (200, {"data": [{"index": 0, "embedding": ["x"]}]}, "holds what is no number: could not"),
        (200, {"data": [{"index": 0, "embedding": [[1]]}]}, "holds what is no number: float()"),
        (200, {"data": [{"index": 0, "embedding": "AAA"}]}, "a text that is no base64"),
        (200, {"data": [{"index": 0, "embedding": "AAAA"}]}, "3 bytes in base64"),
        (200, {"data": [{"index": 0, "embedding": None}]}, "a vector is null"),
        (200, {"data": [{"index": 0, "embedding": {}}]}, "a vector is of type dict"),
        (200, {"data": [[1]]}, "no list of vectors in 'data'"),
        (200, [], "no list of vectors in 'data'"),
    ],
)
def test_what_are_no_vectors_is_told(
    server: EmbeddingServer, status: int, body: Any, words: str
) -> None:
    """The error names the server, the model and the reason, and no key."""
    server.answers = [(status, body)]
    embeddings = asked(server)

    with pytest.raises(EmbeddingError) as caught:
        embeddings.of_passages(["car"])

    text = str(caught.value)
    assert text.startswith(f"The embedding server at {server.base_url} (model 'concepts') gave no")
    assert words in text
    assert KEY not in text
    embeddings.close()


def test_a_server_that_is_gone_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A question has no vector then, and the log says so at the first one."""
    with embedding_server() as server:
        embeddings = asked(server)
    assert embeddings.of_query("car") is None
    assert embeddings.of_query("boat") is None

    [record] = caplog.records
    assert "no connection" in record.message
    assert "by words alone" in record.message
    embeddings.close()


def test_a_server_that_drips_holds_no_search(
    serve: Any, http_answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The time is for the whole answer: a byte now and then makes it no longer."""
    head = http_answer(b"").replace(b"Content-Length: 0", b"Content-Length: 9999")

    def drip(connection: Any) -> None:
        connection.sendall(head)
        while server.pause(0.05):
            connection.sendall(b" ")

    server = serve(drip)
    embeddings = Embeddings(server.url, model="concepts", timeout=0.3)
    begun = time.monotonic()

    assert embeddings.of_query("A ship?") is None

    assert 0.3 <= time.monotonic() - begun < 10
    assert "gave no vectors in time. Until it does" in caplog.text
    embeddings.close()


def test_what_is_refused_for_now_is_asked_again(
    server: EmbeddingServer, pauses: list[float]
) -> None:
    """For a file that is read, but not for a question that somebody waits for."""
    server.answers = [(429, {"error": {"message": "Slowly."}})] * 2
    embeddings = asked(server)

    assert embeddings.of_query("car") is None
    assert len(embeddings.of_passages(["car"])) == 1
    assert len(server.asked) == 3
    assert len(pauses) == 1
    embeddings.close()


def test_a_key_may_be_called_for(server: EmbeddingServer) -> None:
    """Before every request; one that cannot be had is an error like any other."""
    keys = iter(["one", "two"])
    embeddings = Embeddings(server.base_url, lambda: next(keys), model="concepts")

    embeddings.of_passages(["car"])
    embeddings.of_query("car")
    assert server.keys == ["Bearer one", "Bearer two"]
    with pytest.raises(EmbeddingError, match="api_key raised StopIteration"):
        embeddings.of_passages(["car"])
    embeddings.close()


def test_a_key_that_cannot_be_sent_is_told(server: EmbeddingServer) -> None:
    """Without the key, and nothing is asked."""
    embeddings = Embeddings(server.base_url, lambda: "schlüssel", model="concepts")

    with pytest.raises(EmbeddingError, match="was not asked: api_key: expected printable") as no:
        embeddings.of_passages(["car"])

    assert "schlüssel" not in str(no.value)
    assert server.asked == []
    embeddings.close()


def test_the_path_may_be_named(server: EmbeddingServer) -> None:
    """The URL of the operation is as good as the base URL."""
    assert Embeddings(f"{server.base_url}/embeddings", model="m").base_url == server.base_url


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("localhost:11434", {"model": "m"}, "base_url"),
        ("http://localhost:11434/v1", {"model": ""}, "model"),
        ("http://localhost:11434/v1", {"model": "m", "timeout": None}, "timeout: None is not"),
        ("http://localhost:11434/v1", {"model": "m", "timeout": 0}, "timeout: 0 is not"),
        ("http://localhost:11434/v1", {"model": "m", "batch": 0}, "batch: 0 is not a whole number"),
        ("http://localhost:11434/v1", {"model": "m", "batch": True}, "batch: True is not"),
        ("http://localhost:11434/v1", {"model": "m", "batch": 1.5}, "batch: 1.5 is not"),
        ("http://localhost:11434/v1", {"model": "m", "encoding": "int8"}, "none of 'float', "),
    ],
)
def test_what_cannot_be_asked_is_refused(url: str, options: Any, words: str) -> None:
    """At once, not with the first file."""
    with pytest.raises(ConfigurationError, match=words):
        Embeddings(url, **options)


def test_signs_choose_what_is_compared_in_full() -> None:
    """Of thousands of vectors those that are like the query are among the few that are chosen."""
    dice = random.Random(1)

    def anywhere() -> list[float]:
        return [dice.gauss(0, 1) for _ in range(128)]

    asked = anywhere()
    alike = [[a + b for a, b in zip(asked, anywhere(), strict=True)] for _ in range(20)]
    kept = {
        n: packed(vector) for n, vector in enumerate([*alike, *(anywhere() for _ in range(2000))])
    }
    query = packed(asked)
    assert 0.6 < cosine_similarity(unpacked(query), unpacked(kept[0])) < 0.8

    chosen = candidates(query, [(n, sign_bits(vector)) for n, vector in kept.items()], wanted=10)

    assert len(chosen) == 500
    assert {*range(20)} <= {*chosen}


def test_fusion_ranks_by_both_and_keeps_the_scale() -> None:
    """First by both is 1; what one search alone finds comes below, and bad fits stay low."""
    scored = fuse_rankings({1: 1.0, 2: 0.9, 3: 0.8}, {1: 1.0, 3: 0.9, 4: 0.2})

    assert sorted(scored, key=lambda n: -scored[n]) == [1, 3, 2, 4]
    assert scored[1] == 1
    assert scored[4] < 0.1
    assert fuse_rankings({}, {}) == {}
