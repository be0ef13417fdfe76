"""Objects as JSON, and made again from it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from assistants_client import Assistant, Client, Message, Run, RunStep, Thread, UnknownPart
from assistants_client._json.codec import decode
from assistants_client.engine import Engine, Scripted

CLASSES = {"assistant": Assistant, "message": Message, "run": Run, "thread": Thread}


@pytest.mark.parametrize("name", CLASSES)
def test_what_is_written_is_read_again(payload, name):
    """The document that the server sent, with its own keys where they were."""
    document = {**payload(name), "owner": "u1"}
    made = decode(CLASSES[name], document)
    written = made.to_dict()
    assert json.loads(json.dumps(written)) == document
    assert made.model_dump() == written
    again = CLASSES[name].from_dict(written)
    assert again == made
    assert again.extra == {"owner": "u1"}


def test_what_was_read_makes_another(clean_environment, payload):
    """An assistant on another server, from what was kept of the first."""
    kept = decode(Assistant, payload("assistant")).to_dict()
    fields = {name: kept[name] for name in ("model", "name", "instructions", "tools", "metadata")}
    with Client(engine=Engine("sqlite:///:memory:", model=Scripted([]))) as client:
        made = client.assistants.create(**fields)
        filled_in = {name: made.to_dict()[name] for name in fields}
        again = client.assistants.create(**filled_in)
    assert [tool["type"] for tool in filled_in["tools"]] == [tool["type"] for tool in kept["tools"]]
    assert again.tools == made.tools


def test_unknown_variants_are_kept():
    """As they were received."""
    document = {"type": "poem", "lines": [1]}
    assert UnknownPart.from_dict(document).to_dict() == document


@pytest.mark.parametrize("wrong", [{"object": "thread.run.step"}, {}])
def test_what_is_no_object_is_refused(wrong):
    """An id is needed."""
    with pytest.raises(ValueError, match="Missing required parameter: 'id'"):
        RunStep.from_dict(wrong)


@pytest.mark.parametrize("wrong", ['{"id": "step_1"}', None, ["id"]])
def test_what_is_no_mapping_is_refused(wrong):
    """A text is to be read first."""
    with pytest.raises(TypeError, match=r"expected a JSON object, a mapping, got .*; json"):
        RunStep.from_dict(wrong)


def test_it_needs_no_client():
    """A program that only reads what it kept loads what that takes."""
    program = (
        "from assistants_client import Message\n"
        "print(Message.from_dict({'id': 'm', 'content': [{'type': 'text', 'text': 'Hi'}]}).text)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert done.stdout == "Hi\n"
