"""What the parts of an import share: the spool, the database, the ids that were changed, losses."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import define, field

from assistants_client.engine.services.imports import Imports, Known
from assistants_client.transfer.importing.contents import Report
from assistants_client.transfer.importing.decisions import Decision, decide, digest_of, is_same
from assistants_client.transfer.importing.file_bytes import ByteSources
from assistants_client.transfer.importing.objects import Document, Forms
from assistants_client.transfer.importing.options import ImportOptions, TransferError
from assistants_client.transfer.importing.spool import Ready, Spool
from assistants_client.transfer.importing.summary import ImportSummary
from assistants_client.transfer.losses import Loss, Losses, Place

if TYPE_CHECKING:
    from sqlalchemy import Connection


class _RolledBackError(Exception):
    """A dry run's transaction ends; nothing of it is stored."""


@define
class Writer:
    """Writes what was read, as the ledger allows."""

    imports: Imports
    spool: Spool
    options: ImportOptions
    losses: Losses
    summary: ImportSummary
    forms: Forms
    sources: ByteSources
    #: The ids that could not be kept, by kind and id as they stood in the source.
    changed: dict[tuple[str, str], str] = field(factory=dict)

    def name(self, kind: str, former: str) -> str:
        """Returns the id that an object of the source has here."""
        return self.changed.get((kind, former), former)

    def reporter(self, place: Place, kind: str, name: str | None) -> Report:
        """Returns what reports losses of an object."""

        def report(code: str, path: str | None, note: str | None) -> None:
            self.losses.add(Loss(code, place, kind, name, path, note))

        return report

    @contextmanager
    def transaction(self) -> Iterator[tuple[Connection, Tally]]:
        """Opens a transaction that writes; what was counted within counts once it is committed."""
        tally = Tally()
        try:
            with self.imports.context.begin() as connection:
                yield connection, tally
                self._end_dry_run()
        except _RolledBackError:
            pass
        self.summary.outcomes.update(tally.outcomes)
        for loss in tally.losses:
            self.losses.add(loss)

    def _end_dry_run(self) -> None:
        if self.options.dry_run:
            raise _RolledBackError

    def decision(self, kind: str, ready: Ready, known: Known | None, tally: Tally) -> Decision:
        """Returns what becomes of an object, and counts it.

        Raises:
            TransferError: It was changed here, and that is to end the import.
        """
        options, dated = self.options, ready.is_dated
        body = None if known is None else known.body
        decision: Decision
        if body is not None and is_same(kind, body, ready.body, is_dated=dated):
            decision = "same"
        else:
            stored = None if body is None else digest_of(kind, body, is_dated=dated)
            noted = None if known is None else known.sha256
            decision = decide(stored, noted, options.on_conflict, restore=options.restore)
        if decision == "conflict":
            if options.on_conflict == "fail":
                where = f"{ready.place.file}" + (
                    "" if ready.place.line is None else f", line {ready.place.line}"
                )
                raise TransferError(
                    f"{where}: the {kind.replace('_', ' ')} {ready.id} differs from what is stored "
                    "under its id, which was changed or made here; on_conflict keep leaves that, "
                    "replace takes the source's. Nothing of its thread was imported"
                )
            tally.losses.append(Loss("conflict", ready.place, kind, ready.id))
        tally.outcomes[kind, decision] += 1
        return decision

    def note(
        self,
        connection: Connection,
        kind: str,
        made: Sequence[Ready],
        known: Mapping[str, Known],
    ) -> None:
        """Writes into the ledger what was written; ``known`` is what was known of it."""
        rows = [(one.id, one.sha256, one.place.file) for one in made]
        again = [one.id for one in made if one.id in known and known[one.id].sha256 is not None]
        self.imports.note(connection, kind, rows, again)


@define
class Tally:
    """What a transaction has done, to be counted when it is committed."""

    outcomes: Counter[tuple[str, str]] = field(factory=Counter)
    losses: list[Loss] = field(factory=list)


def as_json(document: Document) -> str:
    """Returns the JSON that is stored of a document; what is no number of JSON's is null."""
    try:
        return _dumps(document)
    except ValueError:
        return _dumps(_finite(document))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


#: As the engine has it, but no NaN, which PostgreSQL refuses.
_dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
