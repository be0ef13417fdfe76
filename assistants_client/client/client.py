"""The client: where it connects to, one attribute per resource, and waiting for runs."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from assistants_client._arguments import Timeout
from assistants_client._http.auth import Credential
from assistants_client._http.multipart import FileSource, Progress
from assistants_client._http.retry import RetryPolicy
from assistants_client._http.transport import (
    DEFAULT_MAX_RESPONSE_BYTES,
    DEFAULT_TIMEOUT,
    ApiKey,
    Options,
    Query,
    Transport,
)
from assistants_client._suggestions import explains_arguments
from assistants_client.backoff import AdaptiveBackoff, BackoffLike
from assistants_client.client.connect import (
    BETA,
    EMBEDDED,
    as_policy,
    base_url_of_environment,
    default_engine,
    to_azure,
    to_engine,
    to_foundry,
    to_server,
)
from assistants_client.client.run_methods import WaitsForRuns, outputs_of
from assistants_client.errors import ConfigurationError
from assistants_client.resources._base import Helpers
from assistants_client.waiting.polling import Time, checked_backoff
from assistants_client.waiting.rate_limiter import Pace, as_pace

if TYPE_CHECKING:
    import requests

    from assistants_client.engine import Engine
    from assistants_client.models.files import File

T = TypeVar("T")


class Client(WaitsForRuns):
    """A blocking client of the Assistants protocol; safe to share between threads.

    Without arguments it connects to ``$ASSISTANTS_BASE_URL``, and where that is not set it runs the
    embedded engine in this process. What can be done is in its attributes, one for each resource
    (``client.threads.create()``), and in :meth:`ask`, :meth:`wait_for_run` and
    :meth:`wait_for_runs`.

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
        max_polls_per_second: A cap on the polls of all waits of this client together, in whatever
            thread; the one that has been due longest goes first. ``None`` sets none.
        headers: Sent with every request.
        params: Query parameters sent with every request.
        max_response_bytes: The largest JSON answer that is read.
        session: A ``requests.Session`` of yours, with its adapters, proxies and authentication. Its
            adapters then decide about retries.

    Raises:
        ConfigurationError: An argument cannot be used, or the embedded engine is not installed.
    """

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
        if base_url is not None and engine is not None:
            raise ConfigurationError("base_url and engine: give one of them, not both")
        if base_url is None and engine is None:
            base_url = base_url_of_environment()
        sent = dict(BETA)
        if organization is not None:
            sent["OpenAI-Organization"] = organization
        if project is not None:
            sent["OpenAI-Project"] = project
        options = Options(
            timeout=timeout,
            headers={**sent, **(headers or {})},
            params=params or {},
            retries=as_policy(retries),
            max_response_bytes=max_response_bytes,
        )
        close_engine = None
        if base_url is not None:
            transport = to_server(base_url, api_key, options, session)
        elif api_key is not None:
            raise ConfigurationError(
                "api_key: there is no server to send it to; give base_url, or set "
                "ASSISTANTS_BASE_URL. The embedded engine needs no key; that of its language model "
                "is ASSISTANTS_MODEL_KEY, or OPENAI_API_KEY"
            )
        elif engine is not None:
            transport = to_engine(engine, options, session)
        else:
            own = default_engine()
            # Also when the client is dropped without close, and at the interpreter's end.
            close_engine = weakref.finalize(self, own.close)
            transport = to_engine(own, options, session)
        self._assemble(transport, backoff, as_pace(max_polls_per_second), close_engine)

    def _assemble(
        self,
        transport: Transport,
        backoff: BackoffLike | None,
        pace: Pace,
        close_engine: Callable[[], object] | None = None,
    ) -> None:
        self._transport = transport
        self._backoff = AdaptiveBackoff() if backoff is None else checked_backoff(backoff)
        self._close_engine = close_engine
        self._origin: Client | None = None
        self._time = Time(time.monotonic, time.sleep)
        self._pace = pace
        self._helpers = Helpers(
            poll_until=self._poll_until,
            unlock=self._unlock,
            upload=self._upload,
            settle=lambda run, on_poll: self.wait_for_run(run, check=False, on_poll=on_poll),
            answer_calls=outputs_of,
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
        max_polls_per_second: float | None = None,
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
            max_polls_per_second: A cap on the polls of all waits together.
            headers: Sent with every request.
            params: Query parameters sent with every request.
            max_response_bytes: The largest JSON answer that is read.
            session: A session of yours.

        Raises:
            ConfigurationError: An argument cannot be used.
        """
        pace = as_pace(max_polls_per_second)
        options = Options(
            timeout=timeout,
            headers=headers or {},
            params={"api-version": api_version, **(params or {})},
            retries=as_policy(retries),
            max_response_bytes=max_response_bytes,
        )
        client = cls.__new__(cls)
        client._assemble(to_foundry(endpoint, credential, options, session), backoff, pace)
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
        max_polls_per_second: float | None = None,
        headers: Mapping[str, str] | None = None,
        params: Query | None = None,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        session: requests.Session | None = None,
    ) -> Client:
        """A client of a server that speaks Azure OpenAI's form of the protocol.

        Azure OpenAI itself switched its assistants off on 2026-08-26.

        Args:
            endpoint: ``https://RESOURCE.openai.azure.com``; ``/openai`` is put behind it.
            api_version: Sent with every request.
            api_key: Sent in the header ``api-key``; the default is ``$AZURE_OPENAI_API_KEY``.
            credential: Instead of a key, an azure-identity credential or a callable that answers a
                bearer token.
            timeout: As for :class:`Client`, like all that follow.
            retries: When a request that failed is sent again.
            backoff: The default delays of waiting.
            max_polls_per_second: A cap on the polls of all waits together.
            headers: Sent with every request.
            params: Query parameters sent with every request.
            max_response_bytes: The largest JSON answer that is read.
            session: A session of yours.

        Raises:
            ConfigurationError: An argument cannot be used.
        """
        pace = as_pace(max_polls_per_second)
        options = Options(
            timeout=timeout,
            headers={**BETA, **(headers or {})},
            params={"api-version": api_version, **(params or {})},
            retries=as_policy(retries),
            max_response_bytes=max_response_bytes,
        )
        client = cls.__new__(cls)
        client._assemble(to_azure(endpoint, api_key, credential, options, session), backoff, pace)
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
            retries=now.retries if retries is None else as_policy(retries),
            max_response_bytes=now.max_response_bytes,
        )
        copy = type(self).__new__(type(self))
        copy._assemble(self._transport.with_options(options), self._backoff, self._pace)
        copy._time = self._time
        # The engine closes when its client is dropped; the copy needs it as long as it lives.
        copy._origin = self
        return copy

    def _upload(
        self, file: FileSource, *, filename: str | None = None, progress: Progress | None = None
    ) -> File:
        return self.files.upload(file, filename=filename, progress=progress)

    def close(self) -> None:
        """Closes the connections, and the embedded engine where the client opened it itself.

        That engine stays closed; a client of a server, or of an engine it was given, would connect
        again when it is used.
        """
        self._transport.close()
        if self._close_engine is not None:
            self._close_engine()

    def __getstate__(self) -> None:  # pickle, and so a pool of processes, asks for it
        raise TypeError(
            "a Client holds connections and stays where it is: make one in each process; for light "
            "copies there is with_options()"
        )

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
        embedded = self._transport.base_url == EMBEDDED
        return f"<Client of {'the embedded engine' if embedded else self._transport.base_url}>"
