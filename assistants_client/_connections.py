"""requests' session and adapter, less what costs time or leaks.

That is cookies, the bodies of redirects, and reading the CA bundle for every connection. Nothing
is sent from here, and ``HTTPAdapter.send`` stays as it is: programs are tested with fakes in its
place.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.utils import DEFAULT_CA_BUNDLE_PATH
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


class Connections(HTTPAdapter):
    """requests' adapter for one server, with one ``SSLContext`` for all connections.

    Args:
        retries: What is sent again.
        tls: The context, or ``None`` where no TLS is spoken.
        lender: Another adapter, whose connections this one uses.
    """

    def __init__(
        self, retries: Retry, *, tls: ssl.SSLContext | None, lender: Connections | None = None
    ) -> None:
        self._tls = tls
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
        return super().proxy_manager_for(
            proxy, ssl_context=self._tls, proxy_ssl_context=self._tls, **kwargs
        )

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
