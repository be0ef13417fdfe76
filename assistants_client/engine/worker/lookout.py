"""Looks now and then for work that a process which is gone has left, and takes it over.

What is left, and who takes it, is given: no database, no runs and no files are known here.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from typing import Final

from attrs import define

from assistants_client.engine.faults import Fault
from assistants_client.engine.worker.thread_pool import Threads

#: Seconds between two looks, on the average: processes that began together do not look together.
LOOK_SECONDS: Final = 2.0
_JITTER: Final = 0.25

_log = logging.getLogger(__name__)


@define
class Source:
    """A kind of work.

    Attributes:
        waiting: Names what waits to be done and what nobody has begun; of much, the oldest.
        threads: Do it.
    """

    waiting: Callable[[], Sequence[str]]
    threads: Threads
    #: What was found waiting by the last look. Whoever was given it has had the time to begin.
    seen: frozenset[str] = frozenset()


class Lookout:
    """Looks from a daemon thread of its own, from :meth:`start` to :meth:`close`.

    Two processes may take over the same; what they take must be such that only one of them gets it.
    """

    def __init__(self, *sources: Source, seconds: float = LOOK_SECONDS) -> None:
        self._sources = sources
        self._seconds = seconds
        self._closed = threading.Event()
        self._is_blind = False

    def start(self) -> None:
        """Begins; once in each process, after a fork too."""
        if not self._closed.is_set():
            self._closed = threading.Event()  # another thread may have held it as this one forked
            threading.Thread(target=self._watch, name="assistants-lookout", daemon=True).start()

    def close(self) -> None:
        """Ends, for good."""
        self._closed.set()

    def look(self) -> None:
        """Takes over what has waited since the last look, as far as there is a thread for it."""
        for source in self._sources:
            waiting = source.waiting()
            source.threads.take_over([one for one in waiting if one in source.seen])
            source.seen = frozenset(waiting)

    def _watch(self) -> None:
        chance = random.Random()  # the common one is a program's own, which may depend on its state
        while not self._closed.wait(self._seconds * chance.uniform(1 - _JITTER, 1 + _JITTER)):
            try:
                self.look()
                self._is_blind = False
            except Exception as error:
                if self._closed.is_set():
                    return
                # The database may be out of reach for hours.
                level = logging.DEBUG if self._is_blind else logging.WARNING
                why = None if isinstance(error, Fault) else error
                _log.log(level, "Waiting work could not be looked for: %s", error, exc_info=why)
                self._is_blind = True
