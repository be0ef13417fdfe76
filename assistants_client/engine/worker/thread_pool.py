"""Threads that carry runs, started when there is something to carry and gone when there is not.

Who carries which run in this process is known here, and nothing of what a run is: no database, no
models, no statuses.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from attrs import define, field

from assistants_client.engine.faults import Fault

_log = logging.getLogger(__name__)

#: Runs that are carried at once, unless told otherwise. Their threads wait for models, mostly.
WORKERS: Final = 64
#: At most once in so many seconds it is told that runs wait.
TELL_SECONDS: Final = 10.0
#: Seconds between two signs of life: three of them fit into a lease.
HEARTBEAT_SECONDS: Final = 5.0


class Carrier(Protocol):
    """What carries one run; called from several threads at once."""

    def carry(self, run_id: str, cancelled: Callable[[], bool], /) -> None:
        """Carries a run to its end; returns at once when there is nothing to do for it.

        When it raises, such as where the store cannot be written, :meth:`let_go` is called until
        that works, and then this again.
        """
        ...

    def let_go(self, run_id: str, /) -> None:
        """Gives up what a ``carry`` that has raised still holds, if anything."""
        ...

    def renew(self) -> Collection[str]:
        """Gives a sign of life for all runs that are being carried, and answers which still are.

        A run that was taken away, such as one that has expired, is not among them any more.
        """
        ...


@define(eq=False)
class _Carried:
    run_id: str
    cancelled: threading.Event = field(factory=threading.Event)
    #: Whether a sign of life was ever given for it.
    is_ours: bool = False
    #: Whether another worker has taken the place of the one that carries it.
    is_given_up: bool = False


class Threads:
    """Carries runs in daemon threads of this process; a forked child starts with none.

    A thread whose run was cancelled or taken away no longer counts as a worker: what keeps it, such
    as a model that never answers, does not keep other runs waiting.

    Args:
        runner: Carries each run.
        workers: Runs that are carried at once; more of them wait for their turn.
        heartbeat: Seconds between two signs of life while runs are carried.
        tell_waiting: Called with the number of runs that wait because all workers are busy, when
            one more does, but not each time.
    """

    def __init__(
        self,
        runner: Carrier,
        workers: int = WORKERS,
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
        tell_waiting: Callable[[int], object] = lambda number: None,
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers: {workers} is below 1")
        self._runner = runner
        self._limit = workers
        self._heartbeat = heartbeat
        self._tell_waiting = tell_waiting
        self._closed = False
        #: Whether ``close`` has returned: what fails then was given up, and is nobody's concern.
        self._is_over = False
        self._start_afresh()
        _every.add(self)

    def _start_afresh(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[str] = deque()
        self._carried: list[_Carried] = []
        #: Runs whose carrying has raised; what it held is let go of by the heartbeat.
        self._dropped: list[str] = []
        self._workers = 0
        self._beating = False
        #: Whether the last heartbeat failed, which has been told of.
        self._is_failing = False
        #: When it was last told that runs wait.
        self._told_at = -math.inf

    def submit(self, run_id: str) -> None:
        """Has a run carried as soon as a thread is free; after ``close`` it stays queued."""
        with self._changed:
            if self._closed:
                return
            self._waiting.append(run_id)
            self._hire()
            waiting, now = self._in_vain(), time.monotonic()
            if not waiting or now - self._told_at < TELL_SECONDS:
                return
            self._told_at = now
        self._tell_waiting(waiting)

    def take_over(self, run_ids: Sequence[str]) -> None:
        """Has runs carried that nobody else may carry, as far as there is a thread free for them.

        What is waiting or carried here already, or has been dropped, is left alone.
        """
        with self._changed:
            known = {carried.run_id for carried in self._carried}.union(
                self._waiting, self._dropped
            )
            room = self._limit - self._active() - len(self._waiting)
            for run_id in [one for one in run_ids if one not in known][: max(0, room)]:
                self.submit(run_id)

    def cancel(self, run_id: str) -> None:
        """Tells whoever carries the run here, if anyone, to look whether it was cancelled."""
        with self._changed:
            for carried in self._carried:
                if carried.run_id == run_id:
                    carried.cancelled.set()
                    self._give_up(carried)

    def busy(self) -> int:
        """How many threads carry a run, or are about to."""
        with self._changed:
            given_up = len(self._carried) - self._active()
            return given_up + min(self._active() + len(self._waiting), self._limit)

    def waiting(self) -> int:
        """How many runs wait because all workers are busy."""
        with self._changed:
            return self._in_vain()

    def close(self, timeout: float = 5.0) -> bool:
        """Takes no more runs, and waits for those that a thread carries, or is about to.

        What waits for its turn, because all threads are busy, stays queued.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether all of them came to their end, save those that were cancelled or taken away.
        """
        until = time.monotonic() + timeout
        with self._changed:
            self._closed = True
            while len(self._waiting) > self._free():
                self._waiting.pop()
            self._changed.notify_all()
            while self._is_busy() or self._beating:
                left = until - time.monotonic()
                if left <= 0:
                    self._waiting.clear()
                    self._end_heartbeat()
                    self._is_over = True
                    return False
                self._changed.wait(left)
            self._is_over = True
            return not self._dropped

    def _end_heartbeat(self) -> None:
        """Gives up what is still carried, whose owner is about to close; called with the lock."""
        for carried in self._carried:
            self._give_up(carried)
        self._changed.wait_for(lambda: not self._beating, timeout=1.0)

    def _let_go(self, run_id: str) -> bool:
        """Has a run carried anew whose carrying has raised, if the store can be written again."""
        try:
            self._runner.let_go(run_id)
        except Exception as error:
            _tell(error, f"Run {run_id} could not be let go of", is_known=self._is_failing)
            return False
        with self._changed:
            self._dropped.remove(run_id)
        self.submit(run_id)
        return True

    def _give_up(self, carried: _Carried) -> None:
        """Counts on the run's worker no longer; called with the lock held."""
        if not carried.is_given_up:
            carried.is_given_up = True
            self._workers -= 1
            self._hire()
            self._changed.notify_all()

    def _needs_heartbeat(self) -> bool:
        """Called with the lock held."""
        return self._is_busy() or (bool(self._dropped) and not self._closed)

    def _is_busy(self) -> bool:
        """Whether any run is carried that is not given up, or about to be; with the lock held."""
        return self._active() > 0 or (bool(self._waiting) and self._free() > 0)

    def _active(self) -> int:
        """How many runs are carried that are not given up; called with the lock held."""
        return sum(not carried.is_given_up for carried in self._carried)

    def _in_vain(self) -> int:
        """How many runs no worker is about to take; called with the lock held."""
        return max(0, self._active() + len(self._waiting) - self._limit)

    def _free(self) -> int:
        """How many workers there are that have nothing to carry yet; called with the lock held."""
        return self._workers - self._active()

    def _hire(self) -> None:
        """Starts a worker if one is needed and allowed; called with the lock held."""
        if not self._waiting or self._workers >= self._limit:
            return
        self._workers += 1
        if not _started(self._work, "assistants-run"):
            self._workers -= 1

    def _work(self) -> None:
        """A worker: carries what waits, and ends when nothing does."""
        while True:
            with self._changed:
                if not self._waiting:
                    self._workers -= 1
                    return
                carried = _Carried(self._waiting.popleft())
                self._carried.append(carried)
                if not self._beating:
                    self._beating = _started(self._beat, "assistants-heartbeat")
            try:
                self._runner.carry(carried.run_id, carried.cancelled.is_set)
            except BaseException as error:
                _tell(error, f"Run {carried.run_id} could not be carried", is_known=self._is_over)
                with self._changed:
                    self._dropped.append(carried.run_id)
            finally:
                with self._changed:
                    self._carried.remove(carried)
                    self._changed.notify_all()
            if carried.is_given_up:
                return

    def _beat(self) -> None:
        """The heartbeat: as long as there is something to give a sign of life for, or to let go."""
        while True:
            with self._changed:
                due = time.monotonic() + self._heartbeat
                while self._needs_heartbeat() and time.monotonic() < due:
                    self._changed.wait(due - time.monotonic())
                if not self._needs_heartbeat():
                    self._beating = False
                    self._changed.notify_all()
                    return
                dropped = self._dropped[:]
            try:
                ours = self._runner.renew()
            except Exception as error:
                is_known = self._is_failing or self._is_over
                _tell(error, "The sign of life could not be given", is_known=is_known)
                self._is_failing = True
                continue
            done = [self._let_go(run_id) for run_id in dropped]
            self._is_failing = not all(done)
            with self._changed:
                for carried in self._carried:
                    if carried.run_id in ours:
                        carried.is_ours = True
                    elif carried.is_ours:  # not one that is only about to be claimed
                        self._give_up(carried)


def _tell(error: BaseException, what: str, *, is_known: bool = False) -> None:
    """Logs a failure: one more while the store is out of use, perhaps for hours, as a detail."""
    is_fault = isinstance(error, Fault)
    level = logging.WARNING if is_fault else logging.ERROR
    why = None if is_fault else error
    _log.log(logging.DEBUG if is_known else level, "%s: %s", what, error, exc_info=why)


def _started(target: Callable[[], None], name: str) -> bool:
    try:
        threading.Thread(target=target, name=name, daemon=True).start()
    except RuntimeError as error:
        # No more threads to be had: what waits goes on waiting. That the interpreter is about to
        # end is nothing to tell of.
        level = logging.DEBUG if "interpreter shutdown" in str(error) else logging.ERROR
        _log.log(level, "No thread could be started", exc_info=True)
        return False
    return True


#: For the child of a fork, where no thread but the forking one lives and locks may be left taken.
_every: Final[weakref.WeakSet[Threads]] = weakref.WeakSet()


def _after_fork() -> None:
    for threads in list(_every):
        threads._start_afresh()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
