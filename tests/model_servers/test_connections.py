"""Connections to a model's server: kept, used again, closed, and what a stale one leads to."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any, cast

import pytest
from fake_server import Answer, FakeServer
from server_answers import always, call, calls, chunk, refuses, says, sse, whole

from assistants_client import Client
from assistants_client._http.session import Borrowed, borrowed
from assistants_client.engine import ChatCompletions, Engine
from assistants_client.engine.language_models import server_model
from assistants_client.engine.language_models.base import (
    Conversation,
    Delta,
    LanguageModelError,
    TextDelta,
    Turn,
)

HI = Conversation(model="m", turns=[Turn(role="user", text="Hi")])


def text_of(model: ChatCompletions) -> str:
    """What a model says to a greeting."""
    return "".join(d.text for d in model.respond(HI) if isinstance(d, TextDelta))


@pytest.mark.parametrize("answer", [says("a"), whole(content="a")], ids=["streamed", "whole"])
def test_a_connection_serves_one_answer_after_another(answer: Answer) -> None:
    """As Node's servers keep them; no request asks to close it."""
    with FakeServer(always(answer)) as server, closing(ChatCompletions(server.url)) as model:
        assert [text_of(model) for _ in range(5)] == ["a"] * 5
        assert server.connections == 1
        assert not any("connection" in request.headers for request in server.requests)


def test_a_refusal_leaves_the_connection_usable() -> None:
    """Its body is read to its end."""
    answers = [refuses(429, "Later."), says("a")]
    with (
        FakeServer(lambda body, number: answers[number - 1]) as server,
        closing(ChatCompletions(server.url)) as model,
    ):
        with pytest.raises(LanguageModelError):
            text_of(model)
        assert text_of(model) == "a"
        assert server.connections == 1


def test_a_run_of_many_rounds_has_one_connection() -> None:
    """So has the next run, for nothing else was at work."""

    def answer(body: dict[str, Any], number: int) -> Answer:
        code = call("code_interpreter", '{"code": "1"}', f"c{number}")
        return calls(code) if number % 4 else says()

    with FakeServer(answer) as server, closing(ChatCompletions(server.url)) as model:
        with Client(engine=Engine("sqlite://", model=model)) as client:
            assistant = client.assistants.create(model="m", tools=[{"type": "code_interpreter"}])
            thread = client.threads.create()
            for _ in range(2):
                assert client.ask(thread.id, "Reckon", assistant_id=assistant.id).text
        assert (len(server.requests), server.connections) == (8, 1)


def test_what_dawdles_after_its_end_is_not_waited_for() -> None:
    """The connection is closed then, and the next answer has another one."""
    answer = sse(chunk(content="a"), chunk("stop"), "data: [DONE]\n\n", 30, done=False)
    with FakeServer(always(answer)) as server, closing(ChatCompletions(server.url)) as model:
        assert [text_of(model), text_of(model)] == ["a", "a"]
        assert server.connections == 2


def test_an_idle_connection_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers close them after some seconds, and what is sent at that moment is lost."""
    monkeypatch.setattr(server_model, "_MAX_IDLE", -1.0)
    with FakeServer(always(says("a"))) as server, closing(ChatCompletions(server.url)) as model:
        assert [text_of(model), text_of(model)] == ["a", "a"]
        assert server.connections == 2


class Raw:
    """A server of bare sockets: each connection is handled by the next function."""

    def __init__(self, *handlers: Callable[[socket.socket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self.requests: list[bytes] = []
        self.handled = 0
        self._handlers = handlers
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        for handler in self._handlers:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                handler(connection)
            self.handled += 1

    def read(self, connection: socket.socket) -> bytes:
        """One request."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return data
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        while len(body) < length:
            body += connection.recv(65536)
        self.requests.append(body)
        return body

    def close(self) -> None:
        """Stops listening."""
        self._listener.close()


WHOLE = json.dumps(
    {"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]}
).encode()


def kept(connection: socket.socket) -> None:
    """Answers, and says that the connection stays open."""
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(WHOLE), WHOLE)
    )


def test_a_connection_that_was_closed_is_replaced() -> None:
    """The server's goodbye had arrived before the next question: nothing was asked on it."""

    def once(connection: socket.socket) -> None:
        server.read(connection)
        kept(connection)

    server = Raw(once, once)
    with closing(server), closing(ChatCompletions(server.url)) as model:
        assert text_of(model) == "a"
        while server.handled < 1:
            threading.Event().wait(0.01)
        assert text_of(model) == "a"
    assert len(server.requests) == 2


def test_what_a_server_may_have_acted_on_is_not_asked_again() -> None:
    """It took the whole question on a kept connection, and left without a word."""

    def twice(connection: socket.socket) -> None:
        server.read(connection)
        kept(connection)
        server.read(connection)

    server = Raw(twice, kept)
    with closing(server), closing(ChatCompletions(server.url)) as model:
        assert text_of(model) == "a"
        with pytest.raises(LanguageModelError, match="gave no answer"):
            text_of(model)
    assert len(server.requests) == 2


def test_half_a_question_on_a_stale_connection_is_asked_again() -> None:
    """The server closed it before it had the whole: it cannot have acted."""
    big = Conversation(model="m", turns=[Turn(role="user", text="x" * 20_000_000)])

    def leaves(connection: socket.socket) -> None:
        server.read(connection)
        kept(connection)
        connection.recv(10)  # the beginning of the next one

    def once(connection: socket.socket) -> None:
        server.read(connection)
        kept(connection)

    server = Raw(leaves, once)
    with closing(server), closing(ChatCompletions(server.url)) as model:
        assert text_of(model) == "a"
        assert [d for d in model.respond(big) if isinstance(d, TextDelta) and d.text]
    assert len(server.requests) == 2


@contextmanager
def thinking(*said: bytes) -> Iterator[tuple[str, threading.Event]]:
    """A server that reads a question, may begin its answer, and then thinks until it is left."""
    left = threading.Event()

    def think(connection: socket.socket) -> None:
        server.read(connection)
        for piece in said:
            connection.sendall(piece)
        connection.settimeout(10)
        try:
            if connection.recv(1) == b"":
                left.set()
        except ConnectionError:
            left.set()

    server = Raw(think)
    with closing(server):
        yield server.url, left


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
THOUGHT = b"data: " + json.dumps(chunk(reasoning_content="hm")).encode() + b"\n\n"


@pytest.mark.parametrize(
    "said",
    [(), (HEAD,), (HEAD, b"%x\r\n%b\r\n" % (len(THOUGHT), THOUGHT))],
    ids=["before it answers", "before it says anything", "while it thinks aloud"],
)
def test_a_cancelled_run_ends_the_connection(said: tuple[bytes, ...]) -> None:
    """At once, so that the server stops: a model with one slot answers nobody else until then."""
    with (
        thinking(*said) as (url, left),
        closing(ChatCompletions(url)) as model,
        Client(engine=Engine("sqlite://", model=model)) as client,
    ):
        assistant = client.assistants.create(model="m")
        thread = client.threads.create(messages=[{"role": "user", "content": "Think."}])
        run = client.runs.create(thread.id, assistant_id=assistant.id)
        while client.runs.retrieve(thread.id, run.id).status == "queued":
            threading.Event().wait(0.01)
        threading.Event().wait(0.1)
        client.runs.cancel(thread.id, run.id)
        assert left.wait(1.0)
        assert client.wait_for_run(run, check=False).status == "cancelled"


@pytest.mark.parametrize("drip", [b" ", b"\n"])
def test_a_cancelled_run_hears_of_it_while_bytes_drip(drip: bytes) -> None:
    """Also where they make no event, nor the beginning of an answer."""
    answer = Answer(200, "application/json", [drip, 0.1] * 200)
    with (
        FakeServer(always(answer)) as server,
        closing(ChatCompletions(server.url)) as model,
        Client(engine=Engine("sqlite://", model=model)) as client,
    ):
        assistant = client.assistants.create(model="m")
        thread = client.threads.create(messages=[{"role": "user", "content": "Think."}])
        run = client.runs.create(thread.id, assistant_id=assistant.id)
        while not server.requests:
            threading.Event().wait(0.01)
        client.runs.cancel(thread.id, run.id)
        assert server.was_left(1.5)


def test_what_is_cancelled_before_it_is_sent_is_not_sent() -> None:
    """As while a key is being fetched."""
    asked, given = threading.Event(), threading.Event()

    def key() -> str:
        asked.set()
        given.wait(10)
        return "k"

    with (
        FakeServer(always(says("a"))) as server,
        closing(ChatCompletions(server.url, key)) as model,
    ):
        deltas = cast("Generator[Delta, None, None]", model.respond(HI))
        assert next(deltas) == TextDelta(text="")
        assert asked.is_set()
        deltas.close()
        given.set()
        threading.Event().wait(0.2)
        assert server.requests == []


def test_a_released_connection_is_nobodys_to_end() -> None:
    """It may serve another request by then."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = type("Connection", (), {"sock": ours})()
        lent = Borrowed()
        lent.attach(connection)
        lent.release()
        assert not lent.end()
        ours.sendall(b"x")
        assert theirs.recv(1) == b"x"
    assert borrowed.get() is None
