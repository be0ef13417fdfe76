"""Gateways that report their failures with a status of 200."""

import json

import pytest

from assistants_client import (
    APIResponseError,
    APIStatusError,
    Client,
    InternalServerError,
    RateLimitError,
    RetryPolicy,
    StreamError,
    UnknownEvent,
)

WORDS = "The project is out of quota"
FORMS = [
    {"error": {"message": WORDS, "code": "insufficient_quota"}},
    {"error": WORDS},
    {"errors": [{"message": WORDS}]},
    {"object": "error", "message": WORDS},
    {"object": "list", "data": [], "error": {"message": WORDS}},
    {"detail": WORDS},
    {"message": WORDS, "statusCode": 500},
    {"id": "req_1", "error": {"message": WORDS}},
]
CALLS = {
    "messages.list": ("GET", "/threads/t/messages", lambda c: list(c.messages.list("t"))),
    "files.list": ("GET", "/files", lambda c: list(c.files.list())),
    "search": ("POST", "/vector_stores/v/search", lambda c: c.vector_stores.search("v", "q")),
    "retrieve": ("GET", "/threads/t", lambda c: c.threads.retrieve("t")),
    "delete": ("DELETE", "/threads/t", lambda c: c.threads.delete("t")),
    "create": ("POST", "/threads", lambda c: c.threads.create()),
    "wait": ("GET", "/threads/t/runs/r", lambda c: c.wait_for_run(thread_id="t", run_id="r")),
    "ask": ("POST", "/threads/t/runs", lambda c: c.ask("t", "?", assistant_id="a")),
    "upload": ("POST", "/files", lambda c: c.files.upload(b"x", filename="f")),
}


@pytest.fixture
def once():
    """A client that tries each request once."""
    with Client("https://server.test/v1", api_key="k", retries=RetryPolicy(attempts=1)) as made:
        yield made


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("form", [*FORMS[:6], FORMS[7]], ids=str)
def test_every_call_raises_the_words(once, server, name, form):
    """No list is empty because of it, and no call names a missing id in its place."""
    method, path, call = CALLS[name]
    server.answers(method, path, form)
    with pytest.raises(APIStatusError, match=rf"answered 200 with an error: {WORDS}") as caught:
        call(once)
    assert caught.value.body == form
    assert caught.value.status_code == 200
    assert caught.value.maybe_created == (method == "POST")


@pytest.mark.parametrize("how", ["document", "event", "data alone"])
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_streams_raise_the_words_too(once, server, how, form):
    """Whether the error came in the place of the stream, as its event, or without a name."""
    if how == "document":
        server.answers("POST", "/threads/t/runs", form)
    else:
        name = "event: error\n" if how == "event" else ""
        body = f"{name}data: {json.dumps(form)}\n\n"
        server.answers_body("POST", "/threads/t/runs", body, 200, "text/event-stream")
    with pytest.raises(StreamError, match=rf"an error within the stream: {WORDS}"):
        list(once.runs.stream("t", assistant_id="a"))


def test_an_event_with_a_message_is_no_error(once, server):
    """Servers have events of their own, with names."""
    run = {"id": "r", "thread_id": "t", "object": "thread.run", "status": "completed"}
    body = f'event: note\ndata: {{"message": "Busy"}}\n\ndata: {json.dumps(run)}\n\n'
    server.answers_body("POST", "/threads/t/runs", body, 200, "text/event-stream")
    first, *_ = once.runs.stream("t", assistant_id="a")
    assert first == UnknownEvent("note", {"message": "Busy"})


def test_a_status_that_the_error_names_counts(once, server):
    """It decides about the class, and whether a wait goes on."""
    done = {"id": "r", "thread_id": "t", "status": "completed"}
    busy = {"error": {"message": "Slow down", "code": 429}}
    server.answers("GET", "/threads/t/runs/r", busy, done)
    server.answers("GET", "/threads/t", FORMS[6])
    server.answers("GET", "/threads/u", busy)
    assert once.wait_for_run(thread_id="t", run_id="r", backoff=0).status == "completed"
    with pytest.raises(InternalServerError, match=WORDS):
        once.threads.retrieve("t")
    with pytest.raises(RateLimitError, match="Slow down"):
        once.threads.retrieve("u")


def test_the_content_of_a_file_is_no_error(once, server):
    """A gateway's error in its place is raised, also by a download, which then leaves no file."""
    error = {"error": {"message": WORDS}}
    server.answers("GET", "/files/file_1/content", error)
    attached = {"Content-Disposition": 'attachment; filename="a.json"'}
    server.answers("GET", "/files/file_2/content", error, headers=attached)
    server.answers("GET", "/files/file_3/content", {"error": None, "rows": []})
    with pytest.raises(APIStatusError, match=rf"answered 200 with an error: {WORDS}"):
        once.files.content("file_1")
    assert json.loads(once.files.content("file_2")) == error
    assert json.loads(once.files.content("file_3")) == {"error": None, "rows": []}


def test_a_key_that_the_error_quotes_is_not_shown(server):
    """As in any other error."""
    error = {"error": {"message": "no such key: secret-key-1"}}
    server.answers("GET", "/threads/t", error)
    server.answers("POST", "/threads/t/runs", error)
    client = Client("https://server.test/v1", api_key="secret-key-1")
    with pytest.raises(APIStatusError, match=r"no such key: \*\*\*"):
        client.threads.retrieve("t")
    for options in ({}, {"timeout": 5}):
        with pytest.raises(StreamError, match=r"no such key: \*\*\*"):
            list(client.runs.stream("t", assistant_id="a", **options))


def test_a_list_without_data_is_no_empty_list(once, server):
    """Whatever else the gateway wrote."""
    server.answers("GET", "/files", {"status": "unavailable"})
    server.answers("POST", "/vector_stores/v/search", {"status": "unavailable"})
    for call in (lambda: list(once.files.list()), lambda: once.vector_stores.search("v", "q")):
        with pytest.raises(APIResponseError, match="Missing required parameter: 'data'"):
            call()
