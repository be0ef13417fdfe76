"""requests' session and adapter, less what costs time or leaks.

That is cookies, the bodies of redirects, and reading the CA bundle for every connection. Nothing
is sent from here, and ``HTTPAdapter.send`` stays as it is: programs are tested with fakes in its
place.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache, partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.retry import Retry
from urllib3.util.ssl_ import create_urllib3_context

from assistants_client.errors import ConfigurationError

#: Connections that stay open for the next call; more threads than this open further ones.
_CONNECTIONS = 100


class NoCookies(RequestsCookieJar):
    """Takes none: a shared client must not carry one caller's cookie into another's call."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Leaves them where they are."""


class PlainSession(requests.Session):
    """A session that keeps no cookies, and does not look where a redirect leads."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies = NoCookies()

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None at all: requests would read the whole body of a redirect to prepare the next one."""
        return None


class Borrowed:
    """The connection that a request went over, for another thread that may have to end it.

    Attributes:
        was_kept: Whether an earlier request had left it open: its server may have closed it since.
        was_sent: Whether the whole request was written to it.
    """

    def __init__(self) -> None:
        self.was_kept: bool = False
        self.was_sent: bool = False
        self._connection: Any = None
        self._is_ended = False
        self._lock = threading.Lock()

    def lend(self, connection: Any) -> None:
        """Notes the connection, from when the request is sent."""
        with self._lock:
            self._connection = connection
            self.was_kept, self.was_sent = connection.sock is not None, False

    def release(self) -> None:
        """Forgets it: the answer was read to its end, and the next request may use it."""
        with self._lock:
            self._connection = None

    def end(self) -> bool:
        """Ends it, whatever its thread waits for: an answer's beginning, or more of it.

        Returns:
            Whether there is one that could not be ended, since it belongs to its answer alone.
        """
        with self._lock:
            self._is_ended = True
            if self._connection is None:
                return False
            found = self._connection.sock
            if found is None:
                return True
            with suppress(OSError, ValueError):
                # Of the socket below TLS: its thread finds the connection closed, and closes it.
                socket.socket.shutdown(found, socket.SHUT_RDWR)
            return False

    def check(self) -> None:
        """Sees that the request is still wanted.

        Raises:
            ConnectionAbortedError: It was ended.
        """
        if self._is_ended:
            raise ConnectionAbortedError("the request is not wanted any more")


#: What is to be told of the connection of the next request that is sent in this context.
borrowed: ContextVar[Borrowed | None] = ContextVar("borrowed", default=None)


def interrupt(response: requests.Response) -> None:
    """Wakes a thread that waits for this answer's next bytes: it finds the answer cut short."""
    # It may have ended by now, or have come over no socket.
    with suppress(OSError, RuntimeError, ValueError, AttributeError):
        if hasattr(response.raw, "shutdown"):  # since urllib3 2.3
            response.raw.shutdown()
            return
        number = response.raw.fileno()
        with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.shutdown(socket.SHUT_RD)


class _Lending:
    """A pool that tells who has which connection, and closes those that nobody used for long."""

    def __init__(self, *args: Any, max_idle: float, **kwargs: Any) -> None:
        self._max_idle = max_idle
        super().__init__(*args, **kwargs)

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]  # a mixin to urllib3's
        if time.monotonic() - connection.idle_since > self._max_idle:
            connection.close()  # it opens again of itself
        taker = borrowed.get()
        if taker is not None:
            taker.lend(connection)
        connection.taker = taker
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
            if conn.taker is not None:
                conn.taker.release()
                conn.taker = None
        super()._put_conn(conn)  # type: ignore[misc]  # a mixin to urllib3's


class _Lent:
    """A connection that sends no request that is not wanted, and tells when it wrote one."""

    idle_since = float("inf")
    taker: Borrowed | None = None

    def connect(self) -> None:
        """See urllib3."""
        super().connect()  # type: ignore[misc]  # a mixin to urllib3's
        if self.taker is not None:
            self.taker.check()

    def request(self, *args: Any, **kwargs: Any) -> None:
        """See urllib3."""
        if self.taker is not None:
            self.taker.check()
        super().request(*args, **kwargs)  # type: ignore[misc]  # a mixin to urllib3's
        if self.taker is not None:
            self.taker.was_sent = True


class _HttpConnection(_Lent, HTTPConnection):
    pass


class _HttpsConnection(_Lent, HTTPSConnection):
    pass


class _HttpPool(_Lending, HTTPConnectionPool):
    ConnectionCls: Any = _HttpConnection


class _HttpsPool(_Lending, HTTPSConnectionPool):
    ConnectionCls: Any = _HttpsConnection


class Connections(HTTPAdapter):
    """requests' adapter for one server, with one ``SSLContext`` for all connections.

    Args:
        retries: What is sent again.
        tls: The context, or ``None`` where no TLS is spoken.
        max_idle: Seconds after which a connection that nobody used is not used again.
        lender: Another adapter, whose connections this one uses.
    """

    def __init__(
        self,
        retries: Retry,
        *,
        tls: ssl.SSLContext | None,
        max_idle: float = float("inf"),
        lender: Connections | None = None,
    ) -> None:
        self._tls = tls
        self._max_idle = max_idle
        #: The server's connection pool, once it is known; borrowers see the same.
        self._pools: list[Any] = []
        super().__init__(pool_maxsize=_CONNECTIONS, max_retries=retries)
        if lender is not None:
            self.poolmanager = lender.poolmanager
            self.proxy_manager = lender.proxy_manager
            self._pools = lender._pools

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See requests."""
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        self._lend(self.poolmanager)

    def _lend(self, manager: Any) -> None:
        """Has a pool manager make pools that lend."""
        manager.pool_classes_by_scheme = {
            "http": partial(_HttpPool, max_idle=self._max_idle),
            "https": partial(_HttpsPool, max_idle=self._max_idle),
        }

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """As requests does it, but once: server, proxy and TLS are the same for every request.

        requests before 2.32 does not call this, and looks its pool up for each one.
        """
        try:
            return self._pools[0]
        except IndexError:
            pool = super().get_connection_with_tls_context(*args, **kwargs)
            self._pools.append(pool)
            return pool

    def close(self) -> None:
        """See requests."""
        self._pools.clear()
        super().close()

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """See requests."""
        manager = super().proxy_manager_for(
            proxy, ssl_context=self._tls, proxy_ssl_context=self._tls, **kwargs
        )
        self._lend(manager)
        return manager

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leaves the CA bundle to the context, which has read it; certificates are verified."""
        if self._tls is None:
            super().cert_verify(conn, url, verify, cert)
        else:
            conn.cert_reqs = "CERT_REQUIRED"


@lru_cache(maxsize=8)
def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """The context that trusts a CA bundle, a file or a folder; ``None`` is requests' own.

    Raises:
        ConfigurationError: The bundle cannot be read.
    """
    context = create_urllib3_context()
    path = ca_bundle or DEFAULT_CA_BUNDLE_PATH
    try:
        context.load_verify_locations(path)
    except IsADirectoryError:
        context.load_verify_locations(capath=path)
    except OSError as error:
        raise ConfigurationError(
            f"the CA bundle {path!r} cannot be read (REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE): {error}"
        ) from None
    return context
