"""Every public class survives pickle and copy, made with its defaults and read from a payload."""

import copy
import inspect
import pickle
from typing import get_origin

import attrs
import pytest

import assistants_client as ac
from assistants_client._json import codec as _codec

#: Public classes whose objects live in one process, and why.
STAY = {
    "Client": "holds connections",
    "LazyList": "fetches through a client",
    "RunStream": "reads from a connection",
    "ToolFunction": "holds a function, which pickle finds by its name",
    "AccessToken": "is a protocol; its classes are those of others",
    "Backoff": "is a protocol; its classes are here",
    "Credential": "is a protocol; its classes are those of others",
}
_ERROR_FACTS = {"method": "GET", "path": "/threads/t", "attempts": 3, "maybe_created": True}
_STATUS_FACTS = {
    "status_code": 400,
    "code": "c",
    "type": "t",
    "param": "p",
    "request_id": "r",
    "retry_after": 1.5,
    "body": {"error": {}},
}

CLASSES = {
    name: value
    # Not of vars(): names are imported when they are asked for.
    for name, value in ((name, getattr(ac, name)) for name in ac.__all__)
    # On Python 3.10 an alias such as Mapping[str, Any] says that it is a class.
    if inspect.isclass(value) and get_origin(value) is None
}


#: What an error is made with, the most special class first.
ARGUMENTS = {
    ac.APIStatusError: ((), {**_ERROR_FACTS, **_STATUS_FACTS}),
    ac.APIError: ((), _ERROR_FACTS),
    ac.RunError: ((ac.Run(id="r", status="failed"),), {}),
    ac.WaitTimeoutError: ((ac.Run(id="r", status="failed"),), {}),
    ac.InvalidRequestError: ((), {"path": "a.b", "code": "c"}),
    Exception: ((), {}),
}


def made(cls):
    """An object of the class, with something in every field that is needed."""
    for kind, (positional, named) in ARGUMENTS.items():
        if issubclass(cls, kind):
            return cls("words", *positional, **named)
    if attrs.has(cls):
        needed = [a for a in attrs.fields(cls) if a.init and a.default is attrs.NOTHING]
        values = {"raw": {"type": "x", "deep": [1]}, "seconds": 1.0, "initial": 1.0}
        return cls(**{a.alias: values.get(a.name, "x") for a in needed})
    return cls.UNSET if cls is ac.Unset else cls()


def copies(thing):
    """The thing through every protocol of pickle, and through both copies."""
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        yield pickle.loads(pickle.dumps(thing, protocol))
    yield copy.copy(thing)
    yield copy.deepcopy(thing)


@pytest.mark.parametrize("name", sorted(CLASSES.keys() - STAY.keys()))
def test_an_object_made_with_its_defaults(name):
    """Equal, of the same class, and for an error with the same facts and words."""
    thing = made(CLASSES[name])

    for other in copies(thing):
        assert type(other) is type(thing)
        if isinstance(thing, Exception):
            assert (str(other), vars(other)) == (str(thing), vars(thing))
        elif type(thing).__eq__ is not object.__eq__:
            assert other == thing
        else:
            assert repr(other) == repr(thing)


def test_the_ones_that_stay_are_public():
    """The list names what is there."""
    assert STAY.keys() <= CLASSES.keys()


def test_a_client_says_what_to_do_instead():
    """A pool of processes that is given one would else tell of a lock."""
    with pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(ac.Client("https://server.test/v1", api_key="k"))


_TOOLS = [
    {"type": "code_interpreter"},
    {"type": "file_search", "file_search": {"ranking_options": {"score_threshold": 0.5}}},
    {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
    {"type": "openapi", "openapi": {"spec": {}}},
]
_MARKS = [
    {"type": "file_citation", "text": "[1]", "file_citation": {"file_id": "f"}, "start_index": 1},
    {"type": "file_path", "text": "[2]", "file_path": {"file_id": "f"}},
    {"type": "url_citation", "url_citation": {}},
]
_CALLS = [
    {"id": "1", "type": "code_interpreter", "code_interpreter": {"outputs": [{"type": "logs"}]}},
    {"id": "2", "type": "file_search", "file_search": {"results": [{"file_id": "f", "score": 1}]}},
    {"id": "3", "type": "function", "function": {"name": "f"}},
    {"id": "4", "type": "mcp"},
]
PAYLOADS = {
    ac.Assistant: {"id": "a", "tools": _TOOLS, "tool_resources": {"mcp": []}, "foreign": [1]},
    ac.Thread: {"id": "t", "tool_resources": {"file_search": {"vector_store_ids": ["v"]}}},
    ac.Message: {
        "id": "m",
        "content": [
            {"type": "text", "text": {"value": "v", "annotations": _MARKS}},
            {"type": "image_file", "image_file": {"file_id": "f", "detail": "low"}},
            {"type": "refusal", "refusal": "no"},
            {"type": "video"},
        ],
        "attachments": [{"file_id": "f", "tools": _TOOLS[:2]}],
        "metadata": {"a": "b"},
    },
    ac.Run: {
        "id": "r",
        "tools": _TOOLS,
        "required_action": {"type": "submit_tool_outputs", "submit_tool_outputs": {}},
        "last_error": "words",
        "usage": {"total_tokens": 3, "cached": 1},
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n"}},
    },
    ac.RunStep: {"id": "s", "step_details": {"type": "tool_calls", "tool_calls": _CALLS}},
    ac.File: {"id": "f", "bytes": 5, "foreign": {}},
    ac.VectorStore: {"id": "v", "file_counts": {"total": 1}, "expires_after": {"days": 1}},
    ac.VectorStoreFile: {"id": "f", "chunking_strategy": {"type": "other"}, "attributes": {"a": 1}},
    ac.VectorStoreFileBatch: {"id": "b", "file_counts": {"total": 1}},
    ac.SearchPage: {"search_query": ["q"], "data": [{"file_id": "f", "content": [{"text": "t"}]}]},
    ac.FileContentPage: {"data": [{"type": "text", "text": "t"}]},
    ac.Deleted: {"id": "x", "deleted": True, "foreign": None},
    ac.Page[ac.Thread]: {"data": [{"id": "t", "foreign": 1}], "has_more": True},
}


@pytest.mark.parametrize("cls", PAYLOADS, ids=str)
def test_an_object_read_from_a_payload(cls):
    """Equal at every depth, what is unknown included: both write the same document."""
    thing = _codec.decode(cls, PAYLOADS[cls])

    for other in copies(thing):
        assert other == thing
        assert _codec.encode(other) == _codec.encode(thing)
        assert other.extra == thing.extra


@pytest.mark.parametrize("cls", PAYLOADS, ids=str)
def test_a_deep_copy_shares_nothing(cls):
    """Changing it leaves the original as it was."""
    thing = _codec.decode(cls, PAYLOADS[cls])
    before = _codec.encode(copy.deepcopy(thing))
    other = copy.deepcopy(thing)
    for name in ("tools", "content", "data", "metadata", "attributes"):
        if hasattr(other, name):
            getattr(other, name).clear()

    assert _codec.encode(thing) == before
