"""What an import has done, in figures and in a few sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import define, field, frozen

from assistants_client.transfer.losses import CODES
from assistants_client.transfer.reading.options import Recognised

#: Lines of a summary at most.
_LINES: Final = 20
#: Kinds in the order in which they are named, with one and with several.
_NOUNS: Final = {
    "thread": ("thread", "threads"),
    "message": ("message", "messages"),
    "run": ("run", "runs"),
    "step": ("run step", "run steps"),
    "assistant": ("assistant", "assistants"),
    "file": ("file", "files"),
    "vector_store": ("vector store", "vector stores"),
    "vector_store_file": ("file in a store", "files in stores"),
}
#: The losses that the first sentence names, for one and for several.
_FIRST: Final = (
    ("order_guessed", "order guessed in {}", "order guessed in {}"),
    ("cut_thread", "{} thread was cut by its export", "{} threads were cut by their export"),
    (
        "attachment_without_bytes",
        "{} attachment has no bytes",
        "{} attachments have no bytes",
    ),
)
#: Outcomes in the order in which they are named, as the beginning of a line.
_OUTCOMES: Final = {
    "new": "New",
    "replaced": "Replaced, as their source has changed",
    "same": "Already there",
    "deleted": "Deleted here before, and left so (--restore brings them back)",
    "conflict": "Changed here, and left so (--on-conflict replace takes the source's)",
}


@frozen
class ImportProgress:
    """How far an import is.

    Attributes:
        stage: ``reading``, or ``writing``, which begins once all is read.
        objects: Those that were read, or threads that were written, so far.
        total: Of threads how many there are; ``None`` while it is not known.
    """

    stage: str
    objects: int
    total: int | None = None


@define
class ImportSummary:
    """What an import has done. Its text is some sentences, of which the first says the most.

    Attributes:
        outcomes: By kind, such as ``message``, and outcome the number of objects: ``new``,
            ``replaced``, ``same``, ``deleted`` (here, before this import) or ``conflict``.
        losses: By code the number of what did not come along, or not as it was.
        locked: The ids of threads that a run was active on, and that were left out.
        recognised: How each file was read.
        is_dry_run: Whether nothing of it is stored.
        has_steps: Whether the sources have run steps.
    """

    outcomes: Counter[tuple[str, str]] = field(factory=Counter)
    losses: Counter[str] = field(factory=Counter)
    locked: list[str] = field(factory=list)
    recognised: list[Recognised] = field(factory=list)
    is_dry_run: bool = False
    has_steps: bool = False

    def number(self, kind: str, outcome: str | None = None) -> int:
        """Returns the number of objects of a kind, all of them or those with an outcome."""
        return sum(
            number
            for (one, what), number in self.outcomes.items()
            if one == kind and outcome in (None, what)
        )

    def __str__(self) -> str:
        lines = [self._sentence(), *self._outcomes()]
        room = _LINES - len(lines) - len(self.locked[:1])
        losses = [
            f"  {code}: {number:,} ({CODES[code]})" for code, number in self.losses.most_common()
        ]
        if len(losses) > room:
            losses = [*losses[: room - 1], f"  and {len(losses) - room + 1} more codes"]
        lines += losses
        if self.locked:
            shown = ", ".join(self.locked[:10])
            more = f" and {len(self.locked) - 10} more" if len(self.locked) > 10 else ""
            lines.append(f"Left out, as a run is active there; import again later: {shown}{more}")
        return "\n".join(lines)

    def _sentence(self) -> str:
        """Returns what was found and what matters most of what is missing."""
        counted = [f"{_count(kind, self.number(kind))}" for kind in ("thread", "message")]
        parts = [", ".join(counted)]
        for code, one, many in _FIRST:
            if number := self.losses[code]:
                parts.append((one if number == 1 else many).format(f"{number:,}"))
        if not self.has_steps and self.number("message"):
            parts.append("no run steps in the source")
        sentence = f"{'; '.join(parts)}."
        return f"Dry run, nothing is stored: {sentence}" if self.is_dry_run else sentence

    def _outcomes(self) -> Iterator[str]:
        for outcome, words in _OUTCOMES.items():
            counted = [
                _count(kind, number) for kind in _NOUNS if (number := self.outcomes[kind, outcome])
            ]
            if counted:
                yield f"{words}: {', '.join(counted)}."


def shown_recognised(recognised: Sequence[Recognised], order: str) -> Iterator[str]:
    """Yields a line about each file: how it was read, in which order, and from which columns."""
    for one in recognised:
        said = one.direction.replace("_", " ") if order == "auto" else order
        direction = "" if said == "unknown" else f", {said}"
        columns = ", ".join(f"{name}={column}" for name, column in one.columns.items())
        shown = f"; columns {columns}" if columns else ""
        yield f"{one.file}: {one.reader}, {one.objects:,} objects{direction}{shown}"


def _count(kind: str, number: int) -> str:
    one, many = _NOUNS[kind]
    return f"{number:,} {one if number == 1 else many}"
