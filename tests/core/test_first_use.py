"""What a client leaves for its first call, and what it does not: errors, and the environment."""

import inspect
import os
import threading

import pytest
import responses

from assistants_client import Client, ConfigurationError, Run, RunRequest
from assistants_client.resources._signatures import accepts_fields_of
from assistants_client.resources.runs import Runs

URL = "https://server.test/v1"
THREAD = f"{URL}/threads/thread_a"


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ({"timeout": 0}, "timeout: 0 is not"),
        ({"headers": {"a b": "c"}}, "is not the name of a header"),
        ({"headers": {"a": "\n"}}, "the value of 'a'"),
        ({"retries": -1}, "retries: -1 is not"),
        ({"backoff": -1}, "backoff: "),
        ({"max_polls_per_second": 0}, "max_polls_per_second: 0 is not"),
        ({"max_response_bytes": 0}, "max_response_bytes: 0 is not"),
        ({"session": object()}, "session: expected a requests.Session"),
    ],
)
@pytest.mark.parametrize(
    "make",
    [
        lambda **given: Client(URL, **given),
        lambda **given: Client.azure(URL, api_version="1", **given),
        lambda **given: Client.foundry(URL, str, **given),
    ],
    ids=["server", "azure", "foundry"],
)
def test_a_mistake_is_refused_when_the_client_is_made(make, mistake, said):
    """No argument is first looked at by the first call."""
    with pytest.raises(ConfigurationError, match=said):
        make(**mistake)


@pytest.mark.parametrize(
    ("key", "said"), [("", "it is empty"), ("two\nlines", "expected printable ASCII text")]
)
def test_so_is_a_key_that_cannot_be_sent(key, said):
    """Also one of Azure's."""
    with pytest.raises(ConfigurationError, match=f"api_key: {said}"):
        Client(URL, api_key=key)
    with pytest.raises(ConfigurationError, match=f"api_key: {said}"):
        Client.azure(URL, api_version="1", api_key=key)


def test_an_option_that_cannot_be_used_is_refused_by_with_options():
    """The same of a copy's options."""
    with pytest.raises(ConfigurationError, match="timeout: -1 is not"):
        Client(URL).with_options(timeout=-1)


def test_proxies_are_those_of_the_time_when_the_client_was_made(monkeypatch):
    """Where there are any then, a later change is none of the client's."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    client = Client(URL)
    monkeypatch.delenv("HTTPS_PROXY")

    assert client._transport._settings["proxies"]["https"] == "http://proxy.test:3128"


def test_threads_that_call_first_at_once_share_the_connections():
    """Whoever makes the transport, all use the same one."""
    client = Client(URL)
    together = threading.Barrier(16)
    found = []

    def first() -> None:
        together.wait(10)
        found.append(client._transport)

    threads = [threading.Thread(target=first) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert len(found) == 16
    assert len(set(map(id, found))) == 1


def test_a_client_that_called_nothing_can_be_shown_and_closed(monkeypatch):
    """Neither makes the connection that was not needed, where no variable concerns it."""
    for name in list(os.environ):
        if name.lower().endswith(("_proxy", "_ca_bundle")):
            monkeypatch.delenv(name)
    client = Client(URL)
    with client:
        assert repr(client) == f"<Client of {URL}>"

    assert client._connection._made == []


@pytest.mark.parametrize("called_before", [False, True])
def test_fakes_of_responses_work_whenever_they_begin(called_before):
    """Before the first call as after it: they replace a method of requests' adapter."""
    client = Client(URL)
    for _ in range(1 + called_before):
        with responses.RequestsMock() as fake:
            fake.add("GET", THREAD, json={"id": "thread_a"})
            assert client.threads.retrieve("thread_a").id == "thread_a"


def test_a_method_is_described_before_it_was_called():
    """Its signature and help are made when somebody looks; on the class they are the method's."""

    class Fresh:
        @accepts_fields_of(lambda: RunRequest)
        def create(self, thread_id: str, request: RunRequest) -> Run:
            """Starts a run."""
            raise AssertionError

    assert "assistant_id" in inspect.signature(Fresh.create).parameters
    assert "Takes one ``RunRequest``" in str(inspect.getdoc(Fresh.create))
    assert inspect.isfunction(vars(Fresh)["create"])
    assert "assistant_id" in inspect.signature(Runs.create).parameters
