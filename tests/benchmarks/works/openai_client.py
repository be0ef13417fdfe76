"""What the calls of openai's client cost, against the canned server."""

import json
import os
import ssl
import statistics
import time
import warnings
from contextlib import contextmanager

import canned
import openai
import timing
from openai._models import construct_type
from openai.pagination import SyncCursorPage
from openai.types.beta.threads import Message

warnings.simplefilter("ignore", DeprecationWarning)


def threads_of(url, **more):
    """The calls below ``threads`` of a new client."""
    return openai.OpenAI(base_url=url, api_key="k", **more).beta.threads


@contextmanager
def retrieve(how=timing.many):
    """A run by its ids."""
    runs = threads_of(canned.URL).runs
    yield how(lambda: runs.retrieve(canned.RUN, thread_id=canned.THREAD))


def threads():
    """The same by many threads on one client."""
    return retrieve(timing.in_threads)


@contextmanager
def create():
    """A message."""
    create = threads_of(canned.URL).messages.create
    yield timing.many(lambda: create(canned.THREAD, role="user", content=canned.QUESTION))


@contextmanager
def page():
    """A list of 100 messages, fetched and decoded."""
    messages = threads_of(canned.URL).messages
    yield timing.many(lambda: list(messages.list(canned.THREAD, limit=100)))


@contextmanager
def decode():
    """The same list, decoded only."""
    text = canned.page()
    kind = SyncCursorPage[Message]
    yield timing.many(lambda: construct_type(type_=kind, value=json.loads(text)))


@contextmanager
def tls():
    """A new connection with TLS, and a call on it."""
    # It cannot drop a connection; its context is shared, as it would be in a long-lived client.
    trusted = ssl.create_default_context(cafile=os.environ["REQUESTS_CA_BUNDLE"])

    def call():
        with openai.DefaultHttpxClient(verify=trusted) as http:
            runs = threads_of(canned.TLS_URL, http_client=http).runs
            runs.retrieve(canned.RUN, thread_id=canned.THREAD)

    yield timing.many(call)


def words_of_events(runs, thread):
    """The texts of a stream, read from its typed events, without a handler."""
    for event in runs.create(thread, assistant_id="asst_1", stream=True):
        if event.event == "thread.message.delta":
            yield event.data.delta.content[0].text.value


@contextmanager
def events():
    """The deltas of a stream."""
    runs = threads_of(canned.STREAMS_URL).runs

    def act(count):
        read = sum(1 for _ in words_of_events(runs, f"deltas-{count}"))
        assert read == count, read

    yield act


def delay(framing):
    """The median of the seconds until an event of a stream that pauses is seen."""

    @contextmanager
    def work():
        runs = threads_of(canned.STREAMS_URL).runs

        def act(_):
            words = words_of_events(runs, f"pause-{framing}")
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
            "events": events,
            "text": events,  # it has no other way to a stream's text
            "chunked": delay("chunked"),
            "close": delay("close"),
        }
    )
