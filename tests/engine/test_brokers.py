"""The broker of an engine: by argument, by variable, and what relay comes of it."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from assistants_client.engine import Engine, Scripted, relays
from assistants_client.engine.events.postgres_relay import PostgresChannel
from assistants_client.engine.events.redis_relay import RedisChannel
from assistants_client.errors import ConfigurationError

EXAMPLES = "redis://localhost:6379/0 or amqp://user@localhost:5672//"


def engine(tmp_path: Path, broker: Any = None, url: str = "") -> Engine:
    """An engine that nobody opens."""
    return Engine(url or f"sqlite:///{tmp_path}/a.db", Scripted(), broker=broker)


def channel(made: Engine) -> Any:
    """The channel of an engine's relay."""
    relay = made._events._relay
    return None if relay is None else relay._channel


@pytest.mark.parametrize(
    "broker",
    [
        "",
        "localhost",
        "localhost:6379",
        "redis:",
        "redis://",
        "redis:///0",
        "redis://host:port/0",
        "redis://host:99999/0",
        "redis://[::1/0",
        "s3cret@host",
    ],
)
def test_what_is_no_url_of_a_broker(tmp_path: Path, broker: str) -> None:
    """It is told what one looks like, and nothing is repeated, for it may be a password."""
    with pytest.raises(ConfigurationError) as caught:
        engine(tmp_path, broker)
    assert str(caught.value) == (
        f"broker: expected a URL with redis, rediss, amqp or amqps, such as {EXAMPLES}"
    )


def test_another_kind_of_broker_is_named(tmp_path: Path) -> None:
    """Without its password."""
    with pytest.raises(ConfigurationError, match=r"; kafka:// is none of these$") as caught:
        engine(tmp_path, "kafka://user:s3cret@host/0")
    assert "s3cret" not in str(caught.value)


def test_what_is_no_string(tmp_path: Path) -> None:
    """Likewise."""
    with pytest.raises(ConfigurationError, match="broker: expected a URL, got int"):
        engine(tmp_path, 6379)


@pytest.mark.parametrize(
    ("broker", "package"),
    [
        ("redis://host", "redis"),
        ("rediss://host", "redis"),
        ("amqp://host", "celery"),
        ("amqps://host", "celery"),
    ],
)
def test_a_package_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broker: str, package: str
) -> None:
    """The extra that has it is named."""

    def find(name: str) -> ModuleSpec | None:
        return None if name in {"redis", "celery"} else importlib.util.find_spec(name)

    monkeypatch.setattr(relays, "find_spec", find)
    scheme = broker.partition(":")[0]
    with pytest.raises(ConfigurationError) as caught:
        engine(tmp_path, broker)
    assert str(caught.value) == (
        f'broker: {scheme}:// needs the package {package}: pip install "assistants-client[celery]"'
    )


def test_a_variable_gives_the_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument goes before it; one that cannot be is named."""
    pytest.importorskip("redis")
    monkeypatch.setenv("ASSISTANTS_BROKER", "redis://by-variable:6379/3")
    assert channel(engine(tmp_path))._url == "redis://by-variable:6379/3"
    assert channel(engine(tmp_path, "redis://given"))._url == "redis://given"
    monkeypatch.setenv("ASSISTANTS_BROKER", "by-variable")
    with pytest.raises(ConfigurationError, match=r"^\$ASSISTANTS_BROKER: expected a URL with"):
        engine(tmp_path)
    engine(tmp_path, "redis://given")


@pytest.mark.parametrize(
    "broker",
    [
        "redis://host?nothing=1",
        "rediss://host?ssl_cert_reqs=maybe",
        "redis://host?socket_timeout=soon",
    ],
)
def test_options_that_redis_does_not_know(tmp_path: Path, broker: str) -> None:
    """They are refused before anything is opened."""
    pytest.importorskip("redis")
    with pytest.raises(ConfigurationError, match=r"^broker: the URL cannot be used: .+"):
        engine(tmp_path, broker)


@pytest.mark.parametrize("word", ["CERT_REQUIRED", "required", "CERT_NONE", "none"])
def test_certificates_in_celerys_words(tmp_path: Path, word: str) -> None:
    """One URL serves both."""
    pytest.importorskip("redis")
    engine(tmp_path, f"rediss://host?ssl_cert_reqs={word}")


def test_which_relay_there_is(tmp_path: Path) -> None:
    """Redis where it is the broker, else PostgreSQL where it is the database, else none."""
    pytest.importorskip("redis")
    pytest.importorskip("celery")
    server = "postgresql://user@host/name"
    assert channel(engine(tmp_path)) is None
    assert channel(engine(tmp_path, "amqp://host")) is None
    assert isinstance(channel(engine(tmp_path, "redis://host")), RedisChannel)
    assert isinstance(channel(engine(tmp_path, "redis://host", server)), RedisChannel)
    assert isinstance(channel(engine(tmp_path, None, server)), PostgresChannel)
    assert isinstance(channel(engine(tmp_path, "amqp://host", server)), PostgresChannel)
    # What no other process can open needs nothing.
    assert channel(engine(tmp_path, "redis://host", "sqlite://")) is None


def test_systems_on_one_redis_are_apart(tmp_path: Path) -> None:
    """By the number of the database."""
    pytest.importorskip("redis")
    prefixes = [channel(engine(tmp_path, f"redis://host{end}")).prefix for end in ("", "/0", "/3")]
    assert prefixes == ["assistants:0:", "assistants:0:", "assistants:3:"]


def test_the_servers_url_is_the_drivers_arguments() -> None:
    """With what stands behind its question mark."""
    from assistants_client.engine.storage.server_arguments import server_arguments

    assert server_arguments("sqlite:///a.db") is None
    assert server_arguments(
        "postgresql://us%40er:pass%2Fword@host:5433/name?sslmode=require&options=-csearch_path%3Dapart"
    ) == {
        "host": "host",
        "port": 5433,
        "user": "us@er",
        "password": "pass/word",
        "dbname": "name",
        "sslmode": "require",
        "options": "-csearch_path=apart",
    }
    assert server_arguments("postgresql+psycopg://u@/name?host=/run/pg") == {
        "host": "/run/pg",
        "user": "u",
        "dbname": "name",
    }
