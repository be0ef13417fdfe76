"""Waiting for a run, or other work of the server's, with a deadline that holds whatever it does.

The loop alone is here: how a run is polled, what time it is and how to sleep are arguments.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from attrs import frozen

from assistants_client._deadline import TooLateError, within
from assistants_client.backoff import BackoffLike, as_backoff
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    ConfigurationError,
    RunError,
    WaitTimeoutError,
)
from assistants_client.models.runs import Run, ToolOutput

T = TypeVar("T")

#: Seconds a wait may take unless told otherwise: a run expires 600 s after it was created.
DEFAULT_WAIT: Final = 660.0

#: Seconds within which a run that was cancelled should have ended.
CANCEL_SECONDS: Final = 30.0

#: The longest pause a server's hint may ask for, in seconds.
_LONGEST_HINT = 60.0

#: Refusals that say nothing about the run: the next poll may well succeed.
_TRANSIENT_STATUSES: Final = frozenset({408, 409, 429})


@frozen
class Time:
    """A clock in seconds and a way to sleep; tests bring their own."""

    now: Callable[[], float]
    sleep: Callable[[float], None]


def poll_until(
    poll: Callable[[], tuple[T, Mapping[str, str]]],
    is_done: Callable[[T], bool],
    *,
    name: str,
    last: T | None = None,
    timeout: float,
    backoff: BackoffLike,
    time: Time,
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

    Raises:
        WaitTimeoutError: The time ran out first.
        APIError: A poll failed in a way that waiting cannot cure.
        ConfigurationError: The timeout or the backoff cannot be used.
    """
    _check_timeout(timeout)
    delays = _checked_backoff(backoff)
    begun = time.now()
    seen = last
    fault: APIError | None = None
    polls = 0
    while True:
        try:
            seen, headers = within(timeout - (time.now() - begun), poll)
        except APIError as error:
            if not _is_transient(error):
                raise
            fault = error
            hint = _bounded(error.retry_after) if isinstance(error, APIStatusError) else None
        except TooLateError:
            raise _timed_out(name, timeout, seen, fault) from fault
        else:
            fault = None
            hint = _hint(headers)
            if is_done(seen):
                return seen
        polls += 1
        elapsed = time.now() - begun
        delay = hint if hint is not None else _checked_delay(delays(polls, elapsed))
        time.sleep(max(min(delay, timeout - elapsed), 0))
        if time.now() - begun >= timeout:
            raise _timed_out(name, timeout, seen, fault) from fault


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
    on_poll: Callable[[Run], object] | None,
    stalled_after: float | None,
    cancel_on_timeout: bool,
    max_tool_rounds: int,
) -> Run:
    """Waits until a run is final or requires its caller; see ``Client.wait_for_run``."""
    watch = _Watch(on_poll, stalled_after, time)
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
                timeout=timeout - (time.now() - begun) if rounds else timeout,
                backoff=backoff,
                time=time,
            )
        except WaitTimeoutError as error:
            if cancel_on_timeout:
                error.run = _cancelled(link, error.run, name, backoff, time)
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
        try:
            last = link.submit(run, outputs)
        except APIError as error:
            # Whether the outputs were taken shows at the next poll; the tools do not run again.
            if not error.maybe_created:
                raise


class _Submitted:
    """The outputs sent last, for a run that asks for the same once more."""

    def __init__(self) -> None:
        self._calls: frozenset[str] = frozenset()
        self._outputs: list[ToolOutput] | None = None

    def again(self, run: Run) -> list[ToolOutput] | None:
        return self._outputs if self._ids(run) == self._calls else None

    def remember(self, run: Run, outputs: list[ToolOutput]) -> None:
        self._calls, self._outputs = self._ids(run), outputs

    @staticmethod
    def _ids(run: Run) -> frozenset[str]:
        return frozenset(call.id for call in run.tool_calls)


class _Watch:
    """Looks at every poll: tells the caller, and notices that nothing happens any more."""

    def __init__(
        self, on_poll: Callable[[Run], object] | None, stalled_after: float | None, time: Time
    ) -> None:
        if stalled_after is not None and not stalled_after > 0:
            raise ConfigurationError(
                f"stalled_after: {stalled_after!r} is not a number of seconds above 0"
            )
        self._on_poll = on_poll
        self._stalled_after = stalled_after
        self._time = time
        self._last: Run | None = None
        self._since = time.now()

    def is_done(self, run: Run) -> bool:
        if self._on_poll is not None:
            self._on_poll(run)
        now = self._time.now()
        if run != self._last:
            self._last, self._since = run, now
        elif self._stalled_after is not None and now - self._since >= self._stalled_after:
            raise WaitTimeoutError(
                f"run {run.id} has been {run.status!r}, unchanged, for {now - self._since:g} s "
                "(stalled_after)",
                run,
            )
        return is_settled(run)


def _cancelled(
    link: RunLink, last: Run | None, name: str, backoff: BackoffLike, time: Time
) -> Run | None:
    """The run after cancelling it and waiting for its end, as far as that comes about."""
    with contextlib.suppress(APIError):  # it may have ended meanwhile, which the poll will tell
        last = link.cancel()
    try:
        return poll_until(
            link.poll,
            lambda run: run.is_final,
            name=name,
            last=last,
            timeout=CANCEL_SECONDS,
            backoff=backoff,
            time=time,
        )
    except (APIError, WaitTimeoutError) as error:
        return error.run if isinstance(error, WaitTimeoutError) else last


def is_settled(run: Run) -> bool:
    """Whether there is nothing to wait for: the run is final, or it waits for its caller."""
    return run.is_final or run.status == "requires_action"


def _is_transient(error: APIError) -> bool:
    if isinstance(error, APIStatusError):
        return error.status_code in _TRANSIENT_STATUSES or error.status_code >= 500
    # An answer cut short has the broken connection for its cause; one that is no JSON has none.
    return isinstance(error, APIConnectionError) or error.__cause__ is not None


def _hint(headers: Mapping[str, str]) -> float | None:
    """The server's wish, in seconds; hints are re-read on every answer."""
    try:
        return _bounded(float(headers["openai-poll-after-ms"]) / 1000)
    except (KeyError, ValueError):
        return None


def _bounded(hint: float | None) -> float | None:
    """A wish that can be followed: one of 0 would have us ask without a pause."""
    return min(hint, _LONGEST_HINT) if hint is not None and hint > 0 else None


def _timed_out(name: str, timeout: float, seen: object, fault: APIError | None) -> WaitTimeoutError:
    text = f"{name} was not finished within {timeout:g} s; "
    status = getattr(seen, "status", "unfinished")
    text += "no poll succeeded" if seen is None else f"it was {status!r} when last seen"
    if fault is not None:
        text += f"; the last poll failed: {fault}"
    return WaitTimeoutError(text, seen if isinstance(seen, Run) else None)


def _check_timeout(timeout: object) -> None:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0:
        raise ConfigurationError(
            f"timeout: {timeout!r} is not a number of seconds; an endless wait is spelled "
            "float('inf')"
        )


def _checked_backoff(backoff: BackoffLike) -> Callable[[int, float], float]:
    try:
        return as_backoff(backoff)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"backoff: {error}") from None


def _checked_delay(delay: object) -> float:
    if isinstance(delay, bool) or not isinstance(delay, (int, float)) or not delay >= 0:
        raise ConfigurationError(f"backoff: answered {delay!r}, not a number of 0 or more seconds")
    return delay
