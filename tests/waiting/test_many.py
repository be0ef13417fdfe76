"""Many runs at once: order, fairness, faults, ends and options, on a clock that only tests move."""

import itertools
import math
import threading
import time

import pytest

from assistants_client import (
    APIConnectionError,
    ConfigurationError,
    ConstantBackoff,
    NotFoundError,
    RateLimitError,
    Run,
    RunError,
    RunFailedError,
    WaitTimeoutError,
)
from assistants_client.waiting import Time


def runs_of(count):
    """Runs that have just been started."""
    return [Run(id=f"run_{n}", thread_id=f"thread_{n}", status="queued") for n in range(count)]


@pytest.fixture
def server(client, clock, monkeypatch):
    """Makes the client read runs from scripts, one for each id; the last answer repeats.

    An answer is a status, one with headers, or an error; what was asked, and when, is listed.
    """
    client._waiter.clock = Time(clock.now, clock.sleep)
    begun = clock.now()
    asked = []

    def play(scripts):
        ahead = {
            name: itertools.chain(script, itertools.repeat(script[-1]))
            for name, script in scripts.items()
        }

        def answer(thread_id, run_id):
            asked.append((run_id, round(clock.now() - begun, 6)))
            now = next(ahead[run_id])
            if callable(now):
                now = now()
            if isinstance(now, Exception):
                raise now
            status, headers = now if isinstance(now, tuple) else (now, {})
            return Run(id=run_id, thread_id=thread_id, status=status), headers

        monkeypatch.setattr(client._run_calls, "poll", answer)
        return asked

    return play


def test_runs_come_as_they_finish(client, clock, server):
    """The quickest first, whatever the order they were given in; each once."""
    server(
        {
            "run_0": ["queued", "queued", "queued", "completed"],
            "run_1": ["queued", "completed"],
            "run_2": ["queued", "queued", "completed"],
        }
    )
    found = [(run.id, clock.now() - 1000) for run in client.wait_for_runs(runs_of(3), backoff=1)]
    assert found == [("run_1", 1), ("run_2", 2), ("run_0", 3)]


def test_nothing_is_sent_before_the_first_is_asked_for(client, server):
    """The call alone only looks at its arguments."""
    asked = server({"run_0": ["completed"]})
    coming = client.wait_for_runs(runs_of(1))
    assert asked == []
    assert next(coming).status == "completed"
    assert list(coming) == []


def test_no_runs_are_no_wait(client, server):
    """Nothing comes, and nothing is asked."""
    asked = server({})
    assert list(client.wait_for_runs([])) == asked == []


def test_final_runs_come_first_and_are_not_asked_again(client, server):
    """They cannot change any more."""
    asked = server({"run_0": ["completed"]})
    done = Run(id="run_9", thread_id="t", status="failed")
    assert [run.id for run in client.wait_for_runs([*runs_of(1), done])] == ["run_9", "run_0"]
    assert [name for name, _ in asked] == ["run_0"]


def test_a_run_that_required_action_is_asked_again(client, server):
    """Its outputs may have been submitted since; one that still does ends its wait."""
    server({"run_0": ["requires_action"]})
    waiting = Run(id="run_0", thread_id="t", status="requires_action")
    assert [run.status for run in client.wait_for_runs([waiting])] == ["requires_action"]


def test_a_run_given_twice_comes_once(client, server):
    """Whether as itself or by its ids; the form that is final is believed."""
    asked = server({"run_0": ["completed"], "run_1": ["completed"]})
    one, other = runs_of(2)
    final = Run(id="run_1", thread_id="thread_1", status="completed")
    given = [one, ("thread_0", "run_0"), one, other, final]
    assert sorted(run.id for run in client.wait_for_runs(given)) == ["run_0", "run_1"]
    assert [name for name, _ in asked] == ["run_0"]


def test_every_kind_of_input(client, server):
    """Pairs of ids, a generator, a mixture."""
    server({f"run_{n}": ["completed"] for n in range(3)})
    pairs = [(run.thread_id, run.id) for run in runs_of(3)]
    assert len(list(client.wait_for_runs(pairs))) == 3
    assert len(list(client.wait_for_runs(run for run in runs_of(3)))) == 3
    assert len(list(client.wait_for_runs([*runs_of(1), *pairs]))) == 3


@pytest.mark.parametrize(
    "runs",
    [
        Run(id="run_0", thread_id="t"),
        ["run_0"],
        [("t", "")],
        [("t", "r", "x")],
        [Run(id="run_0")],
        [None],
        [("t", 5)],
    ],
    ids=repr,
)
def test_what_is_no_run_is_refused_at_once(client, runs):
    """Before anything is sent, and before anything is iterated."""
    with pytest.raises(ConfigurationError, match=r"^runs: "):
        client.wait_for_runs(runs)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("timeout", None),
        ("timeout", -1),
        ("timeout", math.nan),
        ("backoff", "5"),
        ("stalled_after", 0),
        ("stalled_after", "5"),
        ("parallel_polls", 0),
        ("parallel_polls", 1.5),
        ("parallel_polls", True),
    ],
)
def test_options_are_checked_at_once(client, option, value):
    """The message names the option."""
    with pytest.raises(ConfigurationError, match=rf"^{option}: "):
        client.wait_for_runs(runs_of(1), **{option: value})


def test_each_runs_own_hint_is_followed(client, server):
    """A server's wish for one run moves no other."""
    hint = {"openai-poll-after-ms": "5000"}
    asked = server(
        {
            "run_0": [("queued", hint), ("queued", {}), "completed"],
            "run_1": ["queued", "queued", "queued", "completed"],
        }
    )
    list(client.wait_for_runs(runs_of(2), backoff=1))
    assert [at for name, at in asked if name == "run_0"] == [0, 5, 6]
    assert [at for name, at in asked if name == "run_1"] == [0, 1, 2, 3]


def test_each_runs_own_polls_drive_its_backoff(client, server):
    """The backoff gets that run's count and the time since its wait began."""
    got = []

    def mine(polls, elapsed):
        got.append((polls, elapsed))
        return 2 * polls

    server({"run_0": ["queued", "queued", "completed"], "run_1": ["queued", "completed"]})
    list(client.wait_for_runs(runs_of(2), backoff=mine))
    assert got == [(1, 0), (1, 0), (2, 2)]


def test_the_clients_own_backoff_is_the_default(client, clock, server):
    """As in wait_for_run."""
    client._waiter.backoff = ConstantBackoff(7)
    server({"run_0": ["queued", "completed"]})
    list(client.wait_for_runs(runs_of(1)))
    assert clock.waits == [7]


def test_passing_faults_are_survived(client, clock, server):
    """A broken connection, a 429 with a pause: the run is asked again, the others as before."""
    asked = server(
        {
            "run_0": [
                APIConnectionError("broken"),
                RateLimitError("x", status_code=429, retry_after=4.0),
                "completed",
            ],
            "run_1": ["queued"] * 3 + ["completed"],
        }
    )
    found = [run.id for run in client.wait_for_runs(runs_of(2), backoff=1)]
    assert found == ["run_1", "run_0"]
    assert [at for name, at in asked if name == "run_0"] == [0, 1, 5]


def test_a_failed_run_is_yielded_like_others(client, server):
    """By default nothing is raised: look at the status."""
    server({"run_0": ["failed"], "run_1": ["completed"], "run_2": ["expired"]})
    found = [run.status for run in client.wait_for_runs(runs_of(3))]
    assert found == ["failed", "completed", "expired"]


def test_check_raises_when_all_others_were_yielded(client, server):
    """The first failure's error comes last, and no run is lost."""
    server({"run_0": ["failed"], "run_1": ["queued", "completed"], "run_2": ["expired"]})
    found = []
    with pytest.raises(RunFailedError, match="run_0") as caught:
        found.extend(run.id for run in client.wait_for_runs(runs_of(3), check=True, backoff=1))
    assert isinstance(caught.value, RunError)
    for run in client.wait_for_runs(runs_of(3)[1:2], check=True):
        assert run.status == "completed"


def test_a_run_that_cannot_be_read_loses_no_other(client, server):
    """A 404 is asked once, and raised when the others are through."""
    asked = server(
        {"run_0": [NotFoundError("gone", status_code=404)], "run_1": ["queued", "completed"]}
    )
    coming = client.wait_for_runs(runs_of(2), backoff=1)
    assert next(coming).id == "run_1"
    with pytest.raises(NotFoundError):
        next(coming)
    assert [name for name, _ in asked].count("run_0") == 1


def test_a_stalled_run_loses_no_other(client, server):
    """It is given up after its time, and named in the error."""
    server({"run_0": ["in_progress"], "run_1": ["queued", "in_progress"] * 9 + ["completed"]})
    coming = client.wait_for_runs(runs_of(2), backoff=1, stalled_after=5)
    assert next(coming).id == "run_1"
    with pytest.raises(WaitTimeoutError, match=r"run_0 .*stalled_after"):
        next(coming)


def test_the_deadline_holds_for_all_together(client, clock, server):
    """What finished in time has been yielded; the error says how many did not."""
    server({"run_0": ["completed"], "run_1": ["queued"], "run_2": ["queued"]})
    coming = client.wait_for_runs(runs_of(3), timeout=10, backoff=3)
    begun = clock.now()
    assert next(coming).id == "run_0"
    with pytest.raises(WaitTimeoutError, match=r"^2 of 3 runs .*run_1 .*'queued'") as caught:
        next(coming)
    assert caught.value.run.id == "run_1"
    assert clock.now() - begun == 10


def test_what_the_caller_does_meanwhile_does_not_count(client, clock, server):
    """Ten minutes of work between two runs take nothing from the time for waiting."""
    server({"run_0": ["completed"], "run_1": ["queued", "completed"]})
    found = []
    for run in client.wait_for_runs(runs_of(2), timeout=5, backoff=1):
        found.append(run.id)
        clock.seconds += 600
    assert found == ["run_0", "run_1"]


def test_no_time_is_no_poll(client, server):
    """A timeout of 0 yields what is final already, and ends."""
    asked = server({"run_0": ["completed"]})
    done = Run(id="d", thread_id="t", status="completed")
    coming = client.wait_for_runs([*runs_of(1), done], timeout=0)
    assert next(coming) is done
    with pytest.raises(WaitTimeoutError):
        next(coming)
    assert asked == []


def test_on_poll_sees_every_answer(client, server):
    """Of all runs, in the caller's thread; what it raises comes through at once."""
    server({"run_0": ["queued", "completed"], "run_1": ["completed"]})
    seen = []
    list(client.wait_for_runs(runs_of(2), backoff=1, on_poll=seen.append))
    assert [(run.id, run.status) for run in seen] == [
        ("run_0", "queued"),
        ("run_1", "completed"),
        ("run_0", "completed"),
    ]
    with pytest.raises(ZeroDivisionError):
        list(client.wait_for_runs(runs_of(2), on_poll=lambda run: 1 / 0))


def test_a_bug_in_the_backoff_comes_through(client, server):
    """It is the caller's, and no fault of one run."""
    server({"run_0": ["queued"]})
    with pytest.raises(ConfigurationError, match="returned"):
        list(client.wait_for_runs(runs_of(1), backoff=lambda polls, elapsed: -1))


def test_the_one_due_longest_is_asked_first(client, clock, server):
    """Under a cap every run has its turn before any has its second."""
    client._waiter.rate_limiter.per_second = 1.0
    asked = server({f"run_{n}": ["queued", "queued", "completed"] for n in range(20)})
    list(client.wait_for_runs(runs_of(20), backoff=1))
    names = [name for name, _ in asked]
    for turn in range(3):
        assert sorted(names[turn * 20 : turn * 20 + 20]) == sorted(f"run_{n}" for n in range(20))
    times = [at for _, at in asked]
    assert all(later - earlier >= 0.999 for earlier, later in itertools.pairwise(times))
    assert times[-1] < 61


def test_leaving_early_ends_the_thread(client, server):
    """Breaking out of the loop leaves nothing behind."""
    server({f"run_{n}": ["completed"] for n in range(5)})
    before = set(threading.enumerate())
    for _ in client.wait_for_runs(runs_of(5)):
        break
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


def test_a_poll_that_hangs_holds_up_no_other(client, server):
    """After a second the next is begun beside it; the late answer still counts."""
    client._waiter.clock = Time(time.monotonic, time.sleep)
    release = threading.Event()

    def hang():
        assert release.wait(30)
        return "completed"

    server({"run_0": [hang], "run_1": ["queued", "completed"], "run_2": ["completed"]})
    coming = client.wait_for_runs(runs_of(3), backoff=0.01, timeout=20)
    assert {next(coming).id, next(coming).id} == {"run_1", "run_2"}
    release.set()
    assert next(coming).id == "run_0"


def test_the_deadline_holds_while_a_poll_hangs(client, server):
    """The error comes in time, whatever the server does."""
    client._waiter.clock = Time(time.monotonic, time.sleep)
    release = threading.Event()
    server({"run_0": [lambda: release.wait(30) and "queued"]})
    begun = time.monotonic()
    with pytest.raises(WaitTimeoutError, match=r"run_0 was not finished within 0\.3 s"):
        list(client.wait_for_runs(runs_of(1), timeout=0.3))
    release.set()
    assert time.monotonic() - begun < 10


def test_polls_run_side_by_side_on_demand(client, server):
    """``parallel_polls`` of them, not one more."""
    client._waiter.clock = Time(time.monotonic, time.sleep)
    barrier = threading.Barrier(4)

    def together():
        barrier.wait(10)
        return "completed"

    server({f"run_{n}": [together] for n in range(8)})
    assert len(list(client.wait_for_runs(runs_of(8), parallel_polls=4, timeout=20))) == 8
    assert barrier.n_waiting == 0


@pytest.mark.parametrize("bug", [ZeroDivisionError("bug"), KeyboardInterrupt()], ids=repr)
def test_a_bug_comes_through_at_once(client, monkeypatch, bug):
    """What is no fault of a request is hidden by nothing."""

    def poll(thread_id, run_id):
        raise bug

    monkeypatch.setattr(client._run_calls, "poll", poll)
    with pytest.raises(type(bug)):
        list(client.wait_for_runs(runs_of(2)))


def test_an_impossible_id_loses_no_other_run(client, wire):
    """It is refused when the others are through."""
    url = "https://server.test/v1/threads/thread_0/runs/run_0"
    wire.get(url, json={"id": "run_0", "thread_id": "thread_0", "status": "completed"})
    coming = client.wait_for_runs([("..", "run_1"), *runs_of(1)])
    assert next(coming).id == "run_0"
    with pytest.raises(ConfigurationError, match="thread_id"):
        next(coming)


def test_what_hangs_is_bounded(client, server, monkeypatch):
    """A server that answers nothing any more gets no more than so many polls at once."""
    monkeypatch.setattr("assistants_client.waiting.many_runs.HANGS_AFTER", 0.01)
    monkeypatch.setattr("assistants_client.waiting.many_runs.MOST_HANGING", 3)
    client._waiter.clock = Time(time.monotonic, time.sleep)
    release = threading.Event()

    def hang():
        assert release.wait(30)
        return "completed"

    asked = server({f"run_{n}": [hang] for n in range(9)})
    with pytest.raises(WaitTimeoutError, match="9 of 9 runs"):
        list(client.wait_for_runs(runs_of(9), timeout=0.4))
    assert len(asked) == 3
    release.set()
