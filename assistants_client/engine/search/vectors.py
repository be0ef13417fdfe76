"""Vectors of texts as bytes: made, kept short, compared. Pure: whose they are is not known here.

A vector has length 1, so that how alike two are is the sum of their products. That is slow for
thousands of them. Two vectors that are alike have alike signs, one bit for each number, which are
compared at once: they choose the few that are compared in full.
"""

from __future__ import annotations

import heapq
import math
import struct
from collections.abc import Iterable, Sequence
from operator import mul
from typing import Final

#: The longest that is kept, in numbers.
MAX_NUMBERS: Final = 16_384

NUMBER_BYTES: Final = 4

#: So many are compared in full at least, and so many for each one that is wanted.
_FULLY: Final = 500
_FULLY_FOR_EACH: Final = 10


def packed(numbers: Sequence[float]) -> bytes:
    """A vector of length 1 in the direction of these numbers.

    Raises:
        ValueError: They are none, too many, not finite, or all of them 0.
    """
    if not 0 < len(numbers) <= MAX_NUMBERS:
        raise ValueError(f"a vector has {len(numbers)} numbers, where 1 to {MAX_NUMBERS} are taken")
    length = math.sqrt(sum(map(mul, numbers, numbers)))
    if not 0 < length < math.inf:
        raise ValueError("a vector has no direction: its numbers are all 0, or not finite")
    return struct.pack(f"<{len(numbers)}f", *(number / length for number in numbers))


def count(vector: bytes) -> int:
    """How many numbers a vector has."""
    return len(vector) // NUMBER_BYTES


def unpacked(vector: bytes) -> tuple[float, ...]:
    """The numbers of a vector."""
    return struct.unpack(f"<{count(vector)}f", vector)


def signs(vector: bytes) -> bytes:
    """One bit for each number of a vector: whether it is above 0."""
    bits = "".join("1" if number > 0 else "0" for number in unpacked(vector))
    return int(bits, 2).to_bytes((len(bits) + 7) // 8, "big")


def likely(query: bytes, kept: Iterable[tuple[int, bytes]], wanted: int) -> list[int]:
    """Which vectors are worth comparing in full.

    Args:
        query: A vector.
        kept: The others by their numbers, as their signs.
        wanted: How many are wanted in the end.
    """
    own = int.from_bytes(signs(query), "big")
    apart = (((own ^ int.from_bytes(bits, "big")).bit_count(), number) for number, bits in kept)
    most = max(_FULLY, _FULLY_FOR_EACH * wanted)
    return [number for _, number in heapq.nsmallest(most, apart)]


def likeness(one: Sequence[float], other: Sequence[float]) -> float:
    """How alike two vectors are, 0 to 1; what points away from each other is not alike at all."""
    product: float = sum(map(mul, one, other))
    return min(1.0, max(0.0, product))
