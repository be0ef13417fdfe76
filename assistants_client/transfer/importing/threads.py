"""Threads: each decided on as a whole, and written in one transaction with all that is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import define, field
from sqlalchemy import Connection

from assistants_client.engine.services.imports import Known, Row
from assistants_client.engine.storage.outages import repeatable
from assistants_client.transfer.importing.contents import Contents
from assistants_client.transfer.importing.decisions import digest_of
from assistants_client.transfer.importing.names import derived
from assistants_client.transfer.importing.objects import Document, renamed, with_former
from assistants_client.transfer.importing.order import Entry, ordered
from assistants_client.transfer.importing.spool import Ready, Spooled
from assistants_client.transfer.importing.stores import StoresWriter
from assistants_client.transfer.importing.times import is_suspect
from assistants_client.transfer.importing.writer import Tally, Writer, as_json
from assistants_client.transfer.losses import Loss, Place

#: Where a thread stands that no source has an object of.
_NOWHERE: Final = Place("")


class LockedError(Exception):
    """A run is active on the thread: it is left as it is."""


@define
class _Thread:
    """One thread of the sources.

    Attributes:
        number: Its number in the spool.
        id: Its id here.
        place: Where it, or what is in it, stood first.
        created_at: When it was made.
        runs: Its runs.
        steps: Their steps, by the order of the runs.
        names: The ids that things in it have here, by kind and former id, where they differ.
        references: Files that messages refer to and that the sources do not have.
    """

    number: int
    id: str
    place: Place = _NOWHERE
    created_at: int = 0
    runs: list[Ready] = field(factory=list)
    steps: list[Ready] = field(factory=list)
    names: dict[tuple[str, str], str] = field(factory=dict)
    references: list[tuple[str, Loss]] = field(factory=list)


@define
class ThreadsWriter:
    """Writes threads.

    Attributes:
        writer: What it shares.
        stores: Writes files that stand in messages.
        now: Unix seconds: the time of what has none.
        archives: The files that are archives: their order is that of the thread.
        formers: What threads were called in their sources, by their numbers in the spool.
    """

    writer: Writer
    stores: StoresWriter
    now: int
    archives: frozenset[str]
    formers: Mapping[int, str]

    def write(self, number: int, thread_id: str) -> None:
        """Writes a thread.

        Raises:
            LockedError: A run is active on it; nothing was written.
            TransferError: An object was changed here, and that is to end the import.
        """
        thread = _Thread(number, thread_id)
        entries = self._entries(thread)
        run_times, step_places, runs, steps = self._runs_of(thread)
        numbers = self._ordered(thread, entries, run_times, step_places)
        own = self._own(thread, entries)
        thread.runs = [self._run(thread, one) for one in runs]
        thread.steps = [self._step(thread, one) for one in steps]
        self.writer.spool.set_ready(self._messages(thread, numbers, entries))
        self._write(thread, own)

    # --- what is to be written --------------------------------------------------------------------

    def _entries(self, thread: _Thread) -> dict[int, Entry]:
        """Returns the messages of a thread by their numbers, of those with the same id one."""
        spool = self.writer.spool
        found: dict[int, Entry] = {}
        by_id: dict[str, tuple[int, bool]] = {}
        equal: Counter[tuple[int, str]] = Counter()
        cut: list[int] = []
        for row in spool.messages(thread.number):
            n, name, mark, role, time, run, is_whole, file, line, direction, is_cut = row
            place = spool.place(file, line)
            if thread.place is _NOWHERE:
                thread.place = place
            if name is None:
                name = derived("message", thread.id, mark, equal[file, mark])
                equal[file, mark] += 1
            elif spool.owner("message", name) != thread.number:
                former, name = name, derived("message", thread.id, name)
                thread.names["message", former] = name
                note = "another thread has a message with this id"
                self.writer.losses.add(Loss("id_changed", place, "message", name, "id", note))
            known = by_id.get(name)
            if known is not None:
                self.writer.losses.add(Loss("duplicate", place, "message", name))
                if known[1] and not is_whole:
                    continue
                earlier = found.pop(known[0])
                # It stands where it was met first.
                found[earlier.n] = Entry(
                    n, earlier.list, earlier.direction, time or earlier.time, role, name, run
                )
                by_id[name] = (earlier.n, bool(is_whole))
                continue
            by_id[name] = (n, bool(is_whole))
            found[n] = Entry(n, file, direction, time, role, name, run)
            if is_cut:
                cut.append(n)
        self._cut(thread, found, cut)
        return dict(sorted(found.items()))

    def _cut(self, thread: _Thread, found: dict[int, Entry], cut: Sequence[int]) -> None:
        """Notes a thread whose list goes on where no other message stands."""
        thread_numbers = sorted(found)
        for n in cut:
            if n in found and n == thread_numbers[-1]:
                note = f"{len(found)} messages; its list says or seems to go on"
                self.writer.losses.add(
                    Loss("cut_thread", thread.place, "thread", thread.id, None, note)
                )
                return

    def _ordered(
        self,
        thread: _Thread,
        entries: dict[int, Entry],
        run_times: dict[str, float],
        step_places: dict[str, int],
    ) -> list[int]:
        """Returns the keys of the entries, the oldest message first."""
        option = self.writer.options.order
        names = {entry.list for entry in entries.values()}
        if option == "auto" and len(names) == 1:
            [file] = names
            option = (
                "as-is" if self.writer.spool.place(file, None).file in self.archives else option
            )
        keys = {id(entry): key for key, entry in entries.items()}
        placed, guess = ordered(list(entries.values()), option, run_times, step_places)
        if guess is not None:
            self.writer.losses.add(
                Loss("order_guessed", thread.place, "thread", thread.id, None, guess)
            )
        return [keys[id(entry)] for entry in placed]

    def _own(self, thread: _Thread, entries: dict[int, Entry]) -> Ready:
        """Returns what is to be stored of the thread itself."""
        writer = self.writer
        found = list(writer.spool.of("thread", thread.number))
        for one in found[:-1]:
            writer.losses.add(Loss("duplicate", one.place, "thread", thread.id))
        one = found[-1] if found else Spooled(0, {}, thread.place, thread.id, None, None)
        thread.place = one.place
        time = one.time
        if time is None:
            known = [entry.time for entry in entries.values() if entry.time is not None]
            time = min(known) if known else writer.spool.first_time(thread.number)
        document = dict(one.document)
        former = document.pop("_former", None) or self.formers.get(thread.number)
        document = with_former(renamed(document, writer.name), former)
        document.pop("messages", None)
        at = self.now if time is None else int(time)
        report = writer.reporter(one.place, "thread", thread.id)
        body = writer.forms.body("thread", document, at, report, id=thread.id)
        text = as_json(body)
        sha256 = digest_of("thread", text, is_dated=time is not None)
        thread.created_at = at
        return Ready(thread.id, at, None, "", text, sha256, time is not None, one.place)

    def _messages(
        self, thread: _Thread, numbers: Sequence[int], entries: dict[int, Entry]
    ) -> Iterator[Ready]:
        """Yields the messages of a thread as they are to be stored."""
        writer = self.writer
        last = thread.created_at
        takes_data = thread.place.file not in self.archives
        placed = [entries[number] for number in numbers]
        for entry, one in zip(placed, writer.spool.at([entry.n for entry in placed]), strict=True):
            report = writer.reporter(one.place, "message", entry.id)
            at = last if entry.time is None else int(entry.time)
            if entry.time is None:
                report("time_missing", "created_at", None)
            elif is_suspect(entry.time, self.now):
                report("time_suspect", "created_at", None)
            last = at
            contents = Contents(report, takes_data=takes_data)
            document = dict(one.document)
            former = document.pop("_former", None)
            if one.id is not None and one.id != entry.id:
                former = one.id
            document = writer.forms.message(document, contents, report)
            if former is not None or writer.changed or thread.names:
                document = with_former(renamed(document, self._naming(thread)), former)
            for file in contents.made:
                self.stores.make_file(file, one.place, entry.time)
            for file_id, code in contents.named:
                if not self.stores.find_file(file_id, one.place, entry.time):
                    loss = Loss(code, one.place, "message", entry.id, None, None)
                    thread.references.append((file_id, loss))
            body = writer.forms.body(
                "message", document, at, report, id=entry.id, thread_id=thread.id
            )
            is_dated = entry.time is not None
            text = as_json(body)
            sha256 = digest_of("message", text, is_dated=is_dated)
            run, status = body.get("run_id"), body.get("status")
            yield Ready(
                entry.id,
                at,
                run if isinstance(run, str) else None,
                status if isinstance(status, str) and status else "completed",
                text,
                sha256,
                is_dated,
                one.place,
            )

    def _naming(self, thread: _Thread) -> Any:
        def name(kind: str, former: str) -> str:
            return thread.names.get((kind, former)) or self.writer.name(kind, former)

        return name

    # --- runs -------------------------------------------------------------------------------------

    def _runs_of(
        self, thread: _Thread
    ) -> tuple[dict[str, float], dict[str, int], list[Spooled], list[Spooled]]:
        """Returns when runs were made, where steps stand that wrote messages, runs, and steps."""
        runs = self._unique(thread, "run")
        runs.sort(key=lambda one: 0.0 if one.time is None else one.time)
        times = {str(one.id): one.time for one in runs if one.time is not None}
        steps = self._unique(thread, "step")
        if len(steps) > 1 and self._is_reversed(steps):
            steps.reverse()
        steps.sort(key=lambda one: 0.0 if one.time is None else one.time)
        places = {}
        for place, one in enumerate(steps):
            details = one.document.get("step_details")
            made = details.get("message_creation") if isinstance(details, dict) else None
            if isinstance(made, dict) and isinstance(made.get("message_id"), str):
                places[made["message_id"]] = place
        return times, places, runs, steps

    @staticmethod
    def _is_reversed(steps: Sequence[Spooled]) -> bool:
        first, last = steps[0], steps[-1]
        if first.time is not None and last.time is not None and first.time != last.time:
            return first.time > last.time
        return first.document.get("type") == "message_creation" != last.document.get("type")

    def _unique(self, thread: _Thread, kind: str) -> list[Spooled]:
        found: dict[str, Spooled] = {}
        for one in self.writer.spool.of(kind, thread.number):
            name = str(one.id)
            if self.writer.spool.owner(kind, name) != thread.number:
                thread.names[kind, name] = derived(kind, thread.id, name)
                note = f"another thread has a {kind} with this id"
                self.writer.losses.add(Loss("id_changed", one.place, kind, name, "id", note))
            if name in found:
                self.writer.losses.add(Loss("duplicate", one.place, kind, name))
            found[name] = one
        return list(found.values())

    def _run(self, thread: _Thread, one: Spooled) -> Ready:
        report = self.writer.reporter(one.place, "run", one.id)
        document = self.writer.forms.run(one.document, report)
        return self._made(thread, "run", one, document, thread_id=thread.id)

    def _step(self, thread: _Thread, one: Spooled) -> Ready:
        report = self.writer.reporter(one.place, "step", one.id)
        document = self.writer.forms.step(one.document, report)
        run = self._naming(thread)("run", one.run or "")
        return self._made(thread, "step", one, document, thread_id=thread.id, run_id=run)

    def _made(
        self, thread: _Thread, kind: str, one: Spooled, document: Document, **fields: str
    ) -> Ready:
        at = thread.created_at if one.time is None else int(one.time)
        report = self.writer.reporter(one.place, kind, one.id)
        if one.time is None:
            report("time_missing", "created_at", None)
        document = dict(document)
        former = document.pop("_former", None)
        former = one.id if (kind, str(one.id)) in thread.names else former
        if former is not None or self.writer.changed or thread.names:
            document = with_former(renamed(document, self._naming(thread)), former)
        name = thread.names.get((kind, str(one.id)), str(one.id))
        body = self.writer.forms.body(kind, document, at, report, **{"id": name, **fields})
        text = as_json(body)
        sha256 = digest_of(kind, text, is_dated=one.time is not None)
        status = str(body.get("status") or "")
        run = fields.get("run_id")
        return Ready(name, at, run, status, text, sha256, one.time is not None, one.place)

    # --- its transaction --------------------------------------------------------------------------

    @repeatable
    def _write(self, thread: _Thread, own: Ready) -> None:
        writer = self.writer
        with writer.transaction() as (connection, tally):
            if writer.imports.is_locked(connection, thread.id):
                raise LockedError(thread.id)
            if not self._write_thread(connection, own, tally):
                return
            self._write_messages(connection, thread, tally)
            self._write_runs(connection, thread, tally)
            absent = writer.imports.absent_files(
                connection, list(dict.fromkeys(one for one, _ in thread.references))
            )
            tally.losses += [loss for one, loss in thread.references if one in absent]

    def _write_thread(self, connection: Connection, ready: Ready, tally: Tally) -> bool:
        """Writes the thread itself; returns whether what is in it is to follow."""
        imports = self.writer.imports
        known = imports.known(connection, "thread", [ready.id])
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

    def _write_messages(self, connection: Connection, thread: _Thread, tally: Tally) -> None:
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
        self, connection: Connection, thread: _Thread, there: Sequence[tuple[int, str]]
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

    def _write_runs(self, connection: Connection, thread: _Thread, tally: Tally) -> None:
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


def _add(imports: Any, connection: Connection, rows: Sequence[Row]) -> None:
    """Stores new messages; those with numbers of their own apart from those without."""
    numbered = [row for row in rows if "seq" in row.columns]
    imports.add(connection, "message", numbered)
    imports.add(connection, "message", [row for row in rows if "seq" not in row.columns])
