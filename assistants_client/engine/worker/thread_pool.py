"""Holds the worker threads that process runs: started when there is work, ended when there is none.

The pool decides which worker processes which run in this process, and nothing of what a run is: no
database, no models, no statuses.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
import weakref
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from attrs import define, field

from assistants_client.engine.faults import Fault
from assistants_client.engine.worker.fair_queue import FairQueue

_log = logging.getLogger(__name__)

#: Runs that are processed at once by default. Their threads wait for models, mostly.
WORKERS: Final = 64
#: Seconds between two reports that runs wait for a worker, at least.
REPORT_SECONDS: Final = 10.0
#: Seconds between two heartbeats: three of them fit into a lease.
HEARTBEAT_SECONDS: Final = 5.0
#: For so many seconds a thread without work waits for more: to start one takes longer than most of
#: what a short run needs it for.
_LINGER_SECONDS: Final = 0.1


class Worker(Protocol):
    """Processes one run at a time in each thread; called from several threads at once."""

    def process(self, run_id: str, cancelled: Callable[[], bool], /) -> None:
        """Processes a run to its end; returns at once when there is nothing to do for it.

        When it raises, such as where the store cannot be written, :meth:`release` is called until
        that works, and then this again.
        """
        ...

    def release(self, run_id: str, /) -> None:
        """Releases the claim that a ``process`` which has raised still holds, if any."""
        ...

    def renew_leases(self) -> Collection[str]:
        """Renews the leases of all runs that are being processed.

        Returns:
            The ids of the runs that are still claimed here. A run that was taken away, such as one
            that has expired, is not among them any more.
        """
        ...


@define(eq=False)
class _Task:
    run_id: str
    tenant: str | None = None
    cancelled: threading.Event = field(factory=threading.Event)
    #: Whether its lease was ever renewed here.
    is_ours: bool = False
    #: Whether another worker has taken the place of the one that processes it.
    is_abandoned: bool = False


@define(eq=False)
class _Wait:
    """A thread that waits for a run: until that is over here, or left to others."""

    over: threading.Event = field(factory=threading.Event)
    is_left: bool = False


class WorkerPool:
    """Processes runs in daemon threads of this process; a forked child starts with none.

    What waits is served in turns of the tenants, the oldest of each first.

    A thread whose run was cancelled or taken away no longer counts as a worker: what blocks it,
    such as a model that never answers, does not keep other runs waiting.

    Args:
        worker: Processes each run.
        workers: Runs that are processed at once; more of them wait for their turn.
        heartbeat: Seconds between two heartbeats while runs are processed.
        on_backlog: Called with the number of runs that wait because all workers are busy, when
            one more does, but not each time.
        id_name: The name of a run's id, for records of the log.
        more: Returns runs that a worker who has just become free is to process.
    """

    def __init__(
        self,
        worker: Worker,
        workers: int = WORKERS,
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
        on_backlog: Callable[[int], object] = lambda number: None,
        id_name: str = "run_id",
        more: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers: {workers} is below 1")
        self._worker = worker
        self._limit = workers
        self._heartbeat = heartbeat
        self._on_backlog = on_backlog
        self._id_name = id_name
        self._more = more
        self._closed = False
        #: Whether ``close`` has returned: what fails then was given up, and is nobody's concern.
        self._is_over = False
        self._reset()
        _all_pools.add(self)

    def _reset(self) -> None:
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        #: Wakes one of the workers that have nothing to process.
        self._submitted = threading.Condition(lock)
        self._waiting = FairQueue()
        self._tasks: list[_Task] = []
        #: Who waits for runs, by their ids: as many as there are submissions of it, or fewer.
        self._waits: defaultdict[str, deque[_Wait]] = defaultdict(deque)
        #: Runs whose processing has raised, by tenant; the heartbeat releases what it held.
        self._unreleased: dict[str, str | None] = {}
        self._workers = 0
        self._has_heartbeat = False
        #: Whether the last heartbeat failed, which has been logged.
        self._is_failing = False
        #: When a backlog was last reported.
        self._reported_at = -math.inf

    @property
    def workers(self) -> int:
        """The number of runs that are processed at once."""
        return self._limit

    def submit(self, run_id: str, tenant: str | None = None) -> None:
        """Has a run processed as soon as a thread is free; after ``close`` it stays queued.

        Args:
            run_id: The run.
            tenant: Who waits for it, in turns with others; ``None``: whoever is no tenant.
        """
        with self._changed:
            if self._closed:
                return
            self._waiting.push(run_id, tenant)
            self._start_worker()
            backlog, now = self._backlog(), time.monotonic()
            is_due = backlog > 0 and now - self._reported_at >= REPORT_SECONDS
            if is_due:
                self._reported_at = now
        if backlog:
            _log.info(
                "Run %s is queued, and %d before it: all workers of this process are busy (%d)",
                run_id,
                backlog - 1,
                self._limit,
                extra={self._id_name: run_id},
            )
        if is_due:
            self._on_backlog(backlog)

    def run(self, run_id: str, *, only_new: bool = False) -> bool:
        """Has a run processed as :meth:`submit` does, and waits until it is over for this pool.

        Args:
            run_id: The run.
            only_new: Whether one that waits, or is processed, here already is left alone.

        Returns:
            Whether it was processed, or cancelled, or taken away, or left alone; if not, it is for
            others to do, as this pool was closed.
        """
        wait = _Wait()
        with self._changed:
            if self._closed:
                return False
            if only_new and run_id in self._known():
                return True
            self._waits[run_id].append(wait)
            self.submit(run_id)
        wait.over.wait()
        return not wait.is_left

    def take_over(self, run_ids: Sequence[str]) -> None:
        """Has runs processed that nobody else may process, as far as a thread is free for them.

        What is waiting or processed here already, or has failed and is not released, is left alone.
        """
        with self._changed:
            known = self._known()
            room = self._limit - self._active() - len(self._waiting)
            for run_id in [one for one in run_ids if one not in known][: max(0, room)]:
                self.submit(run_id)

    def cancel(self, run_id: str) -> None:
        """Signals the thread that processes the run here, if any, to check whether to stop."""
        with self._changed:
            for task in self._tasks:
                if task.run_id == run_id:
                    task.cancelled.set()
                    self._abandon(task)

    def has(self, run_id: str) -> bool:
        """Returns whether a run waits, or is processed, here."""
        with self._changed:
            return run_id in self._known()

    def busy(self) -> int:
        """Returns how many threads process a run, or are about to."""
        with self._changed:
            abandoned = len(self._tasks) - self._active()
            return abandoned + min(self._active() + len(self._waiting), self._limit)

    def waiting(self) -> int:
        """Returns how many runs wait because all workers are busy."""
        with self._changed:
            return self._backlog()

    def close(self, timeout: float = 5.0) -> bool:
        """Accepts no more runs, and waits for those that a thread processes, or is about to.

        What waits for its turn, because all threads are busy, stays queued.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether all of them came to their end, save those that were cancelled or taken away.
        """
        until = time.monotonic() + timeout
        with self._changed:
            self._closed = True
            self._waiting.truncate(self._idle())
            self._changed.notify_all()
            self._submitted.notify_all()
            while self._is_busy() or self._has_heartbeat:
                left = until - time.monotonic()
                if left <= 0:
                    self._waiting.truncate(0)
                    self._end_heartbeat()
                    self._is_over = True
                    return False
                self._changed.wait(left)
            self._is_over = True
            return not self._unreleased

    def leave_rest(self) -> None:
        """Leaves to others what :meth:`run` still waits for; once it can be claimed by them."""
        with self._changed:
            left = [wait for waits in self._waits.values() for wait in waits]
            self._waits.clear()
        for wait in left:
            wait.is_left = True
            wait.over.set()

    def _end_heartbeat(self) -> None:
        """Abandons what is still processed, as the owner is about to close; with the lock held."""
        for task in self._tasks:
            self._abandon(task)
        self._changed.wait_for(lambda: not self._has_heartbeat, timeout=1.0)

    def _release(self, run_id: str) -> bool:
        """Retries a run whose processing has raised, if the store can be written again."""
        try:
            self._worker.release(run_id)
        except Exception as error:
            what = f"Run {run_id} could not be released"
            _log_failure(error, what, is_repeated=self._is_failing, **{self._id_name: run_id})
            return False
        with self._changed:
            tenant = self._unreleased.pop(run_id)
        self.submit(run_id, tenant)
        return True

    def _abandon(self, task: _Task) -> None:
        """Stops counting on the task's worker; called with the lock held."""
        if not task.is_abandoned:
            task.is_abandoned = True
            self._workers -= 1
            self._start_worker()
            if not self._closed:  # else it is released first, if it was not taken away
                self._end_wait(task.run_id)
            self._changed.notify_all()

    def _end_wait(self, run_id: str) -> None:
        """Wakes who has waited longest for a run; called with the lock held."""
        waits = self._waits.get(run_id)
        if waits:
            waits.popleft().over.set()
        if not waits:
            self._waits.pop(run_id, None)

    def _known(self) -> set[str]:
        """Returns what is waiting or processed here, or to be released; with the lock held."""
        return {task.run_id for task in self._tasks}.union(self._waiting, self._unreleased)

    def _needs_heartbeat(self) -> bool:
        """Returns whether any claim is to be renewed or released; called with the lock held."""
        return self._is_busy() or (bool(self._unreleased) and not self._closed)

    def _is_awaited(self) -> bool:
        """Returns whether the heartbeat must not linger; called with the lock held."""
        return self._closed or self._needs_heartbeat()

    def _is_busy(self) -> bool:
        """Returns whether any task is active, or about to be; called with the lock held."""
        return self._active() > 0 or (bool(self._waiting) and self._idle() > 0)

    def _active(self) -> int:
        """Returns how many tasks are processed and not abandoned; called with the lock held."""
        return sum(not task.is_abandoned for task in self._tasks)

    def _backlog(self) -> int:
        """Returns how many runs no worker is about to take; called with the lock held."""
        return max(0, self._active() + len(self._waiting) - self._limit)

    def _idle(self) -> int:
        """Returns how many workers have nothing to process yet; called with the lock held."""
        return self._workers - self._active()

    def _start_worker(self) -> None:
        """Starts a worker if one is needed and allowed; called with the lock held."""
        self._submitted.notify()
        if len(self._waiting) <= self._idle() or self._workers >= self._limit:
            return
        self._workers += 1
        if not _start_thread(self._worker_loop, "assistants-run"):
            self._workers -= 1

    def _worker_loop(self) -> None:
        """Processes what waits, and ends when nothing comes any more: the life of one worker."""
        while True:
            with self._changed:
                if not self._waiting and not self._closed:
                    self._submitted.wait(_LINGER_SECONDS)
                if not self._waiting:
                    self._workers -= 1
                    return
                task = _Task(*self._waiting.pop())
                self._tasks.append(task)
                if not self._has_heartbeat:
                    self._has_heartbeat = _start_thread(
                        self._heartbeat_loop, "assistants-heartbeat"
                    )
            try:
                self._worker.process(task.run_id, task.cancelled.is_set)
            except BaseException as error:
                what = f"Run {task.run_id} could not be processed"
                ids = {self._id_name: task.run_id}
                _log_failure(error, what, is_repeated=self._is_over, **ids)
                with self._changed:
                    self._unreleased[task.run_id] = task.tenant
            finally:
                with self._changed:
                    self._tasks.remove(task)
                    if not task.is_abandoned:
                        self._end_wait(task.run_id)
                    self._changed.notify_all()
            self._submit_more()
            if task.is_abandoned:
                return

    def _submit_more(self) -> None:
        """Has runs processed that wait elsewhere for the end of one."""
        try:
            self.take_over(self._more())
        except Exception as error:
            # Lookouts find them, too.
            _log_failure(error, "Waiting runs could not be looked for", is_repeated=self._is_over)

    def _heartbeat_loop(self) -> None:
        """Renews leases, as long as there is any, and releases what has failed."""
        while True:
            with self._changed:
                due = time.monotonic() + self._heartbeat
                while self._needs_heartbeat() and time.monotonic() < due:
                    self._changed.wait(due - time.monotonic())
                if not self._needs_heartbeat():
                    self._changed.wait_for(self._is_awaited, _LINGER_SECONDS)
                    if self._needs_heartbeat():
                        continue
                    self._has_heartbeat = False
                    self._changed.notify_all()
                    return
                unreleased = list(self._unreleased)
            try:
                ours = self._worker.renew_leases()
            except Exception as error:
                is_repeated = self._is_failing or self._is_over
                _log_failure(error, "The leases could not be renewed", is_repeated=is_repeated)
                self._is_failing = True
                continue
            done = [self._release(run_id) for run_id in unreleased]
            self._is_failing = not all(done)
            with self._changed:
                for task in self._tasks:
                    if task.run_id in ours:
                        task.is_ours = True
                    elif task.is_ours:  # not one that is only about to be claimed
                        self._abandon(task)


def _log_failure(error: BaseException, what: str, *, is_repeated: bool = False, **ids: str) -> None:
    """Logs a failure: one more while the store is out of use, perhaps for hours, as a detail."""
    is_fault = isinstance(error, Fault)
    level = logging.WARNING if is_fault else logging.ERROR
    why = None if is_fault else error
    level = logging.DEBUG if is_repeated else level
    _log.log(level, "%s: %s", what, error, exc_info=why, extra=ids)


def _start_thread(target: Callable[[], None], name: str) -> bool:
    try:
        threading.Thread(target=target, name=name, daemon=True).start()
    except RuntimeError as error:
        # No more threads to be had: what waits goes on waiting. That the interpreter is about to
        # end is no problem to report.
        level = logging.DEBUG if "interpreter shutdown" in str(error) else logging.ERROR
        _log.log(level, "No thread could be started", exc_info=True)
        return False
    return True


#: For the child of a fork, where no thread but the forking one lives and locks may be left taken.
_all_pools: Final[weakref.WeakSet[WorkerPool]] = weakref.WeakSet()


def _after_fork() -> None:
    for pool in list(_all_pools):
        pool._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
