"""Schemas from annotations: the same as pydantic makes of the same functions, and the strict form.

Where ours says more (or other things) on purpose, a test of its own says so.
"""

# ruff: noqa: D101, D103, D417  # what is undocumented here is so on purpose

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import pathlib
import typing
import uuid
from collections.abc import Mapping, Sequence, Set
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, Union

import attrs
import pytest
from pydantic import ConfigDict, TypeAdapter
from typing_extensions import NotRequired, Required, TypedDict as OlderTypedDict

from assistants_client import ConfigurationError, tool

T = typing.TypeVar("T")
UserId = NewType("UserId", int)


class Unit(enum.Enum):
    """How warm it is."""

    CELSIUS = "c"
    FAHRENHEIT = "f"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Only(str, enum.Enum):
    ONE = "one"


@dataclasses.dataclass
class Place:
    """Somewhere on the map."""

    name: str
    lat: float = 0.0
    tags: list[str] = dataclasses.field(default_factory=list)
    unit: Unit = Unit.CELSIUS


@dataclasses.dataclass
class Tree:
    value: int
    children: list[Tree] = dataclasses.field(default_factory=list)
    parent: Optional[Tree] = None  # noqa: UP045 - the old notation is read too


class Address(OlderTypedDict):
    street: str
    number: NotRequired[int]


class Loose(OlderTypedDict, total=False):
    street: Required[str]
    place: Place


class Person(OlderTypedDict):
    home: Address
    others: list[Address]


class Doc:
    """What describes a parameter may be an object."""

    documentation = "Of a  class."


def scalars(a: str, b: int, c: float, d: bool, e: None): ...
def literals(a: Literal["x", "y"], b: Literal["x"], c: Literal[1, 2], d: Literal["x", 1]): ...
def enums(a: Unit, b: Level, c: Only, d: Unit | None = None): ...
def unions(a: Optional[int], b: int | str, c: Union[str, list[int], None], d: Unit | Place): ...  # noqa: UP007, UP045
def lists(a: list[int], b: list, c: list[list[str]], d: typing.List[int], e: Sequence[str]): ...  # noqa: UP006
def sets(a: set[int], b: frozenset[str], c: Set[int]): ...
def tuples(a: tuple[int, str], b: tuple[int, ...], c: tuple, d: tuple[()]): ...
def mappings(a: dict[str, int], b: dict, c: dict[str, Any], d: Mapping[str, Place]): ...
def keys(a: dict[int, str], b: dict[Literal["x", "y"], int], c: dict[Unit, int]): ...
def anything(a: Any, b: list[Any]): ...
def defaults(a: int = 1, b: str | None = None, c: Unit = Unit.CELSIUS, d: list[int] = [1]): ...  # noqa: B006
def keyword_only(a: int, *, b: str, c: float = 1.5): ...
def places(a: Place, b: list[Place], c: Place | None = None): ...
def trees(a: Tree): ...
def typed_dicts(a: Address, b: Loose, c: Person): ...
def formats(a: datetime.datetime, b: datetime.date, c: datetime.time, d: uuid.UUID): ...
def paths(a: pathlib.Path, b: UserId): ...
def nothing(): ...
def strings(a: str, b: Optional[Place] = None): ...  # noqa: UP045


def normal(schema):
    """A schema without titles, and in one of the ways to say the same."""
    if isinstance(schema, dict):
        found = {key: normal(value) for key, value in schema.items()}
        if isinstance(schema.get("title"), str):
            del found["title"]
        if "const" in found:
            found["enum"] = [found.pop("const")]
        if "anyOf" in found:  # null comes last
            found["anyOf"].sort(key=lambda member: member == {"type": "null"})
        if "propertyNames" in found:  # of names it is known that they are strings
            found["propertyNames"].pop("type", None)
        return found
    return [normal(each) for each in schema] if isinstance(schema, list) else schema


def pydantics(function):
    """What pydantic says of a function, when it refuses unknown keys as we do."""
    return normal(TypeAdapter(function, config=ConfigDict(extra="forbid")).json_schema())


def properties(function, **options):
    """The properties of a tool's schema."""
    return tool(function, **options).function.parameters["properties"]


@pytest.mark.parametrize(
    "function",
    [
        scalars, literals, enums, unions, lists, sets, tuples, mappings, keys, anything, defaults,
        keyword_only, places, trees, typed_dicts, formats, paths, nothing, strings,
    ],
    ids=lambda function: function.__name__,
)  # fmt: skip
def test_the_schema_is_what_pydantic_makes_of_the_function(function):
    """Of each kind of annotation, both say the same."""
    assert normal(tool(function).function.parameters) == pydantics(function)


def test_an_attrs_class_looks_like_the_same_dataclass():
    """Attrs classes, which pydantic does not know, have the schema of their twin."""

    @attrs.frozen
    class Place:
        """Somewhere on the map."""

        name: str
        lat: float = 0.0
        tags: list[str] = attrs.field(factory=list)
        unit: Unit = Unit.CELSIUS
        _seen: bool = attrs.field(default=False, init=False)

    def ours(a, b, c=None): ...

    ours.__annotations__ = {"a": Place, "b": list[Place], "c": Place | None}

    assert normal(tool(ours).function.parameters) == pydantics(places)


def test_what_the_constructor_does_not_take_is_not_asked_for():
    """A field that the class sets itself is no business of the model's."""

    @dataclasses.dataclass
    class Counter:
        start: int
        count: int = dataclasses.field(default=0, init=False)

    def function(a): ...

    function.__annotations__ = {"a": Counter}

    found = tool(function).function.parameters["$defs"]["Counter"]["properties"]
    assert found == {"start": {"type": "integer"}}


def test_a_named_tuple_is_an_object():
    """Its names are worth more to a model than their order."""

    class Point(NamedTuple):
        x: int
        y: int = 0

    def function(a): ...

    function.__annotations__ = {"a": Point}
    parameters = tool(function).function.parameters

    assert parameters["$defs"]["Point"] == {
        "type": "object",
        "properties": {"x": {"type": "integer"}, "y": {"type": "integer", "default": 0}},
        "required": ["x"],
        "additionalProperties": False,
    }


def test_a_typed_dict_of_the_standard_library_is_read():
    """It need not come from typing_extensions."""

    class Box(TypedDict, total=False):
        width: int

    def function(a): ...

    function.__annotations__ = {"a": Box}

    assert tool(function).function.parameters["$defs"]["Box"] == {
        "type": "object",
        "properties": {"width": {"type": "integer"}},
        "additionalProperties": False,
    }


def test_members_of_a_union_that_look_the_same_are_said_once():
    """Two types may have one form."""

    def function(a: list[int] | Sequence[int] | None): ...

    assert properties(function)["a"] == {
        "anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]
    }


def test_a_decimal_is_a_number_or_a_string():
    """As with pydantic, save for the pattern."""

    def function(a: decimal.Decimal): ...

    assert properties(function) == {"a": {"anyOf": [{"type": "number"}, {"type": "string"}]}}


def test_generic_classes_are_filled_in():
    """Each use of a generic class is a definition of its own."""

    @dataclasses.dataclass
    class Box(typing.Generic[T]):
        content: T
        more: list[T]

    def function(a, b): ...

    function.__annotations__ = {"a": Box[int], "b": Box[str]}
    parameters = tool(function).function.parameters

    assert [d["properties"]["content"] for d in parameters["$defs"].values()] == [
        {"type": "integer"},
        {"type": "string"},
    ]
    assert len({each["$ref"] for each in parameters["properties"].values()}) == 2


def test_two_classes_of_one_name_are_two_definitions():
    """Neither hides the other."""

    def made(tp):
        return dataclasses.make_dataclass("Same", [("x", tp)])

    def function(a, b): ...

    function.__annotations__ = {"a": made(int), "b": made(str)}
    parameters = tool(function).function.parameters

    types = [
        parameters["$defs"][parameters["properties"][name]["$ref"].rpartition("/")[2]]
        for name in "ab"
    ]
    assert [each["properties"]["x"]["type"] for each in types] == ["integer", "string"]


def test_descriptions_of_parameters():
    """They come from the docstring, and from Annotated, which wins."""

    def function(
        a: int,
        b: Annotated[int, "From\n  here."],
        c: Annotated[Unit, 5, Doc()],
        d: Annotated[int, 5],
    ):
        """Does it.

        Args:
            a: From there.
            b: Not from here.
        """

    found = properties(function)

    assert {name: found[name].get("description") for name in found} == {
        "a": "From there.",
        "b": "From here.",
        "c": "Of a class.",
        "d": None,
    }


def test_descriptions_of_parts():
    """What is said within a union is said of the whole, and within a list of its items."""

    def function(
        a: Annotated[int, "Here."] | None = None,
        b: list[Annotated[int, "There."]] = [],  # noqa: B006
        c: Annotated[int, "Old."] = None,  # noqa: RUF013
    ): ...

    found = properties(function)

    assert found["a"]["description"] == "Here."
    assert found["b"]["items"] == {"type": "integer", "description": "There."}
    assert found["c"]["description"] == "Old."


def test_fields_of_classes_are_described():
    """A class's docstring says what its fields mean; a generated one says nothing."""

    @dataclasses.dataclass
    class Silent:
        x: int

    @dataclasses.dataclass
    class Place:
        """A place.

        Attributes:
            x: How far east.
        """

        x: int

    def function(a, b): ...

    function.__annotations__ = {"a": Place, "b": Silent}
    definitions = tool(function).function.parameters["$defs"]

    assert definitions["Place"]["description"] == "A place."
    assert definitions["Place"]["properties"]["x"]["description"] == "How far east."
    assert "description" not in definitions["Silent"]


def test_a_default_that_json_cannot_say_is_not_shown():
    """The parameter is optional all the same."""

    def function(a: float = float("nan"), b: Any = object()): ...  # noqa: B008

    assert tool(function).function.parameters == {
        "type": "object",
        "properties": {"a": {"type": "number"}, "b": {}},
        "additionalProperties": False,
    }


def test_a_default_of_none_lets_null_in():
    """The old way to write Optional means it on every Python."""

    def function(a: int = None): ...  # noqa: RUF013

    assert properties(function)["a"] == {
        "anyOf": [{"type": "integer"}, {"type": "null"}],
        "default": None,
    }


def test_the_strict_form():
    """All properties are required, optional ones may be null, no keyword outside of the subset."""

    def function(place: Place, tags: set[str], unit: Unit = Unit.CELSIUS, note: str | None = None):
        """Does it.

        Args:
            place: Where.
            unit: Which.
        """

    definition = tool(function, strict=True).function

    assert definition.strict is True
    assert definition.parameters == {
        "type": "object",
        "properties": {
            "place": {"anyOf": [{"$ref": "#/$defs/Place"}], "description": "Where."},
            "tags": {"type": "array", "items": {"type": "string"}},
            "unit": {
                "anyOf": [{"$ref": "#/$defs/Unit"}, {"type": "null"}],
                "description": "Which.",
            },
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "additionalProperties": False,
        "required": ["place", "tags", "unit", "note"],
        "$defs": {
            "Place": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "lat": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                    "tags": {
                        "anyOf": [
                            {"type": "array", "items": {"type": "string"}},
                            {"type": "null"},
                        ]
                    },
                    "unit": {"anyOf": [{"$ref": "#/$defs/Unit"}, {"type": "null"}]},
                },
                "additionalProperties": False,
                "required": ["name", "lat", "tags", "unit"],
                "description": "Somewhere on the map.",
            },
            "Unit": {
                "enum": ["c", "f"],
                "type": "string",
                "description": "How warm it is.",
            },
        },
    }


def test_strict_mode_knows_most_formats():
    """A path has none there."""

    def function(a: pathlib.Path, b: datetime.date): ...

    assert properties(function, strict=True) == {
        "a": {"type": "string"},
        "b": {"type": "string", "format": "date"},
    }


@pytest.mark.parametrize("annotation", [Any, dict[str, int], dict, tuple[int, str], list[Any]])
def test_what_strict_mode_does_not_know_is_refused(annotation):
    """A schema that the server would refuse is not made."""

    def function(a): ...

    function.__annotations__ = {"a": annotation}

    with pytest.raises(ConfigurationError, match="'a': strict mode"):
        tool(function, strict=True)


class Empty(enum.Enum):
    """An enum without members."""


class Odd(enum.Enum):
    """An enum of values that JSON has not."""

    ONE = object()


@dataclasses.dataclass
class Broken:
    x: complex


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (bytes, "bytes"),
        (complex, "complex"),
        (typing.Callable[[int], int], "Callable"),
        (T, "T"),
        (int | bytes, "bytes"),
        (list[bytes], "bytes"),
        (Broken, "'x': complex"),
        (Literal[b"x"], "b'x'"),
        (Empty, "Empty has no members"),
        (Odd, "no string, number, boolean or null"),
        (dict[float, int], "keys of float"),
        (dict[bytes, int], "bytes"),
        (type("Custom", (), {}), "Custom"),
        ([int], "has no form"),
        ("Missing", "name 'Missing' is not defined"),
    ],
)
def test_an_annotation_without_a_schema_is_refused(annotation, words):
    """At decoration, with the function and the parameter by name."""

    def function(fine: int, wrong): ...

    function.__annotations__ = {"fine": int, "wrong": annotation}

    with pytest.raises(ConfigurationError, match="function function cannot be a tool") as caught:
        tool(function)

    assert words in str(caught.value)
    assert "parameter 'wrong'" in str(caught.value)
