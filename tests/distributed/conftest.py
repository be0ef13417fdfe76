"""Fixtures of the tests with several processes: servers of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rabbitmq_server import RabbitServer
from real_servers import PostgresServer, RedisServer, postgres_server, require_package
from scripted_chat import ScriptedChat, scripted_chat


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis."""
    require_package("redis")
    server = RedisServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL; its databases are each test's own."""
    yield from postgres_server()


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitServer]:
    """A RabbitMQ, which takes its time to start."""
    require_package("celery")
    server = RabbitServer()
    yield server
    server.close()


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> RedisServer | RabbitServer:
    """Each kind of broker for tasks."""
    require_package("celery")
    server: RedisServer | RabbitServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def chat() -> Iterator[ScriptedChat]:
    """A language model's server."""
    with scripted_chat() as made:
        yield made
