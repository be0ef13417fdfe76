"""requests' session and adapter without the features that cost time or leak.

They are cookies, the bodies of redirects, and reading the CA bundle for every connection.
``HTTPAdapter.send`` stays as it is: tests of programs replace it by fakes.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache, partial
from types import FunctionType
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.retry import Retry
from urllib3.util.ssl_ import create_urllib3_context

from assistants_client._http.response_head import QuickHead
from assistants_client.errors import ConfigurationError

#: The module of urllib3's classes of connections.
_URLLIB3 = "urllib3.connection"
_GLOBALS_OF_SESSIONS = vars(requests.sessions)
#: The beginning of a certificate, and of a key.
_PEM = b"-----BEGIN "
#: Connections that stay open for the next call; more threads than this open further ones.
_MAX_IDLE_CONNECTIONS = 100
#: The largest body, in bytes, that is sent in one piece with its head.
_MOST_IN_ONE_PIECE = 64 * 1024


class NoCookies(RequestsCookieJar):
    """A cookie jar that stores none: callers of a shared client must not share cookies."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Ignores the cookies of a response."""


class CookielessSession(requests.Session):
    """A session that keeps no cookies, and does not follow redirects."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies = NoCookies()

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Returns ``None``: else requests would read the whole body to prepare the next request."""
        return None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Sends a request by its adapter, whose response is one that is read by its caller.

        What requests does beside that is for hooks, cookies and redirects, of which there are none.
        """
        if not _is_own(requests.Session.send):
            return super().send(request, **kwargs)
        kwargs.pop("allow_redirects", None)
        return self.get_adapter(url=request.url or "").send(request, **kwargs)


def _is_own(method: Any) -> bool:
    """Returns whether a method is requests' own: tracers put theirs in its place, which we call.

    They copy its name and its module, or pass on all its attributes; its globals are its own.
    """
    return type(method) is FunctionType and method.__globals__ is _GLOBALS_OF_SESSIONS


#: The attributes of a new response.
_EMPTY_RESPONSE = {**vars(requests.Response()), "cookies": NoCookies()}


class Borrowed:
    """The connection of a request, for another thread that may have to shut it down.

    Attributes:
        was_kept: True if an earlier request had left it open: its server may have closed it since.
        was_sent: True once the whole request was written to it.
    """

    def __init__(self) -> None:
        self.was_kept: bool = False
        self.was_sent: bool = False
        self._connection: Any = None
        self._is_ended = False
        self._lock = threading.Lock()

    def attach(self, connection: Any) -> None:
        """Sets the connection, when the request is sent."""
        with self._lock:
            self._connection = connection
            self.was_kept, self.was_sent = connection.sock is not None, False

    def release(self) -> None:
        """Clears it: the response was read to its end, and the next request may use it."""
        with self._lock:
            self._connection = None

    def end(self) -> bool:
        """Shuts it down while its thread waits for the response, or for more of it.

        Returns:
            True if there is one that could not be shut down, since its response owns the socket.
        """
        with self._lock:
            self._is_ended = True
            if self._connection is None:
                return False
            found = self._connection.sock
            if found is None:
                return True
            with suppress(OSError, ValueError):
                # The socket below TLS: its thread reads the end of the stream, and closes it.
                socket.socket.shutdown(found, socket.SHUT_RDWR)
            return False

    def check(self) -> None:
        """Raises if the request is no longer wanted.

        Raises:
            ConnectionAbortedError: :meth:`end` was called.
        """
        if self._is_ended:
            raise ConnectionAbortedError("the request is not wanted any more")


#: Is given the connection of the next request that is sent in this context.
borrowed: ContextVar[Borrowed | None] = ContextVar("borrowed", default=None)


def interrupt(response: requests.Response) -> None:
    """Wakes a thread that waits for this response's next bytes: it reads the end of the stream."""
    # It may have ended by now, or have no socket.
    with suppress(OSError, RuntimeError, ValueError, AttributeError):
        if hasattr(response.raw, "shutdown"):  # since urllib3 2.3
            response.raw.shutdown()
            return
        number = response.raw.fileno()
        with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.shutdown(socket.SHUT_RD)


class _TrackingPool:
    """A mixin to pools: tracks who uses which connection, and closes idle ones before their use."""

    def __init__(self, *args: Any, max_idle: float, **kwargs: Any) -> None:
        self._max_idle = max_idle
        super().__init__(*args, **kwargs)

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]  # a mixin to urllib3's
        borrower = borrowed.get()
        if not isinstance(connection, _TrackedConnection):
            if borrower is not None:
                borrower.was_sent = True  # for all that is known
            return connection
        ours: Any = connection
        if time.monotonic() - ours.idle_since > self._max_idle:
            ours.close()  # it reopens itself
        if borrower is not None:
            borrower.attach(connection)
        connection.borrower = borrower
        return connection

    def _put_conn(self, conn: Any) -> None:
        if isinstance(conn, _TrackedConnection):
            conn.idle_since = time.monotonic()
            if conn.borrower is not None:
                conn.borrower.release()
                conn.borrower = None
        super()._put_conn(conn)  # type: ignore[misc]  # a mixin to urllib3's


class _TrackedConnection:
    """A mixin to connections: refuses requests no longer wanted, and reports when one was sent."""

    response_class = QuickHead
    idle_since = float("inf")
    borrower: Borrowed | None = None
    #: The parts of a request that is sent in one piece, until it is.
    _unsent: list[bytes] | None = None

    def connect(self) -> None:
        """See urllib3."""
        super().connect()  # type: ignore[misc]  # a mixin to urllib3's
        if self.borrower is not None:
            self.borrower.check()

    def request(self, *args: Any, **kwargs: Any) -> None:
        """See urllib3."""
        if self.borrower is not None:
            self.borrower.check()
        body = kwargs.get("body")
        is_short = isinstance(body, bytes) and len(body) <= _MOST_IN_ONE_PIECE
        parts = self._unsent = [] if is_short else None
        try:
            super().request(*args, **kwargs)  # type: ignore[misc]  # a mixin to urllib3's
        finally:
            self._unsent = None
        if parts:
            self.send(b"".join(parts))
        if self.borrower is not None:
            self.borrower.was_sent = True

    def send(self, data: Any) -> None:
        """See ``http.client``, which would send a head and its body in two packets."""
        if self._unsent is None:
            super().send(data)  # type: ignore[misc]  # a mixin to urllib3's
        else:
            self._unsent.append(data)


def _of_urllib3(kind: Any) -> Any:
    """Returns urllib3's class of connections, which a recorder's may stand in for just now."""
    return next(base for base in kind.__mro__ if base.__module__ == _URLLIB3)


class _HttpConnection(_TrackedConnection, _of_urllib3(HTTPConnection)):  # type: ignore[misc]  # any base
    pass


class _HttpsConnection(_TrackedConnection, _of_urllib3(HTTPSConnection)):  # type: ignore[misc]  # any base
    pass


def _tracked(kind: Any, ours: Any) -> Any:
    """Returns the class of new connections: ours for urllib3's, and that of a recorder as it is."""
    return ours if kind.__module__ == _URLLIB3 else kind


class _HttpPool(_TrackingPool, HTTPConnectionPool):
    # Looked up for each: vcrpy replaces that of the base class for the time of a recording.
    ConnectionCls: Any = property(
        lambda _: _tracked(HTTPConnectionPool.ConnectionCls, _HttpConnection)
    )


class _HttpsPool(_TrackingPool, HTTPSConnectionPool):
    ConnectionCls: Any = property(
        lambda _: _tracked(HTTPSConnectionPool.ConnectionCls, _HttpsConnection)
    )


class Connections(HTTPAdapter):
    """requests' adapter for one server, with one ``SSLContext`` for all connections.

    Args:
        retries: The retry rules.
        tls: The context, or ``None`` for plain HTTP.
        max_idle: Seconds after which an idle connection is not used again.
        share_pool_with: Another adapter, whose connections this one uses.
    """

    def __init__(
        self,
        retries: Retry,
        *,
        tls: ssl.SSLContext | None,
        max_idle: float = float("inf"),
        share_pool_with: Connections | None = None,
    ) -> None:
        self._tls = tls
        self._max_idle = max_idle
        #: The server's connection pool, once it is made; adapters that share it share this list.
        self._pools: list[Any] = []
        super().__init__(pool_maxsize=_MAX_IDLE_CONNECTIONS, max_retries=retries)
        if share_pool_with is not None:
            self.poolmanager = share_pool_with.poolmanager
            self.proxy_manager = share_pool_with.proxy_manager
            self._pools = share_pool_with._pools

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See requests."""
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        self._use_own_pools(self.poolmanager)

    def _use_own_pools(self, manager: Any) -> None:
        """Has a pool manager make pools that track their connections."""
        manager.pool_classes_by_scheme = {
            "http": partial(_HttpPool, max_idle=self._max_idle),
            "https": partial(_HttpsPool, max_idle=self._max_idle),
        }

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Returns requests' pool, cached: server, proxy and TLS are the same for every request.

        requests before 2.32 does not call this, and looks its pool up for each request.
        """
        try:
            return self._pools[0]
        except IndexError:
            pool = super().get_connection_with_tls_context(*args, **kwargs)
            self._pools.append(pool)
            return pool

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """Returns the path and the query; requests looks for the proxy of each request here."""
        url = request.path_url
        return super().request_url(request, proxies) if proxies or url[:2] == "//" else url

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Returns the response as requests does, without its cookies and encoding."""
        response = requests.Response.__new__(requests.Response)
        # Its constructor would make a cookie jar.
        vars(response).update(
            _EMPTY_RESPONSE,
            history=[],
            status_code=resp.status,
            reason=resp.reason,
            headers=CaseInsensitiveDict(resp.headers),
            url=req.url or "",
            raw=resp,
            request=req,
            connection=self,
        )
        return response

    def close(self) -> None:
        """See requests."""
        self._pools.clear()
        super().close()

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """See requests."""
        manager = super().proxy_manager_for(
            proxy, ssl_context=self._tls, proxy_ssl_context=self._tls, **kwargs
        )
        self._use_own_pools(manager)
        return manager

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leaves the CA bundle to the context, which has loaded it; certificates are verified."""
        if self._tls is None:
            super().cert_verify(conn, url, verify, cert)
        else:
            conn.cert_reqs = "CERT_REQUIRED"


@lru_cache(maxsize=8)
def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """Returns the context that trusts a CA bundle, a file or a folder; ``None`` is requests' own.

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
        names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        found = (name for name in names if ca_bundle and os.environ.get(name) == ca_bundle)
        source = next(found, "session.verify" if ca_bundle else "of the package certifi")
        raise ConfigurationError(
            f"the CA bundle {path!r} cannot be read ({source}): {error}"
        ) from None
    return context


def check_tls_files(settings: Mapping[str, Any]) -> None:
    """Reads the files that a user's session names for TLS, after a request that failed.

    requests raises a bare ``OSError`` where one is not there, and blames the connection where one
    is no certificate.

    Args:
        settings: The arguments of ``Session.send``.

    Raises:
        ConfigurationError: One of them cannot be used.
    """
    if isinstance(settings["verify"], str):
        tls_context(settings["verify"])
    given = settings["cert"]
    pair = (given, given) if isinstance(given, str) else tuple(given or ())
    for path in pair:
        try:
            with open(path, "rb") as file:
                is_certificate = _PEM in file.read()
        except OSError as error:
            raise ConfigurationError(
                f"session.cert: {path!r} cannot be read: {error.strerror}"
            ) from None
        if not is_certificate:
            raise ConfigurationError(f"session.cert: {path!r} is no PEM file")
