"""Keeps web pages away from an engine that asks for no token.

A browser on this machine reaches what listens on its loopback address, and any page in it may send
requests there: directly, or under a name of its own that it lets point there. All of them are
recognised by the headers that browsers set and pages cannot. A link of theirs may open the page
that the engine itself serves, which has no data in it. No other rule belongs here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from assistants_client.engine.faults import Fault
from assistants_client.engine.http.page import is_visit
from assistants_client.engine.http.responses import refusing

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from assistants_client.engine.engine import Engine

_MESSAGE: Final = (
    "Without a token only programs on this machine are served, under its own names (127.0.0.1, "
    "localhost, [::1]), and no web page of another host or port: {header} is {value!r}. Serve with "
    "a token (ASSISTANTS_TOKEN or --token) to let others in; name a page's origin "
    "(ASSISTANTS_ALLOW_ORIGIN or --allow-origin) to let that page in."
)
#: The sites that a browser gives for a request that a page of another origin makes.
_FOREIGN_SITES: Final = frozenset({"cross-site", "same-site"})


class LoopbackOnly:
    """Serves requests to this machine by name, unless a page of another origin makes them.

    Pages of the origins that the engine allows are served.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request, or refuses it with 403."""
        reason = self._reason_against(environ)
        if reason is None:
            return self._engine(environ, start_response)
        return refusing(Fault(403, reason, "only_this_machine"))(environ, start_response)

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Returns whether a request with these headers is not refused for its sender."""
        return self._reason_against(headers) is None and self._engine.admits(headers)

    def _reason_against(self, headers: Mapping[str, str]) -> str | None:
        """Returns why a request with these headers, in WSGI's names, is refused, if it is."""
        host, origin = headers.get("HTTP_HOST"), headers.get("HTTP_ORIGIN")
        site = headers.get("HTTP_SEC_FETCH_SITE", "")
        if host is not None and not _is_loopback(host):
            return _MESSAGE.format(header="Host", value=host)
        if self._engine.allows(origin):
            return None
        if origin is not None and (host is None or not _is_of(origin, host)):
            return _MESSAGE.format(header="Origin", value=origin)
        if site.lower() in _FOREIGN_SITES and not (self._engine.has_page and is_visit(headers)):
            return _MESSAGE.format(header="Sec-Fetch-Site", value=site)
        return None


@lru_cache(maxsize=100)  # nearly all requests have the same one
def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_of(origin: str, host: str) -> bool:
    """Returns whether an origin has this host and port; a proxy may have changed the scheme."""
    scheme, _, netloc = origin.partition("://")
    return scheme in {"http", "https"} and netloc.lower() == host.lower()
