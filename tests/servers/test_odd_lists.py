"""Lists of servers that page badly or not at all: all ends, and nothing is quietly repeated."""

import tracemalloc
import warnings

import pytest

from assistants_client import APIResponseError

NAMES = [f"m{number:02}" for number in range(45)]
PATH = "/threads/t/messages"


def page(names, **rest):
    """A page of these messages."""
    return {"object": "list", "data": [{"id": name} for name in names], **rest}


def ids(items):
    """The ids, in order."""
    return [item.id for item in items]


def test_files_without_has_more_whose_after_is_ignored(client, server):
    """The list ends after its one page, and a warning says that it may not be all."""
    document = {"object": "file", "data": [{"id": "file-1"}, {"id": "file-2"}]}
    server.answers("GET", "/files", document)

    with pytest.warns(UserWarning, match="repeats its page"):
        assert ids(client.files.list()) == ["file-1", "file-2"]

    assert len(server.sent) == 2


def test_has_more_with_after_and_limit_ignored_is_an_error(client, server):
    """The same page for ever: its items come once, then the list says what is wrong."""
    server.answers("GET", PATH, page(NAMES, has_more=True))
    got = []

    with pytest.raises(APIResponseError, match="does not advance: it comes to m44 again"):
        got.extend(message.id for message in client.messages.list("t", page_size=20))

    assert len(server.sent) == 2


def test_the_same_page_in_another_order_is_an_error(client, server):
    """A cursor that is ignored is noticed by the items, whichever of them comes last."""
    turn = iter(range(100))

    def answer(query):
        cut = next(turn) % 20
        return page(NAMES[cut:20] + NAMES[:cut], has_more=True)

    server.calls_back("GET", PATH, answer)

    with pytest.raises(APIResponseError, match="does not advance"):
        list(client.messages.list("t"))

    assert len(server.sent) == 2


def test_has_more_false_is_believed_though_truncated(client, server):
    """Nothing tells it from a list that is complete; a larger page gives what it hides."""

    def answer(query):
        return page(NAMES[: int(query.get("limit", 20))], has_more=False)

    server.calls_back("GET", PATH, answer)

    assert ids(client.messages.list("t")) == NAMES[:20]
    assert ids(client.messages.list("t", page_size=100)) == NAMES


def test_a_limit_that_the_server_ignores_holds(client, server):
    """All in one page; the caller gets as many as were asked for."""
    server.answers("GET", PATH, page(NAMES))

    assert ids(client.messages.list("t", limit=3)) == NAMES[:3]
    assert len(server.sent) == 1


def test_everything_in_one_page_whatever_the_limit(client, server):
    """Without ``has_more`` it is asked once more, and given once."""
    server.answers("GET", PATH, page(NAMES))

    with pytest.warns(UserWarning, match="repeats its page"):
        assert ids(client.messages.list("t", page_size=20)) == NAMES


@pytest.mark.parametrize("ends", [{}, {"first_id": None, "last_id": None}])
@pytest.mark.parametrize("more", [{}, {"has_more": False}, {"has_more": None}])
@pytest.mark.parametrize("data", [[], None])
def test_an_empty_list_with_or_without_its_ids(client, server, ends, more, data):
    """One request, no item."""
    server.answers("GET", PATH, {"object": "list", "data": data, **ends, **more})

    assert list(client.messages.list("t")) == []
    assert len(server.sent) == 1


def test_ids_of_a_page_may_be_absent_always(client, server):
    """The cursor comes from the items."""

    def answer(query):
        start = NAMES.index(query["after"]) + 1 if "after" in query else 0
        return page(NAMES[start : start + 20], has_more=start + 20 < len(NAMES))

    server.calls_back("GET", PATH, answer)

    assert ids(client.messages.list("t")) == NAMES


def test_first_id_none_as_a_text_is_no_cursor(client, server):
    """An empty list of another object name, whose ids are words, is an empty list."""
    document = {"object": "assistants", "data": [], "first_id": "none", "last_id": "none"}
    server.answers("GET", "/assistants", document)

    assert list(client.assistants.list()) == []


def test_a_page_need_not_say_that_it_is_a_list(client, server):
    """``object`` is not looked at."""
    server.answers("GET", PATH, {"data": [{"id": "m"}], "has_more": False})

    assert ids(client.messages.list("t")) == ["m"]


def test_the_order_that_is_asked_for_is_sent(client, server):
    """A server that answers the oldest first by default is told otherwise by the caller."""
    server.calls_back(
        "GET",
        PATH,
        lambda query: page(NAMES[::-1] if query.get("order") == "desc" else NAMES, has_more=False),
    )

    assert ids(client.messages.list("t", limit=1, order="desc")) == ["m44"]


def test_items_repeated_across_pages_come_once_with_a_warning(client, server):
    """Ties that the server orders anew for each page: no item twice, and a word that some lack."""
    pages = [page(NAMES[:20], has_more=True), page(NAMES[15:30], has_more=True)]
    pages += [page(NAMES[28:45], has_more=False)]
    server.answers("GET", PATH, *pages)

    with pytest.warns(UserWarning, match="others may be missing") as caught:
        assert ids(client.messages.list("t")) == NAMES

    assert len(caught) == 2


def test_a_page_of_nothing_new_at_the_end(client, server):
    """The last page repeats the one before it: the list ends, and says why."""
    server.answers("GET", PATH, page(NAMES[:20], has_more=True), page(NAMES[:20], has_more=False))

    with pytest.warns(UserWarning, match="repeats its page"):
        assert ids(client.messages.list("t")) == NAMES[:20]


def test_an_item_behind_which_to_begin_is_not_given_again(client, server):
    """A server whose cursor includes its item: the item is left out, and it is said."""
    server.answers("GET", PATH, page(NAMES[5:10], has_more=False))

    with pytest.warns(UserWarning, match="repeats items"):
        assert ids(client.messages.list("t", after="m05")) == NAMES[6:10]


def test_a_page_size_out_of_range_is_never_sent(client, server):
    """However a server would refuse it; and a limit above it is a count of items."""
    with pytest.raises(ValueError, match="page_size: 101 is not a whole number from 1 to 100"):
        client.messages.list("t", page_size=101)

    server.answers("GET", PATH, page(NAMES, has_more=False))
    assert ids(client.messages.list("t", limit=1000)) == NAMES
    assert "limit=100" in server.sent[0][1]


def test_other_meanings_of_before_end(client, server):
    """A server that gives the newest again for ``before`` is noticed."""
    server.answers("GET", PATH, page(NAMES[:20], has_more=True))

    with pytest.raises(APIResponseError, match="does not advance"):
        list(client.messages.list("t", before="m30"))


def test_a_missing_threads_messages_are_an_empty_list(client, server):
    """A server that answers 200 for a thread that is not there has no messages in it."""
    server.answers("GET", PATH, page([], first_id=None, last_id=None, has_more=False))

    assert list(client.messages.list("t")) == []


def test_a_list_without_end_is_an_error(client, monkeypatch):
    """However new its items are, a list that goes on and on ends with a clear error."""
    from assistants_client import LazyList, Page, Thread

    monkeypatch.setattr("assistants_client._calls.pagination.MOST_PAGES", 50)
    turn = iter(range(10**9))

    def fetch(query):
        return Page(data=[Thread(id=f"t{next(turn)}") for _ in range(3)], has_more=True)

    seen = []
    with pytest.raises(APIResponseError, match="does not end: 50 pages"):
        seen.extend(iter(LazyList(fetch, lambda thread: thread.id)))


def test_a_list_without_end_is_walked_in_flat_memory(client):
    """Ever new items never fill the memory; whoever walks them can stop at any time."""
    from assistants_client import LazyList, Page, Thread

    turn = iter(range(10**9))

    def fetch(query):
        return Page(data=[Thread(id=f"t{next(turn)}") for _ in range(100)], has_more=True)

    items = iter(LazyList(fetch, lambda thread: thread.id))

    def walk(count):
        for _ in range(count):
            next(items)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = walk(2_000)
        after = walk(60_000)
    finally:
        tracemalloc.stop()

    assert after - before < 64 * 1024


def test_a_healthy_list_gives_no_warning(client, server):
    """What is said about odd servers is not said about others."""
    server.answers("GET", PATH, page(NAMES[:20], has_more=True), page(NAMES[20:], has_more=False))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ids(client.messages.list("t")) == NAMES
