"""Lets web pages of named origins read responses (CORS, as the Fetch standard describes it).

Browsers keep from a page the response of a server of another origin, unless the server allows it;
no other program asks. Authorization, by token or otherwise, is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from assistants_client.engine.http.observed_requests import record_of
from assistants_client.engine.http.responses import Response, signature
from assistants_client.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ANY: Final = "*"
#: Scheme and host with its port; a slash behind them is often copied as well.
_ORIGIN: Final = re.compile(
    r"([a-z][a-z0-9+.-]*)://((?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?)/?"
)
_METHODS: Final = "GET, POST, DELETE"
#: For so many seconds a browser need not send a preflight request again.
_MAX_AGE: Final = 600
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


class AllowedOrigins:
    """The origins whose pages are served; none are by default.

    Args:
        origins: Each such as ``https://app.example.org`` or ``http://localhost:3000``; ``*`` stands
            for all.

    Raises:
        ConfigurationError: One is no origin.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        if isinstance(origins, str):
            raise ConfigurationError(
                f"allow_origins: expected several origins, such as [{origins!r}], got a string"
            )
        self._origins = frozenset(_checked(origin) for origin in origins)

    def admits(self, origin: str | None) -> bool:
        """Returns whether pages of this origin, as browsers send it, are served."""
        return origin is not None and (ANY in self._origins or origin.lower() in self._origins)

    def respond(
        self, application: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Serves one request by the application, and lets the page that sent it read the response.

        A preflight request of a browser has no token, and gets its response here.
        """
        if not self._origins:
            return application(environ, start_response)
        origin = environ.get("HTTP_ORIGIN")
        allowed = self._headers(origin) if self.admits(origin) else [("Vary", "Origin")]
        is_preflight = (
            environ["REQUEST_METHOD"] == "OPTIONS"
            and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        )
        if is_preflight and self.admits(origin):
            return _preflight(environ, allowed)(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            names = ", ".join(sorted({name.lower() for name, _ in headers}))
            exposed = [("Access-Control-Expose-Headers", names)] if self.admits(origin) else []
            return start_response(status, [*headers, *allowed, *exposed], *rest)

        return application(environ, start)

    def _headers(self, origin: str | None) -> list[tuple[str, str]]:
        if ANY in self._origins:
            return [("Access-Control-Allow-Origin", ANY)]
        return [("Access-Control-Allow-Origin", origin or ""), ("Vary", "Origin")]


def _preflight(environ: WSGIEnvironment, allowed: list[tuple[str, str]]) -> Response:
    headers = [
        *allowed,
        *signature(record_of(environ).request_id),
        ("access-control-allow-methods", _METHODS),
        ("access-control-max-age", str(_MAX_AGE)),
    ]
    # All are allowed: clients have many of their own, and a list of them would never be whole.
    wanted = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS")
    if wanted:
        headers.append(("access-control-allow-headers", wanted))
        headers.append(("vary", "Access-Control-Request-Headers"))
    return Response(204, headers)


def _checked(origin: object) -> str:
    """Returns an origin in the form in which browsers send it."""
    if origin == ANY:
        return ANY
    parts = _ORIGIN.fullmatch(origin.lower()) if isinstance(origin, str) else None
    if parts is None:
        raise ConfigurationError(
            f"allow_origins: {origin!r:.200} is not an origin such as https://app.example.org or "
            f"http://localhost:3000 (scheme, host and port, without a path), nor {ANY!r} for all"
        )
    scheme, place = parts.groups()
    return f"{scheme}://{place.removesuffix(_DEFAULT_PORTS.get(scheme, ''))}"
