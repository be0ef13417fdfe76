"""What a row of the table is."""

from __future__ import annotations

from typing import Any

from attrs import frozen


@frozen
class Row:
    """One fact about one situation.

    Attributes:
        situation: What was asked, and what came of it; a name in the files ``situations_*.py``.
        path: Where in its answers the fact is, such as ``usage/total_tokens``.
        expected: What was recorded there.
        deviates: Why the engine answers otherwise; empty where it must answer so.
    """

    situation: str
    path: str
    expected: Any
    deviates: str = ""

    @property
    def name(self) -> str:
        """Names the row among all."""
        kind = type(self.expected).__name__ if callable(self.expected) else ""
        ending = {"HasKeys": " has its keys", "NoOtherKeys": " has no other keys"}.get(kind, "")
        return f"{self.situation}: {self.path or 'it'}{ending}"
