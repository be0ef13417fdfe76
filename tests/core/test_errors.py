"""The exceptions: which one for which answer, what they say, and that they pickle."""

import copy
import inspect
import pickle
import traceback

import pytest
import requests

from assistants_client import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    AssistantsError,
    AuthenticationError,
    BadRequestError,
    Client,
    ConfigurationError,
    ConflictError,
    InternalServerError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    Run,
    RunCancelledError,
    RunError,
    RunExpiredError,
    RunFailedError,
    RunIncompleteError,
    ThreadLockedError,
    UnprocessableEntityError,
    WaitTimeoutError,
    errors,
)

URL = "https://server.test/v1/threads/thread_a"
KEY = "key-of-the-test"


def refused(client, wire, status=400, **answer):
    """The error of one refused call."""
    wire.get(URL, status=status, **answer)
    with pytest.raises(APIError) as caught:
        client.threads.retrieve("thread_a")
    return caught.value


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (300, APIStatusError),
        (302, APIStatusError),
        (400, BadRequestError),
        (401, AuthenticationError),
        (402, APIStatusError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (408, APIStatusError),
        (409, ConflictError),
        (413, APIStatusError),
        (418, APIStatusError),
        (422, UnprocessableEntityError),
        (429, RateLimitError),
        (500, InternalServerError),
        (501, InternalServerError),
        (503, InternalServerError),
        (529, InternalServerError),
        (599, InternalServerError),
    ],
)
def test_each_status_has_its_exception(client, wire, status, cls):
    """The class follows from the status alone, whatever the body."""
    error = refused(client, wire, status, json={"error": {"message": "no"}})
    assert type(error) is cls
    assert error.status_code == status


@pytest.mark.parametrize(
    ("cls", "parents"),
    [
        (ConfigurationError, (AssistantsError, ValueError)),
        (InvalidRequestError, (ConfigurationError,)),
        (APITimeoutError, (APIConnectionError,)),
        (APIConnectionError, (APIError,)),
        (APIResponseError, (APIError,)),
        (APIStatusError, (APIError,)),
        (ThreadLockedError, (BadRequestError,)),
        (WaitTimeoutError, (AssistantsError, TimeoutError)),
        (RunFailedError, (RunError, AssistantsError)),
        (RunCancelledError, (RunError,)),
        (RunExpiredError, (RunError,)),
        (RunIncompleteError, (RunError,)),
    ],
)
def test_the_families(cls, parents):
    """What can be caught together."""
    assert issubclass(cls, parents[0])
    assert all(issubclass(cls, parent) for parent in parents)


def test_everything_is_under_one_root():
    """Catching AssistantsError catches all of them."""
    found = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
    assert len(found) > 20
    assert all(issubclass(cls, AssistantsError) for cls in found)


def test_a_documented_body_is_taken_apart(client, wire):
    """Message, code, type, param, request id and the whole body are attributes."""
    body = {"error": {"message": "Bad m.", "type": "t", "param": "model", "code": "c", "more": 1}}
    error = refused(client, wire, json=body, headers={"x-request-id": "req_1"})
    assert (error.code, error.type, error.param, error.request_id) == ("c", "t", "model", "req_1")
    assert error.body == body
    assert (error.method, error.path, error.attempts) == ("GET", "/threads/thread_a", 1)
    assert str(error) == "GET /threads/thread_a: answered 400: Bad m. [request id req_1]"


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"json": {"message": "plain"}}, "plain"),
        ({"json": {"error": "text"}}, "text"),
        ({"json": {"detail": "not here"}}, "not here"),
        ({"json": {"detail": [{"loc": ["body", "model"]}]}}, '"model"'),
        ({"json": {"error": {"message": None}}}, "400"),
        ({"json": {"error": None}}, "400"),
        ({"json": {}}, "400"),
        ({"json": []}, "400"),
        ({"json": None}, "400"),
        ({"json": 5}, "400"),
        ({"body": "<html><body>Bad  \n gateway"}, "<html><body>Bad gateway"),
        ({"body": b""}, "Bad Request"),
        ({"body": b"\xff\xfe\x00"}, "400"),
        ({"json": {"error": {"message": "m", "code": 5, "param": ["a"], "type": None}}}, "m"),
        ({"body": "[" * 100_000}, "[["),
    ],
)
def test_any_body_makes_an_error(client, wire, answer, words):
    """Whatever a server answers to say no is told in some words, on one line."""
    error = refused(client, wire, **answer)
    assert type(error) is BadRequestError
    assert words in str(error)
    assert "\n" not in str(error)
    assert not isinstance(error.code, int)


def test_a_long_explanation_is_shortened_in_the_message_only(client, wire):
    """A message stays short enough for a log line; the body is kept whole."""
    error = refused(client, wire, body="x" * 10_000)
    assert len(str(error)) < 1_200
    assert len(error.body) == 10_000


@pytest.mark.parametrize(
    ("text", "run_id"),
    [
        ("Can't add messages to thread_a while a run run_b is active.", "run_b"),
        ("Thread thread_a already has an active run run_b.", "run_b"),
        ("Thread thread_a already has an active run run_b", "run_b"),
    ],
)
def test_a_locked_thread_names_its_run(client, wire, text, run_id):
    """The run that holds the lock stands in the text only."""
    error = refused(client, wire, json={"error": {"message": text}})
    assert type(error) is ThreadLockedError
    assert error.run_id == run_id


def test_lock_words_under_another_status_are_no_lock(client, wire):
    """Only a 400 is the thread's lock."""
    text = "Thread thread_a already has an active run run_b."
    assert type(refused(client, wire, 403, json={"message": text})) is PermissionDeniedError


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "61"}, 61.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "90000"}, 90.0),
        ({"retry-after-ms": "nan", "retry-after": "70"}, 70.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0.0),
        ({"retry-after": "Sun, 06 Nov 99999 08:49:37 GMT"}, None),
    ],
)
def test_the_pause_a_server_asks_for(client, wire, headers, seconds):
    """Seconds, milliseconds or a date; nonsense is none."""
    error = refused(client, wire, 400, json={}, headers=headers)
    assert error.retry_after == seconds


FACTS = {
    "method": "GET",
    "path": "/p",
    "attempts": 2,
    "maybe_created": True,
    "status_code": 400,
    "code": "c",
    "type": "t",
    "param": "p",
    "request_id": "r",
    "retry_after": 1.5,
    "body": {"a": [1]},
    "run": Run(id="run_a", thread_id="t", status="failed"),
}


def _every_error():
    """Each class bare, and with every attribute that we know of."""
    for cls in vars(errors).values():
        if isinstance(cls, type) and issubclass(cls, Exception):
            yield cls("m")
            known = inspect.signature(cls.__init__).parameters
            error = cls("m", **{name: FACTS[name] for name in FACTS if name in known})
            if cls is ThreadLockedError:
                error.run_id = "run_b"
            yield error


@pytest.mark.parametrize("error", list(_every_error()), ids=lambda error: type(error).__name__)
def test_every_exception_pickles(error):
    """Class, text and attributes survive pickle, copy and deepcopy."""
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert other.args == error.args
        assert vars(other) == vars(error)


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {"error": {"message": f"Incorrect API key provided: {KEY}."}}},
        {"json": {"error": f"bad {KEY}"}},
        {"json": {"detail": [{"header": f"Bearer {KEY}"}]}},
        {"body": f"<h1>{KEY}</h1>"},
        {"body": f"{'x' * 990}{KEY}"},
    ],
)
@pytest.mark.parametrize("status", [400, 401, 500])
def test_an_echoed_key_is_not_repeated(client, wire, status, answer):
    """No message, repr or traceback holds the key, even where the server sends it back."""
    error = refused(client, wire, status, **answer)
    shown = "".join(traceback.format_exception(error))
    for text in (str(error), repr(error), repr(error.args), shown):
        assert KEY not in text
        assert KEY[:12] not in text


def test_a_key_in_the_reason_phrase_is_not_repeated(serve, http_answer):
    """Where there is no body, the status line explains; it may echo too."""
    server = serve(http_answer(b"", status=f"401 no {KEY}"))
    with Client(server.url, api_key=KEY) as client, pytest.raises(AuthenticationError) as caught:
        client.threads.retrieve("t")
    assert KEY not in str(caught.value)


def test_a_key_given_as_header_is_not_repeated(wire):
    """The user's own Authorization header is as secret as api_key."""
    with Client("https://server.test/v1", headers={"authorization": "Basic abcdefgh"}) as client:
        assert "abcdefgh" not in str(refused(client, wire, json={"message": "bad abcdefgh"}))


def test_attempts_are_told_when_there_were_several():
    """One try goes without saying."""
    assert str(APIError("no", method="GET", path="/p")) == "GET /p: no"
    assert str(APIError("no", method="GET", path="/p", attempts=3)) == "GET /p: no (3 attempts)"
    assert str(APIError("no")) == "no"


@pytest.mark.parametrize(
    ("body", "told", "doubt"),
    [
        (None, "no response from server.test: Connection refused by Responses - the call", False),
        (
            requests.ConnectionError(f"broke at https://x.test/?sig={KEY}\nmore"),
            "no response from server.test: broke at https://x.test/ (the server may have acted",
            True,
        ),
        (requests.ConnectionError(), "server.test closed the connection without a response", True),
    ],
)
def test_an_error_of_a_fake_says_what_it_says(client, wire, body, told, doubt):
    """Its first line, without a query; where no answer was prepared nothing was sent."""
    if body is not None:
        wire.post("https://server.test/v1/threads", body=body)
    with pytest.raises(APIConnectionError) as caught:
        client.threads.create()
    assert str(caught.value).startswith(f"POST /threads: {told}")
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.maybe_created is doubt


@pytest.mark.parametrize("status", [404, 405, 410])
@pytest.mark.parametrize(
    ("base", "hint"),
    [
        ("https://api.openai.com/v1", "was switched off on this host"),
        ("https://server.test", "the base URL has no path: is /v1 missing at its end?"),
        ("https://server.test/v1", "is the base URL that of an Assistants server"),
        (
            "https://server.test/v1/assistants",
            "the base URL ends in /assistants: is that too much?",
        ),
    ],
)
def test_what_is_not_there_has_a_hint(wire, status, base, hint):
    """Whichever way the server says so."""
    text = "No assistant found with id 'threads'." if base.endswith("assistants") else "gone"
    wire.get(f"{base}/threads/t", status=status, body=text)
    with Client(base, api_key="k") as client, pytest.raises(APIStatusError) as caught:
        client.threads.retrieve("t")
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("api.openai.com", True),
        ("x.openai.azure.com", True),
        ("notopenai.com", False),
        ("openai.com.test", False),
    ],
)
def test_the_retired_hosts_say_so(wire, host, words):
    """A 404 from the API's origin says that it was switched off, and what to use."""
    wire.get(f"https://{host}/v1/threads/t", status=404, json={"message": "no"})
    wire.get(f"https://{host}/v1/other", status=404, json={"message": "no"})
    with Client(f"https://{host}/v1", api_key="k") as client:
        with pytest.raises(NotFoundError) as caught:
            client.threads.retrieve("t")
        assert ("switched off" in str(caught.value)) is words
        with pytest.raises(NotFoundError) as caught:
            client._transport.send("GET", "/other")
        assert "switched off" not in str(caught.value)
