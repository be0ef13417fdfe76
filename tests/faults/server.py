"""A server on a real socket that misbehaves byte by byte, as its script says.

A script is called with each request, an ``Exchange``: it sends what it likes when it likes, and may
break the connection. What the answers mean is not known here, but for two shapes that many tests
need: a JSON answer, and a store of objects that counts what was created.
"""

import contextlib
import json
import socket
import ssl
import struct
import threading
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from assistants_client import RetryPolicy

#: Three tries, with pauses that a test does not notice.
QUICK = RetryPolicy(initial=0.01)

#: A certificate for 127.0.0.1 and localhost that only its own authority vouches for.
TLS = Path(__file__).with_name("tls")
_BLOCK = 1 << 20


class Hangup(Exception):
    """The script, or the client, has ended the connection."""


class Exchange:
    """One request, and the means to answer it."""

    def __init__(self, server, connection, number, *, method, target, headers, body):
        self.server = server
        self.connection = number
        self.method = method
        self.target = target
        self.path = urlsplit(target).path
        self.query = dict(parse_qsl(urlsplit(target).query))
        self.headers = headers
        self.body = body
        self._socket = connection

    @property
    def document(self):
        """The body's JSON."""
        return json.loads(self.body)

    def send(self, data):
        """Sends bytes just so."""
        self._socket.sendall(data)

    def json(self, document, *headers, status="200 OK"):
        """Sends a whole, correct answer; the connection stays open."""
        self.send(http(json.dumps(document).encode(), *headers, status=status))

    def keep(self):
        """Leaves the connection open for the next request."""

    def hang_up(self):
        """Closes the connection in order.

        Raises:
            Hangup: Always; the script ends here.
        """
        raise Hangup

    def reset(self):
        """Breaks the connection: the client sees ECONNRESET.

        Raises:
            Hangup: Always; the script ends here.
        """
        # Closing with a linger of 0 seconds sends RST instead of FIN.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Hangup

    def stall(self):
        """Says nothing more until the client gives up or the test ends.

        Raises:
            Hangup: Always; the script ends here.
        """
        self._socket.settimeout(0.02)
        while not self.server.closing.is_set():
            try:
                if not self._socket.recv(1):
                    break
            except TimeoutError:
                continue
        raise Hangup


class FaultServer:
    """Listens on a free port of this machine; one thread for each connection.

    Attributes:
        exchanges: Every request that was received whole, in order.
        connections: How many connections were made.
        malformed: What of the requests could not be read as HTTP.

    Args:
        script: Called with each exchange.
        tls: Whether to speak TLS, with the certificate in ``tls/``.
        keep_bodies: ``False`` counts a body's bytes instead of keeping them: ``body`` is a number.
    """

    def __init__(self, script, *, tls=False, keep_bodies=True):
        self.script = script
        self.exchanges = []
        self.connections = 0
        self.malformed = []
        self.closing = threading.Event()
        self._keep_bodies = keep_bodies
        self._context = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(TLS / "server.pem")
        self._open = set()
        self._threads = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http{'s' if tls else ''}://{self.host}/v1"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def calls(self, method):
        """The requests with this method."""
        return [one for one in self.exchanges if one.method == method]

    def close(self):
        """Ends everything that is still under way, and waits until it has ended."""
        self.closing.set()
        # A blocked accept is not woken by close alone.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(
                target=self._serve, args=(connection, self.connections), daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection, number):
        self._open.add(connection)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._context is not None:
                self._open.discard(connection)
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.add(connection)
            with connection.makefile("rb", buffering=_BLOCK) as reader:
                while (exchange := self._read(reader, connection, number)) is not None:
                    self.exchanges.append(exchange)
                    self.script(exchange)
        except (Hangup, OSError):
            pass
        finally:
            self._open.discard(connection)
            connection.close()

    def _read(self, reader, connection, number):
        line = reader.readline()
        if not line:
            return None
        try:
            method, target, version = line.decode("ascii").split()
            assert version == "HTTP/1.1" or method == "CONNECT"
            headers = {}
            while (line := reader.readline()) not in (b"\r\n", b""):
                name, colon, value = line.decode("latin-1").partition(":")
                assert colon
                assert name.lower() not in headers, f"{name} came twice"
                headers[name.lower()] = value.strip()
            assert not ("content-length" in headers and "transfer-encoding" in headers)
        except (AssertionError, ValueError) as error:
            self.malformed.append((line, error))
            return None
        body = self._body(reader, int(headers.get("content-length", 0)))
        if body is None:
            return None
        return Exchange(
            self, connection, number, method=method, target=target, headers=headers, body=body
        )

    def _body(self, reader, left):
        size, kept = left, []
        while left:
            block = reader.read1(min(left, _BLOCK))
            if not block:
                return None
            left -= len(block)
            if self._keep_bodies:
                kept.append(block)
        return b"".join(kept) if self._keep_bodies else size


def http(body=b"", *headers, status="200 OK"):
    """The bytes of an answer that keeps its connection."""
    lines = (f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, *headers)).encode() + b"\r\n\r\n" + body


def head(*headers, status="200 OK"):
    """The bytes before a body, without a length of their own."""
    lines = (f"HTTP/1.1 {status}", "Content-Type: application/json")
    return "\r\n".join((*lines, *headers)).encode() + b"\r\n\r\n"


def assistant(id_="asst_a", /, **fields):
    """An assistant's document."""
    return {"id": id_, "object": "assistant", "created_at": 1, "model": "m", **fields}


class Store:
    """A script: assistants that are really created and deleted, behind a fault.

    Args:
        fault: Called with the exchange and with a function that acts; it decides whether the
            server does what was asked, and what the client hears of it.
        times: How many requests meet the fault; those after them are served well.
        methods: Only requests with these methods meet it.
        honours: Whether creations with the same ``Idempotency-Key`` are one, and the server says
            so.
    """

    def __init__(
        self,
        fault=None,
        *,
        times=float("inf"),
        methods=("GET", "POST", "DELETE"),
        honours=False,
    ):
        self.objects = {"asst_a": assistant(), "asst_b": assistant("asst_b")}
        self.created = []
        self._fault = fault
        self._left = times
        self._methods = methods
        self._honours = honours
        self._by_key = {}
        self._lock = threading.Lock()

    def __call__(self, exchange):
        """Answers one request."""
        with self._lock:
            is_faulty = exchange.method in self._methods and self._left > 0
            self._left -= is_faulty
        if is_faulty and self._fault is not None:
            self._fault(exchange, lambda: self.act(exchange))
        else:
            self.answer(exchange)

    def answer(self, exchange):
        """Does what was asked, and says so."""
        status, document = self.act(exchange)
        headers = ("Idempotency-Key-Honoured: true",) if self._honours else ()
        exchange.json(document, *headers, status=status)

    def act(self, exchange):
        """Does what was asked; answers status and document."""
        with self._lock:
            name = exchange.path.rpartition("/")[2]
            if exchange.method == "POST":
                return "200 OK", self._create(exchange)
            if name == "assistants":
                # The newest first.
                newest = [*self.objects.values()][::-1]
                return "200 OK", {"object": "list", "data": newest, "has_more": False}
            if name not in self.objects:
                return "404 Not Found", {"error": {"message": "there is no such assistant"}}
            if exchange.method == "DELETE":
                del self.objects[name]
                return "200 OK", {"id": name, "object": "assistant.deleted", "deleted": True}
            return "200 OK", self.objects[name]

    def _create(self, exchange):
        key = exchange.headers["idempotency-key"]
        if self._honours and key in self._by_key:
            return self._by_key[key]
        made = assistant(f"asst_{len(self.created)}", **exchange.document)
        self.objects[made["id"]] = self._by_key[key] = made
        self.created.append(made)
        return made
