"""Searches by meaning, with vectors from a server that other people wrote, over a socket."""

import time

import pytest

from assistants_client import Client
from assistants_client.engine import Embeddings, Engine, Scripted
from assistants_client.engine.search.embeddings import EmbeddingError

TEXTS = {"garage.txt": "The automobile is mended.", "clinic.txt": "The physician is in."}
READ_WITHIN = 60.0  # seconds


def test_other_words_for_the_same_are_found(litellm_server: str, peer_key: str) -> None:
    """LiteLLM's vectors are read when files are, and when a question is asked."""
    embeddings = Embeddings(litellm_server, peer_key, model="brain")
    with (
        Engine("sqlite://", Scripted([]), embeddings=embeddings) as engine,
        Client(engine=engine) as client,
    ):
        ids = [client.files.upload(text.encode(), filename=n).id for n, text in TEXTS.items()]
        store = client.vector_stores.create(file_ids=ids)
        until = time.monotonic() + READ_WITHIN
        while store.file_counts.in_progress and time.monotonic() < until:
            time.sleep(0.05)
            store = client.vector_stores.retrieve(store.id)
        assert store.file_counts.completed == len(TEXTS)
        for query, name in (("car", "garage.txt"), ("doctor", "clinic.txt")):
            hits = client.vector_stores.search(store.id, query).data
            assert hits[0].filename == name
            assert hits[0].score > 10 * sum(hit.score for hit in hits[1:])
    embeddings.close()


def test_its_refusals_are_told(litellm_server: str, peer_key: str) -> None:
    """A wrong key and an unknown model, in the server's words and without the key."""
    wrong = (("sk-wrong-key", "brain", "answered 4"), (peer_key, "absent", "absent"))
    for key, model, words in wrong:
        embeddings = Embeddings(litellm_server, key, model=model)
        with pytest.raises(EmbeddingError, match=words) as caught:
            embeddings.of_passages(["car"])
        assert key not in str(caught.value)
        embeddings.close()
