"""The base of resources whose calls wait: for a server's processing, or for a locked thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from assistants_client._calls.resource import Resource
from assistants_client.errors import AssistantsError

if TYPE_CHECKING:
    from assistants_client._calls.run_calls import RunCalls
    from assistants_client._http.transport import Transport
    from assistants_client.backoff import BackoffLike
    from assistants_client.models.messages import OnActiveRun
    from assistants_client.waiting.waiter import Waiter

T = TypeVar("T")

#: Seconds for the server's processing of an upload, where the call has no ``timeout``.
PROCESSING_SECONDS: Final = 600.0
#: The number of ids that a message names.
_NAMED_IDS: Final = 5


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

    def _wait(
        self,
        path: str,
        result: type[ProcessedT],
        *,
        name: str,
        timeout: float,
        backoff: BackoffLike | None,
        begun: float | None = None,
    ) -> ProcessedT:
        """Polls the object at a path until the server has processed it."""
        return self._waiter.poll_until(
            lambda: self._exchange("GET", path, result),
            lambda seen: seen.is_processed,
            name=name,
            timeout=timeout,
            begun=begun,
            backoff=backoff,
        )


class LockedResource(Resource):
    """A resource whose calls need a thread that a run may have locked.

    Args:
        transport: The client's.
        waiter: Waits for the run.
        run_calls: The client's requests that read and cancel it.
    """

    def __init__(self, transport: Transport, waiter: Waiter, run_calls: RunCalls) -> None:
        super().__init__(transport)
        self._waiter = waiter
        self._run_calls = run_calls

    def _through_lock(
        self, thread_id: str, policy: OnActiveRun, timeout: float | None, call: Callable[[], T]
    ) -> T:
        from assistants_client.waiting.deadlines import Deadline
        from assistants_client.waiting.thread_locks import through_lock

        deadline = Deadline(f"the call for thread {thread_id}", timeout, self._waiter.clock)
        return through_lock(
            lambda: deadline.call(call),
            thread_id,
            policy,
            self._run_calls,
            self._waiter,
            deadline=deadline,
        )


@contextmanager
def naming_uploads(uploaded: Sequence[str]) -> Iterator[None]:
    """Adds the ids of the files uploaded so far to an error: they stay on the server."""
    try:
        yield
    except AssistantsError as error:
        if uploaded:
            error.file_ids = tuple(uploaded)
            named = ", ".join(uploaded[:_NAMED_IDS])
            if len(uploaded) > _NAMED_IDS:
                named += f" and {len(uploaded) - _NAMED_IDS} more"
            text, *rest = error.args
            error.args = (f"{text}; uploaded before (.file_ids): {named}", *rest)
        raise
