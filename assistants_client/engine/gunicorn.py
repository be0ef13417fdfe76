"""Settings of gunicorn for the engine: ``gunicorn -c python:assistants_client.engine.gunicorn …``.

Stopped by a signal, gunicorn waits for what is streamed until it kills its processes, and the runs
they have with them. With these hooks a process that is to stop closes its engine: runs are handed
back, and their streams end, from which clients go on at the next process. Nothing else is set.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from types import FrameType
from typing import Any, Final

#: The signals by which gunicorn stops a worker process: at its next convenience, or quickly.
_SIGNALS: Final = ("SIGTERM", "SIGINT", "SIGQUIT")

#: The thread of this process that closes the engine, once a signal has come.
_closing: Final[list[threading.Thread]] = []


def post_worker_init(worker: Any) -> None:
    """Called by gunicorn in each worker process, when the application is loaded."""
    close = getattr(worker.wsgi, "close", None)
    if close is None:
        return
    signalled: queue.SimpleQueue[None] = queue.SimpleQueue()

    def close_when_signalled() -> None:
        signalled.get()
        close()

    # A thread cannot safely be started, nor much else be done, in the handler of a signal.
    thread = threading.Thread(target=close_when_signalled, name="assistants-close", daemon=True)
    thread.start()
    for name in _SIGNALS:
        before = signal.getsignal(getattr(signal, name))

        def caught(number: int, frame: FrameType | None, before: Any = before) -> None:
            if thread not in _closing:
                _closing.append(thread)
            signalled.put(None)
            if callable(before):
                before(number, frame)

        signal.signal(getattr(signal, name), caught)


def worker_exit(server: Any, worker: Any) -> None:
    """Called by gunicorn in a worker process that ends."""
    for thread in _closing:
        thread.join()


def child_exit(server: Any, worker: Any) -> None:
    """Called by gunicorn in its first process when a worker process has ended."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        from prometheus_client import multiprocess

        mark_dead: Any = multiprocess.mark_process_dead  # it has no types
        mark_dead(worker.pid)
