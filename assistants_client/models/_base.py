"""The base of all objects of the protocol: unknown keys are kept, "not given" is not ``None``.

No object of a particular noun belongs here, no JSON conversion and no I/O.
"""

from __future__ import annotations

import enum
import reprlib
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias, TypeVar

from attrs import NOTHING, Factory, define, field, fields, frozen

from assistants_client._suggestions import no_attribute

T = TypeVar("T")
StructT = TypeVar("StructT", bound="Struct")

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
    """Returns the list if it was given, else an empty one."""
    return () if items is None or items is UNSET else items


#: Marks a field of a class that is both read and sent: ``None`` means absent, never ``null``.
OMIT_IF_NONE: Final[dict[str, Any]] = {"omit_if_none": True}

#: Marks a field with a default in Python that the JSON of a request must contain all the same.
ALWAYS_SENT: Final[dict[str, Any]] = {"always_sent": True}

#: Marks a field that is an option of the call and not part of the body.
CLIENT_ONLY: Final[dict[str, Any]] = {"client_only": True}

#: Marks an ``OMIT_IF_NONE`` field that the protocol allows to be ``null`` as well.
NULL_OK: Final[dict[str, Any]] = {"null_ok": True}

#: Marks a field without which a response is useless: an invalid value is an error.
REQUIRED_VALID: Final[dict[str, Any]] = {"required_valid": True}

#: Marks a field for which some servers send ``{}`` instead of ``null``.
EMPTY_AS_NULL: Final[dict[str, Any]] = {"empty_as_null": True}

#: A JSON object passed on as it is.
JsonObject: TypeAlias = Mapping[str, Any]


@frozen(kw_only=True)
class Request:
    """A body to send.

    Attributes:
        extra_body: Fields of some servers only; they go into the body beside the others, as they
            are. A misspelled field stays an error that way.
    """

    extra_body: JsonObject | UnsetType = field(default=UNSET, metadata=CLIENT_ONLY)


@define(kw_only=True)
class Struct:
    """An object read from a server. Keys unknown to this version are kept in :attr:`extra`."""

    _extra: dict[str, Any] | None = field(default=None, init=False, repr=False, eq=False)

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        # Before attrs looks, which else adds its own: a repr of all fields at full length, and a
        # comparison whose compilation is a quarter of what a class costs when it is imported. They
        # are copies: to attrs 23.1 a function that a base has as well is none of the class's own.
        for method in (Struct.__repr__, Struct.__eq__):
            if method.__name__ not in cls.__dict__:
                copy = FunctionType(method.__code__, method.__globals__, method.__name__)
                setattr(cls, method.__name__, copy)

    if not TYPE_CHECKING:  # a type checker must report unknown attributes

        def __getattr__(self, name: str) -> None:
            raise no_attribute(self, name)

    def to_dict(self) -> dict[str, Any]:
        """Returns the JSON document of the object, with the keys that the server sent beside.

        It consists of plain dictionaries, lists, strings and numbers: ``json.dumps`` writes it,
        :meth:`from_dict` reads it, and its parts are accepted where they are sent again.
        """
        document: dict[str, Any] = _codec().encode(self)
        return document

    #: The name that other clients have for :meth:`to_dict`.
    model_dump = to_dict

    @classmethod
    def from_dict(cls: type[StructT], document: JsonObject) -> StructT:
        """Returns the object of a JSON document, read as a server's response is.

        Raises:
            ValueError: It has no ``id`` where one is needed.
            TypeError: It is no mapping.
        """
        if not isinstance(document, Mapping):
            raise TypeError(
                f"expected a JSON object, a mapping, got {type(document).__name__}; json.loads "
                "reads a text"
            )
        made: StructT = _codec().decode(cls, dict(document))
        return made

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # its fields may change

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        names = [one.name for one in fields(type(self)) if one.eq]
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __repr__(self) -> str:
        return short_repr(self, _non_defaults(self))

    def _repr_html_(self) -> str:
        """Returns the HTML that a notebook shows."""
        return html_of(self)

    @property
    def extra(self) -> Mapping[str, Any]:
        """The keys that are no declared fields, and the values of the wrong type."""
        return _NOTHING_EXTRA if self._extra is None else self._extra


def _codec() -> Any:
    # By its name, and with its first use: it stands on the classes, and they do not on it.
    return import_module("assistants_client._json.codec")


_html_forms: list[Callable[[Any], str]] = []


def register_html(form: Callable[[Any], str]) -> None:
    """Registers the renderer of all objects. It imports every class, and no class imports it.

    The package's ``__init__`` calls it.
    """
    _html_forms[:] = [form]


def html_of(struct: object) -> str:
    """Returns the HTML of an object for a notebook."""
    return _html_forms[0](struct)


@define(kw_only=True)
class Unknown(Struct):
    """A variant unknown to this version."""

    type: str
    raw: dict[str, Any]
    """The whole JSON object, ``type`` included."""


# --- repr -----------------------------------------------------------------------------------------


def short_repr(thing: object, values: Mapping[str, object]) -> str:
    """Returns a class's name with some values, each of them shortened and all of them bounded."""
    parts = [f"{name}={_SHORT.repr(value)}" for name, value in values.items()]
    text = ", ".join(parts)
    if len(text) > _MAX_REPR_LENGTH:
        text = f"{text[:_MAX_REPR_LENGTH]}..."
    return f"{type(thing).__name__}({text})"


def _non_defaults(struct: Struct) -> dict[str, object]:
    """Returns the fields whose values differ from their defaults."""
    values = {}
    for one in fields(type(struct)):
        default = one.default
        if not one.repr:
            continue
        value = getattr(struct, one.name)
        if isinstance(default, Factory):  # type: ignore[arg-type]  # to stubs a function
            default = default.factory()
        if default is NOTHING or value != default:
            values[one.name] = value
    return values


class _Short(reprlib.Repr):
    """Shortens long strings and lists, at all levels."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = 80
        self.maxlist = self.maxtuple = self.maxdict = 4
        self.maxother = 100


_SHORT: Final = _Short()
_MAX_REPR_LENGTH: Final = 400
