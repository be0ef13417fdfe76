"""A state of the built-in sandbox, with how the code of earlier calls was rewritten before it.

A line of JSON, then the state. A state without it is of a release that rewrote nothing.
"""

from __future__ import annotations

import json
from typing import Final

from attrs import evolve, field, frozen

from assistants_client.engine.code_interpreter.monty_edits import Lines
from assistants_client.engine.code_interpreter.monty_helpers import REPLACING
from assistants_client.engine.code_interpreter.monty_source import Rewritten

#: Edited lines that are kept, the latest ones.
_MOST_LINES: Final = 300


@frozen(kw_only=True)
class Kept:
    """Facts of the code of earlier calls.

    Attributes:
        helpers: The helpers that are there.
        lines: Edited lines of functions.
        absent: Names that were left unbound, with what they would be.
        has_truth: Whether classes say what their truth or length is.
    """

    helpers: frozenset[str] = frozenset()
    lines: Lines = field(factory=dict)
    absent: dict[str, str] = field(factory=dict)
    has_truth: bool = False

    def after(self, code: Rewritten) -> Kept:
        """Returns what is known after one more call."""
        lines = {**self.lines, **code.kept_lines}
        return evolve(
            self,
            helpers=self.helpers | code.helpers,
            lines=dict(list(lines.items())[-_MOST_LINES:]),
            absent={**self.absent, **code.absent},
            has_truth=self.has_truth or code.has_truth,
        )

    def joined(self, state: bytes) -> bytes:
        """Returns the state with this before it."""
        header = {
            "helpers": sorted(self.helpers),
            "lines": self.lines,
            "absent": self.absent,
            "has_truth": self.has_truth,
        }
        return json.dumps(header, separators=(",", ":")).encode() + b"\n" + state


def split(state: bytes) -> tuple[Kept, bytes]:
    """Returns both parts of what ``Kept.joined`` returned.

    Raises:
        ValueError: It is damaged.
    """
    if not state.startswith(b"{"):
        return Kept(helpers=frozenset(REPLACING)), state
    header, _, rest = state.partition(b"\n")
    try:
        known = json.loads(header)
        return (
            Kept(
                helpers=frozenset(known["helpers"]),
                lines={new: (old, columns) for new, (old, columns) in known["lines"].items()},
                absent=known["absent"],
                has_truth=known["has_truth"],
            ),
            rest,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("damaged state") from error
