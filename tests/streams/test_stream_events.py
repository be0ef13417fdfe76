"""From server-sent events to typed ones: names, objects and statuses, both framings, errors."""

import json
import pickle

import pytest
from hypothesis import given, strategies as st
from stream_kit import (
    RECORDINGS,
    asks,
    calls,
    decode_stream,
    message,
    run,
    sse,
    step,
    step_delta,
    text_delta,
    writes,
)

from assistants_client import StreamError, StreamInterruptedError
from assistants_client._http.sse import ServerSentEvent
from assistants_client._json.codec import decode
from assistants_client.models import events as kinds
from assistants_client.models.events import (
    MESSAGE_EVENTS,
    RUN_EVENTS,
    STEP_EVENTS,
    Done,
    MessageDelta,
    RunStepDelta,
    ThreadCreated,
    UnknownEvent,
    UnknownPartDelta,
)
from assistants_client.streaming import event_decoder
from assistants_client.streaming.event_decoder import PlainText, read_event, read_events

THREAD = {"id": "thread_1", "object": "thread"}


def event_of(name, document):
    """The typed event of a document."""
    data = document if isinstance(document, str) else json.dumps(document)
    return read_event(ServerSentEvent(name, data))


NAMES = {
    "thread.created": (ThreadCreated, THREAD),
    **{
        f"thread.run.{word}": (cls, run("in_progress" if word == "created" else word))
        for word, cls in RUN_EVENTS.items()
    },
    **{
        f"thread.run.step.{word}": (cls, step(1, word, writes(1)))
        for word, cls in STEP_EVENTS.items()
    },
    "thread.run.step.delta": (RunStepDelta, step_delta(1)),
    **{
        f"thread.message.{word}": (cls, message(1, status=word))
        for word, cls in MESSAGE_EVENTS.items()
    },
    "thread.message.delta": (MessageDelta, text_delta(1, "a")),
    "done": (Done, "[DONE]"),
}


def test_every_documented_name_is_there():
    """All names of the protocol have a class; ``error`` raises instead."""
    assert len(NAMES) + len(["error"]) == 25


@pytest.mark.parametrize("name", NAMES)
def test_each_name_has_its_class(name):
    """The event's name picks the class, in both framings."""
    cls, document = NAMES[name]
    assert type(event_of(name, document)) is cls
    assert type(event_of("", {"event": name, "data": document})) is cls
    if isinstance(document, dict):  # what it holds is text in yet another dialect
        assert type(event_of("", {"event": name, "data": json.dumps(document)})) is cls


@pytest.mark.parametrize("name", NAMES)
def test_an_object_without_its_type_is_what_the_name_says(name):
    """``object`` may be absent."""
    cls, document = NAMES[name]
    if isinstance(document, dict):
        bare = {key: value for key, value in document.items() if key != "object"}
        assert type(event_of(name, bare)) is cls


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        ("thread.run.completed", run("requires_action"), kinds.RunRequiresAction),
        ("thread.run.completed", run("failed"), kinds.RunFailed),
        ("thread.run.in_progress", run("paused"), kinds.RunInProgress),
        ("thread.run.created", run("in_progress"), kinds.RunCreated),
        ("thread.run.completed", {"id": "run_1"}, kinds.RunCompleted),
        ("", run("queued"), kinds.RunQueued),
        ("", step(1, "completed", writes(1)), kinds.RunStepCompleted),
        ("", message(1, status="incomplete"), kinds.MessageIncomplete),
        ("", text_delta(1, "a"), MessageDelta),
        ("thread.run.in_progress", step(1, "in_progress", writes(1)), kinds.RunStepInProgress),
        ("thread.run.queued", step(1, "in_progress", writes(1)), kinds.RunStepInProgress),
        ("thread.run.step.completed", run("completed"), kinds.RunCompleted),
        ("thread.run.step.cancelled", run("cancelling"), kinds.RunCancelling),
        ("thread.message.completed", message(1, status="in_progress"), kinds.MessageCompleted),
    ],
)
def test_object_and_status_count_more_than_the_name(name, document, expected):
    """Servers mix names up; the object says what it is, and a run's status how it stands."""
    assert type(event_of(name, document)) is expected


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("thread.run.paused", run("paused")),
        ("thread.run.step.paused", step(1, "in_progress", writes(1))),
        ("thread.message.read", message(1)),
        ("thread.novelty", {"id": "x", "object": "thread.novelty"}),
        ("thread.run.reflection.completed", run("completed")),
        ("ping", {}),
        ("ping", {"object": "thread.run"}),
        ("", {"object": "thread.run", "status": "queued"}),
        ("", {}),
        ("thread.run.queued", {"id": 7, "object": "thread.run"}),
        ("list", [1, 2]),
        ("null", None),
        ("number", 5),
    ],
)
def test_unknown_events_arrive(name, data):
    """What this version does not know, or cannot read, is handed on as it came."""
    assert event_of(name, data) == UnknownEvent(name, data)


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("text", ["", "hello", '{"a": ', "[" * 100_000])
def test_data_that_is_no_json_arrives_as_text(text):
    """An event without JSON is no reason to stop."""
    assert event_of("ping", text) == UnknownEvent("ping", text)


def test_part_of_an_event_at_the_end_is_dropped():
    """What a cut left of an event is not given out as one."""
    for data in ('{"object": "thre', "[DON", ""):
        assert read_event(ServerSentEvent("a", data, is_complete=False)) == Done()


ERRORS = {
    "unwrapped": ("error", {"message": "Boom", "type": "server_error", "param": "p", "code": "c"}),
    "wrapped": (
        "error",
        {"error": {"message": "Boom", "type": "server_error", "param": "p", "code": "c"}},
    ),
    "wrapped_without_a_name": (
        "",
        {"error": {"message": "Boom", "type": "server_error", "param": "p", "code": "c"}},
    ),
    "in_the_other_framing": (
        "",
        {
            "event": "error",
            "data": {"message": "Boom", "type": "server_error", "param": "p", "code": "c"},
        },
    ),
}


@pytest.mark.parametrize("form", ERRORS)
def test_every_form_of_the_error_event_raises(form):
    """Message, code, type and param are told."""
    with pytest.raises(StreamError, match="Boom") as caught:
        event_of(*ERRORS[form])
    error = caught.value
    assert (error.code, error.type, error.param) == ("c", "server_error", "p")


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("error", "it broke", "it broke"),
        ("error", "", "no explanation"),
        ("error", None, "no explanation"),
        ("error", {}, "no explanation"),
        ("error", ["a"], "stream: a"),
        ("", {"error": "it broke"}, "it broke"),
        ("", {"event": "error", "data": None}, "no explanation"),
        ("error", {"code": 500, "message": "m"}, "m"),
    ],
)
def test_odd_errors_raise_too(name, data, text):
    """Whatever an error event holds, it raises."""
    with pytest.raises(StreamError, match=text):
        event_of(name, data)


def test_an_object_with_an_empty_error_is_no_error():
    """Some servers put ``error: null`` everywhere."""
    assert type(event_of("thread.run.queued", {**run("queued"), "error": None})) is kinds.RunQueued
    assert event_of("x", {"error": None}) == UnknownEvent("x", {"error": None})


def test_an_unknown_delta_type_is_kept():
    """Parts and calls of other services come through with all they hold."""
    part = {"index": 0, "type": "audio", "audio": {"data": "…"}}
    document = {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": [part]}}
    assert event_of("thread.message.delta", document).delta.content == [
        UnknownPartDelta(type="audio", raw=part)
    ]
    call = {"index": 0, "type": "bing_grounding", "bing_grounding": {"query": "x"}}
    event = event_of("thread.run.step.delta", step_delta(1, call))
    assert event.tool_calls[0].raw == call
    document = {"id": "step_1", "delta": {"step_details": {"type": "thought", "thought": "x"}}}
    event = event_of("thread.run.step.delta", document)
    assert event.delta.step_details.raw["thought"] == "x"
    assert event.tool_calls == []


def test_null_in_deltas_is_absent():
    """``role: null`` and ``annotations: null`` are read as if they were not there."""
    document = text_delta(1, "a", annotations=None)
    document["delta"]["role"] = None
    event = event_of("thread.message.delta", document)
    assert event.text == "a"
    assert event.delta.role is None
    assert event.delta.content[0].text.annotations == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def perturbed(document):
    """The document, and some that differ from it at one place."""

    def walk(node):
        yield JSON
        if isinstance(node, dict):
            for key in node:
                yield st.just({k: v for k, v in node.items() if k != key})
                for inner in walk(node[key]):
                    yield inner.map(lambda new, key=key: {**node, key: new})
            yield JSON.map(lambda new: {**node, "novel": new})
        if isinstance(node, list):
            yield JSON.map(lambda new: [*node, new])
            for inner in walk(node[0]) if node else ():
                yield inner.map(lambda new: [new, *node[1:]])

    return st.one_of(st.just(document), *walk(document))


@given(perturbed(text_delta(1, "a", annotations=[])))
def test_the_short_cut_for_text_reads_as_the_codec(document):
    """What most events are is read faster, and not otherwise."""
    if not isinstance(document, dict) or document.get("object") != "thread.message.delta":
        return
    if document.get("error"):
        return
    try:
        expected = decode(MessageDelta, document)
    except ValueError:
        expected = UnknownEvent("thread.message.delta", document)
    event = event_of("thread.message.delta", document)
    assert event == expected
    assert isinstance(event, UnknownEvent) or event.extra == expected.extra


@given(
    st.sampled_from(sorted(NAMES)),
    JSON | perturbed(asks({"id": "c"})) | perturbed(step_delta(1, {"index": 0})),
)
def test_no_document_breaks_the_reader(name, document):
    """Whatever JSON comes under whatever name, it is an event or a StreamError."""
    try:
        event = read_event(ServerSentEvent(name, json.dumps(document)))
    except StreamError:
        return
    assert event is not None


def by_both_ways(content, size):
    """The events as a stream is read, and each read on its own."""
    blocks = [content[i : i + size] for i in range(0, len(content), size)]
    read = [event for event, _, _ in read_events(blocks)]
    again = [event.as_event() if isinstance(event, PlainText) else event for event in read]
    assert [read_event(kept) for _, _, kept in read_events(blocks)] == again
    alone = [read_event(sent) for sent in decode_stream(blocks)]
    return again, alone


FRAMINGS = {
    "named": lambda name, document: f"event: {name}\ndata: {document}\n\n",
    "crlf": lambda name, document: f"event: {name}\r\ndata: {document}\r\n\r\n",
    "wrapped": lambda name, document: f'data: {{"event": "{name}", "data": {document}}}\n\n',
    "within_a_string": lambda name, document: (
        f"data: {json.dumps({'event': name, 'data': document})}\n\n"
    ),
    "numbered": lambda name, document: f": {{}}\nid: 7\nevent: {name}\ndata:{document}\n\n",
}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_stream_reads_as_its_events_one_by_one(name, framing):
    """What is known of the last event changes nothing in the next."""
    for leg in RECORDINGS[name].legs:
        content = "".join(FRAMINGS[framing](one, json.dumps(document)) for one, document in leg)
        for size in (len(content), 100, 7):
            together, alone = by_both_ways(content.encode(), size)
            assert together == alone
            assert [type(event) for event in together] == [type(event) for event in alone]


TEXTS = st.sampled_from(['"', "\\", '\\"value": "', "ä🎈", "\u2028", "", "a"]) | st.text(max_size=4)
#: Texts as they may stand between a text's two quotes, valid or not.
ODD = st.sampled_from(
    [
        "x",
        '"}',
        'a"',
        'a", "value": "b',
        "\\",
        "\t",
        "\\ud83d",
        'a", "annotations": [{"type": "x"}]',
    ]
)
#: JSON in the place of a text that is none, the last of them too deep to be read.
NO_TEXTS = st.sampled_from(["null", "7", "[]", '{"a": "b"}', "[" * 100_000])
SHAPES = (
    '{"id":"m","object":"thread.message.delta","delta":{"content":[{"index":0,"type":"text",'
    '"text":{"value":%s}}]}}',
    '{"id":"m","object":"thread.message.delta","delta":{"content":[{"index":0,"type":"text",'
    '"text":{"value":%s,"annotations":[]}}]}}',
    '{"delta":{"content":[{"text":{"value" : %s},"index":1,"type":"text"}]},"id":"n",'
    '"object":"thread.message.delta"}',
    '{"id":"m","object":"thread.message.delta","delta":{"content":[{"index":0,"type":"text",'
    '"text":{"value":"x","value":%s}}]}}',
    '{"id":"m","object":"thread.message.delta","delta":{"role":"user","content":[{"index":0,'
    '"type":"text","text":{"value":%s}}]}}',
    '{"id":"\\"value\\": \\"a","object":"thread.message.delta","delta":{"content":[{"index":0,'
    '"type":"text","text":{"value":%s}}]}}',
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(FRAMINGS)),
            st.sampled_from(["thread.message.delta", "error", "done", "x"]),
            st.sampled_from(SHAPES),
            TEXTS.map(json.dumps) | ODD.map('"{}"'.format) | NO_TEXTS,
        ),
        max_size=8,
    )
)
def test_pieces_of_text_in_any_shapes_read_as_one_by_one(sent):
    """Shapes that take turns, texts with escapes, and what is no JSON."""
    content = "".join(
        FRAMINGS[framing](name, shape % text) for framing, name, shape, text in sent
    ).encode()
    try:
        alone = by_both_ways(content, 10_000)[1]
    except StreamError:
        with pytest.raises(StreamError):
            list(read_events([content]))
        with pytest.raises(StreamError):
            list(map(read_event, decode_stream([content])))
        return
    assert by_both_ways(content, 10_000)[0] == by_both_ways(content, 5)[0] == alone


def test_what_is_no_text_after_a_text():
    """It is read as it is where it comes first."""
    texts = ['"a"', "null", '"b"', "[" * 100_000, '"c"']
    content = "".join(
        FRAMINGS["named"]("thread.message.delta", SHAPES[0] % text) for text in texts
    ).encode()
    together, alone = by_both_ways(content, 10_000)
    assert together == alone
    assert [type(event).__name__ for event in together].count("UnknownEvent") == 1
    assert together[1].delta.content[0].text.value in (None, "")


def test_a_known_form_is_not_parsed_again(monkeypatch):
    """Of the second piece of a text, and of all that follow, nothing is parsed but the text."""
    parsed = []
    read = event_decoder._read
    monkeypatch.setattr(event_decoder, "_read", lambda sent: (parsed.append(sent), read(sent))[1])
    content = b"".join(sse("thread.message.delta", text_delta(1, text)) for text in "abcdef")
    assert [event.value for event, _, _ in read_events([content])] == list("abcdef")
    assert len(parsed) == 2  # the first, and its form with another text


def all_events():
    """The events of all recordings."""
    return [
        read_event(sent)
        for recording in RECORDINGS.values()
        for leg in range(len(recording.legs))
        for sent in decode_stream([recording.body(leg)])
    ]


def test_events_survive_pickle():
    """Every event is equal to its copy, and of the same class."""
    events = [*all_events(), UnknownEvent("a", {"b": [1]}), event_of("thread.created", THREAD)]
    copies = pickle.loads(pickle.dumps(events))
    assert copies == events
    assert [type(copy) for copy in copies] == [type(event) for event in events]


def test_an_interrupted_stream_s_error_survives_pickle():
    """With the run and all events."""
    events = all_events()
    error = StreamInterruptedError("cut", decode(kinds.Run, run("queued")), events)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.run, copy.events) == (str(error), error.run, events)


def test_a_stream_error_survives_pickle():
    """With all it says."""
    with pytest.raises(StreamError) as caught:
        event_of(*ERRORS["wrapped"])
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.code, copy.type, copy.param) == (
        str(caught.value),
        "c",
        "server_error",
        "p",
    )


def test_events_show_and_compare():
    """Two events with the same object under different names differ; both show what they are."""
    completed = event_of("thread.run.step.completed", step(1, "completed", calls()))
    failed = event_of("thread.run.step.failed", step(1, "completed", calls()))
    assert completed != failed
    assert repr(completed).startswith("RunStepCompleted(step=RunStep(id='step_1'")
