"""The one core file that uses requests: sends requests, reads responses, raises our errors.

No resource, no object of the protocol and no policy of waiting belongs here: JSON documents go in
and come out, or bytes do.
"""

from __future__ import annotations

import json
import os
import platform
import ssl
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlencode

import requests
from attrs import frozen
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.structures import CaseInsensitiveDict

from assistants_client._arguments import checked_base_url, checked_key, checked_timeout
from assistants_client._http.error_mapping import (
    connection_error,
    error_within,
    json_of,
    refusal,
)
from assistants_client._http.event_loop_warning import warn_if_in_event_loop
from assistants_client._http.options import ApiKey, Options, Query
from assistants_client._http.response_bodies import whole
from assistants_client._http.retry import Budget, PolicyRetry
from assistants_client._http.session import (
    Connections,
    CookielessSession,
    NoCookies,
    check_tls_files,
    tls_context,
)
from assistants_client._protocol import HONOURS_IDEMPOTENCY, IDEMPOTENCY_KEY
from assistants_client._version import __version__
from assistants_client.errors import (
    APIError,
    APIStatusError,
    AssistantsError,
    ConfigurationError,
)

#: The body of a longer refusal, in bytes, is not read.
_MAX_REFUSAL_BYTES = 1024 * 1024
_NO_COOKIES = NoCookies()
_USER_AGENT = f"assistants-client/{__version__} Python/{platform.python_version()}"


@frozen
class Response:
    """A decoded response and its headers; and the error where the document is one's."""

    document: Any
    headers: Mapping[str, str]
    error: APIStatusError | None = None


class Transport:
    """Sends requests below one base URL. Safe to share between threads and across ``fork``.

    Args:
        base_url: Such as ``https://host/v1``.
        api_key: The key, or a callable that returns it; ``None`` sends none.
        key_header: The header for the key; in ``Authorization`` it is a bearer token.
        options: Timeouts, headers, retries.
        session: A session of the user's, with its adapters, proxies and authentication. Its
            adapters then decide about retries.
        adapter: The adapter for ``base_url`` instead of one for the network.
        share: Another transport, whose connections and retry budget this one uses.
        max_idle: Seconds after which an idle connection is not used again.

    Raises:
        ConfigurationError: The base URL, the key or the session cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: ApiKey | None = None,
        key_header: str = "Authorization",
        options: Options | None = None,
        session: requests.Session | None = None,
        adapter: BaseAdapter | None = None,
        share: Transport | None = None,
        max_idle: float = float("inf"),
    ) -> None:
        self.base_url: str = checked_base_url(base_url)
        if api_key is not None and not callable(api_key):
            checked_key(api_key)
        if session is not None and not isinstance(session, requests.Session):
            raise ConfigurationError(
                f"session: expected a requests.Session, got {type(session).__name__}"
            )
        self._api_key = api_key
        self._key_header = key_header
        self._options = options or Options()
        self._timeout = checked_timeout(self._options.timeout)
        self._headers: dict[str, str] = {
            "User-Agent": _USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
        }
        self._headers.update(self._options.headers)
        self._has_key = any(name.lower() == key_header.lower() for name in self._headers)
        self._shared = share
        self._budget: Budget = share._budget if share else Budget(self._options.retries.budget)
        self._retry = PolicyRetry.made(self._options.retries, self._budget)
        self._own_session = session is None
        self.adapter: BaseAdapter | None = adapter
        self._max_idle = max_idle
        # Proxies and CA bundle come from the environment once, not per request.
        self._settings: dict[str, Any]
        self._tls: ssl.SSLContext | None
        if share is not None:
            self._settings, self._tls = share._settings, share._tls
        elif session is None and adapter is None:
            self._settings, self._tls = _from_environment(self.base_url)
        else:
            self._settings, self._tls = (
                _settings(session or CookielessSession(), self.base_url),
                None,
            )
        self._session = session if session is not None else self._new_session()
        if session is not None and adapter is not None:
            session.mount(self.base_url, adapter)
        self._pid = os.getpid()

    def with_options(self, options: Options) -> Transport:
        """Returns a copy with other options, on the same connections and the same retry budget."""
        return type(self)(
            self.base_url,
            api_key=self._api_key,
            key_header=self._key_header,
            options=options,
            session=None if self._own_session else self._session,
            adapter=self.adapter,
            share=self,
        )

    @property
    def options(self) -> Options:
        """The options in force."""
        return self._options

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        document: object = None,
        body: Iterable[bytes] | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Response:
        """Sends one request and reads its whole response.

        Args:
            method: The HTTP method.
            path: Below the base URL, already percent-encoded, with a leading slash.
            query: Query parameters; a list is repeated.
            document: The JSON body; ``None`` sends no body.
            body: Another body instead, with its ``Content-Length`` among the headers.
            headers: Further headers; ``None`` leaves one out.

        Raises:
            APIConnectionError: The server could not be reached, or the connection broke.
            APITimeoutError: It did not respond in time.
            APIResponseError: The response is not JSON, too large, or was cut short.
            APIStatusError: The server refused.
            ConfigurationError: The key cannot be sent.
        """
        sent: bytes | Iterable[bytes] | None = body
        if document is not None:
            sent = _json_body(document)
            headers = {"Content-Type": "application/json", **(headers or {})}
        request = self._prepare(method, path, query, sent, headers)
        max_bytes = self._options.max_response_bytes
        try:
            while True:
                with closing(self._response(request, method, path)) as response:
                    try:
                        content = whole(response, method, path, max_bytes)
                    except APIError as broken:
                        # The response broke off, which urllib3 does not see; the rules apply too.
                        again = self._own_session and self._retry.reads_again(
                            method, broken.attempts
                        )
                        if not again:
                            raise
                        continue
                    document = json_of(content, response, method, path, max_bytes)
                    error = error_within(document, response, content, method, path)
                    return Response(document, response.headers, error)
        finally:
            self._retry.tries.earlier = 0

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Iterator[requests.Response]:
        """Sends one request; the caller reads the body of its response, within the context.

        An iterable body requires a ``Content-Length`` header.

        Raises:
            APIError: As :meth:`send`. Errors while the body is read are requests' own, unless it is
                read by the functions of ``response_bodies.py``.
        """
        request = self._prepare(method, path, query, body, headers)
        with closing(self._response(request, method, path)) as response:
            yield response

    @contextmanager
    def stream(
        self,
        path: str,
        *,
        query: Query | None = None,
        document: object,
        headers: Mapping[str, str | None],
    ) -> Iterator[requests.Response]:
        """Posts a JSON document; ``prompt_blocks`` reads the response as it arrives.

        Raises:
            APIError: As :meth:`open`.
        """
        sent = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream, application/json",
            # A compressed stream would delay events.
            "Accept-Encoding": "identity",
            **headers,
        }
        body = _json_body(document)
        with self.open("POST", path, query=query, body=body, headers=sent) as response:
            yield response

    def close(self) -> None:
        """Closes the connections; a session of the user's, or of another transport, stays open."""
        if self._own_session and self._shared is None:
            self._session.close()

    def __repr__(self) -> str:
        return f"<Transport {self.base_url}>"

    def _response(
        self, request: requests.PreparedRequest, method: str, path: str
    ) -> requests.Response:
        """Sends a request and returns the response, its body unread; any but a 2xx raises."""
        warn_if_in_event_loop()
        try:
            response = self._current_session().send(
                request, timeout=self._timeout, allow_redirects=False, **self._settings
            )
        except AssistantsError:  # from a body that cannot be read, or from the engine
            raise
        except (requests.RequestException, ValueError) as error:
            # A ValueError comes from a redirect to an invalid address, in a user's session.
            if not self._own_session and isinstance(error, requests.exceptions.SSLError):
                check_tls_files(self._settings)
            raise connection_error(error, method, path, self.base_url) from error
        except OSError:
            if not self._own_session:  # requests did not find a file of the session's
                check_tls_files(self._settings)
            raise
        if not 200 <= response.status_code < 300:
            with closing(response):
                raise self._refusal(response, method, path)
        self._budget.refund()
        if HONOURS_IDEMPOTENCY in response.headers:
            self._budget.idempotent = True
        return response

    def _new_session(self) -> requests.Session:
        session = CookielessSession()
        share_pool_with = None
        if self._shared is not None:
            share_pool_with = self._shared._current_session().get_adapter("https://")
        connections = Connections(
            self._retry,
            tls=self._tls,
            max_idle=self._max_idle,
            share_pool_with=share_pool_with if isinstance(share_pool_with, Connections) else None,
        )
        session.mount("https://", connections)
        session.mount("http://", connections)
        if self.adapter is not None:
            session.mount(self.base_url, self.adapter)
        return session

    def _current_session(self) -> requests.Session:
        """Returns the session; a forked child drops the sockets, which are still its parent's."""
        if self._pid != os.getpid():
            if self._own_session:
                self._budget.after_fork()
                self._session = self._new_session()
            else:
                for adapter in self._session.adapters.values():
                    if isinstance(adapter, HTTPAdapter):
                        adapter.close()
            self._pid = os.getpid()
        return self._session

    def _prepare(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: bytes | Iterable[bytes] | None,
        headers: Mapping[str, str | None] | None,
    ) -> requests.PreparedRequest:
        url = self.base_url + path
        given = {**self._options.params, **(query or {})}
        parameters = {name: value for name, value in given.items() if value is not None}
        if parameters:
            url = f"{url}?{urlencode(parameters, doseq=True)}"
        sent: CaseInsensitiveDict[str | bytes] = CaseInsensitiveDict(self._headers)
        if method == "POST":
            sent[IDEMPOTENCY_KEY] = uuid.uuid4().hex
        for name, value in (headers or {}).items():
            if value is None:
                sent.pop(name, None)
            else:
                sent[name] = value
        if self._api_key is not None and not self._has_key:
            key = checked_key(self._api_key() if callable(self._api_key) else self._api_key)
            bearer = self._key_header == "Authorization"
            sent[self._key_header] = f"Bearer {key}" if bearer else key
        if not self._own_session:
            # The user's session adds its own headers, authentication and hooks. Without an
            # authentication of its own, requests would look for a netrc file and replace our key.
            auth = self._current_session().auth or (lambda request: request)
            return self._session.prepare_request(
                requests.Request(method, url, sent, data=body, auth=auth)
            )
        request = requests.PreparedRequest()
        request.method, request.url, request.headers = method, url, sent
        request._cookies = _NO_COOKIES  # looked for on a 3xx
        request.body = body  # an iterable of bytes is sent as it comes
        if isinstance(body, bytes) or (body is None and method == "POST"):
            sent["Content-Length"] = str(len(body or b""))
        return request

    def _refusal(self, response: requests.Response, method: str, path: str) -> APIError:
        try:
            content = whole(response, method, path, _MAX_REFUSAL_BYTES)
        except APIError:
            content = None  # the status is what counts
        return refusal(response, content or b"", method, path)


def _settings(session: requests.Session, base_url: str) -> dict[str, Any]:
    """Returns proxies and CA bundle, as arguments of ``Session.send``."""
    return session.merge_environment_settings(base_url, {}, True, None, None)


def _from_environment(base_url: str) -> tuple[dict[str, Any], ssl.SSLContext | None]:
    """Returns the same for a session of our own, whose ``SSLContext`` has loaded the CA bundle."""
    settings = _settings(CookielessSession(), base_url)
    if not base_url.startswith("https:"):
        return settings, None
    bundle = settings["verify"]
    tls = tls_context(bundle if isinstance(bundle, str) else None)
    return {**settings, "verify": True}, tls


def _json_body(document: object) -> bytes:
    try:
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        from assistants_client._http.json_path import not_json

        raise not_json(document, error) from None
