"""A server's objects as JSON documents, page by page, whatever the server's own ways are.

Documents stay as the server sent them, but for what an archive needs to be read without the server:
``object``, the ids of what an object is in, and times in seconds. Nothing is written here.

The ways that are known, each recognised by its answers:

* no page but a bare array, in no order (hal-9100): it is sorted by time;
* times in milliseconds, and one page of at most ``limit`` with ``has_more`` false, for the server
  fails at cursors (astra-assistants-api): all is asked for at once;
* the runs of all threads in each thread's list (the same): those of others are left out;
* parameters that are not known are refused (bee-api): ``include`` is then left out;
* no ``has_more``: a page that is not full is the last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from assistants_client._calls.pagination import LazyList
from assistants_client._calls.resource import build_path
from assistants_client._http.response_bodies import blocks
from assistants_client.client.client import Client
from assistants_client.client.connect import EMBEDDED
from assistants_client.errors import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    AssistantsError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
)
from assistants_client.models.lists import Page
from assistants_client.transfer.archive import Document

T = TypeVar("T")

_PAGE: Final = 100
#: What a server that knows no cursors is asked for.
_ALL_AT_ONCE: Final = 1_000_000
#: A time that is no less is in milliseconds; in seconds it would be in the year 5138.
_FIRST_MILLISECONDS: Final = 100_000_000_000
#: The header by which the engine of this package is known.
_OF_THE_ENGINE: Final = ("openai-organization", "assistants-engine")
_PASSAGES: Final = {
    "include[]": "step_details.tool_calls[*].file_search.results[*].content",
}
#: Refusals that mean that the server has no such list.
_NOT_THERE: Final = frozenset({404, 405, 410, 501})
#: Those that mean that it does not give something.
_NOT_GIVEN: Final = _NOT_THERE | {400, 403}
#: Those of a list of threads: with a key for programs, OpenAI's was refused.
_NOT_LISTED: Final = _NOT_THERE | {401, 403}

#: Pauses after requests that failed in passing, beyond those of the client; in seconds.
_PAUSES: Final = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 240.0)
#: The longest pause that a server may ask for.
_LONGEST_PAUSE: Final = 3600.0


class ExportError(AssistantsError):
    """An export cannot begin or go on. What was exported stays, and is gone on with."""


class LiveSource:
    """Reads what a client's server stores.

    Args:
        client: The client.
        on_pause: Called with the seconds of a pause that the server asked for, or that follows a
            failure, before it.

    Attributes:
        source: For an archive's first line: ``{"kind": "engine"}``, whatever its database, or a
            ``kind`` of ``foundry`` or ``server`` and the ``host``.
    """

    def __init__(
        self, client: Client, *, on_pause: Callable[[float], object] = lambda _: None
    ) -> None:
        # Documents as they are: the resources would make objects of them.
        self._transport = client._transport
        self._on_pause = on_pause
        self._has_milliseconds = False
        self._takes_include = True
        self._has_runs = True
        self._has_steps = True
        self.source: Mapping[str, str] = self._look()

    # --- lists ------------------------------------------------------------------------------------

    def assistants(self) -> Iterator[Document] | None:
        """Returns all assistants in the order of archives; ``None`` where there is no such list."""
        return self._top("/assistants", "assistant")

    def files(self) -> Iterator[Document] | None:
        """Returns all files, likewise."""
        return self._top("/files", "file")

    def vector_stores(self) -> Iterator[Document] | None:
        """Returns all vector stores, likewise."""
        return self._top("/vector_stores", "vector_store")

    def vector_store_files(self, store_id: str) -> Iterator[Document]:
        """Yields the files of a store, in the order of archives."""
        path = build_path("/vector_stores/{store_id}/files", store_id=store_id)
        yield from _by_time(self._list(path, "vector_store.file", vector_store_id=store_id))

    def thread_keys(self) -> list[tuple[int, str]]:
        """Returns time and id of all threads, in the order of archives.

        A thread takes about 200 bytes of memory.

        Raises:
            ExportError: The server does not list threads, or these are none of the protocol's.
        """
        try:
            keys = [(created_at(one), one["id"]) for one in self._list("/threads", "thread")]
        except APIStatusError as error:
            if error.status_code not in _NOT_LISTED:
                raise
            raise ExportError(
                f"this server does not list threads ({error}); give their ids: threads=[...], or "
                "--threads with a file that has one a line"
            ) from error
        return sorted(set(keys))

    # --- a thread ---------------------------------------------------------------------------------

    def thread(self, thread_id: str) -> Document:
        """Returns a thread.

        Raises:
            NotFoundError: There is none.
        """
        path = build_path("/threads/{thread_id}", thread_id=thread_id)
        document = self._get(path)
        if not isinstance(document, dict):
            raise _not_read(path)
        return self._normal(document, "thread", {})

    def messages(self, thread_id: str) -> Iterator[Document]:
        """Yields the messages of a thread, oldest first."""
        path = build_path("/threads/{thread_id}/messages", thread_id=thread_id)
        yield from self._list(path, "thread.message", thread_id=thread_id)

    def is_newer(self, thread_id: str, since: int) -> bool:
        """Returns whether a thread has a message of this time or later."""
        path = build_path("/threads/{thread_id}/messages", thread_id=thread_id)
        page = self._page(path, {"limit": 1, "order": "desc"})
        return any(
            created_at(self._normal(one, "thread.message", {})) >= since for one in page.data
        )

    def runs(self, thread_id: str) -> Iterator[Document]:
        """Yields the runs of a thread, oldest first; none where the server does not list them."""
        if not self._has_runs:
            return
        path = build_path("/threads/{thread_id}/runs", thread_id=thread_id)
        try:
            for one in self._list(path, "thread.run", thread_id=thread_id):
                if one["thread_id"] == thread_id:
                    yield one
        except InternalServerError:
            if not self._has_milliseconds:
                raise
            self._has_runs = False  # astra's list of all runs fails where there are none
        except NotFoundError:
            self.thread(thread_id)  # else it is the thread that is gone
            self._has_runs = False

    def steps(self, thread_id: str, run_id: str) -> Iterator[Document] | None:
        """Returns the steps of a run, oldest first; ``None`` where the server lists none."""
        if not self._has_steps:
            return None
        run = build_path("/threads/{thread_id}/runs/{run_id}", thread_id=thread_id, run_id=run_id)
        listed = self._list(
            f"{run}/steps",
            "thread.run.step",
            query=_PASSAGES if self._takes_include else {},
            thread_id=thread_id,
            run_id=run_id,
        )
        try:
            return _begun(listed)
        except BadRequestError:
            if not self._takes_include:
                raise
            self._takes_include = False
            return self.steps(thread_id, run_id)
        except APIStatusError as error:
            if error.status_code not in _NOT_THERE:
                raise
            self._get(run)  # else it is the run that is gone
            self._has_steps = False
            return None

    # --- files ------------------------------------------------------------------------------------

    def text(self, store_id: str, file_id: str) -> Document | None:
        """Returns the text that a store has of a file; ``None`` where it is not given."""
        path = build_path(
            "/vector_stores/{store_id}/files/{file_id}/content", store_id=store_id, file_id=file_id
        )
        try:
            document = self._get(path)
        except APIStatusError as error:
            if error.status_code not in _NOT_GIVEN:
                raise
            return None
        if not isinstance(document, dict):
            raise _not_read(path)
        within = {"vector_store_id": store_id, "file_id": file_id}
        return self._normal(document, "vector_store.file_content.page", within)

    @contextmanager
    def content(self, file_id: str) -> Iterator[Iterator[bytes]]:
        """Reads the bytes of a file in blocks, within a ``with`` block.

        Raises:
            APIStatusError: The server does not give them.
        """
        path = build_path("/files/{file_id}/content", file_id=file_id)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        # To open it may be tried again; a body that breaks off is begun anew by who reads it.
        opened = self._transport.open("GET", path, headers=headers)
        response = self.patiently(opened.__enter__)
        try:
            yield blocks(response, "GET", path)
        finally:
            opened.__exit__(None, None, None)

    # --- requests ---------------------------------------------------------------------------------

    def patiently(self, call: Callable[[], T]) -> T:
        """Returns the result of a call that is made again while it fails in passing.

        Waited for are limits of rates, also long ones, and connections that fail, for some minutes.

        Raises:
            APIError: It failed too often, or in another way.
        """
        for pause in _PAUSES:
            try:
                return call()
            except APIStatusError as error:
                asked = error.retry_after
                if error.status_code != 429 and (error.status_code < 500 or asked is None):
                    raise
                if asked is not None and asked > _LONGEST_PAUSE:
                    raise
                wait = pause if asked is None else max(asked, 1.0)
            except APIConnectionError:
                wait = pause
            self.pause(wait)
        return call()

    def pause(self, seconds: float) -> None:
        """Waits before another try."""
        self._on_pause(seconds)
        time.sleep(seconds)

    def _look(self) -> Mapping[str, str]:
        """Returns who answers; a key that is not accepted is refused here."""
        base_url = self._transport.base_url
        if base_url == EMBEDDED:
            return {"kind": "engine"}
        headers: Mapping[str, str] = {}
        try:
            headers = self.patiently(
                lambda: self._transport.send("GET", "/assistants", query={"limit": 1})
            ).headers
        except (AuthenticationError, PermissionDeniedError):
            raise
        except APIStatusError:
            pass  # without assistants, there may be files and threads
        if headers.get(_OF_THE_ENGINE[0]) == _OF_THE_ENGINE[1]:
            return {"kind": "engine"}
        url = urlsplit(base_url)
        kind = "foundry" if "/api/projects/" in url.path else "server"
        return {"kind": kind, "host": url.netloc.rpartition("@")[2]}

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        def send() -> Any:
            response = self._transport.send("GET", path, query=query)
            if response.error is not None:
                raise response.error
            return response.document

        return self.patiently(send)

    def _top(self, path: str, kind: str) -> Iterator[Document] | None:
        try:
            return _by_time(_begun(self._list(path, kind)))
        except APIStatusError as error:
            if error.status_code not in _NOT_THERE:
                raise
            return None

    def _list(
        self, path: str, kind: str, *, query: Mapping[str, str] | None = None, **within: str
    ) -> Iterator[Document]:
        """Yields the objects of a list, oldest first."""
        listed: LazyList[Document] = LazyList(
            lambda asked: self._page(path, asked),
            lambda one: str(one["id"]),
            order="asc",
            page_size=_PAGE,
            filters={**(query or {})},
        )
        for one in listed:
            yield self._normal(one, kind, within)

    def _page(self, path: str, query: Mapping[str, Any]) -> Page[Document]:
        document = self._get(path, query)
        limit = query["limit"]
        if isinstance(document, list):
            return Page(data=sorted(_checked(path, document), key=created_at), has_more=False)
        if not isinstance(document, dict) or not isinstance(document.get("data"), list):
            raise _not_read(path)
        data = _checked(path, document["data"])
        has_more = document.get("has_more")
        if not isinstance(has_more, bool):
            has_more = len(data) == limit
        if any(_is_milliseconds(one.get("created_at")) for one in data[:1]):
            self._has_milliseconds = True
            if not has_more and limit == _PAGE and len(data) == limit:
                return self._page(path, {**query, "limit": _ALL_AT_ONCE})
        return Page(data=data, has_more=has_more)

    def _normal(self, document: Document, kind: str, within: Mapping[str, str]) -> Document:
        said = document.get("object")
        if isinstance(said, str) and said.startswith("chatkit"):
            raise ExportError(
                "these are threads of ChatKit, which has the name alone in common with those of "
                "the Assistants protocol; they cannot be exported"
            )
        for key, value in document.items():
            if key.endswith("_at") and isinstance(value, (int, float)):
                document[key] = int(value // 1000) if _is_milliseconds(value) else int(value)
        for key, value in within.items():
            if not document.get(key):
                document[key] = value
        document["object"] = kind
        return document


def created_at(document: Mapping[str, Any]) -> int:
    """Returns when an object was created; 0 where that is not known."""
    value = document.get("created_at")
    return int(value) if isinstance(value, (int, float)) else 0


def _is_milliseconds(value: object) -> bool:
    return isinstance(value, (int, float)) and value >= _FIRST_MILLISECONDS


def _checked(path: str, items: list[Any]) -> list[Document]:
    for one in items:
        if not isinstance(one, dict) or not isinstance(one.get("id"), str):
            raise _not_read(path)
    return items


def _not_read(path: str) -> APIResponseError:
    return APIResponseError(
        "the response cannot be read: expected objects of the protocol", method="GET", path=path
    )


def _begun(items: Iterator[Document]) -> Iterator[Document]:
    """Returns an iterator whose first item is there: a refusal is raised here."""
    first = next(items, None)

    def again() -> Iterator[Document]:
        if first is not None:
            yield first
            yield from items

    return again()


def _by_time(items: Iterator[Document]) -> Iterator[Document]:
    """Yields objects that come by their times by their ids too, within a second."""
    same: list[Document] = []
    for one in items:
        if same and created_at(one) != created_at(same[0]):
            yield from sorted(same, key=lambda it: str(it["id"]))
            same.clear()
        same.append(one)
    yield from sorted(same, key=lambda it: str(it["id"]))
