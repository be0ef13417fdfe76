"""The documented limits of request fields, as metadata of the field.

A limit is a rule about one JSON value: it returns the violation, or ``None``. Types are not checked
here (the annotation is the type), and nothing is raised: the codec does both, for the client
before it sends and for the engine when it receives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

#: The key of a field's rule in its attrs metadata.
LIMIT: Final = "limit"

#: Returns ``(message, code)`` for a value that breaks the rule, else ``None``. The message follows
#: the field's name, as in "name: string of 257 characters, at most 256 are allowed". If an entry
#: of an object breaks the rule, its key is the third element.
Rule: TypeAlias = Callable[[Any], "tuple[str, str] | tuple[str, str, str] | None"]

_METADATA_PAIRS = 16
_METADATA_KEY = 64
_METADATA_VALUE = 512
_NAME_LENGTH = 64
_NAME_PATTERN = re.compile(rf"[A-Za-z0-9_-]{{1,{_NAME_LENGTH}}}")


def characters(maximum: int, *, minimum: int = 0) -> dict[str, Any]:
    """Returns the limit of a string: at most ``maximum`` characters."""

    def rule(value: Any) -> tuple[str, str] | None:
        if not isinstance(value, str):
            return None
        if len(value) > maximum:
            return (
                f"string of {len(value)} characters, at most {maximum} are allowed",
                "string_above_max_length",
            )
        if len(value) < minimum:
            return (
                f"string of {len(value)} characters, at least {minimum} needed",
                "string_below_min_length",
            )
        return None

    return {LIMIT: rule}


def items(maximum: int | None = None, *, minimum: int = 0) -> dict[str, Any]:
    """Returns the limit of a list: ``minimum`` to ``maximum`` entries."""

    def rule(value: Any) -> tuple[str, str] | None:
        if not isinstance(value, list):
            return None
        if maximum is not None and len(value) > maximum:
            return (
                f"list of {len(value)} entries, at most {maximum} are allowed",
                "array_above_max_length",
            )
        if len(value) < minimum:
            return f"list of {len(value)} entries, at least {minimum} needed", "array_too_short"
        return None

    return {LIMIT: rule}


def between(minimum: float, maximum: float | None = None) -> dict[str, Any]:
    """Returns the limit of a number: from ``minimum`` to ``maximum``, both included."""

    def rule(value: Any) -> tuple[str, str] | None:
        if not isinstance(value, (int, float)):
            return None
        if not value >= minimum:  # so that NaN is refused too
            return f"{value} is below the minimum of {minimum}", "decimal_below_min_value"
        if maximum is not None and value > maximum:
            return f"{value} is above the maximum of {maximum}", "decimal_above_max_value"
        return None

    return {LIMIT: rule}


def identifier() -> dict[str, Any]:
    """Returns the limit of a function's or schema's name: 1 to 64 of letters, digits, _ and -."""

    def rule(value: Any) -> tuple[str, str] | None:
        if not isinstance(value, str) or _NAME_PATTERN.fullmatch(value):
            return None
        return (
            f"{value[:80]!r} is not 1 to {_NAME_LENGTH} letters, digits, underscores or dashes",
            "invalid_value",
        )

    return {LIMIT: rule}


def metadata_pairs() -> dict[str, Any]:
    """Returns the limit of metadata: 16 pairs, keys of 64 characters, strings of 512 as values."""
    entry_rule = characters(_METADATA_VALUE)[LIMIT]

    def rule(value: Any) -> tuple[str, str] | tuple[str, str, str] | None:
        if not isinstance(value, Mapping):
            return None
        if len(value) > _METADATA_PAIRS:
            return (
                f"{len(value)} pairs, at most {_METADATA_PAIRS} are allowed",
                "object_above_max_properties",
            )
        for key, text in value.items():
            if isinstance(key, str) and len(key) > _METADATA_KEY:
                return (
                    f"key of {len(key)} characters, at most {_METADATA_KEY} are allowed",
                    "string_above_max_length",
                )
            broken = entry_rule(text)
            if broken is not None:
                return (*broken, str(key))
        return None

    return {LIMIT: rule}


def attribute_pairs() -> dict[str, Any]:
    """Returns the limit of attributes: as metadata, with numbers and booleans as values too."""
    pairs = metadata_pairs()[LIMIT]

    def rule(value: Any) -> tuple[str, str] | tuple[str, str, str] | None:
        if not isinstance(value, Mapping):
            return None
        for key, entry in value.items():
            if not isinstance(entry, (str, int, float)):
                return "expected a string, a number or a boolean", "invalid_type", str(key)
        broken: tuple[str, str] | tuple[str, str, str] | None = pairs(value)
        return broken

    return {LIMIT: rule}
