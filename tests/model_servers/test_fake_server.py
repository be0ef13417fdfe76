"""The fake server speaks HTTP/1.1 as Node's does, since clients depend on when connections end."""

from __future__ import annotations

import http.client
import json
from contextlib import closing

import pytest
from fake_server import CUT, Answer, FakeServer
from server_answers import always, in_turn, refuses, says, sse


def ask(
    connection: http.client.HTTPConnection, path: str = "/v1/chat/completions", **headers: str
) -> http.client.HTTPResponse:
    """Sends a request and answers its response, unread."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", path, json.dumps({"model": "m"}), named)
    return connection.getresponse()


def connect(server: FakeServer) -> http.client.HTTPConnection:
    """A connection to a server, which is to be closed."""
    return http.client.HTTPConnection(server.url.split("/")[2], timeout=10)


def test_connections_are_kept() -> None:
    """The next request goes over the same connection, after a stream and after a refusal."""
    with FakeServer(in_turn(says("a"), refuses(400, "No."), says("b"))) as server:
        with closing(connect(server)) as connection:
            answers = [(response := ask(connection), response.read())[0] for _ in range(3)]

        assert [answer.status for answer in answers] == [200, 400, 200]
        assert {answer.headers["Connection"] for answer in answers} == {"keep-alive"}
        assert server.connections == 1
        assert [request.connection for request in server.requests] == [1, 1, 1]


def test_connections_are_closed_when_asked() -> None:
    """A request that says so gets the connection closed behind its answer."""
    with FakeServer(always(says())) as server, closing(connect(server)) as connection:
        response = ask(connection, Connection="close")

        assert response.headers["Connection"] == "close"
        assert b"[DONE]" in response.read()
        assert connection.sock is None


def test_a_stream_is_cut() -> None:
    """A stream can break off in the middle of a chunked body."""
    cut = sse("data: 1\n\n", CUT, done=False)
    with FakeServer(always(cut)) as server, closing(connect(server)) as connection:
        with pytest.raises(http.client.IncompleteRead) as caught:
            ask(connection).read()

        assert caught.value.partial == b"data: 1\n\n"


def test_it_sees_that_a_client_leaves() -> None:
    """A client that goes away in the middle is noticed."""
    endless = Answer(200, "text/event-stream", [b"data: 1\n\n", 0.01] * 2000)
    with FakeServer(always(endless)) as server:
        with closing(connect(server)) as connection:
            ask(connection).read(1)

        assert server.was_left()


def test_each_api_is_recorded_for_itself() -> None:
    """Requests for vectors and requests to a model are counted apart."""
    with FakeServer(always(says()), always(refuses(400, "No."))) as server:
        with closing(connect(server)) as connection:
            for path in ("/v1/embeddings", "/v1/responses"):
                ask(connection, path).read()

        assert [request.path for request in server.embedded] == ["/v1/embeddings"]
        assert server.bodies == [{"model": "m"}]


def test_a_faulty_behaviour_is_told() -> None:
    """What a behaviour raises is answered as 500, and kept for the test to show."""
    with FakeServer(lambda body, number: body["nothing"]) as server:
        with closing(connect(server)) as connection:
            status = ask(connection).status

        assert status == 500
        assert "KeyError: 'nothing'" in server.faults[0]
