"""Values of Python and of the packages of notebooks, one level at a time, in the types of JSON.

A package is not imported here, and need not be installed: its values are known by its classes
where the program has imported it, or by the methods that such values have. Objects of the protocol
do not belong here.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import itertools
import json
import math
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence, Set, ValuesView
from typing import Any, Final

import attrs

_NO_FORM: Final = (type, bytes, bytearray, memoryview)
#: Of an iterator no more is read: it may have no end.
_MOST_ITEMS: Final = 1_000_000


def plain(value: Any) -> Any:  # noqa: PLR0911 - one line per kind reads best
    """Returns one level of a value that is not of JSON's types itself.

    Raises:
        TypeError: It has no JSON form.
    """
    if value is None or type(value) in {str, bool, int, float, list, dict}:
        return value
    if isinstance(value, _NO_FORM):
        raise no_form(value)
    if hasattr(value, "model_dump") or is_old_model(type(value)):
        return _dumped(value)
    if hasattr(type(value), "__struct_fields__") and (msgspec := sys.modules.get("msgspec")):
        return msgspec.to_builtins(value, enc_hook=plain, str_keys=True)
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if attrs.has(type(value)):
        return {f.alias: getattr(value, f.name) for f in attrs.fields(type(value))}
    if isinstance(value, enum.Enum):
        return value.value
    for kind, read in _SCALARS:
        if isinstance(value, kind):
            return read(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return _ordered(value)
    if isinstance(value, (Sequence, Set, ValuesView, collections.deque)):
        return list(value)
    return _of_package(value)


def text_key(key: Any) -> str | int | float | bool | None:
    """Returns a key of an object as JSON can write it: a member's value, a day, a number.

    Raises:
        TypeError: It has no JSON form.
    """
    made = plain(key)
    if made is None or isinstance(made, (str, int, float)):
        return made
    raise TypeError(f"keys must be str, or be written as one, not {type(key).__name__}")


def no_form(value: object) -> TypeError:
    """Returns the error for a value that has no JSON form."""
    return TypeError(
        f"{type(value).__name__} has no JSON form; texts, numbers, lists, dicts, dates, "
        "dataclasses, attrs and pydantic objects have one"
    )


def _moment(value: Any) -> str | None:
    # The one of pandas that is missing is a datetime as well.
    text: str = value.isoformat()
    return None if text == "NaT" else text


def _seconds(value: datetime.timedelta) -> float | None:
    seconds = value.total_seconds()
    return None if math.isnan(seconds) else seconds


#: Classes of the standard library, and of what is written of their values.
_SCALARS: Final[tuple[tuple[Any, Callable[[Any], Any]], ...]] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    ((datetime.date, datetime.time), _moment),
    (datetime.timedelta, _seconds),
    ((decimal.Decimal, uuid.UUID), str),
    (os.PathLike, os.fsdecode),
)


def _dumped(value: Any) -> Any:
    if not hasattr(value, "model_dump"):
        return _dumped_by_old(value)
    try:
        return value.model_dump(mode="json", fallback=plain)
    except TypeError:  # an older pydantic, or another's method of this name
        return value.model_dump(mode="json")


def is_old_model(cls: type) -> bool:
    """Returns whether it is a model of pydantic 1, also of the one within pydantic 2."""
    return hasattr(cls, "__fields__") and hasattr(cls, "parse_obj") and hasattr(cls, "json")


def _dumped_by_old(value: Any) -> Any:
    try:
        return json.loads(value.json())
    except TypeError:  # it holds what that does not know, such as numbers of numpy
        return value.dict()


def listed(items: Iterator[Any]) -> list[Any]:
    """Returns what an iterator yields.

    Raises:
        ValueError: It does not come to an end.
    """
    found = list(itertools.islice(items, _MOST_ITEMS + 1))
    if len(found) > _MOST_ITEMS:
        raise ValueError(f"{type(items).__name__} yields more than {_MOST_ITEMS} items")
    return found


def _ordered(values: Set[Any]) -> list[Any]:
    """Returns the values sorted where that is possible, so that equal sets give equal texts."""
    try:
        return sorted(values)
    except TypeError:
        return list(values)


# --- packages -----------------------------------------------------------------------------------


def _of_package(value: Any) -> Any:
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if pandas is not None:
        if isinstance(value, pandas.DataFrame):
            return _table(value, pandas)
        if isinstance(value, pandas.Series):
            return _column(value, pandas)
        if value is pandas.NA or value is pandas.NaT:
            return None
        if isinstance(value, (pandas.Period, pandas.Interval)):
            return str(value)
    if numpy is not None and isinstance(value, (numpy.generic, numpy.ndarray)):
        return _numbers(value, numpy)
    # As arrays, tables and tensors of other packages have them.
    for method in ("to_dicts", "to_pylist", "tolist", "to_list", "item"):
        read = getattr(value, method, None)
        if callable(read):
            return read()
    raise no_form(value)


def _numbers(value: Any, numpy: Any) -> Any:
    if value.dtype.kind == "m":
        seconds = value / numpy.timedelta64(1, "s")
        return seconds.tolist()
    if value.dtype.kind == "M":
        texts = numpy.datetime_as_string(value)
        return numpy.where(numpy.isnat(value), None, texts).tolist()
    made = value.tolist()
    if isinstance(made, complex):
        raise no_form(value)
    return float(value) if isinstance(made, numpy.generic) else made  # one of more digits


def _table(table: Any, pandas: Any) -> Any:
    """Returns the rows; with labels that say something, under these."""
    if _are_keys(table.columns):
        if _is_numbered(table.index, pandas):
            return table.to_dict(orient="records")
        if _are_keys(table.index):
            return table.to_dict(orient="index")
    return {
        "index": table.index.tolist(),
        "columns": table.columns.tolist(),
        "data": list(table.itertuples(index=False, name=None)),
    }


def _column(column: Any, pandas: Any) -> Any:
    if _is_numbered(column.index, pandas):
        return column.tolist()
    if _are_keys(column.index):
        return column.to_dict()
    return {"index": column.index.tolist(), "data": column.tolist()}


def _are_keys(labels: Any) -> bool:
    """Returns whether labels can be the keys of an object: one each, and none of several parts."""
    return bool(labels.is_unique) and labels.nlevels == 1


def _is_numbered(index: Any, pandas: Any) -> bool:
    """Returns whether rows have no labels but their numbers, as in a table that was just read."""
    return isinstance(index, pandas.RangeIndex) and index.start == 0 and index.step == 1
