"""Has every request observed, from where it comes in until its response is sent.

The request's id is made here, and bound to all that is logged while it is handled, its stream
included. What is done with what is known of a request is observer.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Final

from assistants_client.engine.ids import new_id
from assistants_client.engine.observability.access_log import RequestRecord
from assistants_client.engine.observability.log_context import bound_ids, current_ids
from assistants_client.engine.observability.observer import Observer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: In the environ: the record of the request.
_RECORD: Final = "assistants_client.record"


def record_of(environ: WSGIEnvironment) -> RequestRecord:
    """Returns the record of a request; a new one where nobody observes it."""
    record = environ.get(_RECORD)
    if not isinstance(record, RequestRecord):
        record = environ[_RECORD] = _new_record(environ)
    return record


def observed(
    observer: Observer,
    application: WSGIApplication,
    environ: WSGIEnvironment,
    start_response: StartResponse,
) -> Iterable[bytes]:
    """Serves one request by an application, and has it observed."""
    record = environ[_RECORD] = _new_record(environ)

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        record.status = int(status.partition(" ")[0])
        return start_response(status, headers, *rest)

    with bound_ids(request_id=record.request_id):
        body = application(environ, start)
        record.mark_answered(current_ids())
        if record.is_stream:
            observer.stream_opened()
        return _Body(body, record, observer, copy_context())


def _new_record(environ: WSGIEnvironment) -> RequestRecord:
    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return RequestRecord(
        method=environ["REQUEST_METHOD"],
        path=path.encode("latin-1", "replace").decode("utf-8", "replace"),
        request_id=new_id("req_"),
    )


class _Body:
    """The blocks of a response, made in the context of its request."""

    def __init__(
        self, body: Iterable[bytes], record: RequestRecord, observer: Observer, context: Context
    ) -> None:
        self._body = body
        self._blocks = iter(body)
        self._record = record
        self._observer = observer
        self._context = context
        self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block = self._context.run(next, self._blocks)
        self._record.bytes += len(block)
        return block

    def close(self) -> None:
        """Ends the response, as servers do when it is sent or nobody takes it any more."""
        close = getattr(self._body, "close", None)
        try:
            if close is not None:
                close()
        finally:
            if not self._is_closed:
                self._is_closed = True
                self._observer.responded(self._record)
