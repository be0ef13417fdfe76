"""What went wrong on the wire, as our errors: one place, whatever form the server's answer has."""

from __future__ import annotations

import json
import re
import socket
import traceback
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.exceptions import (
    ChunkedEncodingError,
    ContentDecodingError,
    InvalidProxyURL,
    InvalidSchema,
)
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from assistants_client._http.error_hints import about_tls, advice
from assistants_client._http.retry import GaveUpError, PolicyRetry, never_sent, pause_hint
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    facts_of,
    status_error,
)

_LONGEST_MESSAGE = 1000
#: Headers with one of these in their names hold secrets, in words of at least so many letters.
_SECRET_HEADERS = ("auth", "key", "token", "secret", "cookie", "password")
_SHORTEST_SECRET = 8
#: How fakes say that a test prepared no answer; nothing was sent.
_NO_FAKE = ("Connection refused", "No mock address")
_LONGEST_TOLD = 200
#: Of what a proxy says to refuse a tunnel only the status is told.
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_QUERY = re.compile(r"\?\S*")


def refusal(response: requests.Response, content: bytes, method: str, path: str) -> APIStatusError:
    """The error for an answer that is not a 2xx."""
    reason, request_id = response.reason or "", response.headers.get("x-request-id")
    for secret in _secrets(response.request.headers):  # some servers quote what they refuse
        content = content.replace(secret.encode(), b"***")
        reason = reason.replace(secret, "***")
        request_id = request_id and request_id.replace(secret, "***")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = content.decode("utf-8", "replace")
    detail = _detail(document)
    text = " ".join(_message(detail, document).split())
    text = text or reason or "no explanation"
    status = response.status_code
    hint = pause_hint(response.headers)
    return status_error(
        f"answered {status}{advice(response, path, document, text)}: {text[:_LONGEST_MESSAGE]}",
        method=method,
        path=path,
        attempts=attempts_of(response),
        maybe_created=method == "POST" and not _did_nothing(status, hint),
        status_code=status,
        **facts_of(detail),
        request_id=request_id,
        retry_after=hint,
        body=document,
    )


def attempts_of(response: requests.Response) -> int:
    """How many tries led to this answer."""
    retries = getattr(response.raw, "retries", None)
    return retries.attempts() if isinstance(retries, PolicyRetry) else 1


def connection_error(
    error: requests.RequestException | ValueError, method: str, path: str, base_url: str
) -> APIError:
    """The error for a request without an answer. Texts of others may hold query values."""
    outer = error.args[0] if error.args else None
    cause = getattr(outer, "reason", outer)
    attempts = outer.attempts if isinstance(outer, GaveUpError) else 1
    host = urlsplit(base_url).netloc.rpartition("@")[2]
    wrapped = cause.original_error if isinstance(cause, ProxyError) else cause
    fault = _fault_of(wrapped)
    # A certificate that was refused is a ValueError, whether ssl says so or urllib3.
    is_untrusted = isinstance(cause, SSLError) and isinstance(fault, ValueError)
    is_without_tls = is_untrusted or _was_shaking_hands(fault)
    told = _told_by_others(error)
    was_sent = not (
        is_without_tls
        or never_sent(cause)
        or isinstance(error, (requests.ConnectTimeout, InvalidSchema, InvalidProxyURL))
        or told.startswith(_NO_FAKE)
    )
    kind: type[APIError] = APIConnectionError
    # urllib3 counts a refused connection among the connect timeouts.
    slow = isinstance(cause, ConnectTimeoutError) and not isinstance(cause, NewConnectionError)
    if isinstance(error, requests.ConnectTimeout) or slow:
        kind, text = APITimeoutError, f"no connection to {host} in time"
    elif isinstance(error, requests.ReadTimeout) or isinstance(cause, ReadTimeoutError):
        kind, text = APITimeoutError, f"no answer from {host} in time"
    elif isinstance(cause, ProxyError):
        text = f"{_proxy_of(outer)} did not connect to {host}: {_proxy_fault(wrapped, fault)}"
        text += f" ({_around(outer, base_url)})"
    elif is_without_tls:
        text = f"no trusted TLS connection to {host}: {about_tls(fault)}"
    elif isinstance(cause, SSLError):
        text = f"the TLS connection to {host} broke: {about_tls(fault)}"
    elif isinstance(fault, socket.gaierror):
        text = (
            f"no connection to {host}: its name was not found ({fault.strerror}); is the base URL "
            "right, and the network there?"
        )
    elif never_sent(cause):
        text = f"no connection to {host}: is the server running, and the base URL right?"
    elif told:
        text = f"no answer from {host}: {told}"
    else:
        text = f"{host} closed the connection without an answer"
    return kind(
        text,
        method=method,
        path=path,
        attempts=attempts,
        maybe_created=method == "POST" and was_sent,
    )


def _fault_of(error: object) -> Exception | None:
    """What the socket or TLS raised, of which urllib3 made its error."""
    if not isinstance(error, HTTPError):
        return None
    made_of: tuple[object, ...] = error.args
    if isinstance(error, (ReadTimeoutError, NewConnectionError)):  # they keep its text alone
        made_of = (error.__context__,)
    return next((one for one in made_of if isinstance(one, (OSError, ValueError))), None)


def _was_shaking_hands(fault: Exception | None) -> bool:
    """Whether TLS was still being agreed on: no request is sent before that is done."""
    frames = traceback.walk_tb(fault.__traceback__ if fault is not None else None)
    return any(frame.f_code.co_name == "do_handshake" for frame, _ in frames)


def _told_by_others(error: Exception) -> str:
    """The first line of an error that no connection has made, but requests itself or a fake."""
    if not isinstance(error, (requests.ConnectionError, InvalidSchema, InvalidProxyURL)):
        return ""
    if any(isinstance(one, Exception) for one in error.args):
        return ""
    text = str(error).strip().partition("\n")[0]
    for secret in _secrets(getattr(error.request, "headers", {})):
        text = text.replace(secret, "***")
    return _QUERY.sub("", text)[:_LONGEST_TOLD]


def _proxy_of(outer: object) -> str:
    """The proxy by its address, without the name and password that may come with it."""
    proxy = getattr(getattr(outer, "pool", None), "proxy", None)
    return "the proxy" if proxy is None else f"the proxy {proxy.host}:{proxy.port}"


def _proxy_fault(wrapped: object, fault: Exception | None) -> str:
    tunnel = _TUNNEL.match(str(wrapped))
    if tunnel is not None:
        return f"it answered {tunnel[1]}"
    if isinstance(fault, socket.gaierror):
        return "its name was not found"
    if isinstance(wrapped, SSLError):
        return about_tls(fault)
    return "it cannot be reached" if never_sent(wrapped) else "the connection broke"


def _around(outer: object, base_url: str) -> str:
    """Where the proxy's address comes from, and how it is not used."""
    server = urlsplit(base_url)
    source = "the environment" if isinstance(outer, GaveUpError) else "the environment or session"
    return (
        f"{source} names this proxy, in {server.scheme.upper()}_PROXY or ALL_PROXY; "
        f"NO_PROXY={server.hostname} goes around it"
    )


def cut_short(error: Exception, response: requests.Response, method: str, path: str) -> APIError:
    """The error for an answer that began and did not end as it should."""
    host = urlsplit(response.url or "").netloc.rpartition("@")[2]
    kind: type[APIError] = APIConnectionError
    cause = error.args[0] if error.args else None
    if isinstance(error, (requests.Timeout, ReadTimeoutError)) or isinstance(
        cause, ReadTimeoutError
    ):
        kind, text = APITimeoutError, f"the answer from {host} stalled"
    elif isinstance(
        error, (ChunkedEncodingError, ContentDecodingError, ProtocolError, DecodeError)
    ):
        kind, text = APIResponseError, f"the answer from {host} was cut short"
    else:
        text = f"the connection to {host} broke within the answer"
    return kind(
        text,
        method=method,
        path=path,
        attempts=attempts_of(response),
        maybe_created=method == "POST",
    )


def _secrets(headers: Mapping[str, str | bytes]) -> list[str]:
    """What of a request's headers no error may show. Shorter words would garble the rest."""
    words: list[str] = []
    for name, value in headers.items():
        if any(part in name.lower() for part in _SECRET_HEADERS):
            words += (value.decode("latin-1") if isinstance(value, bytes) else value).split()
    return [word for word in words if len(word) >= _SHORTEST_SECRET]


def _did_nothing(status: int, hint: float | None) -> bool:
    """Whether the status says that the server has not acted; a 503 says so with a pause."""
    return status < 500 or (status == 503 and hint is not None)


def _detail(document: Any) -> dict[str, Any]:
    """The part of an error body that explains; servers nest it differently."""
    if not isinstance(document, dict):
        return {}
    inner = document.get("error")
    return inner if isinstance(inner, dict) else document


def _message(detail: dict[str, Any], document: Any) -> str:
    for key in ("message", "detail", "error", "issues"):
        value = detail.get(key)
        if value:
            return _words(value)
    return _words(document)


def _words(value: Any) -> str:
    """A text as it is, and what validators answer (places and texts) as a sentence."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "; ".join(_words(entry) for entry in value)
    text = value.get("message") or value.get("msg") if isinstance(value, dict) else None
    if not isinstance(text, str):
        return json.dumps(value, ensure_ascii=False)
    place = value.get("path") or value.get("loc")
    return f"{'.'.join(map(str, place))}: {text}" if isinstance(place, list) else text
