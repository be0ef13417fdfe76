"""A server of the chat-completions API that counts who asks, and answers when a test says so.

What the last message of a user asks for decides:

- ``say|TEXT``: the text is repeated, after ``seconds``;
- ``code|CODE|CODE``: the interpreter is called with each, in a round of its own, and then as below;
- ``call|NAME``: the function is called without arguments, and what it returns is told;
- ``wait|…``: the answer is begun, and goes on once the test opens the gate.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ScriptedChat:
    """What was asked so far, and the gate.

    Attributes:
        url: The base URL.
        gate: Answers that wait go on once it is set.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.gate = threading.Event()
        self.seconds = seconds
        self._changed = threading.Condition()
        self._asked: list[list[dict[str, Any]]] = []
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Answers, as far as somebody reads it."""
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with chat._changed:
                    chat._asked.append(request["messages"])
                    chat._changed.notify_all()
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                try:
                    for delta, end in chat._answer(request["messages"]):
                        choice = {"index": 0, "delta": delta, "finish_reason": end}
                        self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
                        self.wfile.flush()
                    self.wfile.write(b"data: [DONE]\n\n")
                except OSError:
                    pass  # whoever asked was killed, or has given it up

            def log_message(self, format: str, *arguments: Any) -> None:
                """Says nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def rounds(self, question: str) -> Counter[int]:
        """How often each round of a question was asked for, by the number of turns before it."""
        with self._changed:
            return Counter(
                len(turns) for turns in self._asked if question in (t["content"] for t in turns)
            )

    def outputs(self, question: str) -> list[str]:
        """The outputs of tools in what was asked last about a question."""
        with self._changed:
            turns = [turns for turns in self._asked if question in (t["content"] for t in turns)][
                -1
            ]
        return [turn["content"] for turn in turns if turn["role"] == "tool"]

    def wait_for(self, question: str, *, asked: int, rounds: int = 1) -> None:
        """Waits until so many rounds of a question were asked for, the last one so often."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: self._times(question, rounds) >= asked, timeout=60
            ), (question, self._asked)

    def _times(self, question: str, rounds: int) -> int:
        counted = self.rounds(question)
        return counted[max(counted)] if len(counted) >= rounds else 0

    def _answer(self, turns: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str | None]]:
        question = next(turn["content"] for turn in reversed(turns) if turn["role"] == "user")
        word, *words = question.split("|")
        outputs = [turn["content"] for turn in turns if turn["role"] == "tool"]
        done = len(outputs)
        if word in {"code", "call"} and done < len(words):
            name = "code_interpreter" if word == "code" else words[done]
            given = {"code": words[done]} if word == "code" else {}
            function = {"name": name, "arguments": json.dumps(given)}
            call = {"index": 0, "id": f"call_{done}", "type": "function", "function": function}
            yield {"tool_calls": [call]}, None
            yield {}, "tool_calls"
            return
        if word in {"say", "call"}:
            time.sleep(self.seconds)
            yield {"content": f"You said: {words[0] if word == 'say' else outputs[-1]}"}, None
        else:
            yield {"content": "So "}, None
            self.gate.wait(60)
            yield {"content": "be it."}, None
        yield {}, "stop"

    def close(self) -> None:
        """Ends it, and all that waits."""
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def scripted_chat(seconds: float = 0.0) -> Iterator[ScriptedChat]:
    """Serves for the time of the block."""
    chat = ScriptedChat(seconds)
    try:
        yield chat
    finally:
        chat.close()
