"""Faults that a test orders: the client's own code meets them, and none is forgotten silently."""

from __future__ import annotations

import pytest

from assistants_client import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    InternalServerError,
    MessageRequest,
    RateLimitError,
    StreamInterruptedError,
)
from assistants_client.testing import Faults, assistants
from assistants_client.testing.clock import START


def count_of_assistants(doubles) -> int:
    """How many the engine holds."""
    return len(list(doubles.client.assistants.list()))


def test_a_status_is_tried_again(doubles):
    """A server that fails twice is asked three times, with the pauses that it asks for."""
    doubles.faults.next(status=503, times=2, headers={"Retry-After": "20"})

    assert doubles.client.threads.create().id == "thread_000001"
    assert doubles.clock.now == START + 40
    doubles.faults.assert_done()


def test_the_pauses_between_tries_are_the_clients_own(doubles):
    """Where the server says nothing, the pauses are those of the policy, on the test's clock."""
    assistant = doubles.client.assistants.create(model="scripted")
    doubles.faults.next(status=500, times=2)

    doubles.client.assistants.retrieve(assistant.id)

    assert START + 1.1 < doubles.clock.now <= START + 1.5


def test_a_status_that_lasts_is_raised(doubles):
    """When the tries are spent, the error is the one that a server's answer makes."""
    doubles.faults.next(status=429, times=3, message="Slow down.", headers={"x-request-id": "r1"})

    with pytest.raises(RateLimitError) as caught:
        doubles.client.threads.create()

    assert caught.value.attempts == 3
    assert caught.value.request_id == "r1"
    assert "Slow down." in str(caught.value)


@pytest.mark.parametrize("kind", ["connection_error", "timeout", "lost_answer"])
def test_nothing_is_made_twice(doubles, kind):
    """Whatever becomes of the first try of a POST, the engine makes one object of it."""
    doubles.client.assistants.create(model="scripted")  # the client learns that keys are honoured
    doubles.faults.next(**{kind: True})

    doubles.client.assistants.create(model="scripted")

    assert count_of_assistants(doubles) == 2
    doubles.faults.assert_done()


def test_a_lost_answer_may_have_made_something(doubles):
    """The server has acted, and without another try the error says that it may have."""
    doubles.faults.next(lost_answer=True)

    with pytest.raises(APIConnectionError) as caught:
        doubles.client.with_options(retries=0).assistants.create(model="scripted")

    assert caught.value.maybe_created
    assert count_of_assistants(doubles) == 1


def test_a_timeout_is_one(doubles):
    """No answer in time is an ``APITimeoutError``, and nothing was done."""
    doubles.faults.next(timeout=True)

    with pytest.raises(APITimeoutError):
        doubles.client.with_options(retries=0).assistants.create(model="scripted")

    assert count_of_assistants(doubles) == 0


def test_a_wait_survives_what_its_polls_meet(doubles, started):
    """Faults that are for polls alone apply to polls alone."""
    doubles.model.reply("Hello.", after=5)
    doubles.faults.next(status=500, times=4, on="GET /threads/*/runs/*")

    run = doubles.client.wait_for_run(started(doubles))

    assert run.status == "completed"
    doubles.assert_done()


def test_a_stream_that_is_cut_goes_on(doubles):
    """A cut stream delivers everything all the same, by asking for what is missing."""
    client = doubles.client
    doubles.model.reply("One two three four.")
    doubles.faults.cut_stream(after_events=5)
    assistant = client.assistants.create(model="scripted")
    thread = client.threads.create(messages=[MessageRequest("Count")])

    with client.runs.stream(thread.id, assistant_id=assistant.id) as stream:
        text = "".join(stream.text())

    assert text == "One two three four."
    doubles.assert_done()


def test_a_stream_that_is_cut_and_not_resumed(doubles):
    """The events until the cut were delivered, no more and no less."""
    client = doubles.client
    doubles.model.reply("One two three four.")
    doubles.faults.cut_stream(after_events=4, on="POST /threads/*/runs")
    assistant = client.assistants.create(model="scripted")
    thread = client.threads.create(messages=[MessageRequest("Count")])

    stream = client.runs.stream(thread.id, assistant_id=assistant.id, resume=False)
    with stream, pytest.raises(StreamInterruptedError) as caught:
        list(stream)

    assert len(caught.value.events) == 4


def test_what_did_not_come_about_is_an_error_that_says_why():
    """At the end, each fault that is left lists the requests there were, and what did not fit."""

    def test() -> None:
        with assistants() as doubles:
            client = doubles.client.with_options(retries=0)
            client.assistants.create(model="scripted")
            doubles.faults.next(status=503, times=2, on="POST /threads/*/messages")
            doubles.faults.cut_stream(after_events=3)
            thread = client.threads.create()
            for _ in range(2):
                list(client.messages.list(thread.id))
            with pytest.raises(InternalServerError):
                client.messages.create(thread.id, "Hi")
            doubles.faults.next(connection_error=True)

    with pytest.raises(AssertionError) as caught:
        test()

    assert str(caught.value) == (
        "Faults were ordered and did not occur.\n"
        "  status 503 on POST /threads/*/messages: 1 of 2 occurred\n"
        "    POST /threads: another path\n"
        "    GET /threads/thread_000001/messages: not a POST (2 times)\n"
        "  a stream cut after 3 events on any request: 0 of 1 occurred\n"
        "    POST /threads: its response was no stream\n"
        "    GET /threads/thread_000001/messages: its response was no stream (2 times)\n"
        "  connection error on any request: 0 of 1 occurred\n"
        "    no other request was sent since it was ordered"
    )


def test_a_stream_that_was_too_short_to_be_cut(doubles):
    """A cut beyond a stream's end says that the stream was over."""
    client = doubles.client
    doubles.model.reply("Short.")
    doubles.faults.cut_stream(after_events=500)
    assistant = client.assistants.create(model="scripted")
    thread = client.threads.create(messages=[MessageRequest("Well?")])
    with client.runs.stream(thread.id, assistant_id=assistant.id) as stream:
        list(stream)

    with pytest.raises(AssertionError, match=r"POST .*/runs: its stream was over before"):
        doubles.faults.assert_done()


def test_a_long_list_of_requests_is_cut(doubles):
    """Ten requests are listed, and the rest is counted."""
    doubles.faults.next(timeout=True, on="DELETE")
    for _ in range(12):
        list(doubles.client.messages.list(doubles.client.threads.create().id))

    with pytest.raises(AssertionError, match=r"and 3 other requests$"):
        doubles.faults.assert_done()


def test_what_is_cleared_may_be_left(doubles):
    """``clear`` removes the faults that have not occurred."""
    doubles.faults.next(status=500, times=9)
    with pytest.raises(InternalServerError):
        doubles.client.assistants.create(model="scripted")

    doubles.faults.clear()

    doubles.client.assistants.create(model="scripted")
    doubles.faults.assert_done()


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch):
    """The way to the engine is in this process, whatever the environment says."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    with assistants() as doubles:
        assert doubles.client.threads.create().id == "thread_000001"


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (lambda faults: faults.next(), "give one of status, connection_error, timeout"),
        (lambda faults: faults.next(status=500, timeout=True), "got 2"),
        (lambda faults: faults.next(status=200), "200 is no fault"),
        (lambda faults: faults.next(timeout=True, headers={"a": "b"}), "they need a status"),
        (lambda faults: faults.next(status=500, times=0), "times: 0 is below 1"),
        (lambda faults: faults.next(status=500, on="threads"), "'threads' is none of 'POST'"),
        (lambda faults: faults.next(status=500, on=""), "'' is none of 'POST'"),
        (lambda faults: faults.cut_stream(after_events=-1), "after_events: -1 is below 0"),
        (lambda faults: faults.cut_stream(after_events=1, on="post /x"), "'post /x' is none of"),
    ],
)
def test_what_cannot_be_ordered(order, words):
    """A mistake in the test is an error where it is made."""
    with pytest.raises(ConfigurationError, match=words):
        order(Faults())
