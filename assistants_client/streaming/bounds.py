"""The bounds of a stream's time: for the whole (``timeout``) and for silence (``stalled_after``).

Comments that gateways send to keep a connection open are no events, and extend neither. The events
themselves do not belong here.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from assistants_client._http.deadline import at_shutdown, take
from assistants_client.errors import WaitTimeoutError
from assistants_client.models.runs import Run

if TYPE_CHECKING:
    from assistants_client._calls.run_calls import StreamedResponse
    from assistants_client.waiting.waiter import Time

#: The timeout of a stream that is given none, in seconds: a run expires 600 s after its creation.
DEFAULT_TIMEOUT: Final = 660.0
#: Seconds for sending the outputs of tools that ran beyond the deadline.
_SUBMIT_SECONDS: Final = 5.0
#: The number of blocks that are read ahead of their decoding.
_BLOCKS_AHEAD: Final = 64
#: A thread with a block that nobody takes wakes up so often.
_PUT_SECONDS: Final = 0.1
#: The seconds that mean no bound, where a number is needed.
_NO_BOUND: Final = 1e9


class Response(Protocol):
    """The response to a request for a stream; see ``StreamedResponse``."""

    is_json: bool
    blocks: Iterable[bytes]

    def interrupt(self) -> None:
        """Wakes a thread that waits for the next block."""
        ...

    def without_secrets(self, text: str) -> str:
        """Returns a text of the server's, without the key that it may quote."""
        ...


class StreamBounds:
    """When a stream has to end, and when it has been silent for too long.

    Args:
        timeout: Seconds for the whole; ``None`` is the default, which does not bound the opening.
        stalled_after: Seconds between two events; ``None`` sets no bound.
        clock: Clock and sleep.

    Attributes:
        timeout: The seconds for the whole.
        begun: The time from which they are counted.
        now: The clock.
        is_exact: True if a wait for the server has to end on time; else the read timeout is enough.
        stalled_after: As given.
    """

    def __init__(self, timeout: float | None, stalled_after: float | None, clock: Time) -> None:
        self.now: Callable[[], float] = clock.now
        self.timeout: float = DEFAULT_TIMEOUT if timeout is None else timeout
        self.is_exact: bool = timeout is not None or stalled_after is not None
        self.stalled_after: float | None = stalled_after
        self.begun: float = clock.now()
        self._last = self.begun

    def event(self) -> None:
        """Ends a silence: the next event is being waited for from now on."""
        self._last = self.now()

    def left(self) -> float:
        """Returns the seconds that a wait may take."""
        now = self.now()
        left = self.begun + self.timeout - now
        if self.stalled_after is None:
            return left
        return min(left, self._last + self.stalled_after - now)

    def missed(self, run: Run | None) -> WaitTimeoutError:
        """Returns the error of the bound that was reached, with the run as last received."""
        text = f"the stream was not finished within {self.timeout:g} s (timeout)"
        if self.now() < self.begun + self.timeout:
            text = f"the stream had no event for {self.stalled_after:g} s (stalled_after)"
        if run is not None:
            text += f"; run {run.id} was {run.status!r} when last seen"
        return WaitTimeoutError(text, run)


@contextmanager
def opened(
    opening: AbstractContextManager[StreamedResponse],
    bounds: StreamBounds,
    missed: Callable[[], WaitTimeoutError],
    *,
    submits: bool = False,
) -> Iterator[Response]:
    """Opens a response that is read within the bounds.

    Where they are exact, a thread of its own opens and reads it: a socket's timeout is no bound for
    a server that sends byte by byte, and the embedded engine has no socket.

    Args:
        opening: Opens the response, and closes it.
        bounds: The bounds of the stream.
        missed: Returns the error of a bound that was reached.
        submits: True opens it also for a moment after the deadline, for what a tool returned.

    Raises:
        WaitTimeoutError: A bound was reached.
    """
    if bounds.is_exact:
        reader = _Reader(opening, bounds, missed)
        if reader.start():
            try:
                reader.wait_until_open(_SUBMIT_SECONDS if submits else 0.0)
                yield reader
            finally:
                reader.stop()
            return
    with opening as response:
        response.blocks = _until_deadline(response.blocks, bounds, missed)
        yield response


def _until_deadline(
    blocks: Iterable[bytes], bounds: StreamBounds, missed: Callable[[], WaitTimeoutError]
) -> Iterator[bytes]:
    """Yields the blocks; a wait for one has the read timeout, and comments extend nothing."""
    now, until = bounds.now, bounds.begun + bounds.timeout
    for block in blocks:
        yield block
        if now() >= until:
            raise missed()


class _Reader:
    """A response that a thread of its own opens, reads and closes."""

    def __init__(
        self,
        opening: AbstractContextManager[StreamedResponse],
        bounds: StreamBounds,
        missed: Callable[[], WaitTimeoutError],
    ) -> None:
        self.is_json: bool = False
        self.blocks: Iterable[bytes] = self._blocks()
        self._opening = opening
        self._bounds = bounds
        self._missed = missed
        self._response: StreamedResponse | None = None
        #: Blocks; before them the response, after them ``b""``; or the error.
        self._items: queue.Queue[bytes | StreamedResponse | BaseException] = queue.Queue()
        self._room = threading.Semaphore(_BLOCKS_AHEAD)
        self._is_stopped = threading.Event()
        self._is_read = False

    def start(self) -> bool:
        """Starts the thread; returns false where none can be, at the interpreter's end."""
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=context.run, args=(self._work,), name="assistants-client-stream", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as complaint:
            if not at_shutdown(complaint):
                raise
            return False
        return True

    def wait_until_open(self, at_least: float) -> None:
        """Waits for the response to begin.

        Raises:
            WaitTimeoutError: It did not in time.
            APIError: The server refused, or was not reached.
        """
        response = self._take(max(self._bounds.left(), at_least))
        if not isinstance(response, bytes):
            self._response, self.is_json = response, response.is_json

    def interrupt(self) -> None:
        """Wakes the thread that waits for the next block: it gets the end."""
        self._items.put(b"")

    def without_secrets(self, text: str) -> str:
        """Returns a text without the secrets of the request."""
        return text if self._response is None else self._response.without_secrets(text)

    def stop(self) -> None:
        """Has the thread close the response; it is not waited for."""
        self._is_stopped.set()
        if self._response is not None and not self._is_read:
            self._response.interrupt()

    def _blocks(self) -> Iterator[bytes]:
        while True:
            block = self._take(self._bounds.left())
            if not isinstance(block, bytes) or not block:
                return
            self._room.release()
            yield block

    def _take(self, seconds: float) -> bytes | StreamedResponse:
        item = take(self._items, min(seconds, _NO_BOUND)) if seconds > 0 else None
        if item is None:
            raise self._missed()
        if isinstance(item, BaseException):
            raise item
        return item

    def _work(self) -> None:
        try:
            with self._opening as response:
                self._items.put(response)
                for block in response.blocks:
                    self._items.put(block)
                    while not self._room.acquire(timeout=_PUT_SECONDS):
                        if self._is_stopped.is_set():
                            return
                    if self._is_stopped.is_set():
                        return
                self._is_read = True
            self._items.put(b"")
        except BaseException as error:  # raised in the caller's thread
            self._items.put(error)
