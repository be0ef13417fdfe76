"""HTTP on a socket: waitress, bounded in time, connections and memory.

Waitress reads requests in one loop, so that slow clients hold no thread; a whole request gets one.
Added are room for new connections at the expense of idle ones, threads that come and go with the
load and keep a connection while its requests follow each other at once, and refusals in the
protocol's own form. What a request may be is in waitress_request.py. No route and no rule about any
object belongs here.

Alternatives: Werkzeug's development server and cheroot hold a thread for each connection that
sends slowly, the former without keep-alive; granian has processes and signals of its own.
"""

# The stubs that type checkers have of waitress are of an old release.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# pyright: reportIncompatibleVariableOverride=false, reportOptionalMemberAccess=false
# pyright: reportIndexIssue=false

from __future__ import annotations

import contextlib
import functools
import json
import logging
import math
import select
import socket
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, WSGITask

from assistants_client._json.codec import encode
from assistants_client.engine.http.app import UNREAD
from assistants_client.engine.http.responses import signature
from assistants_client.engine.ids import new_id
from assistants_client.engine.serving.waitress_request import (
    MAX_HEAD,
    ArrivingRequest,
    RefusesEarly,
)
from assistants_client.models.error_body import ErrorBody, ErrorDetail

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

#: Connections that are open at once. For one more, that which is idle for longest is closed.
CONNECTIONS: Final = 2048
#: A connection on which nothing moves for so many seconds is closed.
IDLE_SECONDS: Final = 120
#: A thread ends that had no request for so many seconds.
THREAD_IDLE_SECONDS: Final = 10.0

#: Seconds between two checks of the deadlines.
_CHECK_SECONDS: Final = 1
#: So many seconds input is dropped that comes after a refusal: a connection that is closed with
#: some of it unread is reset, and the refusal may be lost.
_LINGER_SECONDS: Final = 2.0
#: So many seconds a thread waits for the next request of a connection that it has responded to.
_HOLD_SECONDS: Final = 0.02
#: A response's sender waits while so many bytes of it are not sent.
_UNSENT: Final = 256 * 1024
#: File descriptors for what is no connection: database, models, files.
_OTHER_FILES: Final = 256
#: Windows has no ``poll``, and its ``select`` takes no more sockets.
_SELECTABLE: Final = 500
_BACKLOG: Final = 1024
_ACCEPTED_AT_ONCE: Final = 32

_log = logging.getLogger(__name__)


class _Refusal(ErrorTask):  # type: ignore[misc]
    """The response to a bad request that no application sees; it closes the connection."""

    def execute(self) -> None:
        error = self.request.error
        detail = ErrorDetail(message=f"{error.body}.", type="invalid_request_error")
        body = json.dumps(encode(ErrorBody(error=detail))).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.response_headers.extend(signature(new_id("req_")))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Task(WSGITask):  # type: ignore[misc]
    """A request that the application sees."""

    def get_environment(self) -> dict[str, object]:
        environ: dict[str, object] = super().get_environment()
        if self.request.is_cut:
            environ[UNREAD] = True
        return environ

    def build_response_header(self) -> bytes:
        """Has the head sent with what follows it, in one packet; nothing is sent here."""
        self.channel.hold_back(super().build_response_header())
        return b""

    def finish(self) -> None:
        super().finish()
        self.channel.send_head()


class _Held(threading.local):
    """The state of a thread that handles requests.

    Attributes:
        connection: The connection that it holds, whose requests it handles.
    """

    connection: _Connection | None = None


_held: Final = _Held()


def _is_readable_soon(sock: socket.socket) -> bool:
    """Returns whether something comes, or has come, within ``_HOLD_SECONDS``."""
    if not hasattr(select, "poll"):  # Windows, whose select takes any number
        return bool(select.select([sock], [], [], _HOLD_SECONDS)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(1000 * _HOLD_SECONDS))


class _Connection(HTTPChannel):  # type: ignore[misc]
    task_class = _Task
    error_task_class = _Refusal
    request: ArrivingRequest | None

    def __init__(self, server: HTTPServer, sock: socket.socket, *rest: object, **more: object):
        self.parser_class = functools.partial(ArrivingRequest, refuses_early=server.refuses_early)
        self._unsent_at, self._unsent_since = 0.0, 0.0
        self.idle_since = time.monotonic()
        self._is_cut, self._lingers_since = False, math.inf
        #: Whether a thread handles its requests, and receives them: the loop does not then.
        self.is_held = False
        self._head = b""
        super().__init__(server, sock, *rest, **more)

    @property
    def is_idle(self) -> bool:
        """True where no request is being handled, and no response on its way."""
        return not self.requests and not self.total_outbufs_len

    def service(self) -> None:
        """Handles its request, and those that follow at once; then the loop waits for the next.

        Who sends many requests sends one when it has the response to the last: through the loop
        and back it would take the processor three times as much as here.
        """
        self.is_held, _held.connection = True, self
        try:
            while self.is_held:
                self._handle(self.requests[0])
                if not self.requests and not self.concerns_loop:
                    self._receive_soon()
                with self.requests_lock:
                    self.is_held = bool(self.requests)
        finally:
            self.is_held, _held.connection = False, None
        if self.connected:
            self.server.pull_trigger()

    def _handle(self, request: ArrivingRequest) -> None:
        if self.server.is_stopping:
            request.headers["CONNECTION"] = "close"
        self._is_cut = request.is_cut or request.error is not None
        super().service()
        self.idle_since = time.monotonic()

    @property
    def concerns_loop(self) -> bool:
        """True where there is something to send, or it is to be closed."""
        return bool(self.total_outbufs_len or self.close_when_flushed or self.will_close)

    def _receive_soon(self) -> None:
        sock = self.socket
        # An error, or the end, is met by the loop again, which alone closes it: it may have by now.
        with contextlib.suppress(OSError, ValueError):
            if sock is not None and _is_readable_soon(sock):
                data = sock.recv(self.adj.recv_bytes)
                self.last_activity = time.time()
                self.received(data)

    def handle_close(self) -> None:
        if self._is_cut and self._lingers_since == math.inf:
            self._lingers_since = time.monotonic()
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                return
        super().handle_close()

    def readable(self) -> bool:
        return self._lingers or (not self.is_held and bool(super().readable()))

    def writable(self) -> bool:
        return not self._lingers and bool(super().writable())

    def handle_read(self) -> None:
        if self._lingers:
            with contextlib.suppress(OSError):
                self.recv(self.adj.recv_bytes)  # closes at the end
        else:
            super().handle_read()

    @property
    def _lingers(self) -> bool:
        return self._lingers_since < math.inf

    def hold_back(self, head: bytes) -> None:
        """Has a response's head sent with what is written next."""
        self._head = head

    def send_head(self) -> None:
        """Sends a head that nothing follows."""
        head, self._head = self._head, b""
        super().write_soon(head)

    def write_soon(self, data: bytes) -> int:
        if data:
            head, self._head = self._head, b""
            super().write_soon(head + data)
        return len(data)

    def give_up(self) -> None:
        """Has the loop close it, which alone may: a file that it polls must not become another."""
        self.will_close = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def check_deadlines(self) -> None:
        """Ends what takes too long: a request to arrive, a response to be taken."""
        now = time.monotonic()
        if now - self._lingers_since > _LINGER_SECONDS:
            self.give_up()
        if not self.total_outbufs_len or self.last_activity != self._unsent_at:
            self._unsent_at, self._unsent_since = self.last_activity, now
        elif now - self._unsent_since > IDLE_SECONDS:
            self.give_up()
        with self.requests_lock:
            request = self.request
            if not self.requests and request is not None and request.give_up_if_late(now):
                self.request, self.sent_continue = None, False
                self.requests.append(request)
                self.server.add_task(self)


class _Dispatcher:
    """Waitress' dispatcher of tasks; threads are started when needed and end when they are not.

    There are never more of them than connections.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._tasks: deque[_Connection] = deque()
        self._idle = 0

    def add_task(self, task: _Connection) -> None:
        """Has a connection's request handled."""
        with self._changed:
            self._tasks.append(task)
            if len(self._tasks) <= self._idle:
                self._changed.notify()
                return
        try:
            threading.Thread(target=self._work, name="assistants-http", daemon=True).start()
        except RuntimeError:  # no more threads to be had: one of the others takes it
            _log.exception("No thread could be started for a request")

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._tasks:
                    self._idle += 1
                    self._changed.wait_for(lambda: self._tasks, THREAD_IDLE_SECONDS)
                    self._idle -= 1
                    if not self._tasks:
                        return
                task = self._tasks.popleft()
            try:
                task.service()
            except Exception:
                _log.exception("A connection broke off")
                task.will_close = True


class HTTPServer(TcpWSGIServer):  # type: ignore[misc]
    """Serves an application on a socket that listens, from ``run`` until ``end``.

    Args:
        listener: The socket; it is closed by ``stop_accepting``.
        application: The application.
        refuses_early: Returns whether a request is refused without its body; the application is
            called with an empty one instead.
        max_body: A request's body has less bytes.
    """

    channel_class: type[HTTPChannel] = _Connection

    def __init__(
        self,
        listener: socket.socket,
        application: WSGIApplication,
        *,
        refuses_early: RefusesEarly,
        max_body: int,
    ) -> None:
        self.refuses_early = refuses_early
        self.is_stopping: bool = False
        self._has_stopped = threading.Event()
        self._has_ended = False
        self._waking = threading.Lock()
        self._is_closed = False
        self._limit = _connections()
        settings = Adjustments(
            sockets=[listener],
            backlog=_BACKLOG,
            ident="assistants-client",
            # Waitress counts its own two files, and then no longer accepts.
            connection_limit=self._limit + 2,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=_CHECK_SECONDS,
            asyncore_use_poll=True,
            log_socket_errors=False,
            max_request_header_size=MAX_HEAD,
            max_request_body_size=max_body,
            inbuf_overflow=_UNSENT // 4,
            outbuf_high_watermark=_UNSENT,
        )
        super().__init__(
            application,
            _sock=listener,
            dispatcher=_Dispatcher(),
            adj=settings,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            bind_socket=False,
        )

    def add_task(self, task: Any) -> None:
        """Called by waitress when a connection has a request: has it handled."""
        if not task.is_held:  # else it is handled next, where it is held
            super().add_task(task)

    def pull_trigger(self) -> None:
        """Called by waitress when a thread has done something: has the loop look at it."""
        connection = _held.connection
        if connection is None or connection.concerns_loop:
            with self._waking:
                if not self._is_closed:
                    super().pull_trigger()

    def run(self) -> None:
        """Serves; ends after ``end``."""
        while not self._has_ended:
            wasyncore.loop(timeout=_CHECK_SECONDS, use_poll=True, map=self._map, count=1)
        with self._waking:  # who wakes the loop writes into a pipe, which is closed here
            self._is_closed = True
        wasyncore.close_all(self._map)

    def stop_accepting(self) -> None:
        """Closes the listener and idle connections; the others close after their response."""
        self.is_stopping = True
        self.pull_trigger()
        self._has_stopped.wait(2 * _CHECK_SECONDS)

    def drain(self, seconds: float) -> None:
        """Waits until all responses are on their way, but not longer than these seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._is_idle():
            time.sleep(0.02)

    def end(self) -> None:
        """Has ``run`` close everything and return."""
        self._has_ended = True
        self.pull_trigger()

    def _is_idle(self) -> bool:
        return all(connection.is_idle for connection in list(self.active_channels.values()))

    def readable(self) -> bool:
        """Returns whether to accept connections; called by waitress in each round of the loop."""
        if self.is_stopping:
            self._stop()
            return False
        if len(self.active_channels) >= self._limit:
            self._make_room()
        return bool(super().readable())

    def handle_accept(self) -> None:
        """Called by waitress when there is a connection to accept; often it is not the only one."""
        for _ in range(_ACCEPTED_AT_ONCE):
            before = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == before or before + 1 >= self._limit:
                return

    def maintenance(self, now: float) -> None:
        """Called by waitress each second: closes what takes too long."""
        super().maintenance(now)
        for connection in list(self.active_channels.values()):
            connection.check_deadlines()

    def _make_room(self) -> None:
        remaining = [one for one in self.active_channels.values() if not one.will_close]
        idle = [one for one in remaining if one.is_idle]
        if idle and len(remaining) >= self._limit:
            min(idle, key=lambda one: one.idle_since).give_up()

    def _stop(self) -> None:
        self.accepting = False
        self.del_channel()
        self.socket.close()
        for connection in list(self.active_channels.values()):
            if connection.is_idle:
                connection.give_up()
        self._has_stopped.set()


def _connections() -> int:
    """Returns the bound on connections; each may need a second file, for a large body."""
    if sys.platform == "win32":
        return _SELECTABLE
    import resource  # there is none on Windows

    wanted = 2 * CONNECTIONS + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        more = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
        except (OSError, ValueError):
            _log.debug("No more than %d files may be open", soft, exc_info=True)
        else:
            soft = more
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS
    return min(CONNECTIONS, max(soft - _OTHER_FILES, _OTHER_FILES) // 2)
