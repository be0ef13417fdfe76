"""Packs vectors of texts as bytes, and compares them. Pure: no texts, no storage.

A vector has length 1, so that the cosine similarity of two is their dot product. That is slow for
thousands of them. Similar vectors have similar signs, one bit for each number, whose Hamming
distance is cheap: it chooses the few candidates that are compared in full.
"""

from __future__ import annotations

import heapq
import math
import struct
from collections.abc import Iterable, Sequence
from operator import mul
from typing import Final

#: The longest vector that is accepted, in numbers.
MAX_NUMBERS: Final = 16_384

NUMBER_BYTES: Final = 4

#: The candidates that are compared in full: so many at least, and for each one that is wanted.
_MIN_CANDIDATES: Final = 500
_CANDIDATES_EACH: Final = 10


def packed(numbers: Sequence[float]) -> bytes:
    """Returns a vector of length 1 in the direction of these numbers, as 32-bit floats.

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
    """Returns the number of a vector's dimensions."""
    return len(vector) // NUMBER_BYTES


def unpacked(vector: bytes) -> tuple[float, ...]:
    """Returns the numbers of a vector."""
    return struct.unpack(f"<{count(vector)}f", vector)


def sign_bits(vector: bytes) -> bytes:
    """Returns one bit for each number of a vector: 1 where it is above 0."""
    bits = "".join("1" if number > 0 else "0" for number in unpacked(vector))
    return int(bits, 2).to_bytes((len(bits) + 7) // 8, "big")


def candidates(query: bytes, stored: Iterable[tuple[int, bytes]], wanted: int) -> list[int]:
    """Returns the numbers of the vectors to compare in full: those with the most similar signs.

    Args:
        query: A vector.
        stored: The numbers of the others, with their sign bits.
        wanted: The number of vectors that are wanted in the end.
    """
    own = int.from_bytes(sign_bits(query), "big")
    distances = (
        ((own ^ int.from_bytes(bits, "big")).bit_count(), number) for number, bits in stored
    )
    most = max(_MIN_CANDIDATES, _CANDIDATES_EACH * wanted)
    return [number for _, number in heapq.nsmallest(most, distances)]


def cosine_similarity(one: Sequence[float], other: Sequence[float]) -> float:
    """Returns the cosine similarity of two vectors of length 1; a negative one counts as 0."""
    product: float = sum(map(mul, one, other))
    return min(1.0, max(0.0, product))
