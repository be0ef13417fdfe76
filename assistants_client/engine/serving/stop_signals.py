"""The signals that stop a process: the first one in order, the second one at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections import deque
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import Any, Final, TypeAlias

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

#: The handlers that ``signal.signal`` returns, and takes back.
_Handled: TypeAlias = "Callable[[int, FrameType | None], Any] | int | signal.Handlers | None"


class StopSignals:
    """Waits for SIGINT or SIGTERM, in the main thread, within its ``with`` block.

    Once one has come, another ends the process at once.
    """

    def __init__(self) -> None:
        # What a signal handler calls is called between any two steps of the main thread: a queue
        # or a condition, whose lock that thread may hold at this moment, would wait for ever.
        self._come: deque[int] = deque()
        self._gate = threading.Lock()
        self._gate.acquire()
        self._before: dict[signal.Signals, _Handled] = {}

    def wait(self) -> int:
        """Returns the number of the first signal, or what was put before it."""
        while not self._come:
            # On Windows a wait without an end would not be interrupted by Ctrl-C.
            self._gate.acquire(timeout=0.5)
        # Not Python's own way with Ctrl-C, which waits for whatever waits for the database.
        _restore(dict.fromkeys(_SIGNALS, signal.SIG_DFL))
        return self._come.popleft()

    def put(self, number: int) -> None:
        """Ends the wait, from any thread."""
        self._come.append(number)
        with contextlib.suppress(RuntimeError):  # it is open already
            self._gate.release()

    def __enter__(self) -> StopSignals:
        self._before = {number: signal.signal(number, self._caught) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _restore(self._before)

    def _caught(self, number: int, _: FrameType | None) -> None:
        self.put(number)


def _restore(handlers: Mapping[signal.Signals, _Handled]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
