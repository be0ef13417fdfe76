"""Connections to a server, Foundry, Azure's form or the embedded engine, and their options."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from assistants_client._arguments import Timeout, checked_base_url, checked_key, plain_number
from assistants_client._http.auth import CachedToken, Credential
from assistants_client._http.options import ApiKey, Options, Query, RetryPolicy
from assistants_client.backoff import AdaptiveBackoff, BackoffLike
from assistants_client.errors import ConfigurationError
from assistants_client.waiting.options import checked_backoff
from assistants_client.waiting.rate_limiter import as_rate_limiter
from assistants_client.waiting.waiter import Time, Waiter

if TYPE_CHECKING:
    import requests

    from assistants_client._http.transport import Transport
    from assistants_client.engine import Engine

#: The address under which the embedded engine stands in for a server; nothing is looked up.
EMBEDDED: Final = "http://embedded-engine.invalid/v1"
#: A header for every server but Foundry.
BETA: Final = {"OpenAI-Beta": "assistants=v2"}

#: Hosts that Azure's key from the environment is sent to.
_AZURE_HOSTS = (".azure.com", ".azure.us", ".azure.cn")
_FOUNDRY_SCOPE = "https://ai.azure.com/.default"
_AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"
#: In lower case: the variables with which requests finds the CA bundle of TLS.
_CA_BUNDLES = frozenset({"requests_ca_bundle", "curl_ca_bundle"})


class Connection:
    """The way to a server or an engine. Its transport is made when it is first asked for.

    For that requests is imported, which takes longer than everything else in making a client.

    Attributes:
        base_url: The address.
    """

    def __init__(self, base_url: str, make: Callable[[], Transport]) -> None:
        self.base_url: str = base_url
        self._make = make
        self._made: list[Transport] = []

    @classmethod
    def of(cls, transport: Transport) -> Connection:
        """Returns the connection by a transport that is there already."""
        return cls(transport.base_url, lambda: transport)

    def transport(self) -> Transport:
        """Returns the transport, the same to all threads."""
        if not self._made:
            self._made.append(self._make())
        return self._made[0]  # threads that come at once may make one each

    def close(self) -> None:
        """Closes what is open."""
        for one in self._made[:1]:
            one.close()


def connected(
    base_url: str | None,
    engine: Engine | None,
    api_key: ApiKey | None,
    options: Options,
    session: requests.Session | None,
) -> tuple[Connection, Engine | None]:
    """Returns the connection to a server or an engine, and the engine if it is the client's own.

    Raises:
        ConfigurationError: The arguments do not fit together, or one of them cannot be used.
    """
    if base_url is not None and engine is not None:
        raise ConfigurationError("base_url and engine: give one of them, not both")
    if base_url is None and engine is None:
        base_url = base_url_of_environment()
    if base_url is not None:
        return to_server(base_url, api_key, options, session), None
    if api_key is not None:
        raise ConfigurationError(
            "api_key: there is no server to send it to; give base_url, or set "
            "ASSISTANTS_BASE_URL. The embedded engine needs no key; that of its language model "
            "is ASSISTANTS_MODEL_KEY, or OPENAI_API_KEY"
        )
    if engine is not None:
        return to_engine(engine, options, session), None
    own = default_engine()
    try:
        return to_engine(own, options, session), own
    except BaseException:
        own.close()
        raise


def to_server(
    base_url: str, api_key: ApiKey | None, options: Options, session: requests.Session | None
) -> Connection:
    """Returns the connection to a server; the key is the given one, else the environment's."""
    base_url = checked_base_url(base_url)
    key = _key_for(base_url) if api_key is None else api_key
    return _to_host(base_url, key, options, session)


def _to_host(
    base_url: str,
    api_key: ApiKey | None,
    options: Options,
    session: requests.Session | None,
    *,
    key_header: str = "Authorization",
) -> Connection:
    if api_key is not None and not callable(api_key):
        checked_key(api_key)

    def make() -> Transport:
        from assistants_client._http.transport import Transport  # with the first call

        return Transport(
            base_url, api_key=api_key, key_header=key_header, options=options, session=session
        )

    connection = Connection(base_url, make)
    if session is not None or _concerns_environment(base_url):
        connection.transport()  # what cannot be used is refused here, and not in the first call
    return connection


def _concerns_environment(base_url: str) -> bool:
    """Returns whether the environment has a proxy or a CA bundle that requests may use."""
    names = {name.lower() for name in os.environ}
    has_bundle = base_url.startswith("https:") and not _CA_BUNDLES.isdisjoint(names)
    return has_bundle or any(name.endswith("_proxy") for name in names)


def to_engine(engine: Engine, options: Options, session: requests.Session | None) -> Connection:
    """Returns the connection to an engine in this process.

    Raises:
        ConfigurationError: It is not an engine.
    """
    from assistants_client._http.transport import Transport
    from assistants_client.engine.http.in_process_adapter import (  # an extra, and slow to import
        EngineAdapter,
    )

    if not callable(engine):
        raise ConfigurationError(
            f"engine: expected an Engine, such as Engine('sqlite:///assistants.db'), got "
            f"{type(engine).__name__}"
        )
    return Connection.of(
        Transport(EMBEDDED, options=options, session=session, adapter=EngineAdapter(engine))
    )


def to_foundry(
    endpoint: str,
    credential: Credential | Callable[[], str],
    options: Options,
    session: requests.Session | None,
) -> Connection:
    """Returns the connection to Azure AI Foundry."""
    key = credential if callable(credential) else CachedToken(credential, _FOUNDRY_SCOPE)
    base_url = checked_base_url(endpoint, "endpoint")
    return _to_host(base_url, key, options, session)


def to_azure(
    endpoint: str,
    api_key: ApiKey | None,
    credential: Credential | Callable[[], str] | None,
    options: Options,
    session: requests.Session | None,
) -> Connection:
    """Returns the connection to a server of Azure OpenAI's form of the protocol."""
    if api_key is not None and credential is not None:
        raise ConfigurationError("api_key and credential: give one of them, not both")
    key: ApiKey | None = api_key
    base_url = checked_base_url(endpoint, "endpoint")
    if _host_of(base_url).endswith(_AZURE_HOSTS):
        # It may have been copied from the address of a request.
        base_url = base_url.removesuffix("/openai")
        if key is None:
            key = os.environ.get("AZURE_OPENAI_API_KEY") or None
    if credential is not None:
        key = credential if callable(credential) else CachedToken(credential, _AZURE_SCOPE)
    return _to_host(
        f"{base_url}/openai",
        key,
        options,
        session,
        key_header="api-key" if credential is None else "Authorization",
    )


def base_url_of_environment() -> str | None:
    """Reads ``$ASSISTANTS_BASE_URL``; ``None`` if it is not set or empty.

    Raises:
        ConfigurationError: It is not an http or https URL.
    """
    base_url = os.environ.get("ASSISTANTS_BASE_URL")
    return checked_base_url(base_url, "$ASSISTANTS_BASE_URL") if base_url else None


def default_engine() -> Engine:
    """Makes the engine that the environment describes.

    Raises:
        ConfigurationError: Its packages are not installed.
    """
    try:
        from assistants_client.engine import Engine  # an extra, and slow to import
    except ImportError as error:
        if "[engine]" not in str(error):  # something else is broken, and hidden by no advice
            raise
        raise ConfigurationError(
            "Client() without a base URL runs the embedded engine, and its packages are not "
            f'installed ({error.name} is missing): pip install "assistants-client[engine]"; or '
            "give base_url, or set ASSISTANTS_BASE_URL"
        ) from error
    if os.environ.get("ASSISTANTS_API_KEY"):
        import logging  # for this alone

        logging.getLogger(__name__).warning(
            "ASSISTANTS_API_KEY is not used: the embedded engine answers, and needs no key. For "
            "a server set ASSISTANTS_BASE_URL as well, or give base_url"
        )
    return Engine.from_environment()


def own_headers(organization: str | None, project: str | None) -> dict[str, str]:
    """Returns the headers that every client but Foundry's sends."""
    sent = {**BETA, "OpenAI-Organization": organization, "OpenAI-Project": project}
    return {name: value for name, value in sent.items() if value is not None}


def checked_options(
    timeout: Timeout,
    headers: Mapping[str, str],
    params: Query,
    retries: RetryPolicy | int | None,
    max_response_bytes: int,
) -> Options:
    """Makes the options of a transport from a client's arguments.

    Raises:
        ConfigurationError: One of them cannot be used.
    """
    return Options(
        timeout=timeout,
        headers=headers,
        params=params,
        retries=_as_policy(retries),
        max_response_bytes=max_response_bytes,
    )


def changed(
    connection: Connection,
    timeout: Timeout | None,
    headers: Mapping[str, str] | None,
    params: Query | None,
    retries: RetryPolicy | int | None,
) -> Connection:
    """Returns the connection with the given options; headers and parameters are added.

    Raises:
        ConfigurationError: One of them cannot be used.
    """
    transport = connection.transport()
    now = transport.options
    options = Options(
        timeout=now.timeout if timeout is None else timeout,
        headers={**now.headers, **(headers or {})},
        params={**now.params, **(params or {})},
        retries=now.retries if retries is None else _as_policy(retries),
        max_response_bytes=now.max_response_bytes,
    )
    return Connection.of(transport.with_options(options))


def waiter_of(backoff: BackoffLike | None, max_polls_per_second: float | None) -> Waiter:
    """Makes the ``Waiter`` that a client's waits share, from its arguments.

    Raises:
        ConfigurationError: One of them cannot be used.
    """
    return Waiter(
        Time(time.monotonic, time.sleep),
        AdaptiveBackoff() if backoff is None else checked_backoff(backoff),
        as_rate_limiter(max_polls_per_second),
    )


def _as_policy(retries: RetryPolicy | int | None) -> RetryPolicy:
    """Makes a retry policy of one, or of the number of further tries.

    Raises:
        ConfigurationError: It is neither.
    """
    if retries is None:
        return RetryPolicy()
    if isinstance(retries, RetryPolicy):
        return retries
    count = plain_number(retries)
    if type(count) is not int or count < 0:
        raise ConfigurationError(
            f"retries: {retries!r} is not a RetryPolicy, nor a whole number of 0 or more further "
            "tries"
        )
    return RetryPolicy(attempts=count + 1)


def _key_for(base_url: str) -> str | None:
    """Reads the key from the environment; OpenAI's is never sent to another host."""
    key = os.environ.get("ASSISTANTS_API_KEY")
    host = _host_of(base_url)
    if not key and (host == "openai.com" or host.endswith(".openai.com")):
        key = os.environ.get("OPENAI_API_KEY")
    return key or None


def _host_of(base_url: str) -> str:
    return urlsplit(base_url).hostname or ""
