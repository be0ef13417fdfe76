"""Maps failed requests and error responses to our exceptions, whatever form a server uses."""

from __future__ import annotations

import json
import re
import socket
import traceback
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.exceptions import (
    ChunkedEncodingError,
    ContentDecodingError,
    InvalidProxyURL,
    InvalidSchema,
    InvalidURL,
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

from assistants_client._http.error_documents import detail_of, is_error, words_of
from assistants_client._http.error_hints import (
    about_the_address,
    about_the_proxy,
    about_tls,
    advice,
)
from assistants_client._http.retry import GaveUpError, PolicyRetry, never_sent, pause_hint
from assistants_client.errors import (
    APIConnectionError,
    APIError,
    APIResponseError,
    APIStatusError,
    APITimeoutError,
    error_fields,
    status_error,
)

_MAX_MESSAGE_LENGTH = 1000
#: Headers with one of these in their names hold secrets: words of at least so many letters.
_SECRET_HEADERS = ("auth", "key", "token", "secret", "cookie", "password")
_MIN_SECRET_LENGTH = 8
#: The errors of fakes that have no response for a request; nothing was sent.
_NO_FAKE = ("Connection refused", "No mock address")
_MAX_FOREIGN_LENGTH = 200
#: A proxy's refusal of a tunnel, of which messages show the status only.
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_QUERY = re.compile(r"\?\S*")


def json_of(
    content: bytes | None, response: requests.Response, method: str, path: str, max_bytes: int
) -> Any:
    """Returns the JSON document of a response; no content stands for one that was too large.

    Raises:
        APIResponseError: It is not JSON, or was too large.
    """
    if content == b"" and method == "DELETE":
        return {}  # a 204: the object is deleted
    if content is None:
        text = f"the response is larger than max_response_bytes, {max_bytes}"
    else:
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            kind = response.headers.get("Content-Type", "no content type")
            text = (
                f"answered {response.status_code} without JSON ({kind}, {len(content)} bytes). "
                "Is the base URL that of an Assistants server, with its /v1?"
            )
        else:
            return document
    raise APIResponseError(
        text,
        method=method,
        path=path,
        attempts=attempts_of(response),
        maybe_created=method == "POST",
    )


def error_within(
    document: Any, response: requests.Response, content: bytes | None, method: str, path: str
) -> APIStatusError | None:
    """Returns the error that the document of a 2xx is, or ``None``: gateways report theirs so."""
    return refusal(response, content or b"", method, path) if is_error(document) else None


def content_of(
    response: requests.Response, blocks: Iterator[bytes], method: str, path: str
) -> Iterator[bytes]:
    """Returns the blocks of a file, which may be JSON itself; servers send it as an attachment.

    Raises:
        APIStatusError: They are an error of a gateway's.
    """
    kind = response.headers.get("Content-Type", "")
    if not kind.startswith("application/json") or "Content-Disposition" in response.headers:
        return blocks
    first = next(blocks, b"")
    try:
        document = json.loads(first)
    except (ValueError, RecursionError):
        document = None
    error = document.get("error") if isinstance(document, dict) and len(document) == 1 else None
    if isinstance(error, dict) and error.get("message"):
        raise refusal(response, first, method, path)
    return chain([first] if first else [], blocks)


def refusal(response: requests.Response, content: bytes, method: str, path: str) -> APIStatusError:
    """Returns the error for a response that is not a 2xx, or for one that holds an error."""
    reason, request_id = response.reason or "", response.headers.get("x-request-id")
    for secret in _secrets(response.request.headers):  # some servers quote the request
        content = content.replace(secret.encode(), b"***")
        reason = reason.replace(secret, "***")
        request_id = request_id and request_id.replace(secret, "***")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = content.decode("utf-8", "replace")
    detail = detail_of(document)
    text = " ".join(words_of(document).split())
    text = text or reason or "no explanation"
    hint = pause_hint(response.headers)
    status = response.status_code
    if status < 300:
        lead, status = f"answered {status} with an error", _named_status(detail) or status
    else:
        lead = f"answered {status}{advice(response, path, document, text)}"
    return status_error(
        f"{lead}: {text[:_MAX_MESSAGE_LENGTH]}",
        method=method,
        path=path,
        attempts=attempts_of(response),
        maybe_created=method == "POST" and not _did_nothing(status, hint),
        status_code=status,
        **error_fields(detail),
        request_id=request_id,
        retry_after=hint,
        body=document,
    )


def attempts_of(response: requests.Response) -> int:
    """Returns the number of tries that led to this response."""
    retries = getattr(response.raw, "retries", None)
    return retries.attempts() if isinstance(retries, PolicyRetry) else 1


def connection_error(
    error: requests.RequestException | ValueError, method: str, path: str, base_url: str
) -> APIError:
    """Returns the error for a request without a response, without the values of the query."""
    outer = error.args[0] if error.args else None
    cause = getattr(outer, "reason", outer)
    attempts = outer.attempts if isinstance(outer, GaveUpError) else 1
    host = urlsplit(base_url).netloc.rpartition("@")[2]
    wrapped = cause.original_error if isinstance(cause, ProxyError) else cause
    fault = _fault_of(wrapped)
    # A certificate that was refused is a ValueError, of ssl and of urllib3.
    is_untrusted = isinstance(cause, SSLError) and isinstance(fault, ValueError)
    is_without_tls = is_untrusted or _was_shaking_hands(fault)
    foreign = _foreign_message(error)
    # requests reads the proxy's address only now; our own was checked when the client was made.
    is_unread = not isinstance(error, requests.RequestException) or isinstance(error, InvalidURL)
    is_not_begun = is_unread or isinstance(error, InvalidSchema)
    blames_proxy = is_not_begun or isinstance(cause, ProxyError)
    wrong_proxy = about_the_proxy(base_url) if blames_proxy else ""
    was_sent = not (
        is_without_tls
        or (wrong_proxy and is_not_begun)
        or never_sent(cause)
        or isinstance(error, (requests.ConnectTimeout, InvalidSchema, InvalidProxyURL))
        or foreign.startswith(_NO_FAKE)
    )
    kind: type[APIError] = APIConnectionError
    # urllib3 counts a refused connection among the connect timeouts.
    slow = isinstance(cause, ConnectTimeoutError) and not isinstance(cause, NewConnectionError)
    if wrong_proxy:
        text = f"no connection to {host}: {wrong_proxy}"
        if is_not_begun:  # its text, and that of its cause, quote the whole address
            error.args, error.__context__, error.__cause__ = (), None, None
    elif isinstance(error, requests.ConnectTimeout) or slow:
        kind, text = APITimeoutError, f"no connection to {host} in time"
    elif isinstance(error, requests.ReadTimeout) or isinstance(cause, ReadTimeoutError):
        no_tls = f"no TLS connection to {host} in time; is its address http:// instead of https://?"
        kind = APITimeoutError
        text = no_tls if is_without_tls else f"no response from {host} in time"
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
        text += about_the_address(base_url, path)
    elif never_sent(cause):
        text = f"no connection to {host}: is the server running, and the base URL right?"
        text += about_the_address(base_url, path)
    elif foreign:
        text = f"no response from {host}: {foreign}"
    elif is_unread:
        text = (
            f"no response from {host}: an address cannot be read, that of the session's proxy or "
            "of a redirect"
        )
    else:
        text = f"{host} closed the connection without a response"
    return kind(
        text,
        method=method,
        path=path,
        attempts=attempts,
        maybe_created=method == "POST" and was_sent,
    )


def _fault_of(error: object) -> Exception | None:
    """Returns the error of the socket or of TLS that is the cause of urllib3's."""
    if not isinstance(error, HTTPError):
        return None
    made_of: tuple[object, ...] = error.args
    if isinstance(error, (ReadTimeoutError, NewConnectionError)):  # their arguments hold its text
        made_of = (error.__context__,)
    return next((one for one in made_of if isinstance(one, (OSError, ValueError))), None)


def _was_shaking_hands(fault: Exception | None) -> bool:
    """Returns whether it came in the TLS handshake: no request is sent before that is done."""
    frames = traceback.walk_tb(fault.__traceback__ if fault is not None else None)
    return any(frame.f_code.co_name == "do_handshake" for frame, _ in frames)


def _foreign_message(error: Exception) -> str:
    """Returns the first line of an error that no connection raised, but requests or a fake."""
    if not isinstance(error, (requests.ConnectionError, InvalidSchema, InvalidProxyURL)):
        return ""
    if any(isinstance(one, Exception) for one in error.args):
        return ""
    text = str(error).strip().partition("\n")[0]
    for secret in _secrets(getattr(error.request, "headers", {})):
        text = text.replace(secret, "***")
    return _QUERY.sub("", text)[:_MAX_FOREIGN_LENGTH]


def _proxy_of(outer: object) -> str:
    """Returns the proxy by its address, without the name and password in its URL."""
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
    """Returns the source of the proxy's address, and the way to bypass it."""
    server = urlsplit(base_url)
    source = "the environment" if isinstance(outer, GaveUpError) else "the environment or session"
    return (
        f"{source} names this proxy, in {server.scheme.upper()}_PROXY or ALL_PROXY; "
        f"NO_PROXY={server.hostname} goes around it"
    )


def cut_short(error: Exception, response: requests.Response, method: str, path: str) -> APIError:
    """Returns the error for a response that began and was not read to its end."""
    host = urlsplit(response.url or "").netloc.rpartition("@")[2]
    kind: type[APIError] = APIConnectionError
    cause = error.args[0] if error.args else None
    if isinstance(error, (requests.Timeout, ReadTimeoutError)) or isinstance(
        cause, ReadTimeoutError
    ):
        kind, text = APITimeoutError, f"the response from {host} stalled"
    elif isinstance(
        error, (ChunkedEncodingError, ContentDecodingError, ProtocolError, DecodeError)
    ):
        kind, text = APIResponseError, f"the response from {host} was cut short"
    else:
        text = f"the connection to {host} broke within the response"
    return kind(
        text,
        method=method,
        path=path,
        attempts=attempts_of(response),
        maybe_created=method == "POST",
    )


def without_secrets(text: str, request: requests.PreparedRequest) -> str:
    """Returns a text of the server's without what is secret in the request that it answers."""
    for secret in _secrets(request.headers):
        text = text.replace(secret, "***")
    return text


def _secrets(headers: Mapping[str, str | bytes]) -> list[str]:
    """Returns the secrets in a request's headers, which no error may show.

    Shorter words are left out: replacing them would garble the message.
    """
    words: list[str] = []
    for name, value in headers.items():
        if any(part in name.lower() for part in _SECRET_HEADERS):
            words += (value.decode("latin-1") if isinstance(value, bytes) else value).split()
    return [word for word in words if len(word) >= _MIN_SECRET_LENGTH]


def _did_nothing(status: int, hint: float | None) -> bool:
    """Returns whether the status means that the server has not acted; a 503 does with a pause."""
    return 300 <= status < 500 or (status == 503 and hint is not None)


def _named_status(detail: dict[str, Any]) -> int | None:
    """Returns the HTTP status that an error within a 200 names; it decides about another try."""
    for key in ("status", "status_code", "statusCode", "code"):
        named = str(detail.get(key))
        if len(named) == 3 and named.isdecimal() and 400 <= int(named) < 600:
            return int(named)
    return None
