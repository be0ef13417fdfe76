"""Threads: each decided on as a whole, and written in one transaction with all that is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import define

from assistants_client.transfer.importing.contents import Contents
from assistants_client.transfer.importing.decisions import digest_of
from assistants_client.transfer.importing.names import derived
from assistants_client.transfer.importing.objects import Document, renamed, with_former
from assistants_client.transfer.importing.order import Entry, ordered
from assistants_client.transfer.importing.spool import Ready, Spooled
from assistants_client.transfer.importing.stores import StoresWriter
from assistants_client.transfer.importing.thread_rows import NOWHERE, Thread, ThreadRows
from assistants_client.transfer.importing.times import is_suspect
from assistants_client.transfer.importing.writer import Writer, as_json
from assistants_client.transfer.losses import Loss


@define
class ThreadsWriter:
    """Writes threads.

    Attributes:
        writer: What it shares.
        rows: Writes what was decided on.
        stores: Writes files that stand in messages.
        now: Unix seconds: the time of what has none.
        archives: The files that are archives: their order is that of the thread.
        formers: What threads were called in their sources, by their numbers in the spool.
    """

    writer: Writer
    rows: ThreadRows
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
        thread = Thread(number, thread_id)
        entries = self._entries(thread)
        run_times, step_places, runs, steps = self._runs_of(thread)
        numbers = self._ordered(thread, entries, run_times, step_places)
        own = self._own(thread, entries)
        thread.runs = [self._run(thread, one) for one in runs]
        thread.steps = [self._step(thread, one) for one in steps]
        self.writer.spool.set_ready(self._messages(thread, numbers, entries))
        self.rows.write(thread, own)

    # --- what is to be written --------------------------------------------------------------------

    def _entries(self, thread: Thread) -> dict[int, Entry]:
        """Returns the messages of a thread by their numbers, of those with the same id one."""
        spool = self.writer.spool
        found: dict[int, Entry] = {}
        by_id: dict[str, tuple[int, bool]] = {}
        equal: Counter[tuple[int, str]] = Counter()
        cut: list[int] = []
        for row in spool.messages(thread.number):
            n, name, mark, role, time, run, is_whole, file, line, direction, is_cut = row
            place = spool.place(file, line)
            if thread.place is NOWHERE:
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

    def _cut(self, thread: Thread, found: dict[int, Entry], cut: Sequence[int]) -> None:
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
        thread: Thread,
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

    def _own(self, thread: Thread, entries: dict[int, Entry]) -> Ready:
        """Returns what is to be stored of the thread itself."""
        writer = self.writer
        found = list(writer.spool.of("thread", thread.number))
        for one in found[:-1]:
            writer.losses.add(Loss("duplicate", one.place, "thread", thread.id))
        thread.is_implied = not found
        thread.is_named_only = (
            not found and not entries and not self.writer.spool.has_runs(thread.number)
        )
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
        self, thread: Thread, numbers: Sequence[int], entries: dict[int, Entry]
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

    def _naming(self, thread: Thread) -> Any:
        def name(kind: str, former: str) -> str:
            return thread.names.get((kind, former)) or self.writer.name(kind, former)

        return name

    # --- runs -------------------------------------------------------------------------------------

    def _runs_of(
        self, thread: Thread
    ) -> tuple[dict[str, float], dict[str, int], list[Spooled], list[Spooled]]:
        """Returns when runs were made, where steps stand that wrote messages, runs, and steps."""
        runs = self._unique(thread, "run")
        if runs and (runs[0].time or 0.0) > (runs[-1].time or 0.0):
            runs.reverse()  # of the same second, the list is newest first, too
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

    def _unique(self, thread: Thread, kind: str) -> list[Spooled]:
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

    def _run(self, thread: Thread, one: Spooled) -> Ready:
        report = self.writer.reporter(one.place, "run", one.id)
        document = self.writer.forms.run(one.document, report)
        thread.assistants[str(one.id)] = document.get("assistant_id")
        return self._made(thread, "run", one, document, thread_id=thread.id)

    def _step(self, thread: Thread, one: Spooled) -> Ready:
        report = self.writer.reporter(one.place, "step", one.id)
        document = self.writer.forms.step(one.document, report)
        if not document.get("assistant_id") and thread.assistants.get(one.run or ""):
            document["assistant_id"] = thread.assistants[one.run or ""]
        run = self._naming(thread)("run", one.run or "")
        return self._made(thread, "step", one, document, thread_id=thread.id, run_id=run)

    def _made(
        self, thread: Thread, kind: str, one: Spooled, document: Document, **fields: str
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
