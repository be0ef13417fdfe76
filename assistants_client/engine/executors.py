"""The executors: runs are processed by threads of this process, or by workers elsewhere."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Final

from assistants_client.engine.storage.database import Database
from assistants_client.engine.worker.executor import Executor
from assistants_client.engine.worker.ingester import Ingester
from assistants_client.engine.worker.runner import Runner
from assistants_client.engine.worker.thread_pool import WorkerPool
from assistants_client.errors import ConfigurationError

THREADS: Final = "threads"
CELERY: Final = "celery"
#: How many files of vector stores are read at once.
READERS: Final = 2

_log = logging.getLogger(__name__)


def checked_executor(name: object) -> str:
    """Returns the name of an executor.

    Raises:
        ConfigurationError: There is none of that name.
    """
    if name not in {THREADS, CELERY}:
        raise ConfigurationError(f"executor: expected 'threads' or 'celery', got {name!r}")
    return str(name)


def require_shared(database: Database, broker: str | None) -> str:
    """Returns the broker's URL, where other processes can be given work.

    Raises:
        ConfigurationError: There is no broker, or the database is in memory.
    """
    if broker is None:
        raise ConfigurationError(
            "broker: there is none, and tasks need Redis or RabbitMQ: "
            "Engine(broker='redis://…' or 'amqp://…'), ASSISTANTS_BROKER, or --broker"
        )
    if database.is_in_memory:
        raise ConfigurationError(
            "database: one in memory is this process's alone, and workers are other processes. "
            "Name one that they share: on a PostgreSQL server or, on one machine, a file of SQLite"
        )
    return broker


def pools(
    runner: Runner, ingester: Ingester, workers: int, more: Callable[[], Sequence[str]]
) -> tuple[WorkerPool, WorkerPool]:
    """Returns what processes runs, and reads files, in this process.

    Args:
        runner: Processes the runs.
        ingester: Reads the files.
        workers: How many runs are processed at once.
        more: Returns runs that a worker who has just become free is to process.
    """
    on_backlog = functools.partial(_warn_of_backlog, workers)
    return (
        WorkerPool(runner, workers, on_backlog=on_backlog, more=more),
        WorkerPool(ingester, min(workers, READERS), id_name="store_file"),
    )


def _warn_of_backlog(workers: int, waiting: int) -> None:
    _log.warning(
        "All workers (%d) are busy; runs that wait for one: %d. Engine(workers=…), "
        "ASSISTANTS_WORKERS or --workers gives more.",
        workers,
        waiting,
    )


def senders(database: Database, broker: str | None) -> tuple[Executor, Executor]:
    """Returns what has runs processed, and files read, by workers elsewhere.

    Raises:
        ConfigurationError: There is no broker, the database cannot be shared, or Celery is not
            installed.
    """
    url = require_shared(database, broker)
    try:
        from assistants_client.engine.worker.celery_tasks import FILES, RUNS, CelerySender
    except ImportError as error:
        raise not_installed(error) from error
    return CelerySender(url, RUNS), CelerySender(url, FILES)


def not_installed(error: ImportError) -> ConfigurationError:
    """Returns the error for a library that is missing."""
    return ConfigurationError(
        f'{error.name or "celery"} is not installed: pip install "assistants-client[celery]"'
    )
