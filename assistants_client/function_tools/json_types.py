"""JSON types: one kind of JSON value each, with its JSON Schema and its reader into Python.

Schema and reader stand together, so that the schema sent to the model and the validation of its
arguments cannot differ. Reading is strict: nothing is converted that the schema does not promise.
``annotations`` maps Python types to JSON types; functions and tool calls do not belong here.
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
import json
import pathlib
import re
import sys
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

import attrs

from assistants_client._json.dumps import to_json

Schema: TypeAlias = dict[str, Any]
Read: TypeAlias = Callable[[Any], Any]

NoneType: Final = type(None)
#: By Python type: the JSON Schema name and the English name of its JSON values.
_JSON_TYPES: Final[dict[type, tuple[str, str]]] = {
    str: ("string", "a string"),
    bool: ("boolean", "a boolean"),
    int: ("integer", "an integer"),
    float: ("number", "a number"),
    NoneType: ("null", "null"),
}
SCALARS: Final = frozenset(_JSON_TYPES)
EVERYTHING: Final = frozenset({*SCALARS, list, dict})

_MAX_PROBLEMS = 10  # named in one message
_MAX_VALUE_LENGTH = 80  # characters of a value in a message
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,100}")


class ValidationError(ValueError):
    """A JSON value that its JSON type does not accept.

    Attributes:
        problems: All violations, as pairs of path (``stops[0].city``, or empty) and reason.
    """

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(problems)
        self.problems = problems

    def under(self, key: str | int) -> list[tuple[str, str]]:
        """Returns the problems with their paths prefixed by a key."""
        step = f"[{key}]" if isinstance(key, int) else key[:_MAX_VALUE_LENGTH]
        return [
            (f"{step}.{path}" if path and path[0] != "[" else step + path, reason)
            for path, reason in self.problems
        ]

    def __str__(self) -> str:
        shown = [f"{path}: {reason}" if path else reason for path, reason in self.problems]
        if len(shown) > _MAX_PROBLEMS:
            shown[_MAX_PROBLEMS:] = [f"and {len(shown) - _MAX_PROBLEMS} more"]
        return "; ".join(shown)


@attrs.frozen
class JsonType:
    """The JSON form of a Python type.

    Attributes:
        schema: Its JSON Schema.
        read: Converts a JSON value to the Python value, or raises :class:`ValidationError`.
        expected: Its name in messages, such as "a string".
        accepts: The types of the JSON values that match it best; a union chooses by them.
        description: The description from an ``Annotated``.
    """

    schema: Schema
    read: Read
    expected: str
    accepts: frozenset[type]
    description: str = ""

    @property
    def nullable(self) -> bool:
        """Returns whether it accepts null."""
        return NoneType in self.accepts

    @property
    def described(self) -> Schema:
        """Returns the schema with the description in it, for a member that has no name."""
        return {**self.schema, "description": self.description} if self.description else self.schema


@attrs.frozen
class Field:
    """A named member of an object: a parameter, or a field of a class.

    Attributes:
        name: Its key.
        json_type: The type of its value.
        required: True if it must be given.
        description: Its description in the docstring.
        default: Its value when it is not given; part of the schema if it has a JSON form.
        make_default: Makes that value, where the function or class does not itself.
    """

    name: str
    json_type: JsonType
    required: bool
    description: str
    default: object
    make_default: Callable[[], Any] | None = None


def is_pydantic_field(value: object) -> bool:
    """Returns whether this is what ``pydantic.Field`` makes, also that of pydantic 1."""
    modules = (sys.modules.get("pydantic.fields"), sys.modules.get("pydantic.v1.fields"))
    return any(module is not None and isinstance(value, module.FieldInfo) for module in modules)


def mismatch(expected: str, value: object) -> ValidationError:
    """Returns the error for a value of another type."""
    got = json.dumps(value, ensure_ascii=False)
    if len(got) > _MAX_VALUE_LENGTH:
        got = got[:_MAX_VALUE_LENGTH] + "…"
    return ValidationError([("", f"expected {expected}, got {got}")])


def scalar(tp: type) -> JsonType:
    """Returns the type of a string, number, boolean or null."""
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
        raise mismatch(expected, value)

    return JsonType({"type": name}, read, expected, frozenset({tp}))


def anything() -> JsonType:
    """Returns the type of any JSON value."""
    return JsonType({}, lambda value: value, "any value", EVERYTHING)


def enum(members: Iterable[tuple[Any, object]]) -> JsonType:
    """Returns the type of one of some scalars, each mapped to a Python value."""
    by_value = {(type(value), value): member for value, member in members}
    values = [value for _, value in by_value]
    schema: Schema = {"const": values[0]} if len(values) == 1 else {"enum": values}
    accepts = frozenset(map(type, values))
    if len(accepts) == 1:
        schema["type"] = _JSON_TYPES[type(values[0])][0]
    expected = ", ".join(json.dumps(value, ensure_ascii=False) for value in values)
    if len(values) > 1:
        expected = f"one of {expected}"

    def read(value: Any) -> Any:
        if type(value) not in accepts or (type(value), value) not in by_value:
            raise mismatch(expected, value)
        return by_value[type(value), value]

    return JsonType(schema, read, expected, accepts)


def _iso(text: str) -> str:
    # Until Python 3.11, fromisoformat does not parse the Z.
    return f"{text[:-1]}+00:00" if text[-1:] in {"Z", "z"} else text


#: Types that are written as strings: the parser, the format, and the name in messages.
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


def formatted(tp: object, *, strict: bool = False) -> JsonType:
    """Returns the type of a value of one of :data:`TEXTS`, written as a string."""
    parse, name, expected = _TEXTS[tp]
    schema: Schema = {"type": "string", "format": name}
    if strict and name == "path":  # the one that strict mode does not support
        del schema["format"]

    def read(value: Any) -> Any:
        if type(value) is str:
            try:
                return parse(value)
            except ValueError:
                pass
        raise mismatch(expected, value)

    return JsonType(schema, read, expected, frozenset({str}))


def decimal_number() -> JsonType:
    """Returns the type of a decimal: a number or, to keep all its digits, a string."""

    def read(value: Any) -> decimal.Decimal:
        if type(value) in {str, int, float}:
            try:
                number = decimal.Decimal(str(value))
            except decimal.InvalidOperation:
                raise mismatch("a decimal number", value) from None
            if number.is_finite():
                return number
        raise mismatch("a decimal number", value)

    schema: Schema = {"anyOf": [{"type": "number"}, {"type": "string"}]}
    return JsonType(schema, read, "a decimal number", frozenset({int, float, str}))


def array(item: JsonType, make: Callable[[list[Any]], Any], *, unique: bool = False) -> JsonType:
    """Returns the type of an array whose items have one type."""
    schema: Schema = {"type": "array", "items": item.described}
    if unique:
        schema["uniqueItems"] = True

    def read(value: Any) -> Any:
        if type(value) is not list:
            raise mismatch("an array", value)
        items = _entries([item] * len(value), value)
        if make in {set, frozenset}:
            for entry in items:
                _require_hash(entry)
        return made(make, items)

    return JsonType(schema, read, "an array", frozenset({list}))


def tuple_(items: Sequence[JsonType]) -> JsonType:
    """Returns the type of an array of fixed length, which is read as a tuple."""
    count = len(items)
    schema: Schema = {"type": "array", "minItems": count, "maxItems": count}
    if items:
        schema["prefixItems"] = [item.described for item in items]
    expected = f"an array of {count}"

    def read(value: Any) -> Any:
        if type(value) is not list or len(value) != count:
            raise mismatch(expected, value)
        return tuple(_entries(items, value))

    return JsonType(schema, read, expected, frozenset({list}))


def mapping(key: JsonType, item: JsonType) -> JsonType:
    """Returns the type of an object with arbitrary keys."""
    schema: Schema = {"type": "object", "additionalProperties": item.schema or True}
    if key.schema not in ({}, {"type": "string"}, {"type": "integer"}):
        schema["propertyNames"] = key.schema
    whole_numbers = str not in key.accepts

    def read_key(text: str) -> Any:
        # JSON has no keys but strings.
        digits = whole_numbers and _WHOLE_NUMBER.fullmatch(text)
        return key.read(int(text) if digits else text)

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise mismatch("an object", value)
        made = {}
        problems: list[tuple[str, str]] = []
        for name, entry in value.items():
            try:
                made[read_key(name)] = item.read(entry)
            except ValidationError as error:
                problems += error.under(name)
        if problems:
            raise ValidationError(problems)
        return made

    return JsonType(schema, read, "an object", frozenset({dict}))


def union(members: Sequence[JsonType]) -> JsonType:
    """Returns the type of one of several.

    The first member that accepts the value's JSON type wins, else the first that can read it.
    """
    expected = " or ".join(dict.fromkeys(member.expected for member in members))

    def read(value: Any) -> Any:
        matching = [member for member in members if type(value) in member.accepts]
        others = [member for member in members if type(value) not in member.accepts]
        errors = []
        for member in [*matching, *others]:
            try:
                return member.read(value)
            except ValidationError as error:
                errors.append(error)
        if len(matching) == 1 and type(value) in {list, dict}:
            raise errors[0]  # the error within the value is more precise than one about the whole
        if len(matching) > 1 and type(value) in {list, dict}:
            reasons = " | ".join(str(error) for error in errors[: len(matching)])
            raise ValidationError([("", f"fits none of its {len(matching)} forms: {reasons}")])
        raise mismatch(expected, value)

    accepts = frozenset[type]().union(*(member.accepts for member in members))
    description = next((member.description for member in members if member.description), "")
    return JsonType(
        any_of([member.schema for member in members]), read, expected, accepts, description
    )


def object_(
    fields: Sequence[Field], make: Callable[..., Any], *, noun: str = "key", strict: bool = False
) -> JsonType:
    """Returns the type of an object with these fields and no others.

    Args:
        fields: Its fields, in order.
        make: Builds the value from the fields that were given, as keywords.
        noun: The noun for a field in messages.
        strict: Follow the rules of strict mode: every field is required, and an optional one may
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
    made_here = [field for field in fields if field.make_default is not None]
    null_is_absent = {
        f.name for f in fields if strict and not f.required and not f.json_type.nullable
    }

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise mismatch("an object", value)
        values: dict[str, Any] = {}
        problems: list[tuple[str, str]] = []
        for key, entry in value.items():
            field = by_name.get(key)
            if field is None:
                known = ", ".join(by_name) or "none"
                problems.append((key[:_MAX_VALUE_LENGTH], f"unknown {noun}; known: {known}"))
            elif entry is not None or key not in null_is_absent:
                try:
                    values[key] = field.json_type.read(entry)
                except ValidationError as error:
                    problems += error.under(key)
        problems += [
            (field.name, f"missing, expected {field.json_type.expected}")
            for field in fields
            if field.required and field.name not in value
        ]
        if problems:
            raise ValidationError(problems)
        for field in made_here:
            if field.name not in values:
                values[field.name] = field.make_default()  # type: ignore[misc]  # it has one
        return made(lambda given: make(**given), values)

    return JsonType(schema, read, "an object", frozenset({dict}))


def any_of(schemas: Iterable[Schema]) -> Schema:
    """Returns the schema of a union; unions within it are flattened."""
    members: list[Schema] = []
    for schema in schemas:
        for member in schema["anyOf"] if schema.keys() == {"anyOf"} else [schema]:
            if member not in members:
                members.append(member)
    return members[0] if len(members) == 1 else {"anyOf": members}


def _property(field: Field, *, strict: bool) -> Schema:
    schema: Schema = dict(field.json_type.schema)
    text = field.json_type.description or field.description
    if strict and not field.required and not field.json_type.nullable:
        schema = any_of([schema, {"type": "null"}])
    if strict and "$ref" in schema and text:
        schema = {"anyOf": [schema]}  # strict mode allows no keyword beside a reference
    if text:
        schema["description"] = text
    if field.default is not attrs.NOTHING and not strict:
        # A default without a JSON form is left out.
        with contextlib.suppress(TypeError, ValueError, RecursionError):
            schema["default"] = json.loads(to_json(field.default))
    return schema


def _entries(members: Sequence[JsonType], values: Sequence[Any]) -> list[Any]:
    made = []
    problems: list[tuple[str, str]] = []
    for index, (json_type, value) in enumerate(zip(members, values, strict=True)):
        try:
            made.append(json_type.read(value))
        except ValidationError as error:
            problems += error.under(index)
    if problems:
        raise ValidationError(problems)
    return made


def _require_hash(entry: Any) -> None:
    try:
        hash(entry)
    except TypeError as error:
        name = type(entry).__name__
        raise ValidationError([("", f"a set cannot hold {name}, which has no hash")]) from error


def made(make: Callable[[Any], Any], value: Any) -> Any:
    """Returns the value that ``make`` builds; a class may check more than its annotations say."""
    try:
        return make(value)
    except Exception as error:
        raise ValidationError([("", f"{type(error).__name__}: {error}")]) from error
