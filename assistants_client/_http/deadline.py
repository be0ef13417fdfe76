"""A call that must come back within a time, whatever it waits for. Pure but for its thread."""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_GLANCE = 0.05  # seconds


class TooLateError(Exception):
    """The call did not come back within its time."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """The call's result, if it comes within that many seconds.

    A socket's own timeout is no bound: it starts anew with every byte, and does not cover the
    look-up of the name. So the call runs in a thread of its own, which is left behind when it is
    late, and ends with the timeouts of what it waits for.

    Raises:
        TooLateError: It did not come.
    """
    if seconds <= 0:
        raise TooLateError
    results: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue()

    def work() -> None:
        try:
            results.put((call(), None))
        except BaseException as error:  # handed to the caller's thread
            results.put((None, error))

    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(work,), name="assistants-client-call", daemon=True
    )
    try:
        thread.start()
    except RuntimeError as complaint:
        raise _interrupt_of(complaint) from None
    answer = take(results, seconds)
    if answer is None:
        raise TooLateError
    result, error = answer
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # there is a result where there is no error


def take(items: queue.Queue[T], seconds: float) -> T | None:
    """What the queue gives within that many seconds, if anything.

    It looks up now and then, for on Windows Ctrl-C does not end a longer wait. A ``SimpleQueue``
    will not do: where the machine takes longer than the timeout to begin with its wait, CPython's
    waits for ever.
    """
    until = time.monotonic() + seconds
    while True:
        left = until - time.monotonic()
        try:
            return items.get(timeout=min(max(left, 0), _GLANCE))
        except queue.Empty:
            if left <= 0:
                return None
        except RuntimeError as complaint:
            raise _interrupt_of(complaint) from None


def _interrupt_of(complaint: RuntimeError) -> BaseException:
    """The Ctrl-C that came while a lock changed hands: CPython then complains of the lock."""
    before = complaint.__context__
    return before if isinstance(before, KeyboardInterrupt) else complaint
