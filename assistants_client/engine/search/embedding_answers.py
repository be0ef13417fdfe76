"""Reads vectors from the responses of servers of the embeddings API. Pure: no HTTP.

Reading accepts what servers really send: no index, or a meaningless one, and vectors as numbers
or as bytes. Vectors of different texts are never mixed up: what is ambiguous is an error.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Sequence
from typing import Final

from assistants_client.engine.search.vectors import NUMBER_BYTES, count, packed

#: The value of ``encoding_format`` for signed 8-bit integers in base64, as Perplexity's models
#: return, which take no ``float``.
BYTES: Final = "base64_int8"
#: The values that ``encoding_format`` may have.
ENCODINGS: Final = ("float", "base64", BYTES)

#: Numbers of vectors are within these or 0, whether of length 1 or not. Most bytes of anything else
#: that are read as 32-bit floats are far outside.
_SMALLEST: Final = 1e-8
_LARGEST: Final = 1e4
_PLAUSIBLE: Final = 0.5

_LISTED: Final = 5


def read_vectors(response: object, wanted: int, encoding: str | None = None) -> list[bytes]:
    """Returns the vectors of a response in the order of the texts, made by ``vectors.packed``.

    Args:
        response: The document.
        wanted: The number of texts that were sent.
        encoding: The requested one of :data:`ENCODINGS`; ``None`` where none was.

    Raises:
        ValueError: It does not hold that many vectors of one length, each of a known text.
    """
    rows = response.get("data") if isinstance(response, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("the answer has no list of vectors in 'data'")
    if len(rows) != wanted:
        raise ValueError(f"the answer has {len(rows)} vectors for {wanted} texts")
    places = _places([row.get("index") for row in rows])
    by_place = {
        place: packed(_numbers(row.get("embedding"), encoding))
        for place, row in zip(places, rows, strict=True)
    }
    lengths = sorted({count(vector) for vector in by_place.values()})
    if len(lengths) > 1:
        raise ValueError(f"the vectors of one answer have {_listed(lengths)} numbers")
    return [by_place[place] for place in range(wanted)]


def _places(given: Sequence[object]) -> Sequence[int]:
    """Returns the place of each row's text.

    The list is in order where no row has an index, or every one is 0. Where some rows have none, it
    is that of their place in the list, or 0, which Gemini leaves out.
    """
    indexes = [_index(value) for value in given]
    in_order = range(len(indexes))
    if len({*indexes}) == 1 and not indexes[0]:
        return in_order
    for missing in (in_order, [0] * len(indexes)):
        filled = [
            place if index is None else index for index, place in zip(indexes, missing, strict=True)
        ]
        if sorted(filled) == [*in_order]:
            return filled
    raise ValueError(
        f"the answer has the indexes {_listed(given)}, which are not those of {len(given)} texts"
    )


def _index(value: object) -> int | None:
    """Returns an index that is a number or the text of one; ``None`` where there is none."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    raise ValueError(f"the answer has the index {value!r:.50}, which is no whole number")


def _numbers(embedding: object, encoding: str | None) -> Sequence[float]:
    """Returns the numbers of a vector, which is a list of them, or their bytes in base64."""
    if isinstance(embedding, str):
        return _decoded(embedding, encoding)
    numbers = embedding if isinstance(embedding, list) else None
    if numbers is None:
        kind = "null" if embedding is None else f"of type {type(embedding).__name__}"
        raise ValueError(f"a vector is {kind}, and no list of numbers")
    try:
        return [float(number) for number in numbers]
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"a vector holds what is no number: {error!s:.100}") from None


def _decoded(text: str, encoding: str | None) -> Sequence[float]:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a vector is a text that is no base64") from None
    if encoding == BYTES:
        return struct.unpack(f"<{len(content)}b", content)
    whole, rest = divmod(len(content), NUMBER_BYTES)
    numbers = struct.unpack(f"<{whole}f", content[: whole * NUMBER_BYTES])
    usual = sum(number == 0 or _SMALLEST < abs(number) < _LARGEST for number in numbers)
    if rest or usual < _PLAUSIBLE * whole:
        raise ValueError(
            f"a vector is {len(content)} bytes in base64 that are no 32-bit floats. If they are "
            f"8-bit integers, as of Perplexity's models, Embeddings(encoding={BYTES!r}) or "
            f"ASSISTANTS_EMBEDDING_ENCODING={BYTES} reads them"
        )
    return numbers


def _listed(values: Sequence[object]) -> str:
    """Returns the first few of them, as a sentence has them."""
    rest = ", …" if len(values) > _LISTED else ""
    return ", ".join(map(str, values[:_LISTED])) + rest
