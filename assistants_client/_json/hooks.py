"""Hooks for the JSON types: the validation of each, and the error with the path of a value.

No class of the protocol belongs here, and no cattrs: ``codec`` has their hooks.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import attrs

#: Reads a value; the second argument is the type, which cattrs passes.
Hook: TypeAlias = Callable[[Any, Any], Any]

#: The JSON types as messages name them.
JSON_NAMES: Final = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "a boolean",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


class InvalidValueError(ValueError):
    """A JSON value that breaks the protocol's rules.

    Attributes:
        path: The path, such as ``messages[0].content``; empty for the whole document.
        reason: The violation, worded to follow the path.
        code: The protocol's error code, such as ``invalid_type``.
    """

    def __init__(self, reason: str, code: str = "invalid_type", path: str = "") -> None:
        super().__init__(reason, code, path)
        self.reason = reason
        self.code = code
        self.path = path

    def under(self, key: str | int) -> InvalidValueError:
        """Returns the same error with its path prefixed by a key."""
        step = f"[{key}]" if isinstance(key, int) else key
        dot = "." if self.path and not self.path.startswith("[") else ""
        return InvalidValueError(self.reason, self.code, f"{step}{dot}{self.path}")

    def __str__(self) -> str:
        if self.code == "unknown_parameter":
            return f"Unknown parameter: '{self.path}'."
        if self.code == "missing_required_parameter":
            return f"Missing required parameter: '{self.path}'."
        return f"Invalid '{self.path}': {self.reason}." if self.path else f"Invalid: {self.reason}."


def array_of(hook: Hook) -> Hook:
    """Returns a hook that reads a list, each entry by the given hook."""
    is_unchecked = hook is unchecked

    def read(value: Any, _: Any) -> Any:
        # Anything iterable would do for cattrs, and a string would come apart into characters.
        if type(value) is not list:
            raise wrong_type("an array", value)
        if is_unchecked:
            return value
        entries: list[Any] = []
        try:
            for entry in value:
                entries.append(hook(entry, None))
        except InvalidValueError as error:
            raise error.under(len(entries)) from None
        return entries

    return read


def mapping_of(hook: Hook, *, strict: bool) -> Hook:
    """Returns a hook that returns an object as it is, if the given hook accepts its values."""
    plain = hook.accepted if isinstance(hook, ScalarHook) else frozenset()

    def read(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise wrong_type("an object", value)
        if strict and not all(isinstance(key, str) for key in value):
            raise InvalidValueError("the keys must be strings")
        if hook is not unchecked and not plain.issuperset(map(type, value.values())):
            for key, entry in value.items():
                try:
                    hook(entry, None)
                except InvalidValueError as error:
                    raise error.under(key) from None
        return value

    return read


def unchecked(value: Any, _: Any) -> Any:
    """Returns any value as it is."""
    return value


class ScalarHook:
    """Returns a scalar of the right JSON type as it is."""

    def __init__(self, tp: type, *, strict: bool) -> None:
        self.type = tp
        self.accepted = frozenset({int, float} if tp is float else {tp})
        self._expected = JSON_NAMES[tp]
        self._whole = tp is int and not strict

    def __call__(self, value: Any, _: Any) -> Any:
        if type(value) in self.accepted:
            return value
        # Some servers write integers with a decimal point, times above all.
        if self._whole and type(value) is float and math.isfinite(value):
            return int(value)
        raise wrong_type(self._expected, value)


#: Iterables that no list is made of.
_OBJECTS: Final = (str, bytes, Mapping)
#: A set is none: its order is not the program's.
_NOT_FOREIGN: Final = (str, list, dict, tuple, set, frozenset, Mapping)


def is_foreign(cls: Any) -> bool:
    """Returns whether objects of a class are a program's own: neither JSON's nor the protocol's."""
    return (
        isinstance(cls, type)
        and cls not in JSON_NAMES
        and cls is not object
        and not issubclass(cls, (*_NOT_FOREIGN, types.FunctionType))
        and not attrs.has(cls)
        and not cls.__module__.startswith("assistants_client.")
    )


def plain_or_same(value: Any) -> Any:
    """Returns one level of a program's own object in JSON's types; itself if it has none there."""
    from assistants_client._json.plain_values import plain  # where there are such objects

    if callable(getattr(value, "tolist", None)):  # a column is a list here, whatever its labels
        return value.tolist()
    try:
        return plain(value)
    except TypeError:
        return value


def literal_of(allowed: tuple[Any, ...]) -> Hook:
    """Returns a hook that accepts one of these strings."""

    def read(value: Any, _: Any) -> Any:
        if not isinstance(value, str):
            raise wrong_type("a string", value)
        if value not in allowed:
            raise not_one_of(allowed, value)
        return value

    return read


def wrong_type(expected: str, value: Any) -> InvalidValueError:
    """Returns the error for a value of another type."""
    got = JSON_NAMES.get(type(value), type(value).__name__)
    if "an array" in expected and isinstance(value, Iterable) and not isinstance(value, _OBJECTS):
        is_read_once = isinstance(value, Iterator)  # and would be empty when it is sent again
        got += ", which can be read once only; give a list" if is_read_once else "; give a list"
    if isinstance(value, (types.FunctionType, types.MethodType)):
        got += "; @tool makes a tool of it"
    return InvalidValueError(f"expected {expected}, got {got}")


def not_one_of(allowed: tuple[Any, ...], value: Any) -> InvalidValueError:
    """Returns the error for a value that is none of these."""
    names = ", ".join(repr(name) for name in allowed)
    return InvalidValueError(f"{value!r:.80} is not one of {names}", "invalid_value")
