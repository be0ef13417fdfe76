"""Prepares texts and queries for the full-text index, and scores hits.

Pure: no SQL is run here. The words themselves are ``word_forms``'s.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

from attrs import frozen

from assistants_client.engine.search.word_forms import asked_words, folded_words
from assistants_client.models._base import JsonObject

#: The constant of reciprocal rank fusion: the smaller, the more high ranks count; 60 is common.
_RANK_OFFSET: Final = 60

#: Terms of a query that are used; further ones hardly change the ranking.
MAX_TERMS: Final = 32

#: The number of rarest terms of which a passage is searched that holds several.
_COMBINED: Final = 4

#: English words that do not distinguish passages.
_STOP_WORDS: Final = """
a about above after again against all also am an and any are as at be because been before being
below between both but by can could did do does doing down during each few for from further had has
have having he her here hers him his how i if in into is it its just me more most my no nor not of
off on once only or other our out over own please same say says she should so some such tell than
that the their them then there these they this those through to too under until up us very was we
were what when where which while who whom whose why will with would you your
""".split()  # noqa: SIM905 - easier to read than a list
_NAME_PARTS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|[_\W]+")


@frozen(kw_only=True)
class Hit:
    """A passage that was found; ``score`` is 0 to 1."""

    file_id: str
    filename: str
    score: float
    attributes: JsonObject
    text: str


@frozen
class Postings:
    """A term's postings: the candidate passages that hold it, and the number of all that do."""

    passages: Collection[int]
    count: int


def title_words(filename: str, headings: str) -> str:
    """Returns the words of a passage's title: of its file's name, and of the headings above it."""
    stem = filename.rpartition(".")[0] or filename
    return f"{' '.join(_NAME_PARTS.split(stem))} {headings}"


def terms(query: str) -> list[str]:
    """Returns the terms of a query, as the index has them: without stop words."""
    found: dict[str, bool] = {}
    for word in folded_words(query):
        is_content = word not in _STOP_WORDS
        for term in asked_words(word):
            found[term] = found.get(term, False) or is_content
    content = [term for term, is_content in found.items() if is_content]
    return (content or list(found))[:MAX_TERMS]


def in_stores(stores: Iterable[int], wanted: Sequence[str], together: int = 1) -> str:
    """Returns SQLite's query for passages of some stores that hold so many of the terms."""
    places = " OR ".join(f'"{store}"' for store in stores)
    sets = any_of(wanted, together, " AND ", " OR ", '"')
    return f"(store : ({places})) AND ({{title words}} : ({sets}))"


def any_of(wanted: Sequence[str], together: int, both: str, either: str, mark: str) -> str:
    """Returns a query for what holds so many of the terms, in the words of an index's language."""
    quoted = [f"{mark}{term}{mark}" for term in wanted]
    return either.join(f"({both.join(some)})" for some in combinations(quoted, together))


def selective_terms(counts: Mapping[str, int], most: int) -> list[str]:
    """Returns the most selective terms of a query over many passages.

    Args:
        counts: The document frequencies: for each term the number of passages that hold it.
        most: The number of passages that the terms may find together. Where each finds more, all
            terms are returned.
    """
    found, total = list[str](), 0
    for term in sorted(counts, key=lambda term: counts[term]):
        total += counts[term]
        if total > most:
            return found if total > counts[term] else list(counts)
        found.append(term)
    return found


def conjunctions(counts: Mapping[str, int]) -> Iterator[tuple[list[str], int]]:
    """Yields terms, and how many of them a passage is to hold: the strictest first.

    That is all terms, then all of the rarest ones, then fewer and fewer of these, down to two.

    Args:
        counts: The document frequencies. Terms that no passage holds are left out.
    """
    held = sorted((term for term in counts if counts[term]), key=lambda term: counts[term])
    if len(held) > _COMBINED:
        yield held, len(held)
    rarest = held[:_COMBINED]
    for together in range(len(rarest), 1, -1):
        yield rarest, together


def scores(
    ranks: Mapping[int, float], postings: Sequence[Postings], count: int
) -> dict[int, float]:
    """Returns the scores of passages, from 0 to 1.

    Half of it is the index's own rank (BM25), against the best one's; the other half is how much of
    the query the passage holds at all, rare terms counting more. So 1 is a passage that holds every
    term of the query and ranks first.

    Args:
        ranks: The passages, with the index's ranks: the lower, the better.
        postings: For each term the passages that hold it.
        count: The number of all passages that were searched.
    """
    weights = [
        math.log(1 + (max(count - held.count, 0) + 0.5) / (held.count + 0.5)) for held in postings
    ]
    whole = sum(weights) or 1.0
    best = min(ranks.values(), default=0.0) or -1.0
    return {
        passage: round(
            min(
                1.0,
                0.5 * max(0.0, rank / best)
                + 0.5
                * sum(
                    w for w, held in zip(weights, postings, strict=True) if passage in held.passages
                )
                / whole,
            ),
            6,
        )
        for passage, rank in ranks.items()
    }


def fuse_rankings(
    by_words: Mapping[int, float], by_meaning: Mapping[int, float]
) -> dict[int, float]:
    """Returns the scores of passages, from 0 to 1, by two searches together.

    Reciprocal rank fusion: what ranks high in both comes first. Each rank is weighted by the
    passage's score, so that the best of many bad matches has a low score.

    Args:
        by_words: The scores of one search.
        by_meaning: Those of another, on a scale of its own from 0 to 1.
    """
    found: dict[int, float] = {}
    for scored in (by_words, by_meaning):
        order = sorted(scored, key=lambda passage: (-scored[passage], passage))
        for place, passage in enumerate(order):
            share = 0.5 * scored[passage] * (_RANK_OFFSET + 1) / (_RANK_OFFSET + 1 + place)
            found[passage] = found.get(passage, 0.0) + share
    return {passage: round(score, 6) for passage, score in found.items()}
