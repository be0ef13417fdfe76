"""The protocol's operations: method, path, and the service's method that serves each.

Here a request's parts become a service's arguments. What a POST writes is committed in
post_requests.py. How the result is sent, and everything that holds for all requests alike, is
in app.py; no rule about any object belongs here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from attrs import define, field, frozen
from werkzeug.wrappers import Request

from assistants_client._json.codec import InvalidValueError, encode, parse
from assistants_client._json.strict import strict_json
from assistants_client.engine.domain.shown_steps import shown_step
from assistants_client.engine.faults import Fault
from assistants_client.engine.http.upload_form import UploadForm
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._contents import FileContent
from assistants_client.engine.services._stores import STATUSES
from assistants_client.engine.services._thread_search import ThreadFilter, parse_thread_filter
from assistants_client.engine.services._write import Write
from assistants_client.engine.services.assistants import Assistants
from assistants_client.engine.services.files import Files
from assistants_client.engine.services.messages import Messages
from assistants_client.engine.services.models import Models
from assistants_client.engine.services.run_steps import RunSteps
from assistants_client.engine.services.runs import Runs
from assistants_client.engine.services.threads import Threads
from assistants_client.engine.services.usage import RunUsage, parse_usage_query
from assistants_client.engine.services.vector_store_file_batches import VectorStoreFileBatches
from assistants_client.engine.services.vector_store_files import VectorStoreFiles
from assistants_client.engine.services.vector_stores import VectorStores
from assistants_client.engine.storage.keyset_pages import PageQuery, parse_page_query
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.models._base import JsonObject, Struct
from assistants_client.models.assistants import AssistantRequest, AssistantUpdate
from assistants_client.models.messages import MessageRequest, MessageUpdate
from assistants_client.models.run_requests import (
    RunRequest,
    RunUpdate,
    SubmitToolOutputsRequest,
    ThreadRunRequest,
)
from assistants_client.models.runs import Run
from assistants_client.models.threads import ThreadRequest, ThreadUpdate
from assistants_client.models.vector_stores import (
    SearchRequest,
    VectorStoreFileBatchRequest,
    VectorStoreFileRequest,
    VectorStoreFileUpdate,
    VectorStoreRequest,
    VectorStoreUpdate,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

T = TypeVar("T")
#: Files on a page: as many as there may be, where nothing is said.
_FILES_PAGE: Final = 10_000
#: Bodies of more levels are refused: what is stored must also be readable on a deeper stack.
_MOST_LEVELS: Final = 100
_INCLUDABLE: Final = "step_details.tool_calls[*].file_search.results[*].content"


class Services:
    """All services, in one context."""

    def __init__(self, context: Context) -> None:
        self.assistants: Assistants = Assistants(context)
        self.threads: Threads = Threads(context)
        self.messages: Messages = Messages(context)
        self.runs: Runs = Runs(context)
        self.run_steps: RunSteps = RunSteps(context)
        self.usage: RunUsage = RunUsage(context)
        self.models: Models = Models(context)
        self.files: Files = Files(context)
        self.vector_stores: VectorStores = VectorStores(context)
        self.vector_store_files: VectorStoreFiles = VectorStoreFiles(context)
        self.vector_store_file_batches: VectorStoreFileBatches = VectorStoreFileBatches(context)


@define
class Call:
    """A request, as the routes see it.

    Attributes:
        environ: The request as it came.
        path: The path below the base URL.
        ids: The ids in the path.
        max_body: A larger body is refused unread, in bytes; a form has a bound of its own.
        streams: Whether the body asks for a stream, and may; known once :meth:`body` has read it.
    """

    environ: WSGIEnvironment
    path: str
    ids: Mapping[str, str]
    max_body: int
    streams: bool = False
    #: The body's JSON object, once it was parsed.
    _document: dict[str, Any] | None = field(default=None, init=False)
    _request: Request | None = field(default=None, init=False)
    _form: UploadForm | None = field(default=None, init=False)

    @property
    def request(self) -> Request:
        """The request, as Werkzeug reads it; many are answered without."""
        if self._request is None:
            self._request = Request(self.environ)
            self._request.max_content_length = self.max_body
        return self._request

    @property
    def form(self) -> UploadForm:
        """The request's form, where it is one."""
        if self._form is None:
            self._form = UploadForm(self.request)
        return self._form

    def close(self) -> None:
        """Closes the form, if it was read."""
        if self._form is not None:
            self._form.close()

    def page(self) -> PageQuery:
        """Reads the query for a page of a list."""
        return parse_page_query(self.request.args)

    def files_page(self) -> PageQuery:
        """Reads the query for a page of files; such pages are larger and only go forwards."""
        query = {name: value for name, value in self.request.args.items() if name != "before"}
        return parse_page_query(query, default_limit=_FILES_PAGE, maximum_limit=_FILES_PAGE)

    def thread_filter(self) -> ThreadFilter:
        """Reads the query's metadata and words of threads."""
        return parse_thread_filter(self.request.args.items(multi=True))

    def status(self) -> str | None:
        """Returns the status of the files of a store that are asked for; ``None`` for all."""
        status = self.request.args.get("filter")
        if status is not None and status not in STATUSES:
            message = f"Invalid 'filter': {status!r:.80} is not one of {', '.join(STATUSES)}."
            raise Fault(400, message, "invalid_value", "filter")
        return status

    def include(self) -> None:
        """Refuses what cannot be included."""
        for value in self.request.args.getlist("include[]"):
            if value != _INCLUDABLE:
                raise Fault(
                    400,
                    f"Invalid 'include[]': {value!r:.80} is not {_INCLUDABLE!r}.",
                    "invalid_value",
                    "include[]",
                )

    def shown_step(self, step: JsonObject, *, in_stream: bool = False) -> JsonObject:
        """Returns a step as it is shown: the passages that a search found only when asked."""
        with_content = _INCLUDABLE in self.request.args.getlist("include[]")
        return shown_step(step, with_content=with_content, in_stream=in_stream)

    def streamed_step(self, step: JsonObject) -> JsonObject:
        """Returns a step as an event has it."""
        return self.shown_step(step, in_stream=True)

    def body(self, cls: type[T], *, streams: bool = False, optional: bool = False) -> T:
        """Reads the body as a request object; ``streams`` when it may ask for a stream."""
        if self._document is None:
            raw = self.request.get_data()
            self._document = {} if optional and not raw.strip() else json_object(raw)
        document = dict(self._document)
        if streams:
            stream = document.pop("stream", None)
            if stream is not None and not isinstance(stream, bool):
                raise Fault(400, "Invalid 'stream': expected a boolean.", "invalid_type", "stream")
            self.streams = stream is True
        if cls is RunRequest and document.get("tool_resources") == {}:
            del document["tool_resources"]  # which Azure's clients send, and which says nothing
        try:
            return parse(cls, document)
        except InvalidValueError as error:
            raise Fault(400, str(error), error.code, error.path or None) from None


def json_object(raw: bytes) -> dict[str, Any]:
    """Reads a body's JSON object.

    Raises:
        Fault: It is none.
    """
    try:
        document = strict_json(raw)
    except ValueError as error:
        message = f"We could not parse the JSON body of your request: {error}."
        raise Fault(400, message, "invalid_json") from None
    if not isinstance(document, dict):
        raise Fault(400, "The JSON body of your request must be an object.", "invalid_type")
    openings = raw.count(b"{") + raw.count(b"[")  # of levels there are no more
    if openings > _MOST_LEVELS and _is_deeper(document, _MOST_LEVELS):
        message = f"The JSON body of your request has more than {_MOST_LEVELS} levels."
        raise Fault(400, message, "invalid_json")
    return document


def _is_deeper(document: dict[str, Any], levels: int) -> bool:
    level: list[Any] = [document]
    for _ in range(levels):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [value for values in inner for value in values if isinstance(value, (dict, list))]
    return bool(level)


@frozen
class ReadOnly:
    """The result of a POST that writes nothing."""

    result: Struct


#: The result of an operation: an object, its document or its JSON, or a file's content; or, of a
#: POST, what is to be written, which has the result.
Result: TypeAlias = Struct | JsonObject | StoredJson[Any] | FileContent | Write[Any] | ReadOnly
Handler: TypeAlias = Callable[[Services, Call], Result]

_A: Final = "/assistants"
_T: Final = "/threads"
_M: Final = "/threads/<thread_id>/messages"
_R: Final = "/threads/<thread_id>/runs"
_F: Final = "/files"
_V: Final = "/vector_stores"
_VF: Final = "/vector_stores/<vector_store_id>/files"
_VB: Final = "/vector_stores/<vector_store_id>/file_batches"
_S: Final = "/threads/<thread_id>/runs/<run_id>/steps"


def _run_steps_list(s: Services, c: Call) -> JsonObject:
    c.include()
    page = s.run_steps.list(**c.ids, query=c.page()).document
    return {**page, "data": [c.shown_step(step) for step in page["data"]]}


def _run_steps_retrieve(s: Services, c: Call) -> JsonObject:
    c.include()
    return c.shown_step(encode(s.run_steps.retrieve(**c.ids)))


def _runs_create(s: Services, c: Call) -> Write[StoredJson[Run]]:
    c.include()
    return s.runs.create(**c.ids, request=c.body(RunRequest, streams=True))


#: Every operation: method, path, and the service's method that serves it.
ROUTES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", _A, lambda s, c: s.assistants.list(c.page())),
    ("POST", _A, lambda s, c: s.assistants.create(c.body(AssistantRequest))),
    ("GET", f"{_A}/<assistant_id>", lambda s, c: s.assistants.retrieve(**c.ids)),
    (
        "POST",
        f"{_A}/<assistant_id>",
        lambda s, c: s.assistants.update(**c.ids, update=c.body(AssistantUpdate)),
    ),
    ("DELETE", f"{_A}/<assistant_id>", lambda s, c: s.assistants.delete(**c.ids)),
    ("GET", _T, lambda s, c: s.threads.list(c.page(), c.thread_filter())),
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
    (
        "GET",
        _F,
        lambda s, c: s.files.list(c.files_page(), purpose=c.request.args.get("purpose") or None),
    ),
    ("POST", _F, lambda s, c: s.files.create(c.form.read())),
    ("GET", f"{_F}/<file_id>", lambda s, c: s.files.retrieve(**c.ids)),
    ("DELETE", f"{_F}/<file_id>", lambda s, c: s.files.delete(**c.ids)),
    ("GET", f"{_F}/<file_id>/content", lambda s, c: s.files.content(**c.ids)),
    ("GET", _V, lambda s, c: s.vector_stores.list(c.page())),
    (
        "POST",
        _V,
        lambda s, c: s.vector_stores.create(c.body(VectorStoreRequest)),
    ),
    ("GET", f"{_V}/<vector_store_id>", lambda s, c: s.vector_stores.retrieve(**c.ids)),
    (
        "POST",
        f"{_V}/<vector_store_id>",
        lambda s, c: s.vector_stores.update(**c.ids, update=c.body(VectorStoreUpdate)),
    ),
    ("DELETE", f"{_V}/<vector_store_id>", lambda s, c: s.vector_stores.delete(**c.ids)),
    (
        "POST",
        f"{_V}/<vector_store_id>/search",
        lambda s, c: ReadOnly(s.vector_stores.search(**c.ids, request=c.body(SearchRequest))),
    ),
    (
        "GET",
        _VF,
        lambda s, c: s.vector_store_files.list(**c.ids, query=c.page(), status=c.status()),
    ),
    (
        "POST",
        _VF,
        lambda s, c: s.vector_store_files.create(**c.ids, request=c.body(VectorStoreFileRequest)),
    ),
    ("GET", f"{_VF}/<file_id>", lambda s, c: s.vector_store_files.retrieve(**c.ids)),
    (
        "POST",
        f"{_VF}/<file_id>",
        lambda s, c: s.vector_store_files.update(**c.ids, update=c.body(VectorStoreFileUpdate)),
    ),
    ("DELETE", f"{_VF}/<file_id>", lambda s, c: s.vector_store_files.delete(**c.ids)),
    ("GET", f"{_VF}/<file_id>/content", lambda s, c: s.vector_store_files.content(**c.ids)),
    (
        "POST",
        _VB,
        lambda s, c: s.vector_store_file_batches.create(
            **c.ids, request=c.body(VectorStoreFileBatchRequest)
        ),
    ),
    ("GET", f"{_VB}/<batch_id>", lambda s, c: s.vector_store_file_batches.retrieve(**c.ids)),
    ("POST", f"{_VB}/<batch_id>/cancel", lambda s, c: s.vector_store_file_batches.cancel(**c.ids)),
    (
        "GET",
        f"{_VB}/<batch_id>/files",
        lambda s, c: s.vector_store_file_batches.list_files(
            **c.ids, query=c.page(), status=c.status()
        ),
    ),
    ("GET", "/models", lambda s, c: s.models.list()),
    ("GET", "/models/<model_id>", lambda s, c: s.models.retrieve(**c.ids)),
    (
        "GET",  # names of Hugging Face have a slash, which arrives as one
        "/models/<model_owner>/<model_id>",
        lambda s, c: s.models.retrieve("{model_owner}/{model_id}".format(**c.ids)),
    ),
    ("GET", "/usage", lambda s, c: s.usage.by(parse_usage_query(c.request.args, s.usage.now()))),
    ("GET", _S, _run_steps_list),
    ("GET", f"{_S}/<step_id>", _run_steps_retrieve),
)
