"""The one core file that speaks requests: send, read, and turn what goes wrong into our errors.

No resource, no object of the protocol and no policy of waiting belongs here: JSON documents go in
and come out.
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode, urlsplit

import requests
from attrs import frozen
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.exceptions import (
    ChunkedEncodingError,
    ContentDecodingError,
    ProxyError,
    SSLError,
)
from requests.structures import CaseInsensitiveDict

from assistants_client._version import __version__
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APITimeoutError,
    ConfigurationError,
    status_error,
)

#: Seconds for the whole call's connect and for each read, or one number for both.
Timeout: TypeAlias = "float | tuple[float, float]"
#: A key, or a callable that is asked for it before every request.
ApiKey: TypeAlias = "str | Callable[[], str]"
Query: TypeAlias = Mapping[str, Any]

DEFAULT_TIMEOUT: Final = (5.0, 60.0)
_CONNECTIONS = 100
_LONGEST_MESSAGE = 1000
_USER_AGENT = f"assistants-client/{__version__} Python/{platform.python_version()}"


@frozen
class Reply:
    """A decoded answer and the headers that came with it."""

    document: Any
    headers: Mapping[str, str]


class Transport:
    """Sends requests below one base URL. Safe to share between threads.

    Args:
        base_url: Such as ``https://host/v1``.
        api_key: Sent as a bearer token; ``None`` sends none.
        timeout: Seconds to connect and to wait for the next bytes, or one number for both.
        headers: Sent with every request; they win over our own.
        params: Query parameters sent with every request.
        session: A session of the user's, with its adapters, proxies and authentication.
        adapter: What carries requests to ``base_url`` instead of the network.

    Raises:
        ConfigurationError: The base URL, a header or a timeout cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: ApiKey | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        headers: Mapping[str, str] | None = None,
        params: Query | None = None,
        session: requests.Session | None = None,
        adapter: BaseAdapter | None = None,
    ) -> None:
        self.base_url = _checked_base_url(base_url)
        self._api_key = api_key
        self._timeout = _checked_timeout(timeout)
        self._headers = {"User-Agent": _USER_AGENT, "Accept": "application/json"}
        for name, value in (headers or {}).items():
            self._headers[name] = _checked_header(name, value)
        self._authorized = any(name.lower() == "authorization" for name in self._headers)
        self._params = dict(params or {})
        self._own_session = session is None
        self._session = session if session is not None else _new_session()
        if adapter is not None:
            self._session.mount(self.base_url, adapter)
        # Proxies and CA bundle come from the environment once, not per request.
        self._settings = self._session.merge_environment_settings(
            self.base_url, {}, None, None, None
        )

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        document: object = None,
    ) -> Reply:
        """Sends one request and reads its whole answer.

        Args:
            method: The HTTP method.
            path: Below the base URL, already percent-encoded, with a leading slash.
            query: Query parameters; a list is repeated.
            document: The JSON body; ``None`` sends no body.

        Raises:
            APIConnectionError: The server could not be reached, or the connection broke.
            APITimeoutError: It did not answer in time.
            APIResponseError: Its answer is not JSON, or was cut short.
            APIStatusError: It refused.
            ConfigurationError: The key cannot be sent.
        """
        request = self._prepared(method, path, query, document)
        try:
            response = self._session.send(
                request, timeout=self._timeout, allow_redirects=False, **self._settings
            )
        except requests.RequestException as error:
            raise _translated(error, method, path, self.base_url) from error
        return _read(response, method, path, self._secret(request))

    def close(self) -> None:
        """Closes the connections; a session of the user's stays open."""
        if self._own_session:
            self._session.close()

    def __repr__(self) -> str:
        return f"<Transport {self.base_url}>"

    def _prepared(
        self, method: str, path: str, query: Query | None, document: object
    ) -> requests.PreparedRequest:
        url = self.base_url + path
        parameters = {**self._params, **(query or {})}
        if parameters:
            url = f"{url}?{urlencode(parameters, doseq=True)}"
        headers = dict(self._headers)
        key = None
        if not self._authorized:
            key = self._api_key() if callable(self._api_key) else self._api_key
        if key is not None:
            headers["Authorization"] = f"Bearer {_checked_key(key)}"
        body = None
        if document is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        if not self._own_session:
            # The user's session adds its own headers, authentication and hooks. Without an
            # authentication of its own, requests would look for a netrc file and replace our key.
            return self._session.prepare_request(
                requests.Request(
                    method, url, headers, data=body, auth=self._session.auth or _unchanged
                )
            )
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, url, body
        request.headers = CaseInsensitiveDict(headers)
        if body is not None or method == "POST":
            request.headers["Content-Length"] = str(len(body or b""))
        return request

    @staticmethod
    def _secret(request: requests.PreparedRequest) -> str:
        """What must not be repeated from an answer, even where the server echoes it."""
        value = request.headers.get("Authorization") or request.headers.get("api-key") or ""
        return str(value).removeprefix("Bearer ")


def _new_session() -> requests.Session:
    session = requests.Session()
    # A shared client must not carry one caller's cookie into another's call.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _read(response: requests.Response, method: str, path: str, secret: str) -> Reply:
    content = response.content
    try:
        document = json.loads(content) if content else None
    except ValueError:
        document = None
        unreadable = True
    else:
        unreadable = False
    if not 200 <= response.status_code < 300:
        if unreadable:
            document = response.text
        raise _refusal(response, document, method, path, secret)
    if unreadable or document is None:
        kind = response.headers.get("Content-Type", "no content type")
        raise APIResponseError(
            f"answered {response.status_code} without JSON ({kind}, {len(content)} bytes). "
            "Is the base URL that of an Assistants server, with its /v1?",
            method=method,
            path=path,
        )
    return Reply(document, response.headers)


def _refusal(
    response: requests.Response, document: Any, method: str, path: str, secret: str
) -> APIError:
    detail = document.get("error", document) if isinstance(document, dict) else document
    facts = detail if isinstance(detail, dict) else {}
    message = facts.get("message") or facts.get("detail") or detail
    text = message if isinstance(message, str) else json.dumps(message, default=str)
    if secret:
        text = text.replace(secret, "***")
    text = " ".join(text.split())[:_LONGEST_MESSAGE]
    return status_error(
        f"answered {response.status_code}{_retired(response)}: {text or response.reason}",
        method=method,
        path=path,
        status_code=response.status_code,
        code=_text_or_none(facts.get("code")),
        type=_text_or_none(facts.get("type")),
        param=_text_or_none(facts.get("param")),
        request_id=response.headers.get("x-request-id"),
        retry_after=_seconds(response.headers.get("retry-after")),
        body=document,
    )


def _retired(response: requests.Response) -> str:
    """Words for the 404 that OpenAI's and Azure OpenAI's hosts give since August 2026."""
    parts = urlsplit(response.url)
    host = parts.hostname or ""
    gone = host.endswith(("openai.com", "openai.azure.com"))
    if not (gone and response.status_code == 404):
        return ""
    if "/assistants" not in parts.path and "/threads" not in parts.path:
        return ""
    return (
        " (the Assistants API was switched off on this host on 2026-08-26; use Client() with the "
        "embedded engine, or the base URL of a server that still has it)"
    )


def _translated(
    error: requests.RequestException, method: str, path: str, base_url: str
) -> APIError:
    """Our error for one of requests'. Its own text may hold query values and is not repeated."""
    host = urlsplit(base_url).netloc.rpartition("@")[2]
    kind: type[APIError]
    if isinstance(error, requests.ConnectTimeout):
        kind, text = APITimeoutError, f"no connection to {host} in time"
    elif isinstance(error, requests.Timeout) or "Read timed out" in str(error):
        kind, text = APITimeoutError, f"no answer from {host} in time"
    elif isinstance(error, (ChunkedEncodingError, ContentDecodingError)):
        kind, text = APIResponseError, f"the answer from {host} was cut short"
    elif isinstance(error, SSLError):
        kind, text = APIConnectionError, f"no trusted TLS connection to {host}"
    elif isinstance(error, ProxyError):
        kind, text = APIConnectionError, f"the proxy did not connect to {host}"
    else:
        kind, text = APIConnectionError, f"no connection to {host}: is the server running?"
    return kind(text, method=method, path=path)


def _checked_base_url(base_url: object) -> str:
    text = base_url if isinstance(base_url, str) else ""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"base_url: {base_url!r} is not an http or https URL such as https://host/v1"
        )
    if parts.query or parts.fragment:
        raise ConfigurationError("base_url: a query belongs into params=, a fragment nowhere")
    return text.rstrip("/")


def _checked_timeout(timeout: object) -> tuple[float | None, float | None]:
    pair: tuple[object, ...] = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    seconds = [
        float(value)
        for value in pair
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
    ]
    if len(pair) != 2 or len(seconds) != 2:
        raise ConfigurationError(
            f"timeout: {timeout!r} is not a number of seconds above 0, nor a pair of them "
            "(connect, read); an endless wait is spelled float('inf')"
        )
    connect, read = (None if value == math.inf else value for value in seconds)
    return connect, read


def _checked_header(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not value.isascii():
        raise ConfigurationError(f"headers: the value of {name!r} is not printable ASCII text")
    return value


def _checked_key(key: object) -> str:
    if not isinstance(key, str) or not key or not key.isprintable() or not key.isascii():
        raise ConfigurationError(
            "api_key: expected printable ASCII text without line breaks, or a callable that "
            "answers it (the value is not shown here)"
        )
    return key.strip()


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _seconds(value: str | None) -> float | None:
    try:
        return None if value is None else max(float(value), 0.0)
    except ValueError:
        return None
