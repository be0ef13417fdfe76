"""Foundry and Azure on the wire: tokens, their renewal, paths, headers, versions."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from server import QUICK, assistant, http

from assistants_client import Client, ConfigurationError, RateLimitError
from assistants_client._http.auth import CachedToken


class Credential:
    """As azure-identity's: tokens by number, each good for so many seconds."""

    def __init__(self, seconds=3600.0, now=time.time):
        self.asked = []
        self.failure = None
        self._seconds = seconds
        self._now = now

    def get_token(self, *scopes):
        """The next token."""
        self.asked.append(scopes)
        if self.failure is not None:
            raise self.failure
        return SimpleNamespace(
            token=f"token-{len(self.asked)}", expires_on=self._now() + self._seconds
        )


def hello(exchange):
    """Answers any call with what has the fields of all."""
    exchange.json(assistant(data=[], has_more=False, deleted=True, thread_id="t", status="queued"))


def call_everything(client):
    """One call of each kind."""
    client.assistants.create(model="m")
    client.assistants.retrieve("a")
    list(client.assistants.list())
    client.assistants.delete("a")
    client.runs.cancel("t", "r")
    client.files.upload(b"x", filename="f")
    client.files.content("f")


def test_foundry(listen):
    """Its version on every request, a bearer token of its scope, and no header of the beta."""
    server = listen(hello)
    credential = Credential()
    with Client.foundry(f"{server.url[:-3]}/api/projects/p", credential, retries=QUICK) as client:
        call_everything(client)
        call_everything(client.with_options(timeout=3, params={"x": "y"}))
    assert len(server.exchanges) == 14
    for one in server.exchanges:
        assert one.path.startswith("/api/projects/p/")
        assert one.query["api-version"] == "v1"
        assert one.headers["authorization"] == "Bearer token-1"
        assert "openai-beta" not in one.headers
        assert "api-key" not in one.headers
    assert server.exchanges[-1].query["x"] == "y"
    assert credential.asked == [("https://ai.azure.com/.default",)]


def test_foundry_with_a_callable(listen):
    """It is asked before every request, and its answer sent."""
    server = listen(hello)
    tokens = iter("abc")
    with Client.foundry(server.url, lambda: next(tokens), api_version="2025-05-01") as client:
        for _ in range(3):
            client.assistants.retrieve("a")
    assert [one.headers["authorization"] for one in server.exchanges] == [
        "Bearer a",
        "Bearer b",
        "Bearer c",
    ]
    assert {one.query["api-version"] for one in server.exchanges} == {"2025-05-01"}


def test_azure_with_a_key(listen):
    """Below ``/openai``, with the header ``api-key`` and no bearer token."""
    server = listen(hello)
    with Client.azure(server.url[:-3] + "/", api_version="2024-05-01", api_key="k") as client:
        call_everything(client)
    for one in server.exchanges:
        assert one.path.startswith(("/openai/assistants", "/openai/threads", "/openai/files"))
        assert one.query["api-version"] == "2024-05-01"
        assert one.headers["api-key"] == "k"
        assert "authorization" not in one.headers
        assert one.headers.get("openai-beta") == (None if "/files" in one.path else "assistants=v2")


def test_azure_with_a_credential(listen):
    """A bearer token of the other scope, and no ``api-key``."""
    server = listen(hello)
    credential = Credential()
    with Client.azure(server.url[:-3], api_version="v", credential=credential) as client:
        client.assistants.retrieve("a")
    assert server.exchanges[0].headers["authorization"] == "Bearer token-1"
    assert "api-key" not in server.exchanges[0].headers
    assert credential.asked == [("https://cognitiveservices.azure.com/.default",)]


def test_a_retry_is_sent_with_the_token_of_its_call(listen):
    """A call is prepared once."""
    server = listen(lambda e: e.send(http(b"{}", status="429 Slow")))
    with (
        Client.foundry(server.url, Credential(), retries=QUICK) as client,
        pytest.raises(RateLimitError),
    ):
        client.assistants.retrieve("a")
    assert [one.headers["authorization"] for one in server.exchanges] == ["Bearer token-1"] * 3


# --- renewal, with a clock that the test moves ----------------------------------------------------


@pytest.fixture
def token(clock):
    """A cached token over a credential whose tokens last an hour."""
    credential = Credential(3600, clock.now)
    cached = CachedToken(credential, "scope", now=clock.now)
    cached.credential = credential
    return cached


def test_a_token_is_renewed_before_it_expires(token, clock):
    """Five minutes before; until then it is kept."""
    assert token() == token() == "token-1"
    clock.sleep(3600 - 301)
    assert token() == "token-1"
    clock.sleep(2)
    assert token() == "token-2"
    assert token() == "token-2"
    assert len(token.credential.asked) == 2


def test_a_failed_renewal_is_survived_while_the_token_is_good(token, clock):
    """Each call tries again; when the token has expired the failure is the caller's to see."""
    token()
    clock.sleep(3400)
    token.credential.failure = OSError("the token's server is down")
    assert token() == "token-1"
    clock.sleep(199)
    assert token() == "token-1"
    clock.sleep(2)
    with pytest.raises(OSError, match="is down"):
        token()
    token.credential.failure = None
    assert token() == "token-5"


def test_one_thread_renews(clock):
    """The others wait for it, and get the same token."""
    entered = threading.Semaphore(0)

    class Slow(Credential):
        def get_token(self, *scopes):
            entered.release()
            time.sleep(0.05)
            return super().get_token(*scopes)

    credential = Slow(3600, clock.now)
    cached = CachedToken(credential, "scope", now=clock.now)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: cached(), range(8))) == {"token-1"}
    clock.sleep(3599)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: cached(), range(8))) == {"token-2"}
    assert len(credential.asked) == 2


@pytest.mark.parametrize("credential", ["a key", None, 5, object()])
def test_what_is_no_credential(credential):
    """It is refused when the client is made."""
    with pytest.raises(ConfigurationError, match="credential"):
        Client.foundry("https://x.test/api/projects/p", credential)
