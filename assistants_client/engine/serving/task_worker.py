"""An engine that works for others: it takes their tasks from a broker until a signal comes.

How tasks are taken is in worker/celery_consumer.py. Neither the engine nor the printed lines are
decided here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from assistants_client.engine.engine import Engine
from assistants_client.engine.executors import not_installed, require_shared
from assistants_client.engine.faults import Fault
from assistants_client.engine.serving.stop_signals import StopSignals
from assistants_client.engine.worker.thread_pool import WorkerPool

if TYPE_CHECKING:
    from assistants_client.engine.worker.celery_consumer import TaskConsumers

#: What ends the work where no signal does: Celery's worker has ended by itself.
FAILURE: Final = 0


class TaskWorker:
    """Processes runs and reads files by tasks, beside what its engine finds by itself.

    Args:
        engine: The engine, of the executor ``"threads"``; it is closed when the work ends.

    Raises:
        ConfigurationError: There is no broker, the database cannot be shared, or Celery is not
            installed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._signals = StopSignals()
        self._consumers = self._consumers_for(engine)

    def work(
        self,
        *,
        ready: Callable[[], object] = lambda: None,
        stopping: Callable[[], object] = lambda: None,
    ) -> int:
        """Works until SIGINT or SIGTERM, then closes the engine.

        It must be called in the main thread. A second signal ends the process at once.

        Args:
            ready: Called when tasks are taken.
            stopping: Called when a signal came, before a few seconds may pass.

        Returns:
            The number of the signal, or ``FAILURE``.
        """
        with self._signals:
            self._consumers.start()
            ready()
            number = self._signals.wait()
            if number != FAILURE:
                stopping()
            self._consumers.take_no_more()
            # What it releases, its tasks tell others of when they are given back.
            self._engine.close()
            self._consumers.stop()
        return number

    def _consumers_for(self, engine: Engine) -> TaskConsumers:
        broker = require_shared(engine._database, engine._broker)
        runs, readers = _pools(engine)
        try:
            from assistants_client.engine.worker.celery_consumer import Performer, TaskConsumers
            from assistants_client.engine.worker.celery_tasks import FILES, RUNS
        except ImportError as error:
            raise not_installed(error) from error
        performers = {
            RUNS: Performer(lambda run_id: _process(engine, runs, run_id), runs.workers),
            FILES: Performer(readers.run, readers.workers),
        }
        return TaskConsumers(broker, performers, lambda: self._signals.put(FAILURE))


def _process(engine: Engine, runs: WorkerPool, run_id: str) -> bool:
    """Processes the run that a task names, after the one whose turn it is: queues take no turns."""
    try:
        before = engine._queue.before(run_id)
    except Fault:  # the pool goes on when the database can be used again
        before = None
    # Another task of this process may have begun that one: it is no reason to wait.
    return (before is None or runs.run(before, only_new=True)) and runs.run(run_id)


def shown_broker(engine: Engine) -> str:
    """Returns the broker's URL without a password, for people."""
    parts = urlsplit(engine._broker or "")
    user, at, place = parts.netloc.rpartition("@")
    if ":" in user:
        user = f"{user.partition(':')[0]}:***"
    return parts._replace(netloc=f"{user}{at}{place}", query="").geturl()


def shown_workers(engine: Engine) -> str:
    """Returns how much is done at once, for people."""
    runs, readers = _pools(engine)
    return f"{runs.workers} for runs, {readers.workers} for files"


def _pools(engine: Engine) -> tuple[WorkerPool, WorkerPool]:
    runs, readers = engine._run_pool, engine._readers
    assert isinstance(runs, WorkerPool)
    assert isinstance(readers, WorkerPool)
    return runs, readers
