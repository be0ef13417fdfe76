"""What servers were seen to do to streams, one test for each fact."""

import json
import re
import time
from functools import partial

import pytest
from stream_kit import (
    DONE,
    FUNCTION,
    PLAIN,
    SSE_HEAD,
    TWO_MESSAGES,
    asks,
    calls,
    check_whole,
    chunked,
    close_delimited,
    follow,
    json_answer,
    message,
    page,
    run,
    said,
    sse,
    step,
    step_delta,
    text_delta,
    text_of,
    writes,
)

from assistants_client import APIResponseError, StreamError, StreamInterruptedError
from assistants_client._http.sse import SseDecoder
from assistants_client._json.codec import decode
from assistants_client.models.events import (
    Done,
    MessageCompleted,
    MessageCreated,
    MessageInProgress,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunQueued,
    RunRequiresAction,
    RunStepCompleted,
    RunStepInProgress,
)
from assistants_client.models.messages import Message
from assistants_client.streaming import event_decoder

CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}


@pytest.fixture
def played(server, client):
    """Plays answers to one stream; gives the stream, its events and its error."""

    def play(*scripts, **options):
        server.scripts = list(scripts)
        stream = client.runs.stream("thread_1", assistant_id="asst_1", **options)
        events, error = follow(stream)
        return stream, events, error

    return play


def events_of(body, *more):
    """Bytes of a plain run's stream with other events."""
    return b"".join(sse(*event) for event in [*body, *more])


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("resume", [True, False])
def test_a_streamed_request_is_answered_with_json(server, played, status, resume):
    """The run is followed by polling, and told as if it had been streamed."""
    server.knows(PLAIN)
    stream, events, error = played(json_answer(run("queued"), status), resume=resume)
    assert error is None
    check_whole(stream, events, PLAIN)
    assert [type(event) for event in (events[0], *events[-3:])] == [
        RunQueued,
        RunStepCompleted,
        RunCompleted,
        Done,
    ]


def test_the_json_answer_is_a_finished_run(server, played):
    """A server that runs before it answers: only messages and steps are asked for."""
    server.knows(PLAIN)
    stream, events, error = played(json_answer(PLAIN.run, 201))
    assert error is None
    check_whole(stream, events, PLAIN)
    assert not any(path.endswith("/runs/run_1") for path in server.gets)


def test_the_json_answer_requires_action(server, played):
    """Tool rounds work with a server that never streams."""
    server.knows(FUNCTION)
    stream, events, error = played(json_answer(run("queued")), json_answer(run("queued")))
    assert error is None
    check_whole(stream, events, FUNCTION)
    assert len(server.posts) == 2


def test_the_json_answer_is_an_error(played):
    """200 and an error's body is an error."""
    _, events, error = played(json_answer({"error": {"message": "no", "code": "x"}}))
    assert isinstance(error, StreamError)
    assert (events, error.code) == ([], "x")


@pytest.mark.parametrize("document", [{}, [], "run", {"status": "queued"}])
def test_the_json_answer_is_no_run(played, document):
    """It is said that the answer cannot be read."""
    _, events, error = played(json_answer(document))
    assert isinstance(error, APIResponseError)
    assert events == []


def test_crlf(played):
    """Lines end with CR and LF."""
    stream, events, error = played(chunked(PLAIN.body().replace(b"\n", b"\r\n")))
    assert error is None
    check_whole(stream, events, PLAIN)


def test_comments_every_15_seconds(played):
    """They are skipped, wherever they stand."""
    ping = b": ping - 2026-11-22 20:15:00\n\n"
    body = ping + PLAIN.body().replace(b"\n\n", b"\n\n" + ping)
    stream, events, error = played(chunked(body))
    assert error is None
    check_whole(stream, events, PLAIN)


def test_no_event_line(played):
    """Name and object both stand in the data."""

    def wrapped(name, document):
        document = {key: value for key, value in document.items() if value is not None}
        return b"data: " + json.dumps({"event": name, "data": document}).encode() + b"\n\n"

    body = b"".join(wrapped(*event) for event in PLAIN.legs[0]) + b"data: [DONE]\n\n"
    stream, events, error = played(chunked(body))
    assert error is None
    check_whole(stream, events, PLAIN)


def test_no_event_line_and_no_name(played):
    """Objects say what they are, if not whether they were just made."""
    body = re.sub(rb"event: [^\n]*\n", b"", PLAIN.body())
    stream, events, error = played(chunked(body))
    assert error is None
    check_whole(stream, events, PLAIN)


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n", b'event: done\ndata: "[DONE]"\n\n'])
@pytest.mark.parametrize("framing", [chunked, close_delimited])
def test_ends_without_done_or_with_one_of_another_form(played, end, framing):
    """The run's status says that it is over; ``Done`` comes once."""
    stream, events, error = played(framing(PLAIN.body(done=False) + end))
    assert error is None
    check_whole(stream, events, PLAIN)
    assert events.count(Done()) == 1


@pytest.mark.parametrize("early", [b"data: [DONE]\n\n", b'data: "[DONE]"\n\n', DONE])
def test_done_before_the_run_is_over(server, played, early):
    """A ``done`` is not taken for the run's end."""
    server.knows(PLAIN)
    stream, events, error = played(chunked(events_of(PLAIN.legs[0][:5]) + early))
    assert error is None
    check_whole(stream, events, PLAIN)


@pytest.mark.parametrize(("status", "last"), [("failed", RunFailed), ("cancelled", RunCancelled)])
def test_a_failure_cuts_the_chunked_body(server, played, status, last):
    """Only looking the run up tells how it ended; what was written of the message is told too."""
    details = {"last_error": {"code": "server_error", "message": "m"}}
    ended = run(status, **details)
    broken = message(1, "Grü", status="incomplete")
    server.lookups = [
        (r"/runs/run_1$", json_answer(ended)),
        (r"/steps$", page([step(1, status, writes(1))])),
        (r"/messages/msg_1$", json_answer(broken)),
    ]
    body = chunked(events_of(PLAIN.legs[0][:7]))
    stream, events, error = played(body[: -len("0\r\n\r\n")])
    assert error is None
    assert type(events[-2]) is last
    assert stream.run.last_error.message == "m"
    assert stream.messages == [decode(Message, broken)]
    assert [s.status for s in stream.run_steps] == [status]


def test_error_with_string_codes(played):
    """``code`` and ``type`` are whatever text the server has."""
    error_body = (
        b'data: {"error": {"message": "no", "type": "None", "param": "None", "code": "500"}}'
    )
    stream, events, error = played(chunked(events_of(PLAIN.legs[0][:3]) + error_body + b"\n\n"))
    assert isinstance(error, StreamError)
    assert (error.code, error.type, error.param) == ("500", "None", "None")
    assert error.run == stream.run
    assert len(events) == 3


def test_completed_after_requires_action(server, played):
    """The status decides: the run waits, and is not over."""
    late = ("thread.run.completed", asks(CALL))
    first = events_of([*FUNCTION.legs[0][:-1], late])
    stream, events, error = played(chunked(first + DONE), chunked(FUNCTION.body(1)))
    assert error is None
    check_whole(stream, events, FUNCTION)

    first = events_of([*FUNCTION.legs[0], late]) + DONE
    stream, events, error = played(chunked(first), chunked(FUNCTION.body(1)))
    assert error is None
    check_whole(stream, events, FUNCTION)
    assert sum(type(event) is RunRequiresAction for event in events) == 1


def test_steps_repeated_in_deltas(played):
    """``step.created`` holds the calls, and ``step.delta`` repeats them under the same index."""
    whole = calls(CALL, {**CALL, "id": "call_2"})
    again = step_delta(1, {**CALL, "index": 0}, {**CALL, "id": "call_2", "index": 1})
    body = events_of(
        FUNCTION.legs[0][:3],
        ("thread.run.step.created", step(1, "in_progress", whole)),
        ("thread.run.step.delta", again),
        ("thread.run.step.delta", again),
        ("thread.run.requires_action", asks(CALL, {**CALL, "id": "call_2"})),
    )
    stream, _, error = played(chunked(body), chunked(FUNCTION.body(1)[:0]), resume=False)
    assert isinstance(error, StreamInterruptedError)  # after the outputs nothing more came
    [only] = stream.run_steps
    assert [(c.id, c.function.name, c.function.arguments) for c in only.tool_calls] == [
        ("call_1", "add", '{"a":1}'),
        ("call_2", "add", '{"a":1}'),
    ]


def test_role_null_and_annotations_null(played):
    """Nulls in deltas are nothing."""
    delta = text_delta(1, "Hi", annotations=None)
    delta["delta"]["role"] = None
    body = events_of(PLAIN.legs[0][:6], ("thread.message.delta", delta), *PLAIN.legs[0][-1:])
    stream, events, error = played(chunked(body))
    assert error is None
    assert text_of(events) == "Hi"
    assert [m.text for m in stream.messages] == ["Hi"]
    assert stream.messages[0].role == "assistant"


def test_the_second_leg_starts_at_in_progress(played):
    """Neither the old step's end nor ``queued`` comes."""
    second = events_of(FUNCTION.legs[1][2:])
    stream, events, error = played(chunked(FUNCTION.body()), chunked(second))
    assert error is None
    assert text_of(events) == FUNCTION.text
    assert stream.run.status == "completed"


def test_a_fake_message_with_another_id(played):
    """A message without content, that only carries the usage, is none in the end."""
    fake = {
        "id": "chatcmpl-1",
        "object": "thread.message",
        "thread_id": "",
        "status": "in_progress",
        "role": "assistant",
        "content": [],
        "metadata": {"usage": '{"total_tokens": 13}'},
    }
    events = PLAIN.legs[0]
    body = events_of(events[:8], ("thread.message.in_progress", fake), *events[8:])
    stream, events, error = played(chunked(body))
    assert error is None
    assert [e.message.id for e in events if type(e) is MessageInProgress] == ["msg_1", "chatcmpl-1"]
    events = [e for e in events if getattr(e, "message", None) != decode(Message, fake)]
    check_whole(stream, events, PLAIN)


def test_a_fake_message_is_not_looked_up(server, played):
    """When the stream breaks after it, only the run's own messages are asked for."""
    fake = message(9, status="in_progress", thread_id="")
    server.knows(PLAIN)
    body = events_of(PLAIN.legs[0][:8], ("thread.message.in_progress", fake))
    stream, events, error = played(chunked(body))
    assert error is None
    check_whole(stream, events, PLAIN)


def test_a_step_under_a_run_s_name_and_the_reverse(played):
    """What the object is counts."""
    swapped = {
        "thread.run.step.created": "thread.run.created",
        "thread.run.step.completed": "thread.run.completed",
        "thread.run.in_progress": "thread.run.step.in_progress",
        "thread.run.completed": "thread.run.step.completed",
    }
    body = events_of([(swapped.get(name, name), d) for name, d in PLAIN.legs[0]])
    stream, events, error = played(chunked(body))
    assert error is None
    check_whole(stream, events, PLAIN)
    assert type(events[-2]) is RunCompleted
    assert not any(type(event) is RunStepInProgress for event in events)


def test_a_server_without_run_steps(server, played):
    """Messages are then found in the thread, by the run's id or because they were seen."""
    others = [message(8, "not ours", run_id="run_0"), message(7, "nor this", run_id=None)]
    listed = [
        others[0],
        {**TWO_MESSAGES.messages[0], "run_id": None},
        TWO_MESSAGES.messages[1],
        others[1],
    ]
    server.lookups = [
        (r"/runs/run_1$", json_answer(TWO_MESSAGES.run)),
        (r"/messages$", page(listed)),
    ]
    stream, events, error = played(chunked(events_of(TWO_MESSAGES.legs[0][:8])))
    assert error is None
    assert text_of(events) == TWO_MESSAGES.text
    assert [m.id for m in stream.messages] == ["msg_1", "msg_2"]


def test_a_message_that_no_step_tells_of(server, played):
    """A message that was begun is looked up, though the list of steps leaves it out."""
    server.knows(PLAIN)
    server.lookups.insert(0, (r"/steps$", page([step(7, "completed", calls())])))
    _, events, error = played(chunked(events_of(PLAIN.legs[0][:8])))
    assert error is None
    assert text_of(events) == PLAIN.text
    assert sum(type(event) is MessageCompleted for event in events) == 1


def test_what_was_never_seen_is_begun_and_completed(server, played):
    """Messages and steps that came into being while the stream was down are told as new."""
    server.knows(TWO_MESSAGES)
    stream, events, error = played(chunked(events_of(TWO_MESSAGES.legs[0][:3])))
    assert error is None
    check_whole(stream, events, TWO_MESSAGES)
    assert sum(type(event) is MessageCreated for event in events) == 2


def test_a_final_text_that_does_not_go_on_from_the_pieces(server, played):
    """The message is told whole; no piece could mend what was delivered."""
    other = message(1, "Altogether different.")
    server.knows(PLAIN)
    server.lookups.insert(0, (r"/messages/msg_1$", json_answer(other)))
    stream, events, error = played(chunked(events_of(PLAIN.legs[0][:8])))
    assert error is None
    assert stream.messages == [decode(Message, other)]
    assert [e.message.text for e in events if type(e) is MessageCompleted] == [
        other["content"][0]["text"]["value"]
    ]
    assert "different" not in text_of(events)


def test_parts_and_refusals_are_taken_up_by_index(server, played):
    """Each part goes on where it broke off."""
    whole = message(1, "first", "second")
    whole["content"].append({"type": "refusal", "refusal": "I won't"})
    refusal = {"index": 2, "type": "refusal", "refusal": "I"}
    server.knows(PLAIN)
    server.lookups.insert(0, (r"/messages/msg_1$", json_answer(whole)))
    body = events_of(
        PLAIN.legs[0][:6],
        ("thread.message.delta", text_delta(1, "sec", index=1)),
        ("thread.message.delta", {"id": "msg_1", "delta": {"content": [refusal]}}),
    )
    stream, events, error = played(chunked(body))
    assert error is None
    assert text_of(events) == "secfirstond"
    assert stream.messages == [decode(Message, whole)]


def test_a_stream_that_stalls_is_taken_up(server, client):
    """Silence beyond the timeout is a broken stream, made good by polling."""
    server.knows(PLAIN)
    body = events_of(PLAIN.legs[0][:8])
    server.scripts = [
        lambda connection: (connection.sendall(SSE_HEAD + b"\r\n" + body), time.sleep(1))
    ]
    impatient = client.with_options(timeout=0.2)
    stream = impatient.runs.stream("thread_1", assistant_id="asst_1")
    events, error = follow(stream)
    assert error is None
    check_whole(stream, events, PLAIN)


def test_an_event_beyond_the_bound_is_taken_up(server, played, monkeypatch):
    """An event that does not end is no reason to fill the memory."""
    monkeypatch.setattr(event_decoder, "SseDecoder", partial(SseDecoder, max_event_bytes=1000))
    server.knows(PLAIN)
    body = events_of(PLAIN.legs[0][:8]) + b"data: " + b"x" * 300_000
    _, _, error = played(chunked(body), resume=False)
    assert "larger than 1000 bytes" in str(error)
    stream, events, error = played(chunked(body))
    assert error is None
    check_whole(stream, events, PLAIN)


def test_unknown_events_and_statuses_do_not_end_a_stream(server, played):
    """They are handed on; a run that is over under an unknown name is over when the stream ends."""
    server.knows(PLAIN)
    odd = [("thread.run.paused", run("paused")), ("ping", {}), ("thread.run.finished", PLAIN.run)]
    stream, events, error = played(chunked(events_of(PLAIN.legs[0][:-1], *odd)))
    assert error is None
    assert [event.name for event in events if hasattr(event, "name")] == [name for name, _ in odd]
    assert type(events[-2]) is RunCompleted
    assert stream.run.status == "completed"


def test_nothing_but_a_cut(played):
    """Before anything about the run is known, there is nothing to take up."""
    for script in (chunked(b""), close_delimited(b": hello\n\n"), chunked(events_of(said(1, "a")))):
        stream, events, error = played(script)
        assert isinstance(error, StreamInterruptedError)
        assert (error.run, stream.run, error.events) == (None, None, events)
