"""One client on a fake wire, and ways to say what it should have sent."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

BASE = "https://server.test/v1"


@pytest.fixture
def expect(client, wire):
    """Answers one call, makes it, and checks the request that it sent."""

    def check(call, method, path, answer, *, body=None, query=()):
        wire.add(method, BASE + path, json=answer)
        result = call(client)
        request = wire.calls[-1].request
        url = urlsplit(request.url)
        assert (request.method, url.path) == (method, "/v1" + path)
        assert parse_qsl(url.query, keep_blank_values=True) == list(query)
        assert request.headers["Authorization"] == "Bearer key-of-the-test"
        assert request.headers["OpenAI-Beta"] == "assistants=v2"
        assert request.headers["Accept"] == "application/json"
        if body is None:
            assert request.body is None
            assert "Content-Type" not in request.headers
        else:
            assert json.loads(request.body) == body
            assert request.headers["Content-Type"] == "application/json"
            assert request.headers["Content-Length"] == str(len(request.body))
        if method == "POST":
            assert len(request.headers["Idempotency-Key"]) >= 16
        else:
            assert "Idempotency-Key" not in request.headers
        return result

    return check


@pytest.fixture
def listed(client, wire):
    """Answers one page, walks a list, and gives the items and the query that was sent."""

    def check(call, path, item):
        page = {"object": "list", "data": [item], "first_id": "a", "last_id": "b"}
        wire.get(BASE + path, json={**page, "has_more": False})
        found = list(call(client))
        url = urlsplit(wire.calls[-1].request.url)
        assert url.path == "/v1" + path
        assert wire.calls[-1].request.body is None
        return found, parse_qsl(url.query)

    return check
