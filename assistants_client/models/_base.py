"""What every object of the protocol shares: unknown keys are kept, "not given" is not ``None``.

No object of a particular noun belongs here, no JSON conversion and no I/O.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, TypeVar

from attrs import define, field, frozen

T = TypeVar("T")

_NOTHING_EXTRA: Final[Mapping[str, Any]] = MappingProxyType({})


class Unset(enum.Enum):
    """The type of :data:`UNSET`."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


#: A request field that was not given: it is not sent. ``None`` is sent, as ``null``, and clears.
UNSET: Final = Unset.UNSET
UnsetType: TypeAlias = Literal[Unset.UNSET]


def given(items: Sequence[T] | UnsetType | None) -> Sequence[T]:
    """A list that was given, else an empty one."""
    return () if items is None or items is UNSET else items


#: Marks a field of a piece that is both read and sent: ``None`` means absent, never ``null``.
ABSENT_IF_NONE: Final[dict[str, Any]] = {"absent_if_none": True}

#: Marks a field that steers the call and is no part of the body.
NOT_SENT: Final[dict[str, Any]] = {"not_sent": True}

#: Marks one of those that the protocol lets be ``null`` as well.
NULL_OK: Final[dict[str, Any]] = {"null_ok": True}

#: Marks a field that an answer is worthless without: what it cannot hold is an error.
VITAL: Final[dict[str, Any]] = {"vital": True}

#: Marks a field for which some servers write ``{}`` where they mean ``null``.
NULL_IF_EMPTY: Final[dict[str, Any]] = {"null_if_empty": True}

#: A JSON object handed through as it is.
JsonObject: TypeAlias = Mapping[str, Any]


@frozen(kw_only=True)
class Request:
    """A body to send.

    ``extra_body`` is for fields that only some servers know; its keys go into the body beside the
    declared fields, as they are. A misspelled field stays an error, for it is no ``extra_body``.
    """

    extra_body: JsonObject | UnsetType = field(default=UNSET, metadata=NOT_SENT)


@define(kw_only=True)
class Struct:
    """An object read from a server. Keys this version does not know are kept in :attr:`extra`."""

    _extra: dict[str, Any] | None = field(default=None, init=False, repr=False, eq=False)

    @property
    def extra(self) -> Mapping[str, Any]:
        """What the server sent beyond the declared fields, or in a form they cannot hold."""
        return _NOTHING_EXTRA if self._extra is None else self._extra


@define(kw_only=True)
class Unknown(Struct):
    """A variant that this version does not know, with everything it came with in :attr:`raw`."""

    type: str
    raw: dict[str, Any]
