"""What an engine in this process costs, in memory, with a model that takes no time."""

import io
import json
import logging
import statistics
import tempfile
import time
from collections import deque
from contextlib import contextmanager
from pathlib import Path

import timing

from assistants_client import Client
from assistants_client.engine import Engine, TextDelta

logging.disable(logging.CRITICAL)

THREAD = {"messages": [{"role": "user", "content": "How much is 3 * 7?"}]}
MESSAGE = {"role": "user", "content": "four score and seven" * 10}


class Model:
    """Answers with so many words, pauses before each, and notes when it has said the last."""

    def __init__(self, words=20, pause=0.0):
        self.words = words
        self.pause = pause
        self.said = 0.0

    def respond(self, conversation):
        """Yields word by word."""
        for number in range(self.words):
            if self.pause:
                time.sleep(self.pause)
            yield TextDelta(text=f" word{number}")
        self.said = time.perf_counter()


@contextmanager
def connected(model):
    """A client on an engine."""
    with Engine("sqlite://", model) as engine, Client(engine=engine) as client:
        yield client


@contextmanager
def retrieve():
    """A run by its ids."""
    with connected(Model()) as client:
        assistant = client.assistants.create(model="m")
        run = client.runs.create_thread_and_run(assistant_id=assistant.id, thread=THREAD)
        client.wait_for_run(run)
        yield timing.many(lambda: client.runs.retrieve(run.thread_id, run.id))


@contextmanager
def create():
    """A message."""
    with connected(Model()) as client:
        thread = client.threads.create()
        yield timing.many(lambda: client.messages.create(thread.id, "How much is 3 * 7?"))


@contextmanager
def page():
    """A list of 100 messages."""
    with connected(Model()) as client:
        message = {"role": "user", "content": "How much is 3 * 7? " * 10}
        thread = client.threads.create(messages=[message] * 100)
        yield timing.many(lambda: list(client.messages.list(thread.id, limit=100)))


@contextmanager
def waited(is_delay=False):
    """A thread, a run in it, and the wait for its end."""
    model = Model(1)
    with connected(model) as client:
        assistant = client.assistants.create(model="m")

        def delay(_=None):
            run = client.runs.create_thread_and_run(assistant_id=assistant.id, thread=THREAD)
            client.wait_for_run(run)
            return time.perf_counter() - model.said

        def act(count):
            return statistics.median(map(delay, range(count)))

        yield act if is_delay else timing.many(delay)


def delay():
    """From the model's last word to the wait's return: the run's own end is in it."""
    return waited(is_delay=True)


@contextmanager
def streamed():
    """A thread, and a run in it that is streamed."""
    with connected(Model()) as client:
        assistant = client.assistants.create(model="m")

        def run():
            stream = client.runs.stream_thread_and_run(assistant_id=assistant.id, thread=THREAD)
            assert "".join(stream.text()).count("word") == 20

        yield timing.many(run)


def tokens(pause=0.0):
    """A token of a streamed run, in the engine alone: its WSGI application is asked directly.

    The run's own cost is in it, spread over its tokens; that of the model's pauses is not.
    """

    @contextmanager
    def work():
        model = Model(pause=pause)
        with Engine("sqlite://", model) as engine, Client(engine=engine) as client:
            assistant = client.assistants.create(model="m").id
            thread = client.threads.create(messages=THREAD["messages"]).id
            body = json.dumps({"assistant_id": assistant, "stream": True}).encode()

            def act(count):
                model.words = count
                idle = cpu(lambda: deque(model.respond(None), maxlen=0))
                path = f"/v1/threads/{thread}/runs"
                spent = cpu(lambda: streamed_text(engine, environment(path, body), count))
                return (spent - idle) / count

            yield act

    return work


def cpu(act):
    """Seconds of all threads of this process."""
    begun = time.process_time()
    act()
    return time.process_time() - begun


def streamed_text(engine, request, count):
    """Reads a streamed run to its end, which must have so many words."""
    response = engine(request, lambda *_: None)
    try:
        text = b"".join(response)
    finally:
        response.close()
    assert f" word{count - 1}".encode() in text, text[-1000:]


def environment(path, body):
    """What a server hands to a WSGI application for a POST."""
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def in_bulk(client, number):
    """Creates so many messages of 200 characters, a thousand in a request."""
    for start in range(0, number, 1_000):
        client.threads.create(messages=[MESSAGE] * min(1_000, number - start))


def one_by_one(client, number):
    """Creates so many messages of 200 characters, each by a request of its own."""
    thread = client.threads.create().id
    for _ in range(number):
        client.messages.create(thread, **MESSAGE)


def message_bytes(create):
    """The bytes by which a database on disk grows for a message."""

    def size(path, number):
        with Engine(f"sqlite:///{path}", Model()) as engine, Client(engine=engine) as client:
            create(client, number)
        return path.stat().st_size  # the last connection has put the log into it

    @contextmanager
    def work():
        def act(count):
            with tempfile.TemporaryDirectory() as folder:
                some, more = (size(Path(folder) / f"{n}.db", n) for n in (count, 2 * count))
            return (more - some) / count

        yield act

    return work


if __name__ == "__main__":
    timing.main(
        {
            "retrieve": retrieve,
            "create": create,
            "page": page,
            "waited": waited,
            "delay": delay,
            "streamed": streamed,
            "tokens": tokens(),
            "slow tokens": tokens(pause=0.001),
            "bytes in bulk": message_bytes(in_bulk),
            "bytes one by one": message_bytes(one_by_one),
        }
    )
