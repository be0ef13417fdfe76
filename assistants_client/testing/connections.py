"""The way from a client to an engine in the same process: urllib3's own, down to the connection.

So what requests and urllib3 do with a fault, and what the client makes of it, is what they do with
a server's. Which fault befalls what is known in ``faults.py``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import define
from requests import PreparedRequest, Session
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.exceptions import NewConnectionError, ReadTimeoutError

from assistants_client._http.transport import Transport
from assistants_client._protocol import ENGINE_POLL_AFTER_MS
from assistants_client.client.connect import EMBEDDED
from assistants_client.engine.http.in_process_adapter import EngineAdapter
from assistants_client.testing.clock import Clock
from assistants_client.testing.faults import Fault, Faults

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PREFIX = "/v1"  # of the paths below EMBEDDED
_EVENT_END = b"\n\n"


#: As requests has it: ``responses`` takes its place in a test that fakes other servers with it.
_SEND = HTTPAdapter.send


class Connected(Transport):
    """A transport to ``EMBEDDED`` that reaches an application in this process.

    Made by :meth:`to`; copies with other options lead to the same application.
    """

    @classmethod
    def to(cls, application: WSGIApplication, clock: Clock, faults: Faults) -> Connected:
        """The transport to an application.

        Args:
            application: What answers, such as an engine.
            clock: What moves when the application waits, or the client pauses.
            faults: What befalls requests on their way.
        """
        made = cls(EMBEDDED)
        made._settings["proxies"] = {}  # those of the environment lead elsewhere
        made._budget.sleep = clock.advance
        connections: Any = made._session.get_adapter(EMBEDDED)
        pool = partial(_Pool, way=_Way(application, clock, faults))
        connections.poolmanager.pool_classes_by_scheme = {"http": pool}
        return made

    def _new_session(self) -> Session:
        session = super()._new_session()
        for adapter in session.adapters.values():
            adapter.send = partial(_SEND, adapter)  # type: ignore[method-assign, arg-type]  # see _SEND
        return session


@define
class _Way:
    """What a request and its answer meet on their way."""

    application: WSGIApplication
    clock: Clock
    faults: Faults

    def carry(self, request: PreparedRequest) -> HTTPResponse:
        """The application's answer, once the engine has nothing else to do."""
        self.clock.settle()
        response: HTTPResponse = EngineAdapter(self._followed).send(request).raw
        self.clock._nudge()
        # The engine's hint when to ask again is for one whose work takes real time.
        response.headers.pop(ENGINE_POLL_AFTER_MS, None)
        return response

    def _followed(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """The application, its streams read along."""
        is_stream = False

        def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            nonlocal is_stream
            kind = {name.lower(): value for name, value in headers}.get("content-type", "")
            is_stream = kind.startswith("text/event-stream")
            return start(status, headers, *rest)

        body = self.application(environ, started)
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix(_PREFIX)
        cut = self.faults._cut_of(method, path, is_stream=is_stream)
        if not is_stream:
            return body
        return self._events(body, cut, method, path)

    def _events(
        self, body: Iterable[bytes], cut: Fault | None, method: str, path: str
    ) -> Iterator[bytes]:
        """A stream's blocks; time passes while there is nothing else to wait for."""
        blocks = iter(body)
        events = 0
        try:
            while True:
                with self.clock._reading():
                    block = next(blocks, None)
                if block is None:
                    break
                if cut is None:
                    yield block
                    continue
                for event in block.split(_EVENT_END)[:-1]:
                    if events == cut.after_events:
                        self.faults._cut(cut)
                        cut = None
                        raise ConnectionResetError("The test cut this stream.")
                    events += 1
                    yield event + _EVENT_END
        finally:
            if cut is not None:
                cut.missed(method, path, "its stream was over before")
            close = getattr(body, "close", None)
            if close is not None:
                close()


class _Pool(HTTPConnectionPool):
    """urllib3's pool with its retries, whose connections are never opened."""

    def __init__(self, host: str, port: int | None = None, *, way: _Way, **settings: Any) -> None:
        super().__init__(host, port, **settings)
        self._way = way

    def _make_request(  # type: ignore[override]  # it differs between versions of urllib3
        self,
        conn: Any,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        retries: Any = None,
        **_: Any,
    ) -> HTTPResponse:
        request = PreparedRequest()
        request.method, request.url = method, f"http://{self.host}{url}"
        request.headers, request.body = CaseInsensitiveDict(headers or {}), body
        path = url.partition("?")[0].removeprefix(_PREFIX)
        fault = self._way.faults._take(method, path)
        response = self._way.carry(request) if fault is None else self._fault(fault, conn, request)
        response.retries = retries
        return response

    def _fault(self, fault: Fault, conn: Any, request: PreparedRequest) -> HTTPResponse:
        if fault.kind == "connection_error":
            raise NewConnectionError(conn, "The test ordered no connection.")
        if fault.kind == "timeout":
            raise ReadTimeoutError(self, request.url or "", "The test ordered no answer.")
        if fault.kind == "lost_answer":
            self._way.carry(request).close()
            raise ConnectionResetError("The test lost this answer.")
        error = {"message": fault.message, "type": "test_fault", "param": None, "code": None}
        return HTTPResponse(
            io.BytesIO(json.dumps({"error": error}).encode()),
            headers={"Content-Type": "application/json", **fault.headers},
            status=fault.status,
            preload_content=False,
            request_method=request.method,
        )

    class ResponseCls(HTTPResponse):
        """What urllib3 1.26 makes of what a connection read; here that is made already."""

        @classmethod
        def from_httplib(cls, r: HTTPResponse, **made_with: Any) -> HTTPResponse:
            """See urllib3."""
            r.retries = made_with.get("retries")
            return r
