"""``on_active_run``: what happens when a run holds the thread's lock."""

import pytest

from assistants_client import InvalidRequestError, ThreadLockedError
from assistants_client.waiting import Time

BASE = "https://server.test/v1/threads/t"
LOCKED = {"error": {"message": "Thread t already has an active run run_9."}}


@pytest.fixture
def calls(client, clock, wire):
    """The methods and paths of what was sent."""
    client._waiter.clock = Time(clock.now, clock.sleep)
    return lambda: [(c.request.method, c.request.url.removeprefix(BASE)) for c in wire.calls]


def run(status):
    """The run that holds the thread."""
    return {"id": "run_9", "thread_id": "t", "status": status}


@pytest.mark.parametrize("policy", [None, "raise"])
def test_the_refusal_comes_through(client, wire, calls, policy):
    """Unless something else is wished."""
    wire.post(f"{BASE}/messages", status=400, json=LOCKED)
    fields = {} if policy is None else {"on_active_run": policy}
    with pytest.raises(ThreadLockedError):
        client.messages.create("t", "Hi", **fields)
    assert calls() == [("POST", "/messages")]


def test_wait_waits_for_the_run_and_tries_again(client, wire, calls):
    """Whatever its end, the thread is free."""
    wire.post(f"{BASE}/runs", status=400, json=LOCKED)
    wire.post(f"{BASE}/runs", json={"id": "run_10"})
    wire.get(f"{BASE}/runs/run_9", json=run("in_progress"))
    wire.get(f"{BASE}/runs/run_9", json=run("failed"))
    assert client.runs.create("t", assistant_id="a", on_active_run="wait").id == "run_10"
    poll = ("GET", "/runs/run_9")
    assert calls() == [("POST", "/runs"), poll, poll, ("POST", "/runs")]


def test_cancel_cancels_the_run_first(client, wire, calls):
    """Also where it has ended meanwhile."""
    wire.post(f"{BASE}/messages", status=400, json=LOCKED)
    wire.post(f"{BASE}/messages", json={"id": "msg_1"})
    wire.post(f"{BASE}/runs/run_9/cancel", status=400, json={"error": {"message": "Cannot."}})
    wire.get(f"{BASE}/runs/run_9", json=run("completed"))
    assert client.messages.create("t", "Hi", on_active_run="cancel").id == "msg_1"
    assert calls()[1] == ("POST", "/runs/run_9/cancel")


def test_a_run_that_waits_for_its_caller_is_not_waited_for(client, wire, calls):
    """It would not end by itself."""
    wire.post(f"{BASE}/messages", status=400, json=LOCKED)
    wire.get(f"{BASE}/runs/run_9", json=run("requires_action"))
    with pytest.raises(ThreadLockedError):
        client.messages.create("t", "Hi", on_active_run="wait")


@pytest.mark.parametrize("policy", ["later", None, 5])
def test_another_policy_is_refused(client, wire, policy):
    """Before anything is sent."""
    with pytest.raises(InvalidRequestError, match="on_active_run"):
        client.messages.create("t", "Hi", on_active_run=policy)
    assert len(wire.calls) == 0
