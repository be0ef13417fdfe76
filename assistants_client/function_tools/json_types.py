"""Shapes: one kind of JSON value each, with its JSON Schema and how it is read into Python.

Schema and reader stand together, so that what the model is told and what it is held to cannot
differ. Reading is strict: nothing is converted that the schema does not promise. Which annotation
has which shape is not said here, and functions and tool calls do not belong here.
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
import json
import pathlib
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

import attrs

from assistants_client._json.dumps import to_json

Schema: TypeAlias = dict[str, Any]
Read: TypeAlias = Callable[[Any], Any]

NoneType: Final = type(None)
#: The JSON Schema name and the English one of what ``json`` reads into each type.
_JSON_TYPES: Final[dict[type, tuple[str, str]]] = {
    str: ("string", "a string"),
    bool: ("boolean", "a boolean"),
    int: ("integer", "an integer"),
    float: ("number", "a number"),
    NoneType: ("null", "null"),
}
SCALARS: Final = frozenset(_JSON_TYPES)
EVERYTHING: Final = frozenset({*SCALARS, list, dict})

_MOST_PROBLEMS = 10  # named in one message
_LONGEST_VALUE = 80  # characters of a value in a message
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,100}")


class MisfitError(ValueError):
    """A JSON value that its shape does not take.

    Attributes:
        problems: All that is wrong, as pairs of path (``stops[0].city``, or empty) and reason.
    """

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(problems)
        self.problems = problems

    def under(self, key: str | int) -> list[tuple[str, str]]:
        """The problems as seen from one level further out."""
        step = f"[{key}]" if isinstance(key, int) else key[:_LONGEST_VALUE]
        return [
            (f"{step}.{path}" if path and path[0] != "[" else step + path, reason)
            for path, reason in self.problems
        ]

    def __str__(self) -> str:
        shown = [f"{path}: {reason}" if path else reason for path, reason in self.problems]
        if len(shown) > _MOST_PROBLEMS:
            shown[_MOST_PROBLEMS:] = [f"and {len(shown) - _MOST_PROBLEMS} more"]
        return "; ".join(shown)


@attrs.frozen
class Shape:
    """What a type looks like in JSON.

    Attributes:
        schema: Its JSON Schema.
        read: Makes the Python value of a JSON value, or raises :class:`MisfitError`.
        expected: For messages, such as "a string".
        takes: The types of the JSON values that fit it best; a union chooses by them.
        description: What an ``Annotated`` says of it.
    """

    schema: Schema
    read: Read
    expected: str
    takes: frozenset[type]
    description: str = ""

    @property
    def nullable(self) -> bool:
        """Whether it takes null."""
        return NoneType in self.takes

    @property
    def described(self) -> Schema:
        """The schema with the description in it, for a part that has no name."""
        return {**self.schema, "description": self.description} if self.description else self.schema


@attrs.frozen
class Field:
    """A named part of an object: a parameter, or a field of a class.

    Attributes:
        name: Its key.
        shape: What it holds.
        required: Whether it must be given.
        description: What the docstring says of it.
        default: What it is when it is not given; told to the model if JSON can say it.
    """

    name: str
    shape: Shape
    required: bool
    description: str
    default: object


def misfit(expected: str, value: object) -> MisfitError:
    """The error of a value that is of another kind altogether."""
    got = json.dumps(value, ensure_ascii=False)
    if len(got) > _LONGEST_VALUE:
        got = got[:_LONGEST_VALUE] + "…"
    return MisfitError([("", f"expected {expected}, got {got}")])


def atom(tp: type) -> Shape:
    """A plain JSON value."""
    name, expected = _JSON_TYPES[tp]

    def read(value: Any) -> Any:
        if type(value) is tp:
            return value
        # To JSON Schema, 5.0 is an integer and 5 is a number.
        if tp is int and type(value) is float and value.is_integer():
            return int(value)
        if tp is float and type(value) is int:
            try:
                return float(value)
            except OverflowError:
                pass
        raise misfit(expected, value)

    return Shape({"type": name}, read, expected, frozenset({tp}))


def anything() -> Shape:
    """Whatever JSON can say."""
    return Shape({}, lambda value: value, "any value", EVERYTHING)


def choice(members: Iterable[tuple[Any, object]]) -> Shape:
    """One of some plain JSON values, each standing for a Python value."""
    by_value = {(type(value), value): member for value, member in members}
    values = [value for _, value in by_value]
    schema: Schema = {"const": values[0]} if len(values) == 1 else {"enum": values}
    takes = frozenset(map(type, values))
    if len(takes) == 1:
        schema["type"] = _JSON_TYPES[type(values[0])][0]
    expected = ", ".join(json.dumps(value, ensure_ascii=False) for value in values)
    if len(values) > 1:
        expected = f"one of {expected}"

    def read(value: Any) -> Any:
        if type(value) not in takes or (type(value), value) not in by_value:
            raise misfit(expected, value)
        return by_value[type(value), value]

    return Shape(schema, read, expected, takes)


def _iso(text: str) -> str:
    # Until Python 3.11, fromisoformat does not know the Z.
    return f"{text[:-1]}+00:00" if text[-1:] in {"Z", "z"} else text


#: Types that are written as text: how it is read, its format, and its name.
_TEXTS: Final[dict[object, tuple[Read, str, str]]] = {
    datetime.datetime: (
        lambda text: datetime.datetime.fromisoformat(_iso(text)),
        "date-time",
        "a date and time such as 2026-01-31T12:00:00Z",
    ),
    datetime.date: (datetime.date.fromisoformat, "date", "a date such as 2026-01-31"),
    datetime.time: (
        lambda text: datetime.time.fromisoformat(_iso(text)),
        "time",
        "a time such as 12:00:00",
    ),
    uuid.UUID: (uuid.UUID, "uuid", "a UUID"),
    pathlib.Path: (pathlib.Path, "path", "a path"),
    pathlib.PurePath: (pathlib.PurePath, "path", "a path"),
}
TEXTS: Final = frozenset(_TEXTS)


def formatted(tp: object, *, strict: bool = False) -> Shape:
    """A value of one of :data:`TEXTS`, written as a string."""
    parse, name, expected = _TEXTS[tp]
    schema: Schema = {"type": "string", "format": name}
    if strict and name == "path":  # the one that strict mode does not know
        del schema["format"]

    def read(value: Any) -> Any:
        if type(value) is str:
            try:
                return parse(value)
            except ValueError:
                pass
        raise misfit(expected, value)

    return Shape(schema, read, expected, frozenset({str}))


def decimal_number() -> Shape:
    """A decimal, written as a number or, to keep all its digits, as a string."""

    def read(value: Any) -> decimal.Decimal:
        if type(value) in {str, int, float}:
            try:
                number = decimal.Decimal(str(value))
            except decimal.InvalidOperation:
                raise misfit("a decimal number", value) from None
            if number.is_finite():
                return number
        raise misfit("a decimal number", value)

    schema: Schema = {"anyOf": [{"type": "number"}, {"type": "string"}]}
    return Shape(schema, read, "a decimal number", frozenset({int, float, str}))


def array(item: Shape, make: Callable[[list[Any]], Any], *, unique: bool = False) -> Shape:
    """Any number of the same."""
    schema: Schema = {"type": "array", "items": item.described}
    if unique:
        schema["uniqueItems"] = True

    def read(value: Any) -> Any:
        if type(value) is not list:
            raise misfit("an array", value)
        items = _entries([item] * len(value), value)
        if make in {set, frozenset}:
            for entry in items:
                _require_hash(entry)
        return _made(make, items)

    return Shape(schema, read, "an array", frozenset({list}))


def row(items: Sequence[Shape]) -> Shape:
    """One of each, in order, as a tuple."""
    count = len(items)
    schema: Schema = {"type": "array", "minItems": count, "maxItems": count}
    if items:
        schema["prefixItems"] = [item.described for item in items]
    expected = f"an array of {count}"

    def read(value: Any) -> Any:
        if type(value) is not list or len(value) != count:
            raise misfit(expected, value)
        return tuple(_entries(items, value))

    return Shape(schema, read, expected, frozenset({list}))


def mapping(key: Shape, item: Shape) -> Shape:
    """An object with free keys."""
    schema: Schema = {"type": "object", "additionalProperties": item.schema or True}
    if key.schema not in ({}, {"type": "string"}, {"type": "integer"}):
        schema["propertyNames"] = key.schema
    whole_numbers = str not in key.takes

    def read_key(text: str) -> Any:
        # JSON has no keys but strings.
        digits = whole_numbers and _WHOLE_NUMBER.fullmatch(text)
        return key.read(int(text) if digits else text)

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise misfit("an object", value)
        made = {}
        problems: list[tuple[str, str]] = []
        for name, entry in value.items():
            try:
                made[read_key(name)] = item.read(entry)
            except MisfitError as error:
                problems += error.under(name)
        if problems:
            raise MisfitError(problems)
        return made

    return Shape(schema, read, "an object", frozenset({dict}))


def union(shapes: Sequence[Shape]) -> Shape:
    """One of several. The first one made for such a JSON value wins, else the first that fits."""
    expected = " or ".join(dict.fromkeys(shape.expected for shape in shapes))

    def read(value: Any) -> Any:
        likely = [shape for shape in shapes if type(value) in shape.takes]
        others = [shape for shape in shapes if type(value) not in shape.takes]
        errors = []
        for shape in [*likely, *others]:
            try:
                return shape.read(value)
            except MisfitError as error:
                errors.append(error)
        if len(likely) == 1 and type(value) in {list, dict}:
            raise errors[0]  # what is wrong inside says more than that something is
        if len(likely) > 1 and type(value) in {list, dict}:
            reasons = " | ".join(str(error) for error in errors[: len(likely)])
            raise MisfitError([("", f"fits none of its {len(likely)} forms: {reasons}")])
        raise misfit(expected, value)

    takes = frozenset[type]().union(*(shape.takes for shape in shapes))
    description = next((shape.description for shape in shapes if shape.description), "")
    return Shape(any_of([shape.schema for shape in shapes]), read, expected, takes, description)


def record(
    fields: Sequence[Field], make: Callable[..., Any], *, noun: str = "key", strict: bool = False
) -> Shape:
    """An object with these fields and no others.

    Args:
        fields: Its fields, in order.
        make: Makes the value of the fields that were given, as keywords.
        noun: What a field is called in messages.
        strict: Keep to what strict mode allows: every field is required, and an optional one may
            be null, which then means that it was not given.
    """
    by_name = {field.name: field for field in fields}
    required = [field.name for field in fields if field.required or strict]
    schema: Schema = {
        "type": "object",
        "properties": {field.name: _property(field, strict=strict) for field in fields},
        "additionalProperties": False,
    }
    if required or strict:
        schema["required"] = required
    null_is_absent = {f.name for f in fields if strict and not f.required and not f.shape.nullable}

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise misfit("an object", value)
        values: dict[str, Any] = {}
        problems: list[tuple[str, str]] = []
        for key, entry in value.items():
            field = by_name.get(key)
            if field is None:
                known = ", ".join(by_name) or "none"
                problems.append((key[:_LONGEST_VALUE], f"unknown {noun}; known: {known}"))
            elif entry is not None or key not in null_is_absent:
                try:
                    values[key] = field.shape.read(entry)
                except MisfitError as error:
                    problems += error.under(key)
        problems += [
            (field.name, f"missing, expected {field.shape.expected}")
            for field in fields
            if field.required and field.name not in value
        ]
        if problems:
            raise MisfitError(problems)
        return _made(lambda given: make(**given), values)

    return Shape(schema, read, "an object", frozenset({dict}))


def any_of(schemas: Iterable[Schema]) -> Schema:
    """The schema of a union; unions within it are dissolved."""
    members: list[Schema] = []
    for schema in schemas:
        for member in schema["anyOf"] if schema.keys() == {"anyOf"} else [schema]:
            if member not in members:
                members.append(member)
    return members[0] if len(members) == 1 else {"anyOf": members}


def _property(field: Field, *, strict: bool) -> Schema:
    schema: Schema = dict(field.shape.schema)
    text = field.shape.description or field.description
    if strict and not field.required and not field.shape.nullable:
        schema = any_of([schema, {"type": "null"}])
    if strict and "$ref" in schema and text:
        schema = {"anyOf": [schema]}  # strict mode lets nothing stand beside a reference
    if text:
        schema["description"] = text
    if field.default is not attrs.NOTHING and not strict:
        # The model is not told of a default that JSON cannot say.
        with contextlib.suppress(TypeError, ValueError, RecursionError):
            schema["default"] = json.loads(to_json(field.default))
    return schema


def _entries(shapes: Sequence[Shape], values: Sequence[Any]) -> list[Any]:
    made = []
    problems: list[tuple[str, str]] = []
    for index, (shape, value) in enumerate(zip(shapes, values, strict=True)):
        try:
            made.append(shape.read(value))
        except MisfitError as error:
            problems += error.under(index)
    if problems:
        raise MisfitError(problems)
    return made


def _require_hash(entry: Any) -> None:
    try:
        hash(entry)
    except TypeError as error:
        name = type(entry).__name__
        raise MisfitError([("", f"a set cannot hold {name}, which has no hash")]) from error


def _made(make: Callable[[Any], Any], value: Any) -> Any:
    """What a class makes of its parts; it may check more than its annotations say."""
    try:
        return make(value)
    except Exception as error:
        raise MisfitError([("", f"{type(error).__name__}: {error}")]) from error
