"""Keeps web pages away from an engine that asks for no token.

A browser on this machine reaches what listens on its loopback address, and any page in it may send
requests there: directly, or under a name of its own that it lets point there. Both are told by the
headers that browsers set and pages cannot. No other rule about requests belongs here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from assistants_client.engine.app import refusing
from assistants_client.engine.faults import Fault

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_MESSAGE = (
    "Without a token only programs on this machine are served, under its own names (127.0.0.1, "
    "localhost, [::1]), and no page of another host: {header} is {value!r}. Serve with a token to "
    "let others in."
)


class OnlyThisMachine:
    """Serves requests to this machine by name, unless a page of another host makes them."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request, or refuses it with 403."""
        application = self._application
        for header, prefix in (("Host", "//"), ("Origin", "")):
            value = environ.get(f"HTTP_{header.upper()}")
            if value is not None and not _is_own(f"{prefix}{value}"):
                message = _MESSAGE.format(header=header, value=value)
                application = refusing(Fault(403, message, "only_this_machine"))
                break
        return application(environ, start_response)


def _is_own(url: str) -> bool:
    try:
        name = urlsplit(url).hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
