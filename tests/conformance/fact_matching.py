"""How a fact of the table is compared with what was found: kinds, key sets and nested shapes.

A fact is plain data. Literals stand for themselves, with their type; a dict has exactly its keys,
a list exactly its places. What belongs here knows nothing about the protocol.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen


@frozen
class Kind:
    """A JSON type, whatever the value; ``bool`` is no number."""

    name: str
    types: tuple[type, ...]
    is_empty: bool | None = None

    def __call__(self, found: object) -> bool:
        """Whether the value is of this kind."""
        is_bool = isinstance(found, bool)
        if not isinstance(found, self.types) or is_bool != (self.types == (bool,)):
            return False
        return self.is_empty is None or self.is_empty is not bool(found)

    def __repr__(self) -> str:
        return self.name


INT = Kind("INT", (int,))
FLOAT = Kind("FLOAT", (float,))
NUMBER = Kind("NUMBER", (int, float))
BOOL = Kind("BOOL", (bool,))
TEXT = Kind("TEXT", (str,), is_empty=False)
LIST = Kind("LIST", (list,), is_empty=False)
OBJECT = Kind("OBJECT", (dict,), is_empty=False)
#: No such key, in an object that is there.
ABSENT = Kind("ABSENT", ())


@frozen
class Form:
    """Text of a form, given as a regular expression for all of it."""

    expression: str

    def __call__(self, found: object) -> bool:
        """Whether it is text of this form."""
        return (
            isinstance(found, str) and re.fullmatch(self.expression, found, re.DOTALL) is not None
        )


@frozen
class OneOf:
    """Any of several expectations."""

    expected: tuple[Any, ...]

    def __call__(self, found: object) -> bool:
        """Whether one of them holds."""
        return any(matches(one, found) for one in self.expected)


@frozen
class Each:
    """A list with something in it, in which one expectation holds for every place."""

    expected: Any

    def __call__(self, found: object) -> bool:
        """Whether it holds for each."""
        is_list = isinstance(found, list) and bool(found)
        return is_list and all(matches(self.expected, one) for one in found)


@frozen
class HasKeys:
    """An object that lacks none of these keys."""

    keys: frozenset[str]

    def __call__(self, found: object) -> bool:
        """Whether all of them are there."""
        return isinstance(found, dict) and self.keys <= found.keys()


@frozen
class NoOtherKeys:
    """An object that has no key besides these."""

    keys: frozenset[str]

    def __call__(self, found: object) -> bool:
        """Whether there is none besides."""
        return isinstance(found, dict) and found.keys() <= self.keys


def id_of(prefix: str, length: int = 24) -> Form:
    """An id: its prefix, then so many letters and digits."""
    return Form(f"{prefix}[0-9A-Za-z]{{{length}}}")


def hex_id_of(prefix: str) -> Form:
    """An id: its prefix, then 32 hexadecimal digits."""
    return Form(f"{prefix}[0-9a-f]{{32}}")


def one_of(*expected: Any) -> OneOf:
    """Any of these."""
    return OneOf(expected)


def keys(names: str) -> frozenset[str]:
    """The names that stand in a text, with spaces between them."""
    return frozenset(names.split())


def matches(expected: Any, found: object) -> bool:
    """Whether the fact holds of what was found."""
    if callable(expected):
        return bool(expected(found))
    if isinstance(expected, Mapping):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(matches(one, found[name]) for name, one in expected.items())
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(found) == len(expected)
            and all(map(matches, expected, found))
        )
    return type(expected) is type(found) and expected == found


class NoSuchPlaceError(LookupError):
    """The path leads through something that is not there."""


#: What is found where the last key of a path is missing.
NOTHING = object()


def look_up(document: object, path: str) -> object:
    """What stands at a path such as ``tools/0/type``; ``NOTHING`` where only its end is missing.

    Raises:
        NoSuchPlaceError: More than its end is missing.
    """
    names = path.split("/") if path else []
    for place, name in enumerate(names):
        found = _step(document, name)
        if found is NOTHING and (place < len(names) - 1 or not isinstance(document, dict)):
            raise NoSuchPlaceError("/".join(names[: place + 1]))
        document = found
    return document


def _step(document: object, name: str) -> object:
    if isinstance(document, dict):
        return document.get(name, NOTHING)
    if isinstance(document, list) and name.lstrip("-").isdigit():
        place = int(name)
        return document[place] if -len(document) <= place < len(document) else NOTHING
    return NOTHING


def holds(expected: Any, document: object, path: str) -> tuple[bool, str]:
    """Whether a fact holds at a path, and what was found there, in words.

    Raises:
        NoSuchPlaceError: Nothing can be absent where there is not even an object.
    """
    try:
        found = look_up(document, path)
    except NoSuchPlaceError as error:
        if expected is ABSENT:
            raise
        return False, f"nothing at {error}"
    if found is NOTHING:
        return expected is ABSENT, "no such key"
    return expected is not ABSENT and matches(expected, found), repr(found)


def names_of(pairs: Iterable[tuple[str, object]]) -> list[str]:
    """The first of each pair; one that stands several times in a row is told once."""
    names: list[str] = []
    for name, _ in pairs:
        if not names or names[-1] != name:
            names.append(name)
    return names
