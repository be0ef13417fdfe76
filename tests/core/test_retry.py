"""What is sent again: over a real socket, with the pauses recorded instead of taken."""

import pytest

from assistants_client import (
    APIConnectionError,
    APIStatusError,
    AssistantsError,
    Client,
    ConfigurationError,
    InternalServerError,
    RetryPolicy,
)

THREAD = {"id": "thread_a"}


def attempt(server, method, **arguments):
    """One call, and how often the server was asked."""
    with Client(server.url, **arguments) as client:
        try:
            if method == "POST":
                result = client.threads.create()
            elif method == "DELETE":
                result = client.threads.delete("t")
            else:
                result = client.threads.retrieve("t")
        except AssistantsError as error:
            result = error
    return result, len(server.requests)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_repeatable_requests_are_repeated(serve, http_answer, pauses, method, status):
    """The second try may go well."""
    refused = http_answer({}, status=f"{status} no")
    result, asked = attempt(serve(refused, refused, http_answer(THREAD)), method)
    assert result.id == "thread_a"
    assert asked == 3
    assert 0.375 <= pauses[0] <= 0.5
    assert 0.75 <= pauses[1] <= 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_other_refusals_are_final(serve, http_answer, pauses, status):
    """Asking again would not change them."""
    error, asked = attempt(serve(http_answer({}, status=f"{status} no")), "GET")
    assert error.status_code == status
    assert (asked, pauses, error.attempts) == (1, [], 1)


@pytest.mark.parametrize(
    ("refused", "asked", "maybe"),
    [
        (("429 no", ()), 3, False),
        (("503 no", ("Retry-After: 1",)), 3, False),
        (("503 no", ()), 1, True),
        (("500 no", ()), 1, True),
        (("502 no", ("Retry-After: 1",)), 1, True),
        (("409 no", ()), 1, False),
        (("500 no", ("x-should-retry: true",)), 1, True),
        (("429 no", ("x-should-retry: false",)), 1, False),
    ],
)
def test_a_creation_is_repeated_only_where_nothing_was_done(
    serve, http_answer, refused, asked, maybe
):
    """Otherwise the error says that the object may exist."""
    status, headers = refused
    server = serve(http_answer({}, *headers, status=status))
    error, number = attempt(server, "POST")
    assert isinstance(error, APIStatusError)
    assert (number, error.attempts, error.maybe_created) == (asked, asked, maybe)


def test_a_creation_whose_answer_is_lost_is_not_repeated(serve):
    """Nothing is ever created twice."""
    error, asked = attempt(serve(b""), "POST")
    assert isinstance(error, APIConnectionError)
    assert (asked, error.maybe_created) == (1, True)
    assert "may have acted" in str(error)


def test_a_lost_answer_to_a_read_is_asked_for_again(serve, http_answer):
    """Reading twice does no harm."""
    result, asked = attempt(serve(b"", http_answer(THREAD)), "GET")
    assert (result.id, asked) == ("thread_a", 2)


def test_a_server_that_honours_the_key_is_asked_again(serve, http_answer):
    """The tries of one creation carry one key, and two creations two."""
    honours = http_answer(THREAD, "Idempotency-Key-Honoured: true")
    server = serve(honours, b"", honours)
    with Client(server.url) as client:
        client.threads.create()
        client.threads.create()
    keys = [
        line
        for request in server.requests
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"idempotency-key:")
    ]
    assert len(keys) == 3
    assert keys[0] != keys[1] == keys[2]


@pytest.mark.parametrize(
    ("header", "pause"),
    [("Retry-After: 7", 7), ("Retry-After-Ms: 250", 0.25), ("Retry-After: 60", 60)],
)
def test_the_pause_the_server_asks_for(serve, http_answer, pauses, header, pause):
    """In seconds or milliseconds."""
    refused = http_answer({}, header, status="503 no")
    attempt(serve(refused, http_answer(THREAD)), "GET")
    assert pauses == [pause]


def test_a_long_pause_is_told_and_not_waited_for(serve, http_answer, pauses):
    """Above a minute the caller decides."""
    refused = http_answer({}, "Retry-After: 61", status="503 no")
    error, asked = attempt(serve(refused), "GET")
    assert isinstance(error, InternalServerError)
    assert (error.retry_after, asked, pauses) == (61, 1, [])


@pytest.mark.parametrize("header", ["Retry-After: nan", "Retry-After: soon", "Retry-After: inf"])
def test_a_pause_that_is_none_is_our_own(serve, http_answer, pauses, header):
    """Nonsense does not end in an error of its own."""
    refused = http_answer({}, header, status="500 no")
    result, _ = attempt(serve(refused, http_answer(THREAD)), "GET")
    assert result.id == "thread_a"
    assert pauses[0] <= 0.5


def test_the_budget_is_shared_by_all_calls(serve, http_answer):
    """A client does not add to an outage for long."""
    server = serve(http_answer({}, status="500 no"))
    policy = RetryPolicy(budget=3)
    with Client(server.url, retries=policy) as client:
        for _ in range(4):
            with pytest.raises(InternalServerError):
                client.threads.retrieve("t")
    assert len(server.requests) == 4 + 3


@pytest.mark.parametrize(
    "fields",
    [
        {"attempts": 0},
        {"attempts": True},
        {"attempts": 2.5},
        {"attempts": "3"},
        {"initial": -1},
        {"budget": None},
    ],
)
def test_a_policy_is_checked_when_it_is_made(fields):
    """The field is named."""
    with pytest.raises(ConfigurationError, match=next(iter(fields))):
        RetryPolicy(**fields)
