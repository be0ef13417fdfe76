"""One request to a model's server, whose answer is read in a thread of its own.

So nothing on the way (names, connections, a server that drips) can hold the one who waits for
longer than he wants, and he can go away at any time; the connection then ends. What the bytes mean
is not known here.
"""

from __future__ import annotations

import contextvars
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from assistants_client._deadline import TooLateError
from assistants_client._transport import Transport
from assistants_client.engine.language_models.base import LanguageModelError

if TYPE_CHECKING:
    from requests import Response

#: While nothing comes, whoever waits gets an empty block this often, in seconds.
WAKE_SECONDS: Final = 0.25
#: No connection is used again: servers end them at will after a stream, and a new one costs nothing
#: beside an answer.
_HEADERS: Final = {"Connection": "close"}


@frozen
class Head:
    """What is known before the body."""

    status: int
    content_type: str


class AnswerBlocks:
    """The blocks of an answer, as they arrive; to be closed.

    Args:
        transport: Where to ask.
        path: What to ask.
        document: With what.

    Raises:
        LanguageModelError: No thread can be started, as at the interpreter's end.
    """

    def __init__(self, transport: Transport, path: str, document: Mapping[str, Any]) -> None:
        self._transport = transport
        self._path = path
        self._document = document
        self._came: queue.Queue[Head | bytes | BaseException | None] = queue.Queue()
        self._response: Response | None = None
        self._is_closed = False
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

    def blocks(self, until: float) -> Iterator[bytes]:
        """The body's blocks; an empty one means that nothing has come for a while.

        Args:
            until: When to give up, by ``time.monotonic``.

        Raises:
            TooLateError: It was not whole by then.
            APIError: As ``Transport.stream`` and ``prompt_blocks``.
        """
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise TooLateError
            try:
                came = self._came.get(timeout=min(left, WAKE_SECONDS))
            except queue.Empty:
                yield b""
                continue
            if came is None:
                return
            if isinstance(came, BaseException):
                raise came
            if isinstance(came, Head):
                self.head = came
            else:
                yield came

    def close(self) -> None:
        """Ends the connection, if there still is one."""
        self._is_closed = True
        if self._response is not None:
            self._transport.interrupt(self._response)

    def _read(self) -> None:
        try:
            opened = self._transport.stream(self._path, document=self._document, headers=_HEADERS)
            with opened as response:
                self._response = response
                head = Head(response.status_code, response.headers.get("Content-Type", ""))
                self._came.put(head)
                blocks = self._transport.prompt_blocks(response, "POST", self._path)
                size = 0
                while not self._is_closed and (block := next(blocks, b"")):
                    size += len(block)
                    if size > self._transport.options.max_response_bytes:
                        break
                    self._came.put(block)
            self._came.put(None)
        except BaseException as error:  # handed to the one who waits
            self._came.put(error)
