"""The retry rules: the requests that are sent again, and the pauses before.

The rules are a subclass of urllib3's ``Retry``, so that requests' own adapter applies them (and a
test that fakes the adapter, as ``responses`` does, runs them). Nothing is sent from here.
"""

from __future__ import annotations

import math
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Final, TypeVar

from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NewConnectionError,
    ProxyError,
    ResponseError,
    SSLError,
)
from urllib3.util.retry import Retry

from assistants_client._http.options import RetryPolicy

if TYPE_CHECKING:
    from urllib3.connectionpool import ConnectionPool
    from urllib3.response import BaseHTTPResponse

RetryT = TypeVar("RetryT", bound="PolicyRetry")

#: In seconds. If a server asks for a longer pause, its error is raised instead.
MAX_PAUSE: Final = 60.0

_REPEATABLE_METHODS: Final = frozenset({"GET", "DELETE"})
_REPEATABLE_STATUSES: Final = frozenset({408, 409, 429})
#: The part of a retry that a successful call returns to the budget.
_REFUND = 0.1


def _sleep(seconds: float) -> None:
    time.sleep(seconds)  # looked up when it is called, for tests that take its place


class Budget:
    """The state that the calls of one client share: the retries left, and a fact of their server.

    Attributes:
        idempotent: True once a response has shown that the server honours ``Idempotency-Key``.
        sleep: Pauses for so many seconds, between two tries.
    """

    def __init__(self, tokens: float) -> None:
        self.idempotent = False
        self.sleep: Callable[[float], object] = _sleep
        self._most = tokens
        self._left = tokens
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Takes one retry, and returns whether there was one."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def refund(self) -> None:
        """Returns a part of one retry, after a successful call."""
        with self._lock:
            self._left = min(self._left + _REFUND, self._most)

    def after_fork(self) -> None:
        """Replaces the lock in a child: a thread that exists in the parent only may hold it."""
        self._lock = threading.Lock()


class Tries(threading.local):
    """The tries of this thread's call that failed within the response, unseen by urllib3."""

    earlier: int = 0


class GaveUpError(MaxRetryError):
    """The last try failed; ``attempts`` counts them."""

    def __init__(
        self, pool: ConnectionPool | None, url: str, error: Exception | None, *, attempts: int
    ) -> None:
        super().__init__(pool, url, error or ResponseError("refused"))  # type: ignore[arg-type]  # pool may be None
        self.attempts = attempts


class PolicyRetry(Retry):
    """urllib3's counter with our rules; it is copied at each try, and the copies share these."""

    policy: RetryPolicy = RetryPolicy()
    budget: Budget = Budget(0)
    tries: Tries = Tries()

    @classmethod
    def made(cls, policy: RetryPolicy, budget: Budget) -> PolicyRetry:
        """Returns a counter for requests under this policy."""
        retry = cls(total=policy.attempts - 1, redirect=False, raise_on_status=False)
        retry.policy, retry.budget, retry.tries = policy, budget, Tries()
        return retry

    def new(self: RetryT, **changes: object) -> RetryT:
        """See urllib3."""
        copy = super().new(**changes)
        copy.policy, copy.budget, copy.tries = self.policy, self.budget, self.tries
        return copy

    def attempts(self) -> int:
        """Returns the number of tries that this thread's call has made."""
        return self.tries.earlier + len(self.history) + 1

    def reads_again(self, method: str, attempts: int) -> bool:
        """Returns whether to repeat a request whose response broke off, after the pause."""
        if not (
            self._may_repeat(method) and attempts < self.policy.attempts and self.budget.take()
        ):
            return False
        self.tries.earlier = attempts
        self.sleep()
        return True

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Returns true for any refusal; ``increment`` has its headers and decides."""
        return status_code >= 400

    def increment(
        self: RetryT,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> RetryT:
        """Counts a try.

        Raises:
            GaveUpError: It was the last one.
        """
        if response is not None:
            wanted = self._wants_refused(method or "", response.status, response.headers)
        else:
            wanted = not is_untrusted(error) and (
                never_sent(error) or self._may_repeat(method or "")
            )
        if not wanted or self.attempts() >= self.policy.attempts or not self.budget.take():
            if response is not None:
                response.retries = self  # as urllib3 does; fakes of tests do not
            raise GaveUpError(_pool, url or "", error, attempts=self.attempts())
        # Always with an error: urllib3 would re-raise some others instead of counting them.
        return super().increment(
            method, url, response, None if response is not None else ResponseError("fault"), _pool
        )

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        """Pauses as long as the server asks, else by the policy."""
        hint = pause_hint(response.headers) if response is not None else None
        self.budget.sleep(self._pause() if hint is None else hint)

    def _pause(self) -> float:
        tries = self.tries.earlier + len(self.history)
        pause = min(self.policy.initial * 2.0 ** min(tries - 1, 60), self.policy.maximum)
        return pause * (1 - random.random() / 4)

    def _may_repeat(self, method: str) -> bool:
        return method in _REPEATABLE_METHODS or self.budget.idempotent

    def _wants_refused(self, method: str, status: int, headers: Mapping[str, str]) -> bool:
        should_retry = headers.get("x-should-retry")
        hint = pause_hint(headers)
        if should_retry == "false" or (hint is not None and hint > MAX_PAUSE):
            return False
        if status == 429 or (status == 503 and hint is not None):
            return True
        return self._may_repeat(method) and (
            should_retry == "true" or status in _REPEATABLE_STATUSES or status >= 500
        )


def is_untrusted(error: object) -> bool:
    """Returns whether the server's certificate was refused: nothing was sent, retrying is vain."""
    reason = error.args[0] if isinstance(error, SSLError) and error.args else None
    return isinstance(reason, (ssl.SSLCertVerificationError, ssl.CertificateError))


def never_sent(error: object) -> bool:
    """Returns whether the error means that the request reached no server.

    Other errors of TLS and of a proxy do not: they may come after it was sent.
    """
    if isinstance(error, ProxyError):
        error = error.original_error
        if isinstance(error, OSError) and str(error).startswith("Tunnel connection failed"):
            return True
    return isinstance(error, (ConnectTimeoutError, NewConnectionError)) or is_untrusted(error)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return max(number, 0.0)


def pause_hint(headers: Mapping[str, str]) -> float | None:
    """Returns the seconds that ``retry-after-ms`` or ``retry-after`` (number or date) asks for."""
    try:
        return _finite(headers["retry-after-ms"]) / 1000
    except (KeyError, ValueError):
        pass
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return _finite(value)
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError, OSError):  # the type depends on the system
        return None
