"""One line of the log for each request: its method, path, status, duration, size, tenant and id.

No query, no header and no body is in it: they may hold a key, or what users write.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from attrs import define, field

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LONGEST_PATH: Final = 500

#: A name of its own: it is what programs silence, or write elsewhere.
ACCESS_LOGGER: Final = "assistants_client.access"
_log = logging.getLogger(ACCESS_LOGGER)


@define(kw_only=True)
class RequestRecord:
    """A request, as far as it is known; times are by ``time.perf_counter``.

    Attributes:
        method: Its method, as it came.
        path: Its path, decoded.
        request_id: Its id, which the response has as well.
        is_quiet: Whether it is logged as a detail only: probes, and calls within this process.
        route: The pattern of its path; empty where there is none.
        status: The status of the response; 0 where there was none.
        is_stream: Whether the response is an event stream.
        tenant: The name of the stored token that it came with, if it came with one.
        bytes: The bytes of the response's body that were sent so far.
        ids: The ids that the log knows of it.
        seconds_to_response: From its beginning until its response began.
    """

    method: str
    path: str
    request_id: str
    is_quiet: bool = False
    route: str = ""
    status: int = 0
    is_stream: bool = False
    tenant: str | None = None
    bytes: int = 0
    ids: Mapping[str, str] = field(factory=dict)
    seconds_to_response: float = 0.0
    began: float = field(factory=time.perf_counter)

    def mark_answered(self, ids: Mapping[str, str]) -> None:
        """Notes that its response begins, and the ids that are known by then."""
        self.seconds_to_response = time.perf_counter() - self.began
        self.ids = ids

    @property
    def known_method(self) -> str:
        """The method, of which there are few; else ``other``."""
        return self.method if self.method in _METHODS else "other"


def log_request(record: RequestRecord) -> None:
    """Logs a request whose response has been sent to its end."""
    level = logging.DEBUG if record.is_quiet else logging.INFO
    if not _log.isEnabledFor(level):
        return
    # Decoded, it may hold line ends.
    path = quote(record.path, safe="/!$&'()*+,;=:@")[:_LONGEST_PATH]
    method = quote(record.method)[:_LONGEST_PATH]
    milliseconds = round(1000 * (time.perf_counter() - record.began), 1)
    _log.log(
        level,
        "%s %s %d %g ms %d bytes%s",
        method,
        path,
        record.status,
        milliseconds,
        record.bytes,
        "" if record.tenant is None else f" token {record.tenant}",
        extra={
            **record.ids,
            "method": method,
            "path": path,
            "status": record.status,
            "duration_ms": milliseconds,
            "bytes": record.bytes,
            "token": record.tenant,
        },
    )
