"""Takes tasks with Celery's worker, in threads of this process.

A task is what it names: whoever is given does it, and says whether it is over. The sending side,
and the app, are in celery_tasks.py.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen
from celery import Celery
from celery.exceptions import Reject
from celery.worker import state
from kombu.asynchronous import set_event_loop

from assistants_client.engine.worker.celery_tasks import celery_app

#: Seconds that Celery's workers take at most to give back their tasks and close their connections.
STOP_SECONDS: Final = 5.0
#: A line that comes again within so many seconds is another worker's of this process.
_REPEATED_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


@frozen
class Performer:
    """Does the tasks of one queue.

    Attributes:
        perform: Does what a task names; returns whether it is over. If not, the task goes back to
            the queue when its worker stops.
        threads: How many tasks are taken at once.
    """

    perform: Callable[[str], bool]
    threads: int


class TaskConsumers:
    """Celery's workers, one for each queue, from :meth:`start` to :meth:`stop`.

    They outlive a broker that is away, or restarted. There is one of these in a process: Celery
    finds a task in the app that is the process's default, and stops all workers of a process.

    Args:
        broker: The broker's URL.
        performers: What is done, by the queues.
        on_failure: Called when one of them ended without being told to.
    """

    def __init__(
        self,
        broker: str,
        performers: Mapping[str, Performer],
        on_failure: Callable[[], object],
    ) -> None:
        self._performers = performers
        self._on_failure = on_failure
        self._stopping = threading.Event()
        _quiet()
        self._workers = [self._worker(broker, queue) for queue in performers]
        self._threads = [
            threading.Thread(target=self._run, args=[one], name="assistants-celery", daemon=True)
            for one in self._workers
        ]

    def start(self) -> None:
        """Begins to take tasks."""
        state.should_stop = None
        for thread in self._threads:
            thread.start()

    def take_no_more(self) -> None:
        """Leaves the tasks that are in the queues to others."""
        for worker in self._workers:
            tasks = worker.consumer.task_consumer
            if tasks is not None:
                worker.consumer.call_soon(tasks.cancel)

    def stop(self) -> None:
        """Gives back the tasks that are not over, and ends; waits ``STOP_SECONDS`` at most."""
        state.should_stop = 0
        self._stopping.set()
        for worker in self._workers:
            worker.consumer.call_soon(lambda: None)  # it sees that now, not within a second
        until = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _worker(self, broker: str, queue: str) -> Any:
        app = celery_app(broker)
        for name, performer in self._performers.items():
            self._add_task(app, name, performer.perform)
        app.set_default()
        set_event_loop(None)  # else it would share the loop of another one
        try:
            return app.WorkController(
                hostname=f"{queue}-{os.getpid()}@{socket.gethostname()}",
                queues=[queue],
                pool_cls="threads",
                concurrency=self._performers[queue].threads,
                without_gossip=True,
                without_mingle=True,
                without_heartbeat=True,
            )
        finally:
            set_event_loop(None)

    def _add_task(self, app: Celery, name: str, perform: Callable[[str], bool]) -> None:
        def task(about: str) -> None:
            if not perform(about):
                self._stopping.wait()  # before, it would come back here at once
                raise Reject(requeue=True)

        app.task(name=name, shared=False, lazy=False)(task)

    def _run(self, worker: Any) -> None:
        worker.start()
        if not self._stopping.is_set():
            _log.error("Celery's worker %s has ended", worker.hostname)
            self._on_failure()


class _OneLine(logging.Filter):
    """Cuts what Celery tells of the broker to one line, from one of the workers, without code."""

    def __init__(self) -> None:
        super().__init__()
        self._last, self._at = "", -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        """Shortens a record; returns whether it is to be logged."""
        text = " ".join(record.getMessage().split())
        record.msg, record.args, record.exc_info, record.exc_text = text, (), None, None
        is_repeated = text == self._last and record.created - self._at < _REPEATED_SECONDS
        self._last, self._at = text, record.created
        return not is_repeated


def _quiet() -> None:
    """Has Celery tell neither of each task that is given back, nor of its own lines of code."""
    logging.getLogger("celery.app.trace").setLevel(logging.ERROR)
    one_line = _OneLine()
    for name in ("celery.worker", "celery.worker.consumer.consumer"):
        logging.getLogger(name).addFilter(one_line)
