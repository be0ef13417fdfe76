"""Asks an engine the questions on documents, and looks where it finds the right passages."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from attrs import frozen
from corpus import Document, Question
from letter_vectors import LetterVectors

from assistants_client import Client
from assistants_client.engine import Engine, Scripted

#: Passages among which the right one is to be.
BEST: Final = 3
_SIZES: Final = {"max_chunk_size_tokens": 160, "chunk_overlap_tokens": 40}
_LONGEST_SECONDS: Final = 300


@frozen
class Evaluated:
    """The questions that were asked, those whose passage was not found, and its mean rank.

    ``mean_rank`` is the mean of 1 divided by the passage's place, or 0 where it was not found.
    """

    asked: Sequence[Question]
    missed: Sequence[Question]
    mean_rank: float

    @property
    def share(self) -> float:
        """The share of questions whose passage was found."""
        return 1 - len(self.missed) / len(self.asked)


def evaluated(url: str, documents: Sequence[Document], *, has_vectors: bool) -> Evaluated:
    """Evaluates the search of a database that is empty."""
    vectors = LetterVectors() if has_vectors else None
    with (
        Engine(url, Scripted([]), embeddings=vectors) as engine,
        Client(engine=engine) as client,
    ):
        ids = [
            client.files.upload(io.BytesIO(one.content), filename=one.name).id for one in documents
        ]
        store = client.vector_stores.create(
            file_ids=ids, chunking_strategy={"type": "static", "static": _SIZES}
        )
        client.vector_stores.wait(store.id, timeout=_LONGEST_SECONDS)
        unread = [
            (held.status, held.last_error)
            for held in client.vector_store_files.list(store.id)
            if held.status != "completed" or held.last_error
        ]
        if unread:
            raise RuntimeError(f"not all documents were read: {unread}")
        questions = [question for one in documents for question in one.questions]
        ranks = [_rank(client, store.id, question) for question in questions]
    missed = [one for one, rank in zip(questions, ranks, strict=True) if not rank]
    return Evaluated(questions, missed, sum(ranks) / len(ranks))


def _rank(client: Client, store: str, question: Question) -> float:
    page = client.vector_stores.search(store, question.text, max_num_results=BEST)
    for place, hit in enumerate(page.data, 1):
        text = " ".join(hit.content[0].text.split())
        if hit.filename == question.file and question.words in text:
            return 1 / place
    return 0.0
