"""The usual head of a response, read without a parser of mail.

``http.client`` has the package ``email`` parse heads, which takes a tenth of the time of a call.
Only speed belongs here: a head in any other form is left to ``http.client``, unread.
"""

from __future__ import annotations

import io
import re
from http import client
from typing import Any

#: A status line, and fields of one line each.
_HEAD = re.compile(rb"HTTP/1\.1 ([2-5]\d\d) ([^\r\n]*)\r\n((?:[!-9;-~]+:[^\r\n]*\r\n)+)\r\n")
#: Statuses of responses that have no body, whatever their fields say.
_WITHOUT_BODY = (204, 304)
_MOST_FIELDS = 100  # as in http.client


class QuickHead(client.HTTPResponse):
    """A response of ``http.client`` that reads the usual head by itself."""

    def begin(self, **options: Any) -> None:
        """See ``http.client``."""
        if self.headers is not None or not self._read_usual_head():
            super().begin(**options)

    def _read_usual_head(self) -> bool:
        """Reads the head; returns false, and leaves it unread, if it is not a usual one."""
        buffer: object = self.fp  # which it may not be over other libraries' sockets
        is_of_head = self._method == "HEAD"  # type: ignore[attr-defined]  # has no public name
        if not isinstance(buffer, io.BufferedReader) or self.debuglevel or is_of_head:
            return False
        found = _HEAD.match(buffer.peek())
        if found is None:
            return False
        status, reason, fields = found.groups()
        lines = fields.decode("latin-1").split("\r\n")[:-1]
        headers = client.HTTPMessage()
        for line in lines:
            name, _, value = line.partition(":")
            headers[name] = value.lstrip(" \t")
        is_chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        length = headers.get("content-length", "")
        has_length = length.isdecimal() and len(length) < 20
        has_body = int(status) not in _WITHOUT_BODY
        if not (has_body and (is_chunked or has_length) and len(lines) < _MOST_FIELDS):
            return False
        self.code = self.status = int(status)
        self.reason = reason.decode("latin-1").strip()
        self.version = 11
        self.headers = self.msg = headers
        self.chunked, self.chunk_left = is_chunked, None
        self.length = None if is_chunked else int(length)
        self.will_close = "close" in headers.get("connection", "").lower()
        buffer.read(found.end())
        return True
