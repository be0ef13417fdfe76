"""The base of resources whose calls wait: for a server's processing, or for a locked thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from assistants_client._calls.resource import Resource
from assistants_client._calls.run_calls import RunCalls
from assistants_client._http.transport import Transport
from assistants_client.backoff import BackoffLike
from assistants_client.models.messages import OnActiveRun
from assistants_client.waiting.polling import Waiter
from assistants_client.waiting.thread_locks import through_lock

T = TypeVar("T")


class Processed(Protocol):
    """An object that a server processes after its response."""

    @property
    def is_processed(self) -> bool:
        """True once the server has processed it."""
        ...


ProcessedT = TypeVar("ProcessedT", bound=Processed)


class WaitingResource(Resource):
    """A resource that waits with its client's clock, backoff and cap on polls."""

    def __init__(self, transport: Transport, waiter: Waiter) -> None:
        super().__init__(transport)
        self._waiter = waiter
        self._run_calls = RunCalls(transport)

    def _wait(
        self,
        path: str,
        result: type[ProcessedT],
        *,
        name: str,
        timeout: float,
        backoff: BackoffLike | None,
    ) -> ProcessedT:
        """Polls the object at a path until the server has processed it."""
        return self._waiter.poll_until(
            lambda: self._exchange("GET", path, result),
            lambda seen: seen.is_processed,
            name=name,
            timeout=timeout,
            backoff=backoff,
        )

    def _through_lock(self, thread_id: str, policy: OnActiveRun, call: Callable[[], T]) -> T:
        return through_lock(call, thread_id, policy, self._run_calls, self._waiter)
