"""Lists that fetch their pages while they are iterated."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from assistants_client._arguments import number
from assistants_client.errors import APIResponseError, AssistantsError, InvalidRequestError
from assistants_client.models.lists import Page

T = TypeVar("T")

#: The largest page of most lists.
LARGEST_PAGE: Final = 100
#: Pages after which a list counts as endless: ten million items of the largest pages.
MOST_PAGES: Final = 100_000

#: Attributes of other clients' lists that this one does not have.
_OF_PAGES: Final = ("data", "first_id", "last_id", "has_more")
_INSTEAD: Final = (
    "it is fetched while it is iterated. next(iter(it)) is its first item, list(it) are all of "
    "them, and next(it.pages()) is its first page, with data, first_id, last_id and has_more"
)
_REVERSED: Final = "it is fetched while it is iterated; with order='asc' it begins with the oldest"


class LazyList(Generic[T]):
    """All items of a list, fetched page by page while it is iterated; each iteration starts anew.

    Memory stays flat: no more than two pages are held at a time.
    """

    def __init__(
        self,
        fetch: Callable[[Mapping[str, object]], Page[T]],
        item_id: Callable[[T], str],
        *,
        limit: int | None = None,
        order: str | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
        largest_page: int = LARGEST_PAGE,
        filters: Mapping[str, str | list[str] | None] | None = None,
    ) -> None:
        limit = _count("limit", limit)
        page_size = _count("page_size", page_size, largest_page)
        if order not in (None, "asc", "desc"):
            raise InvalidRequestError(f"order: {order!r} is not 'asc' or 'desc'", path="order")
        cursors: dict[str, object] = {"after": after, "before": before}
        for name, value in cursors.items():
            if value is not None and (not isinstance(value, str) or not value):
                raise InvalidRequestError(f"{name}: {value!r:.80} is not an id", path=name)
        self._fetch = fetch
        self._item_id = item_id
        self._limit = limit
        self._page_size = page_size
        self._largest_page = largest_page
        query = {"order": order, "after": after, "before": before, **(filters or {})}
        self._query: dict[str, str | list[str]] = {k: v for k, v in query.items() if v is not None}
        self._backwards = before is not None and after is None

    def __iter__(self) -> Iterator[T]:
        """Yields every item, at most ``limit`` of them; what was yielded may be deleted at once.

        For that, the next page is fetched before the last item of a page is yielded.

        Raises:
            APIResponseError: The server's cursor stands still.
            APIError: A page could not be fetched.
        """
        left = self._limit
        pages = self.pages()
        page = next(pages, None)
        while page is not None:
            following: Page[T] | Exception | None = None
            cursor = 0 if self._backwards else len(page.data) - 1
            for index, item in enumerate(page.data):
                if index == cursor:  # while it is there: no place is after a deleted item
                    following = _next_or_error(pages)
                yield item
                if left is not None:
                    left -= 1
                    if left == 0:
                        return
            if isinstance(following, Exception):
                raise following
            page = following

    def pages(self) -> Iterator[Page[T]]:
        """Yields the pages as the server cut them; do not delete the last item of one.

        Raises:
            APIResponseError: The server's cursor stands still, or never comes to an end.
            APIError: A page could not be fetched.
        """
        query: dict[str, object] = dict(self._query)
        name = "before" if self._backwards else "after"
        left = self._limit
        # One earlier cursor is kept, now and then a later one: enough to detect a cycle.
        kept, since, until = None, 0, 1
        # Of the ids, those of one page: enough to detect a server that repeats items.
        last_seen = {query.get(name)}
        for _ in range(MOST_PAGES):
            size = self._page_size
            if left is not None:
                size = min(left, size or self._largest_page)
            if size is not None:
                query["limit"] = size
            page = self._fetch(query)
            ids = [self._item_id(item) for item in page.data]
            fresh = [
                item for item, its_id in zip(page.data, ids, strict=True) if its_id not in last_seen
            ]
            if not ids:
                yield page
                return
            cursor = ids[0] if self._backwards else ids[-1]
            is_cycle = page.has_more is not False and cursor in (kept, query.get(name))
            if not fresh or is_cycle:
                if page.has_more:
                    raise APIResponseError(f"the list does not advance: it comes to {cursor} again")
                # A server without cursors, which returned everything in its first page.
                _warn("the server repeats its page; the list ends here, and may not be complete")
                return
            if len(fresh) < len(ids):
                _warn("the server repeats items; they are left out here, and others may be missing")
                page.data = fresh
            if left is not None:
                left -= len(fresh)
            yield page
            if page.has_more is False or (left is not None and left <= 0):
                return
            query[name] = cursor
            last_seen = set(ids)
            since += 1
            if since == until:
                kept, since, until = cursor, 0, until * 2
        raise APIResponseError(
            f"the list does not end: {MOST_PAGES} pages, and the server says there are more"
        )

    if not TYPE_CHECKING:  # a type checker says so itself, and means it

        def __getitem__(self, index: object) -> None:
            raise TypeError(f"'LazyList' object is not subscriptable: {_INSTEAD}")

        def __reversed__(self) -> None:
            raise TypeError(f"'LazyList' object is not reversible: {_REVERSED}")

        def __getattr__(self, name: str) -> None:
            instead = f": {_INSTEAD}" if name in _OF_PAGES else ""
            raise AttributeError(f"'LazyList' object has no attribute {name!r}{instead}")

    def _repr_html_(self) -> str:
        """Returns a notebook's view: the first page, read from the server."""
        from assistants_client.models._html import items_html, problem_html

        try:
            page = next(self.pages())
        except AssistantsError as error:
            return problem_html(error)
        return items_html(
            page.data[: self._limit],
            newest_first=self._query.get("order", "desc") == "desc",
            has_more=bool(page.has_more),
        )

    def __repr__(self) -> str:
        shown = dict(self._query) if self._limit is None else {**self._query, "limit": self._limit}
        return f"<LazyList {' '.join(f'{k}={v}' for k, v in shown.items())}>".replace(" >", ">")


def _next_or_error(pages: Iterator[Page[T]]) -> Page[T] | Exception | None:
    try:
        return next(pages, None)
    except Exception as error:
        return error


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)


def _count(name: str, value: int | None, maximum: int | None = None) -> int | None:
    if value is None:
        return None
    left_out = "all items" if name == "limit" else "the server's own"
    checked = number(
        name,
        value,
        at_least=1,
        at_most=maximum,
        whole=True,
        hint=f"leave it out for {left_out}",
        error=partial(InvalidRequestError, path=name),
    )
    return int(checked)
