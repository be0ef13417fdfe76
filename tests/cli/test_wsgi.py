"""The application as other WSGI servers import it."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import waitress
from waitress import wasyncore

from assistants_client import Client
from assistants_client.engine import Engine
from assistants_client.errors import AuthenticationError


@pytest.fixture
def application(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Engine]:
    """The module's application, made anew of this environment."""
    monkeypatch.setenv("ASSISTANTS_DATABASE_URL", f"sqlite:///{tmp_path / 'served.db'}")
    monkeypatch.setenv("ASSISTANTS_TOKEN", "secret")
    sys.modules.pop("assistants_client.engine.wsgi", None)
    engine = importlib.import_module("assistants_client.engine.wsgi").application
    yield engine
    engine.close()
    sys.modules.pop("assistants_client.engine.wsgi", None)


def test_importing_it_opens_nothing(application: Engine, tmp_path: Path) -> None:
    """A server may import it and fork: the database is made by the first request."""
    assert list(tmp_path.iterdir()) == []


def test_waitress_serves_it(application: Engine, tmp_path: Path) -> None:
    """Over a socket, with the database and the token of the environment."""
    sockets: dict[int, Any] = {}
    ended = threading.Event()
    server = waitress.create_server(application, host="127.0.0.1", port=0, map=sockets)

    def serve() -> None:
        while not ended.is_set():
            wasyncore.loop(timeout=0.01, map=sockets, count=1)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(sockets)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.effective_port}/v1"
    try:
        with Client(url, api_key="secret") as client:
            assistant = client.assistants.create(model="m")
            text = "".join(
                client.runs.stream_thread_and_run(
                    assistant_id=assistant.id,
                    thread={"messages": [{"role": "user", "content": "6 * 7"}]},
                ).text()
            )
        with Client(url, api_key="wrong") as other, pytest.raises(AuthenticationError):
            other.threads.create()
    finally:
        ended.set()
        thread.join()

    assert "42" in text
    assert (tmp_path / "served.db").exists()
