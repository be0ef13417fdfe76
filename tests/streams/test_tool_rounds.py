"""Tool rounds within one loop: by hand, with functions, and where submitting goes wrong."""

import pytest
from stream_kit import (
    BEGUN,
    CALL,
    DONE,
    ENDED,
    asks,
    calls,
    chunked,
    follow,
    json_answer,
    page,
    run,
    said,
    sse,
    step,
)

from assistants_client import (
    BadRequestError,
    ConfigurationError,
    InvalidRequestError,
    RunError,
    StreamInterruptedError,
    WaitTimeoutError,
    tool,
)
from assistants_client.models.events import Done, RunRequiresAction
from assistants_client.models.run_requests import ToolOutput

SECOND = {**CALL, "id": "call_2", "function": {"name": "add", "arguments": '{"a":2}'}}


def leg(*events):
    """One request's answer."""
    return chunked(b"".join(sse(*event) for event in events) + DONE)


def asking(*entries):
    """Events that end with the calls."""
    return [
        ("thread.run.step.created", step(1, "in_progress", calls())),
        ("thread.run.requires_action", asks(*entries)),
    ]


RESUMED = [("thread.run.queued", run("queued")), ("thread.run.in_progress", run("in_progress"))]
FIRST_LEG = leg(*BEGUN, *asking(CALL))
SECOND_LEG = leg(*RESUMED, *asking(SECOND))
LAST_LEG = leg(*RESUMED, *said(2, "done"), *ENDED)
OUTPUT = [{"tool_call_id": "call_1", "output": "3"}]


def by_hand(stream, rounds):
    """Answers each call with its own arguments; lists in ``rounds`` what was asked."""
    with stream:
        for event in stream:
            if isinstance(event, RunRequiresAction):
                rounds.append([call.id for call in event.run.tool_calls])
                stream.submit_tool_outputs(
                    [
                        ToolOutput(tool_call_id=c.id, output=c.function.arguments)
                        for c in event.run.tool_calls
                    ]
                )
            yield event


def submitted(server):
    """The outputs of each request after the first."""
    return [
        body["tool_outputs"] for path, body in server.posts if path.endswith("/submit_tool_outputs")
    ]


@pytest.fixture
def stream(client):
    """Makes a stream."""
    return lambda **options: client.runs.stream("thread_1", assistant_id="asst_1", **options)


def test_two_rounds_by_hand_in_one_loop(server, stream):
    """The loop goes on with the events that follow the outputs."""
    server.scripts = [FIRST_LEG, SECOND_LEG, LAST_LEG]
    rounds = []
    events = list(by_hand(stream(), rounds))
    assert rounds == [["call_1"], ["call_2"]]
    assert submitted(server) == [
        [{"tool_call_id": "call_1", "output": '{"a":1}'}],
        [{"tool_call_id": "call_2", "output": '{"a":2}'}],
    ]
    assert events.count(Done()) == 1
    assert events[-1] == Done()
    assert all(body["stream"] is True for _, body in server.posts)


def test_two_rounds_with_functions(server, stream):
    """Functions given as ``tools`` are called, and the text comes through one loop."""
    asked = []

    @tool
    def add(a: int) -> int:
        """Adds.

        Args:
            a: A number.
        """
        asked.append(a)
        return a + 1

    server.scripts = [FIRST_LEG, SECOND_LEG, LAST_LEG]
    assert "".join(stream(tools=[add]).text()) == "done"
    assert asked == [1, 2]
    assert [entry["output"] for [entry] in submitted(server)] == ["2", "3"]


def test_more_rounds_by_hand_than_functions_may_have(server, stream):
    """``max_tool_rounds`` is about functions; who answers by hand may count himself."""
    server.scripts = [FIRST_LEG, *[SECOND_LEG] * 3, LAST_LEG]
    rounds = []
    assert list(by_hand(stream(max_tool_rounds=1), rounds))[-1] == Done()
    assert len(rounds) == 4


def test_too_many_rounds_of_functions(server, stream):
    """The run is left waiting, and said to be."""

    @tool
    def add(a: int) -> int:
        """Adds."""
        return a

    server.scripts = [FIRST_LEG, *[SECOND_LEG] * 3]
    followed = stream(tools=[add], max_tool_rounds=2)
    with pytest.raises(RunError, match="more than 2 times") as caught:
        list(followed)
    assert caught.value.run.status == "requires_action"
    assert len(submitted(server)) == 2


def test_functions_are_not_called_when_no_round_is_allowed(server, stream):
    """Nothing takes effect whose output would not be sent; without functions there is no round."""
    asked = []

    def add(a: int) -> int:
        """Adds."""
        asked.append(a)
        return a

    server.scripts = [FIRST_LEG, FIRST_LEG]
    with pytest.raises(RunError, match="more than 0 times"):
        list(stream(tools=[add], max_tool_rounds=0))
    assert asked == submitted(server) == []
    assert list(stream(max_tool_rounds=0))[-1] == Done()


def test_a_plain_function_is_sent_as_its_schema_and_called(server, stream):
    """As ``wait_for_run`` and ``ask`` take it; tools that are no functions stay beside it."""
    asked = []

    def add(a: int) -> int:
        """Adds."""
        asked.append(a)
        return a + 1

    server.scripts = [FIRST_LEG, LAST_LEG]
    assert "".join(stream(tools=[add, {"type": "code_interpreter"}]).text()) == "done"
    [function, interpreter] = server.posts[0][1]["tools"]
    assert (function["type"], function["function"]["name"]) == ("function", "add")
    assert function["function"]["parameters"]["properties"] == {"a": {"type": "integer"}}
    assert interpreter == {"type": "code_interpreter"}
    assert asked == [1]


def test_a_plain_function_answers_what_follows_outputs(server, client):
    """Also where a stream begins with them; the tools are not sent there."""

    def add(a: int) -> int:
        """Adds."""
        return a + 1

    server.scripts = [SECOND_LEG, LAST_LEG]
    stream = client.runs.submit_tool_outputs_stream("thread_1", "run_1", OUTPUT, tools=[add])
    assert "".join(stream.text()) == "done"
    assert submitted(server) == [OUTPUT, [{"tool_call_id": "call_2", "output": "3"}]]
    assert "tools" not in server.posts[0][1]


def test_functions_that_cannot_be_tools(server, stream):
    """That is said before there is a run."""

    def add(a):
        return a

    with pytest.raises(ConfigurationError, match="'a' has no annotation"):
        stream(tools=[add])
    with pytest.raises(ConfigurationError, match=r"tools\[1\]: there is another tool called"):
        stream(tools=[len_of, len_of])
    assert server.posts == []


def len_of(text: str) -> int:
    """Counts."""
    return len(text)


@pytest.mark.parametrize(
    "wrong", [{"on_tool_error": "no"}, {"parallel_tools": 0}, {"max_tool_rounds": "ten"}], ids=repr
)
def test_tools_that_cannot_be_called_so(stream, wrong):
    """That is said before there is a run."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        stream(**wrong)


def test_nobody_answers(server, stream):
    """The stream ends where the run waits; ``text()`` raises."""
    server.scripts = [FIRST_LEG, FIRST_LEG]
    followed = stream()
    *_, last, done = followed
    assert (type(last), done) == (RunRequiresAction, Done())
    assert followed.run.status == "requires_action"
    with pytest.raises(
        RunError, match=r"waits for the outputs of add: .*no function to call was given"
    ):
        list(stream().text())


def test_no_outputs_at_all_are_an_answer_too(server, stream):
    """An empty list is submitted, not taken for no answer."""
    server.scripts = [leg(*BEGUN, *asking()), LAST_LEG]
    with stream() as followed:
        for event in followed:
            if isinstance(event, RunRequiresAction):
                followed.submit_tool_outputs([])
    assert submitted(server) == [[]]
    assert followed.run.status == "completed"


def test_outputs_at_the_wrong_time(server, stream):
    """Before, between and after the calls there is nothing to answer."""
    server.scripts = [FIRST_LEG]
    followed = stream()
    with pytest.raises(InvalidRequestError, match="not known yet"):
        followed.submit_tool_outputs(OUTPUT)
    next(followed)
    with pytest.raises(InvalidRequestError, match="'queued'"):
        followed.submit_tool_outputs(OUTPUT)
    list(followed)
    with pytest.raises(InvalidRequestError, match="is over"):
        followed.submit_tool_outputs(OUTPUT)


def test_outputs_that_are_refused(server, stream):
    """The server's refusal is raised, and nothing is sent again."""
    server.scripts = [FIRST_LEG, json_answer({"error": {"message": "no such call"}}, 400)]
    rounds = []
    with pytest.raises(BadRequestError, match="no such call"):
        list(by_hand(stream(), rounds))
    assert len(submitted(server)) == 1


def still_asking(server, times):
    """The run asks for the same calls at so many looks, and is completed then."""
    answers = [asks(CALL)] * times

    def look():
        return json_answer(answers.pop() if answers else ENDED[0][1])

    server.lookups = [(r"/runs/run_1$", look), (r"/steps$", page([])), (r"/messages$", page([]))]


@pytest.mark.parametrize(
    "lost",
    [None, chunked(b"")[:-5], json_answer({"error": {"message": "down"}}, 500)],
    ids=["reset", "cut_at_once", "server_error"],
)
def test_outputs_are_sent_again_if_the_run_still_asks(server, stream, lost):
    """The connection broke before the server took them; the caller is not asked again."""
    server.scripts = [FIRST_LEG, lost, lost, LAST_LEG]
    still_asking(server, times=2)
    rounds = []
    events = list(by_hand(stream(), rounds))
    assert rounds == [["call_1"]]
    assert submitted(server) == [[{"tool_call_id": "call_1", "output": '{"a":1}'}]] * 3
    assert events[-1] == Done()


@pytest.mark.parametrize("lost", [None, chunked(b"")[:-5]], ids=["reset", "cut_at_once"])
def test_outputs_are_not_sent_again_if_the_run_went_on(server, stream, lost):
    """The server took them, only its answer was lost: the run is followed by polling."""
    server.scripts = [FIRST_LEG, lost]
    still_asking(server, times=0)
    rounds = []
    events = list(by_hand(stream(), rounds))
    assert rounds == [["call_1"]]
    assert len(submitted(server)) == 1
    assert events[-1] == Done()


def test_functions_are_not_called_again_when_outputs_are_lost(server, stream):
    """What was computed is sent again, not computed again."""
    asked = []

    @tool
    def add(a: int) -> int:
        """Adds."""
        asked.append(a)
        return a

    server.scripts = [FIRST_LEG, None, LAST_LEG]
    still_asking(server, times=1)
    assert list(stream(tools=[add]))[-1] == Done()
    assert asked == [1]
    assert len(submitted(server)) == 2


def test_other_calls_after_a_lost_answer_are_a_new_round(server, stream):
    """The server took the outputs, and asks for more already."""
    server.scripts = [FIRST_LEG, None, LAST_LEG]
    server.lookups = [
        (r"/runs/run_1$", json_answer(asks(SECOND))),
        (r"/steps$", page([])),
        (r"/messages$", page([])),
    ]
    rounds = []
    list(by_hand(stream(), rounds))
    assert rounds == [["call_1"], ["call_2"]]
    assert [[entry["tool_call_id"] for entry in outputs] for outputs in submitted(server)] == [
        ["call_1"],
        ["call_2"],
    ]


def test_the_same_call_in_a_second_round(server, stream):
    """A server that numbers its calls anew each round asks anew; old outputs do not answer it."""
    again = leg(*RESUMED, *asking(CALL))
    server.scripts = [FIRST_LEG, again, LAST_LEG]
    rounds = []
    list(by_hand(stream(), rounds))
    assert rounds == [["call_1"], ["call_1"]]
    assert len(submitted(server)) == 2


def test_the_same_call_in_a_second_round_without_streams(server, stream):
    """Nor where the server answers with JSON: it took the outputs by answering."""
    looks = [asks(CALL), ENDED[0][1]]
    server.scripts = [FIRST_LEG, json_answer(run("queued")), json_answer(run("queued"))]
    server.lookups = [
        (r"/runs/run_1$", lambda: json_answer(looks.pop(0))),
        (r"/steps$", page([])),
        (r"/messages$", page([])),
    ]
    rounds = []
    list(by_hand(stream(), rounds))
    assert rounds == [["call_1"], ["call_1"]]
    assert len(submitted(server)) == 2


def test_outputs_that_are_never_taken(server, stream):
    """After some tries the stream is given up, with all that is known."""
    server.scripts = [FIRST_LEG, None, None, None]
    still_asking(server, times=9)
    with pytest.raises(StreamInterruptedError, match="did not take the tool outputs") as caught:
        list(by_hand(stream(), []))
    assert caught.value.run.status == "requires_action"
    assert isinstance(caught.value.events[-1], RunRequiresAction)
    assert len(submitted(server)) == 3


def test_the_server_is_gone_when_outputs_are_submitted(server, client, monkeypatch):
    """When waiting for it is given up, so is the stream, with everything so far."""

    def given_up(*_, **__):
        raise WaitTimeoutError("the server is gone")

    monkeypatch.setattr("assistants_client.waiting.polling.wait_for_run", given_up)
    server.scripts = [FIRST_LEG, None]
    started = client.runs.stream("thread_1", assistant_id="asst_1")
    events, error = follow(started)
    assert isinstance(error, StreamInterruptedError)
    assert error.events == events
    assert error.run == started.run
    assert isinstance(error.__cause__, WaitTimeoutError)


def test_without_resume_a_lost_answer_is_an_interruption(server, stream):
    """Nothing is looked up and nothing sent again."""
    server.scripts = [FIRST_LEG, None]
    with pytest.raises(StreamInterruptedError):
        list(by_hand(stream(resume=False), []))
    assert len(submitted(server)) == 1
    assert server.gets == []


def test_a_stream_that_begins_with_outputs(server, client):
    """``submit_tool_outputs_stream`` follows what comes of them, further rounds too."""
    server.scripts = [SECOND_LEG, LAST_LEG]
    rounds = []
    started = client.runs.submit_tool_outputs_stream("thread_1", "run_1", OUTPUT)
    events = list(by_hand(started, rounds))
    assert rounds == [["call_2"]]
    assert events[-1] == Done()
    assert len(submitted(server)) == 2


def test_a_stream_that_makes_its_thread(server, client):
    """``stream_thread_and_run`` tells of the thread first; outputs go to it."""
    made = ("thread.created", {"id": "thread_1", "object": "thread"})
    server.scripts = [leg(made, *BEGUN, *asking(CALL)), LAST_LEG]
    events = list(by_hand(client.runs.stream_thread_and_run(assistant_id="asst_1"), []))
    assert events[0].thread.id == "thread_1"
    assert [path.partition("/v1")[2] for path, _ in server.posts] == [
        "/threads/runs",
        "/threads/thread_1/runs/run_1/submit_tool_outputs",
    ]
