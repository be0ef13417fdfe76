"""Deltas make up the objects that the completed events hold."""

import copy
import json
import random

import pytest
from hypothesis import given, strategies as st
from stream_kit import RECORDINGS, calls, message, step, step_delta, text_delta

from assistants_client._json.codec import decode
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep
from assistants_client.streaming.snapshots import Snapshots


def message_of(*deltas, begun=None):
    """The message that deltas make up."""
    snapshots = Snapshots(Message)
    if begun is not None:
        snapshots.begin("msg_1", begun)
    for delta in deltas:
        snapshots.add("msg_1", delta["delta"])
    [made] = snapshots.objects(with_empty=True)
    return made


def step_of(*deltas, begun=None):
    """The step that deltas make up."""
    snapshots = Snapshots(RunStep)
    if begun is not None:
        snapshots.begin("step_1", begun)
    for delta in deltas:
        snapshots.add("step_1", delta["delta"])
    [made] = snapshots.objects(with_empty=True)
    return made


def content(*parts):
    """A delta of these parts."""
    return {"id": "msg_1", "delta": {"content": list(parts)}}


def text(index, value=None, annotations=None):
    """A piece of text."""
    inner = {"value": value, "annotations": annotations}
    return {
        "index": index,
        "type": "text",
        "text": {key: entry for key, entry in inner.items() if entry is not None},
    }


def call(index, arguments, **more):
    """A piece of a function call."""
    return {"index": index, "type": "function", "function": {"arguments": arguments}, **more}


def test_pieces_of_text_are_joined():
    """In the order in which they come."""
    assert message_of(*(text_delta(1, piece) for piece in ("a", "", "b", "c"))).text == "abc"


def test_deltas_go_on_from_what_was_begun():
    """What the created object holds already is kept."""
    made = message_of(text_delta(1, "b"), begun=message(1, "a", status="in_progress"))
    assert made.text == "ab"
    assert (made.role, made.status, made.run_id) == ("assistant", "in_progress", "run_1")


def test_parts_out_of_order_and_from_above_0():
    """The index says where a part belongs, not when it came."""
    made = message_of(content(text(2, "c")), content(text(1, "b")), content(text(2, "C")))
    assert [part.text.value for part in made.content] == ["b", "cC"]


def test_two_pieces_of_one_index_in_a_delta():
    """Both are added to it."""
    made = message_of(content(text(0, "a"), text(0, "b"), text(1, "x")))
    assert [part.text.value for part in made.content] == ["ab", "x"]


def test_calls_that_come_interleaved():
    """Each index is a call of its own, whatever the order."""
    made = step_of(
        step_delta(1, call(1, "", id="b"), call(0, "", id="a")),
        step_delta(1, call(0, "1")),
        step_delta(1, call(1, "2")),
        step_delta(1, call(0, "3")),
    )
    assert [(c.id, c.function.arguments) for c in made.tool_calls] == [("a", "13"), ("b", "2")]


def test_repeated_ids_and_names_are_not_doubled():
    """They replace what was there; arguments are joined."""
    shell = {"index": 0, "id": "call_1", "type": "function"}
    made = step_of(
        step_delta(1, {**shell, "function": {"name": "add", "arguments": '{"a"'}}),
        step_delta(1, {**shell, "function": {"name": "add", "arguments": ":1}"}}),
        step_delta(1, {**shell, "function": {"name": "add", "arguments": "", "output": "2"}}),
    )
    [one] = made.tool_calls
    assert (one.id, one.type, one.function.name) == ("call_1", "function", "add")
    assert (one.function.arguments, one.function.output) == ('{"a":1}', "2")


def test_arguments_said_once_more_are_not_doubled():
    """Under the id that they were said under; even if they go on."""
    begun = step(
        1,
        "in_progress",
        calls({"id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a":1'}}),
    )
    again = step_delta(1, call(0, '{"a":1', id="c"))
    more = step_delta(1, call(0, '{"a":1}', id="c"))
    assert step_of(again, begun=begun).tool_calls[0].function.arguments == '{"a":1'
    assert step_of(again, more, begun=begun).tool_calls[0].function.arguments == '{"a":1}'


def test_repeated_annotations_are_not_doubled():
    """Each stands at its index, whole, as it came last."""
    first = {"index": 0, "type": "file_citation", "text": "[1]", "start_index": 1, "end_index": 4}
    second = {**first, "index": 1, "text": "[2]"}
    made = message_of(
        content(text(0, "a", [first])),
        content(text(0, None, [first, second])),
        content(text(0, "b", [second])),
        content(text(0, "", [])),
    )
    assert made.text == "ab"
    assert [(a.text, a.start_index, a.end_index) for a in made.citations] == [
        ("[1]", 1, 4),
        ("[2]", 1, 4),
    ]


def test_null_leaves_alone_and_is_filled():
    """A null says nothing; a value after it sets."""
    made = message_of(
        {"delta": {"role": None, "content": None}},
        text_delta(1, "a", annotations=None),
        {"delta": {"role": "assistant", "content": [{"index": 0, "type": None, "text": None}]}},
    )
    assert (made.role, made.text, made.citations) == ("assistant", "a", [])


def test_a_refusal_is_joined():
    """As text is."""
    part = {"index": 0, "type": "refusal"}
    made = message_of(content({**part, "refusal": "I "}), content({**part, "refusal": "won't"}))
    assert made.content[0].refusal == "I won't"


def test_an_image_is_set():
    """An image's id is no text to add to."""
    part = {"index": 0, "type": "image_file", "image_file": {"file_id": "file_1"}}
    made = message_of(content(part), content(part))
    assert made.content[0].image_file.file_id == "file_1"


def test_the_code_interpreter_s_logs_are_joined_by_index():
    """Input and logs grow, images are set."""

    def piece(**fields):
        return step_delta(1, {"index": 0, "type": "code_interpreter", "code_interpreter": fields})

    image = {"index": 1, "type": "image", "image": {"file_id": "file_1"}}
    made = step_of(
        piece(input="", outputs=[]),
        piece(input="pri"),
        piece(input="nt"),
        piece(outputs=[image]),
        piece(outputs=[{"index": 0, "type": "logs", "logs": "a"}]),
        piece(outputs=[{"index": 0, "type": "logs", "logs": "b"}, image]),
    )
    [one] = made.tool_calls
    assert one.code_interpreter.input == "print"
    logs, picture = one.code_interpreter.outputs
    assert (logs.logs, picture.image.file_id) == ("ab", "file_1")


def test_unknown_parts_are_kept():
    """Their fields replace each other; indexed lists within them are merged as all are."""
    part = {"index": 0, "type": "audio"}
    made = message_of(
        content({**part, "audio": {"id": "x", "bits": [{"index": 1, "v": "b"}]}}),
        content({**part, "audio": {"bits": [{"index": 0, "v": "a"}], "end": True}}),
    )
    assert made.content[0].raw == {
        "type": "audio",
        "audio": {"id": "x", "bits": [{"v": "a"}, {"v": "b"}], "end": True},
    }


@pytest.mark.parametrize("index", [10**15, -(10**15), "7", None, 1.5, [0], {}, True])
def test_an_index_of_any_kind_costs_nothing(index):
    """A list grows by what came, not up to its largest index; an odd one counts as its place."""
    made = message_of(content({**text(0, "a"), "index": index}), content(text(3, "b")))
    assert sorted(part.text.value for part in made.content) == ["a", "b"]


def test_a_whole_object_is_final():
    """It replaces what was gathered, and later deltas do not touch it."""
    snapshots = Snapshots(Message)
    snapshots.add("msg_1", text_delta(1, "wrong")["delta"])
    whole = decode(Message, message(1, "right"))
    snapshots.put(whole)
    snapshots.add("msg_1", text_delta(1, "more")["delta"])
    assert snapshots.objects(with_empty=False) == [whole]
    assert snapshots.is_complete("msg_1")
    assert snapshots.partial() == []


def test_what_was_given_out_does_not_change():
    """Neither documents that came in nor objects that went out are altered by later deltas."""
    begun = step(
        1, "in_progress", {"type": "thought", "thought": {"steps": [{"index": 0, "a": 1}]}}
    )
    before = copy.deepcopy(begun)
    snapshots = Snapshots(RunStep)
    snapshots.begin("step_1", begun)
    [early] = snapshots.objects(with_empty=True)
    shown = repr(early)
    snapshots.add(
        "step_1", {"step_details": {"thought": {"steps": [{"index": 0, "a": 2}], "b": 3}}}
    )
    assert begun == before
    assert repr(early) == shown
    [late] = snapshots.objects(with_empty=True)
    assert late.step_details.raw["thought"] == {"steps": [{"a": 2}], "b": 3}


@pytest.mark.parametrize("name", RECORDINGS)
def test_deltas_alone_make_up_the_completed_objects(name):
    """Without the completed events, texts and calls are the same as with them."""
    recording = RECORDINGS[name]
    messages, steps = Snapshots(Message), Snapshots(RunStep)
    for event, document in (pair for leg in recording.legs for pair in leg):
        if event == "thread.message.delta":
            messages.add(document["id"], document["delta"])
        elif event == "thread.run.step.delta":
            steps.add(document["id"], document["delta"])
    assert [m.content for m in messages.objects(with_empty=True)] == [
        decode(Message, m).content for m in recording.messages
    ]
    for grown in steps.objects(with_empty=True):
        [whole] = [decode(RunStep, s) for s in recording.steps if s["id"] == grown.id]
        for one, other in zip(grown.tool_calls, whole.tool_calls, strict=True):
            if one.type == "function":
                one.function.output = other.function.output
            assert one == other


@given(st.lists(st.tuples(st.integers(0, 3), st.text(max_size=3)), max_size=30), st.randoms())
def test_any_mixture_of_indexes(pieces, chance):
    """The pieces of each index make up its text, in their order, however they share deltas."""
    expected = {}
    for index, piece in pieces:
        expected[index] = expected.get(index, "") + piece
    snapshots = Snapshots(Message)
    rest = [text(index, piece) for index, piece in pieces]
    while rest:
        count = chance.randint(1, 3)
        snapshots.add("msg_1", content(*rest[:count])["delta"])
        del rest[:count]
    made = snapshots.objects(with_empty=True)
    texts = [part.text.value for part in made[0].content] if made else []
    assert texts == [expected[index] for index in sorted(expected)]


def test_no_delta_breaks_the_merge():
    """Whatever JSON a delta holds, in whatever place, it is taken."""
    chance = random.Random(7)
    atoms = [None, True, 1, 1.5, "x", [], {}, [1], ["a"], [{"index": 0}], [None], {"index": 1}]
    keys = ["content", "text", "value", "annotations", "refusal", "step_details", "tool_calls"]
    keys += ["function", "arguments", "code_interpreter", "outputs", "logs", "index", "id", "type"]

    def document(depth):
        if depth == 0 or chance.random() < 0.2:
            return chance.choice(atoms)
        if chance.random() < 0.3:
            return [document(depth - 1) for _ in range(chance.randint(0, 3))]
        return {chance.choice(keys): document(depth - 1) for _ in range(3)}

    for _ in range(300):
        snapshots = Snapshots(Message)
        for _ in range(5):
            delta = document(5)
            snapshots.add("msg_1", json.loads(json.dumps(delta)))
        snapshots.objects(with_empty=True)
        snapshots.content("msg_1")
