"""The delays between polls: pure arithmetic, no clock, no sleep."""

from __future__ import annotations

import math
import random
from typing import Protocol, TypeAlias

from attrs import frozen


class Backoff(Protocol):
    """A callable that returns the delays of a wait."""

    def __call__(self, polls: int, elapsed: float, /) -> float:
        """Returns the delay before the next poll.

        Args:
            polls: The number of polls made, at least 1.
            elapsed: Seconds since the wait began.

        Returns:
            Seconds, 0 or more.
        """
        ...


#: A backoff, or a number of seconds for a constant one.
BackoffLike: TypeAlias = Backoff | float


def _jittered(delay: float, jitter: float) -> float:
    return delay * random.uniform(1 - jitter, 1 + jitter) if jitter else delay


def _check(**seconds: object) -> None:
    for name, value in seconds.items():
        if not (isinstance(value, (int, float)) and value >= 0):
            raise ValueError(f"{name}: {value!r} is not a number of 0 or more")


def _check_jitter(jitter: float) -> None:
    _check(jitter=jitter)
    if jitter > 1:
        raise ValueError(f"jitter: {jitter!r} is above 1, delays would be negative")


@frozen(kw_only=True)
class AdaptiveBackoff:
    """Delays that grow with the square root of the time already waited.

    The delay is ``scale`` times that root, kept between ``minimum`` and ``maximum`` seconds; then
    ``jitter`` (0.1 is 10 %) is added or taken at random. Short runs are noticed quickly, and a long
    one costs few polls: of the simple laws this one is nearest the optimum for both.
    """

    scale: float = 0.45
    minimum: float = 0.25
    maximum: float = 5.0
    jitter: float = 0.1

    def __attrs_post_init__(self) -> None:
        _check(scale=self.scale, minimum=self.minimum, maximum=self.maximum)
        _check_jitter(self.jitter)

    def __call__(self, polls: int, elapsed: float, /) -> float:
        """See :class:`Backoff`."""
        delay = self.scale * math.sqrt(max(elapsed, 0.0))
        return _jittered(min(max(delay, self.minimum), self.maximum), self.jitter)


@frozen
class ExponentialBackoff:
    """Delays that begin at ``initial`` seconds and grow by ``factor`` up to ``maximum`` seconds.

    ``jitter`` (0.1 is 10 %) is added or taken at random.
    """

    initial: float = 0.5
    factor: float = 1.5
    maximum: float = 5.0
    jitter: float = 0.0

    def __attrs_post_init__(self) -> None:
        _check(initial=self.initial, maximum=self.maximum)
        _check_jitter(self.jitter)
        if not self.factor >= 1:
            raise ValueError(f"factor: {self.factor!r} is not 1 or more")

    def __call__(self, polls: int, elapsed: float, /) -> float:
        """See :class:`Backoff`."""
        try:
            delay = self.initial * self.factor ** (polls - 1)
        except OverflowError:
            delay = self.maximum
        return _jittered(min(delay, self.maximum), self.jitter)


@frozen
class ConstantBackoff:
    """The same delay every time: ``seconds``."""

    seconds: float = 1.0

    def __attrs_post_init__(self) -> None:
        _check(seconds=self.seconds)

    def __call__(self, polls: int, elapsed: float, /) -> float:
        """See :class:`Backoff`."""
        return self.seconds


def as_backoff(value: BackoffLike) -> Backoff:
    """Returns a backoff as it is, and for a number of seconds a constant one.

    Raises:
        ValueError: The number is negative or not a number.
        TypeError: It is neither a number nor callable.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return ConstantBackoff(value)
    if callable(value):
        return value
    if hasattr(value, "__float__") and not isinstance(value, bool):  # numpy's, or a decimal
        return ConstantBackoff(float(value))
    raise TypeError(f"expected seconds or a callable, got {type(value).__name__}")
