"""What is read and sent by a shorter way is as it would be by the whole one."""

import contextlib
import functools
import io
import json
from http import client as http_client
from types import SimpleNamespace
from unittest import mock

import pytest
import requests
import responses
from server import Hangup, assistant, head, http
from urllib3 import HTTPResponse

from assistants_client import APIError
from assistants_client._http.response_bodies import prompt_blocks
from assistants_client._http.response_head import QuickHead

# --- heads ----------------------------------------------------------------------------------------

FIELDS = b"Content-Type: application/json\r\nX-Request-Id: req_1\r\n"
LENGTH = b"Content-Length: 5\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
#: Heads that are read by the short way.
USUAL = {
    "length": b"HTTP/1.1 200 OK\r\n" + FIELDS + LENGTH + b"\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\n" + FIELDS + CHUNKED + b"\r\n",
    "both": b"HTTP/1.1 200 OK\r\n" + LENGTH + CHUNKED + b"\r\n",
    "refusal": b"HTTP/1.1 404 Not Found\r\n" + LENGTH + b"\r\n",
    "no reason": b"HTTP/1.1 500 \r\n" + LENGTH + b"\r\n",
    "closing": b"HTTP/1.1 200 OK\r\nconnection: Close\r\n" + LENGTH + b"\r\n",
    "twice": b"HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\nVary:\r\n" + LENGTH + b"\r\n",
    "latin-1": b"HTTP/1.1 200 \xfcber\r\nA:\t\xe9 \r\n" + LENGTH + b"\r\n",
    "colons": b"HTTP/1.1 200 OK\r\nLocation: http://a.test:1/\r\n" + LENGTH + b"\r\n",
}
#: Heads that are left to ``http.client``.
UNUSUAL = {
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + LENGTH + b"\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n" + FIELDS + b"\r\n",
    "no fields": b"HTTP/1.1 200 OK\r\n\r\n",
    "no body": b"HTTP/1.1 204 No Content\r\n" + LENGTH + b"\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\n" + LENGTH + b"\r\n",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n",
    "folded": b"HTTP/1.1 200 OK\r\nA: 1\r\n 2\r\n" + LENGTH + b"\r\n",
    "LF": b"HTTP/1.1 200 OK\nContent-Length: 5\n\n",
    "CR within": b"HTTP/1.1 200 OK\r\nA: 1\rB: 2\r\n" + LENGTH + b"\r\n",
    "no colon": b"HTTP/1.1 200 OK\r\nnonsense\r\n" + LENGTH + b"\r\n",
    "space in a name": b"HTTP/1.1 200 OK\r\nA b: 1\r\n" + LENGTH + b"\r\n",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "long length": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "length in words": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
    "gzip, chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "100 fields": b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 99 + LENGTH + b"\r\n",
    "101 fields": b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 101 + LENGTH + b"\r\n",
    "long": b"HTTP/1.1 200 OK\r\nA: " + b"1" * 9000 + b"\r\n" + LENGTH + b"\r\n",
    "too long": b"HTTP/1.1 200 OK\r\nA: " + b"1" * 70_000 + b"\r\n" + LENGTH + b"\r\n",
    "another version": b"HTTP/1.2 200 OK\r\n" + LENGTH + b"\r\n",
    "no version": b"ICY 200 OK\r\n" + LENGTH + b"\r\n",
    "no status": b"HTTP/1.1 OK\r\n" + LENGTH + b"\r\n",
    "cut": b"HTTP/1.1 200 OK\r\n" + FIELDS,
    "nothing": b"",
}


class Wire(io.RawIOBase):
    """A connection on which these pieces come, one for each read."""

    def __init__(self, *pieces):
        self._pieces = [piece for piece in pieces if piece]

    def readable(self):
        """True."""
        return True

    def readinto(self, buffer):
        """Reads a piece, or a part of it."""
        if not self._pieces:
            return 0
        piece = self._pieces.pop(0)
        size = min(len(piece), len(buffer))
        buffer[:size] = piece[:size]
        if size < len(piece):
            self._pieces.insert(0, piece[size:])
        return size

    def makefile(self, _):
        """The connection as a file, as sockets have it."""
        return io.BufferedReader(self)


def begun(kind, *pieces, method="GET"):
    """What a class of responses knows once the head is read, and the bytes behind it."""
    response = kind(Wire(*pieces), method=method)
    try:
        response.begin()
    except (http_client.HTTPException, ValueError) as error:
        return repr(error)
    known = vars(response).copy()
    behind = known.pop("fp").read()
    headers = known.pop("headers")
    assert known.pop("msg") is headers
    if not known["chunked"]:
        known.pop("chunk_left")  # has no meaning then
    return known, headers.items(), headers.get_all("a"), behind


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("text", (USUAL | UNUSUAL).values(), ids=USUAL | UNUSUAL)
def test_a_head_is_read_as_by_http_client(text, method):
    """Status, reason, fields, framing and what comes behind; and in any two pieces."""
    expected = begun(http_client.HTTPResponse, text + b"hello", method=method)
    assert begun(QuickHead, text + b"hello", method=method) == expected
    for cut in range(1, min(len(text), 200)):
        assert begun(QuickHead, text[:cut], text[cut:] + b"hello", method=method) == expected


def test_only_usual_heads_are_read_by_the_short_way():
    """Each of the heads above takes the way that it is to show."""
    taken = [
        name
        for name, text in (USUAL | UNUSUAL).items()
        if QuickHead(Wire(text), method="GET")._read_usual_head()
    ]
    assert taken == [*USUAL]


# --- chunks ---------------------------------------------------------------------------------------

BODIES = {
    "plain": b"4\r\nabcd\r\nA\r\n0123456789\r\n1\r\n\n\r\n0\r\n\r\n",
    "extensions": b"2;a=b\r\nab\r\n2 \r\ncd\r\n0\r\n\r\n",
    "trailers": b"2\r\nab\r\n0\r\nA: 1\r\n\r\n",
    "chunks that look like sizes": b"5\r\n1\r\nx\n\r\n3\r\n0\r\n\r\n0\r\n\r\n",
    "leading zeros": b"0002\r\nab\r\n0000\r\n\r\n",
    "cut": b"4\r\nabcd\r\n4\r\nab",
    "no end": b"4\r\nabcd\r\n",
    "no size": b"4\r\nabcd\r\nnonsense\r\n",
    "longer than it says": b"2\r\nabcd\r\n0\r\n\r\n",
}


def read(*pieces):
    """The blocks of a chunked body that comes in these pieces, and how it ended."""
    inner = QuickHead(Wire(USUAL["chunked"], *pieces), method="GET")
    inner.begin()
    raw = HTTPResponse(body=inner, headers=dict(inner.headers.items()), preload_content=False)
    response = requests.Response()
    response.raw, response.headers, response.request = raw, inner.headers, mock.Mock(headers={})
    blocks = []
    try:
        blocks.extend(prompt_blocks(response, "GET", "/"))
    except APIError as error:
        return b"".join(blocks), type(error)
    return b"".join(blocks), None


def read_by_http_client(body):
    """The same by ``http.client`` alone: its content, and whether it ended well."""
    response = http_client.HTTPResponse(Wire(USUAL["chunked"], body), method="GET")
    response.begin()
    content = b""
    with contextlib.suppress(http_client.IncompleteRead):
        while block := response.read1(100):
            content += block
        return content, True
    return content, False


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_chunks_at_hand_are_read_together(body):
    """The content is that of each chunk by itself, wherever the pieces on the wire are cut."""
    content, is_whole = read_by_http_client(body)
    for first in range(len(body) + 1):
        for second in range(first, len(body) + 1):
            got, error = read(body[:first], body[first:second], body[second:])
            assert error is not None or got == content
            assert content.startswith(got)
            assert (error is None) == is_whole


# --- sending --------------------------------------------------------------------------------------


def failing_once(broken):
    """A script whose first answer is broken."""

    def script(exchange):
        if len(exchange.server.exchanges) == 1:
            broken(exchange)
        else:
            exchange.json(assistant(name=exchange.headers.get("cookie")))

    return script


def hang_up(exchange):
    """Answers nothing."""
    raise Hangup


def cut(exchange):
    """Answers a part, and closes."""
    exchange.send(http(json.dumps(assistant()).encode())[:-5])
    raise Hangup


ANSWERS = {
    "fine": failing_once(lambda exchange: exchange.json(assistant())),
    "cookie": failing_once(lambda exchange: exchange.json(assistant(), "Set-Cookie: a=b")),
    "busy": failing_once(lambda exchange: exchange.json({}, status="503 Busy")),
    "hang-up": failing_once(hang_up),
    "cut": failing_once(cut),
    "not found": lambda exchange: exchange.json({"error": {"message": "no"}}, status="404 No"),
    "redirect": lambda exchange: exchange.json({}, "Location: /v1/x", status="302 Found"),
    "no JSON": lambda exchange: exchange.send(http(b"<html>")),
    "no body": lambda exchange: exchange.send(http(b"", status="204 No Content")),
    "chunked": lambda exchange: exchange.send(
        head("Transfer-Encoding: chunked")
        + b"%x\r\n%b\r\n0\r\n\r\n" % (len(text := json.dumps(assistant()).encode()), text)
    ),
}


def traced(seen):
    """Sends through a function in the place of requests', as OpenTelemetry's tracer does."""
    send = requests.Session.send

    @functools.wraps(send)
    def traced_send(session, request, **options):
        response = send(session, request, **options)
        seen.append((request.method, response.status_code, response.elapsed.total_seconds() > 0))
        return response

    return mock.patch.object(requests.Session, "send", traced_send)


class Proxied:
    """An object in the place of a method that passes its attributes on, as wrapt's do."""

    def __init__(self, wrapped, seen):
        self._wrapped, self._seen = wrapped, seen

    def __getattr__(self, name):
        return getattr(self._wrapped, name)

    def __get__(self, session, _):
        if session is None:
            return self
        return functools.partial(self, session)

    def __call__(self, session, request, **options):
        """Sends, and takes a note of it."""
        response = self._wrapped(session, request, **options)
        self._seen.append((request.method, response.status_code, True))
        return response


def proxied(seen):
    """Sends through an object in the place of requests' method."""
    return mock.patch.object(requests.Session, "send", Proxied(requests.Session.send, seen))


WATCHED = {"traced": traced, "proxied": proxied}


def outcomes(client):
    """What three calls return or raise."""
    for _ in range(3):
        try:
            yield client.assistants.retrieve("asst_a")
        except APIError as error:
            yield type(error), error.attempts, str(error)


@pytest.mark.parametrize("watch", WATCHED.values(), ids=WATCHED)
@pytest.mark.parametrize("script", ANSWERS.values(), ids=ANSWERS)
def test_calls_are_the_same_where_requests_is_watched(listen, connect, script, watch):
    """A tool in the place of ``Session.send`` sees each request, and changes nothing."""
    plain, other, seen = listen(script), listen(script), []
    expected = [*outcomes(connect(plain))]
    with watch(seen):
        found = [*outcomes(connect(other))]
    ports = (plain.url.rpartition(":")[2], other.url.rpartition(":")[2])
    assert repr(found).replace(ports[1], ports[0]) == repr(expected)
    assert [one.target for one in plain.exchanges] == [one.target for one in other.exchanges]
    assert len(seen) >= 3
    assert all(method == "GET" and has_time for method, _, has_time in seen)


def test_an_adapter_that_another_tool_chooses(connect):
    """``requests_mock`` puts its function in the place of ``Session.get_adapter``."""
    response = requests.Response()
    response.status_code, response.raw = 200, io.BytesIO(json.dumps(assistant()).encode())
    response.request = requests.PreparedRequest()
    chosen = SimpleNamespace(send=lambda request, **_: response)
    with mock.patch.object(requests.Session, "get_adapter", return_value=chosen):
        assert connect("http://server.test/v1").assistants.retrieve("asst_a").id == "asst_a"


def test_responses_of_fakes_are_not_read_by_the_short_ways(connect):
    """``responses`` has neither connections nor heads."""
    with responses.RequestsMock() as fake:
        fake.get("http://server.test/v1/assistants/asst_a", json=assistant())
        assert connect("http://server.test/v1").assistants.retrieve("asst_a").id == "asst_a"
        assert fake.calls[0].request.headers["authorization"] == "Bearer key-of-the-test"


def test_responses_share_nothing(listen, connect):
    """Each has a history, headers and a request of its own."""
    server = listen(lambda exchange: exchange.json({}))
    session = connect(server)._transport._session
    first, second = (
        session.send(requests.Request("GET", server.url).prepare(), stream=True) for _ in range(2)
    )
    assert vars(first).keys() == vars(requests.Response()).keys() | {"connection", "request"}
    for name in ("history", "headers", "raw", "request"):
        assert getattr(first, name) is not getattr(second, name)
