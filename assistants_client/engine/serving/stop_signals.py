"""The signals that stop a process: the first one in order, the second one at once."""

from __future__ import annotations

import queue
import signal
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
        # Putting into this queue is safe in a signal handler.
        self._come: queue.Queue[int] = queue.Queue()
        self._before: dict[signal.Signals, _Handled] = {}

    def wait(self) -> int:
        """Returns the number of the first signal, or what was put before it."""
        while True:
            try:
                # On Windows a wait without an end would not be interrupted by Ctrl-C.
                number = self._come.get(timeout=0.5)
            except queue.Empty:
                continue
            # Not Python's own way with Ctrl-C, which waits for whatever waits for the database.
            _restore(dict.fromkeys(_SIGNALS, signal.SIG_DFL))
            return number

    def put(self, number: int) -> None:
        """Ends the wait, from any thread."""
        self._come.put(number)

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
