"""Whole objects as servers send them: read, written, equal; and what odd ones come to."""

import json
import os
import re
from pathlib import Path

import attrs
import pytest

import assistants_client
from assistants_client import (
    Assistant,
    Deleted,
    FilePath,
    ImageOutput,
    LogsOutput,
    Message,
    Page,
    Run,
    RunStep,
    Struct,
    Thread,
    Unknown,
    UnknownAnnotation,
    UnknownOutput,
    UnknownPart,
    UnknownTool,
    UnknownToolCall,
    UrlCitation,
)
from assistants_client._json.codec import decode, encode

PAYLOADS = sorted(Path(__file__).parent.with_name("payloads").glob("*.json"))
COMPLETE = [path for path in PAYLOADS if not path.stem.startswith("odd_")]
CLASSES = {
    "assistant": Assistant,
    "deleted": Deleted,
    "message": Message,
    "page": Page[Run],
    "run": Run,
    "run_step": RunStep,
    "step": RunStep,
    "thread": Thread,
}


def read(path):
    """A payload's document, and the class it belongs to."""
    name = path.stem.removeprefix("odd_")
    kind = max((kind for kind in CLASSES if name.startswith(kind)), key=len)
    return json.loads(path.read_text("utf-8")), CLASSES[kind]


def structs(value):
    """Every object within an object."""
    if isinstance(value, list):
        for entry in value:
            yield from structs(entry)
    elif attrs.has(type(value)):
        yield value
        for attribute in attrs.fields(type(value)):
            yield from structs(getattr(value, attribute.name))


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_reading_and_writing_again_loses_nothing(path):
    """Every key that came goes out as it came; a null may come out as the field's default."""
    document, cls = read(path)
    written = encode(decode(cls, document))
    for key, value in document.items():
        if value is not None and not path.stem.startswith("odd_"):
            assert written[key] == value
        elif value is not None:
            assert decode(cls, written) == decode(cls, document)
    assert decode(cls, written) == decode(cls, document)


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.stem)
def test_complete_objects_come_out_equal(path):
    """A complete object is written exactly as it was read."""
    document, cls = read(path)
    written = encode(decode(cls, document))
    assert {k: v for k, v in written.items() if v is not None} == {
        k: v for k, v in document.items() if v is not None
    }
    assert written.keys() - document.keys() <= {"tool_resources", "reasoning_effort"}


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.stem)
def test_no_documented_key_is_unknown(path):
    """Nothing of a complete object falls into extra or becomes an unknown variant."""
    document, cls = read(path)
    for made in structs(decode(cls, document)):
        assert not isinstance(made, Unknown), made
        assert not made.extra, (type(made), made.extra)


@pytest.mark.parametrize("path", COMPLETE, ids=lambda path: path.stem)
def test_every_value_has_its_declared_type(path):
    """Nested objects are objects of ours, and no dict is left where a class is known."""
    document, cls = read(path)
    allowed = {"parameters", "schema", "metadata", "attributes", "_extra"}
    for made in structs(decode(cls, document)):
        for attribute in attrs.fields(type(made)):
            if attribute.name not in allowed:
                assert not isinstance(getattr(made, attribute.name), dict)


def test_every_answer_has_a_payload():
    """Each noun has a complete object here."""
    nouns = {cls for cls in CLASSES.values() if isinstance(cls, type)}
    seen = {cls for _, cls in map(read, COMPLETE)}
    assert nouns <= seen


def test_every_piece_of_an_answer_appears_in_a_payload():
    """All classes reachable from the answers are made by some payload."""
    made = {type(s) for path in PAYLOADS for s in structs(decode(read(path)[1], read(path)[0]))}
    answers = {Assistant, Thread, Message, Run, RunStep, Deleted, Page, FilePath, ImageOutput}
    assert answers <= made
    assert {UnknownAnnotation, UnknownOutput, UnknownPart, UnknownTool, UnknownToolCall} <= made


def test_a_run_of_few_words(payload):
    """Another server's run: defaults for what it leaves out, the rest in extra."""
    run = decode(Run, payload("odd_run_of_few_words"))
    assert run.is_final
    assert (run.tools, run.metadata, run.usage) == ([], {}, None)
    assert run.created_at == 1795368809
    assert run.extra == {"thread": {"id": "t"}, "stream": None}


def test_a_run_with_an_error_in_plain_text(payload):
    """The text becomes the message; an empty action is none."""
    run = decode(Run, payload("odd_run_with_plain_error"))
    assert run.last_error.message == "the quota is used up"
    assert run.required_action is None
    assert run.tool_calls == []


def test_an_action_of_another_kind(payload):
    """It is kept, and offers no calls that could be answered wrongly."""
    run = decode(Run, payload("odd_run_approval"))
    assert run.required_action.type == "submit_tool_approval"
    assert "submit_tool_approval" in run.required_action.extra
    assert run.tool_calls == []
    assert [tool.type for tool in run.tools] == ["mcp", "bing_grounding"]


def test_a_message_of_another_service(payload):
    """A system message with a link and a video still has its text."""
    message = decode(Message, payload("odd_message_system"))
    assert (message.role, message.text, message.attachments) == ("system", "Hi", [])
    assert [type(mark) for mark in message.citations] == [UrlCitation, UnknownAnnotation]
    assert set(message.extra) == {"file_ids", "updated_at"}


def test_metadata_under_another_name(payload):
    """Some servers let their column's name slip out."""
    thread = decode(Thread, payload("odd_thread_foreign_metadata"))
    assert thread.metadata == {"a": "b"}
    assert not thread.extra
    both = decode(Thread, {"id": "t", "metadata": {"a": "b"}, "metadata_": {"c": "d"}})
    assert both.metadata == {"a": "b"}
    assert both.extra == {"metadata_": {"c": "d"}}
    odd = decode(Thread, {"id": "t", "metadata_": 5})
    assert (odd.metadata, odd.extra) == ({}, {"metadata_": 5})


def test_the_outputs_of_code(payload):
    """Logs and images, in order."""
    step = decode(RunStep, payload("run_step_tools"))
    outputs = step.tool_calls[0].code_interpreter.outputs
    assert [type(output) for output in outputs] == [LogsOutput, ImageOutput]
    assert outputs[0].logs == "3\n"
    assert [call.type for call in step.tool_calls][1:] == ["file_search", "function", "function"]


# --- the published examples, where they are at hand ----------------------------------------------

PREFIXES = [
    (r"assistant", Assistant),
    (r"thread", Thread),
    (r"thread\.message", Message),
    (r"thread\.run", Run),
    (r"thread\.run\.step", RunStep),
    (r"(assistant|thread|thread\.message)\.deleted", Deleted),
]


def published():
    """The objects of the published examples, by whatever depth they stand at."""
    beside = Path(assistants_client.__file__).parents[2] / "shared" / "spec"
    folder = Path(os.environ.get("ASSISTANTS_SPEC_DIR") or beside)
    found = []
    for path in sorted(folder.glob("*.json")):
        walk(json.loads(path.read_text("utf-8")), found)
    return found


def without_nulls(value):
    """The same without keys that are null, at any depth."""
    if isinstance(value, dict):
        return {key: without_nulls(entry) for key, entry in value.items() if entry is not None}
    return [without_nulls(entry) for entry in value] if isinstance(value, list) else value


def walk(value, found):
    """Gathers the objects that have a noun of ours and an id."""
    if isinstance(value, str) and '"object"' in value:
        for text in re.split(r"\n(?=data: |event: )|^data: ", value):
            try:
                walk(json.loads(text.strip().removeprefix("data: ")), found)
            except ValueError:
                continue
    elif isinstance(value, list):
        for entry in value:
            walk(entry, found)
    elif isinstance(value, dict):
        noun = value.get("object")
        cls = next(
            (c for p, c in PREFIXES if isinstance(noun, str) and re.fullmatch(p, noun)), None
        )
        if cls is not None and isinstance(value.get("id"), str):
            found.append((cls, value))
        for entry in value.values():
            walk(entry, found)


def test_published_examples_are_read():
    """Every published object of the nouns we have is read and keeps its id."""
    examples = published()
    if not examples:
        pytest.skip("no published examples: set ASSISTANTS_SPEC_DIR to the folder that has them")
    assert {cls for cls, _ in examples} >= {Assistant, Thread, Message, Run, RunStep}
    for cls, document in examples:
        made = decode(cls, document)
        assert made.id == document["id"]
        assert made.object == document["object"]
        written = encode(made)
        for key, value in without_nulls(document).items():
            assert without_nulls(written)[key] == value


def test_published_examples_hold_nothing_unknown():
    """What the reference documents is declared."""
    examples = published()
    if not examples:
        pytest.skip("no published examples: set ASSISTANTS_SPEC_DIR to the folder that has them")
    known_oddities = {"file_ids", "expires_at", "top_level"}
    for cls, document in examples:
        for made in structs(decode(cls, document)):
            assert isinstance(made, Struct)
            assert set(made.extra) <= known_oddities, (cls, document["id"], made.extra)
