"""The error of a file that cannot be read, raised by any part of the program."""

from __future__ import annotations


class Refused(Exception):
    """A file that cannot be read; the message is the reason.

    Attributes:
        code: ``invalid_file`` or ``unsupported_file``, as the protocol has them.
    """

    def __init__(self, message: str, code: str = "invalid_file") -> None:
        super().__init__(message)
        self.code = code
