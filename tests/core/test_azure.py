"""The forms of connecting to Azure's services: addresses, parameters, keys and tokens."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from assistants_client import Client, ConfigurationError
from assistants_client._http.auth import CachedToken

FOUNDRY = "https://r.services.ai.azure.com/api/projects/p"
AZURE = "https://r.openai.azure.com"


@pytest.fixture
def sent(wire):
    """The request that a client sends."""
    wire.post(re.compile(".*"), json={"id": "thread_a"})

    def send(client):
        with client:
            client.threads.create()
        return wire.calls[-1].request

    return send


class Token:
    """What azure-identity answers."""

    def __init__(self, token, expires_on):
        self.token = token
        self.expires_on = expires_on


class FakeCredential:
    """Numbers its tokens; each is good for an hour."""

    def __init__(self, clock):
        self.clock = clock
        self.scopes = []
        self.broken = False

    def get_token(self, *scopes):
        """See azure-identity."""
        if self.broken:
            raise OSError("no network")
        self.scopes += scopes
        return Token(f"token-{len(self.scopes)}", self.clock.now() + 3600)


def test_foundry(sent):
    """The project's address, its version, a bearer token; no OpenAI header."""
    request = sent(Client.foundry(FOUNDRY, lambda: "t", params={"a": "b"}))
    url = urlsplit(request.url)
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{FOUNDRY}/threads"
    assert parse_qs(url.query) == {"api-version": ["v1"], "a": ["b"]}
    assert request.headers["Authorization"] == "Bearer t"
    assert "OpenAI-Beta" not in request.headers


def test_foundry_with_a_credential(sent, clock):
    """The token is asked for with Foundry's scope."""
    credential = FakeCredential(clock)
    credential.clock.seconds = 1e12  # good for long
    assert sent(Client.foundry(FOUNDRY, credential)).headers["Authorization"] == "Bearer token-1"
    assert credential.scopes == ["https://ai.azure.com/.default"]


def test_azure_with_a_key(sent):
    """The key has a header of its own."""
    request = sent(Client.azure(AZURE, api_version="v", api_key="k"))
    assert request.url == f"{AZURE}/openai/threads?api-version=v"
    assert request.headers["api-key"] == "k"
    assert request.headers["OpenAI-Beta"] == "assistants=v2"
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        (f"{AZURE}/", f"{AZURE}/openai/threads"),
        (f"{AZURE}/openai/", f"{AZURE}/openai/threads"),
        ("https://gateway.test/openai", "https://gateway.test/openai/openai/threads"),
    ],
)
def test_azure_s_path_is_there_once(sent, endpoint, address):
    """Also where it was copied along; a gateway's own path is left alone."""
    client = Client.azure(endpoint, api_key="k", api_version="2024-05-01-preview")
    assert sent(client).url.partition("?")[0] == address


def test_azure_with_a_credential(sent):
    """A token is a bearer token."""
    request = sent(Client.azure(AZURE, api_version="v", credential=lambda: "t"))
    assert request.headers["Authorization"] == "Bearer t"
    assert "api-key" not in request.headers


def test_other_keys_of_the_environment_stay_at_home(sent, monkeypatch):
    """Neither OpenAI's nor our own key is sent in their place."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("ASSISTANTS_API_KEY", "ours")
    monkeypatch.delenv("AZURE_OPENAI_API_KEY", raising=False)
    request = sent(Client.azure(AZURE, api_version="v"))
    assert not {"api-key", "authorization"} & {name.lower() for name in request.headers}


def test_a_key_or_a_credential():
    """Not both."""
    with pytest.raises(ConfigurationError, match="api_key and credential"):
        Client.azure(AZURE, api_version="v", api_key="k", credential=lambda: "t")


def test_a_credential_answers_tokens():
    """Anything else is refused when the client is made."""
    with pytest.raises(ConfigurationError, match="credential: "):
        Client.foundry(FOUNDRY, "a string")


def test_tokens_are_kept_and_renewed_in_time(clock):
    """Five minutes before the end; not for every request."""
    credential = FakeCredential(clock)
    token = CachedToken(credential, "scope", now=clock.now)
    assert [token(), token()] == ["token-1", "token-1"]
    clock.sleep(3600 - 301)
    assert token() == "token-1"
    clock.sleep(2)
    assert [token(), token()] == ["token-2", "token-2"]
    assert "token" not in repr(token).lower().replace("cachedtoken", "")


def test_a_failed_renewal_is_no_failure_while_the_token_is_good(clock):
    """The next call tries again; after the end the error comes through."""
    credential = FakeCredential(clock)
    token = CachedToken(credential, "scope", now=clock.now)
    token()
    credential.broken = True
    clock.sleep(3500)
    assert token() == "token-1"
    clock.sleep(200)
    with pytest.raises(OSError, match="no network"):
        token()
    credential.broken = False
    assert token() == "token-2"
