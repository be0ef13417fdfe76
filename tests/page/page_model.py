"""A server of the chat-completions API for the tests of the page, which answers by the question.

- ``draw``: code runs that prints, and writes a picture;
- ``search``: files are searched, and the answer cites the first passage;
- ``weather``: the function ``get_weather`` is called;
- ``fast``: ``FAST_WORDS`` words, 200 in a second; ``slowly``: five in a second, for a minute;
- ``fail``: HTTP 500;
- anything else is repeated.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

from model_server import question, text_of

FAST_WORDS = 1_000
FAST_SECONDS = 1 / 200

#: Writes a red square, with nothing but the standard library, and shows it by the answer.
DRAWING = """\
import struct, zlib

def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

rows = (b"\\0" + b"\\xc0\\x20\\x20" * 64) * 64
head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
png = b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head)
png += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
open("square.png", "wb").write(png)
print("64 by 64, red")
"""
CALLS = {
    "draw": ("code_interpreter", {"code": DRAWING}),
    "search": ("file_search", {"query": "capital of Norway"}),
    "weather": ("get_weather", {"city": "Oslo", "unit": "C"}),
}


def answer(messages: list[dict[str, Any]]) -> tuple[str, tuple[str, str] | None]:
    """The text of an answer, or the name and the arguments of a call."""
    last = messages[-1]
    if last["role"] == "tool":
        told = text_of(last)
        mark = re.search("【[^】]+】", told)
        return (f"It is Oslo {mark[0]}." if mark else f"The tool said: {told}"), None
    asked = question(messages)
    name = next((name for name in CALLS if asked.startswith(name)), None)
    if name is None:
        return f"You said: {asked}", None
    called, arguments = CALLS[name]
    return "", (called, json.dumps(arguments))


def pieces(text: str) -> Iterator[str]:
    """The text as it is said, with its pauses."""
    asked = text.removeprefix("You said: ")
    if asked.startswith("fast"):
        began = time.monotonic()
        for number in range(FAST_WORDS):
            time.sleep(max(0.0, began + number * FAST_SECONDS - time.monotonic()))
            yield f"word{number} "
    elif asked.startswith("slowly"):
        for number in range(300):
            time.sleep(0.2)
            yield f"word{number} "
    else:
        yield from re.findall(r"\S+\s*", text)


class Handler(BaseHTTPRequestHandler):
    """One request of the engine's."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm: ClassVar = True

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        """Streams an answer."""
        document = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text, call = answer(document["messages"])
        if "fail" in text:
            body = json.dumps({"error": {"message": "The model is down.", "type": "x"}}).encode()
            self.send_response(500)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            if call is not None:
                function = {"name": call[0], "arguments": call[1]}
                made = {"index": 0, "id": "call_1", "type": "function", "function": function}
                self.chunk({"tool_calls": [made]})
            for piece in pieces(text):
                self.chunk({"content": piece})
            self.chunk({}, "stop" if call is None else "tool_calls")
            usage = {"prompt_tokens": 70, "completion_tokens": 30, "total_tokens": 100}
            self.send({"choices": [], "usage": usage})
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            pass  # the engine has hung up, as it does when a run is cancelled

    def chunk(self, delta: dict[str, Any], finish: str | None = None) -> None:
        """Sends one chunk of the answer."""
        self.send({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    def send(self, document: dict[str, Any]) -> None:
        """Sends one event."""
        event = {"object": "chat.completion.chunk", **document}
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())


@contextmanager
def page_model() -> Iterator[str]:
    """The server's base URL, for the time of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
