"""How much the longest tests take on: part of what they can, or all of it with TESTS_THOROUGH=1.

Every test takes part either way; only the number of its examples, threads, cuts, bytes or cases
differs.
"""

from __future__ import annotations

import os

import pytest

_THOROUGH = bool(os.environ.get("TESTS_THOROUGH"))


def amount(usual: int, thorough: int) -> int:
    """How many."""
    return thorough if _THOROUGH else usual


#: Of a case that takes long, beside another one of its test that shows much the same.
another_case = pytest.mark.skipif(not _THOROUGH, reason="TESTS_THOROUGH is not set")
