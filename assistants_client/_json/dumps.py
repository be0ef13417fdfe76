"""Python values to JSON, for results of tools and defaults of parameters.

One direction only: ``function_tools/annotations.py`` describes the reading of Python values.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import os
import uuid
from collections.abc import Mapping, Set
from typing import Any

import attrs

from assistants_client._json.codec import encode
from assistants_client.models._base import Struct


def to_json(value: object) -> str:
    """Returns the JSON text of a value.

    Dataclasses and attrs classes become objects, enum members their values, dates and times ISO
    8601, durations seconds, decimals strings, sets arrays, and of an object with a ``model_dump``
    its result is written.

    Raises:
        TypeError: Something in it has no JSON form.
        ValueError: It contains itself, or a number that JSON does not have.
        RecursionError: It is nested too deeply.
    """
    return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one line per kind reads best
    """Returns one level of a value that ``json`` does not support."""
    if isinstance(value, Struct):
        return encode(value)
    if hasattr(value, "model_dump") and not isinstance(value, type):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if attrs.has(type(value)):
        return {f.alias: getattr(value, f.name) for f in attrs.fields(type(value))}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        return _ordered(value)
    raise TypeError(
        f"{type(value).__name__} has no JSON form; texts, numbers, lists, dicts, dates, "
        "dataclasses, attrs and pydantic objects have one"
    )


def _ordered(values: Set[Any]) -> list[Any]:
    """Returns the values sorted where that is possible, so that equal sets give equal texts."""
    try:
        return sorted(values)
    except TypeError:
        return list(values)
