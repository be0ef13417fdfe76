"""A language model's server on a real socket, and the model that asks it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

import pytest

from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    FunctionSpec,
    LanguageModelError,
    ToolCall,
    Turn,
)
from assistants_client.engine.language_models.chat_completions import ChatCompletions
from assistants_client.engine.language_models.responses import Responses

KEY = "sk-very-secret"
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
HI = Conversation(model="gpt-x", turns=[Turn(role="user", text="Hi")])
#: A conversation with everything in it.
FULL = Conversation(
    model="gpt-x",
    instructions="Be kind",
    turns=[
        Turn(role="user", text="Hi \ud83d"),
        Turn(
            role="assistant",
            text="Well",
            tool_calls=[
                ToolCall(id="c1", name="f", arguments='{"x": 1}'),
                ToolCall(id="c2", name="f", arguments="{no"),
            ],
        ),
        Turn(role="tool", text="2", tool_call_id="c1"),
        Turn(role="tool", text="", tool_call_id="c2"),
        Turn(role="assistant", tool_calls=[ToolCall(id="c3", name="g", arguments="")]),
    ],
    functions=[
        FunctionSpec(name="f", description="F", parameters={"type": "object"}, strict=True),
        FunctionSpec(name="g"),
    ],
    tool_choice="function:f",
    parallel_tool_calls=False,
    temperature=0.5,
    top_p=0.9,
    max_completion_tokens=300,
    reasoning_effort="low",
    response_format={
        "type": "json_schema",
        "json_schema": {"name": "point", "schema": {"type": "object"}, "strict": True},
    },
)

Handler = Callable[[BaseHTTPRequestHandler], None]
Kind: TypeAlias = ChatCompletions | Responses


class Server:
    """A server of this test: each request is handed to ``reply``, and recorded."""

    def __init__(self) -> None:
        self.reply: Handler = answers({})
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.released = threading.Event()
        outer = self

        class Handle(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.requests.append((self.path, headers, body))
                outer.reply(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handle)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        """Lets go whatever is held back, and stops."""
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, document: object, status: int = 200, **options: Any) -> list[Delta]:
        """What the model makes of one document."""
        self.reply = answers(document, status)
        return respond(self.url, **options)

    def failure(self, reply: Handler, **options: Any) -> LanguageModelError:
        """The error that a reply makes; no error ever holds the key."""
        self.reply = reply
        with pytest.raises(LanguageModelError) as caught:
            respond(self.url, **options)
        assert KEY not in str(caught.value)
        return caught.value


@contextmanager
def model(
    url: str, api_key: Any = KEY, kind: type[Kind] = ChatCompletions, **options: Any
) -> Iterator[Kind]:
    """A model that is closed again."""
    made = kind(url, api_key, **options)
    try:
        yield made
    finally:
        made.close()


def respond(url: str, asked: Conversation = HI, **options: Any) -> list[Delta]:
    """One whole answer."""
    with model(url, **options) as made:
        return list(made.respond(asked))


def answers(
    document: object, status: int = 200, content_type: str = "application/json", **headers: str
) -> Handler:
    """A reply with this document, or with these bytes."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def says(message: object, finish_reason: object = "stop", **fields: Any) -> dict[str, Any]:
    """A whole answer around a message."""
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish_reason}], **fields}
