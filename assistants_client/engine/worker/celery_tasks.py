"""Runs and files as tasks of Celery: the app, and the sender of tasks.

The database has what is to be done; a task only tells that it is there. So one that is lost, late
or delivered twice changes nothing: what it names is claimed before it is done, and every worker
looks for what waits (lookout.py). The receiving side is in celery_consumer.py.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from celery import Celery

#: The queues, and the names of the tasks in them. A task has one argument: what it is about.
RUNS: Final = "assistants.runs"
FILES: Final = "assistants.files"
#: Seconds that a broker which does not answer is waited for, while other tasks wait.
SEND_SECONDS: Final = 1.0
#: Tasks that wait to be sent, at most; for further ones nothing is sent.
MOST_UNSENT: Final = 10_000

_log = logging.getLogger(__name__)


def celery_app(broker: str, **settings: Any) -> Celery:
    """Returns an app of its own, which shares nothing with others of this process.

    Args:
        broker: The broker's URL.
        settings: Settings of Celery beside those that both sides need.
    """
    app = Celery("assistants", loader="app", set_as_current=False)
    app.conf.update(
        # All three: a CELERY_BROKER_URL of the program around has precedence over the first.
        broker_url=broker,
        broker_read_url=broker,
        broker_write_url=broker,
        task_queues={name: {"exchange": name, "routing_key": name} for name in (RUNS, FILES)},
        task_default_queue=RUNS,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        **settings,
    )
    return app


class CelerySender:
    """Sends one kind of tasks, in a thread of its own: so no broker holds up a request.

    While the broker is out of reach nothing is sent: the workers find what waits by themselves,
    within seconds. A forked child starts with a thread and a connection of its own.

    Args:
        broker: The broker's URL.
        queue: The queue.
    """

    def __init__(self, broker: str, queue: str) -> None:
        self._broker = broker
        self._queue = queue
        self._closed = False
        self._reset()
        _all_senders.add(self)

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._unsent: deque[str] = deque()
        self._has_thread = False
        #: Whether the last task could not be sent, which has been logged.
        self._is_failing = False

    def submit(self, run_id: str, tenant: str | None = None) -> None:
        """Has a task sent; never waits, and never fails. Turns are taken where tasks are."""
        with self._changed:
            if self._closed:
                return
            if len(self._unsent) < MOST_UNSENT:
                self._unsent.append(run_id)
            if not self._has_thread:
                self._has_thread = self._start_thread()
            self._changed.notify_all()

    def take_over(self, run_ids: Sequence[str]) -> None:
        """Has a task sent for each."""
        for run_id in run_ids:
            self.submit(run_id)

    def cancel(self, run_id: str) -> None:
        """Does nothing: no thread of this process works on a run."""

    def has(self, run_id: str) -> bool:
        """Returns false: so."""
        return False

    def busy(self) -> int:
        """Returns 0."""
        return 0

    def waiting(self) -> int:
        """Returns 0: what waits, waits elsewhere."""
        return 0

    def close(self, timeout: float = SEND_SECONDS) -> bool:
        """Sends what is unsent, as far as that takes so many seconds; then sends nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._has_thread, timeout)
            self._unsent.clear()
        return True

    def leave_rest(self) -> None:
        """Does nothing."""

    def _start_thread(self) -> bool:
        try:
            threading.Thread(target=self._send_loop, name="assistants-sender", daemon=True).start()
        except RuntimeError:  # no more threads to be had, or the interpreter is about to end
            _log.debug("No thread could be started", exc_info=True)
            return False
        return True

    def _send_loop(self) -> None:
        app = self._app()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._unsent or self._closed)
                if not self._unsent:
                    self._has_thread = False
                    self._changed.notify_all()
                    break
                run_id = self._unsent.popleft()
            try:
                self._send(app, run_id)
                self._is_failing = False
            except Exception as error:
                # Whatever it is, the next task finds a new connection.
                app.close()
                app = self._app()
                self._give_up(error)
        app.close()

    def _send(self, app: Celery, run_id: str) -> None:
        app.send_task(
            self._queue,
            [run_id],
            queue=self._queue,
            ignore_result=True,
            retry=True,
            retry_policy=_RETRY,
            confirm_timeout=SEND_SECONDS,
        )

    def _give_up(self, error: Exception) -> None:
        with self._changed:
            number = 1 + len(self._unsent)
            self._unsent.clear()
        level = logging.DEBUG if self._is_failing else logging.WARNING
        self._is_failing = True
        _log.log(
            level,
            "The broker cannot be reached, so that workers find what waits (%d of %s) only when "
            "they look for it: %s",
            number,
            self._queue,
            error,
        )

    def _app(self) -> Celery:
        """Returns an app whose connection is given up soon."""
        return celery_app(
            self._broker,
            broker_connection_timeout=SEND_SECONDS,
            broker_pool_limit=1,
            broker_transport_options={
                **_RETRY,
                # Of Redis.
                "socket_timeout": SEND_SECONDS,
                "socket_connect_timeout": SEND_SECONDS,
                # Of RabbitMQ. What is written into a connection that the broker has closed is lost
                # without an error, if nobody waits for the answer.
                "confirm_publish": True,
                "read_timeout": SEND_SECONDS,
                "write_timeout": SEND_SECONDS,
            },
        )


#: Once more, for a connection that broke off since the last task, as that of a restarted broker.
_RETRY: Final[dict[str, Any]] = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}

#: For the child of a fork, where no thread but the forking one lives and locks may be left taken.
_all_senders: Final[weakref.WeakSet[CelerySender]] = weakref.WeakSet()


def _after_fork() -> None:
    for sender in list(_all_senders):
        sender._reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
