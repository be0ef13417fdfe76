"""The forms of responses: JSON, files, event streams and refusals, with their headers.

Which of them a request gets is decided elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from http.client import responses as phrases
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from attrs import define

from assistants_client._json.codec import encode
from assistants_client._protocol import HONOURS_IDEMPOTENCY
from assistants_client.engine.events.event_stream import RunEvents
from assistants_client.engine.faults import Fault
from assistants_client.engine.http.observed_requests import record_of
from assistants_client.engine.services._contents import FileContent
from assistants_client.models.error_body import ErrorBody, ErrorDetail

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: The version that every response of OpenAI's had.
_VERSION: Final = "2020-10-01"
#: The value of ``www-authenticate``.
_REALM: Final = 'Bearer realm="OpenAI API"'
#: The organization of every caller: the engine has no other, and programs read the header.
_ORGANIZATION: Final = "assistants-engine"

#: Characters that programs write differently within quotes, and those that no header may have.
_UNQUOTABLE: Final = dict.fromkeys((*range(32), *map(ord, '"\\%'), 127), "_")

_STATUS_LINES: Final = {status: f"{status} {phrase}" for status, phrase in phrases.items()}


@define
class Response:
    """A response; to be called as the WSGI application that sends it, once.

    Attributes:
        status: The HTTP status.
        headers: Names and values.
        body: Its pieces. A stream of them is closed by the server, as WSGI has it.
    """

    status: int
    headers: list[tuple[str, str]]
    body: Iterable[bytes] = ()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Sends it, without its body where that is not asked for."""
        start_response(_STATUS_LINES[self.status], self.headers)
        if environ["REQUEST_METHOD"] != "HEAD":
            return self.body
        close = getattr(self.body, "close", None)
        if close is not None:
            close()
        return ()


def whole(status: int, content: bytes, content_type: str) -> Response:
    """Returns the response with a body that is there as a whole."""
    length = str(len(content))
    return Response(status, [("content-type", content_type), ("content-length", length)], [content])


def json_response(status: int, text: str) -> Response:
    """Returns the response with a JSON text."""
    response = whole(status, text.encode(), "application/json")
    response.headers.append((HONOURS_IDEMPOTENCY, "true"))
    return response


def refusal(fault: Fault) -> Response:
    """Returns the response that says why a request is refused."""
    detail = ErrorDetail(message=fault.message, type=fault.type, param=fault.param, code=fault.code)
    response = json_response(fault.status, json.dumps(encode(ErrorBody(error=detail))))
    if fault.status == 401:
        response.headers.append(("www-authenticate", _REALM))
    if fault.retry_after is not None:
        response.headers.append(("retry-after", str(fault.retry_after)))
    return response


def download(content: FileContent) -> Response:
    """Returns the response with a file's content."""
    headers = [
        ("content-type", "application/octet-stream"),
        ("content-length", str(content.file.bytes)),
        ("content-disposition", _attachment(content.file.filename)),
        # So that no browser shows an upload as a page of this server's: uploads are untrusted.
        ("x-content-type-options", "nosniff"),
    ]
    return Response(200, headers, content)


def _attachment(name: str) -> str:
    """Returns the header with both forms of a file's name: some programs read the first only."""
    plain = name.encode("ascii", "replace").decode().translate(_UNQUOTABLE)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def event_stream(events: RunEvents) -> Response:
    """Returns the response with the events of a run."""
    headers = [
        ("content-type", "text/event-stream; charset=utf-8"),
        (HONOURS_IDEMPOTENCY, "true"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),  # a proxy would buffer events
    ]
    return Response(200, headers, events)


def refusing(fault: Fault) -> WSGIApplication:
    """Returns an application that responds to every request with this fault."""

    def refuse(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = refusal(fault)
        response.headers += signature(record_of(environ).request_id)
        return response(environ, start_response)

    return refuse


def signature(request_id: str, seconds: float = 0.0) -> list[tuple[str, str]]:
    """Returns the headers that every response has, whoever sends it: programs log them.

    Args:
        request_id: The id of the request.
        seconds: The time that passed until the response began.
    """
    return [
        ("x-request-id", request_id),
        ("openai-processing-ms", str(round(1000 * seconds))),
        ("openai-version", _VERSION),
        ("openai-organization", _ORGANIZATION),
    ]
