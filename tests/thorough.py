"""How much the longest tests take on: part of what they can, or all of it with TESTS_THOROUGH=1.

Every test takes part either way; only the number of its examples, threads, cuts or bytes differs.
"""

from __future__ import annotations

import os

_THOROUGH = bool(os.environ.get("TESTS_THOROUGH"))


def amount(usual: int, thorough: int) -> int:
    """How many."""
    return thorough if _THOROUGH else usual
