"""How well the search finds what is asked for, on a corpus of our own (see its README)."""

from __future__ import annotations

from pathlib import Path

from databases import fresh
from store_bench import Bench

from assistants_client.engine import Engine, Scripted

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
