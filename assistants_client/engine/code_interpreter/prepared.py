"""Keeps one sandbox started ahead of the next call, with the modules that recent calls used.

Every call has a sandbox of its own, as it would without; only its start, and the imports, are over
when the call comes. A sandbox that is not used within a minute is ended, and with it the thread
that keeps it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from assistants_client.engine.code_interpreter.sandbox_process import SandboxProcess

_log = logging.getLogger(__name__)

#: Seconds after which a sandbox that nobody asked for is ended.
IDLE_SECONDS: Final = 60.0
#: Calls whose modules are imported ahead.
_RECENT_CALLS: Final = 8


class Prepared:
    """The sandbox for the next call. Safe to share between threads, of one process.

    Args:
        start: Starts a sandbox that imports modules until it is asked.
        idle_seconds: How long it is kept.
    """

    def __init__(
        self,
        start: Callable[[Sequence[str]], SandboxProcess],
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._pid = os.getpid()
        self._start = start
        self._idle_seconds = idle_seconds
        self._changed = threading.Condition()
        self._recent: deque[tuple[str, ...]] = deque(maxlen=_RECENT_CALLS)
        self._ready: SandboxProcess | None = None
        #: Those that calls use: they end with the thread that started them.
        self._used: set[SandboxProcess] = set()
        self._is_wanted = False
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def take(self, size: int) -> SandboxProcess | None:
        """Returns the sandbox, if there is one whose folder can hold so many bytes.

        It is to be given to :meth:`done` in the end.
        """
        with self._changed:
            ready = self._ready
            if ready is None or ready.size < size or not ready.is_running():
                return None
            self._ready = None
            self._used.add(ready)
            return ready

    def done(self, used: SandboxProcess, modules: Iterable[str]) -> None:
        """Has the next one made: a call has ended.

        Args:
            used: Its sandbox, wherever it came from; it has ended.
            modules: Those that it imported.
        """
        with self._changed:
            self._used.discard(used)
            self._recent.append(tuple(modules))
            if not self._is_closed:
                self._is_wanted = True
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._keep, name="assistants-sandbox", daemon=True
                    )
                    self._thread.start()
            self._changed.notify_all()

    def close(self) -> None:
        """Ends the sandbox, and makes none any more; in a forked child it does nothing."""
        if self._pid != os.getpid():  # a thread of the parent's may have held the lock
            return
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(1.0)

    def forget(self) -> None:
        """Lets go of the sandbox in a forked child, where it is the parent's."""
        if self._ready is not None:
            self._ready.forget()

    def _keep(self) -> None:
        until = 0.0
        with self._changed:
            while True:
                ready = self._ready
                has_expired = ready is not None and time.monotonic() >= until
                if ready is not None and (self._is_closed or has_expired or not ready.is_running()):
                    self._ready = None
                    ready.end()
                elif self._is_wanted and ready is None and not self._is_closed:
                    self._is_wanted = False
                    self._ready = self._made()
                    until = time.monotonic() + self._idle_seconds
                elif ready is not None:
                    self._is_wanted = False
                    self._changed.wait(until - time.monotonic())
                elif self._used:
                    self._changed.wait()
                else:
                    self._thread = None
                    return

    def _made(self) -> SandboxProcess | None:
        """Starts a sandbox; the calls do without if that fails, and report it if it goes on."""
        modules = dict.fromkeys(name for names in reversed(self._recent) for name in names)
        try:
            return self._start(list(modules))
        except Exception:
            _log.debug("No sandbox could be prepared", exc_info=True)
            return None
