"""Ids in paths: whatever a server calls its objects, the path keeps its shape."""

import pytest

from assistants_client import Client, InvalidRequestError, Thread

CALLS = {
    "assistants.retrieve": 1,
    "assistants.update": 1,
    "assistants.delete": 1,
    "threads.retrieve": 1,
    "threads.update": 1,
    "threads.delete": 1,
    "messages.retrieve": 2,
    "messages.update": 2,
    "messages.list": 1,
    "messages.delete": 2,
    "runs.retrieve": 2,
    "runs.update": 2,
    "runs.list": 1,
    "runs.cancel": 2,
    "run_steps.retrieve": 3,
    "run_steps.list": 2,
}


def method(client, name):
    """The method of that name."""
    noun, verb = name.split(".")
    return getattr(getattr(client, noun), verb)


@pytest.mark.parametrize(
    ("name", "on_wire"),
    [
        ("thread_1", "thread_1"),
        ("6650f1e2aa", "6650f1e2aa"),
        ("a/b", "a%2Fb"),
        ("../runs", "..%2Fruns"),
        ("a?b=c", "a%3Fb%3Dc"),
        ("a#b", "a%23b"),
        ("a b", "a%20b"),
        ("a%2Fb", "a%252Fb"),
        ("{thread_id}", "%7Bthread_id%7D"),
        ("日", "%E6%97%A5"),
        ("a\nb", "a%0Ab"),
        ("...", "..."),
        ("a:b@c", "a%3Ab%40c"),
    ],
)
def test_odd_ids_are_encoded(serve, http_answer, name, on_wire):
    """Byte for byte as the server must see them."""
    server = serve(http_answer({"id": "t"}))
    with Client(server.url) as client:
        client.threads.retrieve(name)
    assert server.requests[0].split(b" ")[1].decode() == f"/v1/threads/{on_wire}"


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "bad", ["", " ", "\t", ".", "..", "\ud800", None, 5, b"a", ["a"], Thread(id="t")]
)
def test_what_is_no_id_is_refused(client, wire, name, bad):
    """At every place of the path, before anything is sent."""
    for place in range(CALLS[name]):
        ids = ["x"] * CALLS[name]
        ids[place] = bad
        with pytest.raises(InvalidRequestError) as caught:
            method(client, name)(*ids)
        assert caught.value.path.endswith("_id")
        assert caught.value.path in str(caught.value)
    assert len(wire.calls) == 0


def test_an_object_in_place_of_its_id_is_an_easy_mistake(client):
    """The message says what to pass."""
    with pytest.raises(InvalidRequestError, match=r"pass its \.id"):
        client.threads.retrieve(Thread(id="t"))


@pytest.mark.parametrize("name", CALLS)
def test_every_method_says_what_it_does(client, name):
    """Help in a console shows a text and the ids by name."""
    assert method(client, name).__doc__
