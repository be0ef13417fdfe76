"""A request as it arrives on a connection: waitress' parser, with a strict end and deadlines.

When bytes are read, and what is done with a whole request, is waitress_server.py's.
"""

# The stubs that type checkers have of waitress are of an old release.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportIndexIssue=false

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import Error, RequestHeaderFieldsTooLarge

#: So many seconds a request's head may take from its first byte on.
HEAD_SECONDS: Final = 30.0
#: So many seconds a body may take, and one more for each ``BODY_RATE`` bytes that have come.
BODY_SECONDS: Final = 60.0
BODY_RATE: Final = 16 * 1024
#: A head has less bytes, and at most so many lines.
MAX_HEAD: Final = 64 * 1024
MAX_HEAD_LINES: Final = 100

#: Returns whether a request of this path is refused whatever its body is, by its headers in WSGI's
#: names.
RefusesEarly: TypeAlias = Callable[[str, Mapping[str, str]], bool]


class _TimeoutError(Error):  # type: ignore[misc]  # waitress has no types
    code = 408
    reason = "Request Timeout"


class ArrivingRequest(HTTPRequestParser):  # type: ignore[misc]  # likewise
    """A request that arrives; about where it ends it is more strict than waitress."""

    error: Any
    completed: bool
    expect_continue: bool

    def __init__(self, adj: Adjustments, *, refuses_early: RefusesEarly) -> None:
        super().__init__(adj)
        self._refuses_early = refuses_early
        self._head_since = self._body_since = math.inf
        #: Whether the response is sent before all of it has come.
        self.is_cut: bool = False

    def received(self, data: bytes) -> int:
        """See waitress."""
        self._head_since = min(self._head_since, time.monotonic())
        if self.headers_finished:
            return super().received(data)  # type: ignore[no-any-return]  # likewise
        consumed: int = super().received(data)
        if self.headers_finished and not self.error and not self.empty:
            self._body_since = time.monotonic()
            self._check_head()
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        """See waitress."""
        super().parse_header(header_plus)
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length and Transfer-Encoding exclude each other")
        if "TRANSFER_ENCODING" in self.headers:  # left there by waitress when it is not read
            raise ParsingError(f"HTTP/{self.version} has no Transfer-Encoding")
        if self.proxy_netloc:  # RFC 9112, 3.2.2: the host of the target is the one that is meant
            self.headers["HOST"] = self.proxy_netloc
        self._lines = header_plus.count(b"\n")

    def _check_head(self) -> None:
        if self._lines > MAX_HEAD_LINES:
            self.error = RequestHeaderFieldsTooLarge(f"The maximum is {MAX_HEAD_LINES} headers")
            self.completed = True
        elif not self.completed:
            environ = {f"HTTP_{name}": value for name, value in self.headers.items()}
            environ["CONTENT_LENGTH"] = self.headers.get("CONTENT_LENGTH", "")
            # The application refuses it without its body.
            if self._refuses_early(self.path, environ):
                self.headers["CONNECTION"] = "close"
                self.expect_continue, self.completed, self.is_cut = False, True, True

    def give_up_if_late(self, now: float) -> bool:
        """Completes a request with an error that takes too long to arrive.

        Args:
            now: The time by ``time.monotonic``.
        """
        if not self.headers_finished:
            if now - self._head_since <= HEAD_SECONDS:
                return False
            self.parse_header(b"GET / HTTP/1.0\r\n")  # its attributes are expected to be there
        elif now - self._body_since <= BODY_SECONDS + self.body_bytes_received / BODY_RATE:
            return False
        self.error = _TimeoutError("The request took too long to arrive")
        self.completed = True
        return True
