"""Python values to JSON, for results of tools and defaults of parameters.

One direction only: ``function_tools/annotations.py`` describes the reading of Python values. The
kinds of values are in ``plain_values.py``.
"""

from __future__ import annotations

import json
from typing import Any

from assistants_client._json.codec import encode
from assistants_client._json.plain_values import plain, text_key
from assistants_client.models._base import Struct


def to_json(value: object) -> str:
    """Returns the JSON text of a value.

    Dataclasses and attrs classes become objects, enum members their values, dates and times ISO
    8601, durations seconds, decimals strings, sets arrays, and of an object with a ``model_dump``
    its result is written. Of numpy, pandas and msgspec, numbers, arrays, columns, tables and
    structs are written as what is in them. A number within a value that is none is ``null``, and
    an infinite one a string.

    Raises:
        TypeError: Something in it has no JSON form.
        ValueError: It contains itself, or is a number that JSON does not have.
        RecursionError: It is nested too deeply.
    """
    try:
        return _written(value)
    except TypeError:
        # Keys that JSON does not have; what has no form at all raises again.
        value = _with_text_keys(value)
    except ValueError:
        if type(value) is float:
            raise
    text = json.dumps(value, default=_plain, ensure_ascii=False)
    return _written(json.loads(text, parse_constant=_constant))


def _written(value: object) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """Returns one level of a value that ``json`` does not support."""
    return encode(value) if isinstance(value, Struct) else plain(value)


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, (str, int, float)) or value is None:
        return value
    if isinstance(value, dict):
        return {text_key(key): _with_text_keys(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_text_keys(entry) for entry in value]
    return _with_text_keys(_plain(value))


def _constant(name: str) -> str | None:
    return None if name == "NaN" else name
