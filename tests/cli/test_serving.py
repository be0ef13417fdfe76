"""What of serving needs no process: addresses, and what is shown of them."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from werkzeug.test import create_environ
from werkzeug.wrappers import Response

from assistants_client.cli import _database
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.own_machine import OnlyThisMachine
from assistants_client.engine.serving import Server, shown_database


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
    assert _database(given) == url


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
        response = Response.from_app(OnlyThisMachine(engine), environ, buffered=True)

    assert response.status_code == (200 if served else 403)
    if not served:
        error = json.loads(response.data)["error"]
        assert error["code"] == "only_this_machine"
        assert "Serve with a token" in error["message"]
