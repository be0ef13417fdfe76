"""A ``requests`` adapter that calls the engine in this process instead of sending over the network.

The only file that sees both sides. Nothing is decided here: a prepared request becomes a WSGI call,
and its result becomes a response. A caller's timeouts do not apply to such a call: it waits for
the database alone, which has a timeout of its own.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

from assistants_client.engine.http.app import IN_PROCESS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

#: Headers that have names of their own in an environ.
_UNPREFIXED: Final = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


class EngineAdapter(BaseAdapter):
    """Sends requests to a WSGI application, such as an ``Engine``.

    Args:
        application: The application. It is not closed with the adapter: whoever made it may have
            other uses for it.
    """

    def __init__(self, application: WSGIApplication) -> None:
        super().__init__()
        self._application = application

    def send(  # noqa: PLR0917 - the signature is requests'
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """Calls the application; the response's body is read as it is asked for.

        Raises:
            ConfigurationError: The engine's database cannot be opened.
            Exception: What the request's body raised while it was read.
        """
        failed: list[Exception] = []
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: object = None, /
        ) -> Any:
            started.append((status, headers))
            return None

        body = self._application(_environ(request, failed), start_response)
        if failed:
            close = getattr(body, "close", None)
            if close is not None:
                close()
            raise failed[0]
        status, headers = started[-1]
        code, _, reason = status.partition(" ")
        response = Response()
        response.status_code = int(code)
        response.reason = reason
        for name, value in headers:
            response.headers[name] = value
        response.encoding = get_encoding_from_headers(response.headers)
        response.url = request.url or ""
        response.request = request
        response.raw = _ResponsePieces(body, response)
        if "Content-Encoding" in response.headers:  # of an application around an engine
            response.raw = urllib3_response(response)
        return response

    def watching(self, run_id: str, settled: Callable[[], object]) -> AbstractContextManager[None]:
        """Has a function called, within the block, when a run settles, as ``Engine.watching``.

        An application that is no engine, such as one around it, does not call it.
        """
        watching = getattr(self._application, "watching", None)
        return nullcontext() if watching is None else watching(run_id, settled)

    def close(self) -> None:
        """Does nothing: there is no connection to close."""


def urllib3_response(response: Response) -> HTTPResponse:
    """Returns a response of :class:`EngineAdapter` as urllib3 has it, which decodes its body."""
    return HTTPResponse(
        response.raw,
        headers=response.headers,
        status=response.status_code,
        reason=response.reason,
        preload_content=False,
        request_method=response.request.method,
    )


def _environ(request: PreparedRequest, failed: list[Exception]) -> WSGIEnvironment:
    """Returns the environ; what the request's body raises when it is read goes to ``failed``."""
    url = urlsplit(request.url or "")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": request.method or "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname or "localhost",
        "SERVER_PORT": str(url.port or (443 if url.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": _input(request.body, failed),
        # The input ends by itself, also where no header gives its length.
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        IN_PROCESS: True,
    }
    for name, value in request.headers.items():
        environ[_key(name)] = value.decode("latin-1") if isinstance(value, bytes) else value
    return environ


@lru_cache(maxsize=100)  # clients send the same ones all the time
def _key(header: str) -> str:
    """Returns a header's name in an environ."""
    key = header.upper().replace("-", "_")
    return key if key in _UNPREFIXED else f"HTTP_{key}"


def _input(body: Any, failed: list[Exception]) -> Any:
    """Returns a prepared request's body as a file; it may be text, bytes, a file, or pieces."""
    if isinstance(body, str):
        body = body.encode()
    if body is None or isinstance(body, (bytes, bytearray)):
        return io.BytesIO(body or b"")
    return body if hasattr(body, "read") else _Pieces(_recorded(body, failed))


def _recorded(pieces: Iterable[bytes], failed: list[Exception]) -> Iterator[bytes]:
    """Yields the pieces. To the application one that fails looks like a broken connection."""
    try:
        yield from pieces
    except Exception as error:
        failed.append(error)
        raise ConnectionResetError("the body broke off") from error


class _Pieces(io.BufferedIOBase):
    """Pieces of bytes, read as a file: no read waits for more than it returns."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._source = pieces
        self._pieces: Iterator[bytes] = iter(pieces)
        self._piece = b""
        #: So much of the piece was read.
        self._at = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Returns so many bytes, or all; fewer at the end only."""
        missing = sys.maxsize if size is None or size < 0 else size
        parts: list[bytes] = []
        while missing and (part := self.read1(missing)):
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read1(self, size: int = -1, /) -> bytes:
        """Returns what is left of a piece, of the next one where that is nothing."""
        while self._at == len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                self.close()
                return b""
            self._piece, self._at = piece, 0
        begin = self._at
        end = self._at = len(self._piece) if size < 0 else min(begin + size, len(self._piece))
        return self._piece[begin:end]

    def close(self) -> None:
        if not self.closed:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()
        super().close()


class _ResponsePieces(_Pieces):
    """A response's body, with what callers read of urllib3's: to make one of those takes longer.

    Attributes:
        status: The HTTP status.
        reason: Its phrase.
        headers: The headers.
    """

    def __init__(self, pieces: Iterable[bytes], response: Response) -> None:
        super().__init__(pieces)
        self.status = response.status_code
        self.reason = response.reason
        self.headers = response.headers

    def read1(self, size: int = -1, /) -> bytes:
        """Returns what is left of a piece, of the next one where that is nothing.

        Raises:
            ProtocolError: The application has broken off, as urllib3 has it.
        """
        try:
            return super().read1(size)
        except OSError as error:
            raise ProtocolError(f"Connection broken: {error!r}", error) from error
