"""What becomes of a call when the wire or the server fails: one table, on real sockets.

Each row meets GET, a creating POST, and DELETE, once with a fault that stays and once with a fault
that passes.
"""

import gzip
import json
import socket
import threading
import time
from email.utils import formatdate

import attrs
import pytest
from server import QUICK, Store, assistant, head, http

from assistants_client import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    RateLimitError,
)

#: Seconds of silence that the tests' clients put up with.
PATIENCE = 0.25
#: What one call may take: three tries, each with its silence, and the machine's own time.
BOUND = 3 * PATIENCE + 5

MOST = 4 * 1024 * 1024
GOOD = json.dumps(assistant()).encode()
ERROR = json.dumps({"error": {"message": "no", "code": "c", "type": "t", "param": "p"}}).encode()

# --- what a server may do: each gets the exchange, and a function that does what was asked --------


def reset_before_headers(exchange, act):
    """Acts, and breaks the connection."""
    act()
    exchange.reset()


def closed_before_headers(exchange, act):
    """Acts, and closes the connection in order."""
    act()
    exchange.hang_up()


def garbage(exchange, act):
    """Acts, and answers in no HTTP."""
    act()
    exchange.send(b"\x00\x01 what?\r\n\r\n")
    exchange.hang_up()


def stalled_headers(exchange, act):
    """Acts, and falls silent within the headers."""
    act()
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-")
    exchange.stall()


def body(*parts, headers=(), then="hang_up"):
    """Acts, answers 200 with these headers and parts, and ends like that."""

    def fault(exchange, act):
        act()
        exchange.send(head(*headers) + b"".join(parts))
        # The bytes must be out before the connection breaks.
        time.sleep(0.02)
        getattr(exchange, then)()

    return fault


def long_body(exchange, act):
    """Acts, and sends twice the announced length; what is too much is not JSON any more."""
    act()
    exchange.send(http(GOOD + b"x" * 100).replace(b": %d" % (len(GOOD) + 100), b": 20"))
    exchange.hang_up()


def huge(*headers):
    """Acts, and answers with 300 MB, as far as the client takes them."""

    def fault(exchange, act):
        act()
        chunked = any("chunked" in header for header in headers)
        exchange.send(head(*headers))
        block = b" " * 1_000_000
        for _ in range(300):
            exchange.send(b"%x\r\n%b\r\n" % (len(block), block) if chunked else block)
        exchange.hang_up()

    return fault


def refuses(status, *headers, acts=False, content=ERROR):
    """Answers with a status; some servers have acted nevertheless."""

    def fault(exchange, act):
        if acts:
            act()
        exchange.send(http(content, *headers, status=status))

    return fault


ZIPPED = gzip.compress(GOOD * 50)
CHUNKED = "Transfer-Encoding: chunked"
ELSEWHERE = "Location: http://127.0.0.1:{trap}/v1/assistants"


@attrs.frozen
class Row:
    """A fault and its documented result.

    ``again`` names the methods that are sent again. ``doubt``: a POST that is not says that the
    server may have acted.
    """

    name: str
    fault: object
    error: type
    again: str = "GET DELETE"
    doubt: bool = True
    status: int | None = None
    code: str | None = None


ALL = "GET POST DELETE"
GZIP = "Content-Encoding: gzip"
DATE = "Retry-After: {date}"
MATRIX = [
    # The wire.
    Row("reset before the headers", reset_before_headers, APIConnectionError),
    Row("closed before the headers", closed_before_headers, APIConnectionError),
    Row("no HTTP", garbage, APIConnectionError),
    Row("stalled headers", stalled_headers, APITimeoutError),
    Row(
        "reset in the body",
        body(b'{"id": ', headers=["Content-Length: 99"], then="reset"),
        APIResponseError,
    ),
    Row(
        "stalled body",
        body(b'{"id": ', headers=["Content-Length: 99"], then="stall"),
        APITimeoutError,
    ),
    Row("stalled chunk", body(b"9\r\nab", headers=[CHUNKED], then="stall"), APITimeoutError),
    Row("truncated chunk", body(b"99\r\n", GOOD, headers=[CHUNKED]), APIResponseError),
    Row("no last chunk", body(b"%x\r\n%b\r\n" % (len(GOOD), GOOD), headers=[CHUNKED]),
        APIResponseError),
    Row("bad chunk length", body(b"zz\r\n", GOOD, headers=[CHUNKED]), APIResponseError),
    Row("length too long", body(GOOD, headers=["Content-Length: 999"]), APIResponseError),
    Row("length too short", long_body, APIResponseError, again=""),
    Row("gzip cut", body(ZIPPED[:-20], headers=[GZIP, f"Content-Length: {len(ZIPPED)}"]),
        APIResponseError),
    Row("corrupt gzip", body(b"\x1f\x8b" + b"?" * 20, headers=[GZIP, "Content-Length: 22"],
                              then="keep"), APIResponseError),
    Row("no gzip at all", body(GOOD, headers=[GZIP, f"Content-Length: {len(GOOD)}"], then="keep"),
        APIResponseError),
    # Refusals after which nothing was done, and the server says when to come again.
    Row("429", refuses("429 Slow"), RateLimitError, ALL, status=429),
    Row("429, seconds", refuses("429 Slow", "Retry-After: 0"), RateLimitError, ALL, status=429),
    Row("429, date", refuses("429 Slow", DATE), RateLimitError, ALL, status=429),
    Row("429, ms", refuses("429 Slow", "Retry-After-Ms: 20"), RateLimitError, ALL, status=429),
    Row("429, bad hint", refuses("429 Slow", "Retry-After: soon"), RateLimitError, ALL, status=429),
    Row("429, long", refuses("429 Slow", "Retry-After: 61"), RateLimitError, "", False, 429),
    Row("429, no", refuses("429 Slow", "X-Should-Retry: false"), RateLimitError, "", False, 429),
    Row("503, seconds", refuses("503 Busy", "Retry-After: 0"), InternalServerError, ALL,
        status=503),
    Row("503, ms", refuses("503 Busy", "Retry-After-Ms: 9"), InternalServerError, ALL, status=503),
    # Other refusals.
    Row("400", refuses("400 No"), BadRequestError, "", False, 400, "c"),
    Row("400, yes", refuses("400 No", "X-Should-Retry: true"), BadRequestError, doubt=False,
        status=400),
    Row("408", refuses("408 Late"), APIStatusError, doubt=False, status=408),
    Row("409", refuses("409 Conflict"), ConflictError, doubt=False, status=409, code="c"),
    Row("409, no", refuses("409 No", "X-Should-Retry: false"), ConflictError, "", False, 409),
    Row("500", refuses("500 Oh", acts=True), InternalServerError, status=500, code="c"),
    Row("500, no", refuses("500 Oh", "X-Should-Retry: false", acts=True), InternalServerError, "",
        status=500),
    Row("500, yes", refuses("500 Oh", "X-Should-Retry: true", acts=True), InternalServerError,
        status=500),
    Row("502", refuses("502 Bad", acts=True), InternalServerError, status=502),
    Row("502, seconds", refuses("502 Bad", "Retry-After: 0", acts=True), InternalServerError,
        status=502),
    Row("503", refuses("503 Busy", acts=True), InternalServerError, status=503),
    Row("504", refuses("504 Late", acts=True), InternalServerError, status=504),
    Row("an HTML page", refuses("502 Bad", acts=True, content=b"<html><h1>Bad</h1></html>"),
        InternalServerError, status=502),
    Row("a refusal cut short",
        lambda exchange, act: (
            exchange.send(head("Content-Length: 99", status="500 Oh") + b"{"), exchange.hang_up()
        ), InternalServerError, status=500),
    Row("HTML with 200", body(b"<html>hi</html>", headers=["Content-Length: 15"]),
        APIResponseError, ""),
    # Answers that are neither.
    Row("redirect elsewhere", refuses("302 Found", ELSEWHERE), APIStatusError, "", False, 302),
    Row("redirect, keep method", refuses("307 Go", ELSEWHERE), APIStatusError, "", False, 307),
    Row("redirect nowhere", refuses("301 Go", "Location: http://["), APIStatusError, "", False,
        301),
    Row("304", lambda exchange, _: exchange.send(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        APIStatusError, "", False, 304),
    Row("300 MB, declared", huge("Content-Length: 300000000"), APIResponseError, ""),
    Row("300 MB, until closed", huge(), APIResponseError, ""),
    Row("300 MB, chunked", huge(CHUNKED), APIResponseError, ""),
]  # fmt: skip

CALLS = {
    "GET": lambda client: client.assistants.retrieve("asst_a"),
    "POST": lambda client: client.assistants.create(model="m", name="new"),
    "DELETE": lambda client: client.assistants.delete("asst_a"),
}

methods = pytest.mark.parametrize("method", list(CALLS))
rows = pytest.mark.parametrize("row", MATRIX, ids=[row.name for row in MATRIX])


@pytest.fixture
def scene(listen, connect):
    """A store behind a row's fault, a client of it, and a server that must not be called."""
    trap = listen(lambda exchange: exchange.json({}))

    def make(row, **how):
        def fault(exchange, act):
            sent = exchange.send
            # What only the test knows: where the trap is, and what time it is.
            exchange.send = lambda data: sent(
                data.replace(b"{trap}", b"%d" % trap.port).replace(
                    b"{date}", formatdate(usegmt=True).encode()
                )
            )
            row.fault(exchange, act)

        store = Store(fault, **how)
        server = listen(store)
        client = connect(server, timeout=(10, PATIENCE), max_response_bytes=MOST)
        return store, server, client

    yield make
    assert trap.connections == 0


def failure(client, method):
    """The call's error, which came within the bound."""
    begun = time.monotonic()
    with pytest.raises(APIError) as caught:
        CALLS[method](client)
    assert time.monotonic() - begun < BOUND
    return caught.value


def check_error(error, row, method, attempts):
    """The documented class, and what it tells."""
    assert type(error) is row.error
    assert error.method == method
    assert error.path == ("/assistants" if method == "POST" else "/assistants/asst_a")
    assert error.attempts == attempts
    assert error.maybe_created == (method == "POST" and row.doubt and "POST" not in row.again)
    assert getattr(error, "status_code", None) == row.status
    if row.code is not None:
        assert (error.code, error.type, error.param) == ("c", "t", "p")


@methods
@rows
def test_a_fault_that_stays(scene, row, method):
    """The call ends in the documented error, in time, and nothing is created twice."""
    store, server, client = scene(row)

    error = failure(client, method)

    if method == "DELETE" and "DELETE" in row.again:
        assert "asst_b" in store.objects
    attempts = QUICK.attempts if method in row.again else 1
    check_error(error, row, method, attempts)
    assert len(server.exchanges) == attempts
    assert len(store.created) <= 1
    if not error.maybe_created:
        assert store.created == []


@methods
@rows
def test_a_fault_that_passes(scene, row, method):
    """Where it may be sent again the call succeeds; a POST that may not is sent once."""
    store, server, client = scene(row, times=1)

    if method in row.again:
        result = CALLS[method](client)
        assert len(server.exchanges) == 2
        if method == "DELETE":
            assert result.deleted
            assert result.id == "asst_a"
            assert set(store.objects) == {"asst_b"}
        else:
            assert result.id == ("asst_0" if method == "POST" else "asst_a")
            assert len(store.created) == (method == "POST")
    else:
        check_error(failure(client, method), row, method, 1)
        assert len(server.exchanges) == 1
        assert len(store.created) <= 1
    # Whatever it was, the client goes on working.
    assert client.assistants.retrieve("asst_b").id == "asst_b"


# --- faults before there is a server -------------------------------------------------------------


@methods
def test_refused(connect, method):
    """Nobody listens: tried again, for nothing can have been done."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, so that nobody else takes it, and not listening
        error = failure(connect(f"http://127.0.0.1:{closed.getsockname()[1]}/v1"), method)
    assert type(error) is APIConnectionError
    assert (error.attempts, error.maybe_created) == (3, False)


@methods
def test_no_such_name(connect, method):
    """The name of the host leads nowhere."""
    error = failure(connect("http://no-such-host.invalid/v1"), method)
    assert type(error) is APIConnectionError
    assert (error.attempts, error.maybe_created) == (3, False)


@methods
def test_refused_once(listen, connect, method):
    """A server that comes up between two tries is found, by a POST too."""
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{place.getsockname()[1]}/v1"
        client = connect(url, retries=attrs.evolve(QUICK, attempts=50, budget=50))

        def begin():
            place.listen()
            connection, _ = place.accept()
            with connection:
                connection.recv(65536)
                deleted = {"id": "asst_a", "deleted": True}
                connection.sendall(
                    http(json.dumps(deleted).encode() if method == "DELETE" else GOOD)
                )

        timer = threading.Timer(0.05, begin)
        timer.start()
        assert CALLS[method](client).id == "asst_a"
        timer.join()


@methods
def test_silence_in_the_tls_handshake(listen, connect, method):
    """A server that speaks no TLS and says nothing is a timeout, which doubts the address."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        host = f"127.0.0.1:{mute.getsockname()[1]}"
        error = failure(connect(f"https://{host}/v1", timeout=(PATIENCE, PATIENCE)), method)
    assert type(error) is APITimeoutError
    assert f"no TLS connection to {host} in time; is its address http://" in str(error)


# --- two faults in one call, and what is left on a connection ------------------------------------


HALF = body(b"{", headers=["Content-Length: 9"])


def test_tries_are_counted_whatever_failed(listen, connect):
    """A refusal, then an answer that breaks off, then a reset: three tries, and no more."""
    faults = [reset_before_headers, reset_before_headers, HALF, refuses("500 Oh")]

    def fault(exchange, act):
        faults.pop()(exchange, act)

    server = listen(Store(fault))
    error = failure(connect(server), "GET")
    assert type(error) is APIConnectionError
    assert error.attempts == 3
    assert len(server.exchanges) == 3


def test_tries_are_counted_for_each_call(listen, connect):
    """Every other answer breaks off: with two tries, every call succeeds."""
    store = Store()
    server = listen(lambda e: HALF(e, tuple) if len(server.exchanges) % 2 else store(e))
    client = connect(server, retries=attrs.evolve(QUICK, attempts=2))
    for _ in range(5):
        assert client.assistants.retrieve("asst_a").id == "asst_a"


@pytest.mark.parametrize("surplus", [1, 100_000])
def test_bytes_left_on_a_connection_are_nobodys_answer(listen, connect, surplus):
    """A server that sends more than it announced does not spoil the next call."""

    def script(exchange):
        if exchange.path.endswith("asst_a"):
            exchange.send(http(GOOD) + http(b'{"id": "not asked for"}') * surplus)
        else:
            exchange.json(assistant("asst_b"))

    client = connect(listen(script))
    assert client.assistants.retrieve("asst_a").id == "asst_a"
    time.sleep(0.05)
    assert client.assistants.retrieve("asst_b").id == "asst_b"


def test_a_connection_closed_in_between_is_replaced(listen, connect):
    """A server that closes idle connections costs neither an error nor a try."""

    def script(exchange):
        exchange.json(assistant())
        exchange.hang_up()

    server = listen(script)
    client = connect(server, retries=0)
    for _ in range(3):
        assert client.assistants.create(model="m").id == "asst_a"
        time.sleep(0.05)
    assert len(server.exchanges) == 3


def test_a_large_answer_is_read_up_to_the_default_bound(listen, connect):
    """Of 300 MB that no header announces, no more than 256 MiB are taken."""
    server = listen(Store(huge()))
    error = failure(connect(server), "GET")
    assert "max_response_bytes, 268435456" in str(error)


def test_a_small_bound(listen, connect):
    """``max_response_bytes`` is exact, to the byte."""
    for headers in (f"Content-Length: {len(GOOD)}",), ():
        server = listen(Store(body(GOOD, headers=headers)))
        assert connect(server, max_response_bytes=len(GOOD)).assistants.retrieve("asst_a")
        error = failure(connect(server, max_response_bytes=len(GOOD) - 1), "GET")
        assert type(error) is APIResponseError


def test_chunks_are_as_long_as_they_are(listen, connect):
    """A length beside chunks is not theirs, and takes nothing off the bound."""
    chunks = b"".join(b"10000\r\n" + b" " * 0x10000 + b"\r\n" for _ in range(20))
    headers = ("content-length: 5", "transfer-encoding: chunked")
    server = listen(lambda exchange: exchange.send(head(*headers) + chunks + b"0\r\n\r\n"))
    error = failure(connect(server, max_response_bytes=100_000), "GET")
    assert "max_response_bytes" in str(error)


def test_a_small_answer_that_unpacks_to_a_large_one(listen, connect):
    """The bound is on what is unpacked."""
    packed = gzip.compress(b" " * 50_000_000)
    headers = [GZIP, f"Content-Length: {len(packed)}"]
    server = listen(Store(body(packed, headers=headers)))
    error = failure(connect(server, max_response_bytes=1_000_000), "GET")
    assert "max_response_bytes" in str(error)
