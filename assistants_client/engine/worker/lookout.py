"""Polls for work that a process which is gone has left, and takes it over.

The sources of work, and the pools that take it, are given: no database, no runs, no files.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from typing import Final

from attrs import define

from assistants_client.engine.faults import Fault
from assistants_client.engine.worker.executor import Executor

#: Seconds between two polls, on the average: processes that began together do not poll together.
POLL_SECONDS: Final = 2.0
_JITTER: Final = 0.25

_log = logging.getLogger(__name__)


@define
class Source:
    """A kind of work.

    Attributes:
        waiting: Returns the names of what waits and nobody has begun; of much, the oldest.
        pool: Does the work.
    """

    waiting: Callable[[], Sequence[str]]
    pool: Executor
    #: What the last poll found waiting. Whoever it was submitted to has had the time to begin.
    seen: frozenset[str] = frozenset()


class Lookout:
    """Polls its sources in a daemon thread of its own, from :meth:`start` to :meth:`close`.

    Two processes may take over the same; work must be claimed such that only one of them gets it.
    """

    def __init__(self, *sources: Source, seconds: float = POLL_SECONDS) -> None:
        self._sources = sources
        self._seconds = seconds
        self._closed = threading.Event()
        self._is_failing = False

    def start(self) -> None:
        """Starts the thread; once in each process, after a fork too."""
        if not self._closed.is_set():
            self._closed = threading.Event()  # another thread may have held it as this one forked
            threading.Thread(target=self._poll_loop, name="assistants-lookout", daemon=True).start()

    def close(self) -> None:
        """Ends the thread, for good."""
        self._closed.set()

    def poll(self) -> None:
        """Takes over what has waited since the last poll, as far as there is a thread for it."""
        for source in self._sources:
            waiting = source.waiting()
            source.pool.take_over([one for one in waiting if one in source.seen])
            source.seen = frozenset(waiting)

    def _poll_loop(self) -> None:
        chance = random.Random()  # the common one is a program's own, which may depend on its state
        while not self._closed.wait(self._seconds * chance.uniform(1 - _JITTER, 1 + _JITTER)):
            try:
                self.poll()
                self._is_failing = False
            except Exception as error:
                if self._closed.is_set():
                    return
                # The database may be out of reach for hours.
                level = logging.DEBUG if self._is_failing else logging.WARNING
                why = None if isinstance(error, Fault) else error
                _log.log(level, "Waiting work could not be looked for: %s", error, exc_info=why)
                self._is_failing = True
