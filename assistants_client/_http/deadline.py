"""Calls with a deadline for all that they wait for. Pure except for the thread of a call."""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from assistants_client._http.event_loop_warning import warn_if_in_event_loop

T = TypeVar("T")

_POLL_SECONDS = 0.05  # a wait wakes up so often


class TooLateError(Exception):
    """The call did not return before its deadline."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """Returns the call's result if it returns within that many seconds.

    A socket's own timeout is no bound: it starts anew with every byte, and does not cover the
    look-up of the name. So the call runs in a thread of its own, which is abandoned at the
    deadline, and ends with the timeouts of its own waits.

    Raises:
        TooLateError: It did not return in time.
    """
    if seconds <= 0:
        raise TooLateError
    warn_if_in_event_loop()  # the thread of the call has no loop
    results: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue()

    def work() -> None:
        try:
            results.put((call(), None))
        except BaseException as error:  # raised in the caller's thread
            results.put((None, error))

    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(work,), name="assistants-client-call", daemon=True
    )
    try:
        thread.start()
    except RuntimeError as complaint:
        if not at_shutdown(complaint):
            raise _interrupt_of(complaint) from None
        return call()  # bounded by the timeouts of its own waits
    outcome = take(results, seconds)
    if outcome is None:
        raise TooLateError
    result, error = outcome
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # there is a result where there is no error


def take(items: queue.Queue[T], seconds: float) -> T | None:
    """Returns the queue's next item, or ``None`` if there is none within that many seconds.

    The wait is cut into short ones, for on Windows Ctrl-C does not end a longer wait. A
    ``SimpleQueue`` will not do: where the machine takes longer than the timeout to begin with its
    wait, CPython's waits for ever.
    """
    until = time.monotonic() + seconds
    while True:
        left = until - time.monotonic()
        try:
            return items.get(timeout=min(max(left, 0), _POLL_SECONDS))
        except queue.Empty:
            if left <= 0:
                return None
        except RuntimeError as complaint:
            raise _interrupt_of(complaint) from None


def at_shutdown(complaint: RuntimeError) -> bool:
    """Returns whether no thread could be started because the interpreter ends.

    Since Python 3.12 that is so as soon as the main thread has ended, also in ``atexit`` functions.
    """
    return "shutdown" in str(complaint)


def _interrupt_of(complaint: RuntimeError) -> BaseException:
    """Returns the Ctrl-C that came while a lock was released: CPython then raises for the lock."""
    before = complaint.__context__
    return before if isinstance(before, KeyboardInterrupt) else complaint
