"""The base of all resources: encoding, sending, decoding, and paths.

Each method of a resource states its path and its classes, nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeVar
from urllib.parse import quote

from assistants_client._arguments import checked_id
from assistants_client._calls.pagination import LARGEST_PAGE, LazyList
from assistants_client._http.options import Query
from assistants_client._http.transport import Response, Transport
from assistants_client._json.codec import InvalidValueError, decode, encode_request
from assistants_client._suggestions import no_attribute
from assistants_client.errors import (
    APIError,
    APIResponseError,
    APITimeoutError,
    InvalidRequestError,
    NotFoundError,
)
from assistants_client.models._base import UNSET
from assistants_client.models.lists import Deleted, Page

if TYPE_CHECKING:
    from assistants_client._http.multipart import MultipartBody

T = TypeVar("T")

#: The key of the mark by which a created object is found again (``RetryPolicy(recover=True)``).
_MARK = "assistants_client_request"
_MOST_METADATA = 16
#: How many of the newest objects are searched for the mark.
_SEARCHED = 100


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


ItemT = TypeVar("ItemT", bound=_HasId)


class ListOptions(NamedTuple):
    """The options that every list has; see :class:`LazyList`."""

    limit: int | None = None
    order: str | None = None
    after: str | None = None
    before: str | None = None
    page_size: int | None = None


class Resource:
    """A resource on a transport; encodes, sends and decodes in one step."""

    #: Headers of this resource's requests beside the transport's; ``None`` leaves one out.
    _HEADERS: ClassVar[Mapping[str, str | None]] = {}

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    if not TYPE_CHECKING:  # a type checker says so itself, and means it

        def __getattr__(self, name: str) -> None:
            raise no_attribute(self, name)

    def _send(
        self,
        method: str,
        path: str,
        result: type[T],
        *,
        request: object = None,
        query: Query | None = None,
    ) -> T:
        return self._exchange(method, path, result, request=request, query=query)[0]

    def _exchange(
        self,
        method: str,
        path: str,
        result: type[T],
        *,
        request: object = None,
        query: Query | None = None,
    ) -> tuple[T, Mapping[str, str]]:
        """As ``_send``, with the response's headers."""
        document = None if request is None else encoded(request)
        return self._post_or_get(method, path, result, document, query)

    def _create(
        self,
        path: str,
        result: type[T],
        request: object,
        *,
        listed_as: type[Page[T]],
        query: Query | None = None,
    ) -> T:
        """Creates an object that can be found again, in the list at the same path."""
        document = encoded(request)
        marked = self._transport.options.retries.recover and _mark(document)
        try:
            return self._post_or_get("POST", path, result, document, query)[0]
        except APIError as error:
            if not (marked and error.maybe_created):
                raise
            newest = {"limit": _SEARCHED, "order": "desc"}
            try:
                page = self._send("GET", path, listed_as, query=newest)
            except APIError:
                raise error from None  # the doubt remains
            for item in page.data:
                if getattr(item, "metadata", {}).get(_MARK) == marked:
                    return item
            if _may_still_process(error):
                raise
            return self._post_or_get("POST", path, result, document, query)[0]

    def _delete(self, path: str, object_id: str) -> Deleted:
        try:
            response = self._transport.send("DELETE", path, headers=self._HEADERS)
        except NotFoundError as error:
            if error.attempts == 1:
                raise
            # An earlier try was processed, and its response lost.
            return Deleted(id=object_id)
        if not response.document:
            return Deleted(id=object_id)
        return _decoded(Deleted, response, "DELETE", path)

    def _send_body(self, path: str, result: type[T], body: MultipartBody) -> T:
        from assistants_client._http.multipart import ProgressFailedError  # made by who uploads

        headers = {**self._HEADERS, **body.headers}
        try:
            response = self._transport.send("POST", path, body=body, headers=headers)
        except ProgressFailedError as failed:
            error = failed.error
        else:
            return _decoded(result, response, "POST", path)
        raise error  # outside the handler, so that it keeps only its own cause

    def _list(
        self,
        path: str,
        page: type[Page[ItemT]],
        options: ListOptions,
        *,
        largest_page: int = LARGEST_PAGE,
        filters: Mapping[str, str | list[str] | None] | None = None,
    ) -> LazyList[ItemT]:
        return LazyList(
            lambda query: self._send("GET", path, page, query=query),
            lambda item: item.id,
            limit=options.limit,
            order=options.order,
            after=options.after,
            before=options.before,
            page_size=options.page_size,
            largest_page=largest_page,
            filters=filters,
        )

    def _post_or_get(
        self, method: str, path: str, result: type[T], document: object, query: Query | None
    ) -> tuple[T, Mapping[str, str]]:
        response = self._transport.send(
            method, path, query=query, document=document, headers=self._HEADERS
        )
        return _decoded(result, response, method, path), response.headers


def _may_still_process(error: APIError) -> bool:
    """Returns whether the server may still be processing: the object may be created later."""
    return isinstance(error, APITimeoutError) or getattr(error, "status_code", 0) == 504


def _mark(document: dict[str, Any]) -> str | None:
    """Puts a mark into the metadata and returns it; ``None`` if there is no room."""
    metadata = dict(document.get("metadata") or {})
    if len(metadata) >= _MOST_METADATA:
        return None
    metadata[_MARK] = mark = uuid.uuid4().hex
    document["metadata"] = metadata
    return mark


def build_path(template: str, **ids: str) -> str:
    """Returns a path with its ids filled in, percent-encoded.

    Raises:
        InvalidRequestError: An id is none, or another kind's; see ``checked_id``.
    """
    quoted = {}
    for name, value in ids.items():
        try:
            quoted[name] = quote(checked_id(name, value), safe="")
        except UnicodeEncodeError:
            raise InvalidRequestError(f"{name}: {value!r} is not an id", path=name) from None
    return template.format(**quoted)


def encoded(request: object) -> dict[str, Any]:
    """Returns a request's JSON document.

    Raises:
        InvalidRequestError: It breaks the protocol's rules.
    """
    assistant_id = getattr(request, "assistant_id", UNSET)
    if assistant_id is not UNSET:
        checked_id("assistant_id", assistant_id)
    try:
        return encode_request(request)
    except InvalidValueError as error:
        raise InvalidRequestError(str(error), path=error.path, code=error.code) from None
    except RecursionError:
        raise InvalidRequestError("the request contains itself, or is nested too deeply") from None


def _decoded(result: type[T], response: Response, method: str, path: str) -> T:
    if response.error is not None:
        raise response.error
    try:
        return decode(result, _with_data(result, response.document))
    except InvalidValueError as error:
        raise APIResponseError(
            f"the response cannot be read: {error}",
            method=method,
            path=path,
            maybe_created=method == "POST",
        ) from None


def _with_data(result: type, document: Any) -> Any:
    """Returns the document; one of a list that has no items at all must not look like an empty one.

    Raises:
        InvalidValueError: It is to have ``data`` and has not.
    """
    if hasattr(result, "data") and isinstance(document, dict) and "data" not in document:
        raise InvalidValueError("needed", "missing_required_parameter", "data")
    return document
