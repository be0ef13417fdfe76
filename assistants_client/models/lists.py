"""One page of a list, and the response to a deletion."""

from __future__ import annotations

from typing import Generic, TypeVar

from attrs import define, field

from assistants_client.models._base import REQUIRED_VALID, Struct

T = TypeVar("T")


@define(kw_only=True)
class Page(Struct, Generic[T]):
    """One page, in the order requested.

    ``first_id`` and ``last_id`` are the ids of its first and last item, to begin ``before`` or
    ``after``.
    """

    object: str = "list"
    # An invalid item is an error: without it the list would be short without notice.
    data: list[T] = field(factory=list, metadata=REQUIRED_VALID)
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool | None = None
    """True if more items follow; ``None`` where the server does not say."""


@define(kw_only=True)
class Deleted(Struct):
    """The response to a deletion."""

    id: str
    object: str = ""
    deleted: bool = True
    """True if the object is deleted."""
