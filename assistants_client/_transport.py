"""The one core file that speaks requests: send, read, and turn what goes wrong into our errors.

No resource, no object of the protocol and no policy of waiting belongs here: JSON documents go in
and come out, or bytes do.
"""

from __future__ import annotations

import json
import os
import platform
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

import requests
from attrs import field, frozen
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict

from assistants_client._checks import (
    Timeout,
    checked_base_url,
    checked_header,
    checked_key,
    checked_timeout,
)
from assistants_client._refusals import connection_error, cut_short, refusal
from assistants_client._retry import Budget, PolicyRetry, RetryPolicy
from assistants_client._version import __version__
from assistants_client.errors import APIError, APIResponseError, InvalidRequestError

#: A key, or a callable that is asked for it before every request.
ApiKey: TypeAlias = "str | Callable[[], str]"
Query: TypeAlias = Mapping[str, Any]

DEFAULT_TIMEOUT: Final = (5.0, 60.0)
DEFAULT_MAX_RESPONSE_BYTES: Final = 256 * 1024 * 1024
#: A server that answers with this header acts once on requests with the same ``Idempotency-Key``.
HONOURS_IDEMPOTENCY: Final = "idempotency-key-honoured"

_CONNECTIONS = 100
_CHUNK = 1024 * 1024
_USER_AGENT = f"assistants-client/{__version__} Python/{platform.python_version()}"


@frozen(kw_only=True)
class Options:
    """How requests are sent; ``Client.with_options`` changes some for a copy.

    Attributes:
        timeout: Seconds to connect and to wait for the next bytes, or one number for both.
        headers: Sent with every request; they win over our own.
        params: Query parameters sent with every request.
        retries: When a request that failed is sent again.
        max_response_bytes: The largest JSON answer that is read.
    """

    timeout: Timeout = DEFAULT_TIMEOUT
    headers: Mapping[str, str] = field(factory=dict)
    params: Query = field(factory=dict)
    retries: RetryPolicy = field(factory=RetryPolicy)
    max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES


@frozen
class Reply:
    """A decoded answer and the headers that came with it."""

    document: Any
    headers: Mapping[str, str]


class Transport:
    """Sends requests below one base URL. Safe to share between threads and across ``fork``.

    Args:
        base_url: Such as ``https://host/v1``.
        api_key: The key, or a callable that answers it; ``None`` sends none.
        key_header: The header for the key; in ``Authorization`` it is a bearer token.
        options: Timeouts, headers, retries.
        session: A session of the user's, with its adapters, proxies and authentication. Its
            adapters then decide about retries.
        adapter: What carries requests to ``base_url`` instead of the network.
        share: Another transport, whose connections and retry budget this one uses.

    Raises:
        ConfigurationError: The base URL, a header or a timeout cannot be used.
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
    ) -> None:
        self.base_url: str = checked_base_url(base_url)
        self._api_key = api_key
        self._key_header = key_header
        self._options = options or Options()
        self._timeout = checked_timeout(self._options.timeout)
        self._headers: dict[str, str] = {
            "User-Agent": _USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
        }
        for name, value in self._options.headers.items():
            self._headers[name] = checked_header(name, value)
        self._has_key = any(name.lower() == key_header.lower() for name in self._headers)
        self._idempotent = False
        self._shared = share
        self._budget: Budget = share._budget if share else Budget(self._options.retries.budget)
        self._own_session = session is None
        self._adapter = adapter
        self._session = session if session is not None else self._new_session()
        if session is not None and adapter is not None:
            session.mount(self.base_url, adapter)
        self._pid = os.getpid()
        # Proxies and CA bundle come from the environment once, not per request.
        self._settings = self._session.merge_environment_settings(
            self.base_url, {}, True, None, None
        )

    def with_options(self, options: Options) -> Transport:
        """A copy with other options, on the same connections and the same retry budget."""
        return Transport(
            self.base_url,
            api_key=self._api_key,
            key_header=self._key_header,
            options=options,
            session=None if self._own_session else self._session,
            adapter=self._adapter,
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
    ) -> Reply:
        """Sends one request and reads its whole answer.

        Args:
            method: The HTTP method.
            path: Below the base URL, already percent-encoded, with a leading slash.
            query: Query parameters; a list is repeated.
            document: The JSON body; ``None`` sends no body.
            body: Another body instead, with its ``Content-Length`` among the headers.
            headers: Further headers; ``None`` leaves one out.

        Raises:
            APIConnectionError: The server could not be reached, or the connection broke.
            APITimeoutError: It did not answer in time.
            APIResponseError: Its answer is not JSON, too large, or was cut short.
            APIStatusError: It refused.
            ConfigurationError: The key cannot be sent.
        """
        sent: bytes | Iterable[bytes] | None = body
        if document is not None:
            try:
                sent = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
            except (TypeError, ValueError, RecursionError) as error:
                raise InvalidRequestError(f"the request is not JSON: {error}") from None
            headers = {"Content-Type": "application/json", **(headers or {})}
        with self.open(method, path, query=query, body=sent, headers=headers) as response:
            content = self._bounded(response, method, path)
            return Reply(_json(content, response, method, path), response.headers)

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
        """Sends one request; the body of its answer is read by the caller, within the context.

        An iterable body must come with a ``Content-Length`` header.

        Raises:
            APIError: As :meth:`send`; also for what goes wrong while the caller reads.
        """
        request = self._prepared(method, path, query, body, headers)
        response = None
        try:
            try:
                response = self._current_session().send(
                    request, timeout=self._timeout, allow_redirects=False, **self._settings
                )
            except ValueError as error:  # such as a redirect to what is no address
                raise connection_error(error, method, path, self.base_url) from error
            if not 200 <= response.status_code < 300:
                raise self._refusal(response, request, method, path)
            self._budget.refund()
            if HONOURS_IDEMPOTENCY in response.headers:
                self._idempotent = True
            yield response
        except requests.RequestException as error:
            doubt = method == "POST"
            if response is not None:
                raise cut_short(error, method, path, self.base_url, maybe_created=doubt) from error
            raise connection_error(error, method, path, self.base_url) from error
        finally:
            if response is not None:
                response.close()

    def close(self) -> None:
        """Closes the connections; a session of the user's, or of another transport, stays open."""
        if self._own_session and self._shared is None:
            self._session.close()

    def __repr__(self) -> str:
        return f"<Transport {self.base_url}>"

    def _new_session(self) -> requests.Session:
        session = requests.Session()
        # A shared client must not carry one caller's cookie into another's call.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        retry = PolicyRetry.made(self._options.retries, self._budget, lambda: self._idempotent)
        adapter = HTTPAdapter(pool_maxsize=_CONNECTIONS, max_retries=retry)
        if self._shared is not None:
            lender = self._shared._current_session().get_adapter(self.base_url)
            if isinstance(lender, HTTPAdapter):
                adapter.poolmanager = lender.poolmanager
                adapter.proxy_manager = lender.proxy_manager
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        if self._adapter is not None:
            session.mount(self.base_url, self._adapter)
        return session

    def _current_session(self) -> requests.Session:
        """The session; in a forked child a new one, for the parent's sockets are still its own."""
        if self._pid != os.getpid() and self._own_session:
            self._session = self._new_session()
            self._pid = os.getpid()
        return self._session

    def _prepared(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: bytes | Iterable[bytes] | None,
        headers: Mapping[str, str | None] | None,
    ) -> requests.PreparedRequest:
        url = self.base_url + path
        parameters = {**self._options.params, **(query or {})}
        if parameters:
            url = f"{url}?{urlencode(parameters, doseq=True)}"
        sent = CaseInsensitiveDict(self._headers)
        if method == "POST":
            sent["Idempotency-Key"] = uuid.uuid4().hex
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
        request._cookies = RequestsCookieJar()  # type: ignore[attr-defined]  # looked for on a 3xx
        request.body = body  # type: ignore[assignment]  # an iterable of bytes is sent as it comes
        if isinstance(body, bytes) or (body is None and method == "POST"):
            sent["Content-Length"] = str(len(body or b""))
        return request

    def _refusal(
        self,
        response: requests.Response,
        request: requests.PreparedRequest,
        method: str,
        path: str,
    ) -> APIError:
        content = self._bounded(response, method, path)
        sent = str(request.headers.get(self._key_header, ""))
        secret = sent.partition(" ")[2] or sent
        return refusal(response, content, method, path, secret)

    def _bounded(self, response: requests.Response, method: str, path: str) -> bytes:
        most = self._options.max_response_bytes
        parts: list[bytes] = []
        size = 0
        for part in response.iter_content(_CHUNK):
            size += len(part)
            if size > most:
                raise APIResponseError(
                    f"the answer is larger than max_response_bytes, {most}",
                    method=method,
                    path=path,
                    maybe_created=method == "POST",
                )
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _json(content: bytes, response: requests.Response, method: str, path: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        kind = response.headers.get("Content-Type", "no content type")
        raise APIResponseError(
            f"answered {response.status_code} without JSON ({kind}, {len(content)} bytes). "
            "Is the base URL that of an Assistants server, with its /v1?",
            method=method,
            path=path,
            maybe_created=method == "POST",
        ) from None
