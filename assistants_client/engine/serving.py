"""An engine on a port: a socket, Werkzeug's threaded server, and an orderly end.

What is served, and what is printed about it, is not decided here. Each connection has a thread and
serves one request, so a stream keeps nobody waiting; what the engine tells leaves at once.
"""

from __future__ import annotations

import ipaddress
import os
import queue
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from assistants_client.engine import environment
from assistants_client.engine.engine import Engine
from assistants_client.engine.language_models.tutor import Tutor
from assistants_client.engine.own_machine import OnlyThisMachine

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

#: A connection on which nothing moves for so many seconds is closed.
IDLE_SECONDS: Final = 120.0
#: So long after the engine's end, in seconds, the last words of streams may take to leave.
DRAIN_SECONDS: Final = 2.0

#: How often, in seconds, it is looked whether to stop.
_LOOK_SECONDS: Final = 0.1
_BACKLOG: Final = 128
_SQLITE: Final = "sqlite:///"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


#: What ``signal.signal`` answers, and takes back.
_Handled: TypeAlias = "Callable[[int, FrameType | None], Any] | int | signal.Handlers | None"


class _Handler(WSGIRequestHandler):
    """Serves one connection, and says nothing of what goes well."""

    timeout = IDLE_SECONDS
    # Events are small; each is to leave without waiting for the one before to be acknowledged.
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        with cast("_Threads", self.server).counting():
            super().run_wsgi()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class _Counting:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Until there are none, but not longer."""
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0, seconds)


class _Threads(ThreadedWSGIServer):
    """Werkzeug's server, which also knows whether requests are being answered."""

    def __init__(self, listener: socket.socket, application: WSGIApplication) -> None:
        host, port = listener.getsockname()[:2]
        super().__init__(host, port, application, _Handler, fd=listener.fileno())
        self.under_way = _Counting()

    def counting(self) -> _Counting:
        """For the time in which a request is answered."""
        return self.under_way


class Server:
    """Listens from its making on, and serves an engine until a signal comes.

    Args:
        host: The address to listen on, or its name.
        port: The port; 0 takes a free one.

    Raises:
        OSError: It cannot be listened there.
    """

    def __init__(self, host: str, port: int) -> None:
        found = {address[0] for address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        # Of both, which "localhost" may be, IPv4 is what programs are told in examples.
        family = socket.AF_INET if socket.AF_INET in found else found.pop()
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self._address: tuple[str, int] = self._listener.getsockname()[:2]

    @property
    def base_url(self) -> str:
        """What clients on this machine are given, such as ``http://127.0.0.1:8000/v1``."""
        host, port = self._address
        host = _WILDCARDS.get(host, host)
        return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"

    @property
    def is_loopback(self) -> bool:
        """Whether no other machine reaches it."""
        return ipaddress.ip_address(self._address[0]).is_loopback

    def serve(
        self,
        engine: Engine,
        *,
        to_all: bool,
        ready: Callable[[], object] = lambda: None,
        stopping: Callable[[], object] = lambda: None,
    ) -> int:
        """Serves until SIGINT or SIGTERM, then ends the runs under way and closes the engine.

        It must be called in the main thread. A second signal ends the process at once.

        Args:
            engine: What is served.
            to_all: Whether to all that reach it; else to programs of this machine alone, and to no
                page that a browser shows.
            ready: Called when requests are answered.
            stopping: Called when a signal came, before a few seconds may pass.

        Returns:
            The number of the signal.
        """
        # Putting into this queue is safe in a signal handler.
        signals: queue.Queue[int] = queue.Queue()

        def caught(number: int, _: FrameType | None) -> None:
            signals.put(number)

        before = {number: signal.signal(number, caught) for number in _SIGNALS}
        server = _Threads(self._listener, engine if to_all else OnlyThisMachine(engine))
        accepting = threading.Thread(
            target=server.serve_forever, args=(_LOOK_SECONDS,), name="assistants-serve", daemon=True
        )
        accepting.start()
        try:
            ready()
            number = _first(signals)
            _restore(before)
            stopping()
        finally:
            _restore(before)
            server.shutdown()
            self.close()
            engine.close()
            server.under_way.wait(DRAIN_SECONDS)
        return number

    def close(self) -> None:
        """Listens no longer."""
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


def _restore(handlers: Mapping[signal.Signals, _Handled]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _first(signals: queue.Queue[int]) -> int:
    while True:
        try:
            # On Windows a wait without an end would not be interrupted by Ctrl-C.
            return signals.get(timeout=0.5)
        except queue.Empty:
            continue


def shown_model(engine: Engine) -> str:
    """Which model answers, for people; the tutor with what was meant to choose another."""
    model = engine._model
    if isinstance(model, Tutor):
        tutor = "the offline tutor (arithmetic and linear equations; see --model-url)"
        return "\n        ".join([tutor, *environment.unused()])
    return repr(model)


def shown_database(engine: Engine) -> str:
    """Where the database is, for people; without a password."""
    shown = engine._database.shown_url
    path = shown.removeprefix(_SQLITE)
    if path in {"", ":memory:", "sqlite://"}:
        return "in memory: gone when this ends"
    return shown if path == shown or os.path.isabs(path) else _SQLITE + os.path.abspath(path)
