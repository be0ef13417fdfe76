"""A port of its own for probes and metrics, which answers until its process is about to end.

It is for processes that serve nothing else, and for those whose other port is closed when they are
told to stop. What is answered is http/service_endpoints.py's.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Final

from assistants_client.engine.engine import Engine
from assistants_client.engine.faults import Fault
from assistants_client.engine.http.responses import refusing
from assistants_client.engine.http.service_endpoints import SERVICE_PATHS
from assistants_client.engine.serving.loopback_guard import LoopbackOnly
from assistants_client.engine.serving.waitress_server import HTTPServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: So many seconds the thread may take to end.
_END_SECONDS: Final = 2.0


class ProbeServer:
    """Serves ``/healthz``, ``/readyz`` and ``/metrics`` of an engine, and nothing else.

    Args:
        engine: The engine.
        host: The address to listen on, or its name.
        port: The port; 0 takes a free one.

    Raises:
        OSError: It cannot be listened there.
    """

    def __init__(self, engine: Engine, host: str, port: int) -> None:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family)
        address, number = listener.getsockname()[:2]
        self.url: str = (
            f"http://[{address}]:{number}" if ":" in address else (f"http://{address}:{number}")
        )
        is_loopback = ipaddress.ip_address(address).is_loopback
        application = LoopbackOnly(engine) if is_loopback else engine

        def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if environ.get("PATH_INFO") in SERVICE_PATHS:
                return application(environ, start_response)
            message = f"Here are {', '.join(sorted(SERVICE_PATHS))} only."
            return refusing(Fault(404, message, "unknown_url"))(environ, start_response)

        self._server = HTTPServer(
            listener,
            serve,
            refuses_early=lambda path, headers: headers["CONTENT_LENGTH"] not in {"", "0"},
            max_body=1,
        )
        self._loop = threading.Thread(
            target=self._server.run, name="assistants-probes", daemon=True
        )

    def __enter__(self) -> ProbeServer:
        self._loop.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop_accepting()
        self._server.end()
        self._loop.join(_END_SECONDS)
