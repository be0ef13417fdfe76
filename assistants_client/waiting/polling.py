"""Waiting for a run, or other work of a server, with a deadline that holds whatever it does.

Only the loops are here: the requests are in ``_calls/run_calls.py``, and the rounds in which
functions are called in ``function_tools/tool_rounds.py``.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from attrs import define, field, frozen

from assistants_client._arguments import (
    ENDLESS,
    check_tool_handling,
    is_number,
    number,
    plain_number,
)
from assistants_client._http.deadline import TooLateError, take, within
from assistants_client._protocol import ENGINE_POLL_AFTER_MS, POLL_AFTER_MS
from assistants_client.backoff import Backoff, BackoffLike, as_backoff
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    ConfigurationError,
    WaitTimeoutError,
    run_error,
)
from assistants_client.models.run_streams import Approve, Journal, OnToolError, ToolHandling
from assistants_client.models.runs import Run, SubmitToolOutputsRequest, is_settled
from assistants_client.waiting.progress import NO_PROGRESS, run_progress
from assistants_client.waiting.rate_limiter import RateLimiter

if TYPE_CHECKING:
    from assistants_client._calls.run_calls import RunCalls
    from assistants_client.function_tools.function_tool import ToolLike
    from assistants_client.function_tools.tool_rounds import ToolRounds
    from assistants_client.models.tools import ToolInput

T = TypeVar("T")

#: The default timeout of a wait in seconds: a run expires 600 s after it was created.
DEFAULT_WAIT: Final = 660.0

#: Seconds within which a run that was cancelled should have ended.
CANCEL_SECONDS: Final = 30.0

#: Seconds for sending the outputs of tools that ran beyond the deadline.
_SUBMIT_SECONDS = 5.0

#: The seconds that mean no bound, where a number is needed.
_NO_BOUND = 1e9

#: The longest pause that a server's hint may cause, in seconds.
_LONGEST_HINT = 60.0

#: Statuses of errors that do not concern the run: the next poll may well succeed.
_TRANSIENT_STATUSES: Final = frozenset({408, 409, 429})


@frozen
class Time:
    """A clock in seconds and a function that sleeps; tests pass their own."""

    now: Callable[[], float]
    sleep: Callable[[float], object]


class Polls(Generic[T]):
    """The results of one object's polls so far, and the delay until the next.

    Attributes:
        seen: The object as last read.
        fault: The error of the last poll, if it failed.
    """

    def __init__(self, delays: Backoff, last: T | None) -> None:
        self.seen = last
        self.fault: APIError | None = None
        self._delays = delays
        self._count = 0
        self._hint: float | None = None

    def succeeded(self, seen: T, headers: Mapping[str, str]) -> None:
        """Records a poll that succeeded."""
        self.seen, self.fault, self._hint = seen, None, _hint(headers)

    def failed(self, error: APIError) -> None:
        """Records a poll that failed; raises its error if the next would fail as well."""
        if not _is_transient(error):
            raise error
        self.fault = error
        self._hint = _bounded(error.retry_after) if isinstance(error, APIStatusError) else None

    def delay(self, elapsed: float) -> float:
        """Returns the seconds until the next poll; the server's hint wins over the backoff."""
        self._count += 1
        return (
            _checked_delay(self._delays(self._count, elapsed)) if self._hint is None else self._hint
        )

    def timed_out(self, name: str, timeout: float) -> WaitTimeoutError:
        """Returns the error of a timeout, with the object as last read."""
        text = f"{name} was not finished within {timeout:g} s; "
        status = getattr(self.seen, "status", "unfinished")
        text += "no poll succeeded" if self.seen is None else f"it was {status!r} when last seen"
        if self.fault is not None:
            text += f"; the last poll failed: {self.fault}"
        error = WaitTimeoutError(text, self.seen if isinstance(self.seen, Run) else None)
        error.__cause__ = self.fault
        return error


@define(eq=False)
class Waiter:
    """The clock, backoff and cap that all waits of one client share, in whatever thread they are.

    Attributes:
        clock: Clock and sleep.
        backoff: The delays between polls, where a wait has none of its own.
        rate_limiter: The cap on the polls of all waits together.
    """

    clock: Time
    backoff: Backoff
    rate_limiter: RateLimiter = field(factory=RateLimiter)

    def poll_until(
        self,
        poll: Callable[[], tuple[T, Mapping[str, str]]],
        is_done: Callable[[T], bool],
        *,
        name: str,
        timeout: float,
        last: T | None = None,
        backoff: BackoffLike | None = None,
        begun: float | None = None,
    ) -> T:
        """Polls an object until it is done.

        Args:
            poll: Reads the object, with the response's headers.
            is_done: Called with the object of each poll; true ends the wait.
            name: The object's name in messages.
            timeout: Seconds for the whole wait, a hanging poll included.
            last: The object as the caller last read it.
            backoff: The delays; the server's ``openai-poll-after-ms`` wins over them.
            begun: The time at which the timeout began, if not now.

        Raises:
            WaitTimeoutError: The time ran out first.
            APIError: A poll failed with an error that is not transient.
            ConfigurationError: The timeout or the backoff cannot be used.
        """
        timeout = check_timeout(timeout)
        polls = Polls(self.delays(backoff), last)
        first = self.clock.now()
        until = (first if begun is None else begun) + timeout
        while True:
            if not self._acquire_turn(until):
                raise polls.timed_out(name, timeout)
            try:
                seen, headers = _promptly(until - self.clock.now(), poll)
            except APIError as error:
                polls.failed(error)
            except TooLateError:
                raise polls.timed_out(name, timeout) from polls.fault
            else:
                polls.succeeded(seen, headers)
                if is_done(seen):
                    return seen
            now = self.clock.now()
            self.clock.sleep(max(min(polls.delay(now - first), until - now), 0))
            if self.clock.now() >= until:
                raise polls.timed_out(name, timeout)

    def delays(self, backoff: BackoffLike | None) -> Backoff:
        """Returns a wait's own backoff, else the client's.

        Raises:
            ConfigurationError: It cannot be used.
        """
        return self.backoff if backoff is None else checked_backoff(backoff)

    def _acquire_turn(self, until: float) -> bool:
        """Waits for the turn of a poll that is due now; false if the time runs out first."""
        ticket = self.rate_limiter.queue(self.clock.now())
        try:
            while True:
                now = self.clock.now()
                if now >= until:
                    return False
                pause = self.rate_limiter.try_acquire(ticket, now)
                if not pause:
                    return True
                self.clock.sleep(min(pause, until - now))
        finally:
            self.rate_limiter.cancel(ticket)


def _promptly(seconds: float, call: Callable[[], T]) -> T:
    """Returns the call's result; it runs in a thread of its own, also where there is no bound.

    Ctrl-C reaches the caller's thread at any moment then; in a DNS lookup it would not.
    """
    return within(min(seconds, _NO_BOUND), call)


def run_or_ids(run: Run | None, thread_id: str | None, run_id: str | None) -> tuple[str, str]:
    """Returns the ids of a run that is given itself or by its ids.

    Raises:
        ConfigurationError: Both are given, or neither.
    """
    if run is None:
        if thread_id is None or run_id is None:
            raise ConfigurationError("run: give a run, or both thread_id and run_id")
        return thread_id, run_id
    if thread_id is not None or run_id is not None:
        raise ConfigurationError("run: give the run or its ids, not both")
    if not isinstance(run, Run):
        raise ConfigurationError(
            f"run: expected a Run, got {type(run).__name__}; ids are given as thread_id= and "
            "run_id="
        )
    return run.thread_id, run.id


def wait_for_run(
    thread_id: str,
    run_id: str,
    *,
    calls: RunCalls,
    waiter: Waiter,
    last: Run | None,
    tools: Iterable[ToolLike] | None = None,
    handling: ToolHandling | None = None,
    timeout: float = DEFAULT_WAIT,
    backoff: BackoffLike | None = None,
    on_poll: Callable[[Run], object] | None = None,
    check: bool = False,
    stalled_after: float | None = None,
    cancel_on_timeout: bool = False,
    progress: bool = False,
    begun: float | None = None,
) -> Run:
    """Waits until a run is final or requires its caller; see ``Client.wait_for_run``.

    ``begun`` is the time at which the timeout began, if not now.
    """
    # A mistake is raised at once, not only where the run happens to take long.
    timeout, stalled_after = check_timeout(timeout), check_stalled_after(stalled_after)
    delays, clock = waiter.delays(backoff), waiter.clock
    rounds = None if tools is None else _tool_rounds(tools, handling or ToolHandling())
    if last is not None and last.is_final:
        run = last
    else:
        with (
            run_progress(run_id, clock.now) if progress else NO_PROGRESS as shown,
            calls.settling(run_id) as settled,
        ):
            sleep = shown.sleeping(_sleep(clock, settled))
            run = _poll_and_call_tools(
                thread_id,
                run_id,
                calls,
                Waiter(Time(clock.now, sleep), delays, waiter.rate_limiter),
                last=last,
                rounds=rounds,
                timeout=timeout,
                on_poll=shown.watching(on_poll),
                stalled_after=stalled_after,
                cancel_on_timeout=cancel_on_timeout,
                begun=clock.now() if begun is None else begun,
            )
    error = run_error(run) if check else None
    if error is not None:
        raise error
    return run


def _sleep(clock: Time, items: queue.Queue[bool] | None) -> Callable[[float], object]:
    """Returns a sleep that ends early, and returns true, when there is an item in a queue."""
    if items is None or clock.sleep is not time.sleep:  # a test's own time passes as it is told
        return clock.sleep
    return partial(take, items)


def tool_handling(
    on_tool_error: OnToolError,
    approve: Approve | None,
    parallel_tools: int,
    max_tool_rounds: int,
    journal: Journal | None,
) -> ToolHandling:
    """Makes the options of tool calls of a call's arguments.

    Raises:
        ConfigurationError: One of them cannot be used.
    """
    check_tool_handling(on_tool_error, parallel_tools, max_tool_rounds)
    return ToolHandling(
        on_tool_error=on_tool_error,
        approve=approve,
        parallel_tools=parallel_tools,
        max_tool_rounds=max_tool_rounds,
        journal=journal,
    )


def with_function_tools(tools: Iterable[ToolLike]) -> list[ToolInput]:
    """Returns the tools, with tools made of the functions among them.

    Raises:
        ConfigurationError: One of them cannot be made a tool.
    """
    # Functions as tools are imported by programs that have some.
    from assistants_client.function_tools.function_tool import as_tools

    return as_tools(tools)


def _tool_rounds(tools: Iterable[ToolLike], handling: ToolHandling) -> ToolRounds:
    from assistants_client.function_tools.tool_rounds import ToolRounds

    return ToolRounds(handling, with_function_tools(tools))


def _poll_and_call_tools(
    thread_id: str,
    run_id: str,
    calls: RunCalls,
    waiter: Waiter,
    *,
    last: Run | None,
    rounds: ToolRounds | None,
    timeout: float,
    on_poll: Callable[[Run], object] | None,
    stalled_after: float | None,
    cancel_on_timeout: bool,
    begun: float,
) -> Run:
    """Returns the run as it is when it is final or requires its caller."""
    clock, name = waiter.clock, f"run {run_id}"
    watch = Watch(on_poll, stalled_after, clock)
    while True:
        try:
            run = last = waiter.poll_until(
                lambda: calls.poll(thread_id, run_id),
                watch.is_done,
                name=name,
                last=last,
                timeout=timeout,
                begun=begun,
            )
        except WaitTimeoutError as error:
            if cancel_on_timeout and not watch.stalled:  # stalled: before the time was up
                error.run = _cancelled(calls, thread_id, run_id, waiter, error.run)
            raise
        outputs = None
        if rounds is not None and run.status == "requires_action":
            outputs = rounds.outputs_for(run)
        if rounds is None or outputs is None:
            return run
        request = SubmitToolOutputsRequest(outputs)
        left = begun + timeout - clock.now()
        try:
            last = _promptly(
                left if left > 0 else _SUBMIT_SECONDS,
                partial(calls.submit, thread_id, run_id, request),
            )
        except TooLateError:
            pass  # it goes on in its thread; the next poll finds that the time is up
        except APIError as error:
            # The next poll shows whether the server has the outputs; the tools do not run again.
            if not error.maybe_created:
                raise
            rounds.lost(error)
        else:
            rounds.taken()


class Watch:
    """Checks the run of every poll: calls ``on_poll``, and detects a run that has stalled.

    Attributes:
        stalled: True once the run has not changed for ``stalled_after`` seconds.
    """

    def __init__(
        self, on_poll: Callable[[Run], object] | None, stalled_after: float | None, clock: Time
    ) -> None:
        self._on_poll = on_poll
        self._stalled_after = check_stalled_after(stalled_after)
        self._clock = clock
        self._last: Run | None = None
        self._since = clock.now()
        self.stalled: bool = False

    def is_done(self, run: Run) -> bool:
        """Returns whether the run is final or requires action.

        Raises:
            WaitTimeoutError: The run has stalled.
        """
        if self._on_poll is not None:
            self._on_poll(run)
        now = self._clock.now()
        if run != self._last:
            self._last, self._since = run, now
        if is_settled(run):
            return True
        if self._stalled_after is not None and now - self._since >= self._stalled_after:
            self.stalled = True
            raise WaitTimeoutError(
                f"run {run.id} has been {run.status!r}, unchanged, for {now - self._since:g} s "
                "(stalled_after)",
                run,
            )
        return False


def _cancelled(
    calls: RunCalls, thread_id: str, run_id: str, waiter: Waiter, last: Run | None
) -> Run | None:
    """Cancels the run and waits for its end; returns it as last read."""
    begun = waiter.clock.now()
    # It may have ended meanwhile; the poll reads that.
    with contextlib.suppress(APIError, TooLateError):
        last = within(CANCEL_SECONDS, lambda: calls.cancel(thread_id, run_id))
    try:
        return waiter.poll_until(
            lambda: calls.poll(thread_id, run_id),
            lambda run: run.is_final,
            name=f"run {run_id}",
            last=last,
            timeout=CANCEL_SECONDS,
            begun=begun,
        )
    except (APIError, WaitTimeoutError) as error:
        return error.run if isinstance(error, WaitTimeoutError) else last


def _is_transient(error: APIError) -> bool:
    if isinstance(error, APIStatusError):
        return error.status_code in _TRANSIENT_STATUSES or error.status_code >= 500
    # A response cut short has the broken connection as its cause; one that is not JSON has none.
    return isinstance(error, APIConnectionError) or error.__cause__ is not None


def _hint(headers: Mapping[str, str]) -> float | None:
    """Reads the server's hint, in seconds; it is read anew from every response."""
    hint = headers.get(ENGINE_POLL_AFTER_MS) or headers.get(POLL_AFTER_MS) or ""
    try:
        return _bounded(float(hint) / 1000)
    except ValueError:
        return None


def _bounded(hint: float | None) -> float | None:
    """Returns a hint that can be followed: one of 0 would mean polls without a pause."""
    return min(hint, _LONGEST_HINT) if hint is not None and hint > 0 else None


def check_timeout(timeout: object) -> float:
    """Returns a number of seconds, and refuses anything else."""
    return number("timeout", timeout, at_least=0, unit="seconds", hint=ENDLESS)


def checked_backoff(backoff: BackoffLike) -> Backoff:
    """Makes a backoff of an argument.

    Raises:
        ConfigurationError: It is none, and no number of seconds.
    """
    try:
        return as_backoff(backoff)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"backoff: {error}") from None


def _checked_delay(delay: object) -> float:
    delay = plain_number(delay)
    if not is_number(delay) or not delay >= 0:
        raise ConfigurationError(f"backoff: returned {delay!r}, not a number of 0 or more seconds")
    return delay


def check_stalled_after(seconds: object) -> float | None:
    """Returns a number of seconds above 0, or ``None``, which means no such bound."""
    return None if seconds is None else number("stalled_after", seconds, above=0, unit="seconds")
