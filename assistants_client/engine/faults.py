"""The engine's refusals: raised by the rules, and turned into an error body by ``http``.

Neither HTTP nor the database belongs here.
"""

from __future__ import annotations

from assistants_client._protocol import ID_KINDS


class Fault(Exception):
    """A request that is refused.

    Attributes:
        status: The HTTP status.
        message: A description of the error, for people.
        code: The protocol's error code, often ``None``.
        param: The path of the field that is at fault, such as ``messages[0].content``.
        type: The protocol's error type.
        retry_after: The seconds after which a retry may succeed, where one may.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        type: str = "invalid_request_error",
        *,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.type = type
        self.retry_after = retry_after


def not_found(noun: str, object_id: str, param: str | None = None) -> Fault:
    """Returns the refusal of an id that nothing has.

    Args:
        noun: The kind of object: "assistant", "thread" and so on.
        object_id: The id.
        param: The path of the id in the body, if it is there.
    """
    message = f"No {noun} found with id '{object_id}'."
    return of_another_kind(noun, object_id, param) or Fault(404, message, None, param)


def of_another_kind(noun: str, object_id: str, param: str | None = None) -> Fault | None:
    """Returns the refusal of an id that begins as those of another noun do; else ``None``."""
    prefix, name = ID_KINDS[noun]
    if not any(other != prefix and object_id.startswith(other) for other, _ in ID_KINDS.values()):
        return None
    where = param or name
    message = f"Invalid '{where}': {object_id!r:.80}. Expected an ID that begins with {prefix!r}."
    return Fault(400, message, "invalid_value", where)


def named(error: BaseException) -> str:
    """Returns the kind of an error of unknown origin, as its message may hold a secret."""
    return f"{type(error).__name__} (the engine's log has the details)"
