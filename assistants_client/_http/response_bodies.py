"""The bodies of responses: whole, in large blocks, or each block as soon as it has come.

What the bytes mean does not belong here.
"""

from __future__ import annotations

import io
import re
import ssl
from collections.abc import Iterator
from http import client

import requests
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError, SSLError

from assistants_client._http.error_mapping import cut_short

_BLOCK = 1024 * 1024
#: The maximum number of bytes in one read from the socket of a stream.
_PROMPT = 64 * 1024
#: The size of a chunk, without extensions.
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_CRLF = b"\r\n"


def whole(response: requests.Response, method: str, path: str, max_bytes: int) -> bytes | None:
    """Returns the whole body, or ``None``, without reading on, if it exceeds ``max_bytes``.

    Raises:
        APIError: As :func:`blocks`.
    """
    announced = announced_length(response)
    if announced > max_bytes:
        return None
    if announced and _is_as_announced(response):
        try:
            made: bytes = response.raw.read(decode_content=False)
        except (HTTPError, OSError) as error:
            response.close()
            raise cut_short(error, response, method, path) from error
        return made
    parts: list[bytes] = []
    size = 0
    for part in blocks(response, method, path):
        size += len(part)
        if size > max_bytes:
            return None
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _is_as_announced(response: requests.Response) -> bool:
    """Returns whether the body is still on its socket, and no longer than it was announced.

    A hook or an adapter of a user's session may have read it, which requests notes. A body in
    chunks is as long as they are, whatever was announced.
    """
    raw = response.raw
    is_read = getattr(response, "_content_consumed", True)
    is_coded = "Content-Encoding" in response.headers
    return not (is_read or is_coded) and _of_socket(raw) is not None and not raw.chunked


def announced_length(response: requests.Response) -> int:
    """Returns the ``Content-Length`` of a response, or 0."""
    announced = response.headers.get("Content-Length", "")
    return int(announced) if announced.isdecimal() and len(announced) < 20 else 0


def blocks(response: requests.Response, method: str, path: str) -> Iterator[bytes]:
    """Yields the body of a response in blocks of up to 1 MiB.

    Raises:
        APIResponseError: It was cut short.
        APITimeoutError: It stalled.
        APIConnectionError: The connection broke.
    """
    # urllib3 2 does so by default; older ones accept a truncated response.
    response.raw.enforce_content_length = True
    try:
        yield from response.iter_content(_BLOCK)
    except (requests.RequestException, HTTPError, OSError) as error:
        response.close()
        raise cut_short(error, response, method, path) from error


def prompt_blocks(response: requests.Response, method: str, path: str) -> Iterator[bytes]:
    """Yields the body of a response as its bytes arrive, without waiting for full blocks.

    Raises:
        APIError: As :func:`blocks`.
    """
    raw = response.raw
    # Since urllib3 2; the responses of some fakes have another of that name.
    read1 = isinstance(raw, HTTPResponse) and getattr(raw, "read1", None)
    try:
        if isinstance(raw, io.BufferedIOBase):  # of an engine in this process
            while block := raw.read1(_PROMPT):
                yield block
            return
        if not read1:
            raw.enforce_content_length = True  # see blocks()
            # Older ones wait for a full block, unless a header gives the end of the body.
            ends = ("Content-Length", "Transfer-Encoding")
            has_end = any(name in response.headers for name in ends)
            yield from response.iter_content(_PROMPT if has_end else 1)
            return
        # Decoding costs a copy of each block; we have asked for an identity encoding.
        is_encoded = "Content-Encoding" in response.headers
        if not is_encoded:
            yield from _chunks(raw)
        while block := read1(_PROMPT, decode_content=is_encoded):
            yield block
    except (requests.RequestException, HTTPError, OSError) as error:
        response.close()
        raise cut_short(error, response, method, path) from error


def _of_socket(raw: object) -> client.HTTPResponse | None:
    """Returns the standard library's response below urllib3's; those of fakes have none."""
    inner = getattr(raw, "_fp", None) if isinstance(raw, HTTPResponse) else None
    return inner if isinstance(inner, client.HTTPResponse) else None


def _chunks(raw: HTTPResponse) -> Iterator[bytes]:
    """Yields the chunks of a chunked response, if they come from a socket; those at hand together.

    urllib3's own ``read1`` does the same, and costs ten times as much: it has the errors below,
    and gives the connection back at the end, for which it is called after this.
    """
    inner = _of_socket(raw)
    if inner is None or not raw.chunked:
        return
    try:
        while block := _chunks_at_hand(inner) or inner.read1(_PROMPT):
            yield block
    except TimeoutError as error:
        raise ReadTimeoutError(None, None, "Read timed out.") from error  # type: ignore[arg-type]  # as urllib3
    except ssl.SSLError as error:
        raise SSLError(error) from error
    except (client.HTTPException, OSError) as error:
        raise ProtocolError(f"Connection broken: {error!r}", error) from error


def _chunks_at_hand(inner: client.HTTPResponse) -> bytes:
    """Returns the content of the whole chunks in the buffer, which it waits for if that is empty.

    Nothing where another chunk is first: one of which more is to come, the last, or one with
    extensions. It is left in the buffer, for ``http.client``.
    """
    buffer: object = inner.fp
    # Of a chunk that was read in part, the rest is read there. Its end may be left here.
    if not isinstance(buffer, io.BufferedReader) or inner.chunk_left:
        return b""
    held = buffer.peek()
    start = 0 if inner.chunk_left is None else len(_CRLF)
    if held[:start] != _CRLF[:start]:
        return b""
    contents = []
    while size := _CHUNK_SIZE.match(held, start):
        begin = size.end()
        end = begin + int(size[1], 16)
        if begin == end or held[end : end + len(_CRLF)] != _CRLF:
            break
        contents.append(held[begin:end])
        start = end + len(_CRLF)
    if contents:
        buffer.read(start)
        inner.chunk_left = None
    return b"".join(contents)
