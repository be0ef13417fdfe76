"""Lists of long items: a page ends where its bytes do, and all of the list is walked."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import fresh

from assistants_client import Client
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.storage import keyset_pages as paging
from assistants_client.engine.storage.keyset_pages import Order

#: Characters of a thread's messages; each has some hundreds of bytes more.
LENGTHS = [10, 2000, 6000, 30_000, 11, 12, 20_000, 20_001, 4000, 13]
#: How they fit on pages of 10,000 bytes.
PAGES: dict[Order, list[int]] = {"asc": [3, 1, 2, 1, 1, 2], "desc": [2, 1, 1, 2, 1, 3]}
#: What comes before the last one, read backwards from it.
PAGES_BEFORE: dict[Order, list[int]] = {"asc": [1, 1, 1, 2, 1, 3], "desc": [2, 1, 2, 1, 1, 2]}


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of an engine whose pages hold 10,000 bytes."""
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", 10_000)
    monkeypatch.setattr(paging, "_SHORT", 5_000)
    with Engine(fresh(f"sqlite:///{tmp_path / 'test.db'}"), Scripted([])) as engine:
        yield Client(engine=engine)


def thread_of(client: Client, lengths: list[int]) -> str:
    """The id of a thread whose messages have texts so long."""
    messages = [{"role": "user", "content": "x" * length} for length in lengths]
    return client.threads.create(messages=messages).id


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_page_ends_where_its_bytes_do(client: Client, order: Order) -> None:
    """It holds one item in any case, names its first and last, and says that there are more."""
    thread = thread_of(client, LENGTHS)

    pages = list(client.messages.list(thread, order=order).pages())

    assert [len(page.data) for page in pages] == PAGES[order]
    assert [page.has_more for page in pages] == [True] * (len(pages) - 1) + [False]
    for page in pages:
        assert (page.first_id, page.last_id) == (page.data[0].id, page.data[-1].id)


@pytest.mark.parametrize("page_size", [None, 1, 2, 10])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_list_of_long_items_is_walked_whole(
    client: Client, order: Order, page_size: int | None
) -> None:
    """Every item comes once, in order; a limit counts items, whatever the pages hold."""
    thread = thread_of(client, LENGTHS)
    expected = LENGTHS if order == "asc" else LENGTHS[::-1]

    for limit in (None, 3, 7, 10):
        found = client.messages.list(thread, order=order, page_size=page_size, limit=limit)
        assert [len(message.text) for message in found] == expected[:limit]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_what_is_before_a_long_item_is_walked_whole(client: Client, order: Order) -> None:
    """Each page is the nearest to the one that follows it, and as long as its bytes allow."""
    thread = thread_of(client, LENGTHS)
    everything = list(client.messages.list(thread, order=order))

    pages = list(client.messages.list(thread, order=order, before=everything[-1].id).pages())

    assert [len(page.data) for page in pages] == PAGES_BEFORE[order]
    assert [page.has_more for page in pages] == [True] * (len(pages) - 1) + [False]
    assert [item for page in reversed(pages) for item in page.data] == everything[:-1]


def test_what_does_not_fit_is_not_loaded(client: Client) -> None:
    """Of many long items a page takes the memory of a few."""
    thread = thread_of(client, [100_000] * 40)
    list(client.messages.list(thread, limit=1))

    tracemalloc.start()
    page = next(client.messages.list(thread, page_size=40).pages())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (len(page.data), page.has_more) == (1, True)
    assert peak < 2_000_000
