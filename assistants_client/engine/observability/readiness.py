"""The readiness of a process: checks of what it needs, each bounded in time.

The checks are given: no database and no broker is known here.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from attrs import define, field

#: A check may take so many seconds.
READY_SECONDS: Final = 2.0
#: For so many seconds the result of a check is given again.
FRESH_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


@define(eq=False)
class _Probe:
    """One check, in a thread of its own: nothing else bounds a connection that hangs."""

    is_over: threading.Event = field(factory=threading.Event)
    ended_at: float = 0.0
    error: BaseException | None = None


class Readiness:
    """Runs checks when it is asked; a forked child starts with none.

    A check that hangs holds one thread, however often it is asked for.

    Args:
        seconds: The time that a check may take.
    """

    def __init__(self, seconds: float = READY_SECONDS) -> None:
        self._seconds = seconds
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._probes: dict[str, _Probe] = {}
        self._missing: frozenset[str] = frozenset()

    def missing(self, checks: Mapping[str, Callable[[], object]]) -> dict[str, str]:
        """Returns what is missing, and why in words that hold no secret.

        Args:
            checks: By the name of each thing, a callable that raises while it cannot be used.
        """
        if self._pid != os.getpid():  # the lock may be held by a thread that is not here
            self._start_afresh()
        until = time.monotonic() + self._seconds
        probes = {name: self._probe(name, check) for name, check in checks.items()}
        found: dict[str, str] = {}
        errors: dict[str, BaseException | None] = {}
        for name, probe in probes.items():
            if not probe.is_over.wait(max(0.0, until - time.monotonic())):
                found[name] = f"gives no answer within {self._seconds:g} s"
                errors[name] = None
            elif probe.error is not None:
                found[name] = "cannot be used at the moment; the log says why"
                errors[name] = probe.error
        self._report(found, errors)
        return found

    def _probe(self, name: str, check: Callable[[], object]) -> _Probe:
        """Returns the check that is under way or has just ended, else a new one."""
        with self._lock:
            known = self._probes.get(name)
            if known is not None and (
                not known.is_over.is_set() or time.monotonic() - known.ended_at < FRESH_SECONDS
            ):
                return known
            probe = self._probes[name] = _Probe()

        def run() -> None:
            try:
                check()
            except BaseException as error:
                probe.error = error
            finally:
                probe.ended_at = time.monotonic()
                probe.is_over.set()

        try:
            threading.Thread(target=run, name="assistants-ready", daemon=True).start()
        except RuntimeError as error:  # no more threads to be had
            probe.error, probe.ended_at = error, time.monotonic()
            probe.is_over.set()
        return probe

    def _report(self, found: Mapping[str, str], errors: Mapping[str, BaseException | None]) -> None:
        """Logs what has become missing since it was asked last, and that nothing is any more."""
        before, self._missing = self._missing, frozenset(found)
        for name in sorted(self._missing - before):
            why = errors[name] or found[name]
            _log.warning("Not ready: the %s cannot be used: %s", name, why)
        if before and not found:
            _log.warning("Ready again")
