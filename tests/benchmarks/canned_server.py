"""Answers every request with something prepared, as fast as Python can; no test, no protocol.

Run as a program: prints the ports for plain HTTP, for TLS and for streams, and serves until its
input closes.
"""

import contextlib
import json
import selectors
import socket
import ssl
import sys
import threading
from pathlib import Path

import canned_streams

RUN = {
    "id": "run_abc123",
    "object": "thread.run",
    "created_at": 1_699_000_000,
    "assistant_id": "asst_abc123",
    "thread_id": "thread_abc123",
    "status": "completed",
    "started_at": 1_699_000_001,
    "expires_at": None,
    "cancelled_at": None,
    "failed_at": None,
    "completed_at": 1_699_000_009,
    "required_action": None,
    "last_error": None,
    "model": "gpt-4o",
    "instructions": "You are a tutor of mathematics. Explain every step. " * 6,
    "incomplete_details": None,
    "tools": [
        {"type": "code_interpreter"},
        {
            "type": "function",
            "function": {
                "name": "solve",
                "description": "Solves an equation",
                "parameters": {
                    "type": "object",
                    "properties": {"equation": {"type": "string"}},
                    "required": ["equation"],
                },
                "strict": None,
            },
        },
    ],
    "metadata": {"user": "u_1", "session": "s_1"},
    "usage": {"prompt_tokens": 123, "completion_tokens": 456, "total_tokens": 579},
    "temperature": 1.0,
    "top_p": 1.0,
    "max_prompt_tokens": 1000,
    "max_completion_tokens": 1000,
    "truncation_strategy": {"type": "auto", "last_messages": None},
    "response_format": "auto",
    "tool_choice": "auto",
    "parallel_tool_calls": True,
}
#: 1.2 kB each.
MESSAGE = {
    "id": "msg_abc123",
    "object": "thread.message",
    "created_at": 1_699_000_002,
    "assistant_id": "asst_abc123",
    "thread_id": "thread_abc123",
    "run_id": "run_abc123",
    "role": "assistant",
    "status": "completed",
    "completed_at": 1_699_000_009,
    "incomplete_at": None,
    "incomplete_details": None,
    "content": [
        {
            "type": "text",
            "text": {
                "value": "To solve 3x + 11 = 14, subtract 11, then divide by 3: x = 1. " * 9,
                "annotations": [
                    {
                        "type": "file_citation",
                        "text": "[1]",
                        "start_index": 4,
                        "end_index": 7,
                        "file_citation": {"file_id": "file_abc123"},
                    }
                ],
            },
        }
    ],
    "attachments": [{"file_id": "file_abc123", "tools": [{"type": "file_search"}]}],
    "metadata": {"user": "u_1"},
}
PAGE = {
    "object": "list",
    "data": [{**MESSAGE, "id": f"msg_{n}"} for n in range(100)],
    "first_id": "msg_0",
    "last_id": "msg_99",
    "has_more": False,
}


def answer(document):
    """The bytes of an answer."""
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"X-Request-Id: req_1\r\n\r\n" + body


ANSWERS = {
    b"POST": answer(MESSAGE),
    b"GET run": answer(RUN),
    b"GET messages": answer(PAGE),
}


def chosen(head):
    """The prepared answer to a request."""
    method, target = head.split(b" ", 2)[:2]
    if method == b"POST":
        return ANSWERS[b"POST"]
    return ANSWERS[b"GET messages" if b"/messages" in target else b"GET run"]


def length_of(head):
    """The length of a request's body."""
    start = head.lower().find(b"content-length:")
    return int(head[start + 15 : head.index(b"\r\n", start)]) if start >= 0 else 0


class Connection:
    """What has come on one connection and not been answered."""

    def __init__(self, wire):
        self.wire = wire
        self.pending = b""

    def answer(self):
        """Reads what there is and answers what is whole; whether the connection goes on."""
        data = self.wire.recv(262144)
        if not data:
            return False
        self.pending += data
        while (end := self.pending.find(b"\r\n\r\n")) >= 0:
            head = self.pending[: end + 2]
            whole = end + 4 + length_of(head)
            if len(self.pending) < whole:
                break
            self.pending = self.pending[whole:]
            self.wire.sendall(chosen(head))
        return True


def serve_plain(listener):
    """All connections in one thread: many at once cost no switching."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                wire, _ = listener.accept()
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(wire, selectors.EVENT_READ, Connection(wire))
                continue
            goes_on = False
            with contextlib.suppress(OSError):
                goes_on = key.data.answer()
            if not goes_on:
                selector.unregister(key.data.wire)
                key.data.wire.close()


def serve_tls(listener, context):
    """One thread for each connection."""

    def serve(wire):
        with contextlib.suppress(OSError), context.wrap_socket(wire, server_side=True) as secure:
            connection = Connection(secure)
            while connection.answer():
                pass

    while True:
        wire, _ = listener.accept()
        threading.Thread(target=serve, args=(wire,), daemon=True).start()


def main():
    """Serves until the input closes."""
    plain = socket.create_server(("127.0.0.1", 0), backlog=128)
    secure = socket.create_server(("127.0.0.1", 0), backlog=128)
    streams = socket.create_server(("127.0.0.1", 0), backlog=128)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).parents[1] / "faults" / "tls" / "server.pem")
    for target, arguments in (
        (serve_plain, (plain,)),
        (serve_tls, (secure, context)),
        (canned_streams.serve, (streams,)),
    ):
        threading.Thread(target=target, args=arguments, daemon=True).start()
    print(*(listener.getsockname()[1] for listener in (plain, secure, streams)), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
