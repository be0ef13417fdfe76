"""The paths beside the protocol's by which a process is watched: its life, readiness, metrics.

What is checked and counted is given. Without a token are only those that say nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from assistants_client.engine.faults import Fault
from assistants_client.engine.http.observed_requests import record_of
from assistants_client.engine.http.responses import Response, refusing, whole

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

#: The process lives: no database is asked.
HEALTHZ: Final = "/healthz"
#: It can serve.
READYZ: Final = "/readyz"
METRICS: Final = "/metrics"
#: What can be missing while requests are served: without it, workers look into the database.
_DISPENSABLE: Final = frozenset({"broker"})
SERVICE_PATHS: Final = frozenset({HEALTHZ, READYZ, METRICS})


def service_endpoint(
    environ: WSGIEnvironment,
    *,
    missing: Callable[[], Mapping[str, str]],
    exposition: Callable[[], tuple[bytes, str]] | None,
    require_all_access: Callable[[WSGIEnvironment], None],
) -> WSGIApplication | None:
    """Returns what serves a request, if its path is one of these.

    Args:
        environ: The request.
        missing: Returns what is missing of all that is used, and why.
        exposition: Returns the metrics and their content type; ``None`` where there are none.
        require_all_access: Refuses a request whose token is missing, wrong, or isolated.
    """
    path = environ.get("PATH_INFO")
    if path not in {HEALTHZ, READYZ} and (path != METRICS or exposition is None):
        return None
    record = record_of(environ)
    record.route, record.is_quiet = path, True
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        response = _answer(405, {"status": "not allowed"})
        response.headers.append(("allow", "GET, HEAD"))
    elif path == HEALTHZ:
        response = _answer(200, {"status": "ok"})
    elif path == READYZ:
        found = dict(missing())
        is_ready = found.keys() <= _DISPENSABLE
        document = {"status": "ready" if is_ready else "not ready"}
        response = _answer(
            200 if is_ready else 503, {**document, "missing": found} if found else document
        )
    else:
        try:
            require_all_access(environ)
        except Fault as fault:
            return refusing(fault)
        content, content_type = exposition() if exposition is not None else (b"", "")
        response = whole(200, content, content_type)
    return response


def _answer(status: int, document: Mapping[str, object]) -> Response:
    response = whole(status, json.dumps(document).encode(), "application/json")
    response.headers.append(("cache-control", "no-store"))
    return response
