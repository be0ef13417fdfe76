"""What went wrong on the wire, as our errors: one place, whatever form the server's answer has."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.exceptions import ChunkedEncodingError, ContentDecodingError
from urllib3.exceptions import (
    ConnectTimeoutError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from assistants_client._retry import NEVER_SENT, GaveUpError, pause_hint
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    status_error,
)

_LONGEST_MESSAGE = 1000


def refusal(
    response: requests.Response, content: bytes, method: str, path: str, secret: str
) -> APIStatusError:
    """The error for an answer that is not a 2xx; ``secret`` is kept out of its message."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = content.decode("utf-8", "replace")
    detail = _detail(document)
    text = " ".join(_message(detail, document).split())
    text = text or response.reason or "no explanation"
    if secret:
        text = text.replace(secret, "***")
    status = response.status_code
    hint = pause_hint(response.headers)
    history = getattr(getattr(response.raw, "retries", None), "history", ())
    return status_error(
        f"answered {status}{_advice(response)}: {text[:_LONGEST_MESSAGE]}",
        method=method,
        path=path,
        attempts=len(history) + 1,
        # A 503 with a pause, a 429 and the other 4xx say that nothing was done.
        maybe_created=method == "POST"
        and status >= 500
        and not (status == 503 and hint is not None),
        status_code=status,
        code=_text_or_none(detail.get("code")),
        type=_text_or_none(detail.get("type")),
        param=_text_or_none(detail.get("param")),
        request_id=response.headers.get("x-request-id"),
        retry_after=hint,
        body=document,
    )


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
    elif isinstance(cause, NEVER_SENT):
        text = f"no connection to {host}: is the server running, and the base URL right?"
    else:
        text = f"{host} closed the connection without an answer"
    never_sent = isinstance(cause, NEVER_SENT) or isinstance(error, requests.ConnectTimeout)
    return kind(
        text,
        method=method,
        path=path,
        attempts=attempts,
        maybe_created=method == "POST" and not never_sent,
    )


def cut_short(
    error: requests.RequestException, method: str, path: str, base_url: str, *, maybe_created: bool
) -> APIError:
    """The error for an answer that began and did not end as it should."""
    host = urlsplit(base_url).netloc.rpartition("@")[2]
    kind: type[APIError] = APIConnectionError
    cause = error.args[0] if error.args else None
    if isinstance(error, requests.Timeout) or isinstance(cause, ReadTimeoutError):
        kind, text = APITimeoutError, f"the answer from {host} stalled"
    elif isinstance(error, (ChunkedEncodingError, ContentDecodingError)):
        kind, text = APIResponseError, f"the answer from {host} was cut short"
    else:
        text = f"the connection to {host} broke within the answer"
    return kind(text, method=method, path=path, maybe_created=maybe_created)


def _did_nothing(status: int, hint: float | None) -> bool:
    """Whether the status says that the server has not acted."""
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


def _advice(response: requests.Response) -> str:
    """Words for answers that a person can do something about."""
    parts = urlsplit(response.url or "")
    host = parts.hostname or ""
    if 300 <= response.status_code < 400 and "location" in response.headers:
        target = urlsplit(response.headers["location"]).netloc or "another path"
        return f" (a redirect to {target}; redirects are not followed, correct the base URL)"
    retired = host.endswith((".openai.com", ".openai.azure.com"))
    assistants = "/assistants" in parts.path or "/threads" in parts.path
    if response.status_code == 404 and retired and assistants:
        return (
            " (the Assistants API was switched off on this host on 2026-08-26; use Client() with "
            "the embedded engine, or the base URL of a server that still has it)"
        )
    return ""


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)
