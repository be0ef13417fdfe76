"""The relay that an engine has: by its broker, else by its database, else none.

Only that is decided here; a relay itself is in events/relay.py.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import urlsplit

from assistants_client.engine.events.postgres_relay import PostgresChannel
from assistants_client.engine.events.redis_relay import RedisChannel
from assistants_client.engine.events.relay import Relay
from assistants_client.engine.events.relay_channel import Channel
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.server_arguments import server_arguments
from assistants_client.errors import ConfigurationError

#: The package that speaks to a broker, by the scheme of its URL.
_PACKAGES: Final = {"redis": "redis", "rediss": "redis", "amqp": "celery", "amqps": "celery"}
_EXAMPLE: Final = "redis://localhost:6379/0 or amqp://user@localhost:5672//"


def checked_broker(broker: object) -> str:
    """Returns the URL of a broker.

    Raises:
        ConfigurationError: It is none, or the package for it is missing. No password is in it.
    """
    if not isinstance(broker, str):
        raise ConfigurationError(f"broker: expected a URL, got {type(broker).__name__}")
    try:
        parts = urlsplit(broker)
        scheme, host, _ = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host = "", None
    if scheme not in _PACKAGES or not host:
        # It may be a password that was put in the wrong place.
        given = f"; {scheme}:// is none of these" if "://" in broker and host else ""
        raise ConfigurationError(
            f"broker: expected a URL with redis, rediss, amqp or amqps, such as {_EXAMPLE}{given}"
        )
    package = _PACKAGES[scheme]
    if find_spec(package) is None:
        raise ConfigurationError(
            f"broker: {scheme}:// needs the package {package}: "
            'pip install "assistants-client[celery]"'
        )
    if package == "redis":
        _channel_of(broker)
    return broker


def reach(broker: str, seconds: float) -> None:
    """Connects with a broker, and waits for an answer.

    Args:
        broker: Its URL.
        seconds: How long each may take.

    Raises:
        Exception: It is out of reach: whatever its package raises then.
    """
    if _PACKAGES[urlsplit(broker).scheme] == "redis":
        import redis

        with redis.Redis.from_url(
            broker, socket_timeout=seconds, socket_connect_timeout=seconds
        ) as client:
            client.ping()
    else:
        import kombu.connection

        connect: Any = kombu.connection.Connection  # which has no types
        with connect(broker, connect_timeout=seconds) as connection:
            connection.connect()


def relay_for(database: Database, url: str, broker: str | None) -> Relay | None:
    """Returns what passes events on between the processes of a database; ``None``: nothing does.

    Args:
        database: The database.
        url: Its URL.
        broker: The URL of the broker, if there is one.
    """
    if database.is_in_memory:
        return None
    if broker is not None and _PACKAGES[urlsplit(broker).scheme] == "redis":
        return Relay(_channel_of(broker))
    arguments = server_arguments(url)
    return None if arguments is None else Relay(PostgresChannel(arguments))


def _channel_of(broker: str) -> Channel:
    try:
        return RedisChannel(broker)
    except ValueError as error:
        raise ConfigurationError(f"broker: the URL cannot be used: {error}") from None
