"""Metrics in Prometheus' text form, by prometheus_client (extra ``metrics``).

What is counted, and when, is observer.py's; what is stored of runs is read by whoever makes this.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from assistants_client.errors import ConfigurationError

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

#: So many seconds what was read from the database is given again.
FRESH_SECONDS: Final = 5.0
#: So many names of models are counted apart: callers may name any.
MOST_MODELS: Final = 100
#: The model of all that is counted beyond.
OTHER: Final = "other"

_PROCESSES: Final = "PROMETHEUS_MULTIPROC_DIR"
_RUN_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_log = logging.getLogger(__name__)


@frozen
class StoredRuns:
    """The runs in the database that are not final.

    Attributes:
        by_status: Their number, by status.
        oldest_queued: Seconds since the oldest of the queued ones was created; 0 without any.
    """

    by_status: Mapping[str, int]
    oldest_queued: float


class Metrics:
    """The metrics of one engine in this process.

    Where ``PROMETHEUS_MULTIPROC_DIR`` is set, they are those of all processes that share it.

    Args:
        stored_runs: Reads the database; called at most every ``FRESH_SECONDS``.

    Raises:
        ConfigurationError: prometheus_client is not installed.
    """

    def __init__(self, stored_runs: Callable[[], StoredRuns]) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                'prometheus-client is not installed: pip install "assistants-client[metrics]"'
            ) from error
        registry = self._registry = CollectorRegistry()
        self._stored = _StoredRunsCollector(stored_runs)
        self._models: set[str] = set()

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"assistants_{name}", what, labels, registry=registry)

        def histogram(
            name: str, what: str, *labels: str, buckets: tuple[float, ...] = _RUN_BUCKETS
        ) -> Histogram:
            return Histogram(f"assistants_{name}", what, labels, registry=registry, buckets=buckets)

        def gauge(name: str, what: str) -> Gauge:
            return Gauge(f"assistants_{name}", what, registry=registry, multiprocess_mode="livesum")

        self.runs_ended: Final = counter("runs_ended", "Runs that ended.", "status")
        self.run_seconds: Final = histogram(
            "run_seconds",
            "From a run's claim by a worker until it ended or needed its caller.",
            "status",
        )
        self.queue_seconds: Final = histogram(
            "run_queue_seconds", "From a run's queuing until a worker claimed it."
        )
        self.answer_seconds: Final = histogram(
            "model_answer_seconds", "From a question to a model until its answer's end.", "model"
        )
        self.first_token_seconds: Final = histogram(
            "model_first_token_seconds",
            "From a question to a model until the first piece of its answer.",
            "model",
        )
        self.tokens: Final = counter(
            "model_tokens", "Tokens that models read (prompt) and wrote (completion).",
            "model", "kind",
        )  # fmt: skip
        self.model_errors: Final = counter(
            "model_errors", "Answers that failed or had to be asked for again.", "kind"
        )
        self.requests: Final = counter(
            "http_requests", "Requests that were answered.", "method", "route", "status"
        )
        self.request_seconds: Final = histogram(
            "http_request_seconds",
            "From a request until its response begins.",
            *("method", "route"),
            buckets=_REQUEST_BUCKETS,
        )
        self.open_streams: Final = gauge("open_streams", "Event streams that are being sent.")
        self.busy_workers: Final = gauge("workers_busy", "Workers that process a run.")
        # Of one process alone: what waits in all of them is in the database.
        self._waiting_runs = gauge(
            "runs_waiting", "Runs that wait in this process because all of its workers are busy."
        )

    def model(self, name: str) -> str:
        """Returns the label of a model."""
        if name not in self._models:
            if len(self._models) >= MOST_MODELS:
                return OTHER
            self._models.add(name)
        return name

    def exposition(self, waiting: int) -> tuple[bytes, str]:
        """Returns all metrics as they are now, and their content type.

        Args:
            waiting: How many runs wait in this process because all of its workers are busy.
        """
        from prometheus_client import (
            CONTENT_TYPE_LATEST,
            CollectorRegistry,
            generate_latest,
            multiprocess,
        )

        registry = CollectorRegistry()
        if os.environ.get(_PROCESSES):
            add_all_processes: Any = multiprocess.MultiProcessCollector  # it has no types
            add_all_processes(registry)
        else:
            self._waiting_runs.set(waiting)
            registry.register(self._registry)
        registry.register(self._stored)
        return generate_latest(registry), CONTENT_TYPE_LATEST


class _StoredRunsCollector:
    """Has the database read for a scrape, but not for each of many."""

    def __init__(self, stored_runs: Callable[[], StoredRuns]) -> None:
        self._read = stored_runs
        self._reading = threading.Lock()
        self._last: StoredRuns | None = None
        self._read_at = float("-inf")

    def describe(self) -> Iterable[Metric]:
        """Names nothing in advance: to be registered reads no database."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Returns the metrics; none while the database cannot be read."""
        from prometheus_client.core import GaugeMetricFamily

        stored = self._stored_runs()
        if stored is None:
            return
        runs = GaugeMetricFamily(
            "assistants_runs", "Runs in the database that are not final.", labels=["status"]
        )
        for status, number in sorted(stored.by_status.items()):
            runs.add_metric([status], number)
        yield runs
        yield GaugeMetricFamily(
            "assistants_oldest_queued_run_seconds",
            "Since the oldest queued run was created.",
            stored.oldest_queued,
        )

    def _stored_runs(self) -> StoredRuns | None:
        # Nobody waits for another's reading: a database that hangs must not collect threads.
        if self._reading.acquire(blocking=False):
            try:
                if time.monotonic() - self._read_at >= FRESH_SECONDS:
                    self._last = self._read()
                    self._read_at = time.monotonic()
            except Exception:
                self._last = None
                _log.debug("Metrics lack the runs in the database", exc_info=True)
            finally:
                self._reading.release()
        return self._last
