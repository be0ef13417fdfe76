"""A fake wire, on which a test plays a server that does not keep to the protocol."""

import json

import pytest

from assistants_client import Client

BASE = "https://server.test/v1"


@pytest.fixture(autouse=True)
def undisturbed(clean_environment, pauses):
    """No variable of the surroundings, no real pause between tries."""


class Wire:
    """Answers requests by method and path; of several answers the last again and again."""

    def __init__(self, mock):
        self._mock = mock

    def answers(self, method, path, *documents, status=200, headers=None):
        """Registers what a request is answered with."""
        for document in documents:
            self._mock.add(method, BASE + path, json=document, status=status, headers=headers)

    def answers_body(self, method, path, body, status, content_type):
        """Registers a body that need not be JSON."""
        self._mock.add(method, BASE + path, body=body, status=status, content_type=content_type)

    def calls_back(self, method, path, answer):
        """Registers a function of the request's query that gives the document."""
        self._mock.add_callback(
            method, BASE + path, lambda sent: (200, {}, json.dumps(answer(sent.params)))
        )

    @property
    def sent(self):
        """What was sent: (method, path) of each request."""
        return [
            (call.request.method, call.request.url.removeprefix(BASE)) for call in self._mock.calls
        ]

    @property
    def requests(self):
        """The requests themselves."""
        return [call.request for call in self._mock.calls]

    @property
    def bodies(self):
        """The JSON bodies that were sent."""
        return [json.loads(call.request.body) for call in self._mock.calls if call.request.body]


@pytest.fixture
def server(wire):
    """The server at the other end."""
    return Wire(wire)


@pytest.fixture
def timed_client(clock):
    """A client whose waits take no time."""
    from assistants_client.waiting import Time

    with Client(BASE, api_key="key-of-the-test") as made:
        made._waiter.clock = Time(clock.now, clock.sleep)
        yield made
