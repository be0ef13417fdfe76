"""Serves the page, on which people see and run what is stored: the static files of ``engine/page``.

The files hold no data, so no token is asked for here: the page's script asks its reader for one,
and sends it with every request to the protocol's operations. No rule about any object belongs here.

The page is plain ES modules, without a library or a build step. htmx wants a server that responds
with fragments of HTML, and this one speaks the protocol's JSON alone. Alpine evaluates expressions
in attributes, which the Content-Security-Policy below forbids, or needs a build of its own that
forbids most of them. Preact without JSX needs htm beside it; both together would be one more thing
to keep up to date in a package without them, while the only list that changes many times a second,
the text of an answer, is appended to by hand in either case. What remains of a library is to make
elements, which is one function (``dom.js``), and since that has no way to set HTML, whatever a
model or a user wrote is text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from attrs import frozen

from assistants_client.engine.faults import Fault
from assistants_client.engine.http.observed_requests import record_of
from assistants_client.engine.http.responses import Response, refusal, signature, whole

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_FOLDER: Final = Path(__file__).parents[1] / "page"
_INDEX: Final = "/"
#: The files beside the index are below it, by their names.
_BELOW: Final = "/page/"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_HEADERS: Final = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    # Asked for again each time, and answered 304: after an upgrade no two versions meet.
    ("cache-control", "no-cache"),
)


@frozen
class _StaticFile:
    content: bytes
    content_type: str
    etag: str


def page_response(environ: WSGIEnvironment) -> WSGIApplication | None:
    """Returns what serves a request, if its path is of the page or of one of its files."""
    path: str = environ.get("PATH_INFO", "")
    prefix: str = environ.get("SCRIPT_NAME", "")
    file = _files().get(path or _INDEX)
    if file is None:
        return None
    record = record_of(environ)
    record.route, record.is_quiet = path or _INDEX, path.startswith(_BELOW)
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        method = environ["REQUEST_METHOD"]
        response = refusal(Fault(405, f"Not allowed to {method} on {prefix}{path or _INDEX}."))
        response.headers.append(("allow", "GET, HEAD"))
    elif not path and prefix:
        response = _redirect(prefix)
    elif _is_known(environ.get("HTTP_IF_NONE_MATCH", ""), file.etag):
        response = Response(304, [("etag", file.etag), *_HEADERS])
    else:
        response = whole(200, file.content, file.content_type)
        response.headers += [("etag", file.etag), *_HEADERS]
    response.headers += signature(record.request_id)
    return response


def is_visit(environ: Mapping[str, object]) -> bool:
    """Returns whether a request opens the page in a window of a browser, such as by a link.

    The page of another site that has the link learns nothing by that, and it cannot frame the page.
    """
    return (
        environ.get("PATH_INFO") in {"", _INDEX}
        and environ.get("REQUEST_METHOD") in {"GET", "HEAD"}
        and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        and environ.get("HTTP_SEC_FETCH_DEST") == "document"
    )


@cache
def _files() -> Mapping[str, _StaticFile]:
    """Returns the files by the paths that they are served at."""
    found = {}
    for file in _FOLDER.iterdir():
        if file.suffix in _TYPES:
            content = file.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            path = _INDEX if file.name == "index.html" else _BELOW + file.name
            found[path] = _StaticFile(content, _TYPES[file.suffix], etag)
    return found


def _is_known(given: str, etag: str) -> bool:
    """Returns whether a browser says that it has the file; a proxy may have made its tag weak."""
    return etag in {one.strip().removeprefix("W/") for one in given.split(",")}


def _redirect(prefix: str) -> Response:
    """Returns the redirect to the slash behind a prefix, which relative addresses need.

    It is relative itself: a proxy may have put the application elsewhere.
    """
    last = quote(prefix.rpartition("/")[2].encode("latin-1"))
    return Response(308, [("location", f"./{last}/"), ("content-length", "0"), *_HEADERS])
