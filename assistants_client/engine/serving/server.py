"""An engine on a port: a socket, the admission of requests, and a graceful shutdown.

HTTP itself, with its bounds, is in waitress_server.py. Neither the engine nor the printed lines are
decided here.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Final

from assistants_client.engine import environment
from assistants_client.engine.engine import Engine
from assistants_client.engine.http.app import MAX_BODY
from assistants_client.engine.http.upload_form import MAX_FORM
from assistants_client.engine.language_models.tutor.tutor import Tutor
from assistants_client.engine.serving.loopback_guard import LoopbackOnly
from assistants_client.engine.serving.stop_signals import StopSignals
from assistants_client.engine.serving.waitress_server import HTTPServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: So long after the engine's end, in seconds, the last bytes of streams may take to be sent.
DRAIN_SECONDS: Final = 2.0
#: So many runs are created at a time, and so long, in seconds, one more waits for its turn at most.
CREATED_AT_ONCE: Final = 4
TURN_SECONDS: Final = 0.5

_BACKLOG: Final = 128
_SQLITE: Final = "sqlite:///"
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class RunCreationLimiter:
    """Creates runs a few at a time.

    Of many that are asked for at the same moment, the first are then claimed, and their models
    asked, while the last are not created yet; else all would wait until all are created.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._turns = threading.BoundedSemaphore(CREATED_AT_ONCE)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request; what it streams is not part of its turn."""
        makes_run = environ["PATH_INFO"].removesuffix("/").endswith("/runs")
        if environ["REQUEST_METHOD"] != "POST" or not makes_run:
            return self._application(environ, start_response)
        has_turn = self._turns.acquire(timeout=TURN_SECONDS)
        try:
            return self._application(environ, start_response)
        finally:
            if has_turn:
                self._turns.release()


class Server:
    """Listens as soon as it is constructed, and serves an engine until a signal comes.

    Args:
        host: The address to listen on, or its name.
        port: The port; 0 takes a free one.

    Raises:
        OSError: It cannot be listened there.
    """

    def __init__(self, host: str, port: int) -> None:
        found = {address[0] for address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        # Of both, which "localhost" may be, IPv4 is what examples name.
        family = socket.AF_INET if socket.AF_INET in found else found.pop()
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self._address: tuple[str, int] = self._listener.getsockname()[:2]

    @property
    def base_url(self) -> str:
        """The base URL for clients on this machine, such as ``http://127.0.0.1:8000/v1``."""
        host, port = self._address
        host = _WILDCARDS.get(host, host)
        return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"

    @property
    def page_url(self) -> str:
        """The address of the page for browsers on this machine."""
        return self.base_url.removesuffix("v1")

    @property
    def is_loopback(self) -> bool:
        """True where no other machine reaches it."""
        return ipaddress.ip_address(self._address[0]).is_loopback

    def serve(
        self,
        engine: Engine,
        *,
        to_all: bool,
        ready: Callable[[], object] = lambda: None,
        stopping: Callable[[], object] = lambda: None,
    ) -> int:
        """Serves until SIGINT or SIGTERM, then closes the engine, and what is open ends with it.

        It must be called in the main thread. A second signal ends the process at once.

        Args:
            engine: The engine.
            to_all: Whether to all that reach it; else to programs of this machine alone, and to no
                page that a browser shows, unless the engine allows its origin.
            ready: Called when requests are served.
            stopping: Called when a signal came, before a few seconds may pass.

        Returns:
            The number of the signal.
        """
        server = _http_server(self._listener, engine, to_all=to_all)
        loop = threading.Thread(target=server.run, name="assistants-serve", daemon=True)
        with StopSignals() as signals:
            loop.start()
            try:
                ready()
                number = signals.wait()
                stopping()
            finally:
                server.stop_accepting()
                self.close()
                engine.close()
                server.drain(DRAIN_SECONDS)
                server.end()
                loop.join(DRAIN_SECONDS)
        return number

    def close(self) -> None:
        """Closes the listening socket."""
        self._listener.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _http_server(listener: socket.socket, engine: Engine, *, to_all: bool) -> HTTPServer:
    application = engine if to_all else LoopbackOnly(engine)

    def refuses_early(path: str, headers: Mapping[str, str]) -> bool:
        length = headers["CONTENT_LENGTH"] or "0"  # the server has seen that it is a number
        maximum = MAX_FORM if path.rstrip("/").endswith("/files") else MAX_BODY
        return int(length) > maximum or not application.admits(headers)

    limited = RunCreationLimiter(application)
    return HTTPServer(listener, limited, refuses_early=refuses_early, max_body=MAX_FORM + 1)


def shown_model(engine: Engine) -> str:
    """Returns the model's name, for people; the tutor's with the variables that are not used."""
    model = engine._model
    if isinstance(model, Tutor):
        tutor = "the offline tutor (arithmetic and linear equations; see --model-url)"
        return "\n        ".join([tutor, *environment.unused()])
    return repr(model)


def shown_interpreter(engine: Engine) -> str:
    """Returns where the code of models runs, for people; where not in all of Python, why."""
    return environment.in_words(engine._code_interpreter)


def shown_database(engine: Engine) -> str:
    """Returns the place of the database, for people; without a password."""
    shown = engine._database.shown_url
    path = shown.removeprefix(_SQLITE)
    if path in {"", ":memory:", "sqlite://"}:
        return "in memory: gone when this ends"
    return shown if path == shown or os.path.isabs(path) else _SQLITE + os.path.abspath(path)
