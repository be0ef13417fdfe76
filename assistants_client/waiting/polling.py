"""Waiting for a run, or other work of the server's, with a deadline that holds whatever it does.

The loop alone is here: how a run is polled, what time it is and how to sleep are arguments.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from attrs import frozen

from assistants_client._http.deadline import TooLateError, within
from assistants_client._protocol import ENGINE_POLL_AFTER_MS, POLL_AFTER_MS
from assistants_client.backoff import Backoff, BackoffLike, as_backoff
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    ConfigurationError,
    RunError,
    WaitTimeoutError,
)
from assistants_client.models.runs import RequiredToolCall, Run, ToolOutput, is_settled
from assistants_client.waiting.rate_limiter import Pace

T = TypeVar("T")

#: Seconds a wait may take unless told otherwise: a run expires 600 s after it was created.
DEFAULT_WAIT: Final = 660.0

#: Seconds within which a run that was cancelled should have ended.
CANCEL_SECONDS: Final = 30.0

#: Seconds for sending the outputs of tools that ran beyond the deadline.
_SUBMIT_SECONDS = 5.0

#: Seconds that stand for no bound, where one is needed.
_NO_BOUND = 1e9

#: The longest pause a server's hint may ask for, in seconds.
_LONGEST_HINT = 60.0

#: Refusals that say nothing about the run: the next poll may well succeed.
_TRANSIENT_STATUSES: Final = frozenset({408, 409, 429})


@frozen
class Time:
    """A clock in seconds and a way to sleep; tests bring their own."""

    now: Callable[[], float]
    sleep: Callable[[float], None]


class Polls(Generic[T]):
    """What the polls of one thing have told so far, and when the next is due.

    Attributes:
        seen: The thing as last read.
        fault: Why the last poll failed, if it did.
    """

    def __init__(self, delays: Backoff, last: T | None) -> None:
        self.seen = last
        self.fault: APIError | None = None
        self._delays = delays
        self._count = 0
        self._hint: float | None = None

    def took(self, seen: T, headers: Mapping[str, str]) -> None:
        """A poll went well."""
        self.seen, self.fault, self._hint = seen, None, _hint(headers)

    def failed(self, error: APIError) -> None:
        """A poll failed; raises the error again where the next would fail as well."""
        if not _is_transient(error):
            raise error
        self.fault = error
        self._hint = _bounded(error.retry_after) if isinstance(error, APIStatusError) else None

    def delay(self, elapsed: float) -> float:
        """Seconds until the next poll; the server's wish wins over the backoff."""
        self._count += 1
        return (
            _checked_delay(self._delays(self._count, elapsed)) if self._hint is None else self._hint
        )

    def timed_out(self, name: str, timeout: float) -> WaitTimeoutError:
        """The error that tells what was seen last."""
        text = f"{name} was not finished within {timeout:g} s; "
        status = getattr(self.seen, "status", "unfinished")
        text += "no poll succeeded" if self.seen is None else f"it was {status!r} when last seen"
        if self.fault is not None:
            text += f"; the last poll failed: {self.fault}"
        error = WaitTimeoutError(text, self.seen if isinstance(self.seen, Run) else None)
        error.__cause__ = self.fault
        return error


def poll_until(
    poll: Callable[[], tuple[T, Mapping[str, str]]],
    is_done: Callable[[T], bool],
    *,
    name: str,
    last: T | None = None,
    timeout: float,
    backoff: BackoffLike,
    time: Time,
    pace: Pace | None = None,
    begun: float | None = None,
) -> T:
    """Polls until what is read is done.

    Args:
        poll: Reads the thing, with the answer's headers.
        is_done: Whether the wait is over; called with what each poll read.
        name: What is waited for, for messages.
        last: What the caller saw last.
        timeout: Seconds for the whole wait, a hanging poll included.
        backoff: The delays; the server's ``openai-poll-after-ms`` wins over it.
        time: Clock and sleep.
        pace: The cap that these polls share with others.
        begun: Since when the timeout runs, if not from now on.

    Raises:
        WaitTimeoutError: The time ran out first.
        APIError: A poll failed in a way that waiting cannot cure.
        ConfigurationError: The timeout or the backoff cannot be used.
    """
    check_timeout(timeout)
    polls = Polls(checked_backoff(backoff), last)
    first = time.now()
    until = (first if begun is None else begun) + timeout
    while True:
        if pace is not None and not _has_turn(pace, time, until):
            raise polls.timed_out(name, timeout)
        try:
            seen, headers = _promptly(until - time.now(), poll)
        except APIError as error:
            polls.failed(error)
        except TooLateError:
            raise polls.timed_out(name, timeout) from polls.fault
        else:
            polls.took(seen, headers)
            if is_done(seen):
                return seen
        now = time.now()
        time.sleep(max(min(polls.delay(now - first), until - now), 0))
        if time.now() >= until:
            raise polls.timed_out(name, timeout)


def _has_turn(pace: Pace, time: Time, until: float) -> bool:
    """Waits for the turn of a poll that is due now; whether it came in time."""
    ticket = pace.enter(time.now())
    try:
        while True:
            now = time.now()
            if now >= until:
                return False
            pause = pace.ask(ticket, now)
            if not pause:
                return True
            time.sleep(min(pause, until - now))
    finally:
        pace.leave(ticket)


def _promptly(seconds: float, call: Callable[[], T]) -> T:
    """The call's result, in a thread of its own also where there is no bound.

    Ctrl-C reaches the caller's thread at any moment then; in a look-up of a name it would not.
    """
    return within(min(seconds, _NO_BOUND), call)


@frozen
class RunLink:
    """What waiting for one run asks of its resource."""

    poll: Callable[[], tuple[Run, Mapping[str, str]]]
    submit: Callable[[Run, Sequence[ToolOutput]], Run]
    cancel: Callable[[], Run]
    #: The outputs of the calls that a run waits for; ``None`` leaves them to the caller.
    answer: Callable[[Run], list[ToolOutput] | None]


def wait_for_run(
    link: RunLink,
    *,
    name: str,
    last: Run | None,
    timeout: float,
    backoff: BackoffLike,
    time: Time,
    pace: Pace,
    on_poll: Callable[[Run], object] | None,
    stalled_after: float | None,
    cancel_on_timeout: bool,
    max_tool_rounds: int,
) -> Run:
    """Waits until a run is final or requires its caller; see ``Client.wait_for_run``."""
    watch = Watch(on_poll, stalled_after, time)
    begun = time.now()
    submitted = _Submitted()
    rounds = 0
    while True:
        try:
            run = last = poll_until(
                link.poll,
                watch.is_done,
                name=name,
                last=last,
                timeout=timeout,
                backoff=backoff,
                time=time,
                pace=pace,
                begun=begun,
            )
        except WaitTimeoutError as error:
            if cancel_on_timeout and not watch.stalled:  # then there is time left
                error.run = _cancelled(
                    link, error.run, name=name, backoff=backoff, time=time, pace=pace
                )
            raise
        outputs = None
        if run.status == "requires_action":
            outputs = submitted.again(run) or link.answer(run)
        if outputs is None:
            return run
        rounds += 1
        if rounds > max_tool_rounds:
            raise RunError(
                f"{name} asked for tools more than {max_tool_rounds} times (max_tool_rounds)", run
            )
        submitted.remember(run, outputs)
        left = begun + timeout - time.now()
        try:
            last = _promptly(left if left > 0 else _SUBMIT_SECONDS, _submission(link, run, outputs))
        except TooLateError:
            pass  # it goes on in its thread; the next poll finds that the time is up
        except APIError as error:
            # Whether the outputs were taken shows at the next poll; the tools do not run again.
            if not error.maybe_created:
                raise
        else:
            submitted = _Submitted()


def _submission(link: RunLink, run: Run, outputs: Sequence[ToolOutput]) -> Callable[[], Run]:
    return lambda: link.submit(run, outputs)


class _Submitted:
    """The outputs that the server may have taken or not, for a run that asks for the same again."""

    def __init__(self) -> None:
        self._calls: list[RequiredToolCall] = []
        self._outputs: list[ToolOutput] | None = None

    def again(self, run: Run) -> list[ToolOutput] | None:
        # Not by their ids alone: some servers count them anew in each round. For the same reason
        # a call that comes again after its output was taken is a new one.
        return self._outputs if run.tool_calls == self._calls else None

    def remember(self, run: Run, outputs: list[ToolOutput]) -> None:
        self._calls, self._outputs = run.tool_calls, outputs


class Watch:
    """Looks at every poll: tells the caller, and notices that nothing happens any more.

    Attributes:
        stalled: Whether it has noticed that.
    """

    def __init__(
        self, on_poll: Callable[[Run], object] | None, stalled_after: float | None, time: Time
    ) -> None:
        check_stalled_after(stalled_after)
        self._on_poll = on_poll
        self._stalled_after = stalled_after
        self._time = time
        self._last: Run | None = None
        self._since = time.now()
        self.stalled: bool = False

    def is_done(self, run: Run) -> bool:
        """Whether there is nothing more to wait for.

        Raises:
            WaitTimeoutError: Nothing has changed for too long.
        """
        if self._on_poll is not None:
            self._on_poll(run)
        now = self._time.now()
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
    link: RunLink, last: Run | None, *, name: str, backoff: BackoffLike, time: Time, pace: Pace
) -> Run | None:
    """The run after cancelling it and waiting for its end, as far as that comes about."""
    begun = time.now()
    # It may have ended meanwhile, which the poll will tell.
    with contextlib.suppress(APIError, TooLateError):
        last = within(CANCEL_SECONDS, link.cancel)
    try:
        return poll_until(
            link.poll,
            lambda run: run.is_final,
            name=name,
            last=last,
            timeout=CANCEL_SECONDS,
            backoff=backoff,
            time=time,
            pace=pace,
            begun=begun,
        )
    except (APIError, WaitTimeoutError) as error:
        return error.run if isinstance(error, WaitTimeoutError) else last


def _is_transient(error: APIError) -> bool:
    if isinstance(error, APIStatusError):
        return error.status_code in _TRANSIENT_STATUSES or error.status_code >= 500
    # An answer cut short has the broken connection for its cause; one that is no JSON has none.
    return isinstance(error, APIConnectionError) or error.__cause__ is not None


def _hint(headers: Mapping[str, str]) -> float | None:
    """The server's wish, in seconds; hints are re-read on every answer."""
    wish = headers.get(ENGINE_POLL_AFTER_MS) or headers.get(POLL_AFTER_MS) or ""
    try:
        return _bounded(float(wish) / 1000)
    except ValueError:
        return None


def _bounded(hint: float | None) -> float | None:
    """A wish that can be followed: one of 0 would have us ask without a pause."""
    return min(hint, _LONGEST_HINT) if hint is not None and hint > 0 else None


def check_timeout(timeout: object) -> None:
    """Refuses what is no number of seconds."""
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0:
        raise ConfigurationError(
            f"timeout: {timeout!r} is not a number of seconds; an endless wait is spelled "
            "float('inf')"
        )


def checked_backoff(backoff: BackoffLike) -> Backoff:
    """The backoff, or the error that a caller can read."""
    try:
        return as_backoff(backoff)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"backoff: {error}") from None


def _checked_delay(delay: object) -> float:
    if isinstance(delay, bool) or not isinstance(delay, (int, float)) or not delay >= 0:
        raise ConfigurationError(f"backoff: answered {delay!r}, not a number of 0 or more seconds")
    return delay


def check_stalled_after(seconds: object) -> None:
    """Refuses what is no number of seconds above 0; ``None`` is no such bound."""
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if seconds is not None and not (is_number and seconds > 0):  # type: ignore[operator]  # it is one
        raise ConfigurationError(f"stalled_after: {seconds!r} is not a number of seconds above 0")
