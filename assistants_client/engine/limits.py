"""The numbers that bound an engine: arguments, else variables of the environment, else defaults."""

from __future__ import annotations

import os
from typing import Final

from attrs import fields_dict, frozen

from assistants_client._arguments import number
from assistants_client.engine.storage.engines import POOL_SIZE, STATEMENT_SECONDS
from assistants_client.engine.worker.thread_pool import WORKERS
from assistants_client.errors import ConfigurationError

#: By argument: its variable, the least it may be, and whether it is a whole number.
_BOUNDS: Final[dict[str, tuple[str, int, bool]]] = {
    "workers": ("ASSISTANTS_WORKERS", 1, True),
    "max_runs": ("ASSISTANTS_MAX_RUNS", 1, True),
    "pool_size": ("ASSISTANTS_POOL_SIZE", 1, True),
    "statement_timeout": ("ASSISTANTS_STATEMENT_TIMEOUT", 0, False),
}


@frozen(kw_only=True)
class Limits:
    """The bounds of one engine.

    Attributes:
        workers: How many runs are processed at once in this process.
        max_runs: How many in all processes on the database together; ``None`` is any number.
        pool_size: How many connections to a PostgreSQL server this process has at most.
        statement_timeout: The seconds that one statement may take there; 0 is for ever.
    """

    workers: int = WORKERS
    max_runs: int | None = None
    pool_size: int = POOL_SIZE
    statement_timeout: float = STATEMENT_SECONDS


def limits(**given: float | None) -> Limits:
    """Returns the bounds by these arguments of ``Engine``, of which ``None`` stands for none.

    Raises:
        ConfigurationError: One cannot be used; the argument or the variable is named.
    """
    chosen = {}
    for name in fields_dict(Limits):
        variable, least, whole = _BOUNDS[name]
        value = given.get(name)
        if value is not None:
            chosen[name] = number(name, value, at_least=least, whole=whole)
        elif text := (os.environ.get(variable) or "").strip():
            chosen[name] = _read(f"${variable}", text, least, whole=whole)
    return Limits(**chosen)  # type: ignore[arg-type]  # whole numbers are whole


def _read(name: str, text: str, least: int, *, whole: bool) -> float:
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        kind = "a whole number" if whole else "a number"
        raise ConfigurationError(f"{name}: {text!r} is not {kind}") from None
    if not value >= least:
        raise ConfigurationError(f"{name}: {text} is below {least}")
    return value
