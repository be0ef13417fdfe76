"""The path from a client to an engine in the same process: urllib3's own, down to the connection.

So requests, urllib3 and the client handle a fault as they handle a server's. Matching faults to
requests belongs into ``faults.py``.
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
from assistants_client.engine.http.in_process_adapter import EngineAdapter, urllib3_response
from assistants_client.testing.clock import Clock
from assistants_client.testing.faults import Fault, Faults

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PREFIX = "/v1"  # of the paths below EMBEDDED
_EVENT_END = b"\n\n"


#: requests' own: ``responses`` replaces the method in a test that fakes other servers with it.
_SEND = HTTPAdapter.send


class Connected(Transport):
    """A transport to ``EMBEDDED`` that reaches an application in this process.

    Made by :meth:`to`; copies with other options lead to the same application.
    """

    @classmethod
    def to(cls, application: WSGIApplication, clock: Clock, faults: Faults) -> Connected:
        """Returns the transport to an application.

        Args:
            application: A WSGI application, such as an engine.
            clock: Advances when the application waits, or the client pauses.
            faults: The faults of requests and responses.
        """
        made = cls(EMBEDDED)
        made._settings["proxies"] = {}  # the proxies of the environment do not reach it
        made._budget.sleep = clock.advance
        connections: Any = made._session.get_adapter(EMBEDDED)
        pool = partial(_Pool, route=_Route(application, clock, faults))
        connections.poolmanager.pool_classes_by_scheme = {"http": pool}
        return made

    def _new_session(self) -> Session:
        session = super()._new_session()
        for adapter in session.adapters.values():
            adapter.send = partial(_SEND, adapter)  # type: ignore[method-assign, arg-type]  # see _SEND
        return session


@define
class _Route:
    """The path of a request and its response: faults, application, clock."""

    application: WSGIApplication
    clock: Clock
    faults: Faults

    def send(self, request: PreparedRequest) -> HTTPResponse:
        """Returns the application's response, once the engine is idle."""
        self.clock.settle()
        response = urllib3_response(EngineAdapter(self._followed).send(request))
        self.clock._nudge()
        # The engine's hint when to poll again is for an engine whose work takes real time.
        response.headers.pop(ENGINE_POLL_AFTER_MS, None)
        return response

    def _followed(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Calls the application, and wraps its streams."""
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
        """Yields a stream's blocks; the time advances while the engine is idle."""
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

    def __init__(
        self, host: str, port: int | None = None, *, route: _Route, **settings: Any
    ) -> None:
        super().__init__(host, port, **settings)
        self._route = route

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
        fault = self._route.faults._take(method, path)
        response = self._route.send(request) if fault is None else self._fault(fault, conn, request)
        response.retries = retries
        return response

    def _fault(self, fault: Fault, conn: Any, request: PreparedRequest) -> HTTPResponse:
        if fault.kind == "connection_error":
            raise NewConnectionError(conn, "The test ordered no connection.")
        if fault.kind == "timeout":
            raise ReadTimeoutError(self, request.url or "", "The test ordered no response.")
        if fault.kind == "lost_answer":
            self._route.send(request).close()
            raise ConnectionResetError("The test lost this response.")
        error = {"message": fault.message, "type": "test_fault", "param": None, "code": None}
        return HTTPResponse(
            io.BytesIO(json.dumps({"error": error}).encode()),
            headers={"Content-Type": "application/json", **fault.headers},
            status=fault.status,
            preload_content=False,
            request_method=request.method,
        )

    class ResponseCls(HTTPResponse):
        """The response class that urllib3 1.26 builds; here the response exists already."""

        @classmethod
        def from_httplib(cls, r: HTTPResponse, **made_with: Any) -> HTTPResponse:
            """See urllib3."""
            r.retries = made_with.get("retries")
            return r
