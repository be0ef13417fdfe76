"""Lazy lists against servers that page well, badly or not at all."""

import itertools
import re

import pytest

from assistants_client import APIResponseError, InvalidRequestError, LazyList, Page, Run
from assistants_client._json.codec import decode

NAMES = [f"run_{number:03}" for number in range(250)]


class Server:
    """Pages through NAMES as the protocol says, unless ``answer`` does it another way."""

    def __init__(self, names=NAMES, answer=None):
        self.queries = []
        self.names = names
        self.answer = answer or self._page

    def fetch(self, query):
        """What a resource gives to its list."""
        self.queries.append(dict(query))
        assert len(self.queries) < 1_000, "the list never ends"
        return decode(Page[Run], self.answer(query))

    def _page(self, query):
        names, size = self.names, query.get("limit", 20)
        if "after" in query:
            names = names[names.index(query["after"]) + 1 :]
        if "before" in query:
            names = names[: names.index(query["before"])]
            page = names[-size:]
        else:
            page = names[:size]
        return self.page(page, has_more=len(page) < len(names))

    @staticmethod
    def page(names, **rest):
        """A page with these runs."""
        return {"object": "list", "data": [{"id": name} for name in names], **rest}

    def list(self, **arguments):
        """A lazy list of this server."""
        return LazyList(self.fetch, lambda run: run.id, **arguments)


def ids(runs):
    """The ids, in order."""
    return [run.id for run in runs]


@pytest.mark.parametrize("page_size", [None, 1, 7, 50, 100])
def test_any_page_size_gives_the_same_list(page_size):
    """Every item comes once, in order."""
    assert ids(Server().list(page_size=page_size)) == NAMES


@pytest.mark.parametrize("limit", [1, 19, 20, 21, 100, 101, 249, 250, 251, 1000])
@pytest.mark.parametrize("page_size", [None, 1, 30])
def test_limit_bounds_the_whole_list(limit, page_size):
    """At most that many items, and no request for more than are wanted."""
    server = Server()
    assert ids(server.list(limit=limit, page_size=page_size)) == NAMES[:limit]
    assert max(query["limit"] for query in server.queries) <= min(limit, page_size or 100)


def test_nothing_is_fetched_before_it_is_needed():
    """The list is lazy: no request on making it, and one for each page, before the last item."""
    server = Server()
    runs = server.list(page_size=10)
    assert server.queries == []
    assert ids(itertools.islice(runs, 9)) == NAMES[:9]
    assert len(server.queries) == 1
    ids(itertools.islice(runs, 10))
    assert len(server.queries) == 3


@pytest.mark.parametrize("page_size", [1, 7, 100])
@pytest.mark.parametrize("cursor", [{}, {"after": "run_009"}, {"before": "run_240"}])
def test_items_may_be_deleted_while_walked(page_size, cursor):
    """As a nightly script does: the server knows no item any more that was yielded."""
    server = Server(list(NAMES))
    expected = ids(Server().list(page_size=page_size, **cursor))
    found = []
    for run in server.list(page_size=page_size, **cursor):
        found.append(run.id)
        server.names.remove(run.id)
    assert found == expected
    assert len(server.names) == 250 - len(found)


def test_a_satisfied_limit_asks_no_more():
    """Neither a last, empty page nor one item too many is fetched."""
    server = Server()
    ids(server.list(limit=40, page_size=20))
    assert [q["limit"] for q in server.queries] == [20, 20]


def test_each_iteration_starts_anew():
    """A list can be walked twice."""
    runs = Server().list()
    assert ids(runs) == ids(runs) == NAMES


def test_queries_carry_order_after_and_filters():
    """What is given is sent with every page, what is not is left out."""
    server = Server()
    runs = server.list(order="asc", after="run_200", filters={"run_id": "r", "include[]": None})
    assert ids(runs) == NAMES[201:]
    assert server.queries[0] == {"order": "asc", "after": "run_200", "run_id": "r"}
    assert server.queries[1]["after"] == "run_220"
    assert all(q["run_id"] == "r" for q in server.queries)


def test_before_goes_backwards():
    """Pages before an item are cut off its end, and the next page ends before the first item."""
    server = Server()
    pages = list(server.list(before="run_050", page_size=20).pages())
    assert [ids(page.data) for page in pages] == [NAMES[30:50], NAMES[10:30], NAMES[:10]]
    assert [q["before"] for q in server.queries] == ["run_050", "run_030", "run_010"]


def test_pages_are_given_as_they_came():
    """Page objects keep the server's cut and cursors."""
    pages = list(Server().list(page_size=100).pages())
    assert [len(page.data) for page in pages] == [100, 100, 50]
    assert [page.has_more for page in pages] == [True, True, False]


def test_pages_may_be_emptied_while_walked():
    """What the caller does with a page does not disturb the list."""
    seen = []
    for page in Server().list(page_size=100).pages():
        while page.data:
            seen.append(page.data.pop(0).id)
    assert seen == NAMES


def test_an_empty_list_is_empty():
    """One request, null ids and all."""
    empty = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
    server = Server(answer=lambda query: empty)
    assert list(server.list()) == []
    assert len(server.queries) == 1


def test_an_empty_page_ends_the_list_whatever_has_more_says():
    """There is no cursor to go on from."""
    server = Server(answer=lambda query: Server.page([], has_more=True))
    assert list(server.list()) == []


def test_without_has_more_the_list_goes_on_to_an_empty_page():
    """A server that does not say is asked once more."""

    def answer(query):
        page = server._page(query)
        del page["has_more"]
        return page

    server = Server(NAMES[:50], answer)
    assert ids(server.list()) == NAMES[:50]
    assert len(server.queries) == 4


def test_a_server_that_ignores_limit_does_not_exceed_it():
    """Everything in one page; the caller still gets what was asked for."""
    server = Server(answer=lambda query: Server.page(NAMES, has_more=True))
    assert ids(server.list(limit=3)) == NAMES[:3]
    assert len(server.queries) == 1


def test_a_cursor_that_stands_still_is_an_error():
    """``has_more`` with the same page again: no item is given twice before the error."""
    server = Server(answer=lambda query: Server.page(NAMES[:20], has_more=True))
    runs = iter(server.list())
    assert ids(itertools.islice(runs, 20)) == NAMES[:20]
    with pytest.raises(APIResponseError, match=r"does not advance.*run_019"):
        next(runs)
    assert len(server.queries) == 2


@pytest.mark.parametrize("cursor", [{}, {"before": "run_009"}])
def test_whatever_goes_wrong_comes_after_the_items_that_were_read(cursor):
    """A page that cannot be fetched takes no item of the page before with it."""

    def answer(query):
        if len(server.queries) == 2:
            raise OSError("unplugged")
        return Server.page(NAMES[:3], has_more=True)

    server = Server(answer=answer)
    runs = iter(server.list(**cursor))
    assert ids(itertools.islice(runs, 3)) == NAMES[:3]
    with pytest.raises(OSError, match="unplugged"):
        next(runs)


def test_a_cursor_that_comes_back_to_where_it_began_is_an_error():
    """The page after X ends with X, on the first request already."""
    server = Server(answer=lambda query: Server.page(["run_000"], has_more=True))
    with pytest.raises(APIResponseError):
        list(server.list(after="run_000"))


@pytest.mark.parametrize("length", [2, 3, 7, 20])
@pytest.mark.parametrize("before", [0, 1, 5])
def test_a_circle_of_pages_is_an_error(length, before):
    """However long the circle and the way to it, the list does not go on for ever."""
    counter = itertools.count()

    def answer(query):
        number = next(counter)
        if number >= before:
            number = before + (number - before) % length
        return Server.page([f"page_{number}"], has_more=True)

    server = Server(answer=answer)
    with pytest.raises(APIResponseError, match="does not advance"):
        list(server.list())
    assert len(server.queries) <= 4 * (length + before) + 4


def test_a_server_without_cursors_gives_its_list_once():
    """No has_more and the same page for ever: the list ends, and says why."""
    server = Server(answer=lambda query: Server.page(NAMES[:20]))
    with pytest.warns(UserWarning, match="repeats its page"):
        assert ids(server.list()) == NAMES[:20]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"limit": 0}, "limit: 0 is not a whole number of 1 or more"),
        ({"limit": -1}, "limit: -1 "),
        ({"limit": True}, "limit: True "),
        ({"limit": 1.0}, "limit: 1.0 "),
        ({"limit": "3"}, "limit: '3' "),
        ({"page_size": 0}, "page_size: 0 is not a whole number from 1 to 100"),
        ({"page_size": 101}, "page_size: 101 "),
        ({"order": "up"}, "order: 'up' is not 'asc' or 'desc'"),
        ({"order": ""}, "order: '' "),
    ],
)
def test_arguments_are_checked_when_the_list_is_made(arguments, words):
    """Not at the first item, where the mistake is far away."""
    with pytest.raises(InvalidRequestError, match=re.escape(words)) as caught:
        Server().list(**arguments)
    assert caught.value.path == next(iter(arguments))


def test_the_repr_shows_the_question_and_fetches_nothing():
    """Looking at a list in a console costs no request."""
    server = Server()
    assert repr(server.list(limit=3, order="asc")) == "<LazyList order=asc limit=3>"
    assert repr(server.list()) == "<LazyList>"
    assert server.queries == []
