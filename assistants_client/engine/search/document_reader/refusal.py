"""Why a file cannot be read, raised by whatever part of the program finds out."""

from __future__ import annotations


class Refused(Exception):
    """A file that cannot be read, and why.

    Attributes:
        code: ``invalid_file`` or ``unsupported_file``, as the protocol has them.
    """

    def __init__(self, message: str, code: str = "invalid_file") -> None:
        super().__init__(message)
        self.code = code
