"""Arguments: what the model wrote becomes what the function declares, or an error it can read."""

# ruff: noqa: D101  # a docstring would say nothing that the fields do not

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import sys
import typing
import uuid
from typing import Annotated, Any, Literal, NamedTuple, Optional

import attrs
import pytest
from hypothesis import given, strategies as st
from typing_extensions import NotRequired, TypedDict

from assistants_client import tool
from assistants_client._json.dumps import to_json


class Unit(enum.Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass(frozen=True)
class Place:
    name: str
    lat: float
    unit: Unit = Unit.CELSIUS
    tags: tuple[str, ...] = ()


@attrs.frozen
class Trip:
    stops: list[Place]
    start: datetime.date
    _code: Optional[uuid.UUID] = None  # noqa: UP045
    notes: dict[str, int] = attrs.field(factory=dict)


@attrs.frozen
class Tree:
    value: int
    children: list[Tree] = attrs.field(factory=list)


class Address(TypedDict):
    street: str
    number: NotRequired[int]


class Point(NamedTuple):
    x: int
    y: int = 0


class Percent:
    """Not a shape of ours."""


@attrs.frozen
class Share:
    percent: int = attrs.field(validator=attrs.validators.le(100))


def reading(annotation, **options):
    """A tool with one parameter of that type."""

    def function(value): ...

    function.__annotations__ = {"value": annotation}
    return tool(function, **options)


def read(annotation, value, **options):
    """What a JSON value becomes as that type."""
    return reading(annotation, **options).read_arguments(json.dumps({"value": value}))["value"]


def refusal(annotation, value, **options):
    """What is said of a JSON value that does not fit."""
    with pytest.raises(ValueError, match="value") as caught:
        read(annotation, value, **options)
    return str(caught.value)


texts = st.text(max_size=8)
places = st.builds(
    Place,
    texts,
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(Unit),
    st.lists(texts, max_size=3).map(tuple),
)
json_values = st.recursive(
    st.none() | st.integers() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
)
trees = st.recursive(
    st.builds(Tree, st.integers()),
    lambda inner: st.builds(Tree, st.integers(), st.lists(inner, max_size=3)),
    max_leaves=8,
)
VALUES = [
    (str, texts),
    (int, st.integers()),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (bool, st.booleans()),
    (None, st.none()),
    (Literal["a", 1, True, None], st.sampled_from(["a", 1, True, None])),
    (Literal[Unit.CELSIUS, "other"], st.sampled_from([Unit.CELSIUS, "other"])),
    (Unit, st.sampled_from(Unit)),
    (Level, st.sampled_from(Level)),
    (Optional[int], st.none() | st.integers()),  # noqa: UP045
    (int | str | list[bool], st.integers() | texts | st.lists(st.booleans())),
    (float | int, st.floats(allow_nan=False, allow_infinity=False) | st.integers()),
    (Place | Trip | None, places | st.none()),
    (Address | Tree, trees | st.fixed_dictionaries({"street": texts})),
    (list[list[int]], st.lists(st.lists(st.integers()))),
    (set[int], st.sets(st.integers())),
    (frozenset[str], st.frozensets(texts)),
    (set[Place], st.sets(places, max_size=3)),
    (dict[str, list[int]], st.dictionaries(texts, st.lists(st.integers(), max_size=3))),
    (dict[int, str], st.dictionaries(st.integers(), texts)),
    (tuple[int, str], st.tuples(st.integers(), texts)),
    (tuple[int, ...], st.lists(st.integers()).map(tuple)),
    (tuple[()], st.just(())),
    (Any, json_values),
    (Place, places),
    (
        Trip,
        st.builds(
            Trip,
            st.lists(places, max_size=3),
            st.dates(),
            st.none() | st.uuids(),
            st.dictionaries(texts, st.integers()),
        ),
    ),
    (Tree, trees),
    (Address, st.fixed_dictionaries({"street": texts}, optional={"number": st.integers()})),
    (datetime.datetime, st.datetimes(timezones=st.just(datetime.timezone.utc) | st.none())),
    (datetime.date, st.dates()),
    (datetime.time, st.times()),
    (uuid.UUID, st.uuids()),
    (decimal.Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (pathlib.Path, st.sampled_from([pathlib.Path("a/b"), pathlib.Path("/c")])),
    (Annotated[int, "a number"], st.integers()),
]


@pytest.mark.parametrize(
    ("annotation", "values"), VALUES, ids=[str(annotation) for annotation, _ in VALUES]
)
@given(data=st.data())
def test_what_is_written_as_json_is_read_as_it_was(annotation, values, data):
    """A value of the annotated type survives the way to JSON and back, type included."""
    value = data.draw(values)

    found = read(annotation, json.loads(to_json(value)))

    assert found == value
    assert type(found) is type(value)


def test_a_named_tuple_is_read_by_name():
    """It becomes what it is, with its defaults."""
    assert read(Point, {"x": 1}) == Point(1, 0)


def test_an_integer_may_be_written_with_a_point():
    """To JSON Schema 5.0 is an integer, and a whole number is a number."""
    found = [read(int, 5.0), read(float, 5), read(int | float, 5.0), read(float | int, 5)]

    assert found == [5, 5.0, 5.0, 5]
    assert [type(each) for each in found] == [int, float, float, int]


@pytest.mark.parametrize(
    ("annotation", "value", "words"),
    [
        (str, 5, "value: expected a string, got 5"),
        (str, None, "value: expected a string, got null"),
        (int, "5", 'value: expected an integer, got "5"'),
        (int, 5.5, "value: expected an integer, got 5.5"),
        (int, True, "value: expected an integer, got true"),
        (float, True, "value: expected a number, got true"),
        (float, "x", 'value: expected a number, got "x"'),
        (float, 10**400, "value: expected a number, got 1000"),
        (bool, 1, "value: expected a boolean, got 1"),
        (None, 1, "value: expected null, got 1"),
        (Literal["a", 1], True, 'value: expected one of "a", 1, got true'),
        (Literal["a"], [], 'value: expected "a", got []'),
        (Unit, "k", 'value: expected one of "c", "f", got "k"'),
        (int | None, "x", 'value: expected an integer or null, got "x"'),
        (list[int], "12", 'value: expected an array, got "12"'),
        (list[int], [1, "x", None], "value[1]: expected an integer, got "),
        (list[list[int]], [[1], ["x"]], 'value[1][0]: expected an integer, got "x"'),
        (set[int], {"a": 1}, "value: expected an array, got {"),
        (dict[str, int], [], "value: expected an object, got []"),
        (dict[str, int], {"a": "x"}, 'value.a: expected an integer, got "x"'),
        (dict[int, int], {"a": 1}, 'value.a: expected an integer, got "a"'),
        (tuple[int, str], [1], "value: expected an array of 2, got [1]"),
        (tuple[int, str], ["x", 1], 'value[0]: expected an integer, got "x"; value[1]: expected a'),
        (Place, {"name": "x"}, "value.lat: missing, expected a number"),
        (Place, {"name": "x", "lat": 1, "lon": 2}, "value.lon: unknown key; known: name, lat,"),
        (Place, "Oslo", 'value: expected an object, got "Oslo"'),
        (Trip, {"stops": [{"lat": "x"}]}, 'value.stops[0].lat: expected a number, got "x"'),
        (Trip, {"stops": [{"lat": "x"}]}, "value.stops[0].name: missing"),
        (Trip, {"stops": [{"lat": "x"}]}, "value.start: missing, expected a date"),
        (Tree, {"value": 1, "children": [{}]}, "value.children[0].value: missing"),
        (Tree | None, {"value": "x"}, 'value.value: expected an integer, got "x"'),
        (Tree | Place, {"value": "x"}, "value: fits none of its 2 forms: value: expected an int"),
        (Tree | Place, 5, "value: expected an object, got 5"),
        (Address, {"number": 1}, "value.street: missing"),
        (Share, {"percent": 101}, "value: ValueError: 'percent' must be <= 100"),
        (set[Address], [{"street": "x"}], "value: a set cannot hold dict, which has no hash"),
        (datetime.datetime, "soon", "value: expected a date and time such as 2026-01-31T12:00"),
        (datetime.date, 5, "value: expected a date such as 2026-01-31, got 5"),
        (uuid.UUID, "x", 'value: expected a UUID, got "x"'),
        (decimal.Decimal, "x", 'value: expected a decimal number, got "x"'),
        (decimal.Decimal, "NaN", "value: expected a decimal number"),
        (decimal.Decimal, True, "value: expected a decimal number, got true"),
        (str, ["x" * 500], "x…"),
    ],
)
def test_a_value_of_another_shape_is_named_with_its_place(annotation, value, words):
    """The model learns where it went wrong, what is expected there, and what came."""
    assert words in refusal(annotation, value)


def test_the_z_of_a_time_is_read():
    """Models write UTC with a Z, which Python reads only from 3.11 on."""
    assert read(datetime.datetime, "2026-01-31T12:00:00Z") == datetime.datetime(
        2026, 1, 31, 12, tzinfo=datetime.timezone.utc
    )


def test_a_message_of_many_problems_is_cut():
    """Ten are enough to learn from."""
    assert refusal(list[int], ["x"] * 50).endswith("; and 40 more")
    assert len(refusal(dict[str, int], {"k" * 5000: "x"})) < 300


def test_missing_and_unknown_arguments_are_named():
    """All at once, so that the next try can be right."""

    def function(city: str, *, unit: Unit = Unit.CELSIUS): ...

    with pytest.raises(ValueError, match="town") as caught:
        tool(function).read_arguments('{"town": "Oslo", "unit": 1}')

    assert str(caught.value) == (
        "town: unknown argument; known: city, unit; "
        'unit: expected one of "c", "f", got 1; '
        "city: missing, expected a string"
    )


@pytest.mark.parametrize("text", ["", "  \n", "{}"])
def test_no_text_is_no_arguments(text):
    """Some models write nothing for a function without parameters."""

    def function(city: str = "Oslo"): ...

    assert tool(function).read_arguments(text) == {}


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]", "expected an object, got [1]"),
        ("null", "expected an object, got null"),
        ('"x"', 'expected an object, got "x"'),
        ('{"value": 1', "the arguments are not a JSON object: Expecting"),
        ("value=1", "the arguments are not a JSON object: Expecting"),
        ('{"value": NaN}', "JSON has no NaN"),
        ('{"value": -Infinity}', "JSON has no -Infinity"),
        ('{"value": 1e400}', "1e400 is out of range"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_text_that_is_no_object_is_refused(text, words):
    """Whatever the model writes instead, the error says what is wrong with it."""
    with pytest.raises(ValueError, match=r"arguments|object") as caught:
        reading(Any).read_arguments(text)

    assert words in str(caught.value)


def test_null_means_not_given_in_strict_mode():
    """Where all must be given, the defaults hold for null, on every level."""

    def function(place: Place, unit: Unit = Unit.FAHRENHEIT, note: str | None = "x"): ...

    arguments = {"place": {"name": "x", "lat": 1, "unit": None}, "unit": None, "note": None}

    assert tool(function, strict=True).read_arguments(json.dumps(arguments)) == {
        "place": Place("x", 1.0),
        "note": None,
    }
    with pytest.raises(ValueError, match=r"unit: expected one of .*, got null"):
        tool(function).read_arguments(json.dumps(arguments))


def test_required_arguments_may_not_be_null_in_strict_mode():
    """Null is no way around what has no default."""
    assert refusal(int, None, strict=True) == "value: expected an integer, got null"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement is newer")
def test_aliases_of_the_type_statement_may_contain_themselves():
    """``type Json = …`` is a definition of its own."""
    names: dict[str, Any] = {}
    exec("type Json = str | list[Json] | dict[str, Json]", names)
    function = reading(names["Json"])

    assert function.function.parameters["$defs"] == {
        "Json": {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"$ref": "#/$defs/Json"}},
                {"type": "object", "additionalProperties": {"$ref": "#/$defs/Json"}},
            ]
        }
    }
    assert read(names["Json"], {"a": ["x", {}]}) == {"a": ["x", {}]}
    assert "value" in refusal(names["Json"], {"a": [1]})


def test_type_hints_are_read_through_the_names_of_typing():
    """The spellings of old are the same types."""
    assert read(typing.Dict[str, typing.Set[int]], {"a": [1, 1]}) == {"a": {1}}  # noqa: UP006
    assert read(typing.Tuple, [1, "x"]) == (1, "x")  # noqa: UP006


def test_raw_line_ends_in_arguments_are_read():
    """Models write code and letters so, though JSON has control characters escaped."""

    def save(text: str) -> None:
        """Saves."""

    assert tool(save).read_arguments('{"text": "a\n\tb"}') == {"text": "a\n\tb"}
