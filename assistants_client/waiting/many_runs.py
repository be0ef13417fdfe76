"""Waiting for many runs at once: a heap of polls by when they are due, made in one thread.

The request for a run is in ``_calls/run_calls.py``; clock and cap are the ``Waiter``'s.
"""

from __future__ import annotations

import contextlib
import contextvars
import heapq
import math
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from itertools import chain, count
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import define

from assistants_client._arguments import check_not_used_up, number
from assistants_client._http.deadline import at_shutdown, take
from assistants_client.backoff import Backoff, BackoffLike
from assistants_client.errors import (
    APIError,
    AssistantsError,
    ConfigurationError,
    WaitTimeoutError,
    run_error,
)
from assistants_client.models.runs import Run
from assistants_client.waiting.options import check_stalled_after, check_timeout
from assistants_client.waiting.polling import Watch
from assistants_client.waiting.progress import NO_PROGRESS, runs_progress
from assistants_client.waiting.rate_limiter import Ticket
from assistants_client.waiting.waiter import Polls, Time, Waiter

if TYPE_CHECKING:
    from assistants_client._calls.run_calls import RunCalls

#: A run, or the ids of its thread and its own.
RunOrIds: TypeAlias = "Run | tuple[str, str]"

#: Seconds after which a poll no longer holds up the next one.
HANGS_AFTER: Final = 1.0
#: The number of hanging polls at which no other is begun.
MOST_HANGING: Final = 8


def _distinct(runs: Iterable[RunOrIds]) -> list[RunOrIds]:
    """Returns each run once, in order; of several forms the one that is final.

    Raises:
        ConfigurationError: Something is neither a run nor a pair of ids.
    """
    if isinstance(runs, Run):
        raise ConfigurationError("runs: expected several; one is waited for with wait_for_run")
    check_not_used_up("runs", runs)
    found: dict[tuple[str, str], RunOrIds] = {}
    for run in runs:
        key = _ids(run)
        if key not in found or (isinstance(run, Run) and run.is_final):
            found[key] = run
    return list(found.values())


def _ids(run: object) -> tuple[str, str]:
    ids = (run.thread_id, run.id) if isinstance(run, Run) else run
    if isinstance(ids, (tuple, list)) and len(ids) == 2:
        thread_id, run_id = ids
        if all(isinstance(one, str) and one for one in ids):
            return thread_id, run_id
    raise ConfigurationError(
        f"runs: {run!r:.200} is not a run with its ids, nor (thread_id, run_id)"
    )


@define(eq=False)
class _Waiting:
    """One of the runs that are waited for."""

    thread_id: str
    run_id: str
    polls: Polls[Run]
    watch: Watch
    #: The time at which the poll that is under way began.
    polled_at: float = 0.0


class ManyWaits:
    """Yields each run as soon as it is final or requires its caller.

    An error of one run is kept in :attr:`errors`, and does not end the wait for others.
    """

    def __init__(
        self,
        runs: Iterable[RunOrIds],
        calls: RunCalls,
        waiter: Waiter,
        *,
        timeout: float,
        parallel_polls: int,
        on_poll: Callable[[Run], object] | None,
        stalled_after: float | None,
    ) -> None:
        self.errors: list[AssistantsError] = []
        self._timeout = timeout
        self._clock = waiter.clock
        self._rate_limiter = waiter.rate_limiter
        self._parallel_polls = parallel_polls
        self._on_poll = on_poll
        self._numbers = count()
        self._begun = waiter.clock.now()
        self._heap = [
            (self._begun, next(self._numbers), self._waiting(run, waiter.backoff, stalled_after))
            for run in runs
        ]
        self._total = len(self._heap)
        self._under_way: list[_Waiting] = []
        self._threads = _PollThreads(calls)
        self._ticket: Ticket | None = None

    def _waiting(self, run: RunOrIds, backoff: Backoff, stalled_after: float | None) -> _Waiting:
        polls = Polls(backoff, run if isinstance(run, Run) else None)
        return _Waiting(*_ids(run), polls, Watch(None, stalled_after, self._clock))

    def __iter__(self) -> Generator[Run, None, None]:
        """Yields the runs.

        Raises:
            WaitTimeoutError: The time ran out first.
        """
        until = self._begun + self._timeout
        try:
            while self._heap or self._under_way:
                one, result = self._next_result(until)
                self._under_way.remove(one)
                run = self._settled(one, result)
                if run is not None:
                    left = self._clock.now()
                    yield run
                    until += self._clock.now() - left  # the caller's own time does not count
        finally:
            self._leave_queue()
            self._threads.close()

    def _settled(self, one: _Waiting, result: _Result) -> Run | None:
        """Returns the run, if this poll ends its wait; else schedules its next poll."""
        if self._on_poll is not None and not isinstance(result, BaseException):
            self._on_poll(result[0])
        try:
            is_done = _is_done(one, result)
        except AssistantsError as error:
            self.errors.append(error)
            return None
        if is_done:
            return one.polls.seen
        now = self._clock.now()
        due = now + one.polls.delay(now - self._begun)
        heapq.heappush(self._heap, (due, next(self._numbers), one))
        return None

    # --- one poll after the other -----------------------------------------------------------------

    def _next_result(self, until: float) -> tuple[_Waiting, _Result]:
        """Begins polls as they are due, until one has a result."""
        try:
            while True:
                done = self._threads.take()
                now = self._clock.now()
                if done is None and now >= until:
                    raise self._timed_out()
                if done is None:
                    pause = min(self._begin(now), until - now)
                    if pause <= 0:
                        continue
                    if not self._under_way:
                        self._clock.sleep(pause)
                        continue
                    done = self._threads.take(pause)
                if done is not None:
                    return done
        finally:
            self._leave_queue()  # no other wait is blocked while our caller handles the run

    def _begin(self, now: float) -> float:
        """Begins the poll that has been due longest; returns the seconds until there may be one."""
        busy = [one.polled_at for one in self._under_way if now - one.polled_at < HANGS_AFTER]
        if len(self._under_way) - len(busy) >= MOST_HANGING:
            return math.inf
        if len(busy) >= self._parallel_polls:
            return HANGS_AFTER - (now - min(busy))
        if not self._heap:
            return math.inf
        due = self._heap[0][0]
        if due > now:
            return due - now
        if self._ticket is None:
            self._ticket = self._rate_limiter.queue(due)
        pause = self._rate_limiter.try_acquire(self._ticket, now)
        if pause:
            return pause
        self._ticket = None
        one = heapq.heappop(self._heap)[2]
        one.polled_at = now
        self._under_way.append(one)
        self._threads.begin(one)
        return 0.0

    def _leave_queue(self) -> None:
        if self._ticket is not None:
            self._rate_limiter.cancel(self._ticket)
            self._ticket = None

    def _timed_out(self) -> WaitTimeoutError:
        left = [*(one for *_, one in sorted(self._heap)), *self._under_way]
        first = min(left, key=lambda one: one.polls.seen is None)
        error = first.polls.timed_out(f"run {first.run_id}", self._timeout)
        if len(left) > 1:
            text = f"{len(left)} of {self._total} runs were not finished in time; of these, {error}"
            error = WaitTimeoutError(text, error.run)
            error.__cause__ = first.polls.fault
        return error


_Result: TypeAlias = "tuple[Run, Mapping[str, str]] | BaseException"


def _is_done(one: _Waiting, result: _Result) -> bool:
    if isinstance(result, APIError):
        one.polls.failed(result)
        return False
    if isinstance(result, BaseException):
        raise result
    one.polls.succeeded(*result)
    return one.watch.is_done(result[0])


class _PollThreads:
    """A pool of threads that poll; it grows to as many as polls were under way at once."""

    def __init__(self, calls: RunCalls) -> None:
        self._calls = calls
        self._begun: queue.Queue[_Waiting | None] = queue.Queue()
        self._done: queue.Queue[tuple[_Waiting, _Result]] = queue.Queue()
        self._count = 0
        self._idle = 0

    def begin(self, one: _Waiting) -> None:
        """Polls a run in a thread that is idle, or in a new one."""
        if self._idle > 0:
            self._idle -= 1
        else:
            context = contextvars.copy_context()
            thread = threading.Thread(
                target=context.run, args=(self._work,), name="assistants-client-polls", daemon=True
            )
            try:
                thread.start()
            except RuntimeError as complaint:
                if not at_shutdown(complaint):
                    raise
                self._idle -= 1  # take() will count a thread that is not there
                self._poll(one)
                return
            self._count += 1
        self._begun.put(one)

    def take(self, seconds: float = 0.0) -> tuple[_Waiting, _Result] | None:
        """Returns the result of a poll, if one comes within that time."""
        done = take(self._done, seconds)
        self._idle += done is not None
        return done

    def close(self) -> None:
        """Ends the threads, each after its poll."""
        for _ in range(self._count):
            self._begun.put(None)
        self._count = 0

    def _work(self) -> None:
        while (one := self._begun.get()) is not None:
            self._poll(one)

    def _poll(self, one: _Waiting) -> None:
        result: _Result
        try:
            result = self._calls.poll(one.thread_id, one.run_id)
        except BaseException as error:  # raised in the caller's thread
            result = error
        self._done.put((one, result))


def wait_for_runs(
    runs: Iterable[RunOrIds],
    *,
    calls: RunCalls,
    waiter: Waiter,
    timeout: float,
    backoff: BackoffLike | None,
    on_poll: Callable[[Run], object] | None,
    check: bool,
    stalled_after: float | None,
    parallel_polls: int,
    progress: bool,
) -> Iterator[Run]:
    """Yields each run as it ends; see ``Client.wait_for_runs``."""
    # A mistake is raised at once, not at the iterator's first ``next``.
    timeout, stalled_after = check_timeout(timeout), check_stalled_after(stalled_after)
    delays = waiter.delays(backoff)
    number("parallel_polls", parallel_polls, at_least=1, whole=True)
    given = _distinct(runs)
    clock = waiter.clock

    def each() -> Iterator[Run]:
        with runs_progress(len(given), clock.now) if progress else NO_PROGRESS as shown:
            ended = [run for run in given if isinstance(run, Run) and run.is_final]
            waits = ManyWaits(
                [run for run in given if not (isinstance(run, Run) and run.is_final)],
                calls,
                Waiter(Time(clock.now, shown.sleeping(clock.sleep)), delays, waiter.rate_limiter),
                timeout=timeout,
                parallel_polls=parallel_polls,
                on_poll=on_poll,
                stalled_after=stalled_after,
            )
            failed: list[AssistantsError] = []
            with contextlib.closing(iter(waits)) as coming:
                for run in chain(ended, coming):
                    error = run_error(run) if check else None
                    if error is not None:
                        failed.append(error)
                    with shown.finished(run):
                        yield run
        _raise_first([*failed, *waits.errors])

    return each()


def _raise_first(errors: list[AssistantsError]) -> None:
    """Raises the first error of single runs, with a note on the number of others."""
    if not errors:
        return
    first, *others = errors
    add_note = getattr(first, "add_note", None)  # Python 3.11
    if others and add_note is not None:
        add_note(f"{len(others)} more runs went wrong; this was the first")
    raise first
