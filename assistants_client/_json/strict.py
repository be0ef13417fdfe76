"""JSON text to Python values, as the standard has it and no more: for what strangers wrote.

No class of the protocol belongs here, nor what the values mean.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def strict_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: It is none, as with ``NaN``; or it cannot be held here, as with ``1e400``, which
            would be written again as ``Infinity``, or with lists in lists without end.
    """
    try:
        return json.loads(text, parse_constant=_refused, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"JSON has no {constant}")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits:.80} is out of range")
    return number
