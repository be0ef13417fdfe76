"""The client: where it connects to, and what each of its arguments puts on the wire."""

import gc
import io
import re
import sys
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from requests.adapters import BaseAdapter

from assistants_client import (
    AuthenticationError,
    Client,
    ConfigurationError,
    InternalServerError,
    __version__,
)

URL = "https://server.test/v1"


@pytest.fixture
def server(wire):
    """Answers every call below URL, and OpenAI's, with a thread."""
    wire.add("POST", re.compile(r".*/threads(\?.*)?$"), json={"id": "thread_a"})
    wire.add("GET", re.compile(r".*/threads/.*"), json={"id": "thread_a"})
    return wire


def sent(server, *args, **kwargs):
    """The request that a client with these arguments sends."""
    with Client(*args, **kwargs) as client:
        client.threads.create()
    return server.calls[-1].request


def test_the_plain_client(server):
    """Address, beta header, JSON, our name; no key where none is known."""
    request = sent(server, URL)
    assert (request.method, request.url) == ("POST", f"{URL}/threads")
    assert request.headers["OpenAI-Beta"] == "assistants=v2"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith(f"assistants-client/{__version__} ")
    assert request.headers["Content-Length"] == "2"
    assert request.body == b"{}"
    for name in ("Authorization", "OpenAI-Organization", "OpenAI-Project", "Cookie"):
        assert name not in request.headers


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}//"])
def test_a_slash_at_the_end_of_the_address_does_no_harm(server, url):
    """The path begins with one slash."""
    assert sent(server, url).url == f"{URL}/threads"


def test_api_key(server):
    """Sent as a bearer token, without the blanks around it."""
    assert sent(server, URL, api_key=" k ").headers["Authorization"] == "Bearer k"


def test_api_key_as_a_callable(server):
    """It is asked before every request, so that keys can rotate."""
    keys = iter(["one", "two"])
    with Client(URL, api_key=lambda: next(keys)) as client:
        client.threads.create()
        client.threads.create()
    got = [call.request.headers["Authorization"] for call in server.calls]
    assert got == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("key", ["", " ", "a\nb", "a\r\nX: y", "schlüssel", b"bytes", 5])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(server, key):
    """Neither a broken header nor a message with the key in it."""
    with pytest.raises(ConfigurationError, match="api_key") as at_once:
        Client(URL, api_key=key)
    client = Client(URL, api_key=lambda: key)
    with pytest.raises(ConfigurationError, match="api_key") as later:
        client.threads.create()
    for caught in (at_once, later):
        assert str(key).strip() == "" or repr(key) not in str(caught.value)
    assert len(server.calls) == 0


def test_organization_and_project(server):
    """Each has its header."""
    request = sent(server, URL, organization="org_1", project="proj_2")
    assert request.headers["OpenAI-Organization"] == "org_1"
    assert request.headers["OpenAI-Project"] == "proj_2"


def test_headers(server):
    """They come with every request and win over our own, whatever their case."""
    mine = {"X-Mine": "1", "openai-beta": "assistants=v1", "user-agent": "me"}
    request = sent(server, URL, headers=mine, api_key="k")
    assert request.headers["X-Mine"] == "1"
    assert request.headers["OpenAI-Beta"] == "assistants=v1"
    assert request.headers["User-Agent"] == "me"
    assert request.headers["Authorization"] == "Bearer k"


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_an_authorization_header_replaces_the_key(server, name):
    """There is one authorization."""
    request = sent(server, URL, headers={name: "Basic abc"}, api_key="k")
    assert request.headers["Authorization"] == "Basic abc"


@pytest.mark.parametrize(
    "headers",
    [{"X": "a\r\nb"}, {"X": "ä"}, {"X": 5}, {"X": b"a"}, {"X\r\nY": "a"}, {"": "a"}, {"a b": "c"}],
)
def test_headers_that_cannot_be_sent_are_refused(headers):
    """When the client is made."""
    with pytest.raises(ConfigurationError, match="headers: "):
        Client(URL, headers=headers)


def test_the_value_of_a_refused_header_is_not_shown():
    """It may be a secret."""
    with pytest.raises(ConfigurationError) as caught:
        Client(URL, headers={"api-key": "secret\n"})
    assert "secret" not in str(caught.value)


def test_params(server):
    """They come with every request, beside those of the call, which win."""
    server.add("GET", re.compile(r".*/assistants\?.*"), json={"data": []})
    with Client(URL, params={"api-version": "v1 ä", "order": "desc"}) as client:
        list(client.assistants.list(order="asc"))
    query = parse_qs(urlsplit(server.calls[0].request.url).query)
    assert query == {"api-version": ["v1 ä"], "order": ["asc"]}


@pytest.mark.parametrize(
    ("timeout", "on_wire"),
    [
        (None, (5.0, 60.0)),
        (3, (3.0, 3.0)),
        ((1, 2.5), (1.0, 2.5)),
        (float("inf"), (None, None)),
        ((5, float("inf")), (5.0, None)),
    ],
)
def test_timeout(server, timeout, on_wire):
    """Connect and read, in seconds; endless only when spelled out."""
    sent(server, URL, **({} if timeout is None else {"timeout": timeout}))
    assert server.calls[-1].request.req_kwargs["timeout"] == on_wire


@pytest.mark.parametrize(
    "timeout", [None, 0, -1, True, "5", (1,), (1, 2, 3), (1, None), [1, 2], float("nan"), (0, 1)]
)
def test_timeouts_that_are_none_are_refused(timeout):
    """None is not a timeout; the message says how to spell an endless one."""
    with pytest.raises(ConfigurationError, match=r"timeout: .*float\('inf'\)"):
        Client(URL, timeout=timeout)


def test_session(server):
    """The user's session adds its headers and authentication, and stays open."""
    session = requests.Session()
    session.headers["X-Session"] = "1"
    session.cookies.set("mine", "yes")
    closed = []
    session.close = lambda: closed.append(1)
    request = sent(server, URL, api_key="k", session=session)
    assert request.headers["X-Session"] == "1"
    assert request.headers["Authorization"] == "Bearer k"
    assert request.headers["Cookie"] == "mine=yes"
    assert request.headers["User-Agent"].startswith("assistants-client/")
    assert closed == []
    session.auth = ("name", "word")
    assert sent(server, URL, session=session).headers["Authorization"].startswith("Basic ")
    requests.Session.close(session)


@pytest.mark.parametrize("own", [True, False])
def test_netrc_is_never_used(server, tmp_path, monkeypatch, own):
    """A netrc file in the home folder does not replace our key, nor stand in for one."""
    (tmp_path / ".netrc").write_text("machine server.test login evil password evil\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with requests.Session() as session:
        mine = None if own else session
        assert sent(server, URL, api_key="k", session=mine).headers["Authorization"] == "Bearer k"
        assert "Authorization" not in sent(server, URL, session=mine).headers


# --- the environment ---------------------------------------------------------------------------


def test_the_base_url_of_the_environment(server, monkeypatch):
    """It is used where none is given."""
    monkeypatch.setenv("ASSISTANTS_BASE_URL", "https://env.test/v2")
    assert sent(server).url == "https://env.test/v2/threads"
    assert sent(server, URL).url == f"{URL}/threads"


def test_our_key_of_the_environment(server, monkeypatch):
    """It is used where none is given, for any host."""
    monkeypatch.setenv("ASSISTANTS_API_KEY", "env-key")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-never")
    assert sent(server, URL).headers["Authorization"] == "Bearer env-key"
    assert sent(server, URL, api_key="mine").headers["Authorization"] == "Bearer mine"
    openai = sent(server, "https://api.openai.com/v1")
    assert openai.headers["Authorization"] == "Bearer env-key"


@pytest.mark.parametrize(
    "url",
    ["https://api.openai.com/v1", "https://eu.api.OpenAI.com/v1", "https://openai.com:443/v1"],
)
def test_openais_key_goes_to_openai(server, monkeypatch, url):
    """To its own hosts, where our own variable is not set."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("ASSISTANTS_API_KEY", "")
    assert sent(server, url).headers["Authorization"] == "Bearer sk-openai"


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://notopenai.com/v1",
        "https://openai.com.evil.test/v1",
        "https://evil.test/openai.com/v1",
        "https://evil.test/v1#@api.openai.com",
        "https://x.openai.azure.com/v1",
        "http://127.0.0.1:8080/v1",
    ],
)
def test_openais_key_goes_nowhere_else(server, monkeypatch, url):
    """Whatever the address looks like."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    try:
        request = sent(server, url)
    except ConfigurationError:
        return
    assert "Authorization" not in request.headers


def test_the_environment_is_read_when_the_client_is_made(server, monkeypatch):
    """Later changes do not matter."""
    monkeypatch.setenv("ASSISTANTS_API_KEY", "early")
    with Client(URL) as client:
        monkeypatch.setenv("ASSISTANTS_API_KEY", "late")
        client.threads.create()
    assert server.calls[-1].request.headers["Authorization"] == "Bearer early"


# --- mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "server.test",
        "server.test/v1",
        "ftp://server.test",
        "http://",
        "https:///v1",
        "http://[::1",
        "http://server.test:port/v1",
        "http://server.test:99999/v1",
        "http://a..b/v1",
        5,
        b"http://server.test",
        ["http://server.test"],
    ],
)
def test_an_address_must_be_one(url):
    """Otherwise nothing is tried."""
    with pytest.raises(ConfigurationError, match="base_url: "):
        Client(url)


def test_a_key_in_the_place_of_the_address_is_not_shown():
    """An easy mistake, and messages end up in logs."""
    with pytest.raises(ConfigurationError) as caught:
        Client("sk-secret")
    assert "sk-secret" not in str(caught.value)


def test_a_password_in_the_address_is_refused_and_not_shown():
    """It would be in every message that names the address."""
    with pytest.raises(ConfigurationError, match="base_url: ") as caught:
        Client("https://me:secret@server.test/v1")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", [f"{URL}?a=b", f"{URL}#a"])
def test_an_address_has_no_query(url):
    """There is ``params`` for that."""
    with pytest.raises(ConfigurationError, match="params="):
        Client(url)


def test_an_address_or_an_engine():
    """Not both."""
    with pytest.raises(ConfigurationError, match="base_url and engine"):
        Client(URL, engine=object())


def test_the_name_of_a_database_is_no_engine():
    """The mistake is named where it is made, and so is what was expected."""
    with pytest.raises(ConfigurationError, match=r"expected an Engine, .*, got str"):
        Client(engine="sqlite:///assistants.db")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("max_response_bytes", "1", "a whole number of 1 or more"),
        ("max_response_bytes", 0, "a whole number of 1 or more"),
        ("max_response_bytes", 1.5, "a whole number of 1 or more"),
        ("retries", -1, "a RetryPolicy, nor a whole number of 0 or more further tries"),
        ("retries", 2.5, "a RetryPolicy, nor a whole number of 0 or more further tries"),
        ("retries", "3", "a RetryPolicy, nor a whole number of 0 or more further tries"),
        ("retries", True, "a RetryPolicy, nor a whole number of 0 or more further tries"),
    ],
)
def test_arguments_are_checked_when_the_client_is_made(name, value, expected):
    """Not at the first answer, when something was created already."""
    with pytest.raises(ConfigurationError) as caught:
        Client(URL, **{name: value})
    assert str(caught.value) == f"{name}: {value!r} is not {expected}"


@pytest.mark.parametrize("backoff", ["x", -1])
def test_a_backoff_is_checked_when_the_client_is_made(backoff):
    """Not at the first wait, when a run is under way already."""
    with pytest.raises(ConfigurationError, match=r"^backoff: "):
        Client(URL, backoff=backoff)


def test_an_engine_takes_no_key():
    """One that was given would go nowhere, without a word."""
    with pytest.raises(ConfigurationError, match=r"^api_key: there is no server to send it to"):
        Client(engine=FakeEngine(), api_key="k")


def test_an_address_of_the_environment_that_is_none(monkeypatch):
    """The message names the variable, for no argument was given."""
    monkeypatch.setenv("ASSISTANTS_BASE_URL", "localhost:8000/v1")
    with pytest.raises(ConfigurationError, match=r"^\$ASSISTANTS_BASE_URL: not an http"):
        Client()


def test_without_the_engine_the_message_names_the_command(monkeypatch):
    """Client() where the extra is not installed says what to do."""
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    for name in [name for name in sys.modules if name.startswith("assistants_client.engine")]:
        monkeypatch.delitem(sys.modules, name)
    words = re.escape('pip install "assistants-client[engine]"')
    with pytest.raises(ConfigurationError, match=words) as caught:
        Client()
    assert "sqlalchemy" in str(caught.value)
    assert "ASSISTANTS_BASE_URL" in str(caught.value)
    assert isinstance(caught.value.__cause__, ImportError)


# --- the embedded engine, seen from outside ----------------------------------------------------


class FakeEngine:
    """Stands in for the embedded engine."""

    closed = 0

    def __call__(self, environ, start_response):
        """Never called: the adapter is a fake as well."""

    def close(self):
        """Counts."""
        self.closed += 1


class FakeAdapter(BaseAdapter):
    """Answers every request with a thread."""

    def send(self, request, **settings):
        """See requests."""
        response = requests.Response()
        response.status_code, response.url, response.request = 200, request.url, request
        response.raw = io.BytesIO(b'{"id": "thread_e"}')
        return response

    def close(self):
        """See requests."""


@pytest.fixture
def engine(monkeypatch):
    """The engine that Client() gets, without the engine."""
    fake = FakeEngine()
    made = SimpleNamespace(EngineAdapter=lambda engine: FakeAdapter())
    monkeypatch.setitem(sys.modules, "assistants_client.engine.http.in_process_adapter", made)
    monkeypatch.setattr("assistants_client.engine.Engine.from_environment", lambda: fake)
    return fake


def test_the_client_closes_the_engine_it_opened(engine):
    """On close, once."""
    with Client() as client:
        assert client.threads.create().id == "thread_e"
        assert repr(client) == "<Client of the embedded engine>"
    assert engine.closed == 1
    client.close()
    assert engine.closed == 1


def test_a_dropped_client_closes_its_engine(engine):
    """Also without close."""
    Client()
    gc.collect()
    assert engine.closed == 1


def test_a_client_that_cannot_be_made_closes_its_engine(engine):
    """Nobody else could."""
    with pytest.raises(ConfigurationError, match="session"):
        Client(session="requests")
    assert engine.closed == 1


def test_an_engine_of_the_users_stays_open(engine):
    """Who opened it closes it."""
    with Client(engine=engine) as client:
        assert client.threads.create().id == "thread_e"
    del client
    gc.collect()
    assert engine.closed == 0


def test_no_key_is_sent_to_the_engine(engine, monkeypatch):
    """There is nobody to check it."""
    monkeypatch.setenv("ASSISTANTS_API_KEY", "env-key")
    with Client() as client:
        assert client._transport._api_key is None


# --- small things ------------------------------------------------------------------------------


def test_the_repr_has_the_address_and_no_key():
    """It ends up in logs."""
    with Client(URL, api_key="secret", headers={"X": "secret"}) as client:
        assert repr(client) == f"<Client of {URL}>"
        assert "secret" not in repr(client._transport)


def test_with_options_varies_one_call(server):
    """A copy with other headers, parameters and timeout; the client itself stays as it was."""
    with Client(URL, api_key="k", headers={"A": "1"}, params={"p": "1"}) as client:
        other = client.with_options(timeout=1, headers={"B": "2"}, params={"q": "2"})
        other.threads.create()
        client.threads.create()
        other.close()
        client.threads.create()
    first, second = (call.request for call in list(server.calls)[:2])
    assert (first.headers["A"], first.headers["B"]) == ("1", "2")
    assert first.headers["Authorization"] == "Bearer k"
    assert urlsplit(first.url).query == "p=1&q=2"
    assert first.req_kwargs["timeout"] == (1.0, 1.0)
    assert "B" not in second.headers
    assert second.req_kwargs["timeout"] == (5.0, 60.0)


def test_retries_can_be_a_number(serve, http_answer, pauses):
    """Further tries: none means that it is sent once."""
    server = serve(http_answer({}, status="500 no"))
    with Client(server.url, retries=0) as client:
        with pytest.raises(InternalServerError) as caught:
            client.threads.retrieve("t")
        assert (caught.value.attempts, pauses) == (1, [])
        with pytest.raises(InternalServerError) as caught:
            client.with_options(retries=1).threads.retrieve("t")
        assert caught.value.attempts == 2
        assert len(pauses) == 1
    assert len(server.requests) == 3


def test_errors_leave_through_the_context_manager(wire):
    """Nothing is swallowed."""
    wire.get(f"{URL}/threads/t", status=401, json={})
    with pytest.raises(AuthenticationError), Client(URL) as client:
        client.threads.retrieve("t")


def test_a_parameter_without_a_value_is_left_out(wire, clean_environment):
    """``None`` says that there is none."""
    wire.get("https://server.test/v1/threads/t", json={"id": "t"})
    with Client("https://server.test/v1", api_key="k", params={"a": None, "b": "1"}) as client:
        client.threads.retrieve("t")
    assert wire.calls[0].request.url == "https://server.test/v1/threads/t?b=1"
