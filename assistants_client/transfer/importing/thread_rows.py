"""A thread's transaction: the thread, its messages, runs and steps, and the ledger of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from assistants_client.engine.services.imports import Imports, Known, Row
from assistants_client.engine.storage.outages import repeatable
from assistants_client.transfer.importing.spool import Ready
from assistants_client.transfer.importing.writer import Tally, Writer
from assistants_client.transfer.losses import Loss, Place

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Where a thread stands that no source has an object of.
NOWHERE: Final = Place("")


class LockedError(Exception):
    """A run is active on the thread: it is left as it is."""


@define
class Thread:
    """One thread of the sources.

    Attributes:
        number: Its number in the spool.
        id: Its id here.
        place: Where it, or what is in it, stood first.
        created_at: When it was made.
        runs: Its runs.
        steps: Their steps, by the order of the runs.
        names: The ids that things in it have here, by kind and former id, where they differ.
        is_named_only: Whether it is only named by steps, and nothing in it is known.
        references: Files that messages refer to and that the sources do not have.
    """

    number: int
    id: str
    place: Place = NOWHERE
    created_at: int = 0
    runs: list[Ready] = field(factory=list)
    steps: list[Ready] = field(factory=list)
    names: dict[tuple[str, str], str] = field(factory=dict)
    is_named_only: bool = False
    references: list[tuple[str, Loss]] = field(factory=list)


@define
class ThreadRows:
    """Writes threads that were decided on; their messages are ready in the spool."""

    writer: Writer

    @repeatable
    def write(self, thread: Thread, own: Ready) -> None:
        """Writes a thread.

        Raises:
            LockedError: A run is active on it; nothing was written.
            TransferError: An object was changed here, and that is to end the import.
        """
        writer = self.writer
        with writer.transaction() as (connection, tally):
            if writer.imports.is_locked(connection, thread.id):
                raise LockedError(thread.id)
            if not self._write_thread(connection, thread, own, tally):
                return
            self._write_messages(connection, thread, tally)
            self._write_runs(connection, thread, tally)
            absent = writer.imports.absent_files(
                connection, list(dict.fromkeys(one for one, _ in thread.references))
            )
            tally.losses += [loss for one, loss in thread.references if one in absent]

    def _write_thread(
        self, connection: Connection, thread: Thread, ready: Ready, tally: Tally
    ) -> bool:
        """Writes the thread itself; returns whether what is in it is to follow."""
        imports = self.writer.imports
        known = imports.known(connection, "thread", [ready.id])
        if thread.is_named_only:
            return True
        decision = self.writer.decision("thread", ready, known.get(ready.id), tally)
        row = Row(ready.id, ready.created_at, ready.body, {"tenant": None})
        if decision == "new":
            imports.add(connection, "thread", [row])
        elif decision == "replaced":
            columns: dict[str, Any] = {}
            imports.replace(
                connection, "thread", [Row(ready.id, ready.created_at, ready.body, columns)]
            )
        if decision in ("new", "replaced"):
            self.writer.note(connection, "thread", [ready], known)
        return decision != "deleted"

    def _write_messages(self, connection: Connection, thread: Thread, tally: Tally) -> None:
        imports = self.writer.imports
        there = imports.places(connection, thread.id)
        numbers: dict[str, int] = {}
        if there:
            numbers = self._numbers(connection, thread, there)
        for some in self.writer.spool.ready():
            known = imports.known(connection, "message", [ready.id for ready in some])
            new: list[Row] = []
            again: list[Row] = []
            noted: list[Ready] = []
            for ready in some:
                found = known.get(ready.id)
                if found is not None and found.body is not None and found.parent != thread.id:
                    # A message of another thread that is stored has this id.
                    loss = Loss("conflict", ready.place, "message", ready.id, "id")
                    tally.losses.append(loss)
                    tally.outcomes["message", "conflict"] += 1
                    continue
                decision = self.writer.decision("message", ready, found, tally)
                columns = {
                    "thread_id": thread.id,
                    "run_id": ready.parent,
                    "status": ready.status,
                }
                if ready.id in numbers and decision == "new":
                    columns["seq"] = numbers[ready.id]  # type: ignore[assignment]  # a number
                row = Row(ready.id, ready.created_at, ready.body, columns)
                if decision == "new":
                    new.append(row)
                elif decision == "replaced":
                    again.append(row)
                if decision in ("new", "replaced"):
                    noted.append(ready)
            _add(imports, connection, new)
            imports.replace(connection, "message", again)
            self.writer.note(connection, "message", noted, known)

    def _numbers(
        self, connection: Connection, thread: Thread, there: Sequence[tuple[int, str]]
    ) -> dict[str, int]:
        """Makes room for messages between those that are there; returns the numbers of all new.

        Those behind the first gap get new numbers, too.
        """
        imports = self.writer.imports
        place_of = {name: place for place, (_, name) in enumerate(there)}
        waiting: list[str] = []
        before: dict[int, list[str]] = {}
        options = self.writer.options
        for some in self.writer.spool.ready():
            ids = [ready.id for ready in some]
            noted: dict[str, str] = {}
            if not options.restore:
                noted = imports.noted(connection, "message", ids)
            for name in ids:
                place = place_of.get(name)
                if place is None:
                    waiting += [] if name in noted else [name]
                elif waiting:
                    before.setdefault(place, []).extend(waiting)
                    waiting = []
        if not before:
            return {}
        #: What stands from the first gap on: places of what is there, and ids of what is new.
        tail: list[str | int] = []
        for place in range(min(before), len(there)):
            tail += [*before.get(place, []), place]
        tail += waiting
        numbers = imports.numbers(connection, len(tail))
        moves: list[tuple[int, int]] = []
        given: dict[str, int] = {}
        for number, one in zip(numbers, tail, strict=True):
            if isinstance(one, int):
                moves.append((there[one][0], number))
            else:
                given[one] = number
        imports.move(connection, moves)
        return given

    def _write_runs(self, connection: Connection, thread: Thread, tally: Tally) -> None:
        writer, imports = self.writer, self.writer.imports
        with_steps = {step.parent for step in thread.steps}
        for run in thread.runs:
            if run.id not in with_steps and run.status == "completed":
                tally.losses.append(Loss("steps_missing", run.place, "run", run.id))
        self._write_group(connection, "run", thread.runs, tally, thread.id)
        parents = {step.parent or "": step for step in thread.steps}
        known = imports.known(connection, "run", list(parents))
        here = {
            name
            for name, found in known.items()
            if found.body is not None and found.parent == thread.id
        }
        kept = []
        for step in thread.steps:
            if step.parent in here:
                kept.append(step)
            else:
                note = "its run is neither in the source nor stored"
                tally.losses.append(Loss("part_dropped", step.place, "step", step.id, None, note))
        self._write_group(connection, "step", kept, tally, thread.id)
        writer.summary.has_steps = writer.summary.has_steps or bool(kept)

    def _write_group(
        self,
        connection: Connection,
        kind: str,
        group: Sequence[Ready],
        tally: Tally,
        thread_id: str,
    ) -> None:
        imports = self.writer.imports
        known = imports.known(connection, kind, [ready.id for ready in group])
        new: list[Row] = []
        again: list[Row] = []
        noted: list[Ready] = []
        for ready in group:
            found = known.get(ready.id, Known())
            within = thread_id if kind == "run" else ready.parent
            if found.body is not None and found.parent != within:
                tally.losses.append(Loss("conflict", ready.place, kind, ready.id, "id"))
                tally.outcomes[kind, "conflict"] += 1
                continue
            decision = self.writer.decision(kind, ready, found, tally)
            columns = {f"{'thread' if kind == 'run' else 'run'}_id": within, "status": ready.status}
            row = Row(ready.id, ready.created_at, ready.body, columns)
            if decision == "new":
                new.append(row)
            elif decision == "replaced":
                again.append(row)
            if decision in ("new", "replaced"):
                noted.append(ready)
        imports.add(connection, kind, new)
        imports.replace(connection, kind, again)
        self.writer.note(connection, kind, noted, known)


def _add(imports: Imports, connection: Connection, rows: Sequence[Row]) -> None:
    """Stores new messages; those with numbers of their own apart from those without."""
    numbered = [row for row in rows if "seq" in row.columns]
    imports.add(connection, "message", numbered)
    imports.add(connection, "message", [row for row in rows if "seq" not in row.columns])
