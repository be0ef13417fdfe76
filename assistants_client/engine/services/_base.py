"""The parts that services share: their context, the thread's lock, and the end of a run.

Nothing of one noun alone belongs here, and no HTTP.

An overdue run is ended (see ``state_machine.overdue``) before anything under its thread is read or
changed, or queued again where only its worker is gone. So no clock has to strike for that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from attrs import evolve, field, frozen
from sqlalchemy import ColumnElement, Connection, Text, bindparam, cast, select

from assistants_client.engine.domain.state_machine import (
    MESSAGE_REASONS,
    MOST_LOST,
    NOT_AT_ONCE,
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
from assistants_client.engine.services._answers import undo_answer
from assistants_client.engine.services._usage import count_ended
from assistants_client.engine.storage.database import (
    Database,
    add,
    emit_after_commit,
    load,
    load_all,
    save,
)
from assistants_client.engine.storage.leases import RELEASED, Leases
from assistants_client.engine.storage.message_words import put_message_words
from assistants_client.engine.storage.run_columns import usage_columns
from assistants_client.engine.storage.statements import Statement
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import messages, run_steps, runs, threads
from assistants_client.models._base import JsonObject
from assistants_client.models.endings import IncompleteDetails, LastError
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run, Usage

_log = logging.getLogger(__name__)


@frozen
class Caller:
    """The caller of the services: the engine's owner, its workers, or whoever has a token.

    Attributes:
        tenant: The name of the token, which new objects are marked with; ``None`` without one.
        is_isolated: Whether nothing but what was made with that token exists for the caller.
    """

    tenant: str | None = None
    is_isolated: bool = False


@frozen(kw_only=True)
class Context:
    """The context of every service.

    Attributes:
        caller: Who calls.
        database: The database; after a commit it calls the hook with what was emitted.
        clock: Returns the time in Unix seconds.
        new_id: Returns the id of a new object.
        run_seconds: The seconds that a run may take, from its creation.
        events: Publishes events to the streams of runs.
        embeddings: The embedding model, if there is one.
        leases: The leases that this process watches.
        pause: Waits for so many seconds.
        model_names: The names of models that the configuration has.
    """

    database: Database
    clock: Callable[[], float] = time.time
    new_id: NewId = new_id
    run_seconds: int = 600
    events: Broker = field(factory=Broker)
    embeddings: Embeddings | None = None
    leases: Leases = field(factory=Leases)
    pause: Callable[[float], object] = time.sleep
    model_names: Sequence[str] = ()
    caller: Caller = Caller()

    @property
    def only_tenant(self) -> str | None:
        """The tenant whose objects alone exist for the caller; ``None``: those of all do."""
        return self.caller.tenant if self.caller.is_isolated else None

    @property
    def visible(self) -> dict[str, str]:
        """The columns that an object must have to exist for the caller, with their values."""
        tenant = self.only_tenant
        return {} if tenant is None else {"tenant": tenant}

    def now(self) -> int:
        """Returns the time in whole Unix seconds, as objects have it."""
        return int(self.clock())

    def due_end(self, claimed: ClaimedRun) -> Ending | None:
        """Returns how a run should have ended by now, if it should."""
        run, owner = claimed.run, claimed.owner
        return overdue(
            RunFacts(
                status=run.status,
                expires_at=run.expires_at,
                cancelling_since=claimed.cancelling_since,
                claimed=owner is not None,
                lost=owner is not None and self.leases.is_lost(run.id, owner, claimed.lease_until),
            ),
            self.clock(),
        )

    @contextmanager
    def begin(self, *, patience: float = 1) -> Iterator[Connection]:
        """Opens a transaction, as ``Database.begin``, that may judge leases and claim."""
        with self.database.begin(patience=patience) as connection:
            self.leases.note_write()
            yield connection

    def watch(self, owners: Iterable[str]) -> None:
        """Takes the right to write for a moment, if any of these owners is judged by its lease.

        To be called with each check: time counts against a lease only while others can write.

        Raises:
            Fault: 503: the database cannot be written for the moment.
        """
        if any(owner_is_dead(owner) is None for owner in owners):
            with self.begin():
                pass

    @contextmanager
    def read_thread(self, thread_id: str) -> Iterator[Connection]:
        """Opens a transaction that reads under a thread, after its run was ended if overdue.

        Raises:
            Fault: There is no such thread.
        """
        with self.database.read() as connection:
            active = self._lock_of(connection, thread_id)
            if active is None or self.due_end(active) is None:
                yield connection
                return
        with self.begin() as connection:
            self.active_run(connection, thread_id)
        with self.database.read() as connection:
            self._lock_of(connection, thread_id)
            yield connection

    def active_run(self, connection: Connection, thread_id: str) -> Run | None:
        """Returns the run that holds a thread's lock: before anything under it is changed.

        Args:
            connection: A transaction of :meth:`begin`.
            thread_id: The thread.

        Raises:
            Fault: There is no such thread.
        """
        claimed = self._as_due(connection, self._lock_of(connection, thread_id))
        return None if claimed is None or claimed.run.is_final else claimed.run

    def _lock_of(self, connection: Connection, thread_id: str) -> ClaimedRun | None:
        """Returns the run that holds a thread's lock, as it is stored.

        Raises:
            Fault: There is no such thread.
        """
        which = {"id": thread_id, **self.visible}
        row = _locks(*which).first(connection, which)
        if row is None:
            raise not_found("thread", thread_id)
        return None if row[0] is None else _claimed(row)

    def expire_overdue(self, connection: Connection, run_id: str) -> ClaimedRun | None:
        """Returns a run as it is due by now: ended if it is overdue, queued if its worker is gone.

        To be called in a transaction of :meth:`begin`.
        """
        return self._as_due(connection, load_run(connection, run_id))

    def _as_due(self, connection: Connection, claimed: ClaimedRun | None) -> ClaimedRun | None:
        end = None if claimed is None else self.due_end(claimed)
        if claimed is None or end is None:
            return claimed
        self.end_or_release(connection, claimed, end)
        return evolve(claimed, owner=None, lease_until=None, cancelling_since=None)

    def end_or_release(self, connection: Connection, claimed: ClaimedRun, end: Ending) -> None:
        """Ends a run, or releases it, as often as that may be, where another worker can go on."""
        run, tries = claimed.run, claimed.tries + 1
        if end in NOT_AT_ONCE and tries < MOST_LOST and undo_answer(connection, run):
            why = "" if end.last_error is None else end.last_error.message
            _log.warning("Run %s is queued again (%d): %s", run.id, tries, why)
            change_run(connection, run, "queued", tries=tries, **RELEASED)
            emit_after_commit(connection, RunQueued(run.id, claimed.tenant))
        else:
            end_run(connection, run, end, self.now(), tenant=claimed.tenant)


@frozen
class RunQueued:
    """Emitted after commit: a run waits for a worker; ``tenant`` is the run's, if it has one."""

    run_id: str
    tenant: str | None = None


@frozen
class RunStopped:
    """Emitted after commit: a run was cancelled or deleted, and its worker is to check it."""

    run_id: str


@frozen
class StoreFileQueued:
    """Emitted after commit: a file of a store, by its number, waits for a reader.

    ``tenant`` is that of whoever waits for it, if there is one.
    """

    store_file: int
    tenant: str | None = None


@frozen(kw_only=True)
class ClaimedRun:
    """A run, with the columns of the worker that has claimed it."""

    run: Run
    owner: str | None
    lease_until: float | None
    cancelling_since: float | None
    tenant: str | None
    #: How many workers it has lost.
    tries: int = 0


def load_runs(connection: Connection, which: ColumnElement[bool]) -> list[ClaimedRun]:
    """Returns runs as they are stored, overdue ones too, oldest first.

    Args:
        connection: The transaction.
        which: The condition on the runs.
    """
    rows = connection.execute(_RUNS.where(which).order_by(runs.c.seq))
    return list(map(_claimed, rows))


def load_run(connection: Connection, run_id: str) -> ClaimedRun | None:
    """Returns a run as :func:`load_runs` does, or ``None``."""
    row = _RUN.first(connection, {"id": run_id})
    return None if row is None else _claimed(row)


_RUNS: Final = select(
    cast(runs.c.body, Text),
    runs.c.owner,
    runs.c.lease_until,
    runs.c.cancelling_since,
    runs.c.tenant,
    runs.c.tries,
)


_RUN: Final = Statement(_RUNS.where(runs.c.id == bindparam("id")))


@cache
def _locks(*names: str) -> Statement:
    """Returns the query for the run that locks a thread with values in columns of these names."""
    which = (threads.c[name] == bindparam(name) for name in names)
    locked = threads.outerjoin(runs, runs.c.active_thread_id == threads.c.id)
    return Statement(_RUNS.select_from(locked).where(*which))


def _claimed(row: Sequence[Any]) -> ClaimedRun:
    body, owner, lease_until, cancelling_since, tenant, tries = row
    return ClaimedRun(
        run=StoredJson(Run, body).decoded(),
        owner=owner,
        lease_until=lease_until,
        cancelling_since=cancelling_since,
        tenant=tenant,
        tries=tries or 0,
    )


def emit_events(
    connection: Connection,
    run_id: str,
    noun: str,
    made: StoredJson[Any] | JsonObject | None,
    *words: str,
) -> None:
    """Has events published to the streams of a run, after commit.

    Args:
        connection: The transaction.
        run_id: The run.
        noun: The kind of the object, as event names have it.
        made: The object as it is now; ``None``, of one that was deleted, sends nothing.
        words: The last words of the event names, one event for each.
    """
    if made is not None:
        document = made.document if isinstance(made, StoredJson) else made
        events = (RunEvent(run_id, f"{noun}.{word}", document) for word in words)
        emit_after_commit(connection, *events)


def change_run(connection: Connection, run: Run, status: str, **columns: Any) -> None:
    """Moves a run to a status that does not end it, and stores it."""
    require_transition(RUN_TRANSITIONS, run.status, status)
    run.status = status
    if status != "requires_action":
        run.required_action = None
    stored = save(connection, runs, run, status=status, **columns)
    emit_events(connection, run.id, RUN, stored, status)


def end_run(
    connection: Connection,
    run: Run,
    ending: Ending,
    now: int,
    *,
    tenant: str | None,
    spent: Usage | None = None,
) -> None:
    """Ends a run: closes what it left open, counts its tokens, and unlocks its thread.

    Args:
        connection: The transaction.
        run: The run; it is changed.
        ending: How it ends.
        now: The time, in Unix seconds.
        tenant: The run's, if it has one.
        spent: Tokens that no step counts.
    """
    require_transition(RUN_TRANSITIONS, run.status, ending.status)
    steps = load_all(connection, run_steps, RunStep, run_id=run.id)
    opened = [step for step in steps if step.status == "in_progress"]
    # Streams send the end of the message before that of the step that was writing it.
    if any(step.type == "message_creation" for step in opened):
        for message in load_all(
            connection,
            messages,
            Message,
            thread_id=run.thread_id,
            run_id=run.id,
            status="in_progress",
        ):
            end_message(connection, message, MESSAGE_REASONS.get(ending.status), now)
    for step in opened:
        end_step(connection, step, STEP_ENDS[ending.status], now, error=ending.last_error)
    run.status = ending.status
    run.required_action = None
    run.expires_at = None
    run.last_error = ending.last_error
    if ending.status == "incomplete":
        run.incomplete_details = IncompleteDetails(reason=ending.incomplete_reason)
    if ending.status in RUN_END_TIMES:
        setattr(run, RUN_END_TIMES[ending.status], now)
    run.usage = total_of([*(step.usage for step in steps), spent])
    stored = save(
        connection,
        runs,
        run,
        status=run.status,
        active_thread_id=None,
        cancelling_since=None,
        **usage_columns(run),
        **RELEASED,
    )
    count_ended(connection, run, run.status, now, tenant)
    emit_events(connection, run.id, RUN, stored, run.status)


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
        # Steps have fewer codes than runs.
        code = error.code if error.code == "rate_limit_exceeded" else "server_error"
        step.last_error = LastError(code=code, message=error.message)
    stored = save(connection, run_steps, step, status=status)
    emit_events(connection, step.run_id, STEP, stored, status)


def end_message(connection: Connection, message: Message, reason: str | None, now: int) -> None:
    """Closes a message: incomplete for a reason, or complete when there is none."""
    if reason is None:
        message.status, message.completed_at = "completed", now
    else:
        message.status, message.incomplete_at = "incomplete", now
        message.incomplete_details = IncompleteDetails(reason=reason)
    stored = save(connection, messages, message, status=message.status)
    if stored is not None:
        put_message_words(connection, [stored.document])
    if message.run_id is not None:
        emit_events(connection, message.run_id, MESSAGE, stored, message.status)


def require_run(connection: Connection, thread_id: str, run_id: str) -> Run:
    """Returns a run of a thread.

    Raises:
        Fault: There is no such run.
    """
    run = load(connection, runs, Run, run_id, thread_id=thread_id)
    if run is None:
        raise not_found("run", run_id)
    return run


def add_messages(connection: Connection, made: Iterable[Message]) -> Sequence[StoredJson[Message]]:
    """Stores messages that a caller wrote, and returns their JSON."""
    stored = [
        add(
            connection,
            messages,
            message,
            thread_id=message.thread_id,
            run_id=None,
            status=message.status,
        )
        for message in made
    ]
    put_message_words(connection, [one.document for one in stored], are_new=True)
    return stored
