"""The engine's refusals: what the rules raise and the HTTP face turns into an error body.

Neither HTTP nor the database belongs here.
"""

from __future__ import annotations


class Fault(Exception):
    """A request that is refused.

    Attributes:
        status: The HTTP status.
        message: What is wrong, for people.
        code: The protocol's error code, often ``None``.
        param: The path of the field that is at fault, such as ``messages[0].content``.
        type: The protocol's error type.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        type: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.type = type


def not_found(noun: str, object_id: str) -> Fault:
    """The refusal of an id that nothing has; ``noun`` is "assistant", "thread" and so on."""
    return Fault(404, f"No {noun} found with id '{object_id}'.")
