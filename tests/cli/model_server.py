"""A server of the chat-completions API that answers by rules, so that served runs have a model.

What the last message of a user asks for decides:

- a tool's name in it: that tool is called, once for each city, with arguments by its name;
- ``fail``: HTTP 500;
- ``slowly``: a word every fifth of a second, for a minute;
- anything else: it is repeated. After a tool's answer, that answer is told.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

CITIES = ("Oslo", "Bergen")
ARGUMENTS = {
    "code_interpreter": {"code": "print(6 * 7)"},
    "file_search": {"query": "capital of Norway"},
}


def text_of(message: dict[str, Any]) -> str:
    """A message's text, of which form ever it is."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def question(messages: list[dict[str, Any]]) -> str:
    """What was asked last: questions without an answer between them come as one turn."""
    turn = next((text_of(m) for m in reversed(messages) if m["role"] == "user"), "")
    return turn.rpartition("\n\n")[2]


def answer(document: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """Text and tool calls, as name and arguments."""
    messages = document["messages"]
    asked = question(messages)
    if messages[-1]["role"] == "tool":
        told = []
        for message in reversed(messages):
            if message["role"] != "tool":
                break
            told.insert(0, text_of(message))
        return f"The tool said: {' and '.join(told)}", []
    for tool in document.get("tools") or ():
        name = tool["function"]["name"]
        if name in asked:
            cities = [city for city in CITIES if city in asked] or [CITIES[0]]
            given = [ARGUMENTS[name]] if name in ARGUMENTS else [{"city": city} for city in cities]
            return "", [(name, json.dumps(arguments)) for arguments in given]
    return f"You said: {asked}", []


class Handler(BaseHTTPRequestHandler):
    """One request of the engine's."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm: ClassVar = True
    ids: ClassVar = iter(range(1_000_000_000))

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        """Answers ``/v1/chat/completions``."""
        document = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text, calls = answer(document)
        if "fail" in text:
            self.answer_json(500, {"error": {"message": "The model is down.", "type": "x"}})
            return
        tool_calls = [
            {
                "index": index,
                "id": f"call_{next(self.ids)}",
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }
            for index, (name, arguments) in enumerate(calls)
        ]
        finish = "tool_calls" if calls else "stop"
        usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
        if not document.get("stream"):
            message = {"role": "assistant", "content": text or None, "tool_calls": tool_calls}
            choice = {"index": 0, "message": message, "finish_reason": finish}
            self.answer_json(
                200, {"object": "chat.completion", "choices": [choice], "usage": usage}
            )
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        try:
            for piece in self.pieces(text):
                self.chunk([{"index": 0, "delta": {"content": piece}, "finish_reason": None}])
            if tool_calls:
                delta = {"tool_calls": tool_calls}
                self.chunk([{"index": 0, "delta": delta, "finish_reason": None}])
            self.chunk([{"index": 0, "delta": {}, "finish_reason": finish}])
            self.chunk([], usage=usage)
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            pass  # the engine has hung up, as it does when a run is cancelled
        self.close_connection = True

    @staticmethod
    def pieces(text: str) -> Iterator[str]:
        """The text word by word."""
        words = text.split(" ")
        yield words[0]
        for word in words[1:]:
            yield f" {word}"
        if "slowly" in text:
            for number in range(300):
                time.sleep(0.2)
                yield f" {number}"

    def chunk(self, choices: list[Any], **more: Any) -> None:
        """Sends one chunk."""
        document = {"object": "chat.completion.chunk", "choices": choices, **more}
        self.wfile.write(f"data: {json.dumps(document)}\n\n".encode())

    def answer_json(self, status: int, document: Any) -> None:
        """Sends one object."""
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def model_server() -> Iterator[str]:
    """The server's base URL, for the time of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
