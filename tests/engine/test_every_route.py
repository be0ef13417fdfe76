"""What holds of every operation alike: its addresses, its headers, and pages of other origins."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from werkzeug.test import Client, TestResponse

from assistants_client.engine import Engine, Scripted
from assistants_client.engine.http.routes import ROUTES

PAGE = "https://app.example.org"
KEY = {"api-key": "secret", "origin": PAGE}
PREFIXES = ("/v1", "", "/openai", "/openai/v1", "/openai/deployments/gpt-4o")
HEADERS = {"x-request-id", "openai-version", "openai-processing-ms", "openai-organization"}
OPERATIONS = [(method, re.sub("<[a-z_]+>", "none", path)) for method, path, _ in ROUTES]


@pytest.fixture
def http() -> Iterator[Client]:
    """A client of an engine that asks for a token, and lets one page in."""
    with Engine("sqlite://", Scripted(), token="secret", allow_origins=[PAGE]) as engine:
        yield Client(engine)


def told(response: TestResponse) -> tuple[int, object]:
    """The status, and what a refusal says beside its words."""
    error = (response.get_json() or {}).get("error", {})
    return response.status_code, [error.get(name) for name in ("type", "code", "param")]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_its_addresses(http: Client, method: str, path: str) -> None:
    """It is the same below each prefix, with a slash at its end and with a query of Azure's."""
    answers = [
        told(http.open(f"{prefix}{path}{end}", method=method, headers=KEY))
        for prefix in PREFIXES
        for end in ("", "/", "?api-version=2024-05-01-preview", "/?api-version=1")
    ]
    assert answers == answers[:1] * len(answers)
    status, refusal = answers[0]
    assert status in {200, 400, 404}
    assert refusal != ["invalid_request_error", "unknown_url", None]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_its_headers(http: Client, method: str, path: str) -> None:
    """Whatever comes of it, loggers find theirs, and a page may read them; so of a preflight."""
    asked = {"origin": PAGE, "access-control-request-method": method}
    preflight = http.options(f"/v1{path}", headers=asked)
    assert preflight.status_code == 204
    assert method in preflight.headers["access-control-allow-methods"]
    answers = [
        http.open(f"/v1{path}", method=method, headers=headers)
        for headers in (KEY, {**KEY, "api-key": "wrong"}, {"origin": PAGE})
    ]
    assert [one.status_code for one in answers[1:]] == [401, 401]
    assert told(http.put(f"/v1{path}", headers=KEY))[0] == 405
    for response in (*answers, http.put(f"/v1{path}", headers=KEY)):
        assert set(response.headers["access-control-expose-headers"].split(", ")) >= HEADERS
    for response in (preflight, *answers):
        assert {name.lower() for name, _ in response.headers} >= HEADERS
        assert response.headers["access-control-allow-origin"] == PAGE
