"""Waiting for runs: the list of waits, every end, faults on the way, and the deadline."""

import itertools
import math
import time

import pytest
from thorough import amount

from assistants_client import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    Client,
    ConfigurationError,
    ConstantBackoff,
    ExponentialBackoff,
    InternalServerError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
    Run,
    RunCancelledError,
    RunError,
    RunExpiredError,
    RunFailedError,
    RunIncompleteError,
    Thread,
    WaitTimeoutError,
)
from assistants_client.models.endings import IncompleteDetails, LastError
from assistants_client.waiting import Time

RUN = Run(id="run_a", thread_id="thread_a", status="queued")


@pytest.fixture
def poll(client, clock, monkeypatch):
    """Makes the client read runs from a script: a status, a run, headers with one, or an error."""
    client._waiter.clock = Time(clock.now, clock.sleep)
    asked = []

    def script(*answers, takes=0.0):
        ahead = itertools.chain(answers, itertools.repeat(answers[-1]))

        def answer(thread_id, run_id):
            asked.append((thread_id, run_id))
            clock.seconds += takes
            now = next(ahead)
            if isinstance(now, Exception):
                raise now
            status, headers = now if isinstance(now, tuple) else (now, {})
            run = status if isinstance(status, Run) else Run(id=run_id, status=status)
            run.thread_id = thread_id
            return run, headers

        monkeypatch.setattr(client._run_calls, "poll", answer, raising=False)
        return asked

    return script


def test_a_run_is_polled_until_it_is_completed(client, clock, poll):
    """At once, then after each delay of the backoff; not once more."""
    asked = poll("queued", "in_progress", "in_progress", "completed")
    run = client.wait_for_run(RUN, backoff=ExponentialBackoff(1, factor=2, maximum=60))
    assert run.status == "completed"
    assert clock.waits == [1, 2, 4]
    assert asked == [("thread_a", "run_a")] * 4


@pytest.mark.parametrize("backoff", [3, 3.0, ConstantBackoff(3), lambda polls, elapsed: 3])
def test_every_form_of_backoff(client, clock, poll, backoff):
    """A number, one of ours, or any callable."""
    poll("queued", "queued", "completed")
    client.wait_for_run(RUN, backoff=backoff)
    assert clock.waits == [3, 3]


def test_a_backoff_gets_polls_and_seconds(client, clock, poll):
    """How often was asked, and how long ago the wait began, answers included."""
    got = []

    def mine(polls, elapsed):
        got.append((polls, elapsed))
        return 1

    poll("queued", "queued", "queued", "completed", takes=0.5)
    client.wait_for_run(RUN, backoff=mine)
    assert got == [(1, 0.5), (2, 2.0), (3, 3.5)]


def test_the_default_backoff_starts_quickly(client, clock, poll):
    """A quarter of a second first, never above the maximum with its jitter."""
    poll("queued")
    with pytest.raises(WaitTimeoutError):
        client.wait_for_run(RUN, timeout=600)
    assert 0.2 < clock.waits[0] < 0.3
    assert max(clock.waits) <= 5.5
    assert len(clock.waits) < 200


def test_the_backoff_of_the_client_is_the_default(wire, clock, monkeypatch):
    """What the constructor got is used where the call names none."""
    url = "https://server.test/v1/threads/thread_a/runs/run_a"
    for status in ("queued", "completed"):
        wire.get(url, json={"id": "run_a", "thread_id": "thread_a", "status": status})
    with Client("https://server.test/v1", backoff=7) as client:
        client._waiter.clock = Time(clock.now, clock.sleep)
        client.wait_for_run(RUN)
    assert clock.waits == [7]


ENDS = [
    ("failed", RunFailedError),
    ("cancelled", RunCancelledError),
    ("expired", RunExpiredError),
    ("incomplete", RunIncompleteError),
]


@pytest.mark.parametrize(("status", "cls"), ENDS)
def test_each_other_end_has_its_error(client, clock, poll, status, cls):
    """The error carries the run."""
    poll("in_progress", status)
    with pytest.raises(cls) as caught:
        client.wait_for_run(RUN, backoff=1)
    assert type(caught.value) is cls
    assert isinstance(caught.value, RunError)
    assert caught.value.run.status == status
    for words in ("run_a", "thread_a", status):
        assert words in str(caught.value)


@pytest.mark.parametrize(("status", "cls"), ENDS)
def test_unchecked_ends_are_answered(client, clock, poll, status, cls):
    """``check=False`` gives the run back instead."""
    poll("in_progress", status)
    assert client.wait_for_run(RUN, backoff=1, check=False).status == status


def test_the_error_says_why(client, poll):
    """last_error and the reason of an incomplete run stand in the message."""
    poll(Run(id="r", status="failed", last_error=LastError(code="server_error", message="boom")))
    with pytest.raises(RunFailedError, match="server_error: boom"):
        client.wait_for_run(RUN)
    details = IncompleteDetails(reason="max_completion_tokens")
    poll(Run(id="r", status="incomplete", incomplete_details=details))
    with pytest.raises(RunIncompleteError, match="max_completion_tokens"):
        client.wait_for_run(RUN)
    poll(Run(id="r", status="incomplete", incomplete_details=IncompleteDetails()))
    with pytest.raises(RunIncompleteError):
        client.wait_for_run(RUN)


@pytest.mark.parametrize("check", [True, False])
def test_required_action_ends_the_wait(client, clock, poll, check):
    """The caller's turn is no error."""
    poll("queued", "requires_action")
    assert client.wait_for_run(RUN, backoff=1, check=check).status == "requires_action"
    assert clock.waits == [1]


def test_a_final_run_is_not_asked_again(client, clock, poll):
    """It cannot change any more."""
    asked = poll("queued")
    done = Run(id="run_a", thread_id="thread_a", status="completed")
    assert client.wait_for_run(done) is done
    failed = Run(id="run_a", thread_id="thread_a", status="failed")
    with pytest.raises(RunFailedError):
        client.wait_for_run(failed)
    assert client.wait_for_run(failed, check=False) is failed
    assert asked == clock.waits == []


def test_a_run_that_required_action_is_asked_again(client, poll):
    """Its outputs may have been submitted since."""
    asked = poll("completed")
    waiting = Run(id="run_a", thread_id="thread_a", status="requires_action")
    assert client.wait_for_run(waiting).status == "completed"
    assert len(asked) == 1


@pytest.mark.parametrize("status", ["paused", "", "cancelling", "Completed"])
def test_an_unknown_status_is_waited_on(client, clock, poll, status):
    """Neither a crash nor an early return: the deadline ends it."""
    poll(status)
    with pytest.raises(WaitTimeoutError) as caught:
        client.wait_for_run(RUN, timeout=10, backoff=3)
    assert clock.waits == [3, 3, 3, 1]
    assert caught.value.run.status == status
    assert repr(status) in str(caught.value)


def test_an_unknown_status_may_still_become_final(client, poll):
    """It is one more state on the way."""
    poll("paused", "completed")
    assert client.wait_for_run(RUN, backoff=1).status == "completed"


def test_the_timeout_bounds_the_whole_wait(client, clock, poll):
    """Polls count as well as pauses, and the last pause is cut to fit."""
    poll("in_progress", takes=2)
    begun = clock.now()
    with pytest.raises(TimeoutError, match=r"run_a was not finished within 10 s; it was 'in_prog"):
        client.wait_for_run(RUN, timeout=10, backoff=3)
    assert clock.now() - begun == 10
    assert clock.waits == [3, 3]


def test_no_time_is_no_poll(client, poll):
    """A timeout of 0 ends at once; the run as given is in the error."""
    with pytest.raises(WaitTimeoutError) as caught:
        client.wait_for_run(RUN, timeout=0)
    assert caught.value.run is RUN
    with pytest.raises(WaitTimeoutError, match="no poll succeeded") as caught:
        client.wait_for_run(thread_id="thread_a", run_id="run_a", timeout=0)
    assert caught.value.run is None


def test_the_servers_hint_is_read_anew_on_every_answer(client, clock, poll):
    """It wins over the backoff while it is there, and only then."""
    hint = "openai-poll-after-ms"
    poll(
        ("queued", {hint: "1500"}),
        ("queued", {hint: "250"}),
        ("queued", {}),
        ("queued", {hint: "soon"}),
        ("queued", {hint: "-5"}),
        ("queued", {hint: "0"}),
        ("queued", {hint: "nan"}),
        ("queued", {hint: "3600000"}),
        "completed",
    )
    client.wait_for_run(RUN, backoff=9)
    assert clock.waits == [1.5, 0.25, 9, 9, 9, 9, 9, 60]


def test_the_engines_own_hint_comes_first(client, clock, poll):
    """It has a name of its own; both are read anew each time."""
    own, common = "assistants-poll-after-ms", "openai-poll-after-ms"
    poll(
        ("queued", {own: "20", common: "500"}),
        ("queued", {own: "40"}),
        ("queued", {common: "500"}),
        "completed",
    )
    client.wait_for_run(RUN, backoff=9)
    assert clock.waits == [0.02, 0.04, 0.5]


def test_hints_come_from_the_wire(client, wire, clock):
    """The header's case does not matter."""
    url = "https://server.test/v1/threads/thread_a/runs/run_a"
    wire.get(url, json={"id": "r", "status": "queued"}, headers={"OpenAI-Poll-After-MS": "4000"})
    wire.get(url, json={"id": "r", "status": "completed"})
    client._waiter.clock = Time(clock.now, clock.sleep)
    client.wait_for_run(RUN)
    assert clock.waits == [4]


FAULTS = [
    APIConnectionError("broken"),
    APITimeoutError("late"),
    RateLimitError("slow down", status_code=429),
    InternalServerError("boom", status_code=500),
    InternalServerError("overloaded", status_code=529),
    APIStatusError("timeout", status_code=408),
    APIStatusError("conflict", status_code=409),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.args[0])
def test_a_passing_fault_does_not_end_the_wait(client, clock, poll, fault):
    """The next poll may well succeed."""
    poll("queued", fault, fault, "completed")
    assert client.wait_for_run(RUN, backoff=2).status == "completed"
    assert clock.waits == [2, 2, 2]


@pytest.mark.parametrize(("retry_after", "wait"), [(7.5, 7.5), (None, 2), (0.0, 2), (3600.0, 60)])
def test_a_fault_may_ask_for_a_pause(client, clock, poll, retry_after, wait):
    """``retry-after`` is followed within bounds; one of 0 does not make us ask without a pause."""
    poll(RateLimitError("x", status_code=429, retry_after=retry_after), "completed")
    client.wait_for_run(RUN, backoff=2)
    assert clock.waits == [wait]


@pytest.mark.parametrize(
    "fault",
    [
        NotFoundError("gone", status_code=404),
        AuthenticationError("who", status_code=401),
        APIStatusError("moved", status_code=302),
        InvalidRequestError("no id"),
        ZeroDivisionError("a bug"),
        KeyboardInterrupt(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_what_waiting_cannot_cure_ends_it(client, clock, poll, fault):
    """The error comes through as it is, at once."""
    asked = poll(Run(id="r", status="queued"))

    def answer(thread_id, run_id):
        asked.append(1)
        raise fault

    client._run_calls.poll = answer
    with pytest.raises(type(fault)):
        client.wait_for_run(RUN, backoff=2)
    assert len(asked) == 1
    assert clock.waits == []


def test_the_last_fault_is_told_when_the_time_is_up(client, poll):
    """Also as the cause."""
    poll("queued", InternalServerError("boom", status_code=500))
    with pytest.raises(WaitTimeoutError, match=r"'queued' when last seen.*boom") as caught:
        client.wait_for_run(RUN, timeout=5, backoff=2)
    assert isinstance(caught.value.__cause__, InternalServerError)
    assert caught.value.run.status == "queued"


def test_a_fault_that_passed_is_not_told(client, poll):
    """Only what was last."""
    poll(InternalServerError("boom", status_code=500), "queued")
    with pytest.raises(WaitTimeoutError) as caught:
        client.wait_for_run(RUN, timeout=5, backoff=2)
    assert "boom" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_on_poll_sees_every_answer(client, poll):
    """The last one included, faults not."""
    seen = []
    poll("queued", FAULTS[0], "in_progress", "completed")
    client.wait_for_run(RUN, backoff=1, on_poll=lambda run: seen.append(run.status))
    assert seen == ["queued", "in_progress", "completed"]


def test_on_poll_may_end_the_wait(client, poll):
    """What it raises comes through."""
    poll("queued")
    with pytest.raises(ZeroDivisionError):
        client.wait_for_run(RUN, on_poll=lambda run: 1 / 0)


def test_a_run_can_be_waited_for_by_its_ids(client, poll):
    """For instance in another process than the one that made it."""
    asked = poll("completed")
    assert client.wait_for_run(thread_id="t", run_id="r").status == "completed"
    assert asked == [("t", "r")]


@pytest.mark.parametrize(
    ("args", "ids"),
    [
        ((), {}),
        ((), {"thread_id": "t"}),
        ((), {"run_id": "r"}),
        ((RUN,), {"thread_id": "t"}),
        ((RUN,), {"run_id": "r"}),
        ((RUN,), {"thread_id": "t", "run_id": "r"}),
        (("run_1",), {}),
        ((Thread(id="t"),), {}),
    ],
)
def test_a_run_or_its_ids(client, args, ids):
    """Both, half of them, or something else is a mistake."""
    with pytest.raises(ConfigurationError, match=r"^run: "):
        client.wait_for_run(*args, **ids)


@pytest.mark.parametrize("timeout", [None, -1, math.nan, True, "5", (1, 2)])
def test_a_timeout_is_a_number_of_seconds(client, timeout):
    """No timeout is spelled inf."""
    with pytest.raises(ConfigurationError, match=r"^timeout: .*float\('inf'\)"):
        client.wait_for_run(RUN, timeout=timeout)


@pytest.mark.parametrize("backoff", ["5", [1], -1, math.nan, True, lambda p, e: -1])
def test_a_backoff_is_seconds_or_a_callable(client, poll, backoff):
    """What it answers is checked as well."""
    poll("queued")
    with pytest.raises(ConfigurationError, match=r"^backoff: "):
        client.wait_for_run(RUN, backoff=backoff)


@pytest.mark.parametrize(
    ("name", "value"), [("timeout", "x"), ("backoff", "x"), ("stalled_after", 0), ("tools", 3)]
)
def test_arguments_are_checked_for_a_run_that_has_ended_too(client, name, value):
    """A mistake does not hide until a run takes its time."""
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        client.wait_for_run(Run(id="r", thread_id="t", status="completed"), **{name: value})


@pytest.mark.parametrize("answer", [None, "1", math.nan, True, -0.5])
def test_a_backoff_must_answer_seconds(client, poll, answer):
    """Nothing else can be slept."""
    poll("queued")
    with pytest.raises(ConfigurationError, match=r"^backoff: returned "):
        client.wait_for_run(RUN, backoff=lambda polls, elapsed: answer)


def test_an_endless_wait_ends_with_its_run(client, clock, poll):
    """``inf`` sets no bound."""
    poll(*["queued"] * 1000, "completed")
    assert client.wait_for_run(RUN, timeout=math.inf, backoff=3600).status == "completed"
    assert clock.waits == [3600] * 1000


# --- in real time ------------------------------------------------------------------------------


def never(server):
    """Reads the request and says nothing."""
    return lambda connection: server().pause(30)


def drip(server, opening):
    """Sends a byte every 50 ms, so that no read ever times out."""

    def send(connection):
        connection.sendall(opening)
        while server().pause(0.05):
            connection.sendall(b" ")

    return send


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


@pytest.mark.parametrize(
    ("kind", "timeout"),
    [
        ("never", 0.5),
        ("never", 2),
        ("drip the body", 0.5),
        ("drip the body", 2),
        ("drip the head", 0.5),
        ("stall", 0.5),
    ],
)
def test_the_deadline_holds_in_real_time(serve, kind, timeout):
    """Whether the server is silent, stalls or drips, the wait ends within 0.2 s of its timeout.

    Other tests beside this one make a try late, and none early: then one of three must be in time.
    """
    script = {
        "never": never(lambda: server),
        "drip the body": drip(lambda: server, HEAD + b'{"id": "run_a"'),
        "drip the head": drip(lambda: server, b"HTTP/1.1 200 OK\r\nX: "),
        "stall": lambda connection: (connection.sendall(HEAD + b"{"), server.pause(30)),
    }[kind]
    server = serve(script)
    for tries in range(1, amount(3, 1) + 1):
        with Client(server.url) as client:
            begun = time.monotonic()
            with pytest.raises(WaitTimeoutError) as caught:
                client.wait_for_run(RUN, timeout=timeout)
            took = time.monotonic() - begun
        assert caught.value.run is RUN
        assert len(server.requests) == tries
        assert took >= timeout
        if took < timeout + 0.2:
            break
    assert took < timeout + 0.2


def test_a_late_answer_is_not_waited_for(serve, http_answer):
    """The first poll answers, the second hangs: the error has what the first one said."""
    first = http_answer({"id": "run_a", "thread_id": "thread_a", "status": "in_progress"})
    server = serve(first, never(lambda: server))
    with Client(server.url) as client, pytest.raises(WaitTimeoutError) as caught:
        client.wait_for_run(RUN, timeout=0.5, backoff=0.05)
    assert caught.value.run.status == "in_progress"


def test_an_answer_that_breaks_off_does_not_end_the_wait(serve, http_answer):
    """One poll cut short is one poll lost."""
    run = {"id": "run_a", "thread_id": "thread_a", "status": "completed"}
    whole = http_answer(run)
    server = serve(whole[:-5], whole[:-5], whole[:-5], whole[:-5], b"", whole)
    with Client(server.url, retries=0) as client:
        assert client.wait_for_run(RUN, timeout=5, backoff=0.01).status == "completed"
    assert len(server.requests) == 6
