"""What of serving needs no process: addresses, and what is shown of them."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import create_environ
from werkzeug.wrappers import Response

from assistants_client.cli.engine_options import add_engine_options, set_variables
from assistants_client.cli.parser import Parser, database
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.limits import limits
from assistants_client.engine.serving import server as serving
from assistants_client.engine.serving.loopback_guard import LoopbackOnly
from assistants_client.engine.serving.server import RunCreationLimiter, Server, shown_database


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    """Only an address that no other machine reaches is."""
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with Server(host, 0) as server:
        assert server.is_loopback is loopback


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("kept.db", "sqlite:///kept.db"),
        ("/var/kept.db", "sqlite:////var/kept.db"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///kept.db", "sqlite:///kept.db"),
        ("postgresql+psycopg://host/db", "postgresql+psycopg://host/db"),
    ],
)
def test_a_file_is_a_database(given: str, url: str) -> None:
    """What is no URL is a file of SQLite's."""
    assert database(given) == url


def test_an_option_of_zero_is_given_to_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the variable that the engine reads: zero is a number like any other."""
    monkeypatch.setenv("ASSISTANTS_STATEMENT_TIMEOUT", "7")
    monkeypatch.setenv("ASSISTANTS_MAX_RUNS", "8")
    command = Parser()
    add_engine_options(command)
    set_variables(command.parse_args(["--statement-timeout", "0"]))
    assert (limits().statement_timeout, limits().max_runs) == (0, 8)


def test_the_base_url_can_be_pasted() -> None:
    """It holds the port that was taken, an address that can be reached, and ``/v1``."""
    with Server("0.0.0.0", 0) as server:
        url = server.base_url
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/v1")
    assert ":0/" not in url

    with Server("localhost", 0) as server:
        assert server.base_url.startswith("http://127.0.0.1:")

    if socket.has_dualstack_ipv6():
        with Server("::1", 0) as server:
            assert server.base_url.startswith("http://[::1]:")


def test_runs_are_made_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few at a time; nothing else waits, and no turn is waited for without an end."""
    monkeypatch.setattr(serving, "CREATED_AT_ONCE", 2)
    monkeypatch.setattr(serving, "TURN_SECONDS", 0.01)
    begun, go_on = threading.Semaphore(0), threading.Event()

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        begun.release()
        if environ["PATH_INFO"] == "/v1/threads/runs":
            assert go_on.wait(20)
        return []

    served = RunCreationLimiter(application)

    def post(path: str) -> threading.Thread:
        environ = create_environ(path, method="POST")
        thread = threading.Thread(target=served, args=(environ, lambda *_: None))
        thread.start()
        return thread

    threads = [post("/v1/threads/runs") for _ in range(3)]
    for _ in range(3):
        assert begun.acquire(timeout=20)
    monkeypatch.setattr(serving, "TURN_SECONDS", 20)
    threads.append(post("/v1/threads"))
    assert begun.acquire(timeout=20)
    threads.append(post("/v1/threads/runs"))
    assert not begun.acquire(timeout=0.05)
    go_on.set()
    assert begun.acquire(timeout=20)
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_no_password_is_shown(tmp_path: Path) -> None:
    """A database's URL is shown without its password, a relative file with its folder."""
    kept = Engine("sqlite:///kept.db", model=Scripted())
    other = Engine("sqlite://user:secret@/x.db", model=Scripted())

    assert shown_database(kept) == f"sqlite:///{Path('kept.db').absolute()}"
    assert "secret" not in shown_database(other)


@pytest.mark.parametrize(
    ("headers", "served"),
    [
        ({}, True),
        ({"Host": "localhost:8000"}, True),
        ({"Host": "127.8.9.1"}, True),
        ({"Host": "[::1]:8000", "Origin": "http://[::1]:8000"}, True),
        ({"Host": "localhost:8000", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Host": "localhost:8000", "Sec-Fetch-Site": "none"}, True),
        ({"Host": "localhost:8000", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Host": "localhost:8000", "Sec-Fetch-Site": "same-site"}, False),
        ({"Host": "localhost:8000", "Origin": "http://localhost:3000"}, False),
        ({"Host": "localhost:8000", "Origin": "http://127.0.0.1:8000"}, False),
        ({"Host": "localhost:8000", "Origin": "http://localhost"}, False),
        ({"Origin": "http://localhost:8000"}, False),
        ({"Host": "rebound.example:8000"}, False),
        ({"Host": "[not an address"}, False),
        ({"Host": ""}, False),
        ({"Host": "127.0.0.1:8000", "Origin": "https://page.example"}, False),
        ({"Host": "127.0.0.1:8000", "Origin": "null"}, False),
    ],
    ids=str,
)
def test_without_a_token_pages_are_kept_away(headers: dict[str, str], served: bool) -> None:
    """No page is served of another host or port, nor one that took this machine's address."""
    environ = create_environ("/v1/threads", method="POST")
    del environ["HTTP_HOST"]
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    with Engine("sqlite://", model=Scripted()) as engine:
        guarded = LoopbackOnly(engine)
        response = Response.from_app(guarded, environ, buffered=True)

    assert guarded.admits(environ) is served
    assert response.status_code == (200 if served else 403)
    if not served:
        error = json.loads(response.data)["error"]
        assert error["code"] == "only_this_machine"
        assert "Serve with a token" in error["message"]
        assert "--allow-origin" in error["message"]


@pytest.mark.parametrize(
    ("headers", "served"),
    [
        ({"Host": "localhost:8000", "Origin": "http://localhost:3000"}, True),
        (
            {
                "Host": "localhost:8000",
                "Origin": "http://localhost:3000",
                "Sec-Fetch-Site": "same-site",
            },
            True,
        ),
        ({"Host": "localhost:8000", "Origin": "http://localhost:3001"}, False),
        ({"Host": "localhost:8000", "Origin": "https://localhost:3000"}, False),
        ({"Host": "localhost:8000", "Origin": "null"}, False),
        ({"Host": "localhost:8000", "Sec-Fetch-Site": "cross-site"}, False),
        ({"Host": "rebound.example:8000", "Origin": "http://localhost:3000"}, False),
        ({"Host": "localhost:8000", "Origin": "http://localhost:8000"}, True),
    ],
    ids=str,
)
def test_without_a_token_pages_of_named_origins_are_served(
    headers: dict[str, str], served: bool
) -> None:
    """Those alone, and under this machine's names alone."""
    environ = create_environ("/v1/threads", method="POST")
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    with Engine("sqlite://", Scripted(), allow_origins=["http://localhost:3000"]) as engine:
        guarded = LoopbackOnly(engine)
        response = Response.from_app(guarded, environ, buffered=True)

    assert guarded.admits(environ) is served
    assert response.status_code == (200 if served else 403)
