"""How well the search finds what is asked for, on a corpus of our own (see its README)."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest
from databases import fresh
from store_bench import Bench

from assistants_client.engine import Engine, Scripted

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "file_search"))
from corpus import Document, documents
from evaluation import evaluated

CORPUS = Path(__file__).with_name("search_corpus")
BEST = 3
WANTED = 0.9


def test_the_right_passage_is_among_the_first_three() -> None:
    """For nine of ten questions; passages are small, so that there are many wrong ones."""
    questions = [
        line.split("\t") for line in (CORPUS / "questions.tsv").read_text("utf-8").splitlines()
    ]
    static = {"max_chunk_size_tokens": 130, "chunk_overlap_tokens": 30}
    with Engine(fresh("sqlite://"), Scripted([])) as engine:
        bench = Bench(engine)
        ids = [bench.upload(path.read_bytes(), path.name) for path in sorted(CORPUS.glob("*.md"))]
        store = bench.client.vector_stores.create(
            file_ids=ids, chunking_strategy={"type": "static", "static": static}
        ).id
        assert bench.settled(store).file_counts.completed == len(ids)
        missed = []
        for question, name, words in questions:
            found = bench.client.vector_stores.search(store, question, max_num_results=BEST).data
            texts = [hit.content[0].text for hit in found if hit.filename == name]
            if not any(words in " ".join(text.split()) for text in texts):
                missed.append(question)

    assert len(questions) == 50
    assert len(missed) <= (1 - WANTED) * len(questions), missed


@pytest.mark.parametrize("has_vectors", [False, True])
def test_documents_of_all_formats_and_languages_are_found(has_vectors: bool) -> None:
    """The short form of the evaluation in ``tests/benchmarks/file_search``."""
    everything = [*documents()]
    some, formats = list[Document](), Counter[str]()
    for language in sorted({one.language for one in everything}):
        # One of each, of a format that few others have.
        of_language = [one for one in everything if one.language == language]
        some.append(min(of_language, key=lambda one: formats[one.format]))
        formats[some[-1].format] += 1
    assert len(some) >= 10
    assert len(formats) >= 8

    found = evaluated(fresh("sqlite://"), some, has_vectors=has_vectors)

    assert found.share >= 0.95, found.missed
