"""What a stream tells, and in which order, for each way in which a run can go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from stream_bench import FUNCTION, INTERPRETER, Gate, StreamBench, in_background, told

from assistants_client._http.sse import ServerSentEvent
from assistants_client.engine import (
    CODE_INTERPRETER,
    Finish,
    LanguageModelError,
    Script,
    ToolCallDelta,
    call,
)
from assistants_client.engine.services._base import Caller
from assistants_client.errors import APIResponseError, StreamError
from assistants_client.streaming.event_decoder import read_event

START = ["run.created queued", "run.queued queued", "run.in_progress in_progress"]
STEP = ["run.step.created in_progress", "run.step.in_progress in_progress"]
MESSAGE = [*STEP, "message.created in_progress", "message.in_progress in_progress", "message.delta"]
WHOLE = [*MESSAGE, "message.completed completed", "run.step.completed completed"]
CALLS = [*STEP, "run.step.delta"]
END = ["run.completed completed", "done"]
CODE = call(CODE_INTERPRETER, code="print(1)\nprint(1 + 1)")


@pytest.fixture
def benches() -> Iterator[Any]:
    """Makes benches, and closes them."""
    made: list[StreamBench] = []

    def make(*args: Any, **options: Any) -> StreamBench:
        made.append(StreamBench(*args, **options))
        return made[-1]

    yield make
    for bench in made:
        bench.close()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(["Hello there"], [*START, *WHOLE, *END], id="text"),
        pytest.param([[" ", "\n", "Hi"]], [*START, *WHOLE, *END], id="space before text"),
        pytest.param(
            [call("f", x=1)],
            [*START, *CALLS, "run.requires_action requires_action", "done"],
            id="function",
        ),
        pytest.param(
            [["I look", call("f")]],
            [*START, *WHOLE, *CALLS, "run.requires_action requires_action", "done"],
            id="text and function",
        ),
        pytest.param(
            [CODE, "It is 2"],
            [*START, *CALLS, "run.step.completed completed", *WHOLE, *END],
            id="code",
        ),
        pytest.param(
            [[CODE, call("f")]],
            [*START, *CALLS, "run.requires_action requires_action", "done"],
            id="code and function",
        ),
        pytest.param(
            [CODE, ["Once more", CODE], "It is 2"],
            [
                *START,
                *CALLS,
                "run.step.completed completed",
                *WHOLE,
                *CALLS,
                "run.step.completed completed",
                *WHOLE,
                *END,
            ],
            id="messages and tools in turn",
        ),
        pytest.param(
            [call("g"), "Sorry"],
            [*START, *CALLS, "run.step.completed completed", *WHOLE, *END],
            id="a function that there is not",
        ),
        pytest.param(
            [LanguageModelError("down")], [*START, "run.failed failed", "done"], id="failed"
        ),
        pytest.param(
            [["Hello", RuntimeError("secret")]],
            [
                *START,
                *MESSAGE,
                "message.incomplete incomplete",
                "run.step.failed failed",
                "run.failed failed",
                "done",
            ],
            id="failed while writing",
        ),
        pytest.param(
            [["Hel", Finish(reason="length")]],
            [
                *START,
                *MESSAGE,
                "message.incomplete incomplete",
                "run.step.completed completed",
                "run.incomplete incomplete",
                "done",
            ],
            id="cut short",
        ),
        pytest.param(
            [[call("f"), Finish(reason="length")]],
            [*START, "run.incomplete incomplete", "done"],
            id="a call cut short",
        ),
    ],
)
def test_the_order(benches: Any, script: list[Script], expected: list[str]) -> None:
    """Each run tells exactly these events; afterwards nobody follows it."""
    bench = benches(script)
    assert bench.run(FUNCTION, INTERPRETER).rest() == expected
    assert bench.engine._app._handlers(Caller())[1]._context.events._subscriptions == {}


def test_a_thread_and_its_run(benches: Any) -> None:
    """The combined call tells of the thread first."""
    bench = benches(["Hello"])
    stream = bench.open(
        "/threads/runs", {"assistant_id": bench.assistant(), "instructions": "Greet."}
    )
    assert stream.rest() == ["created", *START, *WHOLE, *END]
    thread = stream.seen[0][1]
    assert thread.pop("tool_resources") == {"code_interpreter": {"file_ids": []}}
    stored = bench.send("GET", f"/threads/{thread['id']}")
    assert {"tool_resources": {}, **thread} == stored


def test_tool_rounds(benches: Any) -> None:
    """Outputs complete the old step first; then the run is queued again; and so on."""
    bench = benches([call("f"), [call("f"), call("f")], "Done"])
    stream = bench.run(FUNCTION)
    stream.rest()
    legs = []
    for _ in range(2):
        calls = stream.last_run["required_action"]["submit_tool_outputs"]["tool_calls"]
        outputs = [{"tool_call_id": c["id"], "output": "7"} for c in calls]
        path = f"{stream.run_path}/submit_tool_outputs"
        stream = bench.open(path, {"tool_outputs": outputs})
        legs.append(stream.rest())
    again = ["run.step.completed completed", "run.queued queued", "run.in_progress in_progress"]
    assert legs[0] == [*again, *CALLS, "run.requires_action requires_action", "done"]
    assert legs[1] == [*again, *WHOLE, *END]
    [step] = [d for n, d in stream.seen if n == "thread.run.step.completed"][:1]
    assert [c["function"]["output"] for c in step["step_details"]["tool_calls"]] == ["7", "7"]


def test_cancelled_while_writing(benches: Any) -> None:
    """The message and its step end before the run does."""
    gate = Gate()
    bench = benches([["Hello", gate, " never told"]])
    stream = bench.run()
    stream.until("thread.message.delta")
    assert gate.reached.wait(10)
    bench.send("POST", f"{stream.run_path}/cancel")
    stream.until("thread.run.cancelling")
    gate.go.set()
    assert stream.rest() == [
        *START,
        *MESSAGE,
        "run.cancelling cancelling",
        "message.incomplete incomplete",
        "run.step.cancelled cancelled",
        "run.cancelled cancelled",
        "done",
    ]
    message = next(d for n, d in stream.seen if n == "thread.message.incomplete")
    assert message["content"][0]["text"]["value"] == "Hello"  # what was told is not lost


def test_expired_while_writing(benches: Any) -> None:
    """The model never comes back, and nobody but the reader looks at the run."""
    gate = Gate()
    bench = benches([["Hello", gate]])
    stream = bench.run()
    stream.until("thread.message.delta")
    bench.clock.move(601)
    assert stream.rest() == [
        *START,
        *MESSAGE,
        "message.incomplete incomplete",
        "run.step.expired expired",
        "run.expired expired",
        "done",
    ]
    gate.go.set()


@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_ended_in_the_queue(benches: Any, end: str) -> None:
    """A run that nobody has taken up yet ends all the same."""
    gate = Gate()
    bench = benches([gate, "never"], workers=1)
    first = bench.run()
    assert gate.reached.wait(10)
    stream = bench.run()
    stream.until("thread.run.queued")
    if end == "expired":
        bench.clock.move(601)
    else:
        bench.send("POST", f"{stream.run_path}/cancel")
    cancelling = ["run.cancelling cancelling"] if end == "cancelled" else []
    assert stream.rest() == [*START[:2], *cancelling, f"run.{end} {end}", "done"]
    gate.go.set()
    first.rest()


def test_the_thread_is_deleted(benches: Any) -> None:
    """The stream says so and ends; the client understands it."""
    gate = Gate()
    bench = benches([gate])
    stream = bench.run()
    assert gate.reached.wait(10)
    stream.until("thread.run.in_progress")
    bench.send("DELETE", stream.run_path.partition("/runs/")[0])
    assert stream.rest() == [*START, "error"]
    [error] = stream.seen[-1][1].values()
    assert "deleted" in error["message"]
    assert set(error) == {"message", "type", "param", "code"}
    with pytest.raises(StreamError, match="deleted"):
        read_event(ServerSentEvent("error", json.dumps(stream.seen[-1][1])))
    gate.go.set()


def test_the_engine_is_closed(benches: Any) -> None:
    """A stream that is open then breaks: its run goes on where the database is opened again."""
    gate = Gate()
    bench = benches([["Hello", gate]], close_seconds=0.05)
    stream = bench.run()
    stream.until("thread.message.delta")
    closing = in_background(bench.engine.close)
    with pytest.raises(APIResponseError, match="cut short"):
        stream.rest()
    assert told(stream.seen) == [*START, *MESSAGE]
    closing.join()
    gate.go.set()


# --- what the events hold -----------------------------------------------------------------------


def test_the_pieces_of_text(benches: Any) -> None:
    """The first piece shows that there are no annotations; together they are the whole text."""
    bench = benches([[" \n", "Hello there", ", you"]])
    stream = bench.run()
    stream.rest()
    deltas = [d for n, d in stream.seen if n == "thread.message.delta"]
    parts = [delta["delta"]["content"] for delta in deltas]
    assert parts[0] == [
        {"index": 0, "type": "text", "text": {"value": " \nHello", "annotations": []}}
    ]
    assert parts[1] == [{"index": 0, "type": "text", "text": {"value": " there"}}]
    [whole] = [d for n, d in stream.seen if n == "thread.message.completed"]
    assert {delta["id"] for delta in deltas} == {whole["id"]}
    assert {delta["object"] for delta in deltas} == {"thread.message.delta"}
    pieces = [part[0]["text"]["value"] for part in parts]
    assert "".join(pieces) == whole["content"][0]["text"]["value"] == " \nHello there, you"


def test_the_pieces_of_calls(benches: Any) -> None:
    """Each call is named first, then given its arguments or code, then the output it has."""
    pieces = [
        ToolCallDelta(index=0, id="c1", name="f", arguments='{"x"'),
        ToolCallDelta(index=0, arguments=": 1}"),
    ]
    bench = benches([[*pieces, CODE, call("g")]])
    stream = bench.run(FUNCTION, INTERPRETER)
    stream.rest()
    deltas = [d for n, d in stream.seen if n == "thread.run.step.delta"]
    assert {delta["object"] for delta in deltas} == {"thread.run.step.delta"}
    assert all(d["delta"]["step_details"]["type"] == "tool_calls" for d in deltas)
    given = [d["delta"]["step_details"]["tool_calls"] for d in deltas]
    unknown = given[9][0]["function"]["output"]
    assert unknown.startswith("There is no function 'g'")
    code, other = given[3][0]["id"], given[7][0]["id"]

    def function(index: int, **fields: object) -> list[dict[str, Any]]:
        return [{"index": index, "type": "function", "function": fields}]

    def interpreter(**fields: object) -> list[dict[str, Any]]:
        return [{"index": 1, "type": "code_interpreter", "code_interpreter": fields}]

    logs = [{"index": 0, "type": "logs", "logs": "1\n2\n"}]
    # All of a call comes before the next one: some readers take what comes later for another call.
    assert given == [
        [{**function(0, name="f", arguments="", output=None)[0], "id": "c1"}],
        function(0, arguments='{"x"'),
        function(0, arguments=": 1}"),
        [{**interpreter(input="", outputs=[])[0], "id": code}],
        interpreter(input="print(1)\n"),
        interpreter(input="print(1 + 1)"),
        interpreter(outputs=logs),
        [{**function(2, name="g", arguments="", output=None)[0], "id": other}],
        function(2, arguments="{}"),
        function(2, output=unknown),
    ]


def test_events_hold_what_a_get_would_answer(benches: Any) -> None:
    """While the model writes, and when all is over; but for the expiry of steps that are."""
    gate = Gate()
    bench = benches([CODE, ["It", gate, " is 2"]])
    stream = bench.run(INTERPRETER)
    stream.until("thread.message.delta")
    latest = {d["id"]: d for n, d in stream.seen if not n.endswith(".delta")}
    assert [bench.send("GET", path_of(d)) for d in latest.values()] == as_answered(latest)
    assert len(latest) == 4
    gate.go.set()
    stream.rest()
    latest = {d["id"]: d for n, d in stream.seen if not n.endswith(".delta") and d}
    assert [bench.send("GET", path_of(d)) for d in latest.values()] == as_answered(latest)
    assert {d["status"] for d in latest.values()} == {"completed"}


def as_answered(latest: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Objects of events as a GET answers them: the service, too, told the expiry in events only."""
    found = []
    for document in latest.values():
        is_over = document["object"] == "thread.run.step" and document["status"] != "in_progress"
        assert not is_over or document["expires_at"] is not None
        found.append({**document, "expires_at": None} if is_over else document)
    return found


def path_of(document: dict[str, Any]) -> str:
    """Where an object is found."""
    thread = f"/threads/{document['thread_id']}"
    return {
        "thread.run": f"{thread}/runs/{document['id']}",
        "thread.run.step": f"{thread}/runs/{document.get('run_id')}/steps/{document['id']}",
        "thread.message": f"{thread}/messages/{document['id']}",
    }[document["object"]]


def test_a_second_reader_changes_nothing(benches: Any) -> None:
    """Two streams at once, each of its own run, tell of their own run alone."""
    gates = [Gate(), Gate()]
    bench = benches([["a", gates[0], " b"], ["a", gates[1], " b"]])
    streams = [bench.run(), bench.run()]
    for gate in gates:
        gate.go.set()
    for stream in streams:
        assert stream.rest() == [*START, *WHOLE, *END]
        runs = {d["id"] for n, d in stream.seen if d.get("object") == "thread.run"}
        assert len(runs) == 1
        assert told(stream.seen[:1]) == START[:1]
