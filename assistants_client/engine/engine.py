"""The engine: database, model, workers; opened on first use, closed once.

Everything is put together here and nothing else is done: no rule, no SQL, no HTTP of its own.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Final

from assistants_client._arguments import number
from assistants_client.engine import environment
from assistants_client.engine.arguments import require_models, require_token
from assistants_client.engine.code_interpreter import CodeInterpreter
from assistants_client.engine.events.broker import Broker, RunEvent
from assistants_client.engine.executors import CELERY, THREADS, pools, senders
from assistants_client.engine.faults import Fault
from assistants_client.engine.http.app import IN_PROCESS, App
from assistants_client.engine.http.observed_requests import observed
from assistants_client.engine.http.page import page_response
from assistants_client.engine.http.responses import refusing
from assistants_client.engine.http.service_endpoints import service_endpoint
from assistants_client.engine.ids import NewId, new_id
from assistants_client.engine.language_models.base import LanguageModel
from assistants_client.engine.limits import limits
from assistants_client.engine.observability.metrics import Metrics
from assistants_client.engine.observability.observer import Observer
from assistants_client.engine.observability.readiness import READY_SECONDS, Readiness
from assistants_client.engine.relays import reach, relay_for
from assistants_client.engine.services._base import (
    Context,
    RunQueued,
    RunStopped,
    StoreFileQueued,
)
from assistants_client.engine.services._run_queue import RunQueue
from assistants_client.engine.services.worker_side.claims import RunTaken
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.services.worker_side.ingesting import Ingesting
from assistants_client.engine.services.worker_side.overview import Overview
from assistants_client.engine.services.worker_side.tool_use import ToolUse
from assistants_client.engine.storage.database import BRIEF, BUSY_SECONDS, Database
from assistants_client.engine.storage.store_faults import busy, closed
from assistants_client.engine.worker.executor import Executor
from assistants_client.engine.worker.ingester import Ingester
from assistants_client.engine.worker.lookout import Lookout, Source
from assistants_client.engine.worker.runner import Runner
from assistants_client.errors import ConfigurationError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from assistants_client.engine.search.embeddings import Embeddings

#: The database where none is named: a file in the working directory.
DEFAULT_URL: Final = "sqlite:///assistants.db"
#: How long a run may take, in seconds, where nothing else is said.
RUN_SECONDS: Final = 600
#: How long closing waits for the runs that are being processed, where nothing else is said.
CLOSE_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


class Engine:
    """Serves the protocol inside this process; it is a WSGI application, for any WSGI server.

    Nothing is opened, and no thread started, before the first request. Opening ends or continues
    the runs that an earlier process left behind, and so does, within seconds, every engine that is
    open on the same database when another's process is gone. Safe to share between threads and
    over a fork; only the built-in code interpreter refuses to work in a child forked after its
    first use.

    Args:
        url: The database, as SQLAlchemy reads it: ``sqlite:///file.db``, or ``sqlite://`` for one
            in memory, which is gone when the engine is closed; ``postgresql://user@host/name`` is
            for several processes and machines (extra ``postgres``).
        model: The language model; ``None`` chooses by the environment: ``ASSISTANTS_MODEL_URL``
            (with ``ASSISTANTS_MODEL_KEY``), else ``OPENAI_API_KEY``, else the offline tutor.
            ``ASSISTANTS_MODEL`` then names the model that is asked for, whatever a run names;
            ``ASSISTANTS_MODEL_MAP``, as ``old=new,old2=new2``, which one in whose place; and
            ``ASSISTANTS_MODEL_API`` the server's API, ``chat`` or ``responses``.
        embeddings: The embedding model, so that file search finds meanings beside words.
            Where ``model`` is chosen by the environment, ``ASSISTANTS_EMBEDDING_MODEL`` names the
            embedding model of the same server; without it files are searched by words alone.
        token: The token that requests over HTTP must have, as ``Authorization: Bearer`` or
            ``api-key``; ``None`` asks for none. Either way the tokens of ``assistants tokens`` are
            accepted, and one is asked for from the first that was made in the database on.
        allow_origins: The origins whose web pages may use the engine over HTTP from a browser, such
            as ``["https://app.example.org"]``; ``["*"]`` is all. ``None`` takes
            ``ASSISTANTS_ALLOW_ORIGIN``, which has them with commas, else there are none.
        workers: How many runs are processed at once; more of them wait for their turn, see
            :attr:`waiting_runs`. ``None`` takes ``ASSISTANTS_WORKERS``, else 64. A worker is a
            thread that exists only while it processes a run.
        max_runs: How many runs are processed at once by all processes on the database; more of them
            stay queued, see :meth:`queued_runs`. ``None`` takes ``ASSISTANTS_MAX_RUNS``, else it is
            any number.
        pool_size: How many connections to a PostgreSQL server this process has at most, beside two
            that pass events on where no Redis does; a request waits for one for half a minute.
            ``None`` takes ``ASSISTANTS_POOL_SIZE``, else 8: a connection is held for a transaction,
            never while a model is waited for.
        statement_timeout: The seconds after which a PostgreSQL server cancels a statement; 0 is
            never. ``None`` takes ``ASSISTANTS_STATEMENT_TIMEOUT``, else 30.
        run_seconds: The seconds from its creation after which an unfinished run expires.
        executor: ``"threads"``: runs are processed, and files of stores read, in this process.
            ``"celery"``: in those of ``assistants worker``, on this machine or others, which have
            the same database and ``broker``. ``None`` takes ``ASSISTANTS_EXECUTOR``, else threads.
        broker: The URL of a broker that all processes of the database share, such as
            ``redis://localhost:6379/0`` or ``amqp://user@host//`` (extra ``celery``). Through
            Redis, streams follow runs that other processes carry as they happen, and a cancelled
            run's process is told at once; on PostgreSQL the database itself does that without.
            ``None`` takes ``ASSISTANTS_BROKER``, else there is none.
        close_seconds: The seconds that closing waits for runs that are being processed; what is
            unfinished then is queued again, for another process or the next one: it begins anew
            with what was not finished, an answer of the model or a call of a built-in tool.
            More of it suits processes that are replaced while they are in use, such as gunicorn's
            with ``--max-requests``.
        metrics: Whether ``/metrics`` serves metrics in Prometheus' text form, to who has the token
            (extra ``metrics``). ``None`` takes ``ASSISTANTS_METRICS``, else there are none.
        page: Whether ``/`` serves a page, on which people see and run what is stored, with their
            token. ``None`` takes ``ASSISTANTS_NO_PAGE``, else there is one.
        clock: Returns the time in Unix seconds.
        new_id: Returns a new id, given a prefix such as ``run_``; no id may come twice.
        code_interpreter: The sandbox for the code that models write. ``"auto"``: CPython under
            bubblewrap where that works (extra ``data``), else the built-in subset of Python; the
            log says which. ``"bubblewrap"`` or ``"monty"``: that one alone. An object is used as it
            is. ``None`` takes ``ASSISTANTS_CODE_INTERPRETER``, else ``"auto"``.

    Raises:
        ConfigurationError: The URL or a setting of the environment cannot be used. A database that
            cannot be opened is reported by the first request, or by :meth:`open`.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        model: LanguageModel | None = None,
        *,
        embeddings: Embeddings | None = None,
        token: str | None = None,
        allow_origins: Iterable[str] | None = None,
        workers: int | None = None,
        max_runs: int | None = None,
        pool_size: int | None = None,
        statement_timeout: float | None = None,
        run_seconds: int = RUN_SECONDS,
        executor: str | None = None,
        broker: str | None = None,
        close_seconds: float = CLOSE_SECONDS,
        metrics: bool | None = None,
        page: bool | None = None,
        clock: Callable[[], float] = time.time,
        new_id: NewId = new_id,
        code_interpreter: CodeInterpreter | str | None = None,
    ) -> None:
        bounds = limits(
            workers=workers,
            max_runs=max_runs,
            pool_size=pool_size,
            statement_timeout=statement_timeout,
        )
        number("run_seconds", run_seconds, at_least=1, unit="seconds")
        number("close_seconds", close_seconds, at_least=0, unit="seconds")
        require_token(token)
        #: Whether ``/`` serves the page.
        self.has_page: bool = environment.page(page)
        self._origins = environment.allowed_origins(allow_origins)
        executor = environment.executor(executor)
        self._broker = broker = environment.broker(broker)
        require_models(model, embeddings)
        owned: list[Callable[[], object]] = []
        if model is None:
            model = environment.language_model()
            owned.append(getattr(model, "close", lambda: None))
            if embeddings is None:
                embeddings = environment.embeddings()
                owned.append(getattr(embeddings, "close", lambda: None))
        if code_interpreter is None or isinstance(code_interpreter, str):
            code_interpreter = environment.code_interpreter(code_interpreter)
            owned.append(code_interpreter.close)
        elif not hasattr(code_interpreter, "run"):
            raise ConfigurationError(
                "code_interpreter: expected a name or a code interpreter such as "
                f"BubblewrapInterpreter(), got {type(code_interpreter).__name__}"
            )
        self._model, self._code_interpreter = model, code_interpreter

        # It holds no reference to the engine, which is closed when it is dropped.
        def after_commit(emitted: Sequence[object]) -> None:
            for one in emitted:
                if isinstance(one, RunEvent):
                    events.publish([one])
                    observer.committed(one.document)
                elif isinstance(one, RunQueued):
                    observer.queued(one.run_id)
                    run_pool.submit(one.run_id, one.tenant)
                elif isinstance(one, RunStopped):
                    run_pool.cancel(one.run_id)
                    events.stop(one.run_id)
                elif isinstance(one, StoreFileQueued):
                    readers.submit(str(one.store_file), one.tenant)

        self._database = Database(
            url,
            after_commit,
            pool_size=bounds.pool_size,
            statement_timeout=bounds.statement_timeout,
        )
        self._events = events = Broker(relay=relay_for(self._database, url, broker))
        context = Context(
            database=self._database,
            clock=clock,
            new_id=new_id,
            run_seconds=run_seconds,
            events=events,
            embeddings=embeddings,
            model_names=tuple(getattr(model, "model_names", ())),
        )
        overview = Overview(context)
        self._metrics = made = _metrics(metrics, overview)
        self._observer = observer = Observer(
            made, agent_name=overview.agent_name, clock=clock, endings=(RunTaken,)
        )
        self._readiness = Readiness()
        self._queue = RunQueue(context, bounds.max_runs)
        self._execution, self._ingesting = Execution(context, self._queue), Ingesting(context)
        self._is_carrier = executor == THREADS
        self._run_pool, self._readers = run_pool, readers = (
            senders(self._database, broker)
            if executor == CELERY
            else pools(
                Runner(self._execution, model, code_interpreter, ToolUse(context), observer),
                Ingester(self._ingesting, embeddings),
                bounds.workers,
                self._queue.after_an_end,
            )
        )
        self._app = App(context, token=token)
        self._opening = threading.Lock()
        self._lookout = Lookout(
            Source(self._execution.unclaimed, run_pool),
            Source(self._ingesting.unclaimed, readers),
        )
        #: The process that it is open in: a forked child opens it anew.
        self._open_in: int | None = None
        # Also when the engine is dropped without close, and at the interpreter's end.
        self._finalizer = weakref.finalize(
            self,
            _close,
            [(run_pool, self._execution), (readers, self._ingesting)],
            close_seconds,
            self._lookout,
            # Streams send what has ended before they break off, and need no database for that.
            [context.events.close, self._database.close, *owned],
        )

    @classmethod
    def from_environment(cls, *, token: str | None = None, executor: str | None = None) -> Engine:
        """Returns the engine of ``Client()``: on ``ASSISTANTS_DATABASE_URL``, or a file beside you.

        Args:
            token: The bearer token that requests over HTTP must have; ``None`` asks for none.
            executor: As for the class.

        Raises:
            ConfigurationError: A setting of the environment cannot be used.
        """
        url = os.environ.get("ASSISTANTS_DATABASE_URL") or DEFAULT_URL
        return cls(url, token=token, executor=executor)

    def open(self) -> None:
        """Opens the database and queues what an earlier process left; requests do it themselves.

        Raises:
            ConfigurationError: The database cannot be opened, or the engine was closed.
        """
        self._require_unclosed()
        try:
            self._open(self._database.deadline())
        except Fault as fault:
            raise ConfigurationError(fault.message) from None

    def _require_unclosed(self) -> None:
        if not self._finalizer.alive:
            raise ConfigurationError(
                "This engine was closed, as it is with the Client() that opened it, or at the end "
                "of a with block. A closed engine stays closed: make another."
            )

    def _open(self, until: float, *, waits: bool = False) -> None:
        """Opens it, if it is not open in this process; waits for another thread that does.

        Args:
            until: For how long to wait, by ``time.monotonic``.
            waits: Whether a database server that cannot be reached is waited for.

        Raises:
            ConfigurationError: As :meth:`open`.
            Fault: 503: the database is in use.
        """
        if self._open_in == os.getpid():
            return
        if not self._opening.acquire(timeout=max(0.0, until - time.monotonic())):
            raise busy()
        try:
            if self._open_in != os.getpid():
                self._database.open(until, waits=waits)
                self._events.open(self._run_pool.cancel)
                if self._is_carrier:  # else the workers do so
                    self._take_over()
                self._open_in = os.getpid()
        finally:
            self._opening.release()

    def _take_over(self) -> None:
        """Begins what earlier processes left, and to look for what others leave from now on."""
        for queued in self._execution.orphans():
            self._run_pool.submit(queued.run_id, queued.tenant)
        for store_file in self._ingesting.orphans():
            self._readers.submit(str(store_file))
        if not self._database.is_in_memory:  # which no other process can use
            self._lookout.start()

    def close(self) -> None:
        """Waits ``close_seconds`` for the runs that it processes, releases the rest, closes all.

        What was given to the engine, such as a model, stays open. A closed engine stays closed.
        """
        self._finalizer()

    def busy(self) -> int:
        """Returns how many threads of this process work on a run or a file, or are about to."""
        return self._run_pool.busy() + self._readers.busy()

    @property
    def waiting_runs(self) -> int:
        """The number of runs that wait in this process because all of its ``workers`` are busy.

        The log warns of them, at most every ten seconds.
        """
        return self._run_pool.waiting()

    def queued_runs(self, *, before: str | None = None) -> int:
        """Returns how many runs are queued in the database, whichever process they came to.

        Args:
            before: The id of a run: only those are counted that were queued before it.

        Raises:
            ConfigurationError: The database cannot be read.
        """
        try:
            return self._queue.count(before, patience=BRIEF)
        except Fault as fault:
            raise ConfigurationError(fault.message) from None

    def watching(self, run_id: str, settled: Callable[[], object]) -> AbstractContextManager[None]:
        """Calls a function, within the block, when a run settles; of one of others, at once.

        Args:
            run_id: The run.
            settled: The function; it is called by the run's worker, and must not wait.
        """
        return self._events.watching(run_id, settled, self._run_pool.has)

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Returns whether a request has a token that is asked for, if one is; it hardly waits.

        Args:
            headers: The request's headers, in WSGI's names.
        """
        return self._app.admits(headers)

    def requires_token(self) -> bool:
        """Returns whether every request over HTTP must have a token.

        Raises:
            ConfigurationError: As :meth:`open`.
        """
        self.open()
        try:
            return self._app.requires_token()
        except Fault as fault:
            raise ConfigurationError(fault.message) from None

    def allows(self, origin: str | None) -> bool:
        """Returns whether web pages of an origin, as browsers send it, may use the engine."""
        return self._origins.admits(origin)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request, as WSGI has it.

        Raises:
            ConfigurationError: As :meth:`open`, to a client in this process; others get a 503.
        """
        return observed(self._observer, self._serve, environ, start_response)

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        metrics = self._metrics
        endpoint = service_endpoint(
            environ,
            missing=self._missing,
            exposition=None if metrics is None else lambda: metrics.exposition(self.waiting_runs),
            require_all_access=self._app.require_all_access,
        ) or (page_response(environ) if self.has_page else None)
        if endpoint is not None:
            return endpoint(environ, start_response)
        return self._origins.respond(self._respond, environ, start_response)

    def _missing(self) -> Mapping[str, str]:
        """Returns what is missing of all that requests and runs use, and why."""
        if not self._finalizer.alive:
            return {"engine": "is stopping"}
        checks: dict[str, Callable[[], object]] = {"database": self._check_database}
        if self._broker is not None:
            checks["broker"] = functools.partial(reach, self._broker, READY_SECONDS)
        return self._readiness.missing(checks)

    def _check_database(self) -> None:
        """Takes the right to write for a moment.

        Raises:
            Fault: It is not to be had within ``READY_SECONDS``.
            ConfigurationError: As :meth:`open`.
        """
        self._open(time.monotonic() + READY_SECONDS)
        with self._database.begin(patience=READY_SECONDS / BUSY_SECONDS):
            pass

    def _respond(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            self._require_unclosed()
            is_remote = environ.get(IN_PROCESS) is not True
            self._open(self._database.deadline(), waits=is_remote)
        except Fault as fault:
            return refusing(fault)(environ, start_response)
        except ConfigurationError:
            if environ.get(IN_PROCESS) is True:
                raise
            if not self._finalizer.alive:
                return refusing(closed())(environ, start_response)
            _log.exception("The engine cannot be opened")
            message = "The engine cannot be opened; its log says why."
            return refusing(Fault(503, message, type="server_error"))(environ, start_response)
        return self._app(environ, start_response)

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Engine on {self._database.shown_url}, {type(self._model).__name__}>"


def _metrics(given: bool | None, overview: Overview) -> Metrics | None:
    if not (environment.metrics() if given is None else given):
        return None
    try:
        return Metrics(overview.stored_runs)
    except ConfigurationError as error:
        name = "$ASSISTANTS_METRICS" if given is None else "metrics"
        raise ConfigurationError(f"{name}: {error}") from error


def _close(
    pools: Iterable[tuple[Executor, Execution | Ingesting]],
    seconds: float,
    lookout: Lookout,
    others: Iterable[Callable[[], object]],
) -> None:
    until = time.monotonic() + seconds
    lookout.close()
    for pool, held in pools:
        is_done = pool.close(max(0.0, until - time.monotonic()))
        held.close()
        if not is_done:
            try:
                held.release_all()
            except Exception:
                # The next process that opens the database finds them with a dead owner.
                _log.warning("Unfinished work could not be released", exc_info=True)
        pool.leave_rest()
    for close in others:
        close()
