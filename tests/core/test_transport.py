"""The transport over a real socket: servers that answer oddly, late, in part or not at all."""

import gzip
import http.client
import http.server
import json
import threading
import time

import pytest

from assistants_client import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AssistantsError,
    Client,
    InternalServerError,
)
from assistants_client._http import response_bodies

THREAD = {"id": "thread_a", "object": "thread"}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"


def headers_of(request):
    """The header lines of a raw request, by name in small letters."""
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }


def failure(server, **arguments):
    """The error of one call that is tried once."""
    client = Client(server.url, **({"retries": 0} | arguments))
    with client, pytest.raises(APIError) as caught:
        client.threads.retrieve("thread_a")
    error = caught.value
    assert (error.method, error.path) == ("GET", "/threads/thread_a")
    return error


def test_a_request_as_it_is_on_the_wire(serve, http_answer):
    """Path, headers and body reach the server as they were meant."""
    server = serve(http_answer(THREAD))
    with Client(server.url, api_key="k", params={"v": "1"}) as client:
        client.threads.update("a/b c?d#e%ü", metadata={"k": "ü"})
    (request,) = server.requests
    assert request.startswith(b"POST /v1/threads/a%2Fb%20c%3Fd%23e%25%C3%BC?v=1 HTTP/1.1\r\n")
    assert request.endswith(b'\r\n\r\n{"metadata":{"k":"\\u00fc"}}')
    headers = headers_of(request)
    assert headers["host"] == server.host
    assert headers["authorization"] == "Bearer k"
    assert headers["content-type"] == "application/json"
    assert headers["openai-beta"] == "assistants=v2"
    assert "cookie" not in headers


def test_a_post_without_body_says_so(serve, http_answer):
    """Some servers wait for a body where no length is given."""
    server = serve(http_answer({"id": "run_a"}))
    with Client(server.url) as client:
        client.runs.cancel("t", "r")
    headers = headers_of(server.requests[0])
    assert headers["content-length"] == "0"
    assert "content-type" not in headers


@pytest.mark.parametrize(("size", "pieces"), [(10, 1), (100_000, 2)])
def test_a_short_request_is_sent_in_one_piece(serve, http_answer, monkeypatch, size, pieces):
    """The head and the body of a short request are one packet; what the server gets is the same."""
    sent = []
    send = http.client.HTTPConnection.send

    def recorded(connection, data):
        sent.append(bytes(data))
        send(connection, data)

    monkeypatch.setattr(http.client.HTTPConnection, "send", recorded)
    server = serve(http_answer({"id": "msg_a"}))
    with Client(server.url) as client:
        client.messages.create("t", content="x" * size)
    assert len(sent) == pieces
    assert server.requests == [b"".join(sent)]
    assert b"x" * size in server.requests[0]


def test_a_get_has_no_body(serve, http_answer):
    """Neither length nor type."""
    server = serve(http_answer(THREAD))
    with Client(server.url) as client:
        client.threads.retrieve("t")
    assert not {"content-length", "content-type"} & set(headers_of(server.requests[0]))


class Keeping(http.server.BaseHTTPRequestHandler):
    """Keeps its connections, sets a cookie, and compresses nothing."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Answers with what it got."""
        self.server.seen.append((self.client_address[1], dict(self.headers), self.path))
        body = json.dumps(THREAD).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "session=abc; Path=/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Says nothing."""


@pytest.fixture
def keeping():
    """A real HTTP server that keeps connections open."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keeping)
    server.daemon_threads = True
    server.seen = []
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_connections_are_used_again(keeping):
    """Several calls, one connection."""
    with Client(keeping.url) as client:
        for _ in range(3):
            client.threads.retrieve("t")
    assert len({port for port, *_ in keeping.seen}) == 1


def test_cookies_of_the_server_are_not_sent_back(keeping):
    """A shared client must not mix up its callers."""
    with Client(keeping.url) as client:
        for _ in range(2):
            client.threads.retrieve("t")
        assert not client._transport._session.cookies
    assert all("Cookie" not in headers for _, headers, _ in keeping.seen)


def test_many_threads_share_a_client(keeping):
    """Every call gets its own answer, and none an error."""
    failures = []

    def work():
        try:
            for _ in range(5):
                assert client.threads.retrieve("t").id == "thread_a"
        except Exception as error:
            failures.append(error)

    with Client(keeping.url) as client:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len(keeping.seen) == 40


def test_a_proxy_of_the_environment_is_read_once(serve, http_answer, monkeypatch):
    """When the client is made; what changes later does not matter."""
    proxy = serve(http_answer(THREAD))
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
    with Client("http://server.test/v1") as client:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        assert client.threads.retrieve("t").id == "thread_a"
    assert proxy.requests[0].startswith(b"GET http://server.test/v1/threads/t HTTP/1.1\r\n")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    direct = serve(http_answer(THREAD))
    with Client(direct.url) as client:
        assert client.threads.retrieve("t").id == "thread_a"


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "0 bytes"),
        (b"not json", "8 bytes"),
        (b"<!doctype html><title>hi</title>", "text/html"),
        (b'{"id": "thread_a"', "without JSON"),
        (b'{"id": "thread_a"} {}', "without JSON"),
        (b"\xff\xfe\xfd", "without JSON"),
        (b"[" * 100_000, "without JSON"),
        (b"data: {}\n\n", "without JSON"),
        (b"null", "cannot be read|without JSON"),
        (b"[]", "expected an object, got an array"),
        (b'"text"', "expected an object, got a string"),
        (b"{}", "'id'"),
        (b'{"id": null}', "'id'"),
        (b'{"id": 5}', "'id'"),
    ],
)
def test_an_answer_must_be_an_object_in_json(serve, http_answer, body, words):
    """A 200 without one is an error that says what came instead."""
    error = failure(serve(http_answer(body, "Content-Type: text/html")))
    assert type(error) is APIResponseError
    assert any(word in str(error) for word in words.split("|"))


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted"])
def test_every_2xx_is_a_yes(serve, http_answer, status):
    """Some servers answer a creation with 201."""
    server = serve(http_answer(THREAD, status=status))
    with Client(server.url) as client:
        assert client.threads.create().id == "thread_a"


def test_a_page_of_a_gateway_is_an_error_in_words(serve, http_answer):
    """An HTML 502 is the server's fault, told in its words on one line."""
    page = b"<html>\n<body>\n<h1>502 Bad Gateway</h1>\n</body>\n</html>"
    error = failure(serve(http_answer(page, status="502 Bad Gateway")))
    assert type(error) is InternalServerError
    assert error.status_code == 502
    assert "<h1>502 Bad Gateway</h1> </body>" in str(error)


@pytest.mark.parametrize(
    "location",
    [
        "/v2/threads",
        "https://elsewhere.test/v1",
        "http://[::1",
        "http://",
        "http://[",
        "//",
        "",
        "\u00e4",
    ],
)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(serve, http_answer, status, location):
    """The key would go elsewhere, and a POST would become a GET."""
    server = serve(http_answer(b"", f"Location: {location}", status=status))
    error = failure(server, api_key="k")
    if isinstance(error, APIStatusError):
        assert error.status_code == int(status[:3])
    assert len(server.requests) == 1


@pytest.fixture(params=["the library's response", "urllib3's alone"])
def either_way(request, monkeypatch):
    """Bodies are read where they come from, and as those of fakes are."""
    if request.param != "the library's response":
        monkeypatch.setattr(response_bodies, "_of_socket", lambda _: None)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    ("raw", "cls"),
    [
        (b"", APIConnectionError),
        (b"HTTP/1.1 200", APIResponseError),
        (b"HTTP/1.1 200 OK\r\nContent-Len", APIError),
        (b"garbage\r\n\r\n", APIConnectionError),
        (b"\x16\x03\x01\x02\x00" * 10, APIConnectionError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n{}", APIConnectionError),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n{}", APIConnectionError),
        (HEAD, APIResponseError),
        (HEAD + b'{"id": "thread_a"}', APIResponseError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", APIResponseError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", APIResponseError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", APIResponseError),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n{}", APIResponseError),
        (b"HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=martian\r\n\r\nno", APIResponseError),
        (b"HTTP/1.1 500 no\r\nContent-Length: 100\r\n\r\n{", APIError),
        (b"HTTP/1.1 204 No Content\r\n\r\n", APIResponseError),
        (b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n", APIStatusError),
    ],
)
def test_broken_answers_are_errors_of_ours(serve, raw, cls):
    """Closed early, cut short or no HTTP at all: never another library's exception."""
    error = failure(serve(raw))
    assert isinstance(error, cls)
    assert isinstance(error, AssistantsError)


def test_an_answer_without_length_ends_with_the_connection(serve):
    """Old servers do that."""
    server = serve(b'HTTP/1.0 200 OK\r\n\r\n{"id": "thread_a"}')
    with Client(server.url) as client:
        assert client.threads.retrieve("t").id == "thread_a"


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("framing", ["length", "chunks", "gzip", "more than its length"])
def test_a_body_is_whole_however_it_came(serve, framing):
    """Of a known length, in chunks, compressed, with something behind it."""
    body = json.dumps(THREAD).encode()
    sent = gzip.compress(body) if framing == "gzip" else body
    head, end = f"Content-Length: {len(sent)}".encode(), b""
    if framing == "gzip":
        head += b"\r\nContent-Encoding: gzip"
    elif framing == "chunks":
        head, end = b"Transfer-Encoding: chunked", b""
        sent = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (body[:5], body[5:])) + b"0\r\n\r\n"
    elif framing == "more than its length":
        end = b" "
    server = serve(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + sent + end)
    with Client(server.url) as client:
        assert client.threads.retrieve("t").to_dict()["id"] == "thread_a"


@pytest.mark.usefixtures("either_way")
def test_a_body_is_read_up_to_a_limit(serve, http_answer):
    """A server cannot fill the memory."""
    server = serve(http_answer(THREAD | {"metadata": {"a": "x" * 10_000}}))
    error = failure(server, max_response_bytes=1_000)
    assert type(error) is APIResponseError
    assert "max_response_bytes" in str(error)
    with Client(server.url) as client:
        assert client.threads.retrieve("t").metadata["a"] == "x" * 10_000


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    "opening",
    [b"", b"HTTP/1.1 200 OK\r\n", HEAD, HEAD + b'{"id"'],
    ids=["never answers", "stalls in the head", "stalls before the body", "stalls in the body"],
)
def test_a_silent_server_is_a_timeout(serve, opening):
    """Wherever it falls silent, the read timeout ends the call."""
    server = serve(lambda connection: (connection.sendall(opening), server.pause(10)))
    begun = time.monotonic()
    error = failure(server, timeout=(10, 0.2))
    assert isinstance(error, APITimeoutError)
    assert isinstance(error, APIConnectionError)
    assert time.monotonic() - begun < 5
    assert server.host in str(error)


def test_nobody_listening_is_a_connection_error(serve):
    """The message asks the question that helps."""
    server = serve(b"")
    server.close()
    error = failure(server)
    assert type(error) is APIConnectionError
    assert server.host in str(error)
    assert "is the server running" in str(error)


def test_a_name_that_nobody_knows_is_a_connection_error():
    """As if nobody listened."""
    client = Client("http://no-such-host.invalid/v1", retries=0)
    with client, pytest.raises(APIConnectionError) as caught:
        client.threads.retrieve("t")
    assert type(caught.value) is APIConnectionError
    assert "no-such-host.invalid" in str(caught.value)


def test_tls_to_a_plain_server_is_a_connection_error(serve):
    """The message names TLS."""
    server = serve(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    client = Client(f"https://{server.host}/v1", retries=0)
    with client, pytest.raises(APIConnectionError, match="TLS"):
        client.threads.retrieve("t")


def test_a_dead_proxy_is_named(serve, monkeypatch):
    """It is the proxy's fault, not the server's."""
    server = serve(b"")
    server.close()
    monkeypatch.setenv("HTTPS_PROXY", f"http://{server.host}")
    client = Client("https://server.test/v1", retries=0)
    with client, pytest.raises(APIConnectionError, match="proxy"):
        client.threads.retrieve("t")


def test_errors_do_not_hold_query_values(serve):
    """Parameters may be secret; paths are named without them."""
    server = serve(b"")
    error = failure(server, params={"code": "secret"})
    assert "secret" not in str(error)
    assert "secret" not in repr(error)


def test_a_closed_client_can_still_be_used(serve, http_answer):
    """Its connections are opened anew, as with requests' own sessions."""
    server = serve(http_answer(THREAD))
    client = Client(server.url)
    client.close()
    assert client.threads.retrieve("t").id == "thread_a"
    client.close()
