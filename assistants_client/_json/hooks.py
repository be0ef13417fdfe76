"""The kinds of JSON values: what each may be, and the error that tells where one may not.

No class of the protocol belongs here, and no cattrs: what reads those is in ``_codec``.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any, Final, TypeAlias

#: Reads a value; what comes second is what cattrs gives besides.
Hook: TypeAlias = Callable[[Any, Any], Any]

#: The kinds, as messages call them.
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
        path: Where, such as ``messages[0].content``; empty for the whole document.
        reason: What is wrong, as words that follow the path.
        code: The protocol's error code, such as ``invalid_type``.
    """

    def __init__(self, reason: str, code: str = "invalid_type", path: str = "") -> None:
        super().__init__(reason, code, path)
        self.reason = reason
        self.code = code
        self.path = path

    def under(self, key: str | int) -> InvalidValueError:
        """The same, one level further out."""
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
    """Reads a list, each entry by the hook."""
    passing = hook is unchecked

    def read(value: Any, _: Any) -> Any:
        # Anything iterable would do for cattrs, and a string would come apart into characters.
        if type(value) is not list:
            raise wrong_type("an array", value)
        if passing:
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
    """Lets an object through as it is, if the hook can read each of its values."""
    plain = hook.accepted if isinstance(hook, Atom) else frozenset()

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
    """Lets anything through."""
    return value


class Atom:
    """Lets a plain value of the right JSON type through, as it is."""

    def __init__(self, tp: type, *, strict: bool) -> None:
        self.type = tp
        self.accepted = frozenset({int, float} if tp is float else {tp})
        self._expected = JSON_NAMES[tp]
        self._whole = tp is int and not strict

    def __call__(self, value: Any, _: Any) -> Any:
        if type(value) in self.accepted:
            return value
        # Some servers answer with a decimal point, times above all.
        if self._whole and type(value) is float and math.isfinite(value):
            return int(value)
        raise wrong_type(self._expected, value)


def literal_of(allowed: tuple[Any, ...]) -> Hook:
    """Lets one of these strings through."""

    def read(value: Any, _: Any) -> Any:
        if not isinstance(value, str):
            raise wrong_type("a string", value)
        if value not in allowed:
            raise not_one_of(allowed, value)
        return value

    return read


def wrong_type(expected: str, value: Any) -> InvalidValueError:
    """What is said of a value of another kind."""
    got = JSON_NAMES.get(type(value), type(value).__name__)
    if isinstance(value, (types.FunctionType, types.MethodType)):
        got += "; @tool makes a tool of it"
    return InvalidValueError(f"expected {expected}, got {got}")


def not_one_of(allowed: tuple[Any, ...], value: Any) -> InvalidValueError:
    """What is said of a value that is none of these."""
    names = ", ".join(repr(name) for name in allowed)
    return InvalidValueError(f"{value!r:.80} is not one of {names}", "invalid_value")
