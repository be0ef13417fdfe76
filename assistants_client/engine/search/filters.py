"""Filters on the attributes of files in a store: parsed from a request, applied to files. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from assistants_client.engine.faults import Fault

#: Returns whether a file with these attributes matches.
Filter: TypeAlias = Callable[[Mapping[str, Any]], bool]

_MAX_DEPTH: Final = 16
_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_COMPARISONS: Final = ("eq", "ne", *_ORDERS, "in", "nin")
_COMPOUNDS: Final = ("and", "or")


def read_filter(document: object, path: str = "filters", depth: int = 0) -> Filter:
    """Reads a filter: a comparison, or several joined by ``and`` or ``or``.

    A file without the attribute is equal to nothing, and neither smaller nor larger; so are values
    of different kinds.

    Raises:
        Fault: The document is not a filter.
    """
    if not isinstance(document, Mapping):
        raise _wrong(path, "expected an object", "invalid_type")
    if depth > _MAX_DEPTH:
        raise _wrong(path, f"nested more than {_MAX_DEPTH} deep")
    _require_keys(document, ("type",), path, only=False)
    kind = document["type"]
    if kind in _COMPOUNDS:
        _require_keys(document, ("type", "filters"), path)
        inner = document["filters"]
        if not isinstance(inner, list) or not inner:
            raise _wrong(f"{path}.filters", "expected an array of filters", "invalid_type")
        read = [read_filter(one, f"{path}.filters[{n}]", depth + 1) for n, one in enumerate(inner)]
        join = all if kind == "and" else any
        return lambda attributes: join(wanted(attributes) for wanted in read)
    if kind not in _COMPARISONS:
        names = ", ".join(repr(name) for name in (*_COMPARISONS, *_COMPOUNDS))
        raise _wrong(f"{path}.type", f"{kind!r:.80} is not one of {names}")
    _require_keys(document, ("type", "key", "value"), path)
    return _comparison(str(kind), document["key"], document["value"], path)


def _comparison(kind: str, key: object, value: object, path: str) -> Filter:
    if not isinstance(key, str):
        raise _wrong(f"{path}.key", "expected a string", "invalid_type")
    if kind in ("in", "nin"):
        if not isinstance(value, list) or not all(_kind(v) in (str, float) for v in value):
            message = "expected an array of strings or numbers"
            raise _wrong(f"{path}.value", message, "invalid_type")
        among = list(value)
        is_in = kind == "in"
        return lambda a: any(_same(a.get(key), one) for one in among) is is_in
    if not isinstance(value, (str, int, float)):
        raise _wrong(f"{path}.value", "expected a string, number or boolean", "invalid_type")
    if kind in ("eq", "ne"):
        is_equal = kind == "eq"
        return lambda a: _same(a.get(key), value) is is_equal
    order = _ORDERS[kind]
    return lambda a: _kind(a.get(key)) is _kind(value) is not bool and order(a[key], value)


def _kind(value: object) -> type:
    return float if type(value) is int else type(value)


def _same(one: object, other: object) -> bool:
    return _kind(one) is _kind(other) and one == other


def _require_keys(
    document: Mapping[str, Any], keys: tuple[str, ...], path: str, *, only: bool = True
) -> None:
    for key in keys:
        if key not in document:
            message = f"Missing required parameter: '{path}.{key}'."
            raise Fault(400, message, "missing_required_parameter", f"{path}.{key}")
    for key in document:
        if only and key not in keys:
            message = f"Unknown parameter: '{path}.{key}'."
            raise Fault(400, message, "unknown_parameter", f"{path}.{key}")


def _wrong(path: str, reason: str, code: str = "invalid_value") -> Fault:
    return Fault(400, f"Invalid '{path}': {reason}.", code, path)
