"""The bounds of the port: what a request looks like, how long it takes, how many there are."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import Any, TypeAlias

import pytest
from werkzeug.wrappers import Request, Response

from assistants_client.engine.serving import waitress_request, waitress_server as http_server
from assistants_client.engine.serving.waitress_server import HTTPServer

PATIENCE = 20.0
Application: TypeAlias = Callable[[dict[str, Any], Any], Iterable[bytes]]
Serve: TypeAlias = Callable[[Application], HTTPServer]


def echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answers with what has come."""
    request = Request(environ)
    told = f"{request.method} {request.path} {request.host} {request.get_data(as_text=True)}"
    return Response(told)(environ, start_response)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers that refuse the path ``/hopeless`` unread; they are ended after the test."""
    servers: list[tuple[HTTPServer, threading.Thread]] = []

    def start(application: Application) -> HTTPServer:
        listener = socket.create_server(("127.0.0.1", 0))
        server = HTTPServer(
            listener,
            application,
            refuses_early=lambda path, headers: path == "/hopeless",
            max_body=1000,
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        servers.append((server, thread))
        return server

    yield start
    for server, thread in servers:
        server.stop_accepting()
        server.end()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def connect(server: HTTPServer) -> socket.socket:
    """A connection to it."""
    return socket.create_connection(("127.0.0.1", server.effective_port), PATIENCE)


def until_closed(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    received = b""
    while block := connection.recv(65536):
        received += block
    return received


def said(server: HTTPServer, *head: str, body: str = "") -> str:
    """What is answered to a request, until the server closes the connection."""
    with connect(server) as connection:
        connection.sendall("\r\n".join([*head, "", body]).encode())
        return until_closed(connection).decode()


def refusal(answer: str, status: str) -> str:
    """The message of a refusal in the protocol's form."""
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status}") or head.startswith(f"HTTP/1.0 {status}")
    assert "Connection: close" in head
    assert "\r\nx-request-id: req_" in head.lower()
    error = json.loads(body)["error"]
    assert error["type"] == "invalid_request_error"
    message: str = error["message"]
    return message


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 5", "Content-Length: 5"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5, 5",),
        ("Content-Length: -1",),
        ("Content-Length: +5",),
        ("Content-Length: abc",),
        ("Content-Length:",),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
    ],
    ids=str,
)
def test_a_length_that_is_not_plain_is_refused(serve: Serve, headers: tuple[str, ...]) -> None:
    """Doubled, negative and contradictory lengths are 400, and nothing behind them is read.

    RFC 9112, 6.3.
    """
    answer = said(serve(echo), "POST / HTTP/1.1", "Host: h", *headers, body="0\r\n\r\nGET / H")

    assert "Content-Length" in refusal(answer, "400")
    assert answer.count("HTTP/1.1 ") == 1


def test_a_transfer_encoding_of_an_old_version_is_refused(serve: Serve) -> None:
    """HTTP/1.0 has none: where the body ends is not known."""
    answer = said(serve(echo), "POST / HTTP/1.0", "Transfer-Encoding: chunked", body="0\r\n\r\n")

    assert "Transfer-Encoding" in refusal(answer, "400")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (("GET / HTTP/1.1", f"X: {'x' * 70_000}"), "431"),
        (("GET / HTTP/1.1", *(f"X{n}: x" for n in range(200))), "431"),
        ((f"GET /{'x' * 70_000} HTTP/1.1",), "431"),
        (("POST / HTTP/1.1", "Content-Length: 1000"), "413"),
        (("POST / HTTP/1.1", f"Content-Length: {10**30}"), "413"),
        (("POST / HTTP/1.1", "Transfer-Encoding: gzip"), "501"),
        (("GET / H T T P",), "400"),
    ],
    ids=["header", "headers", "path", "body", "huge body", "encoding", "first line"],
)
def test_what_is_too_large_or_malformed_is_refused(
    serve: Serve, head: tuple[str, ...], status: str
) -> None:
    """Before a body is read, with a message in the protocol's form."""
    assert refusal(said(serve(echo), *head), status)


def test_a_body_that_grows_too_large_is_refused(serve: Serve) -> None:
    """Also where no length was told."""
    head = ("POST / HTTP/1.1", "Transfer-Encoding: chunked")
    answer = said(serve(echo), *head, body=f"7d0\r\n{'x' * 2000}\r\n0\r\n\r\n")

    assert refusal(answer, "413")


def test_a_connection_is_kept(serve: Serve) -> None:
    """Several requests use one connection; the host of an absolute target goes first."""
    server = serve(echo)
    with connect(server) as connection:
        for number in (1, 2):
            connection.sendall(
                f"POST /{number} HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab".encode()
            )
            received = b""
            while not received.endswith(b"ab"):
                received += connection.recv(4096)
            assert f"POST /{number} h ab" in received.decode()
            assert b"Connection: close" not in received
        connection.sendall(b"GET http://other/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert "GET / other " in until_closed(connection).decode()


def test_the_body_of_a_hopeless_request_is_not_read(serve: Serve) -> None:
    """The application answers at once, and what comes behind the head is no request."""
    head = ("POST /hopeless HTTP/1.1", "Host: h", "Expect: 100-continue", "Content-Length: 900")
    answer = said(serve(Response("no", 401)), *head)

    assert answer.startswith("HTTP/1.1 401 ")
    assert "Connection: close" in answer
    assert answer.count("HTTP/1.1") == 1


@pytest.mark.parametrize("sent", ["GET", "GET / HTTP/1.1\r\nHost: h\r\n"])
def test_a_head_that_does_not_end_is_given_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    """Its sender is told 408, however often a byte comes."""
    monkeypatch.setattr(waitress_request, "HEAD_SECONDS", 0.1)
    with connect(serve(echo)) as connection:
        connection.sendall(sent.encode())
        answer = until_closed(connection).decode()

    assert refusal(answer, "408") == "The request took too long to arrive."


def test_a_body_that_does_not_end_is_given_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its time has passed; the application is not called."""
    monkeypatch.setattr(waitress_request, "BODY_SECONDS", 0.1)
    answer = said(serve(echo), "POST / HTTP/1.1", "Content-Length: 9", body="ab")

    assert refusal(answer, "408")


def test_what_is_silent_is_closed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word: no request was begun."""
    monkeypatch.setattr(http_server, "IDLE_SECONDS", 0)
    with connect(serve(echo)) as connection:
        assert until_closed(connection) == b""


def test_who_does_not_read_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The response's sender goes on, and closes what it sends."""
    monkeypatch.setattr(http_server, "IDLE_SECONDS", 0.1)
    closed = threading.Event()

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
        finally:
            closed.set()

    with connect(serve(Response(endless()))) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert closed.wait(PATIENCE)


def test_the_longest_idle_make_room(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half-open connections keep nobody out: the oldest are closed, one that is served is not."""
    monkeypatch.setattr(http_server, "_connections", lambda: 5)
    go_on = threading.Event()
    begun = threading.Event()

    def slow(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            begun.set()
            assert go_on.wait(PATIENCE)
        return echo(environ, start)

    server = serve(slow)
    with ExitStack() as opened:
        served = opened.enter_context(connect(server))
        served.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert begun.wait(PATIENCE)
        half_open = [opened.enter_context(connect(server)) for _ in range(20)]
        for connection in half_open:
            with suppress(ConnectionError):
                connection.sendall(b"GET / HT")
        answer = said(server, "GET /quick HTTP/1.1", "Host: h", "Connection: close")
        with suppress(ConnectionResetError):
            assert until_closed(half_open[0]) == b""
        go_on.set()
        slow_answer = until_closed(served).decode()

    assert "GET /quick h" in answer
    assert "GET /slow h" in slow_answer


def test_threads_come_and_go(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """None before the first request, one for each at the same time, and none later."""
    monkeypatch.setattr(http_server, "THREAD_IDLE_SECONDS", 0.05)
    barrier = threading.Barrier(3, timeout=PATIENCE)

    def together(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        barrier.wait()
        return echo(environ, start)

    def threads() -> list[threading.Thread]:
        alive = [one for one in threading.enumerate() if one.name == "assistants-http"]
        return [one for one in alive if one not in of_other_tests]

    of_other_tests: list[threading.Thread] = []
    of_other_tests = threads()
    server = serve(together)
    assert threads() == []
    connections = [connect(server) for _ in range(3)]
    for connection in connections:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    for connection in connections:
        assert "GET / h" in until_closed(connection).decode()
        connection.close()
    for thread in threads():
        thread.join(PATIENCE)
    assert threads() == []


def test_stopping_ends_what_is_idle_and_finishes_the_rest(serve: Serve) -> None:
    """The listener is closed, and a response that is under way says that it is the last."""
    go_on = threading.Event()
    begun = threading.Event()

    def slow(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        begun.set()
        assert go_on.wait(PATIENCE)
        return echo(environ, start)

    server = serve(slow)
    with connect(server) as idle, connect(server) as served:
        served.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert begun.wait(PATIENCE)
        server.stop_accepting()
        assert until_closed(idle) == b""
        with pytest.raises(OSError, match="refused"):
            connect(server)
        server.drain(0.01)
        go_on.set()
        server.drain(PATIENCE)
        received = b""
        while b"GET / h" not in received:
            received += served.recv(4096)
    assert received


def received_until(connection: socket.socket, mark: bytes) -> bytes:
    """What comes until the mark is there."""
    received = b""
    while mark not in received:
        block = connection.recv(65536)
        assert block, received
        received += block
    return received


@pytest.mark.parametrize("seconds", [0, PATIENCE], ids=["not held", "held"])
def test_requests_may_follow_each_other(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """At once or later, in pieces or several in one packet: each gets its own response, in order.

    A thread that holds the connection handles all of them; without, the loop receives each.
    """
    monkeypatch.setattr(http_server, "_HOLD_SECONDS", seconds)
    names: list[str] = []

    def noting(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        names.append(threading.current_thread().name)
        return echo(environ, start)

    server = serve(noting)
    with connect(server) as connection:
        connection.sendall(b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n")
        assert b"GET /1 h" in received_until(connection, b"/1 h ")
        connection.sendall(b"GET /2 HT")
        connection.sendall(b"TP/1.1\r\nHost: h\r\n\r\n")
        assert b"GET /2 h" in received_until(connection, b"/2 h ")
        connection.sendall(b"POST /3 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab")
        connection.sendall(b"cde")
        assert b"POST /3 h abcde" in received_until(connection, b"abcde")
        connection.sendall(b"GET /4 HTTP/1.1\r\nHost: h\r\n\r\nGET /5 HTTP/1.1\r\nHost: h\r\n\r\n")
        both = received_until(connection, b"/5 h ")
        assert both.index(b"GET /4 h ") < both.index(b"GET /5 h ")
        connection.sendall(b"GET /6 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        assert b"GET /6 h " in until_closed(connection)
    assert len(names) == 6


def test_a_connection_that_is_held_closes_at_once(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its client goes, and when the server stops; its thread then does something else."""
    monkeypatch.setattr(http_server, "_HOLD_SECONDS", 10 * PATIENCE)
    monkeypatch.setattr(http_server, "THREAD_IDLE_SECONDS", 0.05)
    threads: list[threading.Thread] = []

    def noting(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        threads.append(threading.current_thread())
        return echo(environ, start)

    server = serve(noting)
    with connect(server) as gone, connect(server) as served:
        for connection in (gone, served):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            received_until(connection, b"/ h ")
        gone.close()
        threads[0].join(PATIENCE)
        assert [thread.is_alive() for thread in threads] == [False, True]
        server.stop_accepting()
        assert until_closed(served) == b""
        threads[1].join(PATIENCE)
        assert not threads[1].is_alive()


@pytest.mark.parametrize(
    ("request_line", "status"), [("HEAD / HTTP/1.1", 200), ("GET / HTTP/1.1", 204)]
)
def test_a_head_is_sent_that_nothing_follows(serve: Serve, request_line: str, status: int) -> None:
    """It waits for the first block of the body, of which there is none."""
    answer = said(serve(Response(status=status)), request_line, "Host: h", "Connection: close")
    assert answer.startswith(f"HTTP/1.1 {status}")
    assert answer.endswith("\r\n\r\n")


def test_the_loop_may_end_before_it_is_woken(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees by itself that it is to end, while whoever ends it is about to wake it."""
    server = serve(echo)
    server.stop_accepting()
    wake = server.trigger.pull_trigger

    def late() -> None:
        time.sleep(3 * http_server._CHECK_SECONDS)
        wake()

    monkeypatch.setattr(server.trigger, "pull_trigger", late)
    server.end()
