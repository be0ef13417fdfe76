"""JSON types of classes of pydantic, msgspec, numpy and pandas, by their own schemas and readers.

The packages are not imported here: a program that has such a class has imported its package.
"""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, get_args

from assistants_client._json.plain_values import is_old_model
from assistants_client.function_tools import json_types
from assistants_client.function_tools.json_types import JsonType, Read, Schema, ValidationError

_REFERENCE: Final = "#/$defs/"
_ACCEPTS: Final = {
    "object": frozenset({dict}),
    "array": frozenset({list}),
    "string": frozenset({str}),
    "integer": frozenset({int}),
    "number": frozenset({int, float}),
    "boolean": frozenset({bool}),
}


def is_model(tp: Any) -> bool:
    """Returns whether a class is of pydantic or msgspec, and so has a schema of its own."""
    if "__struct_fields__" in dir(tp):
        return "msgspec" in sys.modules
    known = hasattr(tp, "__get_pydantic_core_schema__") or "__pydantic_core_schema__" in vars(tp)
    return (known and _has_adapter()) or _old_pydantic(tp) is not None


def needs_pydantic(notes: Sequence[object]) -> bool:
    """Returns whether pydantic itself has to read a type with such notes, as with validators."""
    if not _has_adapter():
        return False
    return any(
        type(note).__module__.startswith("pydantic.")
        and (hasattr(note, "__get_pydantic_core_schema__") or hasattr(note, "strip_whitespace"))
        for note in notes
    )


def _has_adapter() -> bool:
    return hasattr(sys.modules.get("pydantic"), "TypeAdapter")


def _old_pydantic(tp: Any) -> Any:
    """Returns the pydantic 1 that a class is of, also the one within pydantic 2; or ``None``."""
    if hasattr(tp, "__get_pydantic_core_schema__") or not hasattr(tp, "__get_validators__"):
        return None
    for base in tp.__mro__:
        if base.__module__.startswith("pydantic.v1."):
            return sys.modules.get("pydantic.v1")
        if base.__module__.startswith("pydantic.") and not _has_adapter():
            return sys.modules.get("pydantic")
    return None


def model(tp: Any, name: str, definitions: dict[str, Schema], *, strict: bool) -> JsonType:
    """Returns the type of a class of pydantic or msgspec, or of a type annotated for pydantic.

    Args:
        tp: The class.
        name: Its name among the definitions, for references of the class to itself.
        definitions: The classes in it are added to these.
        strict: Follow the rules of strict mode.

    Raises:
        TypeError: It has no JSON Schema.
    """
    old = _old_pydantic(tp) if isinstance(tp, type) else None
    try:
        if old is not None:
            schema, read = _of_old_pydantic(tp, old, strict=strict)
        else:
            schema, read = (_of_msgspec if "__struct_fields__" in dir(tp) else _of_pydantic)(tp)
    except Exception as error:
        raise TypeError(f"{getattr(tp, '__name__', tp)}: {error}".splitlines()[0]) from error
    schema = _absorbed(schema, name, definitions, strict=strict)
    accepts = _ACCEPTS.get(schema.get("type", ""), json_types.EVERYTHING)
    expected = "an object" if accepts == {dict} else "a value of its class"
    return JsonType(schema, read, expected, accepts)


def _of_pydantic(tp: Any) -> tuple[Schema, Read]:
    pydantic = sys.modules["pydantic"]
    adapter = pydantic.TypeAdapter(tp)

    def read(value: Any) -> Any:
        try:
            # As JSON, in which a strict model too takes a day as text.
            return adapter.validate_json(json.dumps(value))
        except pydantic.ValidationError as error:
            raise ValidationError(
                [(_path(one["loc"]), one["msg"]) for one in error.errors(include_url=False)]
            ) from error
        except Exception as error:
            raise ValidationError([("", f"{type(error).__name__}: {error}")]) from error

    return adapter.json_schema(ref_template=_REFERENCE + "{model}"), read


def _of_old_pydantic(tp: Any, pydantic: Any, *, strict: bool) -> tuple[Schema, Read]:
    if strict:
        raise TypeError("a model of pydantic 1 cannot be had in strict mode; one of pydantic 2 can")
    is_model = is_old_model(tp)
    make = tp.schema if is_model else partial(pydantic.schema_of, tp)
    schema = dict(make(ref_template=_REFERENCE + "{model}"))  # that is kept with the class
    schema["$defs"] = schema.pop("definitions", {})

    def read(value: Any) -> Any:
        try:
            return tp.parse_obj(value) if is_model else pydantic.parse_obj_as(tp, value)
        except pydantic.ValidationError as error:
            steps = [[step for step in one["loc"] if step != "__root__"] for one in error.errors()]
            texts = [one["msg"] for one in error.errors()]
            raise ValidationError(
                [(_path(each), text) for each, text in zip(steps, texts, strict=True)]
            ) from error
        except Exception as error:
            raise ValidationError([("", f"{type(error).__name__}: {error}")]) from error

    return schema, read


def _of_msgspec(tp: Any) -> tuple[Schema, Read]:
    msgspec = sys.modules["msgspec"]
    [schema], components = sys.modules["msgspec.json"].schema_components(
        [tp], ref_template=_REFERENCE + "{name}"
    )

    def read(value: Any) -> Any:
        try:
            return msgspec.convert(value, tp)
        except msgspec.ValidationError as error:
            reason, _, path = str(error).partition(" - at `$")
            raise ValidationError([(path.rstrip("`").lstrip("."), reason)]) from error

    return {**schema, "$defs": dict(components)}, read


def _path(steps: Sequence[str | int]) -> str:
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps]
    return "".join(parts).removeprefix(".")


def _absorbed(schema: Schema, name: str, definitions: dict[str, Schema], *, strict: bool) -> Schema:
    """Moves the definitions of a schema to the others, under names that are free there."""
    nested = dict(schema.get("$defs", {}))
    schema = {key: value for key, value in schema.items() if key != "$defs"}
    names = {}
    if schema.keys() == {"$ref"}:  # of a class that contains itself, or any of msgspec
        own = schema["$ref"].removeprefix(_REFERENCE)
        schema, names[own] = nested.pop(own), name
    for each, body in nested.items():
        free = each
        while free in definitions and definitions[free] != body:
            free += "_"
        names[each] = free
    for each, body in nested.items():
        definitions[names[each]] = _adapted(body, names, strict=strict)
    made: Schema = _adapted(schema, names, strict=strict)
    return made


def _adapted(value: Any, names: dict[str, str], *, strict: bool) -> Any:
    """Returns a schema with other names in its references, in strict mode with all of its rules."""
    if isinstance(value, str) and value.startswith(_REFERENCE):
        name = value.removeprefix(_REFERENCE)
        return _REFERENCE + names.get(name, name)
    if isinstance(value, list):
        return [_adapted(entry, names, strict=strict) for entry in value]
    if not isinstance(value, dict):
        return value
    made = {key: _adapted(entry, names, strict=strict) for key, entry in value.items()}
    if strict and isinstance(made.get("properties"), dict):
        made = {**made, "additionalProperties": False, "required": list(made["properties"])}
        made["properties"] = {key: _strict(entry) for key, entry in made["properties"].items()}
    return made


def _strict(schema: Any) -> Any:
    """Returns a property's schema as strict mode has it: no default, nothing beside a reference."""
    schema = {key: value for key, value in schema.items() if key != "default"}
    if "$ref" in schema and len(schema) > 1:
        schema = {"anyOf": [{"$ref": schema.pop("$ref")}], **schema}
    return schema


# --- numbers, arrays and tables -----------------------------------------------------------------


def numbers(tp: Any, origin: Any) -> JsonType | None:
    """Returns the type of a number, day or array of numpy, or of a column or table of pandas."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if pandas is not None and origin is pandas.Timestamp:
        return _moment(origin)
    if numpy is not None and origin is numpy.datetime64:
        return _moment(lambda at: numpy.datetime64(_in_utc(at)))
    if numpy is not None and issubclass(origin, numpy.generic):
        return _number(origin, numpy)
    if numpy is not None and origin is numpy.ndarray:
        return _array(tp, numpy)
    if pandas is not None and origin in (pandas.Series, pandas.DataFrame):
        anything = json_types.anything()
        row = json_types.mapping(json_types.scalar(str), anything)
        return json_types.array(row if origin is pandas.DataFrame else anything, origin)
    return None


def _moment(make: Callable[[datetime.datetime], Any]) -> JsonType:
    base = json_types.formatted(datetime.datetime)

    def read(value: Any) -> Any:
        return json_types.made(make, base.read(value))

    return JsonType(base.schema, read, base.expected, base.accepts)


def _in_utc(at: datetime.datetime) -> datetime.datetime:
    """Returns a time as numpy takes it, which has no time zones."""
    return at if at.tzinfo is None else at.astimezone(datetime.timezone.utc).replace(tzinfo=None)


def _concrete(tp: Any, numpy: Any) -> Any:
    """Returns a class of numpy of which there are values, for one that several have in common."""
    if tp in (numpy.number, numpy.inexact, numpy.floating):
        return numpy.float64
    return numpy.int64 if tp in (numpy.integer, numpy.signedinteger) else tp


def _number(tp: Any, numpy: Any) -> JsonType | None:
    tp = _concrete(tp, numpy)
    kinds = ((numpy.bool_, bool), (numpy.integer, int), (numpy.floating, float), (numpy.str_, str))
    plain = next((plain for kind, plain in kinds if issubclass(tp, kind)), None)
    if plain is None:
        return None
    base = json_types.scalar(plain)

    def read(value: Any) -> Any:
        return json_types.made(tp, base.read(value))  # that may be out of its range

    return JsonType(base.schema, read, base.expected, base.accepts)


def _array(tp: Any, numpy: Any) -> JsonType:
    """Returns the type of an array: of numbers, or of rows of them, as deep as it is given."""
    outer: tuple[Any, ...] = get_args(tp)
    arguments: tuple[Any, ...] = get_args(outer[1]) if len(outer) > 1 else ()
    declared = next((one for one in arguments if isinstance(one, type)), None)
    item = None if declared is None else _number(declared, numpy)
    kind = None if item is None else numpy.dtype(_concrete(declared, numpy))
    inner: Schema = {"type": "number"} if item is None else item.schema
    rows = {"type": "array", "items": inner}
    schema = {"type": "array", "items": {"anyOf": [inner, rows]}}

    def build(value: Any) -> Any:
        array = numpy.array(value)
        if array.dtype.kind == "O":
            raise ValueError("the rows are not of one length, or hold no numbers")
        return array if kind is None or not array.size else array.astype(kind, casting="same_kind")

    def read(value: Any) -> Any:
        if type(value) is not list:
            raise json_types.mismatch("an array", value)
        return json_types.made(build, value)

    return JsonType(schema, read, "an array", frozenset({list}))
