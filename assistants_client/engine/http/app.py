"""The engine's HTTP face: authentication, and the way from a request to its response.

No rule about any object and no SQL belongs here.
"""

from __future__ import annotations

import hmac
import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import closing
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wsgi import get_content_length, get_path_info

from assistants_client._protocol import ENGINE_POLL_AFTER_MS
from assistants_client.engine.events.stream_state import RUN
from assistants_client.engine.faults import Fault
from assistants_client.engine.http.observed_requests import record_of
from assistants_client.engine.http.post_requests import PostHandler
from assistants_client.engine.http.responses import (
    Response,
    download,
    event_stream,
    json_response,
    refusal,
    signature,
)
from assistants_client.engine.http.routes import ROUTES, Call, Services
from assistants_client.engine.http.routing import Router
from assistants_client.engine.http.token_cache import TokenCache
from assistants_client.engine.observability.access_log import RequestRecord
from assistants_client.engine.observability.log_context import bind_ids
from assistants_client.engine.services._base import Caller, Context
from assistants_client.engine.services._contents import FileContent
from assistants_client.engine.services.idempotency_keys import IdempotencyKeys
from assistants_client.engine.services.tokens import KnownTokens
from assistants_client.engine.storage.outages import retried
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.models._base import JsonObject
from assistants_client.models.runs import FINAL_STATUSES, Run

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: Larger bodies are refused unread, in bytes.
MAX_BODY: Final = 64 * 1024 * 1024
#: In the environ of a call from this very process, which needs no key. No HTTP request can set it.
IN_PROCESS: Final = "assistants_client.in_process"
#: In the environ of a request that is to be refused, for its body was not read: see ``App.admits``.
UNREAD: Final = "assistants_client.unread"
#: A body of so many bytes is hardly more than its request's head.
_SHORT_BODY: Final = 64 * 1024
#: The services of so many callers are at hand.
_CALLERS: Final = 1000

#: When to poll a run again: after this part of its age, within these bounds in seconds.
_POLL_SHARE: Final = 0.1
_POLL_MINIMUM: Final = 0.02
_POLL_MAXIMUM: Final = 1.0

#: A path may begin with the version, or with the prefixes of Azure's clients.
_BASE: Final = re.compile(r"^(/v1)?(/openai(/v1|/deployments/[^/]+)?)?(?=/|$)")
_UNKNOWN_URL: Final = (
    "Invalid URL ({method} {path}). Only the Assistants API is served here: assistants, threads, "
    "runs, files and vector stores. Other calls, such as chat completions, embeddings and "
    "moderations, need a client of their own, with the base URL of the server that has them."
)

#: What an outage interrupts is done again; of a POST post_requests.py knows what that is.
_ROUTER: Final = Router(
    (method, path, handler if method == "POST" else retried(handler))
    for method, path, handler in ROUTES
)

_log = logging.getLogger(__name__)


class App:
    """A WSGI application that serves the protocol.

    Paths may begin with ``/v1``, or as Azure's clients have it with ``/openai``,
    ``/openai/deployments/NAME`` or ``/openai/v1``, and end with a slash.

    Args:
        context: The context of the services.
        token: The token that every request must have that has none of the stored ones; ``None``
            asks for none as long as none is stored.
    """

    def __init__(self, context: Context, *, token: str | None = None) -> None:
        self._handlers = handlers_by_caller(context)
        self._stored_tokens = TokenCache(context.database)
        self._clock = context.clock
        self._token = None if token is None else token.encode()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request."""
        began, record = time.perf_counter(), record_of(environ)
        record.is_quiet = environ.get(IN_PROCESS) is True
        try:
            response = self._respond(environ, record)
        except Fault as fault:
            response = refusal(fault)
        except Exception:
            _log.exception("%s %s failed (%s)", record.method, record.path, record.request_id)
            response = refusal(
                Fault(
                    500,
                    "The server had an error while processing your request "
                    f"(request id {record.request_id}).",
                    type="server_error",
                )
            )
        response.headers += signature(record.request_id, time.perf_counter() - began)
        return response(environ, start_response)

    def _respond(self, environ: WSGIEnvironment, record: RequestRecord) -> Response:
        caller = self._caller(environ)
        record.tenant = caller.tenant
        services, posts = self._handlers(caller)
        method, shown = environ["REQUEST_METHOD"].upper(), "/" + get_path_info(environ).lstrip("/")
        # A base URL that ends with a slash makes two of them.
        path = "/" + _BASE.sub("", shown, count=1).removesuffix("/").lstrip("/")
        routes = _ROUTER.find(path)
        if not routes:
            message = _UNKNOWN_URL.format(method=method, path=shown)
            raise Fault(404, message, "unknown_url")
        route = routes.get(method)
        if route is None:
            response = refusal(Fault(405, f"Not allowed to {method} on {shown}."))
            response.headers.append(("allow", ", ".join(routes)))
            return response
        record.route, ids = route.pattern, route.ids(path)
        bind_ids(run_id=ids.get("run_id"), thread_id=ids.get("thread_id"))
        try:
            with closing(Call(environ, path, ids, MAX_BODY)) as call:
                if method == "POST":
                    result = posts.handle(route.handler, call)
                    made = result.made
                    run = _run_in(made)
                    if run is not None:  # also one that is created here
                        bind_ids(run_id=run["id"], thread_id=run["thread_id"])
                    if result.stream is not None:
                        record.is_stream = True
                        return event_stream(result.stream)
                else:
                    found = route.handler(services, call)
                    if isinstance(found, FileContent):
                        return download(found)
                    made = StoredJson.of(found)
                    run = _run_in(made)
        except RequestEntityTooLarge:
            message = f"The body is larger than the maximum of {MAX_BODY} bytes."
            raise Fault(413, message, "request_too_large") from None
        except HTTPException as error:
            raise Fault(error.code or 400, error.description or error.name) from None
        response = json_response(200, made.text)
        if run is not None and run["status"] not in FINAL_STATUSES:
            response.headers.append((ENGINE_POLL_AFTER_MS, str(self._poll_after(run))))
        return response

    def _caller(self, environ: WSGIEnvironment) -> Caller:
        """Returns who sends a request.

        Raises:
            Fault: A token is asked for, and none was sent or another one.
        """
        if environ.get(IN_PROCESS) is True:
            return Caller()
        given = _tokens_of(environ)
        if self._is_token(given):
            return Caller()
        if self._token is None and not self._stored_tokens.current(given).are_required:
            return Caller()
        if not given:
            message = (
                "You didn't provide an API key: send the header 'Authorization: Bearer KEY' (or "
                "'api-key: KEY')."
            )
            raise Fault(401, message, "missing_api_key")
        stored = self._stored_tokens.current(given)
        caller = next(filter(None, map(stored.find, given)), None)
        if caller is None:
            raise Fault(401, "Incorrect API key provided.", "invalid_api_key")
        if environ.get(UNREAD) is True and (get_content_length(environ) or 0) <= MAX_BODY:
            message = "This API key was not known yet when the request came. Send it again."
            raise Fault(503, message, type="server_error", retry_after=1)
        return caller

    def admits(self, environ: Mapping[str, Any]) -> bool:
        """Returns whether a request has a token that is asked for, if one is; it hardly waits.

        Where it is false, the request is refused, also if its token has just been made. Where it
        is true, ``_caller`` looks at it again when its body has come: who sends a short one is
        admitted by what is known, however old, rather than have everyone wait for the database.

        Args:
            environ: The headers of a request, in WSGI's names.
        """
        given = _tokens_of(environ)
        if self._is_token(given):
            return True
        if self._token is not None and not given:
            return False
        length = environ.get("CONTENT_LENGTH")  # none where the body comes in chunks
        last = self._stored_tokens.last
        if length and int(length) <= _SHORT_BODY and last is not None and self._admits(given, last):
            return True
        return self._admits(given, self._stored_tokens.at_hand(given))

    def _admits(self, given: Collection[str], stored: KnownTokens | None) -> bool:
        if self._token is None and (stored is None or not stored.are_required):
            return True
        return stored is not None and any(map(stored.find, given))

    def require_all_access(self, environ: WSGIEnvironment) -> None:
        """Refuses a request whose token is missing, wrong, or isolated: it asks for everybody's.

        Raises:
            Fault: 401 or 403.
        """
        if self._caller(environ).is_isolated:
            raise Fault(403, "This API key sees its own objects only.", "insufficient_permissions")

    def requires_token(self) -> bool:
        """Returns whether every request must have a token.

        Raises:
            Fault: 503: the database cannot be read for the moment.
        """
        return self._token is not None or self._stored_tokens.current().are_required

    def _is_token(self, given: Iterable[str]) -> bool:
        """Returns whether one of these is the engine's own token."""
        own = self._token
        return own is not None and any(hmac.compare_digest(key.encode(), own) for key in given)

    def _poll_after(self, run: JsonObject) -> int:
        """Returns the milliseconds after which to poll the run again."""
        age: float = self._clock() - (run["started_at"] or run["created_at"])
        return round(1000 * min(max(_POLL_SHARE * age, _POLL_MINIMUM), _POLL_MAXIMUM))


def handlers_by_caller(context: Context) -> Callable[[Caller], tuple[Services, PostHandler]]:
    """Returns what gives each caller's services, and what handles its POSTs."""
    keys = IdempotencyKeys(context)

    @lru_cache(maxsize=_CALLERS)
    def handlers(caller: Caller) -> tuple[Services, PostHandler]:
        its = evolve(context, caller=caller)
        services = Services(its)
        return services, PostHandler(its, services, keys)

    return handlers


def _tokens_of(environ: Mapping[str, Any]) -> list[str]:
    """Returns the tokens that a request has; two headers can give one."""
    scheme, _, bearer = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    # The second is how Azure's clients send it.
    given = [bearer if scheme.lower() == "bearer" else "", environ.get("HTTP_API_KEY", "")]
    return [key for key in map(str.strip, given) if key]


def _run_in(made: StoredJson[Any]) -> JsonObject | None:
    """Returns the document of a run; ``None`` where it is another object, which is not parsed."""
    if made.cls not in (Run, dict) or made.document.get("object") != RUN:
        return None
    return made.document
