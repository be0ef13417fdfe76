"""Asks one server again and again on several connections, and prints how often it was answered.

    python load.py PORT SECONDS CONNECTIONS METHOD PATH [BODY]

Each connection has one request under way, and is kept as long as the server keeps it. One thread
reads and writes all of them: a request costs it far less than it costs a server.
"""

import json
import selectors
import socket
import sys
import time


class Connection:
    """A connection, and what has come of the response on it."""

    def __init__(self, port, request):
        self.port, self.request = port, request
        self.connect()

    def connect(self):
        """Connects, and sends the first request."""
        self.wire = socket.create_connection(("127.0.0.1", self.port))
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send()

    def send(self):
        """Sends the request once more."""
        self.come = b""
        self.wire.sendall(self.request)

    def read(self):
        """Reads what there is, and returns the response's head once the response is whole."""
        data = self.wire.recv(262_144)
        if not data:
            raise ConnectionError(f"the server ended a connection: {self.come!r}")
        self.come += data
        end = self.come.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.come[: end + 2].lower()
        length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        return head if len(self.come) >= end + 4 + length else None


def answered(port, seconds, connections, request):
    """The number of responses, and the seconds they took."""
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        one = Connection(port, request)
        selector.register(one.wire, selectors.EVENT_READ, one)
    begun, count = time.perf_counter(), 0
    while time.perf_counter() < begun + seconds:
        for key, _ in selector.select(1):
            one = key.data
            head = one.read()
            if head is None:
                continue
            if b" 200 " not in head.partition(b"\r\n")[0]:
                raise RuntimeError(one.come.decode())
            count += 1
            if b"\r\nconnection: close" in head:
                selector.unregister(one.wire)
                one.wire.close()
                one.connect()
                selector.register(one.wire, selectors.EVENT_READ, one)
            else:
                one.send()
    return count, time.perf_counter() - begun


def main(port, seconds, connections, *request):
    """Prints JSON."""
    method, path, body = (*request, "")[:3]
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n"
    request = f"{head}Content-Type: application/json\r\n\r\n{body}".encode()
    count, took = answered(int(port), float(seconds), int(connections), request)
    print(json.dumps({"answered": count, "seconds": took}))


if __name__ == "__main__":
    main(*sys.argv[1:])
