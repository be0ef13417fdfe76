"""A server of the embeddings API that knows a few meanings, on a socket of its own.

Each number of a vector stands for one meaning and counts the words that have it, so what vectors
are alike to can be read off the table below.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import define, field

MEANINGS = (
    {"car", "cars", "automobile", "vehicle"},
    {"doctor", "physician", "surgeon"},
    {"ship", "boat", "vessel"},
    {"cheap", "inexpensive", "bargain"},
)


def embedded(text: str) -> list[float]:
    """The vector of a text; the last number is for whatever it is about."""
    words = re.findall(r"\w+", text.lower())
    return [*(float(sum(word in meant for word in words)) for meant in MEANINGS), 0.01]


@define
class EmbeddingServer:
    """A running server.

    Attributes:
        base_url: Where it is.
        asked: The bodies of the requests so far.
        keys: The ``Authorization`` headers of the requests so far.
        answers: Given instead of what is right, one for each request: status and body.
        as_base64: Whether vectors are told as bytes.
        refuses: Status and body for the texts of a request that it does not take.
        padding: How many numbers more its vectors have, all of them 0.
    """

    base_url: str = ""
    asked: list[dict[str, Any]] = field(factory=list)
    keys: list[str | None] = field(factory=list)
    answers: list[tuple[int, Any]] = field(factory=list)
    as_base64: bool = False
    refuses: Callable[[list[str]], tuple[int, Any] | None] = lambda texts: None
    padding: int = 0

    @property
    def sizes(self) -> list[int]:
        """How many texts each request had so far."""
        return [len(one["input"]) for one in self.asked]

    def answer(self, document: dict[str, Any]) -> tuple[int, Any]:
        """Status and body for a request."""
        self.asked.append(document)
        if self.answers:
            return self.answers.pop(0)
        refused = self.refuses(document["input"])
        if refused is not None:
            return refused
        data = []
        for index, text in enumerate(document["input"]):
            numbers = embedded(text)
            if document["model"] == "backwards":
                numbers.reverse()
            numbers += [0.0] * self.padding
            told: Any = numbers
            if self.as_base64:
                told = base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
            data.append({"object": "embedding", "index": index, "embedding": told})
        # The order of the rows says nothing; their numbers do.
        return 200, {"object": "list", "data": data[::-1], "model": document["model"]}


@contextmanager
def embedding_server() -> Iterator[EmbeddingServer]:
    """A server, for the time of the block."""
    state = EmbeddingServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Says nothing."""

        def do_POST(self) -> None:
            """Answers ``/v1/embeddings``."""
            document = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.keys.append(self.headers["authorization"])
            status, told = state.answer(document)
            if self.path != "/v1/embeddings":
                status, told = 404, {"error": {"message": "Not here."}}
            body = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            with suppress(OSError):  # who asked may have gone
                self.end_headers()
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
