"""The interface of anything that runs a language model's Python.

No runs, steps, threads or database: state goes in and comes out as bytes, which the caller stores.
No value made by the code ever enters this process, only text, files and those bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from attrs import frozen

#: Where code finds the files of its thread.
FOLDER: Final = "/mnt/data"

#: Seconds a call may wait until another one has ended, where no more may run at once.
BUSY_SECONDS: Final = 60.0

# Messages to the model that several interpreters share.
CLOSED: Final = "The code interpreter is closed."
AFRESH: Final = "The variables of earlier calls could not be restored; this call started afresh."
UNCHANGED: Final = "Variables are as they were before this call."


@frozen(kw_only=True)
class CodeResult:
    """The result of one call.

    Attributes:
        logs: All that the model reads: the printed text, the value of a last expression where the
            interpreter shows it, the traceback where the code raised, and remarks.
        state: The variables and functions, for the next call; None to start afresh.
        failed: Whether the code raised, was stopped at a limit, or could not be run.
        shown: What the step shows as the code's output: of ``logs``, the printed text, and how the
            code failed. None shows all of it.
    """

    logs: str
    state: bytes | None
    failed: bool
    shown: str | None = None


class CodeInterpreter(Protocol):
    """Anything that runs code. It is called from several threads at once."""

    @property
    def description(self) -> str:
        """The description for the language model: what code can do here, and what it cannot.

        Of files, only that they are under ``/mnt/data``: which ones there are is added to it.
        """
        ...

    def run(self, code: str, state: bytes | None = None, folder: Path | None = None) -> CodeResult:
        """Runs ``code`` with the variables of ``state``, a former result's.

        A state of another interpreter is not used: the call starts afresh, and the logs say so.
        What is in ``folder`` the code reads and writes under ``/mnt/data``; without one it has no
        files. Whatever the code does, there is nothing but plain files and folders in it later.

        Never raises for what the code does: errors are reported in the logs.
        """
        ...

    def close(self) -> None:
        """Ends the interpreter; later calls fail. Closing twice does no harm."""
        ...
