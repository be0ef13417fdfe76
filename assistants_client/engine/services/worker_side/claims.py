"""The runs that a worker has claimed: claimed, checked, their leases renewed, released.

The worker writes only while a run is still its own and in progress: otherwise nothing is written
and ``RunTaken`` is raised. What it writes is in execution.py.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeAlias, TypeVar

from attrs import frozen
from sqlalchemy import Connection, select

from assistants_client._json.codec import encode
from assistants_client.engine.domain.state_machine import LOST, NOT_STORED, Ending
from assistants_client.engine.events.stream_state import RUN
from assistants_client.engine.language_models.base import State
from assistants_client.engine.services._answers import calls_done, store_content, undo_answer
from assistants_client.engine.services._base import (
    ClaimedRun,
    Context,
    RunQueued,
    change_run,
    emit_events,
    end_run,
    load_run,
    load_runs,
)
from assistants_client.engine.services._history import history, own_work, states
from assistants_client.engine.services._leases import LeaseHolder
from assistants_client.engine.services._run_queue import RunQueue
from assistants_client.engine.storage.database import BRIEF, PATIENT, emit_after_commit
from assistants_client.engine.storage.leases import RELEASED
from assistants_client.engine.storage.outages import repeatable, retried
from assistants_client.engine.storage.store_faults import (
    CommitInDoubtError,
    InterruptedTransactionError,
)
from assistants_client.engine.storage.tables import runs
from assistants_client.models.messages import ContentPart, Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run

T = TypeVar("T")

#: Queued runs that are read together.
_MOST_QUEUED: Final = 100

#: Outages of the store after which a run is to be released: what is stored tells how far it came.
OUTAGES: Final = (InterruptedTransactionError, CommitInDoubtError)
#: An open message, and its content so far.
Unsaved: TypeAlias = tuple[Message, Sequence[ContentPart]]

_CANCELLED: Final = Ending(status="cancelled")


class RunTaken(Exception):
    """The run is no longer the worker's: cancelled, expired, deleted, or taken over.

    There is nothing left to do for it: where an end was due, it has been written.
    """


@frozen(kw_only=True)
class OpenStep:
    """A step of tools that an earlier worker has left, and how many of its calls are done."""

    step: RunStep
    done: int


@frozen
class _Claim:
    """A run, as it was claimed; a new one has no steps, since no worker had it before."""

    run: Run
    is_new: bool


@frozen(kw_only=True)
class Work:
    """A claimed run, with the messages that it may see and all its own steps, oldest first.

    ``states`` holds what the servers of language models want to see again, by the id of the step
    that it was stored with, and of the message that the step wrote. ``opened`` is the last step,
    if it is to be done first; it is not among the others.
    """

    run: Run
    messages: Sequence[Message]
    steps: Sequence[RunStep]
    states: Mapping[str, State]
    opened: OpenStep | None = None


class Claims:
    """The runs of one worker. Safe to share between threads and over a fork.

    Args:
        context: The context of the services.
        queue: Says which runs are next, and how many may be in progress; without one, any number.

    Attributes:
        leases: The runs that are this worker's own.
    """

    def __init__(self, context: Context, queue: RunQueue | None = None) -> None:
        self._context = context
        self._database = context.database
        self._queue = queue or RunQueue(context)
        self.leases: LeaseHolder = LeaseHolder(context, runs)
        #: By id, the run as it was claimed last: whoever has it from an earlier claim, in another
        #: thread, has lost it meanwhile, though it is this worker's again.
        self._last_claimed: weakref.WeakValueDictionary[str, Run] = weakref.WeakValueDictionary()
        self._of_thread = threading.local()

    @property
    def owner(self) -> str:
        """The owner name of this worker; another one after a fork."""
        return self.leases.owner

    @property
    def is_closed(self) -> bool:
        """True once this worker was closed."""
        return self.leases.is_closed

    def claim(self, run_id: str) -> Work | None:
        """Claims a queued run: it is in progress from here on, and this worker's own.

        What it is to work on is read after that: a run whose history cannot be read is to be ended.

        Returns:
            The work; ``None`` when the run is not queued (any more), gone, or finds no room yet.
        """
        claim = self._claimed(run_id, [])
        if claim is None:
            return None
        run = claim.run
        steps, written = ([], []) if claim.is_new else own_work(self._database, run)
        shown = [*history(self._database, run), *written]
        kept = states(self._database, steps, shown)
        opened = None
        if steps and steps[-1].status == "in_progress":
            opened = self._opened(steps.pop())
        return Work(run=run, messages=shown, steps=steps, states=kept, opened=opened)

    @repeatable
    def _claimed(self, run_id: str, tries: list[_Claim]) -> _Claim | None:
        """Claims a run; ``tries`` has the claims of earlier tries, which were in doubt."""
        with self._context.begin(patience=PATIENT) as connection:
            held = self._context.expire_overdue(connection, run_id)
            if held is None:
                return None
            if held.run.status == "in_progress" and held.owner == self.owner:
                last = self._last_claimed.get(run_id)
                found = next((one for one in tries if one.run is last), None)
                if found is not None:
                    emit_events(connection, run_id, RUN, encode(found.run), found.run.status)
                return found
            if held.run.status != "queued":
                return None
            columns = self.leases.claim(run_id, held.owner, held.lease_until)
            if columns is None or not self._queue.admit(connection, held):
                return None
            run = held.run
            claim = _Claim(run, is_new=run.started_at is None)
            run.started_at = self._context.now()
            change_run(connection, run, "in_progress", waits_since=None, **columns)
            self._last_claimed[run_id] = run
            tries.append(claim)
        return claim

    @retried
    def _opened(self, step: RunStep) -> OpenStep:
        with self._database.read() as connection:
            return OpenStep(step=step, done=calls_done(connection, step) or 0)

    @repeatable
    def check(self, run: Run, unsaved: Unsaved | None = None) -> None:
        """Checks between two pieces of work that the run may go on. Writes only when it may not.

        Args:
            run: The run, as claimed.
            unsaved: An open message and its content so far, which an early end is not to lose.

        Raises:
            RunTaken: The run was cancelled, has expired, was deleted or taken over.
        """
        with self._database.read(patience=PATIENT) as connection:
            held = load_run(connection, run.id)
            if (
                held is not None
                and held.run.status == "in_progress"
                and held.owner == self.owner
                and self._is_latest(run)
                and self._context.due_end(held) is None
            ):
                return
        with self._own(run, unsaved):
            pass

    @repeatable
    def at_once(self, run: Run, write: Callable[[], T], unsaved: Unsaved | None = None) -> T:
        """Makes one transaction of all that is written on a run, and returns what ``write`` does.

        Args:
            run: The run, as claimed.
            write: Writes, and does nothing else, for others wait for it. Where an outage interrupts
                it, it is called again: it must come to the same when it was done already.
            unsaved: As for :meth:`check`.

        Raises:
            RunTaken: As :meth:`check`.
        """
        with self._own(run, unsaved) as opened:
            self._of_thread.opened = opened
            try:
                return write()
            finally:
                self._of_thread.opened = None

    def seconds_left(self, run: Run) -> float:
        """Returns the seconds that the run may still take."""
        end = run.expires_at
        return float("inf") if end is None else end - self._context.clock()

    @repeatable
    def renew_leases(self) -> frozenset[str]:
        """Renews the leases of all runs of this worker; due well within ``LEASE`` seconds.

        Returns:
            The ids of the runs that are still its own; what was overdue has been ended.
        """
        with self._database.begin() as connection:
            self.leases.renew(connection)
            held = load_runs(connection, self.leases.owned)
            late = {each.run.id for each in held if self._context.due_end(each) is not None}
            for run_id in late:
                self._context.expire_overdue(connection, run_id)
        return frozenset(each.run.id for each in held) - late

    @retried
    def orphans(self) -> list[RunQueued]:
        """Ends the runs that are overdue, and queues those whose worker is gone.

        Returns:
            Those that were queued before, oldest first: the first worker to come claims them.
        """
        with self._database.read() as connection:
            active = load_runs(connection, runs.c.active_thread_id.is_not(None))
        queued = []
        for held in active:
            if self._context.due_end(held) is not None:
                with self._context.begin() as connection:
                    self._context.expire_overdue(connection, held.run.id)
            elif held.run.status == "queued":
                queued.append(RunQueued(held.run.id, held.tenant))
        return queued

    @retried
    def unclaimed(self) -> list[str]:
        """Queues the runs whose worker is gone, and returns the queued ones, of many the next ones.

        To be called often: no run is read but those that were lost.
        """
        with self._database.read() as connection:
            waiting = self._queue.next(connection, _MOST_QUEUED)
        others = select(runs.c.id).where(
            runs.c.status.in_(["in_progress", "cancelling"]), runs.c.owner != self.owner
        )
        for run_id in self.leases.free(others):
            with self._context.begin() as connection:
                self._context.expire_overdue(connection, run_id)
        return waiting

    @repeatable
    def release_unstored(self, run_id: str) -> None:
        """Releases one run, if it is claimed, as what came of it could not be stored.

        It is released as often as it may lose its worker; then it has failed.
        """
        with self._context.begin() as connection:
            for held in load_runs(connection, self.leases.owned & (runs.c.id == run_id)):
                ending = _CANCELLED if held.run.status == "cancelling" else NOT_STORED
                self._context.end_or_release(connection, held, ending)

    @repeatable
    def release(self, run: Run) -> None:
        """Releases one run, as :meth:`release_all` does; here it may be claimed again.

        It does nothing where the run is no longer in progress, or another's.
        """
        with self._context.begin(patience=PATIENT) as connection:
            held = load_run(connection, run.id)
            if held is None or held.owner != self.owner or not self._is_latest(run):
                return
            if self._release(connection, held):
                emit_after_commit(connection, RunQueued(run.id, held.tenant))

    def close(self) -> None:
        """Stops further claims."""
        self.leases.close()

    @repeatable
    def release_all(self) -> None:
        """Releases all runs that this worker still has claimed, after :meth:`close`.

        Each run is queued again, without the answer that was under way: another process processes
        it, or the next one. A run that cannot be rolled back to before that answer has failed.
        """
        with self._database.begin(patience=BRIEF) as connection:
            for held in load_runs(connection, self.leases.owned):
                self._release(connection, held)

    def _release(self, connection: Connection, held: ClaimedRun) -> bool:
        """Queues a run again, or ends it; returns whether it is queued."""
        if held.run.status == "in_progress" and undo_answer(connection, held.run):
            change_run(connection, held.run, "queued", **RELEASED)
            return True
        self._end(connection, held, LOST)
        return False

    def _end(self, connection: Connection, held: ClaimedRun, ending: Ending) -> None:
        its = _CANCELLED if held.run.status == "cancelling" else ending
        end_run(connection, held.run, its, self._context.now(), tenant=held.tenant)

    def _is_latest(self, run: Run) -> bool:
        return self._last_claimed.get(run.id, run) is run

    @contextmanager
    def _own(
        self, run: Run, unsaved: Unsaved | None = None
    ) -> Iterator[tuple[Connection, ClaimedRun]]:
        """Opens a transaction on a run that is in progress and ours, with the run as it is stored.

        Where the run was cancelled or is overdue, that end is written before ``RunTaken`` is
        raised, with what is unsaved; so the worker has nothing to clean up. Within :meth:`at_once`
        it is the transaction that is open.
        """
        opened: tuple[Connection, ClaimedRun] | None = getattr(self._of_thread, "opened", None)
        if opened is not None:
            yield opened
            return
        with self._database.begin(patience=PATIENT) as connection:
            held = load_run(connection, run.id)
            if held is not None and held.owner == self.owner and self._is_latest(run):
                ending = self._context.due_end(held)
                if held.run.status == "cancelling":
                    ending = _CANCELLED
                if ending is None:
                    yield connection, held
                    return
                if unsaved is not None:
                    store_content(connection, *unsaved)
                self._context.end_or_release(connection, held, ending)
        raise RunTaken(run.id)
