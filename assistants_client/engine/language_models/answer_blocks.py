"""Sends one request to a model's server, and reads its response in a thread of its own.

So nothing on the way (DNS, connections, a server that drips) can block the waiting thread for
longer than its timeout, and it can stop at any time; the connection then ends. The bytes are not
parsed here.
"""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from assistants_client._http.deadline import TooLateError
from assistants_client._http.response_bodies import prompt_blocks
from assistants_client._http.session import Borrowed, borrowed, interrupt
from assistants_client._http.transport import Transport
from assistants_client.engine.language_models.base import LanguageModelError
from assistants_client.errors import APIConnectionError

if TYPE_CHECKING:
    from requests import Response

#: The caller gets an empty block this often, in seconds, also while bytes come without content.
WAKE_SECONDS: Final = 0.25
#: Seconds, and bytes, for which the end of a finished response is awaited: a connection that was
#: read to its end serves the next request.
_END_SECONDS: Final = 0.1
_END_BYTES: Final = 64 * 1024


class SilentError(Exception):
    """Nothing came for longer than the bound."""


@frozen
class Head:
    """The status and the content type, which come before the body."""

    status: int
    content_type: str


class AnswerBlocks:
    """The blocks of a response, as they arrive; to be closed.

    Args:
        transport: Sends the request.
        path: The path of the request.
        document: The body of the request.
        monotonic: A clock in seconds.

    Raises:
        LanguageModelError: No thread can be started, as at the interpreter's end.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        document: Mapping[str, Any],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._path = path
        self._document = document
        self._monotonic = monotonic
        self._received: queue.Queue[Head | bytes | BaseException | None] = queue.Queue()
        self._borrowed = Borrowed()
        self._response: Response | None = None
        self._is_closed = False
        self._is_over = False
        self.head: Head = Head(0, "")
        context = contextvars.copy_context()
        reader = threading.Thread(
            target=context.run, args=(self._read,), name="assistants-model", daemon=True
        )
        try:
            reader.start()
        except RuntimeError as error:
            raise LanguageModelError(
                f"The language model was not asked, since no thread could be started: {error}. "
                "Where the process is about to end, wait for the run before."
            ) from error

    def blocks(self, until: float, silence: float) -> Iterator[bytes]:
        """Yields the body's blocks, and empty ones at intervals, so that the caller can stop.

        Args:
            until: The time to give up, by the clock.
            silence: Seconds without a byte after which to give up.

        Raises:
            TooLateError: It was not whole by then.
            SilentError: Nothing came for that long.
            APIError: As ``Transport.stream`` and ``prompt_blocks``.
        """
        last, woken = self._monotonic(), time.monotonic()
        while True:
            now = self._monotonic()
            if now >= until:
                raise TooLateError
            if now >= last + silence:
                raise SilentError
            try:
                item = self._received.get(
                    timeout=min(until - now, last + silence - now, WAKE_SECONDS)
                )
            except queue.Empty:
                yield b""
                woken = time.monotonic()
                continue
            last = self._monotonic()
            if item is None:
                self._is_over = True
                return
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, Head):
                self.head = item
            else:
                yield item
                if item and time.monotonic() - woken >= WAKE_SECONDS:
                    yield b""
                    woken = time.monotonic()

    def drain(self) -> None:
        """Waits a moment for the end of a response of which nothing more is needed."""
        until, size = time.monotonic() + _END_SECONDS, 0
        while not self._is_over and size < _END_BYTES and (left := until - time.monotonic()) > 0:
            try:
                item = self._received.get(timeout=left)
            except queue.Empty:
                return
            if not isinstance(item, bytes):
                return
            size += len(item)

    def close(self) -> None:
        """Ends the connection, unless the response was read to its end."""
        self._is_closed = True
        if self._borrowed.end() and self._response is not None:
            interrupt(self._response)

    def _read(self) -> None:
        borrowed.set(self._borrowed)
        try:
            try:
                self._receive()
            except APIConnectionError:
                # A kept-alive connection may have been closed at the other end. Half a request was
                # not acted upon; a whole one may have been.
                if self._is_closed or not self._borrowed.was_kept or self._borrowed.was_sent:
                    raise
                self._receive()
            self._received.put(None)
        except BaseException as error:  # raised in the waiting thread
            self._received.put(error)

    def _receive(self) -> None:
        opened = self._transport.stream(self._path, document=self._document, headers={})
        with opened as response:
            self._response = response
            if self._is_closed:
                return
            self._received.put(Head(response.status_code, response.headers.get("Content-Type", "")))
            size = 0
            for block in prompt_blocks(response, "POST", self._path):
                size += len(block)
                if self._is_closed:
                    return
                if size > self._transport.options.max_response_bytes:
                    raise LanguageModelError(
                        "The language model's answer is larger than "
                        f"{self._transport.options.max_response_bytes} bytes."
                    )
                self._received.put(block)
