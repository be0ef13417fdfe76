"""Reading leniently: whatever a server sends, what can be used is, and nothing is lost."""

import copy
import inspect
import pickle

import attrs
import pytest

import assistants_client
from assistants_client import (
    UNSET,
    Assistant,
    CodeInterpreterTool,
    Deleted,
    FileCitation,
    Message,
    MessageRequest,
    NamedToolChoice,
    Page,
    Run,
    RunRequest,
    RunStep,
    Struct,
    TextPart,
    Thread,
    Unknown,
    UnknownAnnotation,
    UnknownPart,
    UnknownStepDetails,
    UnknownTool,
    UnknownToolCall,
    Usage,
)
from assistants_client._json.codec import InvalidValueError, decode, encode, encode_request

ANSWERS = [Assistant, Deleted, Message, Run, RunStep, Thread]


@pytest.mark.parametrize("cls", ANSWERS)
def test_an_id_is_enough(cls):
    """Every answer can be read from its id alone, with the defaults of a fresh object."""
    assert decode(cls, {"id": "x"}) == cls(id="x")


@pytest.mark.parametrize("cls", ANSWERS)
def test_null_is_as_good_as_absent(cls):
    """A null in any field but the id gives the default."""
    nulls = {a.name: None for a in attrs.fields(cls) if a.init}
    made = decode(cls, nulls | {"id": "x"})
    assert made == cls(id="x")
    assert not made.extra


@pytest.mark.parametrize("cls", ANSWERS)
@pytest.mark.parametrize("value", [[1], {"a": 1}, "text", 5, 1.5, True, [{}], [None], {"type": []}])
def test_no_shape_of_a_field_raises(cls, value):
    """What a field cannot hold stays in extra, and goes out again as it came."""
    for name in [a.name for a in attrs.fields(cls) if a.init and a.name != "id"]:
        document = {"id": "x", name: value}
        made = decode(cls, document)
        assert decode(cls, encode(made)) == made
        if name in made.extra:
            assert encode(made)[name] == value
            is_read = (name, value) == ("content", "text")  # see below
            assert is_read or getattr(made, name) == getattr(cls(id="x"), name)


@pytest.mark.parametrize("cls", ANSWERS)
@pytest.mark.parametrize("document", [None, [], "x", 5, True, {}, {"id": None}, {"id": 5}])
def test_only_what_is_no_object_with_an_id_is_refused(cls, document):
    """Without a string id there is no object."""
    with pytest.raises(InvalidValueError):
        decode(cls, document)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("created_at", "12"),
        ("created_at", True),
        ("status", 5),
        ("status", ["completed"]),
        ("status", False),
        ("temperature", "1.0"),
        ("parallel_tool_calls", "false"),
        ("parallel_tool_calls", 0),
        ("metadata", "text"),
        ("metadata", {"a": 5}),
        ("tools", "abc"),
        ("tools", {"type": "function"}),
        ("tool_choice", 5),
        ("tool_choice", {"function": {"name": "f"}}),
        ("usage", 12),
        ("required_action", []),
        ("truncation_strategy", "auto"),
    ],
)
def test_nothing_is_coerced(name, value):
    """A value of another type is neither converted nor passed off as the declared one."""
    made = decode(Run, {"id": "r", name: value})
    assert made.extra == {name: value}
    assert getattr(made, name) == getattr(Run(id="r"), name)
    assert not made.is_final


def test_times_with_a_decimal_point_are_kept():
    """Some servers send whole seconds as floats."""
    assert decode(Run, {"id": "r", "created_at": 1795368809.0}).created_at == 1795368809.0


def test_unknown_keys_are_kept_at_every_depth():
    """A key of another server is in extra of the object it came with."""
    run = decode(Run, {"id": "r", "thread": {"a": 1}, "usage": {"prompt_tokens": 1, "cached": 2}})
    assert run.extra == {"thread": {"a": 1}}
    assert run.usage.extra == {"cached": 2}


def test_extra_cannot_be_written_by_accident():
    """An object that came without unknown keys has an empty, read-only extra."""
    with pytest.raises(TypeError):
        decode(Run, {"id": "r"}).extra["a"] = 1


@pytest.mark.parametrize("key", ["extra", "_extra", "self", "raw", "problem", "__class__", ""])
def test_keys_that_are_names_of_ours_do_no_harm(key):
    """An unknown key is only a key, whatever its name."""
    made = decode(Run, {"id": "r", key: 1})
    assert made.extra == {key: 1}
    assert made.id == "r"


@pytest.mark.parametrize("status", ["paused", "", "COMPLETED", "cancelled "])
def test_enumerations_are_open(status):
    """An unknown status is kept as text, neither active nor final."""
    run = decode(Run, {"id": "r", "status": status})
    assert run.status == status
    assert not run.is_active
    assert not run.is_final


@pytest.mark.parametrize(
    ("cls", "field", "unknown"),
    [
        (Message, "content", UnknownPart),
        (Assistant, "tools", UnknownTool),
        (Run, "tools", UnknownTool),
    ],
)
@pytest.mark.parametrize("entry", [{"type": "video", "a": {"b": 1}}, {"a": 1}, {"type": None}, {}])
def test_unknown_variants_are_kept_whole(cls, field, unknown, entry):
    """A variant of another service keeps its type and everything it came with."""
    made = decode(cls, {"id": "x", field: [entry]})
    (kept,) = getattr(made, field)
    assert type(kept) is unknown
    assert isinstance(kept, Unknown)
    assert kept.type == (entry.get("type") or "")
    assert kept.raw == entry
    assert encode(made)[field] == [entry]


def test_unknown_variants_deep_inside_are_kept():
    """Annotations, tool calls, outputs and step details are open too."""
    place = {"type": "map_citation", "place": "Oslo", "title": "A"}
    part = {"type": "text", "text": {"value": "v", "annotations": [place]}}
    message = decode(Message, {"id": "m", "content": [part]})
    assert message.citations == [UnknownAnnotation(type="map_citation", raw=place)]
    call = {"id": "c", "type": "browser", "browser": {}}
    details = {"type": "tool_calls", "tool_calls": [call]}
    step = decode(RunStep, {"id": "s", "step_details": details})
    assert step.tool_calls == [UnknownToolCall(type="browser", raw=call)]
    step = decode(RunStep, {"id": "s", "step_details": {"type": "thought"}})
    assert step.step_details == UnknownStepDetails(type="thought", raw={"type": "thought"})
    assert step.tool_calls == []


def test_a_broken_part_does_not_take_the_others_away():
    """A part of a known type that cannot be read is kept as it came, beside the readable ones."""
    parts = [{"type": "image_file"}, {"type": "text", "text": {"value": "hi", "annotations": []}}]
    message = decode(Message, {"id": "m", "content": parts})
    assert message.content[0] == UnknownPart(type="image_file", raw={"type": "image_file"})
    assert message.text == "hi"
    assert encode(message)["content"] == parts


HI = {"type": "text", "text": {"value": "hi", "annotations": []}}


@pytest.mark.parametrize("content", ["hi", ["hi"], [{"type": "text", "text": "hi"}], [HI]])
def test_text_of_another_shape_is_read(content):
    """Some servers send the bare text in the place of a text, of a part, or of all parts."""
    made = decode(Page[Message], {"data": [{"id": "m", "content": content}] * 300})
    assert {message.text for message in made.data} == {"hi"}
    assert encode(made.data[0])["content"] in (content, [HI])


@pytest.mark.parametrize("odd", [None, 5, "x", []])
def test_what_is_no_object_does_not_take_the_rest_of_its_list_away(odd):
    """The members that can be read are, and the whole list is kept and goes out as it came."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    action = {"tool_calls": [odd, call, {"no": "id"}]}
    run = {
        "id": "r",
        "required_action": {"type": "submit_tool_outputs", "submit_tool_outputs": action},
        "tools": [odd, {"type": "code_interpreter"}],
    }
    for made in decode(Page[Run], {"data": [run] * 300}).data:
        assert [one.id for one in made.tool_calls] == ["c"]
        assert made.required_action.submit_tool_outputs.extra == action
        assert made.tools == [CodeInterpreterTool()]
        assert encode(made) | run == encode(made)


def test_a_page_says_when_an_item_cannot_be_read():
    """A list must not be short without a word."""
    document = {"object": "list", "data": [{"id": "a"}, {"object": "thread.run"}]}
    with pytest.raises(InvalidValueError) as caught:
        decode(Page[Run], document)
    assert caught.value.path == "data[1].id"
    with pytest.raises(InvalidValueError):
        decode(Page[Run], {"data": {}})


@pytest.mark.parametrize("document", [{}, {"data": None, "first_id": None, "has_more": None}])
def test_a_page_without_data_is_empty(document):
    """Absent and null data are an empty list; has_more stays unknown."""
    page = decode(Page[Run], document)
    assert page.data == []
    assert page.has_more is None


def test_helpers_of_a_message():
    """Text joins the text parts; citations lists their annotations in order."""
    mark = {"type": "file_citation", "text": "[1]", "file_citation": {"file_id": "f"}}
    parts = [
        {"type": "text", "text": {"value": "one", "annotations": [mark]}},
        {"type": "image_file", "image_file": {"file_id": "f"}},
        {"type": "text", "text": {"value": "two", "annotations": []}},
    ]
    message = decode(Message, {"id": "m", "content": parts})
    assert message.text == "one\ntwo"
    assert [type(mark) for mark in message.citations] == [FileCitation]


def test_helpers_of_a_run():
    """The calls of a run are there while action is required, and only then."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}
    run = decode(Run, {"id": "r", "status": "requires_action", "required_action": action})
    assert [c.function.name for c in run.tool_calls] == ["f"]
    assert run.is_active
    assert decode(Run, {"id": "r", "required_action": {}}).tool_calls == []
    assert decode(Run, {"id": "r", "status": "expired"}).is_final


def test_what_was_not_given_is_not_written():
    """UNSET is left out, None is written as null."""
    document = encode_request(RunRequest(assistant_id="a", model=None))
    assert document == {"assistant_id": "a", "model": None}
    assert RunRequest(assistant_id="a").model is UNSET
    assert not UNSET
    assert repr(UNSET) == "UNSET"
    assert copy.deepcopy(UNSET) is UNSET
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET


def test_pieces_write_none_as_absent():
    """In a tool or an option None means absent, never null."""
    choice = NamedToolChoice(type="file_search")
    assert encode(choice) == {"type": "file_search"}


def _structs():
    public = [getattr(assistants_client, name) for name in assistants_client.__all__]
    mine = [cls for cls in public if isinstance(cls, type) and attrs.has(cls)]
    # What is made from a function, not from fields, has tests of its own.
    return [cls for cls in mine if "implementation" not in inspect.signature(cls).parameters]


def _made(cls):
    """An object of the class, with something in every field that is needed."""
    needed = {
        a.alias: {"raw": {"type": "x", "deep": [1]}, "type": "x", "polls": 1}.get(a.name, "x")
        for a in attrs.fields(cls)
        if a.init and a.default is attrs.NOTHING
    }
    return cls(**needed)


@pytest.mark.parametrize("cls", _structs(), ids=lambda cls: cls.__name__)
def test_public_objects_survive_pickle_and_copy(cls):
    """Pickle, copy and deepcopy give an equal object, unknown keys included."""
    made = _made(cls)
    if isinstance(made, Struct):
        made._extra = {"unknown": [1]}
    copies = [pickle.loads(pickle.dumps(made, p)) for p in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    for other in [*copies, copy.copy(made), copy.deepcopy(made)]:
        assert other == made
        assert type(other) is cls
        if isinstance(made, Struct):
            assert other.extra == {"unknown": [1]}


@pytest.mark.parametrize("cls", _structs(), ids=lambda cls: cls.__name__)
def test_public_objects_are_slotted(cls):
    """A misspelled attribute is an error, in requests as in answers."""
    with pytest.raises((AttributeError, attrs.exceptions.FrozenInstanceError)):
        _made(cls).misspelled = 1


def test_answers_can_be_changed_and_requests_not():
    """Answers are plain data; a request stays what was checked."""
    run = Run(id="r")
    run.status = "queued"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        MessageRequest("hi").content = "other"


def test_objects_compare_by_what_they_hold():
    """Two readings of the same answer are equal."""
    document = {"id": "x", "tools": [{"type": "code_interpreter"}]}
    assert decode(Assistant, document) == decode(Assistant, document)
    assert decode(Assistant, document).tools == [CodeInterpreterTool()]
    assert TextPart() != Thread(id="x")


def test_objects_are_equal_by_their_fields_and_are_no_keys():
    """What a server sends beside the fields makes no difference; another class does."""
    run = decode(Run, {"id": "run_a", "usage": {"total_tokens": 3}, "of_some_server": 1})

    assert run == Run(id="run_a", usage=Usage(total_tokens=3))
    assert run != Run(id="run_a", usage=Usage(total_tokens=4))
    assert run != Thread(id="run_a")
    assert run != "run_a"
    with pytest.raises(TypeError, match="unhashable"):
        hash(run)
