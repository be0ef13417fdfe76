"""A stream ends in time: ``timeout`` bounds the whole, ``stalled_after`` a silence."""

import threading
import time

import pytest
from stream_kit import BEGUN, CALL, ENDED, SSE_HEAD, asks, close_delimited, json_answer, run, sse

from assistants_client import Client, ConfigurationError, WaitTimeoutError
from assistants_client.engine import Engine, Scripted
from assistants_client.waiting.waiter import Time, Waiter

FIRST = b"".join(sse(*event) for event in BEGUN)
LOCKED = {"error": {"message": "Thread thread_1 already has an active run run_9."}}


@pytest.fixture
def ended():
    """Set when a test is over: its server's scripts end."""
    over = threading.Event()
    yield over
    over.set()


def pinging(over, first=FIRST):
    """A server that sends comments, for ever."""

    def script(connection):
        connection.sendall(SSE_HEAD + b"Connection: close\r\n\r\n" + first)
        while not over.wait(0.01):
            connection.sendall(b": ping\n\n")

    return script


def silent(over, first=SSE_HEAD + b"Connection: close\r\n\r\n" + FIRST):
    """A server that sends nothing more."""

    def script(connection):
        connection.sendall(first)
        over.wait()

    return script


def start(client, **options):
    """A stream that was begun."""
    return client.runs.stream("thread_1", assistant_id="asst_1", **options)


@pytest.mark.parametrize("bound", ["timeout", "stalled_after"])
@pytest.mark.parametrize("server_is", [pinging, silent])
def test_comments_extend_neither_bound(server, client, ended, server_is, bound):
    """Nor does silence within the read timeout; the error has the run as it was last."""
    server.scripts = [server_is(ended)]
    stream = start(client, **{bound: 0.2})
    with pytest.raises(WaitTimeoutError, match=bound) as caught:
        list(stream)
    assert caught.value.run == stream.run
    assert stream.run.status == "in_progress"


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_a_response_that_does_not_begin(server, client, ended, first):
    """The opening is part of the whole."""
    server.scripts = [silent(ended, first)]
    with pytest.raises(WaitTimeoutError, match=r"within 0\.2 s \(timeout\)"):
        list(start(client, timeout=0.2))


def test_a_locked_thread_is_part_of_the_whole(server, client):
    """Also before anything is streamed."""
    server.lookups = [(r"/runs/run_9$", json_answer({**run("in_progress"), "id": "run_9"}))]
    server.scripts = [json_answer(LOCKED, 400)] * 1000
    with pytest.raises(WaitTimeoutError, match=r"run_9 was not finished within 0\.2 s"):
        list(start(client, timeout=0.2, on_active_run="wait"))


@pytest.mark.parametrize("bound", ["timeout", "stalled_after"])
def test_reading_the_assistant_is_part_of_the_whole(server, client, ended, bound):
    """It is read for its tools, before the run is started."""

    def add(a: int) -> int:
        """Adds."""
        return a

    server.lookups = [(r"/assistants/asst_1$", lambda: ended.wait(5) and json_answer({}))]
    begun = time.monotonic()
    with pytest.raises(WaitTimeoutError, match=bound):
        list(start(client, **{bound: 0.2}, tools=[add]))
    ended.set()
    assert time.monotonic() - begun < 4
    assert server.posts == []


def test_the_wait_for_a_lock_is_no_silence(server, client):
    """It is another's run that is waited for."""
    lookups = iter(["in_progress"] * 5 + ["completed"])

    def busy():
        time.sleep(0.1)
        return json_answer({**run(next(lookups)), "id": "run_9"})

    server.lookups = [(r"/runs/run_9$", busy)]
    whole = FIRST + b"".join(sse(*event) for event in ENDED)
    server.scripts = [json_answer(LOCKED, 400), close_delimited(whole)]
    stream = start(client, stalled_after=0.3, on_active_run="wait")
    list(stream)
    assert stream.run.status == "completed"


def test_polls_of_a_broken_stream_are_part_of_the_whole(server, client):
    """As are the events that are missing then."""
    server.lookups = [(r"/runs/run_1$", json_answer(run("in_progress")))]
    server.scripts = [close_delimited(FIRST)]
    with pytest.raises(WaitTimeoutError, match=r"within 0\.2 s"):
        list(start(client, timeout=0.2))


def test_outputs_of_a_tool_beyond_the_deadline_are_submitted(server, client, ended):
    """What it did is not lost; then the time is up."""
    waiting = sse("thread.run.requires_action", asks(CALL))
    server.scripts = [close_delimited(FIRST + waiting), pinging(ended)]

    def add(a: int) -> str:
        """Adds."""
        time.sleep(0.3)
        return str(a)

    with pytest.raises(WaitTimeoutError):
        list(start(client, timeout=0.2, tools=[add]))
    assert len(server.posts) == 2


def test_a_stream_in_time_is_as_ever(server, client):
    """Its events, its end, and its errors; in a thread of its own or not."""
    whole = FIRST + b"".join(sse(*event) for event in ENDED)
    server.scripts = [close_delimited(whole), close_delimited(whole), json_answer(LOCKED, 400)]
    events = list(start(client))
    assert list(start(client, timeout=30, stalled_after=30)) == events
    with pytest.raises(Exception, match="already has an active run"):
        list(start(client, timeout=30))


def test_without_a_timeout_it_ends_as_a_wait_does(server, ended, monkeypatch):
    """A server that sends comments for ever does not hold a program for ever."""
    server.scripts = [pinging(ended)]
    passed = iter(range(0, 100_000, 10))
    clock = Time(lambda: float(next(passed)), lambda _: None)
    client = Client(server.url, retries=0)
    client._waiter = Waiter(clock, client._waiter.backoff)
    with pytest.raises(WaitTimeoutError, match="within 660 s"):
        list(start(client))


def test_the_embedded_engine_is_no_exception(ended):
    """It has no socket whose timeout could be set."""

    class Hanging(Scripted):
        """A model that does not answer."""

        def respond(self, conversation):
            ended.wait()
            yield from super().respond(conversation)

    with Client(engine=Engine("sqlite:///:memory:", model=Hanging(["x", "y"]))) as client:
        assistant = client.assistants.create(model="m")
        thread = client.threads.create(messages=[{"role": "user", "content": "Hello?"}])
        with pytest.raises(WaitTimeoutError) as caught:
            list(client.runs.stream(thread.id, assistant_id=assistant.id, timeout=0.3))
        ended.set()
        assert client.wait_for_run(caught.value.run).status == "completed"
        stream = client.runs.stream(thread.id, assistant_id=assistant.id, timeout=30)
        assert "".join(stream.text()) == "y"


@pytest.mark.parametrize("wrong", [{"timeout": "1"}, {"timeout": -1}, {"stalled_after": 0}])
def test_what_is_no_number_of_seconds_is_refused(client, server, wrong):
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        start(client, **wrong)
    assert server.posts == []


def test_another_thread_closes_it_at_once(server, client, ended):
    """The thread that iterates does not wait for its bound."""
    server.scripts = [silent(ended)]
    stream = start(client, timeout=30)
    next(stream)
    closer = threading.Timer(0.1, stream.close)
    closer.start()
    with pytest.raises(Exception, match="the stream was closed"):
        list(stream)
    closer.join()
