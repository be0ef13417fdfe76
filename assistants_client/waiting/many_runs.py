"""Waiting for many runs at once: a heap of polls by when they are due, made in one thread.

How a run is read is in ``resources/_run_calls.py``; clock and cap are the ``Waiter``'s.
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

from assistants_client._arguments import number
from assistants_client._http.deadline import take
from assistants_client.backoff import Backoff, BackoffLike
from assistants_client.errors import (
    APIError,
    AssistantsError,
    ConfigurationError,
    WaitTimeoutError,
    run_error,
)
from assistants_client.models.runs import Run
from assistants_client.waiting.polling import (
    Polls,
    Time,
    Waiter,
    Watch,
    check_stalled_after,
    check_timeout,
)
from assistants_client.waiting.progress import NO_PROGRESS, runs_progress
from assistants_client.waiting.rate_limiter import Ticket

if TYPE_CHECKING:
    from assistants_client.resources._run_calls import RunCalls

#: A run, or the ids of its thread and its own.
RunOrIds: TypeAlias = "Run | tuple[str, str]"

#: Seconds after which a poll no longer holds up the next one.
HANGS_AFTER: Final = 1.0
#: How many polls may hang before no other is begun.
MOST_HANGING: Final = 8


def _distinct(runs: Iterable[RunOrIds]) -> list[RunOrIds]:
    """Each run once, in order; of several forms the one that is final.

    Raises:
        ConfigurationError: Something is neither a run nor a pair of ids.
    """
    if isinstance(runs, Run):
        raise ConfigurationError("runs: expected several; one is waited for with wait_for_run")
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
    #: When the poll that is under way began.
    asked: float = 0.0


class ManyWaits:
    """Yields each run as soon as it is final or requires its caller.

    What goes wrong with one run is kept in :attr:`errors`, and does not end the wait for others.
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
        self._lanes = _Lanes(calls)
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
                one, answer = self._next_answer(until)
                self._under_way.remove(one)
                run = self._settled(one, answer)
                if run is not None:
                    left = self._clock.now()
                    yield run
                    until += self._clock.now() - left  # the caller's own time does not count
        finally:
            self._leave_line()
            self._lanes.close()

    def _settled(self, one: _Waiting, answer: _Answer) -> Run | None:
        """The run, if this answer ends its wait; else its next poll is planned."""
        if self._on_poll is not None and not isinstance(answer, BaseException):
            self._on_poll(answer[0])
        try:
            is_done = _is_done(one, answer)
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

    def _next_answer(self, until: float) -> tuple[_Waiting, _Answer]:
        """Begins polls as they are due, until one is answered."""
        try:
            while True:
                done = self._lanes.take()
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
                    done = self._lanes.take(pause)
                if done is not None:
                    return done
        finally:
            self._leave_line()  # nobody is to wait for us while our caller has the run

    def _begin(self, now: float) -> float:
        """Begins the poll that has been due longest; answers after how long there may be one."""
        busy = [one.asked for one in self._under_way if now - one.asked < HANGS_AFTER]
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
        one.asked = now
        self._under_way.append(one)
        self._lanes.begin(one)
        return 0.0

    def _leave_line(self) -> None:
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


_Answer: TypeAlias = "tuple[Run, Mapping[str, str]] | BaseException"


def _is_done(one: _Waiting, answer: _Answer) -> bool:
    if isinstance(answer, APIError):
        one.polls.failed(answer)
        return False
    if isinstance(answer, BaseException):
        raise answer
    one.polls.took(*answer)
    return one.watch.is_done(answer[0])


class _Lanes:
    """Threads that make one poll after the other; there are as many as polls were under way."""

    def __init__(self, calls: RunCalls) -> None:
        self._calls = calls
        self._begun: queue.Queue[_Waiting | None] = queue.Queue()
        self._done: queue.Queue[tuple[_Waiting, _Answer]] = queue.Queue()
        self._threads = 0
        self._idle = 0

    def begin(self, one: _Waiting) -> None:
        """Has a run polled."""
        if self._idle:
            self._idle -= 1
        else:
            self._threads += 1
            context = contextvars.copy_context()
            threading.Thread(
                target=context.run, args=(self._work,), name="assistants-client-polls", daemon=True
            ).start()
        self._begun.put(one)

    def take(self, seconds: float = 0.0) -> tuple[_Waiting, _Answer] | None:
        """An answer, if one comes within that time."""
        done = take(self._done, seconds)
        self._idle += done is not None
        return done

    def close(self) -> None:
        """Lets the threads end, each after what it is doing."""
        for _ in range(self._threads):
            self._begun.put(None)
        self._threads = 0

    def _work(self) -> None:
        while (one := self._begun.get()) is not None:
            answer: _Answer
            try:
                answer = self._calls.poll(one.thread_id, one.run_id)
            except BaseException as error:  # handed to the caller's thread
                answer = error
            self._done.put((one, answer))


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
    # A mistake shows at once, not when the first run is asked for.
    check_timeout(timeout)
    delays = waiter.delays(backoff)
    check_stalled_after(stalled_after)
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
                    with shown.handing_out(run):
                        yield run
        _raise_first([*failed, *waits.errors])

    return each()


def _raise_first(errors: list[AssistantsError]) -> None:
    """Raises the first of what went wrong with single runs, saying how many others there were."""
    if not errors:
        return
    first, *others = errors
    add_note = getattr(first, "add_note", None)  # Python 3.11
    if others and add_note is not None:
        add_note(f"{len(others)} more runs went wrong; this was the first")
    raise first
