"""Limits and descriptions beside a type in ``Annotated``, and in a ``Field`` as a default.

Those of annotated_types, pydantic, msgspec and ``typing.Doc`` are read by the names of their
attributes; none of these packages is imported.
"""

from __future__ import annotations

import copy
import decimal
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import attrs

from assistants_client.function_tools import json_types
from assistants_client.function_tools.json_types import JsonType, Schema


def _is_multiple(value: Any, by: Any) -> bool:
    # Of 0.3 and 0.1 as floats it is not.
    return not decimal.Decimal(str(value)) % decimal.Decimal(str(by))


#: By name of a limit: the comparison, the keyword in JSON Schema, and the words of a message.
_COMPARED: Final[dict[str, tuple[Callable[[Any, Any], Any], str, str]]] = {
    "gt": (operator.gt, "exclusiveMinimum", "above {}"),
    "ge": (operator.ge, "minimum", "of at least {}"),
    "lt": (operator.lt, "exclusiveMaximum", "below {}"),
    "le": (operator.le, "maximum", "of at most {}"),
    "multiple_of": (_is_multiple, "multipleOf", "in steps of {}"),
}
_LENGTHS: Final = {
    "min_length": (operator.ge, "min", "of a length of at least {}"),
    "max_length": (operator.le, "max", "of a length of at most {}"),
}
#: Names of pydantic 1, and those of today.
_OLD_NAMES: Final = {"regex": "pattern", "min_items": "min_length", "max_items": "max_length"}
_LENGTH_OF: Final = {"string": "Length", "array": "Items", "object": "Properties"}
_NAMES: Final = {str: "string", list: "array", dict: "object", int: "number", float: "number"}
_NUMBERS: Final = (int, float, decimal.Decimal)
#: Limits of pydantic that JSON Schema does not have.
_REFUSED: Final = ("max_digits", "decimal_places", "unique_items")


def default_of(field: Any) -> tuple[object, Callable[[], Any] | None]:
    """Returns the default in a ``Field``, if there is one, and a function that makes it.

    Raises:
        TypeError: It depends on other fields.
    """
    if getattr(field, "default_factory_takes_validated_data", False):
        raise TypeError("a default that depends on other fields is not supported")
    if not hasattr(field, "is_required"):
        return _default_of_old(field)
    if field.is_required():
        return attrs.NOTHING, None
    return field.get_default(), lambda: field.get_default(call_default_factory=True)


def _default_of_old(field: Any) -> tuple[object, Callable[[], Any] | None]:
    if field.default_factory is not None:
        return None, field.default_factory
    if field.default is ... or type(field.default).__name__ == "UndefinedType":
        return attrs.NOTHING, None
    return field.default, lambda: copy.deepcopy(field.default)


def description_of(notes: Sequence[object]) -> str:
    """Returns the first text: plain, of ``typing.Doc``, or of a ``Field``."""
    for note in notes:
        for text in (
            note,
            getattr(note, "documentation", None),
            getattr(note, "description", None),
        ):
            if isinstance(text, str):
                return " ".join(text.split())
    return ""


def limited(json_type: JsonType, notes: Sequence[object]) -> JsonType:
    """Returns the type with the limits in its schema, which what is read is held to.

    Raises:
        TypeError: A limit cannot be kept.
    """
    for name, limit in _limits(notes):
        json_type = _with_limit(json_type, name, limit)
    return json_type


def _limits(notes: Sequence[object]) -> Iterator[tuple[str, Any]]:
    for note in notes:
        if isinstance(note, type):
            continue
        if json_types.is_pydantic_field(note) and hasattr(note, "metadata"):
            yield from _limits(getattr(note, "metadata", ()))  # pydantic 1 has them as attributes
            continue
        for name in _REFUSED:
            if getattr(note, name, None) is not None:
                raise TypeError(f"the limit {name!r} is not supported")
        for name in (*_COMPARED, *_LENGTHS, "pattern", *_OLD_NAMES):
            limit = getattr(note, name, None)
            if limit is not None and not callable(limit):
                yield _OLD_NAMES.get(name, name), limit
        if type(note).__module__ == "annotated_types" and callable(getattr(note, "func", None)):
            yield "predicate", note.func  # type: ignore[attr-defined]


def _with_limit(json_type: JsonType, name: str, limit: Any) -> JsonType:
    check, keyword, words = _rule(name, limit)
    expected = f"{json_type.expected} {words}"
    schema, is_kept = _schema(json_type.schema, json_type.accepts, keyword)
    if keyword and not is_kept:
        raise TypeError(f"the limit {name}={limit!r} does not fit {json_type.expected}")

    def read(value: Any) -> Any:
        made = json_type.read(value)
        if made is not None and not check(made):
            raise json_types.mismatch(expected, value)
        return made

    return attrs.evolve(json_type, schema=schema, read=read, expected=expected)


def _rule(name: str, limit: Any) -> tuple[Callable[[Any], Any], dict[str, Schema], str]:
    """Returns the check of a limit, its keywords by JSON type, and its words."""
    if name == "predicate":
        return limit, {}, f"that {getattr(limit, '__name__', 'its predicate')} accepts"
    if name == "pattern":
        pattern = re.compile(limit)
        keyword = {"string": {"pattern": pattern.pattern}}
        return (
            lambda value: not isinstance(value, str) or pattern.search(value),
            keyword,
            f"that matches {pattern.pattern!r}",
        )
    if name in _LENGTHS:
        compare, stem, words = _LENGTHS[name]
        by_type = {kind: {stem + noun: limit} for kind, noun in _LENGTH_OF.items()}
        return (
            lambda value: not hasattr(value, "__len__") or compare(len(value), limit),
            by_type,
            words.format(limit),
        )
    compare, word, words = _COMPARED[name]
    if not isinstance(limit, _NUMBERS):  # a day; JSON Schema has no limits of these
        return lambda value: compare(value, limit), {}, words.format(limit)
    shown = float(limit) if isinstance(limit, decimal.Decimal) else limit
    return (
        lambda value: not _is_number(value) or compare(value, limit),
        {"number": {word: shown}},
        words.format(limit),
    )


def _schema(
    schema: Schema, accepts: frozenset[type], keywords: dict[str, Schema]
) -> tuple[Schema, bool]:
    """Returns the schema with the keywords of its types, and whether it has any of them."""
    if schema.keys() == {"anyOf"}:
        members = [_schema(member, frozenset(), keywords) for member in schema["anyOf"]]
        return {"anyOf": [member for member, _ in members]}, any(kept for _, kept in members)
    named = schema.get("type")
    kinds = {_NAMES[tp] for tp in accepts if tp in _NAMES} if named is None else {named}
    found = {key: value for kind in kinds for key, value in _keywords(kind, keywords).items()}
    return {**schema, **found}, bool(found)


def _keywords(kind: str, keywords: dict[str, Schema]) -> Schema:
    return keywords.get("number" if kind == "integer" else kind, {})


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and hasattr(value, "__float__")
