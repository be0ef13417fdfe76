"""``on_active_run`` on messages and runs: what is done about a thread that a run has locked."""

import pickle

import pytest

from assistants_client import BadRequestError, InvalidRequestError, ThreadLockedError

MESSAGE_LOCK = "Can't add messages to t while a run run_1 is active."
RUN_LOCK = "Thread t already has an active run run_1."
RUN = "/threads/t/runs/run_1"


def message(client, **options):
    """Adds a message."""
    return client.messages.create("t", "hi", **options)


def run(client, **options):
    """Starts a run."""
    return client.runs.create("t", assistant_id="a", **options)


@pytest.fixture(params=[(message, MESSAGE_LOCK), (run, RUN_LOCK)], ids=["message", "run"])
def create(request, server):
    """One of the two calls, and a server that refuses it a number of times before it takes it."""
    call, text = request.param
    path = f"/threads/t/{call.__name__}s"
    error = {"message": text, "type": "invalid_request_error", "param": None, "code": None}

    def prepare(refusals, text=None):
        for _ in range(refusals):
            body = {"error": {**error, "message": text or error["message"]}}
            server.answers("POST", path, body, status=400)
        server.answers("POST", path, {"id": "new", "thread_id": "t", "status": "queued"})
        return call

    return prepare


def status(*names):
    """The run with each of these statuses."""
    return [{"id": "run_1", "thread_id": "t", "status": name} for name in names]


def advice(error):
    """What the message says last, in brackets."""
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    return str(error).rpartition(". (")[2].removesuffix(")")


def gets(server):
    """How often the run was read."""
    return server.sent.count(("GET", RUN))


def test_raise_is_the_default(client, server, create):
    """The error names the run; nothing else is sent."""
    call = create(1)

    with pytest.raises(ThreadLockedError) as caught:
        call(client)

    assert caught.value.run_id == "run_1"
    assert len(server.sent) == 1


def test_wait_sends_it_again_when_the_run_has_ended(timed_client, server, clock, create):
    """However it ended; in between the run is read with pauses."""
    call = create(1)
    server.answers("GET", RUN, *status("in_progress", "in_progress", "failed"))

    made = call(timed_client, on_active_run="wait")

    assert made.id == "new"
    assert gets(server) == 3
    assert len(clock.waits) == 2
    assert [method for method, _ in server.sent] == ["POST", "GET", "GET", "GET", "POST"]


def test_cancel_cancels_and_waits_for_the_end(timed_client, server, create):
    """A cancelled run holds its thread until it is cancelled indeed."""
    call = create(1)
    server.answers("POST", RUN + "/cancel", *status("cancelling"))
    server.answers("GET", RUN, *status("requires_action", "cancelling", "cancelled"))

    assert call(timed_client, on_active_run="cancel").id == "new"

    assert server.sent.count(("POST", RUN + "/cancel")) == 1
    assert gets(server) == 3


def test_cancel_of_a_run_that_has_just_ended(timed_client, server, create):
    """The refusal of the cancellation is no error: the run is over."""
    call = create(1)
    server.answers("POST", RUN + "/cancel", {"error": {"message": "over"}}, status=400)
    server.answers("GET", RUN, *status("completed"))

    assert call(timed_client, on_active_run="cancel").id == "new"


def test_waiting_does_not_help_a_run_that_waits_for_its_caller(timed_client, server, create):
    """Its outputs are the caller's to give, so the lock is told at once."""
    call = create(1)
    call_of = {"id": "call_1", "type": "function", "function": {"name": "refund"}}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call_of] * 2}}
    [waiting] = status("requires_action")
    server.answers("GET", RUN, {**waiting, "required_action": action})

    with pytest.raises(ThreadLockedError) as caught:
        call(timed_client, on_active_run="wait")

    assert gets(server) == 1
    assert advice(caught.value) == (
        "it waits for the outputs of refund: wait_for_run(run, tools=[...]) or "
        'runs.submit_tool_outputs gives them; on_active_run="cancel" ends it'
    )


@pytest.mark.parametrize("policy", ["wait", "cancel"])
def test_a_lock_that_outlives_its_run_for_a_while(timed_client, server, clock, create, policy):
    """A server that frees the thread a little late is asked again, with growing pauses."""
    call = create(4)
    server.answers("POST", RUN + "/cancel", *status("cancelling"))
    server.answers("GET", RUN, *status("cancelled"))

    assert call(timed_client, on_active_run=policy).id == "new"

    assert clock.waits == [0.5, 1, 2]


@pytest.mark.parametrize("policy", ["wait", "cancel"])
def test_a_lock_that_never_goes_ends_in_its_error(timed_client, server, clock, create, policy):
    """A thread that a dead run has locked for ever does not hold the caller for ever."""
    call = create(100)
    server.answers("POST", RUN + "/cancel", *status("cancelling"))
    server.answers("GET", RUN, *status("cancelled"))

    with pytest.raises(ThreadLockedError) as caught:
        call(timed_client, on_active_run=policy)

    assert advice(caught.value) == "that run has ended, and the lock stays"
    assert len(server.sent) < 20
    assert sum(clock.waits) < 10


@pytest.mark.parametrize("policy", ["wait", "cancel"])
def test_other_runs_of_a_busy_thread_are_waited_for_too(timed_client, server, policy):
    """Each is another run, so each is a reason of its own to go on."""
    for number in range(8):
        text = f"Thread t already has an active run run_{number}."
        server.answers("POST", "/threads/t/runs", {"error": {"message": text}}, status=400)
        path = f"/threads/t/runs/run_{number}"
        server.answers("POST", f"{path}/cancel", {"id": "x", "status": "cancelling"})
        server.answers("GET", path, {"id": "x", "status": "completed"})
    server.answers("POST", "/threads/t/runs", {"id": "new"})

    assert run(timed_client, on_active_run=policy).id == "new"


def test_a_refusal_of_another_kind_is_raised(client, server):
    """Only a lock is waited for."""
    server.answers("POST", "/threads/t/runs", {"error": {"message": "no"}}, status=400)

    with pytest.raises(BadRequestError, match="no"):
        run(client, on_active_run="wait")

    assert len(server.sent) == 1


@pytest.mark.parametrize("policy", ["later", "", None, True])
def test_an_unknown_policy_is_refused(client, server, policy):
    """Nothing is sent."""
    with pytest.raises(InvalidRequestError, match="on_active_run"):
        message(client, on_active_run=policy)
    assert server.sent == []


def test_the_policy_is_not_sent(client, server):
    """It is between the caller and this client."""
    server.answers("POST", "/threads/t/messages", {"id": "m"})

    message(client, on_active_run="cancel")

    assert server.bodies == [{"role": "user", "content": "hi"}]
