"""Pages of other origins: what their browsers receive, and which names of origins are accepted."""

from __future__ import annotations

import pytest
from werkzeug.test import Client, TestResponse

from assistants_client.engine import Engine, Scripted
from assistants_client.engine.http.cross_origin import AllowedOrigins
from assistants_client.errors import ConfigurationError

PAGE = "https://app.example.org"
ALLOW = "access-control-allow-origin"


def serving(*origins: str, token: str | None = "secret") -> Client:
    """A client of an engine that allows these origins."""
    engine = Engine("sqlite://", model=Scripted(), token=token, allow_origins=origins)
    return Client(engine)


def preflight(
    http: Client, origin: str, wanted: str = "authorization,x-stainless-os"
) -> TestResponse:
    """What a browser asks before it sends a page's request, without a token."""
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": wanted,
    }
    return http.options("/v1/threads/runs", headers=headers)


def test_a_preflight_is_answered_without_a_token() -> None:
    """All methods of the protocol are allowed, and whatever headers a client has."""
    response = preflight(serving(PAGE), PAGE)
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["x-request-id"].startswith("req_")
    assert response.headers[ALLOW] == PAGE
    assert response.headers["access-control-allow-methods"] == "GET, POST, DELETE"
    assert response.headers["access-control-allow-headers"] == "authorization,x-stainless-os"
    assert int(response.headers["access-control-max-age"]) > 0
    assert response.headers.getlist("vary") == ["Origin", "Access-Control-Request-Headers"]
    assert "access-control-allow-credentials" not in response.headers


def test_a_page_reads_responses_and_their_headers() -> None:
    """Refusals too, and every header that a response has."""
    http = serving(PAGE)
    key = {"authorization": "Bearer secret"}
    made = http.post("/v1/threads", headers={"origin": PAGE, **key})
    lost = http.get("/v1/threads/thread_x", headers={"origin": PAGE, **key})
    denied = http.get("/v1/threads", headers={"origin": PAGE})
    assert [one.status_code for one in (made, lost, denied)] == [200, 404, 401]
    for response in (made, lost, denied):
        assert response.headers[ALLOW] == PAGE
        exposed = response.headers["access-control-expose-headers"].split(", ")
        assert "x-request-id" in exposed
        assert "Origin" in response.headers.getlist("vary")
    assert "www-authenticate" in denied.headers["access-control-expose-headers"]


def test_all_origins() -> None:
    """A star allows each, also the one without a name that local files have."""
    http = serving("*")
    for origin in (PAGE, "null", "http://localhost:3000"):
        assert preflight(http, origin).headers[ALLOW] == "*"
        response = http.get("/v1/threads", headers={"origin": origin, "api-key": "secret"})
        assert (response.status_code, response.headers[ALLOW]) == (200, "*")


@pytest.mark.parametrize("origins", [(), ("https://other.example",), ("http://app.example.org",)])
def test_other_pages_get_no_headers(origins: tuple[str, ...]) -> None:
    """Their preflight is a request like any other, and no response says that they may read it."""
    http = serving(*origins)
    assert preflight(http, PAGE).status_code == 401
    for response in (
        preflight(http, PAGE),
        http.get("/v1/threads", headers={"origin": PAGE, "authorization": "Bearer secret"}),
        http.get("/v1/threads", headers={"authorization": "Bearer secret"}),
    ):
        assert not [name for name, _ in response.headers if name.lower().startswith("access-")]
        assert response.headers.get("vary") == ("Origin" if origins else None)


def test_options_that_are_no_preflight_are_refused_as_before() -> None:
    """A page may read that, too."""
    http = serving(PAGE, token=None)
    response = http.options("/v1/threads", headers={"origin": PAGE})
    assert (response.status_code, response.headers[ALLOW]) == (405, PAGE)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://app.example.org/", "https://app.example.org"),
        ("HTTPS://App.Example.org", "https://app.example.org"),
        ("https://app.example.org:443", "https://app.example.org"),
        ("http://app.example.org:80", "http://app.example.org"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
    ],
)
def test_an_origin_is_known_as_browsers_send_it(given: str, sent: str) -> None:
    """In lower case, without a port that goes without saying and without a slash."""
    origins = AllowedOrigins([given])
    assert origins.admits(sent)
    assert not origins.admits(f"{sent}x")
    assert not origins.admits("null")
    assert not origins.admits(None)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "null",
        "app.example.org",
        "localhost:3000",
        "https://",
        "https://app.example.org/app",
        "https://app.example.org?x",
        "https://*.example.org",
        "https://user@app.example.org",
        "https://app.example.org:port",
        "https://[app",
        "https://a b",
        "https://bücher.example",
        5,
    ],
)
def test_what_is_no_origin_is_refused(given: str) -> None:
    """It is named, with how one looks."""
    with pytest.raises(ConfigurationError, match=r"^allow_origins: .* https://app\.example\.org"):
        Engine("sqlite://", model=Scripted(), allow_origins=[given])


def test_one_origin_is_a_list_of_one() -> None:
    """A text would be taken apart."""
    with pytest.raises(ConfigurationError, match=r"such as \['https://a\.example'\]"):
        Engine("sqlite://", model=Scripted(), allow_origins="https://a.example")


def test_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds several; an argument wins, also an empty one; a mistake is reported by its name."""
    monkeypatch.setenv("ASSISTANTS_ALLOW_ORIGIN", f"http://localhost:3000, {PAGE},")
    http = Client(Engine("sqlite://", model=Scripted()))
    assert preflight(http, PAGE).headers[ALLOW] == PAGE
    assert ALLOW not in preflight(serving(token=None), PAGE).headers
    monkeypatch.setenv("ASSISTANTS_ALLOW_ORIGIN", "localhost")
    with pytest.raises(ConfigurationError, match=r"^\$ASSISTANTS_ALLOW_ORIGIN: 'localhost' is not"):
        Engine("sqlite://", model=Scripted())
