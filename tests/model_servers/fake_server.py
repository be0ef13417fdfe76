"""A server of language models on a real socket, which behaves as a function says.

What belongs here: HTTP/1.1 as Node's server speaks it, and what was asked. A connection stays open
for the next request unless the client says ``Connection: close``; each body comes in chunks. What
servers answer is built in server_answers.py, and which server answers what stands in behaviours/.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Final, TypeAlias

from attrs import Factory, frozen

#: In the place of a block: the connection breaks off there.
CUT: Final = "cut"


@frozen
class Answer:
    """What a server answers.

    Attributes:
        status: The HTTP status.
        content_type: The kind of the body.
        blocks: The body as it is sent, each block a chunk of its own. A number is a pause in
            seconds, :data:`CUT` the end of the connection in the middle.
        headers: Beside those that every answer has.
    """

    status: int
    content_type: str
    blocks: Iterable[bytes | float | str]
    headers: Mapping[str, str] = Factory(dict)


#: From the body of a request, and which request of its kind it is (from 1), to its answer.
Behaviour: TypeAlias = Callable[[dict[str, Any], int], Answer]


@frozen
class Request:
    """A request as it came; ``connection`` counts the connections from 1."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    connection: int


class FakeServer:
    """A running server, to be used in a ``with`` block.

    Args:
        answers: How it answers ``/chat/completions`` and ``/responses``.
        embeds: How it answers ``/embeddings``.

    Attributes:
        url: Its base URL, which ends in ``/v1``.
        requests: The requests to a model that it got.
        embedded: The requests for vectors that it got.
        connections: How many connections were made to it.
        faults: What its behaviours raised; they are mistakes of a test.
    """

    def __init__(self, answers: Behaviour, embeds: Behaviour | None = None) -> None:
        self._behaviours = {"/embeddings": embeds or answers}
        self._answers = answers
        self.requests: list[Request] = []
        self.embedded: list[Request] = []
        self.connections = 0
        self.faults: list[str] = []
        self._left = threading.Event()
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What a model was asked, request by request."""
        return [request.body for request in self.requests]

    def was_left(self, seconds: float = 5.0) -> bool:
        """Whether a client ended a connection before its answer was whole; waits for it."""
        return self._left.wait(seconds)

    def answer(self, request: Request) -> Answer:
        """Records a request, and answers it by its path."""
        is_embedding = request.path.endswith("/embeddings")
        kept = self.embedded if is_embedding else self.requests
        kept.append(request)
        behaviour = self._behaviours["/embeddings"] if is_embedding else self._answers
        try:
            return behaviour(request.body, len(kept))
        except Exception:
            self.faults.append(traceback.format_exc())
            return Answer(500, "text/plain", [b"The behaviour of this fake server failed."])

    def pause(self, seconds: float) -> bool:
        """Waits; whether the server still runs then."""
        return not self._closing.wait(seconds)

    def leave(self) -> None:
        """Remembers that a client went away."""
        if not self._closing.is_set():
            self._left.set()

    def _accept(self) -> None:
        while True:
            try:
                connection, address = self._listener.accept()
            except OSError:
                return
            # Small chunks are sent at once, as Node does.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._open.add(connection)
            threading.Thread(
                target=self._serve, args=(connection, address, self.connections), daemon=True
            ).start()

    def _serve(self, connection: socket.socket, address: object, number: int) -> None:
        with contextlib.suppress(OSError), connection:
            _Handler(connection, address, self, number)
        self._open.discard(connection)

    def __enter__(self) -> FakeServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        # A blocked accept is not woken by close alone.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One connection, from its first request to its last."""

    protocol_version = "HTTP/1.1"
    server: Any

    def __init__(
        self, connection: socket.socket, address: Any, server: FakeServer, number: int
    ) -> None:
        self._number = number
        super().__init__(connection, address, server)  # type: ignore[arg-type]

    def do_POST(self) -> None:
        """Answers one request."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.answer(Request(self.path, headers, body, self._number))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        else:
            self.send_header("Connection", "keep-alive")
            self.send_header("Keep-Alive", "timeout=5")
        self.send_header("Transfer-Encoding", "chunked")
        try:
            self.end_headers()
            self._send(answer.blocks)
        except OSError:
            self.close_connection = True
            self.server.leave()

    def _send(self, blocks: Iterable[bytes | float | str]) -> None:
        for block in blocks:
            if block == CUT or (
                isinstance(block, (int, float)) and not self.server.pause(float(block))
            ):
                self.close_connection = True
                return
            if isinstance(block, bytes) and block:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
