"""The engine's HTTP face: authentication, routing, responses.

No rule about any object and no SQL belongs here. With ``routes.py`` and ``in_process_adapter.py``
this is the only place that uses Werkzeug.
"""

from __future__ import annotations

import hmac
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from attrs import evolve
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from assistants_client._protocol import ENGINE_POLL_AFTER_MS, HONOURS_IDEMPOTENCY
from assistants_client.engine.events.event_stream import RunEvents
from assistants_client.engine.events.stream_state import RUN
from assistants_client.engine.faults import Fault
from assistants_client.engine.http.observed_requests import record_of
from assistants_client.engine.http.post_requests import PostHandler
from assistants_client.engine.http.routes import ROUTES, Call, Services
from assistants_client.engine.http.token_cache import TokenCache
from assistants_client.engine.http.upload_form import UploadForm
from assistants_client.engine.observability.access_log import RequestRecord
from assistants_client.engine.observability.log_context import bind_ids
from assistants_client.engine.services._base import Caller, Context
from assistants_client.engine.services._contents import FileContent
from assistants_client.engine.services.idempotency_keys import IdempotencyKeys
from assistants_client.engine.storage.outages import retried
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.models._base import JsonObject
from assistants_client.models.error_body import ErrorBody, ErrorDetail
from assistants_client.models.runs import FINAL_STATUSES, Run

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Larger bodies are refused unread, in bytes.
MAX_BODY: Final = 64 * 1024 * 1024
#: In the environ of a call from this very process, which needs no key. No HTTP request can set it.
IN_PROCESS: Final = "assistants_client.in_process"
#: In the environ of a request that is to be refused, for its body was not read: see ``App.admits``.
UNREAD: Final = "assistants_client.unread"
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

#: The version that every response of OpenAI's had.
_VERSION: Final = "2020-10-01"
#: The value of ``www-authenticate``.
_REALM: Final = 'Bearer realm="OpenAI API"'
#: The organization of every caller: the engine has no other, and programs read the header.
_ORGANIZATION: Final = "assistants-engine"

#: Characters that programs write differently within quotes, and those that no header may have.
_UNQUOTABLE: Final = dict.fromkeys((*range(32), *map(ord, '"\\%'), 127), "_")

#: Compiled once: that takes longer than all else that an engine needs to begin.
_MAP: Final = Map(
    [Rule(path, methods=[method], endpoint=handler) for method, path, handler in ROUTES],
    merge_slashes=False,
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
        request = Request(environ)
        request.max_content_length = MAX_BODY
        began, record = time.perf_counter(), record_of(environ)
        request_id = record.request_id
        record.is_quiet = environ.get(IN_PROCESS) is True
        try:
            with closing(UploadForm(request)) as form:
                response = self._respond(request, form, record)
        except Fault as fault:
            response = _refusal(fault)
        except Exception:
            _log.exception("%s %s failed (%s)", request.method, request.path, request_id)
            response = _refusal(
                Fault(
                    500,
                    "The server had an error while processing your request "
                    f"(request id {request_id}).",
                    type="server_error",
                )
            )
        seconds = time.perf_counter() - began
        return _signed(response, request_id, seconds)(environ, start_response)

    def _respond(self, request: Request, form: UploadForm, record: RequestRecord) -> Response:
        services, posts = self._handlers(self._caller(request))
        path = _BASE.sub("", request.path, count=1).removesuffix("/")
        try:
            rule, ids = _MAP.bind("").match(path or "/", method=request.method, return_rule=True)
            handler, record.route = rule.endpoint, rule.rule
            bind_ids(run_id=ids.get("run_id"), thread_id=ids.get("thread_id"))
            call = Call(request, path, ids, form)
            if request.method == "POST":
                result = posts.handle(handler, call)
                made = result.made
                run = _run_in(made)
                if run is not None:  # also one that is created here
                    bind_ids(run_id=run["id"], thread_id=run["thread_id"])
                if result.stream is not None:
                    record.is_stream = True
                    return _event_stream(result.stream)
            else:
                result = retried(handler)(services, call)
                if isinstance(result, FileContent):
                    return _content(result)
                made = StoredJson.of(result)
                run = _run_in(made)
        except MethodNotAllowed as error:
            refusal = _refusal(Fault(405, f"Not allowed to {request.method} on {request.path}."))
            refusal.headers["allow"] = ", ".join(error.valid_methods or ())
            return refusal
        except NotFound:
            message = _UNKNOWN_URL.format(method=request.method, path=request.path)
            raise Fault(404, message, "unknown_url") from None
        except RequestEntityTooLarge:
            message = f"The body is larger than the maximum of {MAX_BODY} bytes."
            raise Fault(413, message, "request_too_large") from None
        except HTTPException as error:
            raise Fault(error.code or 400, error.description or error.name) from None
        response = _json_response(200, made.text)
        if run is not None and run["status"] not in FINAL_STATUSES:
            response.headers[ENGINE_POLL_AFTER_MS] = str(self._poll_after(run))
        return response

    def _caller(self, request: Request) -> Caller:
        """Returns who sends a request.

        Raises:
            Fault: A token is asked for, and none was sent or another one.
        """
        if request.environ.get(IN_PROCESS) is True:
            return Caller()
        given = _tokens_of(request.environ)
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
        if request.environ.get(UNREAD) is True and (request.content_length or 0) <= MAX_BODY:
            message = "This API key was not known yet when the request came. Send it again."
            raise Fault(503, message, type="server_error", retry_after=1)
        return caller

    def admits(self, environ: Mapping[str, Any]) -> bool:
        """Returns whether a request has a token that is asked for, if one is; it hardly waits.

        Where it is false, the request is refused, also if its token has just been made.

        Args:
            environ: The headers of a request, in WSGI's names.
        """
        given = _tokens_of(environ)
        if self._is_token(given):
            return True
        if self._token is not None and not given:
            return False
        stored = self._stored_tokens.at_hand(given)
        if self._token is None and (stored is None or not stored.are_required):
            return True
        return stored is not None and any(map(stored.find, given))

    def require_all_access(self, environ: WSGIEnvironment) -> None:
        """Refuses a request whose token is missing, wrong, or isolated: it asks for everybody's.

        Raises:
            Fault: 401 or 403.
        """
        if self._caller(Request(environ)).is_isolated:
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


def refusing(fault: Fault) -> WSGIApplication:
    """Returns an application that responds to every request with this fault."""

    def refuse(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = _signed(_refusal(fault), record_of(environ).request_id)
        return response(environ, start_response)

    return refuse


def signature(request_id: str, seconds: float = 0.0) -> dict[str, str]:
    """Returns the headers that every response has, whoever sends it: programs log them.

    Args:
        request_id: The id of the request.
        seconds: The time that passed until the response began.
    """
    return {
        "x-request-id": request_id,
        "openai-processing-ms": str(round(1000 * seconds)),
        "openai-version": _VERSION,
        "openai-organization": _ORGANIZATION,
    }


def _signed(response: Response, request_id: str, seconds: float = 0.0) -> Response:
    response.headers.update(signature(request_id, seconds))
    return response


def _refusal(fault: Fault) -> Response:
    detail = ErrorDetail(message=fault.message, type=fault.type, param=fault.param, code=fault.code)
    response = _json_response(fault.status, StoredJson.of(ErrorBody(error=detail)).text)
    if fault.status == 401:
        response.headers["www-authenticate"] = _REALM
    if fault.retry_after is not None:
        response.headers["retry-after"] = str(fault.retry_after)
    return response


def _run_in(made: StoredJson[Any]) -> JsonObject | None:
    """Returns the document of a run; ``None`` where it is another object, which is not parsed."""
    if made.cls not in (Run, dict) or made.document.get("object") != RUN:
        return None
    return made.document


def _json_response(status: int, text: str) -> Response:
    response = Response(text, status=status, content_type="application/json")
    response.headers[HONOURS_IDEMPOTENCY] = "true"
    return response


def _content(content: FileContent) -> Response:
    response = Response(content, content_type="application/octet-stream")
    response.headers["content-length"] = str(content.file.bytes)
    response.headers["content-disposition"] = _attachment(content.file.filename)
    # So that no browser shows an upload as a page of this server's: uploads are untrusted.
    response.headers["x-content-type-options"] = "nosniff"
    return response


def _attachment(name: str) -> str:
    """Returns the header with both forms of a file's name: some programs read the first only."""
    plain = name.encode("ascii", "replace").decode().translate(_UNQUOTABLE)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _event_stream(events: RunEvents) -> Response:
    response = Response(events, content_type="text/event-stream; charset=utf-8")
    response.headers[HONOURS_IDEMPOTENCY] = "true"
    response.headers["cache-control"] = "no-cache"
    response.headers["x-accel-buffering"] = "no"  # a proxy would buffer events
    return response
