"""The engine's HTTP face: routes, the key, JSON in and out, error bodies.

Requests become the services' arguments and models become answers; no rule about any object and no
SQL belongs here. With ``adapter.py`` this is the only place that knows Werkzeug.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from attrs import frozen
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from assistants_client._codec import InvalidValueError, encode, parse
from assistants_client.engine.faults import Fault, unsupported
from assistants_client.engine.ids import new_id
from assistants_client.engine.paging import PageQuery, parse_page_query
from assistants_client.engine.services._base import Context
from assistants_client.engine.services.assistants import Assistants
from assistants_client.engine.services.messages import Messages
from assistants_client.engine.services.run_steps import RunSteps
from assistants_client.engine.services.runs import Runs
from assistants_client.engine.services.threads import Threads
from assistants_client.models._base import Struct
from assistants_client.models.assistants import AssistantRequest, AssistantUpdate
from assistants_client.models.error_body import ErrorBody, ErrorDetail
from assistants_client.models.messages import MessageRequest, MessageUpdate
from assistants_client.models.runs import (
    Run,
    RunRequest,
    RunUpdate,
    SubmitToolOutputsRequest,
    ThreadRunRequest,
)
from assistants_client.models.threads import ThreadRequest, ThreadUpdate

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

T = TypeVar("T")

#: Larger bodies are refused unread, in bytes.
MAX_BODY: Final = 64 * 1024 * 1024
#: In the environ of a call from this very process, which needs no key. No HTTP request can set it.
IN_PROCESS: Final = "assistants_client.in_process"

#: When to look at a run again: after this part of its age, within these bounds in seconds.
_POLL_SHARE: Final = 0.1
_POLL_MINIMUM: Final = 0.02
_POLL_MAXIMUM: Final = 1.0

_INCLUDABLE: Final = "step_details.tool_calls[*].file_search.results[*].content"

_log = logging.getLogger(__name__)


class _Services:
    def __init__(self, context: Context) -> None:
        self.assistants = Assistants(context)
        self.threads = Threads(context)
        self.messages = Messages(context)
        self.runs = Runs(context)
        self.run_steps = RunSteps(context)


@frozen
class _Call:
    """One request, as the routes see it."""

    request: Request
    ids: Mapping[str, str]

    def page(self) -> PageQuery:
        return parse_page_query(self.request.args)

    def include(self) -> None:
        """Refuses what cannot be included; what can is not there yet, so nothing is to be done."""
        for value in self.request.args.getlist("include[]"):
            if value != _INCLUDABLE:
                raise Fault(
                    400,
                    f"Invalid 'include[]': {value!r:.80} is not {_INCLUDABLE!r}.",
                    "invalid_value",
                    "include[]",
                )

    def body(self, cls: type[T], *, streams: bool = False, optional: bool = False) -> T:
        """The body as a request object; ``streams`` when it may ask for a stream."""
        raw = self.request.get_data(cache=False)
        document = {} if optional and not raw.strip() else _json_object(raw)
        if streams:
            stream = document.pop("stream", None)
            if stream is True:
                raise unsupported("stream", "streaming is not served yet")
            if stream not in (None, False):
                raise Fault(400, "Invalid 'stream': expected a boolean.", "invalid_type", "stream")
        try:
            return parse(cls, document)
        except InvalidValueError as error:
            raise Fault(400, str(error), error.code, error.path or None) from None


_Handler: TypeAlias = Callable[[_Services, _Call], Struct]

_A: Final = "/assistants"
_T: Final = "/threads"
_M: Final = "/threads/<thread_id>/messages"
_R: Final = "/threads/<thread_id>/runs"
_S: Final = "/threads/<thread_id>/runs/<run_id>/steps"


def _run_steps_list(s: _Services, c: _Call) -> Struct:
    c.include()
    return s.run_steps.list(**c.ids, query=c.page())


def _run_steps_retrieve(s: _Services, c: _Call) -> Struct:
    c.include()
    return s.run_steps.retrieve(**c.ids)


def _runs_create(s: _Services, c: _Call) -> Struct:
    c.include()
    return s.runs.create(**c.ids, request=c.body(RunRequest, streams=True))


#: Every operation: method, path, and the service's method that serves it.
_ROUTES: Final[tuple[tuple[str, str, _Handler], ...]] = (
    ("GET", _A, lambda s, c: s.assistants.list(c.page())),
    ("POST", _A, lambda s, c: s.assistants.create(c.body(AssistantRequest))),
    ("GET", f"{_A}/<assistant_id>", lambda s, c: s.assistants.retrieve(**c.ids)),
    (
        "POST",
        f"{_A}/<assistant_id>",
        lambda s, c: s.assistants.update(**c.ids, update=c.body(AssistantUpdate)),
    ),
    ("DELETE", f"{_A}/<assistant_id>", lambda s, c: s.assistants.delete(**c.ids)),
    ("POST", _T, lambda s, c: s.threads.create(c.body(ThreadRequest, optional=True))),
    ("GET", f"{_T}/<thread_id>", lambda s, c: s.threads.retrieve(**c.ids)),
    (
        "POST",
        f"{_T}/<thread_id>",
        lambda s, c: s.threads.update(**c.ids, update=c.body(ThreadUpdate)),
    ),
    ("DELETE", f"{_T}/<thread_id>", lambda s, c: s.threads.delete(**c.ids)),
    (
        "POST",
        f"{_T}/runs",
        lambda s, c: s.runs.create_thread_and_run(c.body(ThreadRunRequest, streams=True)),
    ),
    (
        "GET",
        _M,
        lambda s, c: s.messages.list(
            **c.ids, query=c.page(), run_id=c.request.args.get("run_id") or None
        ),
    ),
    ("POST", _M, lambda s, c: s.messages.create(**c.ids, request=c.body(MessageRequest))),
    ("GET", f"{_M}/<message_id>", lambda s, c: s.messages.retrieve(**c.ids)),
    (
        "POST",
        f"{_M}/<message_id>",
        lambda s, c: s.messages.update(**c.ids, update=c.body(MessageUpdate)),
    ),
    ("DELETE", f"{_M}/<message_id>", lambda s, c: s.messages.delete(**c.ids)),
    ("GET", _R, lambda s, c: s.runs.list(**c.ids, query=c.page())),
    ("POST", _R, _runs_create),
    ("GET", f"{_R}/<run_id>", lambda s, c: s.runs.retrieve(**c.ids)),
    (
        "POST",
        f"{_R}/<run_id>",
        lambda s, c: s.runs.update(**c.ids, update=c.body(RunUpdate)),
    ),
    ("POST", f"{_R}/<run_id>/cancel", lambda s, c: s.runs.cancel(**c.ids)),
    (
        "POST",
        f"{_R}/<run_id>/submit_tool_outputs",
        lambda s, c: s.runs.submit_tool_outputs(
            **c.ids, request=c.body(SubmitToolOutputsRequest, streams=True)
        ),
    ),
    ("GET", _S, _run_steps_list),
    ("GET", f"{_S}/<step_id>", _run_steps_retrieve),
)

_PREFIX: Final = "/v1"


class App:
    """A WSGI application that serves the protocol, with or without ``/v1`` before its paths.

    Args:
        context: What the services work in.
        token: The bearer token that every request must carry; ``None`` asks for none.
    """

    def __init__(self, context: Context, *, token: str | None = None) -> None:
        self._services = _Services(context)
        self._clock = context.clock
        self._token = None if token is None else token.encode()
        self._map = Map(
            [Rule(path, methods=[method], endpoint=handler) for method, path, handler in _ROUTES],
            strict_slashes=False,
            merge_slashes=False,
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request."""
        request = Request(environ)
        request.max_content_length = MAX_BODY
        request_id = new_id("req_")
        try:
            response = self._answer(request)
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
        response.headers["x-request-id"] = request_id
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        self._require_token(request)
        path = request.path
        if path == _PREFIX or path.startswith(f"{_PREFIX}/"):
            path = path[len(_PREFIX) :]
        try:
            handler, ids = self._map.bind("").match(path or "/", method=request.method)
            result = handler(self._services, _Call(request, ids))
        except MethodNotAllowed as error:
            refusal = _refusal(Fault(405, f"Not allowed to {request.method} on {request.path}."))
            refusal.headers["allow"] = ", ".join(error.valid_methods or ())
            return refusal
        except NotFound:
            message = f"Invalid URL ({request.method} {request.path})"
            raise Fault(404, message, "unknown_url") from None
        except RequestEntityTooLarge:
            message = f"The body is larger than the maximum of {MAX_BODY} bytes."
            raise Fault(413, message, "request_too_large") from None
        except HTTPException as error:
            raise Fault(error.code or 400, error.description or error.name) from None
        response = _json_response(200, encode(result))
        if isinstance(result, Run) and not result.is_final:
            response.headers["openai-poll-after-ms"] = str(self._poll_after(result))
        return response

    def _require_token(self, request: Request) -> None:
        if self._token is None or request.environ.get(IN_PROCESS) is True:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            message = "You didn't provide an API key: send the header 'Authorization: Bearer KEY'."
            raise Fault(401, message, "missing_api_key")
        if not hmac.compare_digest(given.strip().encode(), self._token):
            raise Fault(401, "Incorrect API key provided.", "invalid_api_key")

    def _poll_after(self, run: Run) -> int:
        """In milliseconds."""
        age = self._clock() - (run.started_at or run.created_at)
        return round(1000 * min(max(_POLL_SHARE * age, _POLL_MINIMUM), _POLL_MAXIMUM))


def unavailable(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Serves any request while the engine cannot be opened."""
    message = "The engine cannot be opened; its log says why."
    return _refusal(Fault(503, message, type="server_error"))(environ, start_response)


def _refusal(fault: Fault) -> Response:
    detail = ErrorDetail(message=fault.message, type=fault.type, param=fault.param, code=fault.code)
    response = _json_response(fault.status, encode(ErrorBody(error=detail)))
    if fault.status == 401:
        response.headers["www-authenticate"] = "Bearer"
    return response


def _json_response(status: int, document: Any) -> Response:
    return Response(json.dumps(document), status=status, content_type="application/json")


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        message = "We could not parse the JSON body of your request."
        raise Fault(400, message, "invalid_json") from None
    if not isinstance(document, dict):
        raise Fault(400, "The JSON body of your request must be an object.", "invalid_type")
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
