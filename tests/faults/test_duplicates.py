"""Nothing is created twice: retry budget, ``Idempotency-Key``, recovery, deletions; and pauses."""

import random
import threading
import time
from email.utils import formatdate

import attrs
import pytest
import requests
from server import QUICK, Store, head, http

from assistants_client import (
    APIConnectionError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    NotFoundError,
    RateLimitError,
    RetryPolicy,
)


def cut(exchange, act):
    """Acts, and breaks the connection."""
    act()
    exchange.reset()


def cut_unacted(exchange, _):
    """Breaks the connection, and has done nothing."""
    exchange.reset()


def refuse(exchange, _):
    """Refuses; nothing was done."""
    exchange.send(http(b"{}", status="429 Slow"))


# --- the budget ----------------------------------------------------------------------------------


def test_the_budget_is_shared_by_a_client_and_its_copies(listen, connect):
    """When it is spent nobody repeats anything; calls that go well fill it again."""
    store = Store(refuse)
    server = listen(store)
    client = connect(server, retries=attrs.evolve(QUICK, budget=3))
    copy = client.with_options(retries=RetryPolicy(10, initial=0.01, budget=99), timeout=5)
    attempts = []
    for one in (client, copy, copy.with_options(timeout=6), client):
        with pytest.raises(RateLimitError) as caught:
            one.assistants.retrieve("asst_a")
        attempts.append(caught.value.attempts)
    assert attempts == [3, 2, 1, 1]
    store._left = 0
    for _ in range(11):  # a tenth each, and a little for the rounding
        copy.assistants.retrieve("asst_a")
    store._left = 99
    with pytest.raises(RateLimitError) as caught:
        client.assistants.retrieve("asst_a")
    assert caught.value.attempts == 2


def test_the_budget_bounds_what_an_outage_costs(listen, connect):
    """A hundred calls while the server is down: ten retries in all, not two hundred."""
    server = listen(Store(cut_unacted))
    client = connect(server)
    for _ in range(100):
        with pytest.raises(APIConnectionError):
            client.assistants.retrieve("asst_a")
    assert len(server.exchanges) == 110


def test_threads_share_the_budget(listen, connect):
    """It is not overdrawn by calls at the same time."""
    server = listen(Store(refuse))
    client = connect(server, retries=attrs.evolve(QUICK, attempts=9))

    def work():
        for _ in range(5):
            with pytest.raises(RateLimitError):
                client.assistants.retrieve("asst_a")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.exchanges) == 8 * 5 + 10


# --- Idempotency-Key -----------------------------------------------------------------------------


def test_each_post_has_a_key_which_its_tries_share(listen, connect):
    """One key for a call and all of its tries; reading calls have none."""
    server = listen(Store(refuse, times=2))
    client = connect(server)
    client.assistants.create(model="m")
    client.assistants.create(model="m")
    client.assistants.update("asst_a", name="n")
    client.assistants.retrieve("asst_a")
    client.assistants.delete("asst_a")
    first, again, still, second, third = [
        one.headers["idempotency-key"] for one in server.calls("POST")
    ]
    assert first == again == still
    assert len({first, second, third}) == 3
    for method in ("GET", "DELETE"):
        assert all("idempotency-key" not in one.headers for one in server.calls(method))


@pytest.mark.parametrize("fault", [cut, cut_unacted])
def test_a_server_that_honours_the_key_gets_a_post_again(listen, connect, fault):
    """It says so in an answer; from then on an ambiguous fault is repeated, with one object."""
    store = Store(fault, times=1, methods=("POST",), honours=True)
    server = listen(store)
    client = connect(server)
    client.with_options(timeout=3).assistants.retrieve("asst_a")  # a copy's answer counts too
    assert client.assistants.create(model="m").id == "asst_0"
    assert len(server.calls("POST")) == 2
    assert len(store.created) == 1


def test_a_broken_answer_to_a_post_is_asked_for_again_with_its_key(listen, connect):
    """Also where the fault came within the answer."""

    def half(exchange, act):
        act()
        exchange.send(head("Content-Length: 99") + b"{")
        exchange.hang_up()

    store = Store(half, times=1, methods=("POST",), honours=True)
    server = listen(store)
    client = connect(server)
    client.assistants.retrieve("asst_a")
    assert client.assistants.create(model="m").id == "asst_0"
    assert len(store.created) == 1


def test_before_the_server_has_said_so_a_post_is_not_repeated(listen, connect):
    """Nobody guesses."""
    store = Store(cut, times=1, methods=("POST",), honours=True)
    with pytest.raises(APIConnectionError) as caught:
        connect(listen(store)).assistants.create(model="m")
    assert caught.value.maybe_created
    assert len(store.created) == 1


# --- recover=True --------------------------------------------------------------------------------

RECOVER = attrs.evolve(QUICK, recover=True)


def silent(exchange, act):
    """Acts, and says nothing."""
    act()
    exchange.stall()


def late(exchange, _):
    """Says nothing, and has not acted yet."""
    exchange.stall()


def no_json(exchange, act):
    """Acts, and answers in HTML."""
    act()
    exchange.send(http(b"<html>"))


def no_assistant(exchange, act):
    """Acts, and answers with an object that is none."""
    act()
    exchange.send(http(b"{}"))


@pytest.mark.parametrize("fault", [cut, silent, no_json, no_assistant])
def test_what_was_created_is_found(listen, connect, fault):
    """The answer is lost, the object is not: it is found by its mark and answered."""
    store = Store(fault, times=1, methods=("POST",))
    server = listen(store)
    made = connect(server, retries=RECOVER, timeout=(1, 0.25)).assistants.create(
        model="m", metadata={"mine": "1"}
    )
    assert made.id == "asst_0"
    assert made.metadata["mine"] == "1"
    assert len(store.created) == 1
    assert [one.method for one in server.exchanges] == ["POST", "GET"]


def test_what_was_not_created_is_created(listen, connect):
    """The mark is not found, and the object is made, once."""
    store = Store(cut_unacted, times=1, methods=("POST",))
    server = listen(store)
    assert connect(server, retries=RECOVER).assistants.create(model="m").id == "asst_0"
    assert [one.method for one in server.exchanges] == ["POST", "GET", "POST"]
    assert len(store.created) == 1


def test_a_server_that_may_still_be_at_work_is_not_asked_again(listen, connect):
    """After a timeout, what is not there yet may come: the caller is told."""
    store = Store(late, times=1, methods=("POST",))
    server = listen(store)
    with pytest.raises(APITimeoutError) as caught:
        connect(server, retries=RECOVER, timeout=(1, 0.25)).assistants.create(model="m")
    assert caught.value.maybe_created
    assert len(server.calls("POST")) == 1


def test_when_the_look_up_fails_the_doubt_is_told(listen, connect):
    """The first error is raised, not the look-up's."""
    store = Store(cut)
    server = listen(store)
    with pytest.raises(APIConnectionError) as caught:
        connect(server, retries=RECOVER).assistants.create(model="m")
    assert (caught.value.method, caught.value.maybe_created) == ("POST", True)
    assert len(store.created) == 1


def test_a_full_metadata_has_no_room_for_a_mark(listen, connect):
    """Then there is nothing to look for, and the doubt is told."""
    store = Store(cut, times=1)
    with pytest.raises(APIConnectionError) as caught:
        connect(listen(store), retries=RECOVER).assistants.create(
            model="m", metadata={str(n): "" for n in range(16)}
        )
    assert caught.value.maybe_created


# --- deletions -----------------------------------------------------------------------------------


def test_a_deletion_whose_answer_was_lost_has_happened(listen, connect):
    """The second try finds nothing, which is what was wanted."""
    store = Store(cut, times=1)
    gone = connect(listen(store)).assistants.delete("asst_a")
    assert (gone.id, gone.deleted) == ("asst_a", True)
    assert "asst_a" not in store.objects


def test_a_deletion_of_nothing_is_an_error(listen, connect):
    """A first try that finds nothing deletes nothing."""
    with pytest.raises(NotFoundError):
        connect(listen(Store())).assistants.delete("asst_x")


# --- pauses, with a clock that the test moves -----------------------------------------------------


@pytest.fixture
def asked(listen, connect, pauses, monkeypatch):
    """The pauses of one call under a policy, against a server that answers so every time."""

    def run(policy, *headers, status="429 Slow"):
        monkeypatch.setattr(random, "random", lambda: run.chance)
        pauses.clear()
        server = listen(lambda exchange: exchange.send(http(b"{}", *headers, status=status)))
        with pytest.raises(APIStatusError) as caught:
            connect(server, retries=policy).assistants.retrieve("asst_a")
        run.error = caught.value
        return [pytest.approx(pause, abs=1) if pause > 10 else pause for pause in pauses]

    run.chance = 0.0
    return run


def test_pauses_double_up_to_their_cap_less_a_random_quarter(asked):
    """0.5, 1, 2, 4, 8, 8 s; with the luck of the draw down to three quarters of each."""
    policy = RetryPolicy(7)
    assert asked(policy) == [0.5, 1, 2, 4, 8, 8]
    asked.chance = 1.0
    assert asked(policy) == [0.375, 0.75, 1.5, 3, 6, 6]
    assert asked(RetryPolicy(1)) == []


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("Retry-After: 3", 3),
        ("Retry-After: 1.5", 1.5),
        ("Retry-After: 0", 0),
        ("Retry-After: -5", 0),
        ("Retry-After: 60", 60),
        ("Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Retry-After-Ms: 250", 0.25),
        ("Retry-After: tomorrow", 0.5),
        ("Retry-After: nan", 0.5),
        ("Retry-After: Wed, 99 Foo 2015", 0.5),
        (f"Retry-After: Mon, {'9' * 20} Jan 2020 00:00:00 GMT", 0.5),
        (f"Retry-After: Mon, 01 Jan 2020 {'9' * 20}:00:00 GMT", 0.5),
        (f"Retry-After: Mon, 01 Jan 2020 00:00:00 +{'9' * 14}", 0.5),
        ("Retry-After-Ms: ", 0.5),
    ],
)
@pytest.mark.parametrize("status", ["429 Slow", "503 Busy", "500 Oh", "409 Conflict"])
def test_the_servers_hint_wins(asked, header, pause, status):
    """In seconds, milliseconds or as a date; what cannot be read is as if it were not there."""
    assert asked(RetryPolicy(2), header, status=status) == [pause]


def test_a_date_is_a_pause_until_then(asked):
    """As servers behind proxies send it."""
    date = formatdate(time.time() + 30, usegmt=True)
    [pause] = asked(RetryPolicy(2), f"Retry-After: {date}")
    assert pause == 30


def test_milliseconds_are_preferred(asked):
    """They say it more exactly."""
    assert asked(RetryPolicy(2), "Retry-After: 9", "Retry-After-Ms: 100") == [0.1]


@pytest.mark.parametrize(
    "header",
    [
        "Retry-After: 61",
        "Retry-After-Ms: 60001",
        f"Retry-After: {formatdate(4e9, usegmt=True)}",
        "Retry-After: 99999999999999999999",
    ],
)
def test_a_long_pause_is_the_callers(asked, header):
    """Above 60 s nobody sleeps; the error says how long it would be."""
    assert asked(RetryPolicy(3), header) == []
    assert asked.error.attempts == 1
    assert asked.error.retry_after > 60


def test_pauses_after_faults_of_the_wire(listen, connect, pauses, monkeypatch):
    """The same, whether the connection, the answer or its body broke."""
    monkeypatch.setattr(random, "random", lambda: 0.0)

    def half(exchange):
        exchange.send(head("Content-Length: 9") + b"{")
        exchange.hang_up()

    for script, error in ((lambda e: e.reset(), APIConnectionError), (half, APIResponseError)):
        pauses.clear()
        with pytest.raises(error):
            connect(listen(script), retries=RetryPolicy(4)).assistants.retrieve("asst_a")
        assert pauses == [0.5, 1, 2]


def test_a_users_own_adapter_decides_about_retries(listen, connect):
    """A session of the user's brings its own; we add none."""
    server = listen(Store(refuse))
    with requests.Session() as session, pytest.raises(RateLimitError) as caught:
        connect(server, session=session).assistants.retrieve("asst_a")
    assert caught.value.attempts == 1
    server = listen(lambda e: (e.send(head("Content-Length: 9") + b"{"), e.hang_up()))
    with requests.Session() as session, pytest.raises(APIResponseError):
        connect(server, session=session).assistants.retrieve("asst_a")
    assert len(server.exchanges) == 1


@pytest.mark.parametrize("values", [{"attempts": 0}, {"initial": -1}, {"budget": float("nan")}])
def test_a_policy_that_makes_no_sense_is_refused(values):
    """With the name of the value."""
    with pytest.raises(ConfigurationError, match=next(iter(values))):
        RetryPolicy(**values)
