"""The channel of a relay by Redis: its publish and subscribe, and nothing that it stores."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

#: Seconds that Redis may take for an answer, or to be connected with.
_TIMEOUT: Final = 5.0
#: What a message may have: far below what Redis keeps for a reader that is slow.
_LIMIT: Final = 1 << 18

_CERT: Final = re.compile(r"(ssl_cert_reqs=)(?:CERT_)?(\w+)")


class RedisChannel:
    """See ``relay_channel.Channel``.

    Publishing knows no databases in Redis; two systems that use different ones hear nothing of each
    other here either.

    Args:
        url: The server, as redis-py reads it.

    Raises:
        ModuleNotFoundError: There is no package ``redis``.
        ValueError: The URL cannot be used; the message does not have it.
    """

    limit: int = _LIMIT

    def __init__(self, url: str) -> None:
        # Celery also takes CERT_REQUIRED for what redis-py calls "required".
        self._url = _CERT.sub(lambda found: found[1] + found[2].lower(), url)
        database = urlsplit(url).path.strip("/") or "0"
        self.prefix: str = f"assistants:{database}:"
        try:
            self._client().connection_pool.make_connection()  # which connects with nothing yet
        except ModuleNotFoundError:
            raise
        except TypeError as error:
            raise ValueError(f"redis-py does not know one of its options: {error}") from None
        except Exception as error:
            raise ValueError(str(error)) from None

    def sender(self) -> RedisSender:
        """Connects, to send."""
        return RedisSender(self._client())

    def receiver(self, names: Sequence[str]) -> RedisReceiver:
        """Connects, and listens."""
        return RedisReceiver(self._client(), names)

    def _client(self) -> Any:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        return Redis.from_url(
            self._url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            socket_keepalive=True,
            # What was lost is not sent again, but noticed by its number.
            retry=Retry(NoBackoff(), 0),
            decode_responses=False,
            protocol=2,
        )


class RedisSender:
    """See ``relay_channel.Sender``."""

    def __init__(self, client: Any) -> None:
        self._client = client
        try:
            client.ping()
        except BaseException:
            self.close()
            raise

    def send(self, messages: Sequence[tuple[str, str]]) -> None:
        """Sends messages, and waits until Redis has them."""
        pipeline = self._client.pipeline(transaction=False)
        for name, message in messages:
            pipeline.publish(name, message)
        pipeline.execute()

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()
        self._client.connection_pool.disconnect()


class RedisReceiver:
    """See ``relay_channel.Receiver``."""

    def __init__(self, client: Any, names: Sequence[str]) -> None:
        self._client = client
        self._subscription = client.pubsub()
        try:
            self._subscription.subscribe(*names)
            self._await(len(names))
        except BaseException:
            self.close()
            raise

    def _await(self, confirmations: int) -> None:
        for _ in range(confirmations):
            if self._subscription.get_message(timeout=_TIMEOUT) is None:
                raise TimeoutError(f"no answer within {_TIMEOUT:g} s")

    def receive(self, seconds: float) -> list[str]:
        """Returns the next message."""
        # Whether there are more is not asked for: of one that has come in part, redis-py would make
        # an error if it were not to wait for the rest.
        message = self._subscription.get_message(timeout=seconds)
        if message is None or message["type"] != "message":
            return []
        return [message["data"].decode("ascii", "replace")]

    def close(self) -> None:
        """Ends the connection."""
        self._subscription.close()
        self._client.close()
        self._client.connection_pool.disconnect()
