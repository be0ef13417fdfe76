"""Streams that are prepared, for the benchmarks: long ones, and such as pause between events.

The id of the thread in a request's path chooses: ``deltas-2000`` is a stream of so many deltas, and
``pause-chunked`` or ``pause-close`` one whose texts are the times at which they were sent.
"""

import contextlib
import json
import socket
import threading
import time

#: Events of a stream that pauses between them, and for how long, in seconds.
PAUSES, PAUSE = 40, 0.02


def event(name, document):
    """One event's bytes."""
    return f"event: {name}\ndata: {json.dumps(document)}\n\n".encode()


def run(status):
    """A run's document."""
    return {"id": "run_1", "object": "thread.run", "thread_id": "thread_1", "status": status}


def delta(text, annotations=None):
    """A piece of text."""
    inner = {"value": text} if annotations is None else {"value": text, "annotations": annotations}
    return {
        "id": "msg_abc123",
        "object": "thread.message.delta",
        "delta": {"content": [{"index": 0, "type": "text", "text": inner}]},
    }


def events(count):
    """The events of a stream of so many deltas, one in twenty with an annotation."""
    begun = {"id": "msg_abc123", "object": "thread.message", "status": "in_progress", "content": []}
    yield event("thread.run.created", run("queued"))
    yield event("thread.message.created", begun)
    for number in range(count):
        marks = None
        if number % 20 == 0:
            mark = {"index": number // 20, "type": "file_citation", "text": "[1]"}
            file = {"file_id": "file_1"}
            marks = [
                {**mark, "start_index": number, "end_index": number + 3, "file_citation": file}
            ]
        yield event("thread.message.delta", delta(f" word{number}", marks))
    yield event("thread.run.completed", run("completed"))
    yield b"event: done\ndata: [DONE]\n\n"


def chunked(parts):
    """A chunk per event, as servers send them."""
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def pausing(connection, head, *, is_chunked):
    """Each event's text is the time at which it was sent."""
    connection.sendall(
        head + (b"Transfer-Encoding: chunked" if is_chunked else b"Connection: close") + b"\r\n\r\n"
    )

    def send(content):
        if is_chunked:
            content = b"%x\r\n%b\r\n" % (len(content), content)
        connection.sendall(content)

    send(event("thread.run.created", run("queued")))
    for _ in range(PAUSES):
        time.sleep(PAUSE)
        send(event("thread.message.delta", delta(str(time.monotonic()))))
    send(event("thread.run.completed", run("completed")) + b"event: done\ndata: [DONE]\n\n")
    if is_chunked:
        connection.sendall(b"0\r\n\r\n")


def answer(connection, bodies):
    """Answers one request, and closes its connection."""
    with contextlib.suppress(OSError), connection:
        lines = connection.makefile("rb")
        request = lines.readline()
        size = 0
        while (line := lines.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
        lines.read(size)
        kind, _, more = request.split(b"/threads/")[1].split(b"/")[0].decode().partition("-")
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        if kind == "pause":
            pausing(connection, head, is_chunked=more == "chunked")
            return
        if more not in bodies:
            bodies[more] = chunked(events(int(more)))
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + bodies[more])


def serve(listener):
    """Answers each request in a thread of its own."""
    bodies = {}
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        wire, _ = listener.accept()
        threading.Thread(target=answer, args=(wire, bodies), daemon=True).start()
