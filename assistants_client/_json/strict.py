"""A JSON parser that accepts the standard and no more, for untrusted input.

No class of the protocol belongs here, nor the meaning of the values.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def strict_json(text: str | bytes, *, raw_newlines: bool = False) -> Any:
    """Returns the value of a JSON text.

    Args:
        text: The JSON text.
        raw_newlines: Accepts line ends, tabs and other control characters within strings, where
            the standard has them escaped; language models write them so.

    Raises:
        ValueError: It is not JSON, as with ``NaN``; or it cannot be represented, as with ``1e400``,
            which would be written again as ``Infinity``, or with lists nested too deeply.
    """
    try:
        return json.loads(
            text, parse_constant=_refused, parse_float=_finite, strict=not raw_newlines
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"JSON has no {constant}")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits:.80} is out of range")
    return number
