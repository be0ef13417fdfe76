"""Engines for the tests of mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from assistants_client import Client
from assistants_client.engine import Engine, Scripted


@pytest.fixture
def embedded() -> Iterator[Callable[..., Client]]:
    """Clients of engines in memory, with scripted models unless others are given."""
    clients: list[Client] = []
    engines: list[Engine] = []

    def make(*answers: Any, model: Any = None, **options: Any) -> Client:
        engines.append(Engine("sqlite://", model=model or Scripted(answers), **options))
        clients.append(Client(engine=engines[-1]))
        return clients[-1]

    yield make
    for client, engine in zip(clients, engines, strict=True):
        client.close()
        engine.close()
