"""The options of waits: their defaults, and the checks of what is given instead."""

from __future__ import annotations

from typing import Final

from assistants_client._arguments import ENDLESS, number
from assistants_client.backoff import Backoff, BackoffLike, as_backoff
from assistants_client.errors import ConfigurationError

#: The default timeout of a wait in seconds: a run expires 600 s after it was created.
DEFAULT_WAIT: Final = 660.0


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


def check_stalled_after(seconds: object) -> float | None:
    """Returns a number of seconds above 0, or ``None``, which means no such bound."""
    return None if seconds is None else number("stalled_after", seconds, above=0, unit="seconds")
