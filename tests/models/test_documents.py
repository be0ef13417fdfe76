"""``to_dict`` and ``from_dict``: the protocol's JSON of every object, and the object again."""

import json
from typing import get_args

import pytest

import assistants_client
from assistants_client import (
    UNSET,
    Annotation,
    AssistantRequest,
    AssistantUpdate,
    Client,
    CodeInterpreterTool,
    ContentPart,
    Done,
    Event,
    FunctionTool,
    InputTextPart,
    Message,
    MessageDelta,
    MessageRequest,
    Page,
    Request,
    Run,
    RunCompleted,
    RunQueued,
    RunStepCreated,
    RunStepDelta,
    Struct,
    ThreadRequest,
    Tool,
    ToolFunction,
    Unknown,
    UnknownEvent,
    UnknownTool,
    from_dict,
    to_dict,
)
from assistants_client.engine import Engine, Scripted

#: A value for each field that a class needs.
NEEDED = {"id": "x_1", "type": "new", "raw": {"type": "new", "a": [1]}, "file_id": "file-1",
          "url": "https://a.example", "text": "Hi", "name": "f", "function": {"name": "f"},
          "image_file": {"file_id": "file-1"}, "image_url": {"url": "https://a.example"},
          "seconds": 3600, "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400},
          "max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400, "days": 1,
          "json_schema": {"name": "s", "schema": {}}, "score_threshold": 0.5}  # fmt: skip


def structs():
    """Every public class of objects that are read."""
    found = (getattr(assistants_client, name) for name in assistants_client.__all__)
    return [
        one
        for one in found
        if isinstance(one, type) and issubclass(one, Struct)
        if one not in (Struct, Page, ToolFunction)  # no object; one of items; with a function
    ]


@pytest.mark.parametrize("cls", structs(), ids=lambda cls: cls.__name__)
def test_every_object_has_a_document_and_is_made_again_from_it(cls):
    """What is not known here stays where it was."""
    if issubclass(cls, Unknown):
        document = {"type": "new", "a": [1], "of_theirs": {"b": None}}
    else:
        fields = {field.name for field in cls.__attrs_attrs__}
        document = {name: value for name, value in NEEDED.items() if name in fields}
        default = next((f.default for f in cls.__attrs_attrs__ if f.name == "type"), "new")
        document |= {"type": default} if "type" in document and isinstance(default, str) else {}
        document["of_theirs"] = {"b": None}
    made = from_dict(cls, document)
    written = json.loads(json.dumps(to_dict(made)))
    again = from_dict(cls, written)
    assert again == made
    assert type(again) is type(made) is cls
    assert again.extra == made.extra
    assert to_dict(again) == written
    assert written["of_theirs"] == {"b": None}
    assert written.get("id") == document.get("id")


def test_every_event_has_a_document_and_is_made_again_from_it():
    """By its name, whatever the status of its object; an unknown one too."""
    objects = {"run": {"id": "run_1"}, "step": {"id": "step_1"}, "message": {"id": "msg_1"}}
    objects["thread"] = {"id": "thread_1"}
    seen = set()
    for cls in get_args(Event):
        if cls in (MessageDelta, RunStepDelta):
            event = from_dict(cls, {"id": "x", "delta": {"of_theirs": 1}})
        elif cls is Done:
            event = Done()
        elif cls is UnknownEvent:
            event = UnknownEvent("thread.dreamed", [1, {"a": None}])
        else:
            [field] = cls.__attrs_attrs__
            inner = {"step": "RunStep"}.get(field.name, field.name.capitalize())
            made = from_dict(getattr(assistants_client, inner), {**objects[field.name], "new": 1})
            event = cls(made)
        document = json.loads(json.dumps(to_dict(event)))
        assert from_dict(Event, document) == from_dict(cls, document) == event
        assert type(from_dict(Event, document)) is cls
        seen.add(document.get("event", document.get("object")))
    assert len(seen) == len(get_args(Event))
    assert to_dict(RunQueued(Run(id="r", status="completed")))["event"] == "thread.run.queued"


def test_an_event_of_another_class_is_refused():
    """A document says which event it is."""
    document = to_dict(RunCompleted(Run(id="r")))
    with pytest.raises(ValueError, match=r"thread\.run\.completed', and no RunStepCreated"):
        from_dict(RunStepCreated, document)
    with pytest.raises(ValueError, match="it is no event"):
        from_dict(Event, {"id": "run_1", "object": "thread.run"})


@pytest.mark.parametrize(
    ("union", "document"),
    [
        (Tool, {"type": "azure_ai_search", "azure_ai_search": {"indexes": [{"a": None}]}}),
        (Tool, {"type": "function", "function": {"name": "f", "new": 1}}),
        (ContentPart, {"type": "hologram", "depth": 3}),
        (ContentPart, {"type": "text", "text": {"value": "a", "annotations": [{"type": "n"}]}}),
        (Annotation, {"type": "margin", "note": "n"}),
    ],
)
def test_of_a_union_the_document_says_which(union, document):
    """Unknown variants keep their classes, and all that is in them."""
    made = from_dict(union, document)
    assert made.type == document["type"] or isinstance(made, Unknown)
    assert to_dict(made) == document


def test_pages_keep_their_items():
    """A page is an object like others."""
    document = {"object": "list", "data": [{"id": "m", "x": 1}], "first_id": "m", "last_id": "m"}
    page = from_dict(Page[Message], document)
    assert page.data[0].extra == {"x": 1}
    assert from_dict(Page[Message], to_dict(page)) == page


@pytest.mark.parametrize(
    ("request_", "document"),
    [
        (MessageRequest("Hi", timeout=5), {"content": "Hi", "role": "user"}),
        (
            MessageRequest([InputTextPart(text="Hi")], extra_body={"theirs": [1]}),
            {"content": [{"text": "Hi", "type": "text"}], "role": "user", "theirs": [1]},
        ),
        (AssistantUpdate(name=None, metadata={}), {"name": None, "metadata": {}}),
        (
            AssistantRequest(model="m", tools=[CodeInterpreterTool(), {"type": "new", "a": 1}]),
            {"model": "m", "tools": [{"type": "code_interpreter"}, {"type": "new", "a": 1}]},
        ),
        (
            ThreadRequest(messages=[MessageRequest("a", extra_body={"b": 1})]),
            {"messages": [{"content": "a", "role": "user", "b": 1}]},
        ),
    ],
)
def test_a_request_is_its_body(request_, document):
    """What was not given is not in it, and null is not "not given"."""
    assert json.loads(json.dumps(to_dict(request_))) == document
    again = from_dict(type(request_), document)
    assert to_dict(again) == document
    assert isinstance(again, Request)


def test_of_a_request_the_fields_are_objects_again():
    """Tools have their classes, those of another service too; what was left out is unset."""
    made = from_dict(AssistantRequest, {"model": "m", "tools": [
        {"type": "function", "function": {"name": "f"}}, {"type": "new", "a": 1}]})  # fmt: skip
    assert [type(one) for one in made.tools] == [FunctionTool, UnknownTool]
    assert made.name is UNSET


def test_a_request_that_breaks_the_rules_is_refused_both_ways():
    """Writing is strict, and reading what is to be sent is, too."""
    with pytest.raises(ValueError, match="model"):
        from_dict(AssistantRequest, {"name": "no model"})
    with pytest.raises(ValueError, match="metadata"):
        to_dict(AssistantUpdate(metadata={"a": 1}))


@pytest.mark.parametrize("wrong", [[Run(id="r")], {"id": "r"}, "run", None, 1])
def test_what_is_no_object_of_the_protocol_is_refused(wrong):
    """A list is many."""
    with pytest.raises(TypeError, match=r"got \w+; of a list, each object has a document"):
        to_dict(wrong)
    with pytest.raises(TypeError, match="a mapping"):
        from_dict(Run, None)


def test_a_thread_is_copied_with_all_that_requests_take(clean_environment):
    """A page that was read, its documents, and the parts in it make the same messages again."""
    with Client(engine=Engine("sqlite:///:memory:", model=Scripted([]))) as client:
        image = client.files.upload(_PNG, filename="a.png", purpose="vision")
        note = client.files.upload(b"n", filename="n.txt", purpose="assistants")
        old = client.threads.create()
        client.messages.create(
            old.id,
            [
                {"type": "text", "text": "What is this?"},
                {"type": "image_file", "image_file": {"file_id": image.id, "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
            ],
            attachments=[{"file_id": note.id, "tools": [{"type": "file_search"}]}],
            metadata={"a": "b"},
        )
        client.messages.create(old.id, "It is 【0†n.txt】.", role="assistant")
        page = next(client.messages.list(old.id, order="asc").pages())
        copies = [
            client.threads.create(messages=page.data),
            client.threads.create(messages=[to_dict(one) for one in page.data]),
            client.threads.create(
                messages=[
                    {
                        "role": one.role,
                        "content": [to_dict(part) for part in one.content],
                        "attachments": [to_dict(it) for it in one.attachments],
                        "metadata": one.metadata,
                    }
                    for one in page.data
                ]
            ),
        ]
        for copy in copies:
            again = client.messages.list(copy.id, order="asc")
            for new, was in zip(again, page.data, strict=True):
                assert (new.role, new.content, new.attachments, new.metadata) == (
                    was.role,
                    was.content,
                    was.attachments,
                    was.metadata,
                )


_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
