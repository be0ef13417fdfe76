"""A mock of model servers from npm, aimock, as a process; and a proxy that counts connections.

What belongs here: what aimock answers to which question of ``programs/openai_acceptance.py``, how
it is started, and how its connections are counted. What must be found is checked by the tests.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from clients_kit import interpreter

READY_WITHIN = 30.0  # seconds
STOPPED_WITHIN = 10.0  # seconds
LISTENS = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")
#: In both APIs' names, since aimock hands on what stands here.
ASKED = {"prompt_tokens": 20, "completion_tokens": 10, "input_tokens": 20, "output_tokens": 10}
ANSWERED = {"prompt_tokens": 30, "completion_tokens": 6, "input_tokens": 30, "output_tokens": 6}
OSLO, BERGEN = ({"name": "get_weather", "arguments": {"city": c}} for c in ("Oslo", "Bergen"))
CODE = {"name": "code_interpreter", "arguments": {"code": "print(6 * 7)"}}
SEARCH = {"name": "file_search", "arguments": {"query": "capital of Norway"}}

Fixture: TypeAlias = dict[str, Any]


def says(
    question: str, content: Any, *, match: Any = None, how: Any = None, **more: Any
) -> Fixture:
    """An answer in words to the last message of a user; ``how`` is the pace, ``more`` beside it."""
    response = {"content": content, **more}
    return {
        "match": {"userMessage": question, **(match or {})},
        "response": response,
        **(how or {}),
    }


def calls(question: str, *tool_calls: Any, **more: Any) -> Fixture:
    """An answer that calls tools, while they have not answered."""
    response = {"toolCalls": tool_calls, "usage": ASKED, **more}
    match = {"userMessage": question, "hasToolResult": False}
    return {"match": match, "response": response, "chunkSize": 6}


def concludes(question: str, content: str, *, told: str) -> Fixture:
    """An answer in words once the last tool has said something that contains ``told``."""
    match = {"hasToolResult": True, "toolResultContains": told}
    return says(question, content, match=match, how={"chunkSize": 6}, usage=ANSWERED)


def fails(question: str, status: int, message: str, **more: Any) -> Fixture:
    """An error."""
    response = {"error": {"message": message, **more}, "status": status}
    return {"match": {"userMessage": question}, "response": response}


#: The first that matches is taken; a request that none matches is refused with 503.
FIXTURES: list[Fixture] = [
    says(
        "Good morning",
        "Good morning to you, and a fine day.",
        how={"chunkSize": 6},
        usage={"prompt_tokens": 7, "completion_tokens": 5, "input_tokens": 7, "output_tokens": 5},
    ),
    says(
        "Describe a rose",
        "A rose is a rose is a rose.",
        match={"systemMessage": ["in verse", "of one line"]},
    ),
    says("My city is Oslo", "I shall remember.", match={"turnIndex": 0}),
    says("Which city is mine?", "Yours is Oslo.", match={"turnIndex": 1}),
    says("Answer as a document", {"answer": 42}, match={"responseFormat": "json_schema"}),
    says("Answer as a document", "No document was asked for."),
    says("Tell a long story", "Once upon a", finishReason="length"),
    calls("Use code", CODE),
    concludes("Use code", "The code printed 42.", told="42"),
    calls("What is the weather?", OSLO, BERGEN),
    concludes("What is the weather?", "It is 9 C in both cities.", told="Bergen: 9 C"),
    calls("Say and look", OSLO, content="Let me look."),
    concludes("Say and look", "It is 9 C.", told="Oslo: 9 C"),
    calls("Search the files", SEARCH),
    concludes("Search the files", "The capital is Oslo.", told="Oslo"),
    *(
        says(f"Take number {n}", f"Number {n}, as you wish.", how={"chunkSize": 4, "latency": 60})
        for n in range(4)
    ),
    says("Speak slowly", "One after the other. " * 5, how={"chunkSize": 1, "latency": 500}),
    says("Hang up", "This is cut off.", how={"chunkSize": 4, "truncateAfterChunks": 3}),
    fails("Break down", 500, "The mock is down.", type="server_error"),
    fails("Be busy", 429, "Rate limit reached.", type="requests", code="rate_limit_exceeded"),
    {
        "match": {"systemMessage": "Greet the visitor"},
        "response": {"content": "Welcome, visitor."},
    },
]


@contextmanager
def aimock(folder: Path) -> Iterator[int]:
    """The server with these fixtures, for the time of the block; its port."""
    modules = Path(interpreter("CLIENTS_NODE_DIR", "a folder of node/package.json's packages"))
    program = modules / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
    node = shutil.which("node")
    if node is None or not program.is_file():
        pytest.skip("there is no node, or CLIENTS_NODE_DIR has no @copilotkit/aimock")
    fixtures, log = folder / "fixtures.json", folder / "aimock.log"
    fixtures.write_text(json.dumps({"fixtures": FIXTURES}), "utf-8")
    command = [node, str(program), "--port", "0", "--fixtures", str(fixtures), "--strict"]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            # Without this, a fixture's turnIndex is a wish only.
            env={"PATH": os.environ.get("PATH", os.defpath), "AIMOCK_STRICT_TURN_INDEX": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            yield port_of(process, log)
        finally:
            process.terminate()
            try:
                process.wait(STOPPED_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()


def port_of(process: subprocess.Popen[bytes], log: Path) -> int:
    """Where it listens, as soon as it says so."""
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until and process.poll() is None:
        found = LISTENS.search(log.read_text("utf-8"))
        if found:
            return int(found[1])
        time.sleep(0.02)
    raise AssertionError(f"aimock does not serve:\n{log.read_text('utf-8')}")


def _has_left(client: socket.socket) -> bool:
    """Whether the other side has ended a connection."""
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class CountingProxy:
    """Hands bytes on to a port of this machine, both ways, and counts the connections.

    Attributes:
        accepted: So many connections there were.
        most_at_once: So many were open at the same time.
    """

    def __init__(self, port: int) -> None:
        self.accepted = 0
        self.most_at_once = 0
        self._clients: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            with self._lock:
                self.accepted += 1
                self._clients.add(client)
                # One that said goodbye is not open any more, though nobody has looked yet.
                still_open = sum(not _has_left(one) for one in self._clients)
                self.most_at_once = max(self.most_at_once, still_open)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with ExitStack() as sockets:
            sockets.enter_context(client)
            server = sockets.enter_context(socket.create_connection(self._target))
            back = threading.Thread(target=self._hand_on, args=(server, client), daemon=True)
            back.start()
            self._hand_on(client, server)
            back.join()
            with self._lock:
                self._clients.discard(client)

    @staticmethod
    def _hand_on(source: socket.socket, target: socket.socket) -> None:
        """Copies until one end closes, then closes both for good."""
        with suppress(OSError):
            while block := source.recv(65536):
                target.sendall(block)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Accepts no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
