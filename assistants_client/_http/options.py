"""The options of requests: what a client's arguments say about them. Imports no HTTP library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from assistants_client._arguments import Timeout, at_least, checked_header, checked_timeout

#: A key, or a callable that returns it and is called before every request.
ApiKey: TypeAlias = "str | Callable[[], str]"
Query: TypeAlias = Mapping[str, Any]

DEFAULT_TIMEOUT: Final = (5.0, 60.0)
DEFAULT_MAX_RESPONSE_BYTES: Final = 256 * 1024 * 1024


@frozen
class RetryPolicy:
    """When a failed request is sent again: up to ``attempts`` tries in all, the first included.

    ``Client(retries=N)`` counts further tries instead, as other clients do: ``attempts`` is N + 1
    then. The rules are covered by compatibility.

    * GET and DELETE: on connection faults (also within the response), timeouts, 408, 409, 429 and
      5xx. A download that breaks off is not restarted.
    * POST: only where the server cannot have acted (no connection was made, 429, or 503 with
      ``Retry-After``), or where it honours the ``Idempotency-Key`` that every POST has.
      Any other failed POST raises with ``maybe_created=True``.
    * ``x-should-retry`` overrides the status; ``retry-after-ms`` and ``retry-after`` give the
      pause, and a pause above 60 s is not waited for.

    Attributes:
        attempts: Tries in all, the first included.
        initial: Seconds before the second try; doubled each time, less up to a quarter at random.
        maximum: The longest pause of our own, in seconds.
        budget: Retries that all calls of a client may spend together; every successful call
            returns a tenth of one. It keeps a client from adding load to an outage.
        recover: After a POST that may have created an object, look for the object (by a marker in
            its metadata) and create it again only if it does not exist. After a timeout it is not
            created again: the server may still be processing the request.
    """

    attempts: int = field(default=3, validator=at_least(1, whole=True))
    initial: float = field(default=0.5, validator=at_least(0), kw_only=True)
    maximum: float = field(default=8.0, validator=at_least(0), kw_only=True)
    budget: float = field(default=10.0, validator=at_least(0), kw_only=True)
    recover: bool = field(default=False, kw_only=True)


@frozen(kw_only=True)
class Options:
    """The options of requests; ``Client.with_options`` changes some for a copy.

    Attributes:
        timeout: Seconds to connect and to wait for the next bytes, or one number for both.
        headers: Sent with every request; they override our own.
        params: Query parameters sent with every request.
        retries: The retry rules.
        max_response_bytes: The maximum size of a JSON response.

    Raises:
        ConfigurationError: The timeout or a header cannot be used.
    """

    timeout: Timeout = DEFAULT_TIMEOUT
    # They may hold a key, which no repr shows.
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    params: Query = field(factory=dict, repr=False)
    retries: RetryPolicy = field(factory=RetryPolicy)
    max_response_bytes: int = field(
        default=DEFAULT_MAX_RESPONSE_BYTES, validator=at_least(1, whole=True)
    )

    def __attrs_post_init__(self) -> None:
        checked_timeout(self.timeout)
        for name, value in self.headers.items():
            checked_header(name, value)
