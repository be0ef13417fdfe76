"""Answers that a server of the chat completions API streams, over a real socket."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from chat_bench import HI, KEY, Handler, Server, answers, model, respond, says
from stream_bench import StreamBench

from assistants_client.engine.language_models.base import (
    Delta,
    Finish,
    RefusalDelta,
    TextDelta,
    TokenUsage,
    ToolCallDelta,
)

USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
USED = TokenUsage(prompt_tokens=9, completion_tokens=2)
STOP: dict[str, Any] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
DONE = "[DONE]"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a port of its own."""
    made = Server()
    yield made
    made.close()


def chunk(finish_reason: str | None = None, **delta: Any) -> dict[str, Any]:
    """A chunk of an answer."""
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def piece(index: int | None, arguments: Any = None, **fields: Any) -> dict[str, Any]:
    """A chunk with a piece of a tool call."""
    function = {name: fields.pop(name) for name in ("name",) if name in fields}
    if arguments is not None:
        function["arguments"] = arguments
    placed = {} if index is None else {"index": index}
    return chunk(tool_calls=[{**placed, **fields, "function": function}])


def stream_of(*chunks: object) -> bytes:
    """The body of a stream."""
    texts = [c if isinstance(c, str) else json.dumps(c) for c in chunks]
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def streams(*chunks: object, content_type: str = "text/event-stream", **headers: str) -> Handler:
    """A reply that is a stream."""
    return answers(stream_of(*chunks), content_type=content_type, **headers)


def read(server: Server, *chunks: object, **options: Any) -> list[Delta]:
    """What the model makes of a stream, without what says that nothing has come yet."""
    server.reply = streams(*chunks)
    return [delta for delta in respond(server.url, **options) if delta != TextDelta(text="")]


def texts(*words: str) -> list[Delta]:
    """Pieces of text, and an ordinary end."""
    return [*(TextDelta(text=word) for word in words), Finish(reason="stop")]


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([chunk(content="a"), chunk(content=" b"), STOP, DONE], texts("a", " b")),
        ([chunk(role="assistant", content=None), chunk(content="a"), STOP, DONE], texts("a")),
        ([chunk("stop", content="a"), DONE], texts("a")),
        ([chunk("stop", content="a")], texts("a")),
        ([chunk(content="a"), DONE], texts("a")),
        (
            [chunk(content="a"), chunk("length"), DONE],
            [TextDelta(text="a"), Finish(reason="length")],
        ),
        ([chunk(refusal="No"), STOP, DONE], [RefusalDelta(text="No"), Finish(reason="stop")]),
        ([chunk(content=[{"type": "text", "text": "a"}]), STOP, DONE], texts("a")),
        ([chunk(content="a", reasoning_content="hm"), STOP, {"object": "odd"}, DONE], texts("a")),
        ([{"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}], texts("a")),
        (
            [chunk(content="a"), STOP, {"choices": [], "usage": USAGE}, DONE],
            [TextDelta(text="a"), USED, Finish(reason="stop")],
        ),
        (
            [
                {**chunk(content="a"), "usage": {"prompt_tokens": 9, "completion_tokens": 1}},
                {**STOP, "usage": USAGE},
                DONE,
            ],
            [TextDelta(text="a"), USED, Finish(reason="stop")],
        ),
        (
            [{**chunk(content="a"), "usage": None}, STOP, {**chunk(), "usage": USAGE}, DONE],
            [TextDelta(text="a"), USED, Finish(reason="stop")],
        ),
        ([chunk(content="\ud83d"), chunk(content="\ude00!"), STOP, DONE], texts("\U0001f600!")),
        ([chunk(content="a\ud83d"), STOP, DONE], texts("a", "\N{REPLACEMENT CHARACTER}")),
        (
            [{"choices": [{"index": 1, "delta": {"content": "x"}}]}, chunk(content="a"), STOP],
            texts("a"),
        ),
    ],
)
def test_text(server: Server, chunks: list[object], expected: list[Delta]) -> None:
    """Each piece of text is passed on; usage and the end are told last."""
    assert read(server, *chunks) == expected


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        (
            [piece(0, '{"x"', id="a", name="f", type="function"), piece(0, ": 1}")],
            [("a", "f", '{"x": 1}')],
        ),
        (
            [
                piece(0, "{", id="a", name="f"),
                piece(1, "[", id="b", name="g"),
                piece(0, "}"),
                piece(1, "]"),
            ],
            [("a", "f", "{}"), ("b", "g", "[]")],
        ),
        (  # one index for all, each whole
            [piece(0, "{}", id="a", name="f"), piece(0, "[]", id="b", name="f")],
            [("a", "f", "{}"), ("b", "f", "[]")],
        ),
        (  # no index
            [
                piece(None, "{", id="a", name="f"),
                piece(None, "}"),
                piece(None, "[]", id="b", name="g"),
            ],
            [("a", "f", "{}"), ("b", "g", "[]")],
        ),
        ([piece(0, "{", id="a", name="f"), piece(0, "}", id="a", name="f")], [("a", "f", "{}")]),
        ([piece(0, {"x": 1}, name="f")], [(None, "f", '{"x": 1}')]),
        ([piece(3, None, id="", name="f")], [(None, "f", "{}")]),
        ([chunk(function_call={"name": "f", "arguments": "{}"})], [(None, "f", "{}")]),
    ],
)
def test_tool_calls(
    server: Server, chunks: list[object], expected: list[tuple[str | None, str, str]]
) -> None:
    """Pieces find their call, whatever the server does with indexes."""
    deltas = read(server, *chunks, chunk("tool_calls"), DONE)
    assert deltas[-1] == Finish(reason="tool_calls")
    calls: dict[int, list[Any]] = {}
    for delta in deltas[:-1]:
        assert isinstance(delta, ToolCallDelta)
        known = calls.setdefault(delta.index, [None, None, ""])
        known[:] = [delta.id or known[0], delta.name or known[1], known[2] + delta.arguments]
    assert [tuple(calls[index]) for index in sorted(calls)] == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (stream_of(chunk(content="a")), "a stream that broke off after some pieces"),
        (b": nothing\n\n", "a stream that broke off before any piece of it"),
        (stream_of({"choices": []}, DONE), 'an answer without a message: {"choices": []}'),
        (stream_of(chunk(content="a"), {"error": {"message": "Boom", "code": "500"}}), "Boom"),
        (stream_of({"error": f"bad key {KEY}"}), "an error: bad key ***"),
        (b'event: error\ndata: {"message": "Boom"}\n\n', "an error: Boom"),
        (stream_of("{no"), "a piece that is no JSON object: {no"),
        (stream_of([1]), "a piece that is no JSON object: [1]"),
        (stream_of(piece(0, "{}"), STOP, DONE), "a tool call without a function"),
        (stream_of(chunk(tool_calls=["f()"])), "a tool call without a function"),
    ],
)
def test_streams_that_are_no_answer(server: Server, body: bytes, words: str) -> None:
    """Each is told with what came."""
    error = server.failure(answers(body, content_type="text/event-stream; charset=utf-8"))
    assert str(error).startswith(f"The language model at {server.url} answered with ")
    assert words in str(error)


def test_the_code_of_an_error_within(server: Server) -> None:
    """It is the run's, as that of a refusal."""
    error = {"error": {"message": "Too many requests", "code": 429}}
    assert server.failure(streams(error)).code == "rate_limit_exceeded"


def test_a_connection_that_breaks(server: Server) -> None:
    """It is told, unless the model had ended already."""
    error = server.failure(streams(chunk(content="a"), Content_Length="100000"))
    assert "cut short" in str(error)
    server.reply = streams(chunk(content="a"), STOP, Content_Length="100000")
    assert [d for d in respond(server.url) if d != TextDelta(text="")] == texts("a")


def test_a_stream_that_does_not_say_so(server: Server) -> None:
    """Some servers give it another content type."""
    server.reply = streams(chunk(content="a"), STOP, DONE, content_type="text/plain")
    assert respond(server.url) == texts("a")


def test_a_server_that_does_not_stream(server: Server) -> None:
    """It answers with a whole answer."""
    assert server.answer(says({"content": "a b"})) == texts("a b")


@pytest.mark.parametrize("refused", ["stream_options", "stream"])
def test_a_server_that_refuses_to_stream(server: Server, refused: str) -> None:
    """It is asked for less, and not again for what it refused."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        body = server.requests[-1][2]
        if refused in body:
            error = {"error": {"message": f"Unknown field: {refused}"}}
            answers(error, 422)(handler)
        elif body.get("stream"):
            streams(chunk(content="a"), STOP, DONE)(handler)
        else:
            answers(says({"content": "a"}))(handler)

    server.reply = reply
    with model(server.url) as made:
        assert list(made.respond(HI)) == list(made.respond(HI)) == texts("a")
    asked = [
        [name for name in ("stream", "stream_options") if name in b] for *_, b in server.requests
    ]
    less = ["stream"] if refused == "stream_options" else []
    assert asked == [["stream", "stream_options"], less, less]


# --- time ---------------------------------------------------------------------------------------


class Held:
    """A stream that begins, and goes on when it is let go; it sees when the other side leaves."""

    def __init__(self, *first: object) -> None:
        self.first = first
        self.go = threading.Event()
        self.left = threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        """Answers, and waits for one side or the other."""
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        handler.wfile.write(stream_of(*self.first))
        while not self.go.wait(0.01):
            if select.select([handler.connection], [], [], 0)[0]:
                if not handler.connection.recv(1, socket.MSG_PEEK):
                    self.left.set()
                return
        handler.wfile.write(stream_of(chunk(content=" b"), STOP, DONE))


def test_pieces_come_while_the_server_writes(server: Server) -> None:
    """The first one is there before the second is sent."""
    server.reply = held = Held(chunk(content="a"))
    with model(server.url) as made:
        deltas = made.respond(HI)
        assert next(deltas) == TextDelta(text="a")
        held.go.set()
        assert [d for d in deltas if d != TextDelta(text="")] == texts(" b")


def test_who_waits_is_woken_now_and_then(server: Server) -> None:
    """An empty piece says that nothing has come; who then leaves ends the connection."""
    server.reply = held = Held()
    with model(server.url) as made:
        deltas = made.respond(HI)
        assert next(deltas) == TextDelta(text="")
        deltas.close()
        assert held.left.wait(5)


def test_comments_do_not_extend_the_time(server: Server) -> None:
    """The timeout is for the whole answer, also where a server says that it is still there."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        while not server.released.wait(0.02):
            handler.wfile.write(b": ping\n\n")

    begun = time.monotonic()
    error = server.failure(reply, timeout=0.3)
    assert 0.2 < time.monotonic() - begun < 10
    assert "gave no whole answer within 0.3 s" in str(error)


def test_the_time_is_up_after_the_last_word(server: Server) -> None:
    """A server that keeps the connection open after its end has answered all the same."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        handler.wfile.write(stream_of(chunk(content="a"), STOP))
        server.released.wait(10)

    server.reply = reply
    deltas = respond(server.url, timeout=0.5)
    assert [d for d in deltas if d != TextDelta(text="")] == texts("a")


@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_a_run_that_ends_hangs_up(server: Server, end: str) -> None:
    """The model's server is not kept busy for a run that is over."""
    server.reply = held = Held(chunk(content="a"))
    with model(server.url) as made:
        bench = StreamBench(made)
        stream = bench.run()
        stream.until("thread.message.delta")
        if end == "cancelled":
            bench.send("POST", f"{stream.run_path}/cancel")
        else:
            bench.clock.move(601)
        assert held.left.wait(5)
        assert stream.rest()[-2] == f"run.{end} {end}"
        bench.close()


def test_a_person_reads_along(server: Server) -> None:
    """From the model's server through the engine, word by word."""
    server.reply = held = Held(chunk(content="a"))
    with model(server.url) as made:
        bench = StreamBench(made)
        stream = bench.run()
        delta = stream.until("thread.message.delta")["delta"]["content"][0]["text"]
        assert delta == {"value": "a", "annotations": []}
        held.go.set()
        delta = stream.until("thread.message.delta")["delta"]["content"][0]["text"]
        assert delta == {"value": " b"}
        assert stream.rest()[-2:] == ["run.completed completed", "done"]
        bench.close()
