"""The client: where it connects to, one attribute per resource, and waiting for runs."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, overload
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from assistants_client._checks import Timeout, checked_base_url
from assistants_client._transport import DEFAULT_TIMEOUT, ApiKey, Options, Query, Transport
from assistants_client.backoff import AdaptiveBackoff, BackoffLike
from assistants_client.errors import ConfigurationError
from assistants_client.models.runs import Run
from assistants_client.resources.assistants import Assistants
from assistants_client.resources.messages import Messages
from assistants_client.resources.run_steps import RunSteps
from assistants_client.resources.runs import Runs
from assistants_client.resources.threads import Threads
from assistants_client.waiting import DEFAULT_WAIT, Time, wait

if TYPE_CHECKING:
    from assistants_client.engine import Engine

#: The address under which the embedded engine stands in for a server; nothing is looked up.
_EMBEDDED = "http://embedded-engine.invalid/v1"


class Client:
    """A blocking client of the Assistants protocol; safe to share between threads.

    Without arguments it connects to ``$ASSISTANTS_BASE_URL``, and where that is not set it runs the
    embedded engine in this process.

    Args:
        base_url: A server that speaks the protocol, such as ``https://host/v1``.
        api_key: Sent as a bearer token; a callable is asked before every request. The default is
            ``$ASSISTANTS_API_KEY``; ``$OPENAI_API_KEY`` is used for OpenAI's own hosts only.
        engine: An engine of yours, instead of a server. It stays open when the client closes.
        timeout: Seconds, or ``(connect, read)`` seconds. ``float("inf")`` waits for ever.
        backoff: The default delays of :meth:`wait_for_run`: a backoff, or seconds.
        headers: Sent with every request.
        params: Query parameters sent with every request.
        organization: Sent as ``OpenAI-Organization``.
        project: Sent as ``OpenAI-Project``.
        session: A ``requests.Session`` of yours, with its adapters, proxies and authentication.

    Raises:
        ConfigurationError: An argument cannot be used, or the embedded engine is not installed.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: ApiKey | None = None,
        engine: Engine | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        backoff: BackoffLike | None = None,
        headers: Mapping[str, str] | None = None,
        params: Query | None = None,
        organization: str | None = None,
        project: str | None = None,
        session: requests.Session | None = None,
    ) -> None:
        if base_url is not None and engine is not None:
            raise ConfigurationError("base_url and engine: give one of them, not both")
        if base_url is None and engine is None:
            base_url = os.environ.get("ASSISTANTS_BASE_URL") or None
        sent = {"OpenAI-Beta": "assistants=v2"}
        if organization is not None:
            sent["OpenAI-Organization"] = organization
        if project is not None:
            sent["OpenAI-Project"] = project
        sent.update(headers or {})
        adapter = None
        self._close_engine: Callable[[], object] | None = None
        if base_url is None:
            if engine is None:
                engine = _default_engine()
                # Also when the client is dropped without close, and at the interpreter's end.
                self._close_engine = weakref.finalize(self, engine.close)
            adapter = _adapter_for(engine)
            base_url = _EMBEDDED
        elif api_key is None:
            api_key = _key_for(checked_base_url(base_url))
        self._transport = Transport(
            base_url,
            api_key=api_key,
            options=Options(timeout=timeout, headers=sent, params=params or {}),
            session=session,
            adapter=adapter,
        )
        self._backoff = AdaptiveBackoff() if backoff is None else backoff
        self._time = Time(time.monotonic, time.sleep)
        self.assistants = Assistants(self._transport)
        self.threads = Threads(self._transport)
        self.messages = Messages(self._transport)
        self.runs = Runs(self._transport)
        self.run_steps = RunSteps(self._transport)

    @overload
    def wait_for_run(
        self,
        run: Run,
        *,
        timeout: float = ...,
        backoff: BackoffLike | None = ...,
        on_poll: Callable[[Run], object] | None = ...,
        check: bool = ...,
    ) -> Run: ...
    @overload
    def wait_for_run(
        self,
        *,
        thread_id: str,
        run_id: str,
        timeout: float = ...,
        backoff: BackoffLike | None = ...,
        on_poll: Callable[[Run], object] | None = ...,
        check: bool = ...,
    ) -> Run: ...
    def wait_for_run(
        self,
        run: Run | None = None,
        *,
        thread_id: str | None = None,
        run_id: str | None = None,
        timeout: float = DEFAULT_WAIT,
        backoff: BackoffLike | None = None,
        on_poll: Callable[[Run], object] | None = None,
        check: bool = True,
    ) -> Run:
        """Waits until a run is final or requires action, and answers it as it is then.

        Single polls that fail (a broken connection, a 429, a 5xx) do not end the wait, and an
        unknown status is waited on, both within the timeout. Ctrl-C leaves at once; the run goes
        on and can be picked up again by its ids.

        Args:
            run: The run; or give its ids.
            thread_id: The id of its thread.
            run_id: Its id.
            timeout: Seconds for the whole wait, whatever the server does. The default covers the
                600 s after which a run expires; ``float("inf")`` sets no bound.
            backoff: The delays between polls: a backoff, or a number of seconds. Where the server
                says when to ask again (``openai-poll-after-ms``), that is followed instead.
            on_poll: Called with the run after every poll.
            check: ``False`` answers a run that did not complete instead of raising.

        Raises:
            RunFailedError: The run failed; ``.run.last_error`` says why.
            RunCancelledError: It was cancelled.
            RunExpiredError: It expired, perhaps waiting for tool outputs.
            RunIncompleteError: It ended early, for instance at a token limit.
            WaitTimeoutError: The timeout was reached; ``.run`` is the run as last seen.
            APIError: A poll was refused in a way that waiting cannot cure, such as a 404.
        """
        if run is not None:
            if thread_id is not None or run_id is not None:
                raise ConfigurationError("run: give the run or its ids, not both")
            thread_id, run_id = run.thread_id, run.id
        if thread_id is None or run_id is None:
            raise ConfigurationError("run: give a run, or both thread_id and run_id")
        thread, name = thread_id, run_id
        return wait(
            lambda: self.runs.poll(thread, name),
            name=name,
            run=run,
            timeout=timeout,
            backoff=self._backoff if backoff is None else backoff,
            check=check,
            on_poll=on_poll,
            time=self._time,
        )

    def close(self) -> None:
        """Closes the connections, and the embedded engine where the client opened it itself."""
        self._transport.close()
        if self._close_engine is not None:
            self._close_engine()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        embedded = self._transport.base_url == _EMBEDDED
        return f"<Client of {'the embedded engine' if embedded else self._transport.base_url}>"


def _default_engine() -> Engine:
    try:
        from assistants_client.engine import Engine  # noqa: PLC0415 (an extra, and slow to import)
    except ImportError as error:
        raise ConfigurationError(
            "Client() without a base URL runs the embedded engine, and its packages are not "
            f'installed ({error.name} is missing): pip install "assistants-client[engine]"; or '
            "give base_url, or set ASSISTANTS_BASE_URL"
        ) from error
    return Engine.from_environment()


def _adapter_for(engine: Engine) -> BaseAdapter:
    from assistants_client.engine.adapter import EngineAdapter  # noqa: PLC0415 (see above)

    return EngineAdapter(engine)


def _key_for(base_url: str) -> str | None:
    """The key from the environment; OpenAI's is never sent to another host."""
    key = os.environ.get("ASSISTANTS_API_KEY")
    host = urlsplit(base_url).hostname or ""
    if not key and (host == "openai.com" or host.endswith(".openai.com")):
        key = os.environ.get("OPENAI_API_KEY")
    return key or None
