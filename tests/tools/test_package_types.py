"""Parameters of classes of pydantic, msgspec, numpy and pandas, and limits beside a type."""

import datetime
import decimal
import json
import typing
from typing import Annotated, Any

import pytest

from assistants_client import ConfigurationError, tool

pydantic = pytest.importorskip("pydantic")
msgspec = pytest.importorskip("msgspec")
at = pytest.importorskip("annotated_types")


class Point(pydantic.BaseModel):
    """A place."""

    x: int = pydantic.Field(ge=0)
    on: datetime.date | None = None


class Node(pydantic.BaseModel):
    """Contains itself."""

    point: Point
    nodes: list["Node"] = pydantic.Field(default_factory=list)


class Strict(pydantic.BaseModel):
    """Converts nothing."""

    model_config = pydantic.ConfigDict(strict=True)
    on: datetime.date


class Item(msgspec.Struct):
    """An article."""

    sku: str
    point: datetime.date | None = None
    parts: "list[Item]" = msgspec.field(default_factory=list)


class Other(msgspec.Struct):
    """Contains another."""

    item: Item
    count: Annotated[int, msgspec.Meta(ge=1)] = 1


def taking(annotation: Any, default: Any = ...):
    """A tool with one parameter, and how it reads a value of it."""
    defaults = {} if default is ... else {"default": default}

    def function(value): ...

    function.__annotations__ = {"value": annotation}
    if defaults:
        function.__defaults__ = (default,)
    made = tool(function)
    return made, lambda value: made.read_arguments(json.dumps({"value": value}))["value"]


DAY = datetime.date(2026, 1, 31)


def test_models_are_read_by_their_own_rules():
    """And described by their own schemas, also within lists and in themselves."""
    for annotation, value, wanted in [
        (Point, {"x": 1, "on": "2026-01-31"}, Point(x=1, on=DAY)),
        (list[Point], [{"x": 1}], [Point(x=1)]),
        (Point | None, None, None),
        (Node, {"point": {"x": 1}, "nodes": [{"point": {"x": 2}}]}, None),
        (Strict, {"on": "2026-01-31"}, Strict(on=DAY)),
        (Item, {"sku": "a", "point": "2026-01-31"}, Item("a", DAY)),
        (dict[str, Item], {"a": {"sku": "a", "parts": [{"sku": "b"}]}}, None),
        (Other, {"item": {"sku": "a"}}, Other(Item("a"))),
        (pydantic.RootModel[list[int]], [1], pydantic.RootModel[list[int]]([1])),
    ]:
        made, read = taking(annotation)
        schema = json.dumps(made.function.parameters)
        names = set(made.function.parameters.get("$defs", {}))
        used = {each.split('"')[0] for each in schema.split("#/$defs/")[1:]}
        assert used == names, annotation
        got = read(value)
        if wanted is not None or value is None:
            assert got == wanted


@pytest.mark.parametrize(
    ("annotation", "value", "words"),
    [
        (Point, {"x": -1}, r"value\.x: Input should be greater than or equal to 0"),
        (list[Node], [{"point": {}}], r"value\[0\]\.point\.x: Field required"),
        (Item, {"sku": "a", "parts": [{"sku": 1}]}, r"value\.parts\[0\]\.sku: Expected `str`"),
        (Other, {"item": {"sku": "a"}, "count": 0}, r"value\.count: Expected `int` >= 1"),
    ],
)
def test_what_breaks_a_model_is_named(annotation, value, words):
    """With its path."""
    with pytest.raises(ValueError, match=words):
        taking(annotation)[1](value)


def test_a_class_of_one_name_is_no_other():
    """Each keeps its own definition."""
    ours = Point

    class Point2(pydantic.BaseModel):
        point: ours

    def go(a: Point2, b: Point, c: Node) -> None: ...

    go.__annotations__ = {"a": Point2, "b": Point, "c": Node}
    made = tool(go)
    arguments = {"a": {"point": {"x": 1}}, "b": {"x": 1}, "c": {"point": {"x": 1}}}
    assert made.read_arguments(json.dumps(arguments))["b"] == Point(x=1)


def test_models_in_strict_mode():
    """Every field is required, and none beside."""

    @tool(strict=True)
    def go(node: Node, item: Item) -> None:
        """Goes."""

    for name in ("Node", "Point", "Item"):
        schema = go.function.parameters["$defs"][name]
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])
        assert '"default"' not in json.dumps(schema)


LIMITS = [
    (Annotated[int, pydantic.Field(ge=18, le=120)], {"minimum": 18, "maximum": 120}, 18, 5),
    (Annotated[float, at.Gt(0), at.Lt(1)], {"exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5, 0),
    (Annotated[float, at.MultipleOf(0.1)], {"multipleOf": 0.1}, 0.3, 0.25),
    (Annotated[int, at.Interval(ge=1, lt=3)], {"minimum": 1, "exclusiveMaximum": 3}, 2, 3),
    (Annotated[str, at.Len(1, 3)], {"minLength": 1, "maxLength": 3}, "ab", "abcd"),
    (Annotated[str, pydantic.Field(pattern="^a")], {"pattern": "^a"}, "ab", "b"),
    (Annotated[list[int], at.MinLen(2)], {"minItems": 2}, [1, 2], [1]),
    (Annotated[dict[str, int], at.MaxLen(1)], {"maxProperties": 1}, {"a": 1}, {"a": 1, "b": 2}),
    (Annotated[int, msgspec.Meta(ge=1, description="N.")], {"minimum": 1}, 1, 0),
    (pydantic.PositiveInt, {"exclusiveMinimum": 0}, 1, 0),
    (Annotated[str, pydantic.StringConstraints(max_length=1)], {"maxLength": 1}, "a", "ab"),
]


@pytest.mark.parametrize(("annotation", "keywords", "good", "bad"), LIMITS)
def test_limits_are_sent_and_kept(annotation, keywords, good, bad):
    """The model is told, and what breaks them does not reach the function."""
    made, read = taking(annotation)
    schema = made.function.parameters["properties"]["value"]
    assert {key: schema.get(key) for key in keywords} == keywords
    assert read(good) == good
    with pytest.raises(ValueError, match="value: "):
        read(bad)


def test_limits_of_optional_and_other_types():
    """Null is within all of them; days have no keyword, and are held to theirs all the same."""
    made, read = taking(Annotated[int | None, at.Ge(1)])
    schema = made.function.parameters["properties"]["value"]
    assert schema == {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}
    assert read(None) is None
    with pytest.raises(ValueError, match="expected an integer or null of at least 1, got 0"):
        read(0)
    _, read = taking(Annotated[datetime.date, at.Ge(DAY)])
    assert read("2026-02-01")
    with pytest.raises(ValueError, match="of at least 2026-01-31"):
        read("2026-01-01")
    made, read = taking(Annotated[decimal.Decimal, at.Ge(decimal.Decimal("0.5"))])
    with pytest.raises(ValueError, match=r"of at least 0\.5"):
        read("0.4")
    _, read = taking(Annotated[str, at.Predicate(str.islower)])
    assert read("a") == "a"
    with pytest.raises(ValueError, match="that islower accepts"):
        read("A")


def test_limits_that_cannot_be_kept_are_refused():
    """With function and parameter."""
    for annotation, words in [
        (Annotated[str, at.Ge(3)], "the limit ge=3 does not fit a string"),
        (Annotated[decimal.Decimal, pydantic.Field(max_digits=3)], "the limit 'max_digits'"),
    ]:
        with pytest.raises(ConfigurationError, match=f"parameter 'value': {words}"):
            taking(annotation)


def test_validators_of_pydantic_are_kept():
    """By pydantic itself."""
    made, read = taking(Annotated[str, pydantic.AfterValidator(str.upper)])
    assert made.function.parameters["properties"]["value"]["type"] == "string"
    assert read("a") == "A"


def test_a_field_as_default():
    """It is required if its default is ``...``; else the function gets the default in it."""
    made, read = taking(int, pydantic.Field(..., gt=0, description="How many."))
    assert made.function.parameters["required"] == ["value"]
    schema = made.function.parameters["properties"]["value"]
    assert schema == {"type": "integer", "exclusiveMinimum": 0, "description": "How many."}
    with pytest.raises(ValueError, match="above 0"):
        read(0)
    with pytest.raises(ValueError, match="missing"):
        made.read_arguments("{}")
    made, _ = taking(int, pydantic.Field(5, gt=0))
    assert made.function.parameters["properties"]["value"]["default"] == 5
    assert made.read_arguments("{}") == {"value": 5}
    made, _ = taking(list[int], pydantic.Field(default_factory=list))
    assert made.read_arguments("{}") == {"value": []}
    assert "required" not in made.function.parameters


def test_descriptions_beside_limits():
    """The first text; limits do not hide it."""
    doc = getattr(typing, "Doc", None) or pytest.importorskip("typing_extensions").Doc
    for notes in [
        (at.Ge(1), "How many."),
        (pydantic.Field(ge=1, description="How many."),),
        (doc("How many."), at.Ge(1)),
        (msgspec.Meta(ge=1, description="How many."),),
    ]:
        made, _ = taking(Annotated[(int, *notes)])
        assert made.function.parameters["properties"]["value"] == {
            "type": "integer",
            "minimum": 1,
            "description": "How many.",
        }


def test_numbers_and_arrays_of_numpy():
    """The function gets what it declares."""
    np = pytest.importorskip("numpy")
    npt = pytest.importorskip("numpy.typing")
    for annotation, value, wanted in [
        (np.int64, 3, np.int64(3)),
        (np.float32, 0.5, np.float32(0.5)),
        (np.bool_, True, np.bool_(True)),
        (np.ndarray, [[1, 2]], np.array([[1, 2]])),
        (npt.NDArray[np.float64], [1, 2], np.array([1.0, 2.0])),
        (npt.NDArray[np.int64], [], np.array([])),
        (npt.NDArray[np.floating], [1], np.array([1.0])),
        (np.integer, 3, np.int64(3)),
        (np.floating, 3, np.float64(3)),
        (np.number, 0.5, np.float64(0.5)),
        (np.datetime64, "2026-01-31", np.datetime64("2026-01-31")),
        (np.datetime64, "2026-01-31T12:00:00+01:00", np.datetime64("2026-01-31T11:00")),
    ]:
        made, read = taking(annotation)
        got = read(value)
        assert type(got) is type(wanted)
        assert np.array_equal(got, wanted)
        assert made.function.parameters["properties"]["value"]["type"]
    for annotation, value in [
        (np.int8, 300),
        (np.int64, "3"),
        (np.ndarray, [[1], [1, 2]]),
        (npt.NDArray[np.int64], [0.5]),
        (np.ndarray, 3),
    ]:
        with pytest.raises(ValueError, match="value: "):
            taking(annotation)[1](value)
    with pytest.raises(ConfigurationError, match="complex128 has no form"):
        taking(np.complex128)


def test_columns_and_tables_of_pandas():
    """A column is an array, a table one of rows."""
    pd = pytest.importorskip("pandas")
    assert taking(pd.Series)[1]([1, 2]).tolist() == [1, 2]
    table = taking(pd.DataFrame)[1]([{"a": 1}, {"a": 2}])
    assert table["a"].tolist() == [1, 2]
    assert taking(pd.Timestamp)[1]("2026-01-31T12:00:00Z") == pd.Timestamp("2026-01-31T12:00Z")
    with pytest.raises(ValueError, match="value: expected a date and time"):
        taking(pd.Timestamp)[1]("today")
