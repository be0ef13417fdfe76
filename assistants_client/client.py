"""The client: where it connects to, one attribute per resource, and waiting for runs."""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar, overload
from urllib.parse import urlsplit

from assistants_client._checks import Timeout, checked_base_url
from assistants_client._credentials import CachedToken, Credential
from assistants_client._multipart import FileSource, Progress
from assistants_client._retry import RetryPolicy
from assistants_client._transport import (
    DEFAULT_MAX_RESPONSE_BYTES,
    DEFAULT_TIMEOUT,
    ApiKey,
    Options,
    Query,
    Transport,
)
from assistants_client.backoff import AdaptiveBackoff, BackoffLike
from assistants_client.errors import (
    BadRequestError,
    ConfigurationError,
    ThreadLockedError,
    run_error,
)
from assistants_client.models.files import File
from assistants_client.models.messages import OnActiveRun
from assistants_client.models.run_streams import ToolHandling
from assistants_client.models.runs import Run, ToolOutput
from assistants_client.resources._base import Helpers
from assistants_client.resources.assistants import Assistants
from assistants_client.resources.files import Files
from assistants_client.resources.messages import Messages
from assistants_client.resources.run_steps import RunSteps
from assistants_client.resources.runs import Runs
from assistants_client.resources.threads import Threads
from assistants_client.resources.vector_store_file_batches import VectorStoreFileBatches
from assistants_client.resources.vector_store_files import VectorStoreFiles
from assistants_client.resources.vector_stores import VectorStores
from assistants_client.waiting import DEFAULT_WAIT, Time, is_settled, poll_until

if TYPE_CHECKING:
    import requests
    from requests.adapters import BaseAdapter

    from assistants_client.engine import Engine

T = TypeVar("T")

#: The address under which the embedded engine stands in for a server; nothing is looked up.
_EMBEDDED = "http://embedded-engine.invalid/v1"
_FOUNDRY_SCOPE = "https://ai.azure.com/.default"
_AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"


class Client:
    """A blocking client of the Assistants protocol; safe to share between threads.

    Without arguments it connects to ``$ASSISTANTS_BASE_URL``, and where that is not set it runs the
    embedded engine in this process.

    Args:
        base_url: A server that speaks the protocol, such as ``https://host/v1``.
        api_key: Sent as a bearer token; a callable is asked before every request. The default is
            ``$ASSISTANTS_API_KEY``; ``$OPENAI_API_KEY`` is used for OpenAI's own hosts only.
        engine: An engine of yours, instead of a server. It stays open when the client closes.
        organization: Sent as ``OpenAI-Organization``.
        project: Sent as ``OpenAI-Project``.
        timeout: Seconds, or ``(connect, read)`` seconds. ``float("inf")`` waits for ever.
        retries: When a request that failed is sent again: a policy, or the tries in all.
        backoff: The default delays of :meth:`wait_for_run`: a backoff, or seconds.
        headers: Sent with every request.
        params: Query parameters sent with every request.
        max_response_bytes: The largest JSON answer that is read.
        session: A ``requests.Session`` of yours, with its adapters, proxies and authentication. Its
            adapters then decide about retries.

    Raises:
        ConfigurationError: An argument cannot be used, or the embedded engine is not installed.
    """

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
        headers: Mapping[str, str] | None = None,
        params: Query | None = None,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
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
        adapter = None
        close_engine = None
        if base_url is None:
            if engine is None:
                engine = _default_engine()
                # Also when the client is dropped without close, and at the interpreter's end.
                close_engine = weakref.finalize(self, engine.close)
            adapter = _adapter_for(engine)
            base_url = _EMBEDDED
        elif api_key is None:
            api_key = _key_for(checked_base_url(base_url))
        transport = Transport(
            base_url,
            api_key=api_key,
            options=Options(
                timeout=timeout,
                headers={**sent, **(headers or {})},
                params=params or {},
                retries=_policy(retries),
                max_response_bytes=max_response_bytes,
            ),
            session=session,
            adapter=adapter,
        )
        self._assemble(transport, AdaptiveBackoff() if backoff is None else backoff, close_engine)

    def _assemble(
        self,
        transport: Transport,
        backoff: BackoffLike,
        close_engine: Callable[[], object] | None = None,
    ) -> None:
        self._transport = transport
        self._backoff = backoff
        self._close_engine = close_engine
        self._origin: Client | None = None
        self._time = Time(time.monotonic, time.sleep)
        helpers = Helpers(
            poll_until=self._poll_until,
            unlock=self._unlock,
            upload=self._upload,
            settle=lambda run: self.wait_for_run(run, check=False),
            answer_calls=_answer_calls,
        )
        self.assistants: Assistants = Assistants(transport, helpers)
        self.threads: Threads = Threads(transport, helpers)
        self.messages: Messages = Messages(transport, helpers)
        self.runs: Runs = Runs(transport, helpers)
        self.run_steps: RunSteps = RunSteps(transport, helpers)
        self.files: Files = Files(transport, helpers)
        self.vector_stores: VectorStores = VectorStores(transport, helpers)
        self.vector_store_files: VectorStoreFiles = VectorStoreFiles(transport, helpers)
        self.vector_store_file_batches: VectorStoreFileBatches = VectorStoreFileBatches(
            transport, helpers
        )

    @classmethod
    def foundry(
        cls,
        endpoint: str,
        credential: Credential | Callable[[], str],
        *,
        api_version: str = "v1",
        timeout: Timeout = DEFAULT_TIMEOUT,
        retries: RetryPolicy | int | None = None,
        backoff: BackoffLike | None = None,
        headers: Mapping[str, str] | None = None,
        params: Query | None = None,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        session: requests.Session | None = None,
    ) -> Client:
        """A client of Azure AI Foundry Agents (classic), which end on 2027-03-31.

        Args:
            endpoint: ``https://RESOURCE.services.ai.azure.com/api/projects/PROJECT``.
            credential: An azure-identity credential, whose tokens are renewed before they expire,
                or a callable that answers a bearer token and is asked before every request.
            api_version: Sent with every request.
            timeout: As for :class:`Client`, like all that follow.
            retries: When a request that failed is sent again.
            backoff: The default delays of waiting.
            headers: Sent with every request.
            params: Query parameters sent with every request.
            max_response_bytes: The largest JSON answer that is read.
            session: A session of yours.

        Raises:
            ConfigurationError: An argument cannot be used.
        """
        key = credential if callable(credential) else CachedToken(credential, _FOUNDRY_SCOPE)
        options = Options(
            timeout=timeout,
            headers=headers or {},
            params={"api-version": api_version, **(params or {})},
            retries=_policy(retries),
            max_response_bytes=max_response_bytes,
        )
        client = cls.__new__(cls)
        client._assemble(
            Transport(endpoint, api_key=key, options=options, session=session),
            AdaptiveBackoff() if backoff is None else backoff,
        )
        return client

    @classmethod
    def azure(
        cls,
        endpoint: str,
        *,
        api_version: str,
        api_key: ApiKey | None = None,
        credential: Credential | Callable[[], str] | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        retries: RetryPolicy | int | None = None,
        backoff: BackoffLike | None = None,
        headers: Mapping[str, str] | None = None,
        params: Query | None = None,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        session: requests.Session | None = None,
    ) -> Client:
        """A client of a server that speaks Azure OpenAI's form of the protocol.

        Azure OpenAI itself switched its assistants off on 2026-08-26.

        Args:
            endpoint: ``https://RESOURCE.openai.azure.com``, without ``/openai``.
            api_version: Sent with every request.
            api_key: Sent in the header ``api-key``; the default is ``$AZURE_OPENAI_API_KEY``.
            credential: Instead of a key, an azure-identity credential or a callable that answers a
                bearer token.
            timeout: As for :class:`Client`, like all that follow.
            retries: When a request that failed is sent again.
            backoff: The default delays of waiting.
            headers: Sent with every request.
            params: Query parameters sent with every request.
            max_response_bytes: The largest JSON answer that is read.
            session: A session of yours.

        Raises:
            ConfigurationError: An argument cannot be used.
        """
        if api_key is not None and credential is not None:
            raise ConfigurationError("api_key and credential: give one of them, not both")
        if credential is None:
            key = api_key or os.environ.get("AZURE_OPENAI_API_KEY")
        else:
            key = credential if callable(credential) else CachedToken(credential, _AZURE_SCOPE)
        options = Options(
            timeout=timeout,
            headers={"OpenAI-Beta": "assistants=v2", **(headers or {})},
            params={"api-version": api_version, **(params or {})},
            retries=_policy(retries),
            max_response_bytes=max_response_bytes,
        )
        client = cls.__new__(cls)
        transport = Transport(
            f"{checked_base_url(endpoint)}/openai",
            api_key=key,
            key_header="api-key" if credential is None else "Authorization",
            options=options,
            session=session,
        )
        client._assemble(transport, AdaptiveBackoff() if backoff is None else backoff)
        return client

    def with_options(
        self,
        *,
        timeout: Timeout | None = None,
        headers: Mapping[str, str] | None = None,
        params: Query | None = None,
        retries: RetryPolicy | int | None = None,
    ) -> Client:
        """A light copy on the same connections, to vary a single call.

        Closing the copy closes nothing.

        Args:
            timeout: Instead of the client's.
            headers: Beside the client's; these win.
            params: Query parameters beside the client's; these win.
            retries: Instead of the client's; the retry budget stays shared.

        Raises:
            ConfigurationError: An argument cannot be used.
        """
        now = self._transport.options
        options = Options(
            timeout=now.timeout if timeout is None else timeout,
            headers={**now.headers, **(headers or {})},
            params={**now.params, **(params or {})},
            retries=now.retries if retries is None else _policy(retries),
            max_response_bytes=now.max_response_bytes,
        )
        copy = type(self).__new__(type(self))
        copy._assemble(self._transport.with_options(options), self._backoff)
        copy._time = self._time
        # The engine closes when its client is dropped; the copy needs it as long as it lives.
        copy._origin = self
        return copy

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
        if run is None or not run.is_final:
            thread, name = thread_id, run_id

            def is_done(seen: Run) -> bool:
                if on_poll is not None:
                    on_poll(seen)
                return is_settled(seen)

            run = self._poll_until(
                lambda: self.runs.poll(thread, name),
                is_done,
                name=f"run {name}",
                last=run,
                timeout=timeout,
                backoff=backoff,
            )
        error = run_error(run) if check else None
        if error is not None:
            raise error
        return run

    def _poll_until(
        self,
        poll: Callable[[], tuple[T, Mapping[str, str]]],
        is_done: Callable[[T], bool],
        *,
        name: str,
        last: T | None = None,
        timeout: float,
        backoff: BackoffLike | None,
    ) -> T:
        return poll_until(
            poll,
            is_done,
            name=name,
            last=last,
            timeout=timeout,
            backoff=self._backoff if backoff is None else backoff,
            time=self._time,
        )

    def _upload(
        self, file: FileSource, *, filename: str | None = None, progress: Progress | None = None
    ) -> File:
        return self.files.upload(file, filename=filename, progress=progress)

    def _unlock(self, thread_id: str, locked: ThreadLockedError, policy: OnActiveRun) -> None:
        """Frees a thread from its active run, by waiting for it or by cancelling it.

        Raises:
            ThreadLockedError: The run waits for its caller, or is not to be found.
        """
        run_id = locked.run_id or next(
            (run.id for run in self.runs.list(thread_id, limit=20, order="desc") if run.is_active),
            None,
        )
        if run_id is None:
            raise locked
        if policy == "cancel":
            with contextlib.suppress(BadRequestError):  # it has ended meanwhile
                self.runs.cancel(thread_id, run_id)
        run = self.wait_for_run(thread_id=thread_id, run_id=run_id, check=False)
        if not run.is_final:
            raise locked

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


def _answer_calls(
    run: Run, tools: Sequence[object], handling: ToolHandling
) -> list[ToolOutput] | None:
    return None


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


def _policy(retries: RetryPolicy | int | None) -> RetryPolicy:
    if retries is None:
        return RetryPolicy()
    return retries if isinstance(retries, RetryPolicy) else RetryPolicy(attempts=retries)


def _key_for(base_url: str) -> str | None:
    """The key from the environment; OpenAI's is never sent to another host."""
    key = os.environ.get("ASSISTANTS_API_KEY")
    host = urlsplit(base_url).hostname or ""
    if not key and (host == "openai.com" or host.endswith(".openai.com")):
        key = os.environ.get("OPENAI_API_KEY")
    return key or None
