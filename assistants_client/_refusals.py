"""What went wrong on the wire, as our errors: one place, whatever form the server's answer has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.exceptions import ChunkedEncodingError, ContentDecodingError
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from assistants_client._advice import advice
from assistants_client._retry import GaveUpError, PolicyRetry, never_sent, pause_hint
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
    kind: type[APIError] = APIConnectionError
    # urllib3 counts a refused connection among the connect timeouts.
    slow = isinstance(cause, ConnectTimeoutError) and not isinstance(cause, NewConnectionError)
    if isinstance(error, requests.ConnectTimeout) or slow:
        kind, text = APITimeoutError, f"no connection to {host} in time"
    elif isinstance(error, requests.ReadTimeout) or isinstance(cause, ReadTimeoutError):
        kind, text = APITimeoutError, f"no answer from {host} in time"
    elif isinstance(cause, SSLError):
        text = f"no trusted TLS connection to {host}"
    elif isinstance(cause, ProxyError):
        text = f"the proxy did not connect to {host}"
    elif never_sent(cause):
        text = f"no connection to {host}: is the server running, and the base URL right?"
    else:
        text = f"{host} closed the connection without an answer"
    was_sent = not (never_sent(cause) or isinstance(error, requests.ConnectTimeout))
    return kind(
        text,
        method=method,
        path=path,
        attempts=attempts,
        maybe_created=method == "POST" and was_sent,
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
