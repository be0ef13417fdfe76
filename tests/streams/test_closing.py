"""Leaving a stream early: closing it, dropping it, interrupting it, and from other threads."""

import gc
import socket
import threading
import time

import pytest
from stream_kit import FUNCTION, PLAIN, SSE_HEAD, chunked, json_answer, run, sse

from assistants_client import BadRequestError, Client, StreamInterruptedError, tool

BEGIN = b"".join(sse(*event) for event in PLAIN.legs[0][:8])


class Pausing:
    """A script that sends the begin of a stream, and then waits for the connection's end."""

    def __init__(self):
        self.is_over = threading.Event()

    def __call__(self, connection):
        """Plays it."""
        body = b"%x\r\n%b\r\n" % (len(BEGIN), BEGIN)
        connection.sendall(SSE_HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body)
        connection.settimeout(10)
        if connection.recv(1) == b"":
            self.is_over.set()


@pytest.fixture
def pausing(server):
    """The script, as the server's first answer."""
    script = Pausing()
    server.scripts = [script]
    return script


@pytest.fixture
def stream(client, pausing):
    """A stream on that server."""
    return client.runs.stream("thread_1", assistant_id="asst_1")


def test_leaving_the_with_block_closes_the_connection(stream, pausing):
    """The server sees it at once."""
    with stream:
        next(stream)
    assert pausing.is_over.wait(5)
    stream.close()  # again, to no effect


@pytest.mark.filterwarnings("error")
def test_a_stream_that_is_dropped_closes_its_connection_at_once(client, pausing):
    """No garbage collection is needed, and developers are told of ``with``."""
    gc.disable()
    try:
        with pytest.warns(ResourceWarning, match="was dropped before its end; leave it with"):
            next(client.runs.stream("thread_1", assistant_id="asst_1"))
        assert pausing.is_over.wait(5)
    finally:
        gc.enable()
    gc.collect()


@pytest.mark.filterwarnings("error")
def test_text_that_is_dropped_closes_its_connection_at_once(client, pausing):
    """A generator of text owns its stream."""
    gc.disable()
    try:
        pieces = client.runs.stream("thread_1", assistant_id="asst_1").text()
        assert next(pieces) == "Grüße"
        del pieces
        assert pausing.is_over.wait(5)
    finally:
        gc.enable()
    gc.collect()


def test_closing_the_generator_of_text_closes_the_stream(stream, pausing):
    """As web frameworks do when their client is gone."""
    pieces = stream.text()
    next(pieces)
    pieces.close()
    assert pausing.is_over.wait(5)


def test_a_stream_that_was_never_iterated_sends_nothing(server, stream):
    """Making one is free, and so is closing it."""
    stream.close()
    assert server.posts == []
    with pytest.raises(StreamInterruptedError, match="closed"):
        next(stream)


def test_a_closed_stream_does_not_look_finished(stream):
    """Who iterates on is told that the run was not followed to its end."""
    next(stream)
    stream.close()
    for _ in range(2):
        with pytest.raises(StreamInterruptedError, match="closed before its run ended") as caught:
            list(stream)
        assert len(caught.value.events) == 1


def test_a_stream_that_failed_does_not_look_finished(server, client):
    """A second loop over it raises too."""
    server.scripts = [chunked(BEGIN)]
    stream = client.runs.stream("thread_1", assistant_id="asst_1", resume=False)
    for _ in range(2):
        with pytest.raises(StreamInterruptedError):
            list(stream)


def test_a_request_that_was_refused_does_not_look_finished(server, client):
    """Nor does one that never began."""
    server.scripts = [b"HTTP/1.1 400 no\r\nContent-Length: 0\r\n\r\n"]
    stream = client.runs.stream("thread_1", assistant_id="asst_1")
    with pytest.raises(BadRequestError):
        next(stream)
    with pytest.raises(StreamInterruptedError):
        next(stream)


def test_a_finished_stream_stays_finished(server, client):
    """Iterating it once more gives nothing; closing changes nothing."""
    server.scripts = [chunked(PLAIN.body())]
    stream = client.runs.stream("thread_1", assistant_id="asst_1")
    assert list(stream)
    stream.close()
    assert list(stream) == []
    assert stream.run.status == "completed"


def test_keyboard_interrupt_in_the_loop(stream, pausing):
    """It goes through, and the connection is closed."""

    def loop():
        with stream:
            for _ in stream:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop()
    assert pausing.is_over.wait(5)


def test_keyboard_interrupt_while_waiting(monkeypatch, stream, pausing):
    """In the middle of reading too, and without ``with``."""
    received = []

    def recv_into(sock, *args):
        if len(received) == 3:
            raise KeyboardInterrupt
        received.append(1)
        return original(sock, *args)

    original = socket.socket.recv_into
    for _ in range(8):
        next(stream)
    received[:] = [1, 1, 1]
    monkeypatch.setattr(socket.socket, "recv_into", recv_into)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    monkeypatch.undo()
    assert pausing.is_over.wait(5)


def iterate(stream, seen):
    """Follows a stream in a thread; what it raises is the last entry of ``seen``."""

    def loop():
        try:
            seen.extend(stream)
        except BaseException as error:
            seen.append(error)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    return thread


def wait_for(condition):
    """Waits until something holds that a thread brings about."""
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    assert condition()


def test_closing_from_another_thread_wakes_the_reader(stream, pausing):
    """The reader that waits for bytes gets a StreamInterruptedError at once; nobody hangs."""
    seen = []
    thread = iterate(stream, seen)
    wait_for(lambda: stream.run is not None)
    time.sleep(0.05)  # so that it waits for bytes
    stream.close()
    thread.join(5)
    assert not thread.is_alive()
    assert isinstance(seen[-1], StreamInterruptedError)
    assert "closed" in str(seen[-1])
    assert pausing.is_over.wait(5)


def test_closing_a_stream_that_goes_on_by_polling(server, client):
    """The reader does not wait for a run that may take minutes."""
    server.scripts = [chunked(BEGIN)[: -len("0\r\n\r\n")]]
    server.lookups = [(r"/runs/run_1$", json_answer(run("in_progress")))]
    stream = client.runs.stream("thread_1", assistant_id="asst_1")
    seen = []
    thread = iterate(stream, seen)
    wait_for(lambda: len(server.gets) > 2)
    stream.close()
    thread.join(5)
    assert not thread.is_alive()
    assert isinstance(seen[-1], StreamInterruptedError)
    assert str(seen[-1]) == "the stream was closed before its run ended"
    assert seen[-1].run.id == "run_1"


def test_closing_from_many_threads_at_any_time(server, clean_environment):
    """Whenever it is closed: the reader ends, the run over or the error raised."""
    with Client(server.url, timeout=5) as client:
        for delay in range(30):
            server.scripts = [chunked(PLAIN.body())]
            stream = client.runs.stream("thread_1", assistant_id="asst_1")
            seen = []
            thread = iterate(stream, seen)
            time.sleep(delay / 5000)
            closers = [threading.Thread(target=stream.close) for _ in range(3)]
            for closer in closers:
                closer.start()
            for one in (*closers, thread):
                one.join(5)
                assert not one.is_alive()
            assert isinstance(seen[-1], StreamInterruptedError) or stream.run.status == "completed"


def test_a_tool_that_closes_its_stream(server, client):
    """The stream ends after it, without submitting."""
    streams = []

    @tool
    def add(a: int) -> int:
        """Adds."""
        streams[0].close()
        return a

    server.scripts = [chunked(FUNCTION.body())]
    streams.append(client.runs.stream("thread_1", assistant_id="asst_1", tools=[add]))
    with pytest.raises(StreamInterruptedError, match="closed"):
        list(streams[0])
    assert len(server.posts) == 1
