"""Reads JSON bit by bit: values one after the other, and large arrays element by element.

Nothing here knows what the values mean. A value that fits in ``WHOLE`` characters is read whole;
a larger array or object becomes a ``LongArray`` or ``LongObject``, which is walked in its order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

#: Characters of a value that is read whole.
WHOLE: Final = 4 * 1024 * 1024
#: Characters of a value that cannot be walked, such as the text of a message with an image in it.
MOST: Final = 128 * 1024 * 1024
#: Levels of nesting; what is nested deeper is no object of the protocol.
DEPTH: Final = 100

#: Members that belong to one object, however long they are.
_TOGETHER = frozenset(
    ("content", "parts", "mapping", "metadata", "step_details", "tool_calls", "tools", "kwargs")
)
#: A mark of the byte order in the middle stems from files that were joined, RS from json-seq.
_SPACE = re.compile("[ \\t\\r\\n\\ufeff\\x1e]*")
#: Numbers go on for as long as there are digits, and with a point or an exponent.
_OPEN_ENDED = frozenset("-0123456789")
_LONGEST_WORD: Final = len("-Infinity")
_STRICT: Final = json.JSONDecoder()
_LENIENT: Final = json.JSONDecoder(strict=False)
_CONTROL: Final = "Invalid control character"
_NESTED: Final = f"values are nested more than {DEPTH} deep"
#: How a text shows that characters of it cannot be stored; most of those in pairs can.
_UNSTORABLE: Final = ("\\ud", "\\uD", "\\u0000", "\0")

#: A value that was read whole, or a ``LongArray`` or ``LongObject`` that is still to be read.
Node: TypeAlias = Any


class JsonReader:
    """Values of a text that comes in pieces.

    Args:
        pieces: The text.

    Attributes:
        line: The line of the value that was read last, from 1.
        failure: Says why the text cannot be read any further, once that is so.
        is_truncated: The failure is that the text ends in the middle.
        replaced: The number of values in which characters were replaced: NUL and halves of
            surrogate pairs, which neither databases nor UTF-8 take.
    """

    def __init__(self, pieces: Iterator[str]) -> None:
        self.line: int = 1
        self.failure: str | None = None
        self.is_truncated: bool = False
        self.replaced: int = 0
        self._pieces = pieces
        self._text = ""
        self._at = 0
        self._counted = 0
        self._has_ended = False
        self._is_begun = False
        self._decoder = _STRICT
        # Of the last attempt at a value: what was wrong, where, and whether more text can help.
        self._why, self._where, self._is_definite = "", 0, False

    def values(self) -> Iterator[Node]:
        """Yields what stands one after the other; ``UNREADABLE`` for a line that is no value.

        A long value has to be walked to its end before the next is asked for. The end of the
        iteration is the end of the text, or of what can be read of it: see ``failure``.
        """
        while self.failure is None:
            first = self._next_character()
            if not first:
                return
            if first == ",":  # between values of a list without brackets
                self._at += 1
                continue
            self._mark_line()
            value = self._value(whole=False, is_line=True)
            if self.failure is None:
                yield value
            self._is_begun = True

    def _next_character(self) -> str:
        """Skips white space; returns what follows it, or nothing at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Reads as much again as is waiting, and at least a piece; returns whether there is."""
        if self._has_ended:
            return False
        waiting = len(self._text) - self._at
        self._mark_line()
        taken = [self._text[self._at :]]
        size = 0
        while size <= waiting:
            piece = next(self._pieces, None)
            if piece is None:
                self._has_ended = True
                break
            taken.append(piece)
            size += len(piece)
        self._text = "".join(taken)
        self._at = self._counted = 0
        return size > 0

    def _mark_line(self) -> None:
        """Counts the lines up to here."""
        self.line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at

    def _value(self, *, whole: bool, is_line: bool = False) -> Node:
        """Reads the value that begins here."""
        is_walked = not whole and self._text[self._at] in "[{"
        limit = WHOLE if is_walked else MOST
        found = self._scanned(limit)
        if found is not None:
            value, end = found
            start, self._at = self._at, end
            return self._stored(value, start)
        first = self._text[self._at]
        if is_line and self._skip_broken_line(first):
            return UNREADABLE
        if is_walked and self._why != _NESTED:
            return LongArray(self) if first == "[" else LongObject(self)
        if self._is_definite:
            self._fail(self._why, truncated=False)
        elif self._has_ended:
            self._fail("the text ends in the middle of a value", truncated=True)
        else:
            self._fail(f"a value has more than {limit:,} characters", truncated=False)
        return None

    def _scanned(self, limit: int) -> tuple[Any, int] | None:
        """Returns the value that begins here and its end, or nothing where none is that short."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                self._why, self._where = error.msg, error.pos
                # What is wrong before the end of what was read stays so.
                is_open = error.msg.startswith("Unterminated")
                self._is_definite = not is_open and error.pos + _LONGEST_WORD < len(self._text)
                if self._is_definite and error.msg.startswith(_CONTROL) and self._allows_it():
                    continue
                if self._is_definite or self._has_ended or len(self._text) - self._at >= limit:
                    return None
                self._more()  # which moves the text: what was found has to be found again
                continue
            except RecursionError:
                self._too_deep()
                return None
            is_open = self._text[self._at] in _OPEN_ENDED and end + _LONGEST_WORD > len(self._text)
            if is_open and not self._has_ended:
                self._more()
                continue
            brackets = self._text.count("[", self._at, end) + self._text.count("{", self._at, end)
            if brackets > DEPTH and _deeper(value, DEPTH):
                self._too_deep()
                return None
            return value, end

    def _too_deep(self) -> None:
        self._why, self._where, self._is_definite = _NESTED, self._at, True

    def _allows_it(self) -> bool:
        """Lets texts contain characters such as NUL and tabs; a line's end is that of its value."""
        if self._text[self._where] in "\r\n" and self._text[self._where + 1] in "\n{[":
            return False
        self._decoder = _LENIENT
        return True

    def _stored(self, value: Any, start: int) -> Any:
        """Returns a value without what cannot be stored."""
        text, end = self._text, self._at
        if all(text.find(mark, start, end) < 0 for mark in _UNSTORABLE):
            return value
        mended = _mended(value)
        self.replaced += mended != value
        return mended

    def _skip_broken_line(self, first: str) -> bool:
        """Skips a line that is no value, if it is one: what follows begins a value of its own."""
        error = self._where - self._at
        end = self._text.find("\n", self._at)
        while end < 0 and len(self._text) - self._at < WHOLE and self._more():
            end = self._text.find("\n", self._at)
        end = len(self._text) if end < 0 else end
        if first in "{[":
            error += self._at
            after = self._text[end + 1 : end + 2]
            is_followed = after in ("{", "[") if after else self._is_begun
            is_inside = error <= end or self._text[error - 1 : error + 1] in ("\n{", "\n[")
            if first == "[" or not (self._is_definite and is_followed and is_inside):
                return False
        # Else it is a remark of the program that wrote the file.
        self._at = end
        return True

    def _fail(self, why: str, *, truncated: bool) -> None:
        if self.failure is None:
            self._mark_line()
            self.failure = why
            self.is_truncated = truncated

    # The following is for the long values, which stand below.

    def enter(self) -> None:
        """Goes past an opening bracket."""
        self._at += 1

    def separator(self, closing: str) -> bool:
        """Goes past what stands between elements; returns whether another one follows."""
        if self.failure is not None:
            return False
        first = self._next_character()
        if first == ",":
            self._at += 1
            first = self._next_character()
        if first == closing:
            self._at += 1
            return False
        if not first:
            self._fail("the text ends in the middle of a list or object", truncated=True)
            return False
        self._mark_line()
        return True

    def element(self, *, whole: bool = False) -> Node:
        """Reads the value that follows."""
        return self._value(whole=whole)

    def key(self) -> str | None:
        """Reads the name of a member and the colon after it."""
        name = self._value(whole=True)
        if not isinstance(name, str) or self._next_character() != ":":
            self._fail("a name of a member is missing", truncated=not self._next_character())
            return None
        self._at += 1
        if not self._next_character():
            self._fail("the text ends in the middle of an object", truncated=True)
            return None
        return name


class _Unreadable:
    """A line that is no value."""


UNREADABLE: Final = _Unreadable()


class LongArray:
    """An array that is too large to be read whole: its elements, once, in their order."""

    def __init__(self, reader: JsonReader) -> None:
        self._reader = reader

    def __iter__(self) -> Iterator[Node]:
        """Yields the elements; ends early where the text cannot be read any further."""
        self._reader.enter()
        while self._reader.separator("]"):
            element = self._reader.element()
            if self._reader.failure is not None:
                return
            yield element


class LongObject:
    """An object that is too large to be read whole: its members, once, in their order.

    Attributes:
        is_complete: The end of it was reached.
    """

    def __init__(self, reader: JsonReader) -> None:
        self._reader = reader
        self.is_complete: bool = False

    def __iter__(self) -> Iterator[tuple[str, Node]]:
        """Yields names and values; ends early where the text cannot be read any further."""
        self._reader.enter()
        while self._reader.separator("}"):
            name = self._reader.key()
            if name is None:
                return
            value = self._reader.element(whole=name in _TOGETHER)
            if self._reader.failure is not None:
                return
            yield name, value
        self.is_complete = self._reader.failure is None


def _deeper(value: Any, levels: int) -> bool:
    """Returns whether a value is nested deeper than so many levels."""
    here = [value]
    for _ in range(levels + 1):
        here = [
            inner
            for one in here
            if isinstance(one, (dict, list))
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not here:
            return False
    return True


def storable(text: str) -> str:
    """Returns a text without NUL and halves of surrogate pairs."""
    # Through UTF-16, for a pair that was written in halves is a character.
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", "\ufffd")


def _mended(value: Any) -> Any:
    """Returns the value with texts that can be stored."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_mended(one) for one in value]
    if isinstance(value, dict):
        return {storable(name): _mended(one) for name, one in value.items()}
    return value
