"""A request object, or its fields as keywords: the same on the wire, and mistakes are refused."""

import re

import pytest

from assistants_client import (
    AssistantRequest,
    Client,
    ConfigurationError,
    InvalidRequestError,
    RunRequest,
    ThreadRequest,
)

URL = "https://server.test/v1"


@pytest.fixture
def server(wire):
    """Answers every call below URL, and OpenAI's, with a thread."""
    wire.add("POST", re.compile(r".*/threads(\?.*)?$"), json={"id": "thread_a"})
    wire.add("GET", re.compile(r".*/threads/.*"), json={"id": "thread_a"})
    return wire


def test_object_and_keywords_send_the_same(server):
    """One declaration, two ways to say it."""
    server.add("POST", f"{URL}/assistants", json={"id": "asst_a"})
    server.add("POST", f"{URL}/threads/thread_a/runs", json={"id": "run_a"})
    with Client(URL) as client:
        client.assistants.create(AssistantRequest(model="m", name=None))
        client.assistants.create(model="m", name=None)
        client.runs.create("thread_a", RunRequest(assistant_id="a"))
        client.runs.create("thread_a", assistant_id="a")
    bodies = [call.request.body for call in server.calls]
    assert bodies == [b'{"name":null,"model":"m"}'] * 2 + [b'{"assistant_id":"a"}'] * 2


def test_another_object_in_the_place_of_the_request(server):
    """The message names the method and what it takes, not a constructor that nobody called."""
    said = r"Assistants\.create\(\) takes.* one AssistantRequest or its fields.*, not .* dict$"
    with Client(URL) as client, pytest.raises(TypeError, match=said):
        client.assistants.create({"model": "m"})
    assert len(server.calls) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.assistants.create(AssistantRequest(model="m"), name="n"),
        lambda c: c.assistants.create(AssistantRequest(model="m"), AssistantRequest(model="m")),
        lambda c: c.runs.create("t", RunRequest(assistant_id="a"), assistant_id="a"),
        lambda c: c.assistants.create(),
        lambda c: c.assistants.create("m"),
        lambda c: c.assistants.create(modell="m"),
        lambda c: c.runs.create(assistant_id="a"),
        lambda c: c.runs.create("t", ThreadRequest()),
        lambda c: c.messages.create("t"),
        lambda c: c.runs.submit_tool_outputs("t", tool_outputs=[]),
    ],
)
def test_mixed_and_misspelled_calls_are_type_errors(server, call):
    """As for any Python function; nothing is sent."""
    with Client(URL) as client, pytest.raises(TypeError):
        call(client)
    assert len(server.calls) == 0


@pytest.mark.parametrize(
    ("call", "path", "words"),
    [
        (lambda c: c.assistants.create(model="m", name="n" * 257), "name", "at most 256"),
        (lambda c: c.assistants.create(model=5), "model", "expected a string, got an integer"),
        (lambda c: c.assistants.update(AssistantRequest(model="m")), "assistant_id", "an id"),
        (lambda c: c.messages.create("t", 5), "content", "expected a string or an array"),
        (lambda c: c.threads.create(metadata={str(n): "" for n in range(17)}), "metadata", "16"),
        (
            lambda c: c.threads.create(messages=[{"role": "user"}]),
            "messages[0].content",
            "Missing required parameter",
        ),
    ],
)
def test_bad_requests_are_refused_before_sending(server, call, path, words):
    """The error names the field and the limit."""
    with Client(URL) as client, pytest.raises(InvalidRequestError, match=words) as caught:
        call(client)
    assert caught.value.path == path
    assert path in str(caught.value)
    assert len(server.calls) == 0


@pytest.mark.parametrize("junk", [{1, 2}, object(), b"bytes", float("nan")])
def test_what_json_cannot_hold_is_refused(server, junk):
    """Inside of a schema anything may stand, but it must be JSON."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"default": junk}}}
    with Client(URL) as client, pytest.raises(ConfigurationError):
        client.assistants.create(model="m", tools=[tool])
    assert len(server.calls) == 0
