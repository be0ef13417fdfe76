"""Waiting for a run's end, with a deadline that holds whatever the server does.

The loop alone is here: how a run is polled, what time it is and how to sleep are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen

from assistants_client._deadline import TooLateError, within
from assistants_client.backoff import BackoffLike, as_backoff
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    ConfigurationError,
    RunCancelledError,
    RunError,
    RunExpiredError,
    RunFailedError,
    RunIncompleteError,
    WaitTimeoutError,
)
from assistants_client.models.runs import Run

#: Seconds a wait may take unless told otherwise: a run expires 600 s after it was created.
DEFAULT_WAIT: Final = 660.0

#: The longest pause a server's hint may ask for, in seconds.
_LONGEST_HINT = 60.0

_ERRORS: Final[Mapping[str, type[RunError]]] = {
    "failed": RunFailedError,
    "cancelled": RunCancelledError,
    "expired": RunExpiredError,
    "incomplete": RunIncompleteError,
}
#: Refusals that say nothing about the run: the next poll may well succeed.
_TRANSIENT_STATUSES: Final = frozenset({408, 409, 429})


@frozen
class Time:
    """A clock in seconds and a way to sleep; tests bring their own."""

    now: Callable[[], float]
    sleep: Callable[[float], None]


def wait(
    poll: Callable[[], tuple[Run, Mapping[str, str]]],
    *,
    name: str,
    run: Run | None,
    timeout: float,
    backoff: BackoffLike,
    check: bool,
    on_poll: Callable[[Run], object] | None,
    time: Time,
) -> Run:
    """Polls until the run is final or requires action.

    Args:
        poll: Reads the run, with the answer's headers.
        name: The run's id, for messages.
        run: The run as last seen by the caller; a final one is not asked for again.
        timeout: Seconds for the whole wait, a hanging poll included.
        backoff: The delays; the server's ``openai-poll-after-ms`` wins over it.
        check: Whether an end other than ``completed`` is an error.
        on_poll: Called with the run after every poll.
        time: Clock and sleep.

    Raises:
        RunError: The run did not complete (one subclass for each end).
        WaitTimeoutError: The time ran out first.
        APIError: A poll failed in a way that waiting cannot cure.
        ConfigurationError: The timeout or the backoff cannot be used.
    """
    _check_timeout(timeout)
    delays = _checked_backoff(backoff)
    begun = time.now()
    if run is not None and run.is_final:
        return _ended(run, check=check)
    polls = 0
    fault: APIError | None = None
    while True:
        try:
            seen, headers = within(timeout - (time.now() - begun), poll)
        except APIError as error:
            if not _is_transient(error):
                raise
            fault = error
            hint = _bounded(error.retry_after) if isinstance(error, APIStatusError) else None
        except TooLateError:
            raise _timed_out(name, timeout, run, fault) from fault
        else:
            run, fault = seen, None
            hint = _hint(headers)
            if on_poll is not None:
                on_poll(seen)
            if seen.is_final or seen.status == "requires_action":
                return _ended(seen, check=check)
        polls += 1
        elapsed = time.now() - begun
        delay = hint if hint is not None else _checked_delay(delays(polls, elapsed))
        time.sleep(max(min(delay, timeout - elapsed), 0))
        if time.now() - begun >= timeout:
            raise _timed_out(name, timeout, run, fault) from fault


def _ended(run: Run, *, check: bool) -> Run:
    if check:
        raise_for_end(run)
    return run


def raise_for_end(run: Run) -> None:
    """Raises the error that belongs to a run's end; ``completed`` and unfinished ones pass.

    Raises:
        RunError: One subclass for each of failed, cancelled, expired and incomplete.
    """
    error = _ERRORS.get(run.status)
    if error is None:
        return
    text = f"run {run.id} on thread {run.thread_id} is {run.status}"
    if run.last_error is not None:
        text += f": {run.last_error.code}: {run.last_error.message}"
    if run.incomplete_details is not None and run.incomplete_details.reason:
        text += f" ({run.incomplete_details.reason})"
    raise error(text, run)


def _is_transient(error: APIError) -> bool:
    if isinstance(error, APIStatusError):
        return error.status_code in _TRANSIENT_STATUSES or error.status_code >= 500
    return isinstance(error, APIConnectionError)


def _hint(headers: Mapping[str, str]) -> float | None:
    """The server's wish, in seconds; hints are re-read on every answer."""
    try:
        return _bounded(float(headers["openai-poll-after-ms"]) / 1000)
    except (KeyError, ValueError):
        return None


def _bounded(hint: float | None) -> float | None:
    """A wish that can be followed: one of 0 would have us ask without a pause."""
    return min(hint, _LONGEST_HINT) if hint is not None and hint > 0 else None


def _timed_out(name: str, timeout: float, run: Run | None, fault: APIError | None) -> Exception:
    text = f"run {name} was not finished within {timeout:g} s"
    text += f"; it was {run.status!r} when last seen" if run is not None else "; no poll succeeded"
    if fault is not None:
        text += f"; the last poll failed: {fault}"
    return WaitTimeoutError(text, run)


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
