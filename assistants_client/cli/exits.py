"""Exit statuses of the commands, their refusals, and printing that survives a closed pipe."""

from __future__ import annotations

import os
import sys
from typing import Final

#: Exit statuses beside 0, which is for SIGTERM and the end of the input.
FAILED: Final = 1
USAGE: Final = 2
ADDRESS: Final = 3
DATABASE: Final = 4
MODEL: Final = 5
NOT_INSTALLED: Final = 6
SANDBOX: Final = 7
LOSSES: Final = 8
INTERRUPTED: Final = 130


class Refusal(Exception):
    """The command cannot go on: the reason, on one line, and the exit status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(" ".join(message.split()))
        self.status = status


def say(text: str) -> None:
    """Prints at once, and ignores a closed pipe: serving goes on without a reader."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        discard_output()


def discard_output() -> None:
    """Redirects the output of a closed pipe: else Python would raise when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
