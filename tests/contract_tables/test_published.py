"""The published examples, where they are at hand: each request can be made, each object is read."""

import email
import json
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from protocol_fields import FIELDS
from published_requests import CALLS, MISTAKES, WITHOUT_BETA

from assistants_client import Message, Run, RunStep, Struct, Unknown
from assistants_client._json.codec import decode, encode

BASE = "https://server.test/v1"
PUBLISHED_BASE = "https://api.openai.com/v1"
_OBJECTS = {"thread.run": Run, "thread.run.step": RunStep, "thread.message": Message}


@pytest.fixture(scope="module")
def examples(spec_file):
    """All examples that were published with the specification."""
    return spec_file("examples.json")


@pytest.fixture(scope="module")
def requests_published(examples):
    """Those of requests, by operation and title."""
    return {
        (e["operation"], e.get("title", "")): e["parsed"]
        for e in examples
        if e["kind"].startswith("request")
    }


def test_every_published_request_has_a_call(requests_published):
    """No example is overlooked, and no row of the tables is left over."""
    assert requests_published.keys() == CALLS.keys()
    assert (MISTAKES.keys() | WITHOUT_BETA.keys()) <= CALLS.keys()


@pytest.mark.parametrize("key", CALLS, ids=" ".join)
def test_a_published_request_can_be_made(key, requests_published, client, wire):
    """One call sends the same method, path, query, headers and JSON."""
    example = json.loads(json.dumps(requests_published[key]))
    if key in MISTAKES:
        _, put_right = MISTAKES[key]
        put_right(example)
    url = urlsplit(example["url"].removeprefix(PUBLISHED_BASE))
    wire.add(example["method"], re.compile(re.escape(BASE) + ".*"), json={"id": "x", "data": []})

    CALLS[key](client, path_ids(key[0], url.path), body_of(example))

    (call,) = wire.calls
    sent = urlsplit(call.request.url.removeprefix(BASE))
    assert (call.request.method, sent.path) == (example["method"], url.path)
    assert sorted(parse_qsl(sent.query)) == sorted(parse_qsl(url.query))
    check_headers(call.request, example, key)
    if "form" in example:
        assert form_of(call.request) == body_of(example)
    elif "json" in example:
        assert json.loads(call.request.body) == example["json"]
    else:
        assert not call.request.body


@pytest.mark.parametrize("key", MISTAKES, ids=" ".join)
def test_a_mistake_in_an_example_is_one(key, requests_published):
    """What is put right was wrong: the list cannot hide an example that we cannot make."""
    before = requests_published[key]
    after = json.loads(json.dumps(before))
    reason, put_right = MISTAKES[key]
    put_right(after)

    assert before != after
    assert reason


def path_ids(operation, path):
    """The ids in the path of an example."""
    template = re.sub(r"\{\w+\}", "([^/]+)", operation.partition(" ")[2])
    return re.fullmatch(template, path).groups()


def body_of(example):
    """The JSON of an example, or the fields of its form; a file is its name there."""
    if "form" in example:
        pairs = (pair.partition("=") for pair in example["form"])
        return {name: value.removeprefix("@") for name, _, value in pairs}
    return example.get("json")


def form_of(request):
    """The fields of a form that was sent; a file is its name."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + b"".join(request.body)).get_payload()
    named = [(dict(part.get_params(header="content-disposition")), part) for part in parts]
    return {
        names["name"]: names.get("filename") or part.get_payload(decode=True).decode()
        for names, part in named
    }


def check_headers(request, example, key):
    """The key, the beta's header where it belongs, and the type of the body where there is one."""
    published = {name.lower(): value for name, value in example["headers"].items()}
    assert request.headers["Authorization"] == published["authorization"].replace(
        "$OPENAI_API_KEY", "key-of-the-test"
    )
    if key in WITHOUT_BETA:
        published["openai-beta"] = "assistants=v2"
    assert request.headers.get("OpenAI-Beta") == published.get("openai-beta")
    # A body that is not there has no type: some servers refuse an empty one announced as JSON.
    kind = published.get("content-type") if "json" in example else None
    if "form" in example:
        assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    else:
        assert request.headers.get("Content-Type") == kind


# --- objects --------------------------------------------------------------------------------------

#: What a published object has beyond its schema, and why that is no field of ours.
BEYOND = {
    ("VectorStoreObject", "last_used_at"): "an older name of last_active_at",
}
#: Published objects that no class stands for, and why.
UNREAD = {
    "MessageDeltaObject": "a part of a stream",
    "RunStepDeltaObject": "a part of a stream",
}


def left_over(made):
    """What is in ``extra`` anywhere within an object, and the unknown variants."""
    if isinstance(made, Unknown):
        return {f"unknown {made.type}"}
    if isinstance(made, list):
        return set().union(*map(left_over, made))
    if not isinstance(made, Struct):
        return set()
    inner = (getattr(made, field.name) for field in made.__attrs_attrs__)
    return set(made.extra).union(*map(left_over, inner))


def test_every_published_object_is_read_whole(examples):
    """Nothing of it falls into ``extra`` without a reason, and it is written as it came."""
    seen = set()
    for example in examples:
        if example["kind"] != "response":
            continue
        schema = example["operation"].removeprefix("component ")
        document = example.get("json") or example["json_repaired"]
        seen.add(schema)
        if schema in UNREAD:
            continue
        made = decode(FIELDS[schema][0], document)
        assert left_over(made) == {name for at, name in BEYOND if at == schema}
        assert holds(encode(made), document)
    assert seen >= UNREAD.keys()


def holds(ours, published):
    """Whether a document has all that was published, nulls aside; more may be there."""
    if isinstance(published, dict):
        return all(holds(ours[k], v) for k, v in published.items() if v is not None)
    if isinstance(published, list):
        return all(map(holds, ours, published)) and len(ours) == len(published)
    return ours == published


def test_every_published_object_of_a_stream_is_read_whole(examples):
    """Runs, steps and messages in events are the same objects."""
    seen = set()
    for example in examples:
        for event in example.get("events", ()):
            data = event.get("data")
            cls = _OBJECTS.get(data.get("object")) if isinstance(data, dict) else None
            if cls is None:
                continue
            seen.add(cls)
            made = decode(cls, data)
            assert left_over(made) == {name for at, name in BEYOND if at == cls.__name__}
    assert seen == set(_OBJECTS.values())
