"""Searches of vector stores: order, scores, limits, filters, and what is not found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from databases import fresh
from store_bench import Bench

import assistants_client as ac
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.faults import Fault
from assistants_client.engine.search.filters import read_filter
from assistants_client.engine.search.text_ranking import conjunctions, selective_terms
from assistants_client.engine.services import _search

TEXTS: dict[str, str | bytes] = {
    "tides_md": "# Tides\n\nThe moon pulls the sea, so the water rises and falls twice a day.",
    "volcano_md": "# Volcanoes\n\nMolten rock rises through the crust and flows out as lava.",
    "bread_md": "# Bread\n\nYeast makes the dough rise; it is baked in a hot oven.",
    "tokyo_txt": "東京は日本の首都です。人口はとても多いです。",
    "cafe_txt": "Le café où naquit l'idée d'une fête.",
}


@pytest.fixture(autouse=True, params=["few passages", "many"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Searched as a store of many passages is, a store finds the same."""
    if request.param == "many":
        monkeypatch.setattr(_search, "_KNOWN_EXACTLY", 1)
        monkeypatch.setattr(_search, "_RANKED", 3)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """An engine in memory."""
    with Engine(fresh("sqlite://"), Scripted([])) as engine:
        yield Bench(engine)


@pytest.fixture(scope="module")
def store(bench: Bench) -> str:
    """A store of small texts."""
    return bench.store(**TEXTS).id


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("Why does the sea level rise and fall?", "tides.md"),
        ("lava flowing from rocks", "volcano.md"),
        ("How is bread baked?", "bread.md"),
        ("日本の首都", "tokyo.txt"),
        ("CAFE fete", "cafe.txt"),
        ("bread", "bread.md"),
    ],
)
def test_the_best_passage_comes_first(bench: Bench, store: str, query: str, name: str) -> None:
    """By word stems, whatever their case and accents, in any script; names and headings count."""
    page = bench.client.vector_stores.search(store, query)

    assert list(page) == page.data
    assert page.data[0].filename == name
    values = [hit.score for hit in page.data]
    assert values == sorted(values, reverse=True)
    assert all(0 < value <= 1 for value in values)
    assert page.search_query == [query]
    assert (page.object, page.has_more, page.next_page) == (
        "vector_store.search_results.page",
        False,
        None,
    )


def test_several_queries_are_one_search(bench: Bench, store: str) -> None:
    """What fits any of them is found."""
    assert {*bench.found(store, ["lava", "yeast"])} == {"volcano.md", "bread.md"}


def test_limits_and_thresholds(bench: Bench, store: str) -> None:
    """No more than wanted, and nothing that fits worse than wanted."""
    query = "rising water, rising dough"
    everything = bench.client.vector_stores.search(store, query).data
    assert len(everything) == 3

    assert len(bench.found(store, query, max_num_results=2)) == 2
    middle = everything[1].score
    ranking = {"score_threshold": middle, "ranker": "auto"}
    found = bench.client.vector_stores.search(
        store, "rising water, rising dough", ranking_options=ranking
    )
    assert found.data == everything[:2]
    assert bench.found(store, "sea", ranking_options={"score_threshold": 1.0}) == ["tides.md"]


@pytest.mark.parametrize("query", ["", "  ", "?!", "zebra", '"', "words:moon*", "NEAR(x y)", "-b"])
def test_odd_queries_find_nothing_and_break_nothing(bench: Bench, store: str, query: str) -> None:
    """No sign of a query is the index's own language."""
    assert bench.found(store, query) == (["tides.md"] if "moon" in query else [])


def test_a_store_is_searched_alone(bench: Bench, store: str) -> None:
    """Passages of another store never show."""
    other = bench.store(other_txt="The moon again.")

    assert bench.found(store, "moon") == ["tides.md"]
    assert bench.found(other.id, "moon") == ["other.txt"]


@pytest.fixture(scope="module")
def attributed(bench: Bench) -> str:
    """A store of the same text four times, with attributes."""
    store = bench.client.vector_stores.create().id
    given: dict[str, dict[str, Any]] = {
        "a": {"year": 2001, "lang": "en", "free": True},
        "b": {"year": 2005.5, "lang": "de", "free": False},
        "c": {"year": 2010, "lang": "en"},
        "d": {},
    }
    for name, attributes in given.items():
        file = bench.upload("A walrus sleeps.", name)
        bench.client.vector_store_files.create(store, file, attributes=attributes)
    bench.settled(store)
    return store


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"type": "eq", "key": "lang", "value": "en"}, "ac"),
        ({"type": "ne", "key": "lang", "value": "en"}, "bd"),
        ({"type": "eq", "key": "year", "value": 2001.0}, "a"),
        ({"type": "eq", "key": "free", "value": True}, "a"),
        ({"type": "eq", "key": "free", "value": 1}, ""),
        ({"type": "gt", "key": "year", "value": 2001}, "bc"),
        ({"type": "gte", "key": "year", "value": 2001}, "abc"),
        ({"type": "lt", "key": "year", "value": 2005.5}, "a"),
        ({"type": "lte", "key": "year", "value": 2005.5}, "ab"),
        ({"type": "gt", "key": "lang", "value": "de"}, "ac"),
        ({"type": "gt", "key": "lang", "value": 3}, ""),
        ({"type": "in", "key": "lang", "value": ["de", "fr"]}, "b"),
        ({"type": "nin", "key": "lang", "value": ["de", "fr"]}, "acd"),
        (
            {
                "type": "and",
                "filters": [
                    {"type": "eq", "key": "lang", "value": "en"},
                    {
                        "type": "or",
                        "filters": [
                            {"type": "lt", "key": "year", "value": 2002},
                            {"type": "eq", "key": "free", "value": False},
                        ],
                    },
                ],
            },
            "a",
        ),
    ],
)
def test_filters(bench: Bench, attributed: str, filters: Any, names: str) -> None:
    """Every comparison and both ways to join them, nested; kinds of values are kept apart."""
    assert sorted(bench.found(attributed, "walrus", filters=filters)) == sorted(names)


@pytest.mark.parametrize(
    ("filters", "param"),
    [
        ([], "filters"),
        ({}, "filters.type"),
        ({"type": "like", "key": "a", "value": "b"}, "filters.type"),
        ({"type": "eq", "value": "b"}, "filters.key"),
        ({"type": "eq", "key": "a"}, "filters.value"),
        ({"type": "eq", "key": 1, "value": "b"}, "filters.key"),
        ({"type": "eq", "key": "a", "value": None}, "filters.value"),
        ({"type": "eq", "key": "a", "value": ["b"]}, "filters.value"),
        ({"type": "in", "key": "a", "value": "b"}, "filters.value"),
        ({"type": "in", "key": "a", "value": [[]]}, "filters.value"),
        ({"type": "in", "key": "a", "value": [True]}, "filters.value"),
        ({"type": "eq", "key": "a", "value": "b", "c": 1}, "filters.c"),
        ({"type": "and", "filters": []}, "filters.filters"),
        ({"type": "or", "filters": [{"type": "eq", "key": "a"}]}, "filters.filters[0].value"),
    ],
)
def test_a_filter_that_is_none_is_refused(filters: Any, param: str) -> None:
    """With the path of what is wrong."""
    with pytest.raises(Fault) as caught:
        read_filter(filters)

    assert (caught.value.status, caught.value.param) == (400, param)


def test_filters_nest_only_so_deep() -> None:
    """Nobody can exhaust the stack."""
    nested: Any = {"type": "eq", "key": "a", "value": "b"}
    for _ in range(20):
        nested = {"type": "and", "filters": [nested]}
    with pytest.raises(Fault, match="deep"):
        read_filter(nested)


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"max_num_results": 51}, "max_num_results"),
        ({"max_num_results": 0}, "max_num_results"),
        ({"ranking_options": {"score_threshold": 1.1}}, "ranking_options.score_threshold"),
        ({"ranking_options": {"ranker": "best"}}, "ranking_options.ranker"),
        ({"filters": {"type": "eq"}}, "filters.key"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_a_wrong_search_is_refused(
    bench: Bench, store: str, options: dict[str, Any], param: str
) -> None:
    """With the path of what is wrong."""
    path = f"/vector_stores/{store}/search"
    with pytest.raises(ac.BadRequestError) as caught:
        bench.client._transport.send("POST", path, document={"query": "x", **options})

    assert caught.value.param == param


def test_what_holds_the_rare_word_comes_before_what_holds_common_ones(bench: Bench) -> None:
    """However much there is of these; what holds only those comes after, or not at all."""
    given = {f"common{number}_txt": "the harbour lamp is lit" for number in range(6)}
    store = bench.store(**given, rare_txt="the harbour walrus is asleep").id
    found = bench.found(store, "walrus harbour lamp")
    assert found[0] == "rare.txt"
    assert len(found) >= 3


@pytest.mark.parametrize("held", ["period of notice in a contract", "notice of a contract"])
def test_what_holds_several_common_words_comes_first(bench: Bench, held: str) -> None:
    """Wherever it stands among many passages that hold one of them each."""
    words = ("contract", "notice", "period")
    given = {f"one{number}_txt": f"the {words[number % 3]} of the lamp" for number in range(12)}
    later = {f"two{number}_txt": f"the {words[number % 3]} of the sea" for number in range(12)}
    store = bench.store(**given, best_txt=held, **later).id
    assert bench.found(store, "contract notice period walrus")[0] == "best.txt"


def test_what_holds_most_terms_is_asked_for_first() -> None:
    """All of them, then as many as may be of the rarest four; not those that nothing holds."""
    asked = conjunctions({"a": 9, "b": 8, "none": 0, "c": 7, "d": 6, "e": 5})
    expected = [("edcba", 5), ("edcb", 4), ("edcb", 3), ("edcb", 2)]
    assert [("".join(words), together) for words, together in asked] == expected
    assert list(conjunctions({"a": 9, "none": 0})) == []


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"a": 5, "b": 1, "c": 3}, "bc"),
        ({"a": 5, "b": 0, "c": 6}, "ba"),
        ({"a": 9, "b": 0, "c": 8}, "abc"),
        ({"a": 9, "b": 8}, "ab"),
        ({"a": 1, "b": 1}, "ab"),
    ],
)
def test_the_terms_that_tell_most_are_looked_for(counts: dict[str, int], expected: str) -> None:
    """As many as find no more than five passages together; all of them where none is so rare."""
    assert "".join(selective_terms(counts, 5)) == expected
