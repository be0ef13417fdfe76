"""The deadline of a call that makes several requests: uploads, waits for a lock, streams.

The wait for one object is in ``polling.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from assistants_client._http.deadline import TooLateError, within
from assistants_client.errors import WaitTimeoutError
from assistants_client.models.runs import Run
from assistants_client.waiting.options import check_timeout
from assistants_client.waiting.waiter import Time

T = TypeVar("T")


class Deadline:
    """The time at which a call has to return, whatever it is waiting for then.

    Args:
        name: The call in messages, such as ``"the upload"``.
        timeout: Seconds from now, for everything together; ``None`` sets no deadline.
        clock: Clock and sleep.

    Attributes:
        timeout: As given.
        begun: The time from which it is measured; ``None`` where there is no deadline.

    Raises:
        ConfigurationError: The timeout is no number of seconds.
    """

    def __init__(self, name: str, timeout: float | None, clock: Time) -> None:
        self._name = name
        self._clock = clock
        self.timeout: float | None = None if timeout is None else check_timeout(timeout)
        self.begun: float | None = None if timeout is None else clock.now()

    def left(self) -> float:
        """Returns the seconds that are left; infinite where there is no deadline."""
        if self.timeout is None or self.begun is None:
            return float("inf")
        return self.begun + self.timeout - self._clock.now()

    def check(self) -> None:
        """Raises if the time is up.

        Raises:
            WaitTimeoutError: It is.
        """
        if self.left() <= 0:
            raise self.missed()

    def call(self, call: Callable[[], T]) -> T:
        """Returns the call's result; with a deadline, the call runs in a thread of its own.

        Raises:
            WaitTimeoutError: It did not return in time.
        """
        left = self.left()
        if left == float("inf"):
            return call()
        try:
            return within(left, call)
        except TooLateError:
            raise self.missed() from None

    def missed(self, run: Run | None = None) -> WaitTimeoutError:
        """Returns the error of a deadline that has passed, with the run as last received."""
        text = f"{self._name} was not finished within {self.timeout:g} s"
        if run is not None:
            text += f"; run {run.id} was {run.status!r} when last seen"
        return WaitTimeoutError(text, run)
