"""Pages: any size and direction gives the same sequence, whatever ties and is added meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import fresh
from hypothesis import given, strategies as st

from assistants_client.engine.faults import Fault
from assistants_client.engine.storage.database import Database, add, remove
from assistants_client.engine.storage.keyset_pages import (
    Order,
    PageQuery,
    parse_page_query,
    read_page,
)
from assistants_client.engine.storage.tables import threads
from assistants_client.models.lists import Page
from assistants_client.models.threads import Thread

SIZE = 25


@pytest.fixture(scope="module")
def filled() -> Iterator[Database]:
    """Threads numbered in their order; many share their second, and the clock was set back."""
    database = Database(fresh("sqlite://"))
    times = [7, 8, 8, 1, 1, 2, *[4] * 12, 5, 6, 6, 6, 3, 8, 8]
    with database.begin() as connection:
        for number, created_at in enumerate(times):
            add(connection, threads, Thread(id=f"t{number}", created_at=created_at))
    yield database
    database.close()


def page(database: Database, query: PageQuery) -> Page[Thread]:
    """The page that is asked for."""
    with database.read() as connection:
        return read_page(connection, threads, Thread, query, {}).decoded()


def ids(found: Page[Thread]) -> list[str]:
    """The ids on a page, which its cursors agree with."""
    listed = [thread.id for thread in found.data]
    assert (found.first_id, found.last_id) == ((listed[0], listed[-1]) if listed else (None, None))
    return listed


def whole(database: Database, order: Order) -> list[str]:
    """All ids in one page."""
    return ids(page(database, PageQuery(limit=100, order=order)))


def test_the_order_is_that_of_making(filled: Database) -> None:
    """Whatever the clock said; descending is ascending turned round."""
    assert whole(filled, "asc") == [f"t{number}" for number in range(SIZE)]
    assert whole(filled, "desc") == whole(filled, "asc")[::-1]


@given(limit=st.integers(1, 30), order=st.sampled_from(["asc", "desc"]))
def test_pages_forward_are_the_whole(filled: Database, limit: int, order: Order) -> None:
    """Following ``after`` to the end gives every item once, in order, and then says so."""
    found: list[str] = []
    after, has_more = None, True
    while has_more:
        got = page(filled, PageQuery(limit=limit, order=order, after=after))
        found += ids(got)
        after, has_more = got.last_id, bool(got.has_more)
        assert len(got.data) == limit or not has_more
    assert found == whole(filled, order)


@given(
    limit=st.integers(1, 30), order=st.sampled_from(["asc", "desc"]), start=st.integers(0, SIZE - 1)
)
def test_pages_backward_are_what_comes_before(
    filled: Database, limit: int, order: Order, start: int
) -> None:
    """Following ``before`` to the front gives what precedes an item: each page the nearest."""
    everything = whole(filled, order)
    found: list[str] = []
    before: str | None = everything[start]
    has_more = True
    while has_more:
        got = page(filled, PageQuery(limit=limit, order=order, before=before))
        found = ids(got) + found
        before, has_more = got.first_id, bool(got.has_more)
    assert found == everything[:start]


@given(
    limit=st.integers(1, 30),
    order=st.sampled_from(["asc", "desc"]),
    start=st.integers(0, SIZE - 1),
    end=st.integers(0, SIZE - 1),
)
def test_both_cursors_bound_a_page(
    filled: Database, limit: int, order: Order, start: int, end: int
) -> None:
    """With both cursors a page begins after the one and stays before the other."""
    everything = whole(filled, order)
    query = PageQuery(limit=limit, order=order, after=everything[start], before=everything[end])
    expected = everything[start + 1 : end]
    got = page(filled, query)
    assert ids(got) == expected[:limit]
    assert got.has_more == (len(expected) > limit)


def test_what_is_added_or_deleted_meanwhile_disturbs_nothing() -> None:
    """New items and deleted ones neither repeat nor hide the others."""
    database = Database(fresh("sqlite://"))
    with database.begin() as connection:
        for number in range(6):
            add(connection, threads, Thread(id=f"t{number}", created_at=1))
    first = page(database, PageQuery(limit=2))
    with database.begin() as connection:
        add(connection, threads, Thread(id="new", created_at=1))
        remove(connection, threads, "t5")
        remove(connection, threads, "t3")
    second = page(database, PageQuery(limit=2, after=first.last_id))
    assert (ids(first), ids(second)) == (["t5", "t4"], ["t2", "t1"])
    database.close()


def test_an_empty_page_has_no_cursors() -> None:
    """The envelope of an empty list holds nulls."""
    database = Database(fresh("sqlite://"))
    assert page(database, PageQuery()) == Page(data=[], has_more=False)
    database.close()


@pytest.mark.parametrize("param", ["after", "before"])
def test_a_cursor_that_is_not_in_the_list_is_refused(filled: Database, param: str) -> None:
    """It is named, rather than taken for the start or the end."""
    with pytest.raises(Fault) as caught:
        page(filled, parse_page_query({param: "thread_gone"}))
    assert (caught.value.status, caught.value.param) == (400, param)
    assert "thread_gone" in caught.value.message


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"limit": "-"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"limit": ""}, "limit"),
        ({"order": ""}, "order"),
        ({"order": "up"}, "order"),
    ],
)
def test_a_query_out_of_bounds_is_refused(query: dict[str, str], param: str) -> None:
    """The refusal names the parameter."""
    with pytest.raises(Fault) as caught:
        parse_page_query(query)
    assert (caught.value.status, caught.value.param) == (400, param)
    assert len(caught.value.message) < 200


def test_defaults_of_a_query() -> None:
    """Twenty at a time, newest first; an empty cursor is as none, other keys are ignored."""
    assert parse_page_query({}) == PageQuery(limit=20, order="desc")
    query = {"after": "", "before": "", "api-version": "v1"}
    assert parse_page_query(query) == PageQuery()
    given_all = {"limit": "100", "order": "asc", "after": "a", "before": "b"}
    assert parse_page_query(given_all) == PageQuery(limit=100, order="asc", after="a", before="b")
