"""The client: its arguments, one attribute per resource, and waiting for runs.

The work is done elsewhere: in ``connect.py``, ``resources/`` and ``waiting/``.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, overload

from assistants_client._arguments import Timeout
from assistants_client._http.auth import Credential
from assistants_client._http.options import (
    DEFAULT_MAX_RESPONSE_BYTES,
    DEFAULT_TIMEOUT,
    ApiKey,
    Query,
    RetryPolicy,
)
from assistants_client._suggestions import explains_arguments, no_attribute
from assistants_client.backoff import BackoffLike
from assistants_client.client import connect, resources
from assistants_client.waiting.options import DEFAULT_WAIT

# Calls and waits, with the objects of the protocol, are imported by the first that is made.
if TYPE_CHECKING:
    import requests

    from assistants_client._http.transport import Transport
    from assistants_client.engine import Engine
    from assistants_client.function_tools.function_tool import ToolLike
    from assistants_client.models.messages import OnActiveRun
    from assistants_client.models.replies import Reply
    from assistants_client.models.run_streams import Approve, Journal, OnToolError
    from assistants_client.models.runs import Run
    from assistants_client.waiting.many_runs import RunOrIds
    from assistants_client.waiting.waiter import Waiter


class Client:
    """A blocking client of the Assistants protocol; safe to share between threads.

    Without arguments it connects to ``$ASSISTANTS_BASE_URL``, and where that is not set it runs the
    embedded engine in this process. Its operations are methods of its attributes, one for each
    resource (``client.threads.create()``), and :meth:`ask`, :meth:`wait_for_run` and
    :meth:`wait_for_runs`.

    Args:
        base_url: A server that speaks the protocol, such as ``https://host/v1``.
        api_key: Sent as a bearer token; a callable is called before every request. The default
            is ``$ASSISTANTS_API_KEY``; ``$OPENAI_API_KEY`` is used for OpenAI's own hosts only.
        engine: An engine of yours, instead of a server. It stays open when the client closes.
        organization: Sent as ``OpenAI-Organization``.
        project: Sent as ``OpenAI-Project``.
        timeout: Seconds, or ``(connect, read)`` seconds. ``float("inf")`` waits for ever.
        retries: Further tries of a request that failed (``0`` sends it once), or a policy; by
            default 2.
        backoff: The default delays of :meth:`wait_for_run`: a backoff, or seconds.
        max_polls_per_second: A cap on the polls of all waits of this client together, in whatever
            thread; the one that has been due longest goes first. ``None`` sets none.
        headers: Sent with every request.
        params: Query parameters sent with every request.
        max_response_bytes: The largest JSON response that is read.
        session: A ``requests.Session`` of yours, with its adapters, proxies and authentication. Its
            adapters then decide about retries.

    Raises:
        ConfigurationError: An argument cannot be used, or the embedded engine is not installed.
    """

    _close_engine: Callable[[], object] | None = None
    _connection: connect.Connection
    _run_calls: cached_property[resources.RunCalls] = cached_property(resources.run_calls)

    assistants: cached_property[resources.Assistants] = cached_property(resources.assistants)
    threads: cached_property[resources.Threads] = cached_property(resources.threads)
    messages: cached_property[resources.Messages] = cached_property(resources.messages)
    runs: cached_property[resources.Runs] = cached_property(resources.runs)
    run_steps: cached_property[resources.RunSteps] = cached_property(resources.run_steps)
    files: cached_property[resources.Files] = cached_property(resources.files)
    vector_stores: cached_property[resources.VectorStores] = cached_property(
        resources.vector_stores
    )
    vector_store_files: cached_property[resources.VectorStoreFiles] = cached_property(
        resources.vector_store_files
    )
    vector_store_file_batches: cached_property[resources.VectorStoreFileBatches] = cached_property(
        resources.vector_store_file_batches
    )

    @explains_arguments
    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: ApiKey | None = None,
        engine: Engine | None = None,
        organization: str | None = None,
        project: str | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        retries: RetryPolicy | int | None = None,
        backoff: BackoffLike | None = None,
        max_polls_per_second: float | None = None,
        headers: Mapping[str, str] | None = None,
        params: Query | None = None,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        session: requests.Session | None = None,
    ) -> None:
        headers = {**connect.own_headers(organization, project), **(headers or {})}
        options = connect.checked_options(
            timeout, headers, params or {}, retries, max_response_bytes
        )
        self._waiter: Waiter = connect.waiter_of(backoff, max_polls_per_second)
        self._connection, own_engine = connect.connected(
            base_url, engine, api_key, options, session
        )
        if own_engine is not None:
            # Also without close: when nothing is left that sends by this transport, as its copies
            # and the resources do, and at the interpreter's end.
            self._close_engine = weakref.finalize(self._transport, own_engine.close)

    @classmethod
    def _of(cls, connection: connect.Connection, waiter: Waiter) -> Client:
        client = cls.__new__(cls)
        client._connection, client._waiter = connection, waiter
        return client

    @property
    def _transport(self) -> Transport:
        return self._connection.transport()

    @classmethod
    @explains_arguments
    def foundry(  # noqa: D417 - the other arguments are explained by the class
        cls,
        endpoint: str,
        credential: Credential | Callable[[], str],
        *,
        api_version: str = "v1",
        timeout: Timeout = DEFAULT_TIMEOUT,
        retries: RetryPolicy | int | None = None,
        backoff: BackoffLike | None = None,
        max_polls_per_second: float | None = None,
        headers: Mapping[str, str] | None = None,
        params: Query | None = None,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        session: requests.Session | None = None,
    ) -> Client:
        """Returns a client of Azure AI Foundry Agents (classic), which end on 2027-03-31.

        ``timeout``, ``retries``, ``backoff``, ``max_polls_per_second``, ``headers``, ``params``,
        ``max_response_bytes`` and ``session`` are as for :class:`Client`, as are the errors.

        Args:
            endpoint: ``https://RESOURCE.services.ai.azure.com/api/projects/PROJECT``.
            credential: An azure-identity credential, whose tokens are renewed before they expire,
                or a callable that returns a bearer token and is called before every request.
            api_version: Sent with every request.
        """
        params = {"api-version": api_version, **(params or {})}
        options = connect.checked_options(
            timeout, headers or {}, params, retries, max_response_bytes
        )
        connection = connect.to_foundry(endpoint, credential, options, session)
        return cls._of(connection, connect.waiter_of(backoff, max_polls_per_second))

    @classmethod
    @explains_arguments
    def azure(  # noqa: D417 - the other arguments are explained by the class
        cls,
        endpoint: str,
        *,
        api_version: str,
        api_key: ApiKey | None = None,
        credential: Credential | Callable[[], str] | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        retries: RetryPolicy | int | None = None,
        backoff: BackoffLike | None = None,
        max_polls_per_second: float | None = None,
        headers: Mapping[str, str] | None = None,
        params: Query | None = None,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        session: requests.Session | None = None,
    ) -> Client:
        """Returns a client of a server that speaks Azure OpenAI's form of the protocol.

        Azure OpenAI itself switched its assistants off on 2026-08-26. ``timeout``, ``retries``,
        ``backoff``, ``max_polls_per_second``, ``headers``, ``params``, ``max_response_bytes`` and
        ``session`` are as for :class:`Client`, as are the errors.

        Args:
            endpoint: ``https://RESOURCE.openai.azure.com``; ``/openai`` is put behind it.
            api_version: Sent with every request.
            api_key: Sent in the header ``api-key``; the default is ``$AZURE_OPENAI_API_KEY``.
            credential: Instead of a key, an azure-identity credential or a callable that returns a
                bearer token.
        """
        headers = {**connect.BETA, **(headers or {})}
        params = {"api-version": api_version, **(params or {})}
        options = connect.checked_options(timeout, headers, params, retries, max_response_bytes)
        connection = connect.to_azure(endpoint, api_key, credential, options, session)
        return cls._of(connection, connect.waiter_of(backoff, max_polls_per_second))

    @explains_arguments
    def with_options(
        self,
        *,
        timeout: Timeout | None = None,
        headers: Mapping[str, str] | None = None,
        params: Query | None = None,
        retries: RetryPolicy | int | None = None,
    ) -> Client:
        """Returns a copy on the same connections, to vary a single call; closing it closes nothing.

        Args:
            timeout: Instead of the client's.
            headers: Beside the client's; these win.
            params: Query parameters beside the client's; these win.
            retries: Instead of the client's; the retry budget stays shared.

        Raises:
            ConfigurationError: An argument cannot be used.
        """
        connection = connect.changed(self._connection, timeout, headers, params, retries)
        return self._of(connection, self._waiter)

    if not TYPE_CHECKING:  # a type checker says so itself, and means it

        def __getattr__(self, name: str) -> None:
            raise no_attribute(self, name)

    @overload
    def wait_for_run(
        self,
        run: Run,
        *,
        tools: Iterable[ToolLike] | None = ...,
        timeout: float = ...,
        backoff: BackoffLike | None = ...,
        on_poll: Callable[[Run], object] | None = ...,
        check: bool = ...,
        stalled_after: float | None = ...,
        cancel_on_timeout: bool = ...,
        on_tool_error: OnToolError = ...,
        approve: Approve | None = ...,
        parallel_tools: int = ...,
        max_tool_rounds: int = ...,
        journal: Journal | None = ...,
        progress: bool = ...,
    ) -> Run: ...
    @overload
    def wait_for_run(
        self,
        *,
        thread_id: str,
        run_id: str,
        tools: Iterable[ToolLike] | None = ...,
        timeout: float = ...,
        backoff: BackoffLike | None = ...,
        on_poll: Callable[[Run], object] | None = ...,
        check: bool = ...,
        stalled_after: float | None = ...,
        cancel_on_timeout: bool = ...,
        on_tool_error: OnToolError = ...,
        approve: Approve | None = ...,
        parallel_tools: int = ...,
        max_tool_rounds: int = ...,
        journal: Journal | None = ...,
        progress: bool = ...,
    ) -> Run: ...
    @explains_arguments
    def wait_for_run(
        self,
        run: Run | None = None,
        *,
        thread_id: str | None = None,
        run_id: str | None = None,
        tools: Iterable[ToolLike] | None = None,
        timeout: float = DEFAULT_WAIT,
        backoff: BackoffLike | None = None,
        on_poll: Callable[[Run], object] | None = None,
        check: bool = True,
        stalled_after: float | None = None,
        cancel_on_timeout: bool = False,
        on_tool_error: OnToolError = "report",
        approve: Approve | None = None,
        parallel_tools: int = 1,
        max_tool_rounds: int = 10,
        journal: Journal | None = None,
        progress: bool = False,
    ) -> Run:
        """Waits until a run is final or requires action, and returns it as it is then.

        Single polls that fail (a broken connection, a 429, a 5xx) do not end the wait, and an
        unknown status is waited on, both within the timeout. Ctrl-C leaves at once; the run goes
        on and can be picked up again by its ids.

        Args:
            run: The run; or give its ids.
            thread_id: The id of its thread.
            run_id: Its id.
            tools: Functions, made tools by ``@tool`` or plain. When the run requires action, they
                are called and the wait goes on. The run has the tools that it was started with.
            timeout: Seconds for the whole wait, whatever the server does. The default covers the
                600 s after which a run expires; ``float("inf")`` sets no bound. A tool that is
                running is not interrupted.
            backoff: The delays between polls: a backoff, or a number of seconds. Where the server
                says when to poll again (``openai-poll-after-ms``), that is followed instead.
            on_poll: Called with the run after every poll.
            check: ``False`` returns a run that did not complete instead of raising.
            stalled_after: Seconds after which the wait for a run that does not change ends; the run
                is left as it is.
            cancel_on_timeout: Cancels the run when the time is up, and waits up to 30 s more for
                its end; ``.run`` of the error is the run then.
            on_tool_error: ``report`` lets the model read a tool's error; ``raise`` raises it.
            approve: Called before each call; ``False`` or a text refuses it.
            parallel_tools: How many calls of one action run at once, in threads.
            max_tool_rounds: How many actions the functions are called for.
            journal: A path or a mapping where outputs are stored, so that after a crash no
                finished call is made again.
            progress: Shows the progress: a live line in a notebook or a terminal (by tqdm where
                that is installed), elsewhere a line on the standard error at each new status.

        Raises:
            RunFailedError: The run failed; ``.run.last_error`` says why.
            RunCancelledError: It was cancelled.
            RunExpiredError: It expired, perhaps waiting for tool outputs.
            RunIncompleteError: It ended early, for instance at a token limit.
            RunError: It required tools too many times, or its server did not accept the outputs.
            WaitTimeoutError: The timeout was reached; ``.run`` is the run as last seen.
            ToolError: A tool failed, with ``on_tool_error="raise"``.
            APIError: A poll was refused in a way that waiting cannot cure, such as a 404.
        """
        from assistants_client.waiting.polling import run_or_ids, tool_handling, wait_for_run

        handling = tool_handling(on_tool_error, approve, parallel_tools, max_tool_rounds, journal)
        return wait_for_run(
            *run_or_ids(run, thread_id, run_id),
            calls=self._run_calls,
            waiter=self._waiter,
            last=run,
            tools=tools,
            handling=handling,
            timeout=timeout,
            backoff=backoff,
            on_poll=on_poll,
            check=check,
            stalled_after=stalled_after,
            cancel_on_timeout=cancel_on_timeout,
            progress=progress,
        )

    @explains_arguments
    def wait_for_runs(  # noqa: D417 - the other arguments are explained by wait_for_run
        self,
        runs: Iterable[RunOrIds],
        *,
        timeout: float = DEFAULT_WAIT,
        backoff: BackoffLike | None = None,
        on_poll: Callable[[Run], object] | None = None,
        check: bool = False,
        stalled_after: float | None = None,
        parallel_polls: int = 1,
        progress: bool = False,
    ) -> Iterator[Run]:
        """Waits for many runs at once, and yields each as it finishes or requires action.

        However many there are, one thread polls them, always the run that has been due longest.
        Runs that are final already come first, without a request; a run given twice comes once.
        Nothing is sent before the iterator's first ``next``.

        An error of one run loses no other: where a run cannot be read (such as a 404) or
        is stalled, the error is raised after all others were yielded. When the time is up, or at
        Ctrl-C, runs not yet yielded can be waited for again. ``backoff``, ``on_poll``,
        ``stalled_after`` and ``progress`` are as for :meth:`wait_for_run`.

        Args:
            runs: The runs, or ``(thread_id, run_id)`` for each; also a generator or a list from
                ``client.runs.list``, which is read to its end at once.
            timeout: Seconds that may be spent waiting in all; what you do between two runs does
                not count.
            check: Every run is yielded however it ended, so look at its ``status``. ``True`` also
                raises the error of the first that failed, was cancelled, expired or is
                incomplete, after all were yielded.
            parallel_polls: How many polls may be under way at once, each in a thread of its own:
                more than 1 for very many runs on a distant server. A poll that hangs for a second
                does not hold up others in any case.

        Raises (while iterating):
            WaitTimeoutError: The timeout was reached with runs unfinished; ``.run`` is one.
            RunError: A run did not complete, with ``check=True``.
            APIError: A run could not be read.
        """
        from assistants_client.waiting.many_runs import wait_for_runs

        return wait_for_runs(
            runs,
            calls=self._run_calls,
            waiter=self._waiter,
            timeout=timeout,
            backoff=backoff,
            on_poll=on_poll,
            check=check,
            stalled_after=stalled_after,
            parallel_polls=parallel_polls,
            progress=progress,
        )

    @explains_arguments
    def ask(  # noqa: D417 - the other arguments are explained by wait_for_run
        self,
        thread_id: str,
        question: str,
        *,
        assistant_id: str,
        instructions: str | None = None,
        tools: Iterable[ToolLike] | None = None,
        replace_tools: bool = False,
        on_active_run: OnActiveRun = "raise",
        timeout: float = DEFAULT_WAIT,
        backoff: BackoffLike | None = None,
        stalled_after: float | None = None,
        on_tool_error: OnToolError = "report",
        approve: Approve | None = None,
        parallel_tools: int = 1,
        max_tool_rounds: int = 10,
        journal: Journal | None = None,
    ) -> Reply:
        """Adds a user message, runs the assistant on it, and returns the answer.

        ``backoff``, ``stalled_after``, ``on_tool_error``, ``approve``, ``parallel_tools``,
        ``max_tool_rounds`` and ``journal`` are as for :meth:`wait_for_run`.

        Args:
            question: The user's message.
            instructions: Instead of the assistant's own, for this run.
            tools: Added to the assistant's, which is read first; functions handle the run's calls.
            replace_tools: True gives the run these ``tools`` alone.
            on_active_run: What to do when a run holds the thread's lock. The question goes with its
                run: nobody else's comes in between, and a run that is refused leaves none behind.
            timeout: Seconds for the whole: the lock, the run, its tools, and reading the answer.

        Raises:
            ThreadLockedError: A run is active on the thread, or waits for outputs of functions.
            RunError: The run did not complete, or requires action that no tool takes.
            AssistantsError: As :meth:`wait_for_run`.
        """
        from assistants_client.client.questions import ask
        from assistants_client.waiting.polling import tool_handling

        handling = tool_handling(on_tool_error, approve, parallel_tools, max_tool_rounds, journal)

        return ask(
            thread_id,
            question,
            messages=self.messages,
            runs=self.runs,
            calls=self._run_calls,
            waiter=self._waiter,
            assistant_id=assistant_id,
            instructions=instructions,
            tools=tools,
            replace_tools=replace_tools,
            handling=handling,
            on_active_run=on_active_run,
            timeout=timeout,
            backoff=backoff,
            stalled_after=stalled_after,
        )

    def close(self) -> None:
        """Closes the connections, and the embedded engine where the client opened it itself.

        That engine stays closed; a client of a server, or of an engine it was given, would connect
        again when it is used.
        """
        self._connection.close()
        if self._close_engine is not None:
            self._close_engine()

    def __getstate__(self) -> None:  # pickle, and so a pool of processes, calls it
        raise TypeError(
            "a Client holds connections and stays where it is: make one in each process; for light "
            "copies there is with_options()"
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        base_url = self._connection.base_url
        return f"<Client of {'the embedded engine' if base_url == connect.EMBEDDED else base_url}>"
