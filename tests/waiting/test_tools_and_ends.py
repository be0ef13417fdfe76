"""``wait_for_run`` answering tool calls, giving up and cancelling, as seen on the wire."""

import json
import re
import threading
import time

import pytest

from assistants_client import (
    BadRequestError,
    Client,
    ConfigurationError,
    InternalServerError,
    Run,
    RunError,
    RunFailedError,
    ToolError,
    WaitTimeoutError,
    tool,
)
from assistants_client._json.codec import encode
from assistants_client.waiting import Time

URL = "https://server.test/v1/threads/thread_a/runs/run_a"
RUN = Run(id="run_a", thread_id="thread_a", status="queued")


def called(name, number=1, /, **arguments):
    """A call that a model makes."""
    text = json.dumps(arguments)
    return {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": name, "arguments": text},
    }


def document(status, calls=(), **more):
    """A run as a server tells of it."""
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": list(calls)}}
    return {
        "id": "run_a",
        "thread_id": "thread_a",
        "status": status,
        "required_action": action if calls else None,
        **more,
    }


class Server:
    """Tells of one run what it was told to, the last answer again and again."""

    def __init__(self, wire):
        self.ahead = []
        self.submitted = []
        self.cancels = 0
        self.on_submit = lambda: (200, {}, json.dumps(document("queued")))
        wire.add_callback("GET", re.compile(f"{URL}$"), self._poll)
        wire.add_callback("POST", f"{URL}/submit_tool_outputs", self._submit)
        wire.add_callback("POST", f"{URL}/cancel", self._cancel)

    def play(self, *answers):
        """What polls read: a status, or a run that makes these calls."""
        self.ahead = [
            document(one) if isinstance(one, str) else document("requires_action", one)
            for one in answers
        ]

    def _poll(self, request):
        now = self.ahead.pop(0) if len(self.ahead) > 1 else self.ahead[0]
        return 200, {}, json.dumps(now)

    def _submit(self, request):
        outputs = json.loads(request.body)["tool_outputs"]
        self.submitted.append({one["tool_call_id"]: one["output"] for one in outputs})
        return self.on_submit()

    def _cancel(self, request):
        self.cancels += 1
        return 200, {}, json.dumps(document("cancelling"))


@pytest.fixture
def server(wire, client, clock):
    """A server of one run, and a clock that only the client's pauses move."""
    client._waiter.clock = Time(clock.now, clock.sleep)
    return Server(wire)


def double(number: int) -> int:
    """Doubles a number."""
    return 2 * number


# --- tools ----------------------------------------------------------------------------------------


def test_tools_answer_and_the_wait_goes_on(client, server):
    """All outputs of an action in one request, through as many actions as come."""
    one, two = called("double", 1, number=4), called("double", 2, number=5)
    server.play("queued", [one, two], "in_progress", [called("double", 3, number=6)], "completed")
    run = client.wait_for_run(RUN, tools=[double], backoff=1)
    assert run.status == "completed"
    assert server.submitted == [{"call_1": "8", "call_2": "10"}, {"call_3": "12"}]


def test_without_tools_the_action_is_the_callers(client, server):
    """The run comes back as it waits."""
    server.play([called("double", number=4)])
    assert client.wait_for_run(RUN, backoff=1).status == "requires_action"
    assert client.wait_for_run(RUN, tools=[], backoff=1).tool_calls[0].id == "call_1"
    assert server.submitted == []


def test_an_error_is_reported_or_raised(client, server):
    """``on_tool_error`` decides."""

    def fail() -> None:
        raise LookupError("no such town")

    server.play([called("fail")], "completed")
    client.wait_for_run(RUN, tools=[fail], backoff=1)
    assert "no such town" in server.submitted[0]["call_1"]
    server.play([called("fail")])
    with pytest.raises(ToolError, match="no such town"):
        client.wait_for_run(RUN, tools=[fail], on_tool_error="raise", backoff=1)
    assert len(server.submitted) == 1


def test_one_of_five_parallel_calls_fails(client, server):
    """Five threads, five outputs, one request; the failure is one of them."""
    together = threading.Barrier(5)

    def work(number: int) -> int:
        together.wait(10)
        return 10 // number

    calls = [called("work", number, number=number) for number in range(5)]
    server.play(calls, "completed")
    client.wait_for_run(RUN, tools=[work], parallel_tools=5, backoff=1)
    [outputs] = server.submitted
    assert "ZeroDivisionError" in outputs.pop("call_0")
    assert outputs == {"call_1": "10", "call_2": "5", "call_3": "3", "call_4": "2"}


def test_approval_is_asked_before_each_call(client, server):
    """A refusal is an output that the model can read."""
    server.play([called("double", 1, number=4), called("double", 2, number=5)], "completed")
    asked = []

    def approve(call):
        asked.append(call.id)
        return "Not today." if call.id == "call_2" else True

    client.wait_for_run(RUN, tools=[double], approve=approve, backoff=1)
    assert asked == ["call_1", "call_2"]
    assert server.submitted == [{"call_1": "8", "call_2": "Not today."}]


@pytest.mark.parametrize("most", [0, 1, 3])
def test_rounds_are_bounded(client, server, most):
    """A model that calls for ever is left after ``max_tool_rounds`` answers; none is in vain."""
    ran = []

    def note(number: int) -> str:
        ran.append(number)
        return "noted"

    server.play(*([called("note", n, number=n)] for n in range(20)))
    with pytest.raises(
        RunError, match=f"^run run_a asked for tools more than {most} times"
    ) as told:
        client.wait_for_run(RUN, tools=[note], max_tool_rounds=most, backoff=1)
    assert told.value.run.status == "requires_action"
    assert ran == list(range(most))
    assert len(server.submitted) == most


def test_outputs_that_are_never_taken(client, server):
    """They are sent three times, and the function runs once; then the last refusal is told."""
    ran = []

    def note(number: int) -> str:
        ran.append(number)
        return "noted"

    server.on_submit = lambda: (500, {}, json.dumps({"error": {"message": "down"}}))
    server.play([called("note", number=1)])
    with pytest.raises(
        RunError, match=r"did not take the tool outputs of run run_a: .*down"
    ) as told:
        client.wait_for_run(RUN, tools=[note], max_tool_rounds=1, backoff=1)
    assert isinstance(told.value.__cause__, InternalServerError)
    assert ran == [1]
    assert len(server.submitted) == 3


def test_a_journal_answers_what_ran_before(client, server):
    """A second wait, after a crash before submission, calls no function again."""
    ran = []

    def note(number: int) -> str:
        ran.append(number)
        return f"noted {number}"

    journal = {}
    server.on_submit = lambda: (400, {}, json.dumps({"error": {"message": "crash"}}))
    server.play([called("note", number=1)])
    with pytest.raises(BadRequestError):
        client.wait_for_run(RUN, tools=[note], journal=journal, backoff=1)
    server.on_submit = lambda: (200, {}, json.dumps(document("queued")))
    server.play([called("note", number=1)], "completed")
    client.wait_for_run(RUN, tools=[note], journal=journal, backoff=1)
    assert ran == [1]
    assert server.submitted[0] == server.submitted[1] == {"call_1": "noted 1"}


def test_outputs_are_sent_again_when_nobody_knows_whether_they_came(client, server):
    """The function does not run again; the next poll tells."""
    ran = []

    def note(number: int) -> str:
        ran.append(number)
        return "noted"

    broken = [(500, {}, "{}"), (200, {}, json.dumps(document("queued")))]
    server.on_submit = lambda: broken.pop(0)
    server.play([called("note", number=1)], [called("note", number=1)], "completed")
    client.wait_for_run(RUN, tools=[note], backoff=1)
    assert ran == [1]
    assert len(server.submitted) == 2


def test_a_server_may_count_its_calls_anew(client, server):
    """The same id with other arguments is another call."""
    server.play([called("double", 1, number=4)], [called("double", 1, number=5)], "completed")
    client.wait_for_run(RUN, tools=[double], backoff=1)
    assert server.submitted == [{"call_1": "8"}, {"call_1": "10"}]


def test_the_same_call_in_a_second_round(client, server):
    """A server that took the output and asks for the same again asks anew, as a poll of a state."""
    states = iter(["busy", "ready"])

    def state() -> str:
        return next(states)

    server.play([called("state")], [called("state")], "completed")
    client.wait_for_run(RUN, tools=[state], backoff=1)
    assert server.submitted == [{"call_1": "busy"}, {"call_1": "ready"}]


# --- the deadline ---------------------------------------------------------------------------------


def test_a_tool_that_outlives_the_deadline_is_still_answered_for(client, clock, server):
    """Its output is sent, for it may have cost something; then the time is up."""

    def slow() -> str:
        clock.seconds += 50
        return "done"

    server.play([called("slow")])
    with pytest.raises(WaitTimeoutError, match="within 10 s"):
        client.wait_for_run(RUN, tools=[slow], timeout=10, backoff=1)
    assert server.submitted == [{"call_1": "done"}]


def test_the_deadline_covers_the_submission(serve, http_answer, clean_environment):
    """A server that hangs when outputs come holds nobody beyond the timeout."""

    def script(connection):
        if b"submit_tool_outputs" in hanging.requests[-1].split(b"\r\n")[0]:
            hanging.pause(30)
        else:
            connection.sendall(
                http_answer(document("requires_action", [called("double", number=1)]))
            )

    hanging = serve(script)
    with Client(hanging.url) as client:
        begun = time.monotonic()
        with pytest.raises(WaitTimeoutError, match="within 1 s"):
            client.wait_for_run(RUN, tools=[double], timeout=1)
        assert time.monotonic() - begun < 10


def test_cancelling_is_bounded_as_well(serve, http_answer, clean_environment, monkeypatch):
    """A server that hangs at the cancellation is left after the time promised for it."""
    monkeypatch.setattr("assistants_client.waiting.polling.CANCEL_SECONDS", 0.5)

    def script(connection):
        if b"/cancel" in hanging.requests[-1].split(b"\r\n")[0]:
            hanging.pause(30)
        else:
            connection.sendall(http_answer(document("in_progress")))

    hanging = serve(script)
    with Client(hanging.url) as client:
        begun = time.monotonic()
        with pytest.raises(WaitTimeoutError):
            client.wait_for_run(RUN, timeout=0.3, cancel_on_timeout=True)
        assert time.monotonic() - begun < 10


def test_a_run_is_cancelled_when_the_time_is_up(client, clock, server):
    """The error carries the run as it ended."""
    server.play("in_progress", "in_progress", "cancelling", "cancelled")
    with pytest.raises(WaitTimeoutError, match="within 2 s") as caught:
        client.wait_for_run(RUN, timeout=2, backoff=1, cancel_on_timeout=True)
    assert server.cancels == 1
    assert caught.value.run.status == "cancelled"


def test_a_run_is_left_alone_unless_asked(client, server):
    """The time running out is no reason to cancel."""
    server.play("in_progress")
    with pytest.raises(WaitTimeoutError):
        client.wait_for_run(RUN, timeout=2, backoff=1)
    assert server.cancels == 0


def test_a_run_that_will_not_be_cancelled(client, clock, server):
    """Half a minute more, and the error carries what was seen last."""
    server.play("in_progress")
    begun = clock.now()
    with pytest.raises(WaitTimeoutError) as caught:
        client.wait_for_run(RUN, timeout=2, backoff=1, cancel_on_timeout=True)
    assert clock.now() - begun == 32
    assert caught.value.run.status == "in_progress"


# --- stalled --------------------------------------------------------------------------------------


def test_a_run_that_stands_still_is_given_up(client, clock, server):
    """Any change begins the count anew."""
    server.play("queued", "queued", "queued", "in_progress")
    begun = clock.now()
    with pytest.raises(WaitTimeoutError, match=r"'in_progress', unchanged, for 5 s") as caught:
        client.wait_for_run(RUN, backoff=1, stalled_after=5)
    assert clock.now() - begun == 3 + 5
    assert caught.value.run.status == "in_progress"


def test_a_stalled_run_is_not_cancelled(client, server):
    """Its time is not up, and it may yet go on."""
    server.play("in_progress")
    with pytest.raises(WaitTimeoutError, match="stalled_after") as caught:
        client.wait_for_run(RUN, backoff=1, stalled_after=5, cancel_on_timeout=True)
    assert server.cancels == 0
    assert caught.value.run.status == "in_progress"


@pytest.mark.parametrize("value", [0, -1, "5", True, float("nan")])
def test_stalled_after_is_a_number_of_seconds(client, value):
    """Anything else is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match=r"^stalled_after: "):
        client.wait_for_run(RUN, stalled_after=value)


def test_a_slow_tool_is_no_stalled_run(client, clock, server):
    """The run waited for us, not we for it."""

    def slow() -> str:
        clock.seconds += 60
        return "done"

    broken = [(500, {}, "{}"), (200, {}, json.dumps(document("queued")))]
    server.on_submit = lambda: broken.pop(0)
    server.play([called("slow")], [called("slow")], "completed")
    run = client.wait_for_run(RUN, tools=[slow], stalled_after=30, backoff=1)
    assert run.status == "completed"


# --- ask ------------------------------------------------------------------------------------------


@pytest.fixture
def asked(client, wire, server):
    """A server that takes a question, and whose run ends as a test says."""
    thread = "https://server.test/v1/threads/thread_a"
    described = {"type": "function", "function": tool(double).function}
    own = encode([{"type": "code_interpreter"}, described])
    wire.get("https://server.test/v1/assistants/asst_1", json={"id": "asst_1", "tools": own})
    wire.post(f"{thread}/messages", json={"id": "msg_1", "role": "user"})
    wire.post(f"{thread}/runs", json=document("queued"))
    text = {"type": "text", "text": {"value": "42", "annotations": []}}
    mine = {"id": "msg_2", "role": "assistant", "run_id": "run_a", "content": [text]}
    other = {"id": "msg_3", "role": "assistant", "run_id": "run_z", "content": [text]}
    wire.get(f"{thread}/messages", json={"data": [mine, other], "has_more": False})
    return server


def test_ask_answers_with_this_runs_messages(client, asked, wire):
    """The question goes with its run; what other runs said is left out."""
    asked.play([called("double", number=1)], "completed")
    reply = client.ask("thread_a", "What?", assistant_id="asst_1", tools=[double], backoff=1)
    assert reply.text == "42"
    assert [message.id for message in reply.messages] == ["msg_2"]
    assert asked.submitted == [{"call_1": "2"}]
    assert wire.calls[0].request.url.endswith("/assistants/asst_1")
    sent = json.loads(wire.calls[1].request.body)
    assert sent["additional_messages"] == [{"role": "user", "content": "What?"}]
    assert "tools" not in sent


def test_a_question_that_waits_goes_with_its_run(client, asked, wire):
    """Else two who ask at once would both have asked before the first is answered."""
    asked.play("completed")
    client.ask("thread_a", "What?", assistant_id="asst_1", on_active_run="wait", backoff=1)

    assert wire.calls[0].request.url.endswith("/threads/thread_a/runs")
    sent = json.loads(wire.calls[0].request.body)["additional_messages"]
    assert sent == [{"role": "user", "content": "What?"}]


def test_what_others_take_is_told(client):
    """Fields of a run are for runs.create, and tools for the wait for one run."""
    with pytest.raises(TypeError, match=r"^ask\(\) has no argument 'metadata'; runs\.create"):
        client.ask("thread_a", "What?", assistant_id="asst_1", metadata={})
    with pytest.raises(TypeError, match=r"^ask\(\) has no argument 'progress'; wait_for_run,"):
        client.ask("thread_a", "What?", assistant_id="asst_1", progress=True)
    with pytest.raises(
        TypeError, match=r"^wait_for_runs\(\) has no argument 'tools'; wait_for_run,"
    ):
        client.wait_for_runs([RUN], tools=[double])


def test_ask_raises_what_became_of_the_run(client, asked):
    """A failure, or a call that nobody answers."""
    asked.play("failed")
    with pytest.raises(RunFailedError):
        client.ask("thread_a", "What?", assistant_id="asst_1", backoff=1)
    described = {"type": "function", "function": {"name": "double"}}
    for tools, only in ((None, ""), ([described], ", only dict")):
        asked.play([called("double", number=1)])
        with pytest.raises(RunError) as caught:
            client.ask("thread_a", "What?", assistant_id="asst_1", tools=tools, backoff=1)
        assert str(caught.value) == (
            f"run {caught.value.run.id} waits for the outputs of double: wait_for_run(run, "
            "tools=[...]) or runs.submit_tool_outputs gives them (no function to call was "
            f"given{only}: tools=[...] takes functions themselves)"
        )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tools": "double"}, "tools"),
        ({"on_tool_error": "ignore"}, "on_tool_error"),
        ({"parallel_tools": 0}, "parallel_tools"),
        ({"max_tool_rounds": "ten"}, "max_tool_rounds"),
        ({"max_tool_rounds": -1}, "max_tool_rounds"),
        ({"timeout": None}, "timeout"),
        ({"backoff": "slow"}, "backoff"),
    ],
    ids=repr,
)
def test_a_mistake_in_a_call_leaves_no_run_behind(client, wire, wrong, words):
    """Nothing is sent: neither a question, nor a run that would wait for its tools."""
    with pytest.raises(ConfigurationError, match=words):
        client.ask("thread_a", "What?", assistant_id="asst_1", **wrong)
    with pytest.raises(ConfigurationError, match=words):
        client.wait_for_run(RUN, **wrong)
    assert len(wire.calls) == 0
