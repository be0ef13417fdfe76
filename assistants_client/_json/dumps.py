"""Python values to JSON, for results of tools and defaults of parameters.

One direction only: ``function_tools/annotations.py`` describes the reading of Python values. The
kinds of values are in ``plain_values.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

from assistants_client._json.codec import encode
from assistants_client._json.plain_values import listed, plain, text_key
from assistants_client.models._base import Struct

#: What the iterators within a value yield, by their ``id()``: each can be read once only.
_Listed: TypeAlias = dict[int, tuple[Iterator[Any], list[Any]]]


def to_json(value: object) -> str:
    """Returns the JSON text of a value.

    Dataclasses and attrs classes become objects, enum members their values, dates and times ISO
    8601, durations seconds, decimals strings, sets, iterators and views arrays, and models of
    pydantic their own JSON. Of numpy, pandas and msgspec, numbers, arrays, columns, tables and
    structs are written as what is in them. A number within a value that is none is ``null``, and
    an infinite one a string.

    Raises:
        TypeError: Something in it has no JSON form.
        ValueError: It contains itself, or is a number that JSON does not have.
        RecursionError: It is nested too deeply.
    """
    default = partial(_plain, read={})
    try:
        return json.dumps(value, default=default, ensure_ascii=False, allow_nan=False)
    except TypeError:
        # Keys that JSON does not have; what has no form at all raises again.
        value = _with_text_keys(value, default)
    except ValueError:
        if type(value) is float:
            raise
    text = json.dumps(value, default=default, ensure_ascii=False)
    finite = json.loads(text, parse_constant=_constant)
    return json.dumps(finite, ensure_ascii=False, allow_nan=False)


def _plain(value: Any, *, read: _Listed) -> Any:
    """Returns one level of a value that ``json`` does not support."""
    if isinstance(value, Struct):
        return encode(value)
    if not isinstance(value, Iterator) or hasattr(value, "read"):  # a file is none
        return plain(value)
    if id(value) not in read:
        read[id(value)] = (value, listed(value))
    return read[id(value)][1]


def _with_text_keys(value: Any, default: Callable[[Any], Any]) -> Any:
    if isinstance(value, (str, int, float)) or value is None:
        return value
    if isinstance(value, dict):
        return {text_key(key): _with_text_keys(entry, default) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_text_keys(entry, default) for entry in value]
    return _with_text_keys(default(value), default)


def _constant(name: str) -> str | None:
    return None if name == "NaN" else name
