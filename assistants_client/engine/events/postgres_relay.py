"""The channel of a relay by PostgreSQL: its NOTIFY and LISTEN, and no table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

#: A server that is gone without a word is noticed, where the URL says nothing about it.
_KEEPALIVE: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
#: What is notified need not be on the disk.
_OPTIONS: Final = "-c synchronous_commit=off"
#: The server refuses 8,000 bytes.
_LIMIT: Final = 7_900

_NOTIFY: Final = (
    "SELECT pg_notify(name, message) FROM unnest(%s::text[], %s::text[]) AS all_of (name, message)"
)


class PostgresChannel:
    """See ``relay_channel.Channel``. Each sender and receiver is a connection of its own.

    Args:
        arguments: Those of ``psycopg.connect``.
    """

    limit: int = _LIMIT
    prefix: str = "assistants_"

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._arguments = arguments

    def sender(self) -> PostgresSender:
        """Connects, to send."""
        return PostgresSender(self._connect())

    def receiver(self, names: Sequence[str]) -> PostgresReceiver:
        """Connects, and listens."""
        return PostgresReceiver(self._connect(), names)

    def _connect(self) -> Any:
        import psycopg

        given = dict(self._arguments)
        options = f"{_OPTIONS} {given.pop('options', '')}"
        return psycopg.connect(**{**_KEEPALIVE, **given, "options": options}, autocommit=True)


class PostgresSender:
    """See ``relay_channel.Sender``."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def send(self, messages: Sequence[tuple[str, str]]) -> None:
        """Sends messages in one transaction."""
        names, texts = [name for name, _ in messages], [text for _, text in messages]
        self._connection.execute(_NOTIFY, [names, texts])

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


class PostgresReceiver:
    """See ``relay_channel.Receiver``."""

    def __init__(self, connection: Any, names: Sequence[str]) -> None:
        self._connection = connection
        try:
            for name in names:
                connection.execute(f'LISTEN "{name}"')
        except BaseException:
            connection.close()
            raise

    def receive(self, seconds: float) -> list[str]:
        """Returns the messages that have arrived; waits for the first."""
        notices = self._connection.notifies(timeout=seconds, stop_after=1)
        return [notice.payload for notice in notices]

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()
