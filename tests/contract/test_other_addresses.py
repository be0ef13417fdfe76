"""Addresses in the forms of other services' clients, over a socket: Azure's, and odd slashes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from contract_serving import served

from assistants_client import Client
from assistants_client.engine import Engine, Scripted
from assistants_client.errors import AuthenticationError

VERSION = "?api-version=2024-05-01-preview"


@pytest.fixture
def endpoint() -> Iterator[str]:
    """What Azure's clients call so, of an engine that asks for a token."""
    model = Scripted(["Hello."])
    with Engine("sqlite://", model=model, token="secret") as engine, served(engine) as base_url:
        yield base_url.removesuffix("/v1")


@pytest.mark.parametrize(
    "base",
    [
        "/openai",
        "/openai/v1",
        "/openai/deployments/gpt-4o",
        "/v1/openai",
        "/v1",
        "",
    ],
)
@pytest.mark.parametrize("headers", [{"api-key": "secret"}, {"Authorization": "Bearer secret"}])
def test_azures_paths_and_its_key(endpoint: str, base: str, headers: dict[str, str]) -> None:
    """Objects are made, read and deleted below each, with the key in either header."""
    with requests.Session() as session:
        session.headers.update(headers)
        url = f"{endpoint}{base}/assistants"
        made = session.post(f"{url}{VERSION}", json={"model": "gpt-4o"}, timeout=20).json()
        one = f"{url}/{made['id']}{VERSION}"
        assert session.get(one, timeout=20).json() == made
        assert session.get(f"{url}{VERSION}", timeout=20).json()["data"] == [made]
        assert session.delete(one, timeout=20).json()["deleted"] is True


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_api_key"),
        ({"api-key": ""}, "missing_api_key"),
        ({"api-key": "wrong"}, "invalid_api_key"),
        ({"api-key": "wrong", "Authorization": "Bearer wrong"}, "invalid_api_key"),
        ({"api-key": "Bearer secret"}, "invalid_api_key"),
    ],
    ids=str,
)
def test_azures_key_must_be_right(endpoint: str, headers: dict[str, str], code: str) -> None:
    """As the other one."""
    answer = requests.get(f"{endpoint}/openai/assistants{VERSION}", headers=headers, timeout=20)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)


@pytest.mark.parametrize(
    "path",
    [
        "/openaix/assistants",
        "/openai/openai/assistants",
        "/openai/v1/v1/assistants",
        "/openai/deployments/assistants",
        "/openai",
    ],
)
def test_other_paths_stay_unknown(endpoint: str, path: str) -> None:
    """Only what those clients put there is taken off."""
    answer = requests.get(f"{endpoint}{path}", headers={"api-key": "secret"}, timeout=20)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_url")


def test_our_client_in_azures_form(endpoint: str) -> None:
    """A run, and its stream; the endpoint is all that changes."""
    with Client.azure(endpoint, api_version="2024-05-01-preview", api_key="secret") as client:
        assistant = client.assistants.create(model="gpt-4o")
        stream = client.runs.stream_thread_and_run(
            assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hi"}]}
        )
        assert "".join(stream.text()) == "Hello."
    with (
        Client.azure(endpoint, api_version="v", api_key="wrong") as client,
        pytest.raises(AuthenticationError),
    ):
        client.threads.create()


def test_a_slash_at_the_end(endpoint: str) -> None:
    """It is answered as without: a redirected POST would be lost by who does not follow."""
    headers = {"api-key": "secret", "Idempotency-Key": "k"}
    url = f"{endpoint}/v1/assistants"
    made = requests.post(f"{url}/", json={"model": "m"}, headers=headers, timeout=20)
    assert (made.status_code, made.history) == (200, [])
    again = requests.post(url, json={"model": "m"}, headers=headers, timeout=20)
    assert again.json() == made.json()
    one = requests.get(f"{url}/{made.json()['id']}/?x=y", headers=headers, timeout=20)
    assert one.json() == made.json()


@pytest.mark.parametrize(
    "path", ["/chat/completions", "/embeddings", "/moderations", "/uploads", "/images/generations"]
)
def test_what_is_not_served_says_what_is(endpoint: str, path: str) -> None:
    """A program may use one client for more than assistants, and all of it comes to one address."""
    answer = requests.post(
        f"{endpoint}/v1{path}", json={}, headers={"api-key": "secret"}, timeout=20
    )
    message = answer.json()["error"]["message"]
    assert answer.status_code == 404
    assert message.startswith(f"Invalid URL (POST /v1{path}). Only the Assistants API is served")
    assert "need a client of their own" in message
