"""Recorded streams, and a server on a real socket that plays them; no test is here."""

import contextlib
import json
import re
import select
import socket
import threading
import time
from types import SimpleNamespace

from assistants_client import AssistantsError, StreamOptions
from assistants_client._calls.run_calls import StreamRequest
from assistants_client._http.sse import SseDecoder
from assistants_client._json.codec import decode
from assistants_client.backoff import ConstantBackoff
from assistants_client.function_tools.tool_rounds import ToolRounds
from assistants_client.models.events import (
    Done,
    MessageCompleted,
    MessageDelta,
    RunRequiresAction,
)
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run
from assistants_client.streaming import RunStream
from assistants_client.streaming.session import RunStreamSession
from assistants_client.waiting.waiter import Time, Waiter

RUN = {"id": "run_1", "object": "thread.run", "thread_id": "thread_1"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def decode_stream(blocks):
    """Yields the server-sent events of a whole stream."""
    decoder = SseDecoder()
    for block in blocks:
        yield from decoder.feed(block)
    yield from decoder.finish()


def sse(name, document):
    """One event as the protocol's servers write it."""
    data = json.dumps(document, separators=(",", ":"))
    return f"event: {name}\ndata: {data}\n\n".encode()


DONE = b"event: done\ndata: [DONE]\n\n"


def run(status, **fields):
    """A run's document."""
    return {**RUN, "status": status, **fields}


def step(number, status, details, **fields):
    """A step's document."""
    return {
        "id": f"step_{number}",
        "object": "thread.run.step",
        "type": details["type"],
        "status": status,
        "step_details": details,
        **fields,
    }


def message(number, *texts, status="completed", **fields):
    """A message's document."""
    content = [{"type": "text", "text": {"value": text, "annotations": []}} for text in texts]
    return {
        "id": f"msg_{number}",
        "object": "thread.message",
        "run_id": "run_1",
        "role": "assistant",
        "status": status,
        "content": content,
        **fields,
    }


def text_delta(number, text, index=0, **more):
    """A piece of a message's text."""
    part = {"index": index, "type": "text", "text": {"value": text, **more}}
    return {
        "id": f"msg_{number}",
        "object": "thread.message.delta",
        "delta": {"content": [part]},
    }


def step_delta(number, *calls):
    """A piece of a step's calls."""
    details = {"type": "tool_calls", "tool_calls": list(calls)}
    return {
        "id": f"step_{number}",
        "object": "thread.run.step.delta",
        "delta": {"step_details": details},
    }


def writes(number):
    """The details of a step that writes a message."""
    return {"type": "message_creation", "message_creation": {"message_id": f"msg_{number}"}}


def calls(*entries):
    """The details of a step that calls tools."""
    return {"type": "tool_calls", "tool_calls": list(entries)}


def said(number, *pieces):
    """The events of a message, and of the step that writes it."""
    return [
        ("thread.run.step.created", step(number, "in_progress", writes(number))),
        ("thread.message.created", message(number, status="in_progress")),
        ("thread.message.in_progress", message(number, status="in_progress")),
        *(
            ("thread.message.delta", text_delta(number, p, **({} if i else {"annotations": []})))
            for i, p in enumerate(pieces)
        ),
        ("thread.message.completed", message(number, "".join(pieces))),
        ("thread.run.step.completed", step(number, "completed", writes(number), usage=USAGE)),
    ]


BEGUN = [
    ("thread.run.created", run("queued")),
    ("thread.run.queued", run("queued")),
    ("thread.run.in_progress", run("in_progress")),
]
ENDED = [("thread.run.completed", run("completed", usage=USAGE))]
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
CODE = {"input": "print(1)", "outputs": [{"type": "logs", "logs": "1\n"}]}


def asks(*entries):
    """The run that waits for the outputs of calls."""
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": list(entries)}}
    return run("requires_action", required_action=action, usage=USAGE)


class Recording:
    """A run's streams, one per request, and the objects that they end in.

    ``waiting`` is the one step that there is while the run requires action.
    """

    def __init__(self, *legs, steps, messages, waiting=None):
        self.legs = legs
        self.run = legs[-1][-1][1]
        self.steps = steps
        self.messages = messages
        self._waiting = waiting

    def known(self, leg):
        """What the server knows after so many requests: the run, its steps, its messages."""
        if leg < len(self.legs) - 1:
            return self.legs[leg][-1][1], [self._waiting], []
        return self.run, self.steps, self.messages

    @property
    def text(self):
        """All text of the run."""
        return "".join(p["text"]["value"] for m in self.messages for p in m["content"])

    def body(self, leg=0, *, done=True):
        """The bytes of one request's answer."""
        return b"".join(sse(*event) for event in self.legs[leg]) + (DONE if done else b"")


def _written(number, text):
    return step(number, "completed", writes(number), usage=USAGE), message(number, text)


def _plain():
    one, text = _written(1, "Grüße, you 🎈")
    return Recording(
        [*BEGUN, *said(1, "Grüße", ", you", " 🎈"), *ENDED], steps=[one], messages=[text]
    )


def _two_messages():
    (one, first), (two, second) = _written(1, "One."), _written(2, "Two, too.")
    events = [*BEGUN, *said(1, "One", "."), *said(2, "Two", ", too", "."), *ENDED]
    return Recording(events, steps=[one, two], messages=[first, second])


def _code():
    shell = {"index": 0, "id": "call_1", "type": "code_interpreter"}
    piece = {"index": 0, "type": "code_interpreter"}
    output = {"index": 0, "type": "logs", "logs": "1\n"}
    whole = {"id": "call_1", "type": "code_interpreter", "code_interpreter": CODE}
    ran = step(1, "completed", calls(whole), usage=USAGE)
    two, text = _written(2, "It is 1.")
    events = [
        *BEGUN,
        ("thread.run.step.created", step(1, "in_progress", calls())),
        ("thread.run.step.in_progress", step(1, "in_progress", calls())),
        (
            "thread.run.step.delta",
            step_delta(1, {**shell, "code_interpreter": {"input": "", "outputs": []}}),
        ),
        ("thread.run.step.delta", step_delta(1, {**piece, "code_interpreter": {"input": "print"}})),
        ("thread.run.step.delta", step_delta(1, {**piece, "code_interpreter": {"input": "(1)"}})),
        (
            "thread.run.step.delta",
            step_delta(1, {**piece, "code_interpreter": {"outputs": [output]}}),
        ),
        ("thread.run.step.completed", ran),
        *said(2, "It is", " 1."),
        *ENDED,
    ]
    return Recording(events, steps=[ran, two], messages=[text])


def _function():
    shell = {"index": 0, "id": "call_1", "type": "function"}
    answered = {**CALL, "function": {**CALL["function"], "output": "3"}}
    called = step(1, "completed", calls(answered), usage=USAGE)
    two, text = _written(2, "Three.")
    first = [
        *BEGUN,
        ("thread.run.step.created", step(1, "in_progress", calls())),
        (
            "thread.run.step.delta",
            step_delta(1, {**shell, "function": {"name": "add", "arguments": "", "output": None}}),
        ),
        (
            "thread.run.step.delta",
            step_delta(1, {"index": 0, "type": "function", "function": {"arguments": '{"a"'}}),
        ),
        (
            "thread.run.step.delta",
            step_delta(1, {"index": 0, "type": "function", "function": {"arguments": ":1}"}}),
        ),
        ("thread.run.requires_action", asks(CALL)),
    ]
    second = [
        ("thread.run.step.completed", called),
        ("thread.run.queued", run("queued")),
        ("thread.run.in_progress", run("in_progress")),
        *said(2, "Thr", "ee."),
        *ENDED,
    ]
    waiting = step(1, "in_progress", calls(CALL))
    return Recording(first, second, steps=[called, two], messages=[text], waiting=waiting)


PLAIN, TWO_MESSAGES, CODE_RUN, FUNCTION = _plain(), _two_messages(), _code(), _function()
RECORDINGS = {
    "plain": PLAIN,
    "two_messages": TWO_MESSAGES,
    "code": CODE_RUN,
    "function": FUNCTION,
}


def follow(stream, output="3"):
    """Iterates a stream to its end and answers its calls by hand; gives events and error."""
    events = []
    try:
        with stream:
            for event in stream:
                events.append(event)
                if isinstance(event, RunRequiresAction):
                    stream.submit_tool_outputs([{"tool_call_id": "call_1", "output": output}])
    except AssistantsError as error:
        return events, error
    return events, None


def text_of(events):
    """The text that was delivered in pieces."""
    return "".join(event.text for event in events if isinstance(event, MessageDelta))


def check_whole(stream, events, recording):
    """The run is over, and everything about it arrived, once."""
    assert isinstance(events[-1], Done)
    assert stream.run == decode(Run, recording.run)
    assert text_of(events) == recording.text
    assert stream.messages == [decode(Message, m) for m in recording.messages]
    assert stream.run_steps == [decode(RunStep, s) for s in recording.steps]
    whole = [e.message.id for e in events if isinstance(e, MessageCompleted)]
    assert whole == [m["id"] for m in recording.messages]


SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def close_delimited(body, kind=SSE_HEAD):
    """An answer that ends where the connection ends."""
    return kind + b"Connection: close\r\n\r\n" + body


def chunked(body, size=97, kind=SSE_HEAD):
    """An answer in chunks."""
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return kind + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + framed + b"0\r\n\r\n"


def json_answer(document, status=200):
    """A plain answer; the connection stays open."""
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def page(items):
    """The answer to a list."""
    return json_answer({"object": "list", "data": items, "has_more": False})


class StreamServer:
    """Answers POST requests with the next script, and GET requests by what their path ends in.

    A script is the bytes of an answer, after which the connection is closed; ``None`` closes it
    without an answer; a callable gets the connection. ``lookups`` are pairs of a pattern of paths
    and an answer's bytes, or a callable that gives them. ``posts`` lists path and body of each.
    """

    def __init__(self):
        self.scripts = []
        self.lookups = []
        self.posts = []
        self.gets = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self._wake, self._woken = socket.socketpair()
        self._open = {}
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def knows(self, recording):
        """Answers lookups with what is known after the requests so far."""

        def told(part, wrap):
            return lambda: wrap(recording.known(len(self.posts) - 1)[part])

        self.posts.clear()
        self.lookups = [
            (r"/runs/run_1$", told(0, json_answer)),
            (r"/steps$", told(1, page)),
            *((rf"/messages/{m['id']}$", json_answer(m)) for m in recording.messages),
            (r"/messages$", told(2, page)),
        ]

    def _loop(self):
        while True:
            ready, _, _ = select.select([self._listener, self._woken, *self._open], [], [])
            if self._woken in ready:
                return
            for one in ready:
                if one is self._listener:
                    connection, _ = one.accept()
                    self._open[connection] = b""
                else:
                    self._read(one)

    def _read(self, connection):
        data = b""
        with contextlib.suppress(OSError):
            data = connection.recv(65536)
        request = self._open[connection] + data
        head, separator, body = request.partition(b"\r\n\r\n")
        announced = re.search(rb"(?i)content-length: (\d+)", head)
        if not data:
            self._drop(connection)
        elif not separator or len(body) < int(announced[1] if announced else 0):
            self._open[connection] = request
        else:
            self._open[connection] = b""
            self._answer(connection, head.split(b" ", 2)[:2], body)

    def _answer(self, connection, line, body):
        method, path = line[0].decode(), line[1].decode().partition("?")[0]
        with contextlib.suppress(OSError):
            if method == "GET":
                self.gets.append(path)
                found = next((a for pattern, a in self.lookups if re.search(pattern, path)), None)
                answer = found() if callable(found) else found
                connection.sendall(answer or json_answer({"error": {"message": "none"}}, 404))
                return
            self.posts.append((path, json.loads(body)))
            script = self.scripts.pop(0)
            if callable(script):
                del self._open[connection]
                threading.Thread(target=self._play, args=(connection, script), daemon=True).start()
                return
            if script:
                connection.sendall(script)
        if script is None or not _stays_open(script):
            self._drop(connection)

    def _play(self, connection, script):
        with connection, contextlib.suppress(OSError):
            script(connection)

    def _drop(self, connection):
        self._open.pop(connection, None)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def close(self):
        """Ends everything."""
        self._wake.send(b"x")
        self._thread.join()
        for one in [*self._open, self._listener, self._wake, self._woken]:
            one.close()


def _stays_open(script):
    return b"Content-Length" in script


class CallsInMemory:
    """What stands in for a run's requests; a test says what the next one is answered with."""

    def next_blocks(self):
        """The bytes of the next stream."""
        raise NotImplementedError

    @contextlib.contextmanager
    def open_stream(self, *_):
        """Each request for a stream is answered alike."""
        yield SimpleNamespace(is_json=False, blocks=self.next_blocks())

    submit_and_stream = open_stream

    def settling(self, _):
        """Nobody tells when a run settles."""
        return contextlib.nullcontext()


def stream_in_memory(calls, *, resume=True):
    """A stream that needs no server."""
    waiter = Waiter(Time(time.monotonic, time.sleep), ConstantBackoff(0.001))
    request = StreamRequest(path="/", document={})
    rounds = ToolRounds(StreamOptions())
    return RunStream(RunStreamSession(request, calls, waiter, rounds, resume=resume))
