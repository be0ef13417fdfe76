"""What the services share: the context they work in, the thread's lock, and how a run ends.

Nothing of one noun alone belongs here, and no HTTP.

A run is settled before anything under its thread is read or changed: what became overdue since
(see ``lifecycle.overdue``) is carried out first. So no clock has to strike for a run to end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import define, evolve, field, frozen
from sqlalchemy import ColumnElement, Connection, select

from assistants_client._json.codec import decode
from assistants_client.engine.domain.state_machine import (
    MESSAGE_REASONS,
    RUN_END_TIMES,
    RUN_TRANSITIONS,
    STEP_END_TIMES,
    STEP_ENDS,
    STEP_TRANSITIONS,
    Ending,
    RunFacts,
    overdue,
    require_transition,
)
from assistants_client.engine.domain.token_sums import total_of
from assistants_client.engine.events.broker import Broker, RunEvent
from assistants_client.engine.events.stream_state import MESSAGE, RUN, STEP
from assistants_client.engine.faults import not_found
from assistants_client.engine.ids import NewId, new_id, owner_is_dead
from assistants_client.engine.search.embeddings import Embeddings
from assistants_client.engine.storage.database import Database, add, load, load_all, remark, save
from assistants_client.engine.storage.leases import Leases
from assistants_client.engine.storage.tables import messages, run_steps, runs, threads
from assistants_client.models._base import JsonObject, Struct
from assistants_client.models.messages import IncompleteDetails, Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import LastError, Run, Usage


@define(kw_only=True)
class Context:
    """What every service is given.

    Attributes:
        database: Where everything is kept.
        clock: Tells the time in Unix seconds.
        new_id: Names what is stored.
        run_seconds: How long a run may take, from its creation.
        wake: Told the id of each run that is queued, after it was stored.
        stop: Told the id of each run that is cancelled or deleted, likewise.
        ingest: Told the number of each file of a store that is to be read, likewise.
        events: Told what happens to runs, likewise.
        embeddings: What makes vectors of texts, if anything does.
        leases: Who is believed to carry what.
        pause: Waits for so many seconds.
        answering: Told what a POST is about to be answered with, within the transaction: what it
            stores there is stored with the object, or not at all.
    """

    database: Database
    clock: Callable[[], float] = time.time
    new_id: NewId = new_id
    run_seconds: int = 600
    wake: Callable[[str], object] = lambda run_id: None
    stop: Callable[[str], object] = lambda run_id: None
    ingest: Callable[[int], object] = lambda store_file: None
    events: Broker = field(factory=Broker)
    embeddings: Embeddings | None = None
    leases: Leases = field(factory=Leases)
    pause: Callable[[float], object] = time.sleep
    answering: Callable[[Connection, Struct], object] = lambda connection, answer: None

    def committed(self, remarks: Sequence[object]) -> None:
        """Tells of what was remarked in a transaction; for ``Database.on_commit``."""
        self.events.publish(told for told in remarks if isinstance(told, RunEvent))
        for told in remarks:
            if isinstance(told, ToIngest):
                self.ingest(told.store_file)

    def now(self) -> int:
        """The time as objects carry it."""
        return int(self.clock())

    def ending(self, held: HeldRun) -> Ending | None:
        """How a run should have ended by now, if it should."""
        run, owner = held.run, held.owner
        return overdue(
            RunFacts(
                status=run.status,
                expires_at=run.expires_at,
                cancelling_since=held.cancelling_since,
                carried=owner is not None,
                lost=owner is not None and self.leases.is_lost(run.id, owner, held.lease_until),
            ),
            self.clock(),
        )

    @contextmanager
    def begin(self, *, patience: int = 1) -> Iterator[Connection]:
        """A transaction that may end or take over what others have lost, as ``Database.begin``."""
        with self.database.begin(patience=patience) as connection:
            self.leases.writes()
            yield connection

    def watch(self, owners: Iterable[str]) -> None:
        """Takes the right to write for a moment, if any of these owners is judged by its lease.

        To be called with each look: time counts against a lease only while others can write.

        Raises:
            Fault: 503: the database cannot be written for the moment.
        """
        if any(owner_is_dead(owner) is None for owner in owners):
            with self.begin():
                pass

    @contextmanager
    def reading(self, thread_id: str) -> Iterator[Connection]:
        """A transaction that reads what is under a thread, its run settled.

        Raises:
            Fault: There is no such thread.
        """
        with self.database.read() as connection:
            active = load_run(connection, locks(thread_id))
            if active is None or self.ending(active) is None:
                require_thread(connection, thread_id)
                yield connection
                return
        with self.begin() as connection:
            self.settled(connection, locks(thread_id))
        with self.database.read() as connection:
            require_thread(connection, thread_id)
            yield connection

    @contextmanager
    def writing(self, thread_id: str) -> Iterator[tuple[Connection, Run | None]]:
        """A transaction that changes what is under a thread, with the run that holds its lock.

        Raises:
            Fault: There is no such thread.
        """
        with self.begin() as connection:
            require_thread(connection, thread_id)
            held = self.settled(connection, locks(thread_id))
            yield connection, None if held is None or held.run.is_final else held.run

    def settled(self, connection: Connection, which: ColumnElement[bool]) -> HeldRun | None:
        """A run, after it was ended if it is overdue; in a transaction of :meth:`begin`."""
        held = load_run(connection, which)
        ending = None if held is None else self.ending(held)
        if held is None or ending is None:
            return held
        end_run(connection, held.run, ending, self.now())
        return evolve(held, owner=None, lease_until=None, cancelling_since=None)


@frozen
class ToIngest:
    """Remarked in the transaction that puts a file into a store: it is to be read after it."""

    store_file: int


@frozen(kw_only=True)
class HeldRun:
    """A run, with what the table knows of who carries it."""

    run: Run
    owner: str | None
    lease_until: float | None
    cancelling_since: float | None


def by_id(run_id: str) -> ColumnElement[bool]:
    """Finds a run by its id."""
    return runs.c.id == run_id


def locks(thread_id: str) -> ColumnElement[bool]:
    """Finds the run that holds a thread's lock."""
    return runs.c.active_thread_id == thread_id


def load_runs(connection: Connection, which: ColumnElement[bool]) -> list[HeldRun]:
    """Runs as they stand, not settled, oldest first.

    Args:
        connection: The transaction.
        which: Which runs.
    """
    query = (
        select(runs.c.body, runs.c.owner, runs.c.lease_until, runs.c.cancelling_since)
        .where(which)
        .order_by(runs.c.seq)
    )
    return [
        HeldRun(
            run=decode(Run, row.body),
            owner=row.owner,
            lease_until=row.lease_until,
            cancelling_since=row.cancelling_since,
        )
        for row in connection.execute(query)
    ]


def load_run(connection: Connection, which: ColumnElement[bool]) -> HeldRun | None:
    """The one run of :func:`load_runs`, or ``None``."""
    return next(iter(load_runs(connection, which)), None)


def require_thread(connection: Connection, thread_id: str) -> None:
    """Refuses an unknown thread.

    Raises:
        Fault: There is no such thread.
    """
    query = select(threads.c.seq).where(threads.c.id == thread_id)
    if connection.execute(query).first() is None:
        raise not_found("thread", thread_id)


def tell(
    connection: Connection, run_id: str, noun: str, document: JsonObject | None, *words: str
) -> None:
    """Has those who follow a run told what happened, once it is committed.

    Args:
        connection: The transaction.
        run_id: The run.
        noun: What it happened to, as event names have it.
        document: The object as it is now; ``None``, of one that was deleted, tells nothing.
        words: What happened, one event for each.
    """
    if document is not None:
        remark(connection, *(RunEvent(run_id, f"{noun}.{word}", document) for word in words))


def change_run(connection: Connection, run: Run, status: str, **columns: Any) -> None:
    """Moves a run to a status that does not end it, and stores it."""
    require_transition(RUN_TRANSITIONS, run.status, status)
    run.status = status
    if status != "requires_action":
        run.required_action = None
    document = save(connection, runs, run, status=status, **columns)
    tell(connection, run.id, RUN, document, status)


def end_run(
    connection: Connection, run: Run, ending: Ending, now: int, *, spent: Usage | None = None
) -> None:
    """Ends a run: closes what it left open, counts its tokens, and unlocks its thread.

    Args:
        connection: The transaction.
        run: The run; it is changed.
        ending: How it ends.
        now: The time, in Unix seconds.
        spent: Tokens that no step tells of.
    """
    require_transition(RUN_TRANSITIONS, run.status, ending.status)
    # Streams tell of the message before the step that was writing it.
    for message in load_all(
        connection,
        messages,
        Message,
        thread_id=run.thread_id,
        run_id=run.id,
        status="in_progress",
    ):
        end_message(connection, message, MESSAGE_REASONS.get(ending.status), now)
    for step in load_all(connection, run_steps, RunStep, run_id=run.id, status="in_progress"):
        end_step(connection, step, STEP_ENDS[ending.status], now, error=ending.last_error)
    run.status = ending.status
    run.required_action = None
    run.expires_at = None
    run.last_error = ending.last_error
    if ending.status == "incomplete":
        run.incomplete_details = IncompleteDetails(reason=ending.incomplete_reason)
    if ending.status in RUN_END_TIMES:
        setattr(run, RUN_END_TIMES[ending.status], now)
    steps = load_all(connection, run_steps, RunStep, run_id=run.id)
    run.usage = total_of([*(step.usage for step in steps), spent])
    document = save(
        connection,
        runs,
        run,
        status=run.status,
        active_thread_id=None,
        owner=None,
        lease_until=None,
        cancelling_since=None,
    )
    tell(connection, run.id, RUN, document, run.status)


def end_step(
    connection: Connection,
    step: RunStep,
    status: str,
    now: int,
    *,
    error: LastError | None = None,
) -> None:
    """Closes a step."""
    require_transition(STEP_TRANSITIONS, step.status, status)
    step.status = status
    step.usage = total_of([step.usage])
    setattr(step, STEP_END_TIMES[status], now)
    if error is not None:
        # Steps know fewer codes than runs.
        code = error.code if error.code == "rate_limit_exceeded" else "server_error"
        step.last_error = LastError(code=code, message=error.message)
    document = save(connection, run_steps, step, status=status)
    tell(connection, step.run_id, STEP, document, status)


def end_message(connection: Connection, message: Message, reason: str | None, now: int) -> None:
    """Closes a message: incomplete for a reason, or complete when there is none."""
    if reason is None:
        message.status, message.completed_at = "completed", now
    else:
        message.status, message.incomplete_at = "incomplete", now
        message.incomplete_details = IncompleteDetails(reason=reason)
    document = save(connection, messages, message, status=message.status)
    if message.run_id is not None:
        tell(connection, message.run_id, MESSAGE, document, message.status)


def require_run(connection: Connection, thread_id: str, run_id: str) -> Run:
    """A run of a thread.

    Raises:
        Fault: There is no such run.
    """
    run = load(connection, runs, Run, run_id, thread_id=thread_id)
    if run is None:
        raise not_found("run", run_id)
    return run


def add_messages(connection: Connection, made: Iterable[Message]) -> None:
    """Stores messages that a caller wrote."""
    for message in made:
        add(
            connection,
            messages,
            message,
            thread_id=message.thread_id,
            run_id=None,
            status=message.status,
        )
