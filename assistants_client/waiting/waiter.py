"""The polls of one object until it is done, with a deadline that holds whatever the server does.

Runs have more to their waits: see ``polling.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

from attrs import define, field, frozen

from assistants_client._arguments import is_number, plain_number
from assistants_client._http.deadline import TooLateError, within
from assistants_client._protocol import ENGINE_POLL_AFTER_MS, POLL_AFTER_MS
from assistants_client.backoff import Backoff, BackoffLike
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    ConfigurationError,
    WaitTimeoutError,
)
from assistants_client.waiting.options import check_timeout, checked_backoff
from assistants_client.waiting.rate_limiter import RateLimiter

T = TypeVar("T")

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
        from assistants_client.models.runs import Run  # imported by whoever read one

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
                seen, headers = promptly(until - self.clock.now(), poll)
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


def promptly(seconds: float, call: Callable[[], T]) -> T:
    """Returns the call's result; it runs in a thread of its own, also where there is no bound.

    Ctrl-C reaches the caller's thread at any moment then; in a DNS lookup it would not.
    """
    return within(min(seconds, _NO_BOUND), call)


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


def _checked_delay(delay: object) -> float:
    delay = plain_number(delay)
    if not is_number(delay) or not delay >= 0:
        raise ConfigurationError(f"backoff: returned {delay!r}, not a number of 0 or more seconds")
    return delay
