"""The exceptions, all under :class:`AssistantsError`. Standard library only.

Messages name method, path, status, request id and attempts: enough for a ticket. No key, token or
request body ever enters one. All of them survive ``pickle``: what a class adds beyond its message
has a default and lives in the instance's ``__dict__``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assistants_client.models.events import Event
    from assistants_client.models.runs import RequiredToolCall, Run


class AssistantsError(Exception):
    """The root of all exceptions that this library defines.

    Attributes:
        file_ids: The files that an ``upload_and_wait`` had uploaded before it failed; they stay on
            the server.
    """

    file_ids: tuple[str, ...] = ()


class ConfigurationError(AssistantsError, ValueError):
    """Something is set up wrongly; nothing was sent."""


class InvalidRequestError(ConfigurationError):
    """A call's arguments break the protocol's rules; nothing was sent.

    Attributes:
        path: The field, such as ``tools[0].function.name``.
        code: The protocol's error code, such as ``string_above_max_length``.
    """

    def __init__(self, message: str, *, path: str = "", code: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.code = code


class APIError(AssistantsError):
    """A failed request.

    Attributes:
        method: The HTTP method.
        path: The path below the base URL, without the query.
        attempts: The number of times it was sent.
        maybe_created: True if the server may have acted on it all the same. Look before you repeat
            it, or let ``RetryPolicy(recover=True)`` do so.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        path: str = "",
        attempts: int = 1,
        maybe_created: bool = False,
    ) -> None:
        super().__init__(message)
        self.method = method
        self.path = path
        self.attempts = attempts
        self.maybe_created = maybe_created

    def __str__(self) -> str:
        call = f"{self.method} {self.path}: " if self.method else ""
        tries = f" ({self.attempts} attempts)" if self.attempts != 1 else ""
        doubt = " (the server may have acted all the same)" if self.maybe_created else ""
        return f"{call}{self.args[0]}{tries}{doubt}"


class APIConnectionError(APIError):
    """The server could not be reached, or the connection broke before the response began."""


class APITimeoutError(APIConnectionError):
    """The server did not respond in time."""


class APIResponseError(APIError):
    """The response breaks the protocol: it is not JSON, of the wrong form, or cut short."""


class APIStatusError(APIError):
    """The server refused.

    Attributes:
        status_code: The HTTP status; of an error within a 200, the one that it names, if any.
        code: The server's error code, or ``None``.
        type: The server's error type, or ``None``.
        param: The field it names, or ``None``.
        request_id: The ``x-request-id`` of the response, or ``None``.
        retry_after: Seconds the server asks to wait before another try, or ``None``.
        body: The decoded body, or its text where it is not JSON.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        path: str = "",
        attempts: int = 1,
        maybe_created: bool = False,
        status_code: int = 0,
        code: str | None = None,
        type: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        body: object = None,
    ) -> None:
        super().__init__(
            message, method=method, path=path, attempts=attempts, maybe_created=maybe_created
        )
        self.status_code = status_code
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} [request id {self.request_id}]" if self.request_id else text


class BadRequestError(APIStatusError):
    """400: the server does not accept the request."""


class ThreadLockedError(BadRequestError):
    """400: the thread has an active run; wait for it, or cancel it.

    Attributes:
        run_id: The run that holds the thread, or ``None`` where the server does not name it.
    """

    run_id: str | None = None


class AuthenticationError(APIStatusError):
    """401: the key is missing or wrong."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this."""


class NotFoundError(APIStatusError):
    """404: there is no such object, or no such operation on this server."""


class ConflictError(APIStatusError):
    """409: another request is changing the same object."""


class UnprocessableEntityError(APIStatusError):
    """422: the server understood the request and will not do it."""


class RateLimitError(APIStatusError):
    """429: too many requests, or out of quota."""


class InternalServerError(APIStatusError):
    """5xx: the server failed."""


_BY_STATUS: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}
_FIRST_SERVER_STATUS = 500

#: The messages of servers about a locked thread; the run's id is in the text only.
_LOCK_TEXT = re.compile(
    r"while a run (?P<a>\S+) is active|already has an active run (?P<b>\S+?)\.?$"
)

#: The advice before anything was tried.
_LOCK_ADVICE = (
    " (wait_for_run waits for it, with tools=[...] where it asks for outputs; "
    'on_active_run="wait" waits too, and "cancel" ends it)'
)


def error_fields(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Returns code, type and parameter of a server's error as strings: some send numbers."""
    facts = {name: detail.get(name) for name in ("code", "type", "param")}
    return {name: None if value is None else str(value) for name, value in facts.items()}


def status_error(message: str, **facts: Any) -> APIStatusError:
    """Returns the exception of a refusal; ``facts`` are attributes of :class:`APIStatusError`."""
    status = facts["status_code"]
    lock = _LOCK_TEXT.search(message.strip()) if status == 400 else None
    if lock is not None:
        locked = ThreadLockedError(message + _LOCK_ADVICE, **facts)
        locked.run_id = lock["a"] or lock["b"]
        return locked
    fallback = InternalServerError if status >= _FIRST_SERVER_STATUS else APIStatusError
    return _BY_STATUS.get(status, fallback)(message, **facts)


def still_locked(locked: ThreadLockedError, why: str) -> ThreadLockedError:
    """Returns the error with its first advice, followed in vain, replaced by the reason."""
    locked.args = (f"{str(locked.args[0]).removesuffix(_LOCK_ADVICE)} ({why})",)
    return locked


class StreamError(APIError):
    """The server sent an ``error`` event within a stream.

    Attributes:
        code: The server's error code, or ``None``.
        type: The server's error type, or ``None``.
        param: The field it names, or ``None``.
        run: The run as last received, or ``None``.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        path: str = "",
        attempts: int = 1,
        maybe_created: bool = False,
        code: str | None = None,
        type: str | None = None,
        param: str | None = None,
        run: Run | None = None,
    ) -> None:
        super().__init__(
            message, method=method, path=path, attempts=attempts, maybe_created=maybe_created
        )
        self.code = code
        self.type = type
        self.param = param
        self.run = run


class StreamInterruptedError(AssistantsError):
    """A stream broke off before its run had ended, and could not be resumed.

    Attributes:
        run: The run as last received, or ``None`` if it was not received.
        events: All events received, in order.
    """

    def __init__(self, message: str, run: Run | None = None, events: Sequence[Event] = ()) -> None:
        super().__init__(message)
        self.run = run
        self.events: list[Event] = list(events)


class RunError(AssistantsError):
    """A run that did not complete.

    Attributes:
        run: The run as last received; ``last_error`` and ``incomplete_details`` give the reason.
    """

    def __init__(self, message: str, run: Run | None = None) -> None:
        super().__init__(message)
        self.run = run


class RunFailedError(RunError):
    """The run failed."""


class RunCancelledError(RunError):
    """The run was cancelled."""


class RunExpiredError(RunError):
    """The run was not finished, or its tool outputs not submitted, before it expired."""


class RunIncompleteError(RunError):
    """The run ended early, for instance at a token limit."""


def run_error(run: Run) -> RunError | None:
    """Returns the error for a run's end, or ``None`` for a completed or unfinished run."""
    kind = _BY_RUN_STATUS.get(run.status)
    if kind is None:
        return None
    text = f"run {run.id} on thread {run.thread_id} is {run.status}"
    if run.last_error is not None:
        text = ": ".join(filter(None, (text, run.last_error.code, run.last_error.message)))
    if run.incomplete_details is not None and run.incomplete_details.reason:
        text += f" ({run.incomplete_details.reason})"
    return kind(text + _WHAT_NEXT.get(run.status, ""), run)


def required_action_text(run: Run) -> str:
    """Returns the end of a sentence: the outputs a run waits for, and the call for them."""
    names = dict.fromkeys(f"{call.function.name:.80}" for call in run.tool_calls)
    if names:
        return (
            f"the outputs of {', '.join(names)}: wait_for_run(run, tools=[...]) or "
            "runs.submit_tool_outputs gives them"
        )
    kind = "unknown" if run.required_action is None else run.required_action.type
    return f"an action of the type {kind!r:.80}, which no function can take"


def requires_action_error(run: Run, given: Sequence[object] = ()) -> RunError:
    """Returns the error for a run that requires outputs of which no function was given."""
    text = f"run {run.id} waits for {required_action_text(run)}"
    if run.tool_calls:
        kinds = ", ".join(dict.fromkeys(type(one).__name__ for one in given))
        only = f", only {kinds}" if kinds else ""
        text += f" (no function to call was given{only}: tools=[...] takes functions themselves)"
    return RunError(text, run)


_WHAT_NEXT: Mapping[str, str] = {
    "expired": ": it was not finished, or its tool outputs were not submitted, in time; start "
    "another, and answer its calls with wait_for_run(run, tools=[...])",
}


_BY_RUN_STATUS: Mapping[str, type[RunError]] = {
    "failed": RunFailedError,
    "cancelled": RunCancelledError,
    "expired": RunExpiredError,
    "incomplete": RunIncompleteError,
}


class WaitTimeoutError(AssistantsError, TimeoutError):
    """The timeout of a wait was reached; the run itself may go on.

    Attributes:
        run: The run as last received, or ``None`` if no poll succeeded.
    """

    def __init__(self, message: str, run: Run | None = None) -> None:
        super().__init__(message)
        self.run = run


class ToolError(AssistantsError):
    """A failed tool call; the exception of the function is the cause.

    Attributes:
        tool_call: The call, with the function's name and the arguments that the model wrote.
    """

    def __init__(self, message: str, tool_call: RequiredToolCall | None = None) -> None:
        super().__init__(message)
        self.tool_call = tool_call
