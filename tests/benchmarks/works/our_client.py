"""What this client's calls cost, against the canned server."""

import json
import statistics
import time
from contextlib import contextmanager

import canned
import timing

from assistants_client import Client, MessageDelta


@contextmanager
def retrieve(how=timing.many):
    """A run by its ids."""
    with Client(canned.URL, api_key="k") as client:
        yield how(lambda: client.runs.retrieve(canned.THREAD, canned.RUN))


def threads():
    """The same by many threads on one client."""
    return retrieve(timing.in_threads)


@contextmanager
def create():
    """A message."""
    with Client(canned.URL, api_key="k") as client:
        create = client.messages.create
        yield timing.many(lambda: create(canned.THREAD, role="user", content=canned.QUESTION))


@contextmanager
def page():
    """A list of 100 messages, fetched and decoded."""
    with Client(canned.URL, api_key="k") as client:
        yield timing.many(lambda: list(client.messages.list(canned.THREAD, limit=100)))


@contextmanager
def decode():
    """The same list, decoded only."""
    from assistants_client._json.codec import decode
    from assistants_client.models.lists import Page
    from assistants_client.models.messages import Message

    text = canned.page()
    yield timing.many(lambda: decode(Page[Message], json.loads(text)))


@contextmanager
def tls():
    """A new connection with TLS, and a call on it."""
    client = Client(canned.TLS_URL, api_key="k")

    def call():
        client.close()  # what a long-lived program does now and then
        client.runs.retrieve(canned.THREAD, canned.RUN)

    yield timing.many(call)


def words_of_events(client, thread):
    """The texts of a stream, read from its typed events."""
    with client.runs.stream(thread, assistant_id="asst_1") as stream:
        for event in stream:
            if isinstance(event, MessageDelta) and event.text:
                yield event.text


def words_alone(client, thread):
    """The texts of a stream."""
    return client.runs.stream(thread, assistant_id="asst_1").text()


def deltas(words):
    """The work of reading a stream of so many deltas."""

    @contextmanager
    def work():
        with Client(canned.STREAMS_URL, api_key="k") as client:

            def act(count):
                read = sum(1 for _ in words(client, f"deltas-{count}"))
                assert read == count, read

            yield act

    return work


def delay(framing):
    """The median of the seconds until an event of a stream that pauses is seen."""

    @contextmanager
    def work():
        with Client(canned.STREAMS_URL, api_key="k") as client:

            def act(_):
                words = words_of_events(client, f"pause-{framing}")
                return statistics.median(time.monotonic() - float(sent) for sent in words)

            yield act

    return work


if __name__ == "__main__":
    timing.main(
        {
            "retrieve": retrieve,
            "threads": threads,
            "create": create,
            "page": page,
            "decode": decode,
            "tls": tls,
            "events": deltas(words_of_events),
            "text": deltas(words_alone),
            "chunked": delay("chunked"),
            "close": delay("close"),
        }
    )
