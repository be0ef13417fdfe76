"""One cap on polls for all waits of a client: exact, shared, fair."""

import contextlib
import json
import math
import os
import threading
import time

import pytest

from assistants_client import Client, ConfigurationError, Run, WaitTimeoutError
from assistants_client.waiting import Time
from assistants_client.waiting.rate_limiter import RateLimiter

RUN = Run(id="run_a", thread_id="thread_a", status="queued")
URL = "https://server.test/v1"


def test_without_a_cap_every_poll_may_go():
    """At once, however many."""
    limiter = RateLimiter()
    assert [limiter.try_acquire(limiter.queue(0), 0) for _ in range(100)] == [0.0] * 100


def test_polls_are_spaced():
    """Two in a second are never closer than half a second, also after a pause."""
    limiter = RateLimiter(2)
    assert limiter.try_acquire(limiter.queue(10), 10) == 0
    ticket = limiter.queue(10)
    assert limiter.try_acquire(ticket, 10) == pytest.approx(0.5)
    assert limiter.try_acquire(ticket, 10.25) == pytest.approx(0.25)
    assert limiter.try_acquire(ticket, 10.5) == 0
    assert limiter.try_acquire(limiter.queue(100), 100) == 0
    assert limiter.try_acquire(limiter.queue(100), 100) == pytest.approx(0.5)


def test_the_longest_due_goes_first():
    """Whoever asks first: the place in the line is by when the poll was due."""
    limiter = RateLimiter(1)
    assert limiter.try_acquire(limiter.queue(0), 0) == 0
    late, early = limiter.queue(0.9), limiter.queue(0.1)
    assert limiter.try_acquire(late, 1) == pytest.approx(1)
    assert limiter.try_acquire(early, 1) == 0
    assert limiter.try_acquire(late, 2) == 0


def test_who_leaves_makes_room():
    """A wait that ended holds up nobody."""
    limiter = RateLimiter(1)
    assert limiter.try_acquire(limiter.queue(0), 0) == 0
    first, second = limiter.queue(0), limiter.queue(0)
    limiter.cancel(first)
    limiter.cancel(first)
    assert limiter.try_acquire(second, 1) == 0


def test_a_clock_that_goes_back_adds_nothing():
    """It neither fills the bucket nor empties it."""
    limiter = RateLimiter(1)
    assert limiter.try_acquire(limiter.queue(50), 50) == 0
    assert limiter.try_acquire(limiter.queue(10), 10) == pytest.approx(1)


@pytest.mark.parametrize("value", [0, -1, math.nan, "5", True, [1]])
def test_a_cap_is_a_number_above_zero(clean_environment, value):
    """Anything else is refused where the client is made."""
    with pytest.raises(ConfigurationError, match=r"^max_polls_per_second: "):
        Client(URL, max_polls_per_second=value)


def test_every_way_to_make_a_client_takes_a_cap(wire, clock):
    """And its light copies share it."""
    made = [
        Client(URL, max_polls_per_second=2),
        Client.foundry("https://r.services.ai.azure.com/api/projects/p", lambda: "token"),
        Client.azure("https://r.openai.azure.com", api_version="v", api_key="k"),
    ]
    assert made[0]._waiter.rate_limiter.per_second == 2
    assert made[0].with_options(timeout=5)._waiter.rate_limiter is made[0]._waiter.rate_limiter
    assert [one._waiter.rate_limiter.per_second for one in made[1:]] == [math.inf, math.inf]


def capped(clock, per_second):
    """A client with a cap, on the test's clock."""
    client = Client(URL, max_polls_per_second=per_second)
    client._waiter.clock = Time(clock.now, clock.sleep)
    return client


def test_a_wait_keeps_to_the_cap(wire, clock, clean_environment):
    """Its own delays were shorter."""
    asked = []
    wire.get(
        f"{URL}/threads/thread_a/runs/run_a",
        json={"id": "run_a", "thread_id": "thread_a", "status": "queued"},
    )
    client = capped(clock, 0.5)
    with pytest.raises(WaitTimeoutError):
        client.wait_for_run(
            RUN, backoff=0.1, timeout=9, on_poll=lambda _: asked.append(clock.now())
        )
    assert [at - 1000 for at in asked] == pytest.approx([0, 2, 4, 6, 8])
    assert clock.now() == pytest.approx(1009)


def test_a_wait_for_its_turn_ends_with_the_deadline(wire, clock, clean_environment):
    """Nothing is sent any more, and the place is given up."""
    client = capped(clock, 0.1)
    assert (
        client._waiter.rate_limiter.try_acquire(client._waiter.rate_limiter.queue(1000), 1000) == 0
    )
    with pytest.raises(WaitTimeoutError, match="no poll succeeded"):
        client.wait_for_run(thread_id="t", run_id="r", timeout=3)
    assert clock.now() == 1003
    assert client._waiter.rate_limiter._queue == []


def test_threads_share_one_cap(serve, http_answer, clean_environment):
    """Ten waits in ten threads, and one for many: together within the cap, and all served."""
    moments = []
    body = {"id": "run_a", "thread_id": "thread_a", "status": "queued"}

    def reply(connection):
        moments.append(time.monotonic())
        connection.sendall(http_answer(body))

    client = Client(serve(reply).url, max_polls_per_second=40)
    polls = [0] * 11

    def wait(number):
        def seen(run):
            polls[number] += 1

        many = [("thread_a", f"run_{n}") for n in range(10)]
        with contextlib.suppress(WaitTimeoutError):
            if number:
                client.wait_for_run(RUN, backoff=0.01, timeout=2, on_poll=seen)
            else:
                list(client.wait_for_runs(many, backoff=0.01, timeout=2, on_poll=seen))

    threads = [threading.Thread(target=wait, args=(n,)) for n in range(11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    # Eleven may be on their way at once, so the server sees that many bunched at most.
    assert len(moments) <= 40 * (moments[-1] - moments[0]) + 12
    assert len(moments) >= 40
    assert min(polls[1:]) >= 2
    # Ten runs in one thread have as much of it as ten threads, not a tenth.
    assert polls[0] >= 3 * max(polls[1:])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_is_held_up_by_nobody(monkeypatch):
    """The threads that stood in line, or held the lock, are not in the child."""
    limiter = RateLimiter(1)
    limiter.queue(0)
    limiter._lock.acquire()
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert limiter.try_acquire(limiter.queue(5), 5) == 0


def test_a_stream_that_goes_on_by_polling_keeps_to_the_cap(wire, clock, clean_environment):
    """Resuming is one wait among the client's."""
    run = {"id": "run_a", "thread_id": "thread_a", "status": "in_progress"}
    events = "event: thread.run.in_progress\ndata: " + json.dumps(run) + "\n\n"
    runs = f"{URL}/threads/thread_a/runs"
    wire.post(runs, body=events, content_type="text/event-stream")
    for status in ("in_progress", "in_progress", "completed"):
        wire.get(f"{runs}/run_a", json={**run, "status": status})
    for rest in (f"{runs}/run_a/steps", f"{URL}/threads/thread_a/messages"):
        wire.get(rest, json={"data": [], "has_more": False})
    client = capped(clock, 0.1)
    begun = clock.now()
    with client.runs.stream("thread_a", assistant_id="asst_1") as stream:
        list(stream)
    assert stream.run.status == "completed"
    assert clock.now() - begun == pytest.approx(20)
