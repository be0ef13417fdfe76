"""A sandbox of whole Python: CPython under bubblewrap, a process of its own for each call.

What a call may take, and what the model and the step are told of it, belongs here. Whether it works
is found out in availability.py; one process is sandbox_process.py's, the one for the next call
prepared.py's. The file system that the code sees is in bwrap_command.py, the system calls that it
may make in seccomp.py, the program within in sandbox_main.py.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from assistants_client.engine.code_interpreter.availability import working_sandbox
from assistants_client.engine.code_interpreter.base import (
    AFRESH,
    BUSY_SECONDS,
    CLOSED,
    FOLDER,
    UNCHANGED,
    CodeResult,
)
from assistants_client.engine.code_interpreter.bwrap_command import BwrapCommand
from assistants_client.engine.code_interpreter.logs import Logs
from assistants_client.engine.code_interpreter.prepared import Prepared
from assistants_client.engine.code_interpreter.sandbox_process import (
    HEADER_BYTES,
    MOST_FILES,
    SandboxProcess,
    plain_files,
)

_log = logging.getLogger(__name__)

_DESCRIPTION: Final = """\
Runs Python code in a sandbox and answers with what it printed, or the traceback. As in a \
notebook, you also see the value of a last expression, but the user does not: print what is to be \
shown. It is plain Python: no magics (%), no shell (!), no await at the top level. Variables, \
functions, classes and imports of the top level are kept for the next call; what cannot be pickled \
(open files, generators, lambdas) is not.
It is Python {version} with its standard library{packages}. Nothing can be installed. There is no \
network, no environment and no other process: no sockets, subprocess or multiprocessing; threads \
work. The files of this conversation are in the working directory, /mnt/data; other files are gone \
after the call, and none of the host's can be read. To give the user a file, write it there and \
link to it in your answer: [result.csv](sandbox:/mnt/data/result.csv). Images that are written \
there (PNG, JPEG, GIF, WebP) are shown to the user{figures}. Time ({seconds:g} seconds a call), \
memory ({memory}), output ({output}) and the size of files ({written}) are limited."""
_FIGURES: Final = """\
; so are matplotlib's figures, at plt.show() or left open at the end: they need not be saved"""

#: Modules that take long to import, and are imported ahead where recent calls used them.
_MODULES: Final = (
    *("numpy", "pandas", "matplotlib.pyplot", "sympy", "openpyxl", "seaborn", "PIL.Image", "docx"),
    *("scipy.stats", "scipy.optimize", "scipy.integrate", "scipy.signal", "sklearn.linear_model"),
    *("pypdf", "sqlite3", "decimal", "fractions", "statistics", "datetime", "csv", "random"),
)

#: Seconds that a sandbox may take beside the code's own: to start, to read and to write files.
_GRACE_SECONDS: Final = 10.0
#: The exit status of bubblewrap when the kernel killed the code.
_KILLED: Final = 128 + 9
#: Bytes of a thread's files for which the sandbox that was started ahead has room.
_PREPARED_BYTES: Final = 8 * 1024 * 1024
#: Begins the states of this interpreter; no other's are unpickled, even within the sandbox.
_MARK: Final = b"CPython 1\n"


@frozen
class _Starter:
    """Starts sandboxes; it holds no reference to the interpreter, which may be dropped."""

    command: BwrapCommand
    rules: bytes
    written_bytes: int

    def start(self, size: int, modules: Sequence[str] = ()) -> SandboxProcess:
        return SandboxProcess(self.command, self.rules, self.written_bytes + size, modules)

    def prepare(self, modules: Sequence[str]) -> SandboxProcess:
        return self.start(_PREPARED_BYTES, modules)


class BubblewrapInterpreter:
    """Whole CPython, sandboxed by bubblewrap; for Linux on x86-64 and ARM64.

    Code has no network, no process beside its own, no environment, and of the host's files those of
    a Python installation, read-only. Every call is a new process, started ahead where a call came
    before; ``state`` holds what can be pickled, and is unpickled within the sandbox only. Works in
    forked children too.

    Args:
        seconds: Time one call may take.
        memory_bytes: Address space of the code's process; its files come on top.
        output_bytes: Length of the output in UTF-8; what exceeds it is cut, and the logs say so.
        state_bytes: Size up to which the variables are kept.
        written_bytes: Size of all that one call may write into files, and again under ``/tmp``.
        workers: Calls that run at once; the others wait. None takes the number of processors.
        python: The interpreter to run, such as ``venv/bin/python`` of an environment made for it;
            its packages can be imported. None takes the one that runs this.

    Raises:
        ConfigurationError: bubblewrap is missing, or cannot make a sandbox here.
    """

    def __init__(
        self,
        *,
        seconds: float = 15.0,
        memory_bytes: int = 1024 * 1024 * 1024,
        output_bytes: int = 64 * 1024,
        state_bytes: int = 16 * 1024 * 1024,
        written_bytes: int = 32 * 1024 * 1024,
        workers: int | None = None,
        python: str | None = None,
    ) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._output_bytes = output_bytes
        self._state_bytes = state_bytes
        self._written_bytes = written_bytes
        self._workers = workers or os.cpu_count() or 1
        self._closed = False
        found = working_sandbox(python)
        command = BwrapCommand(found.program, found.python, found.installed, written_bytes)
        self._starter = _Starter(command, found.rules, written_bytes)
        self._description = _DESCRIPTION.format(
            version=found.version,
            packages=(
                f" and {', '.join(found.packages)}" if found.packages else ", and no other packages"
            ),
            figures=_FIGURES if "matplotlib" in found.packages else "",
            seconds=seconds,
            memory=_in_words(memory_bytes),
            output=_in_words(output_bytes),
            written=_in_words(written_bytes),
        )
        self._shown = f"Python {found.version} under {found.program}" + (
            f", with {', '.join(found.packages)}" if found.packages else ""
        )
        self._begin_in_this_process()

    @property
    def description(self) -> str:
        """The description for the language model; see ``CodeInterpreter.description``."""
        return self._description

    def __str__(self) -> str:
        return self._shown

    def run(self, code: str, state: bytes | None = None, folder: Path | None = None) -> CodeResult:
        """Runs the code; see ``CodeInterpreter.run``."""
        if self._closed:
            return CodeResult(logs=CLOSED, state=state, failed=True)
        if self._pid != os.getpid():  # calls of the process that this one was forked from
            self._finalizer.detach()
            self._prepared.forget()
            self._begin_in_this_process()
        places = self._places
        if not places.acquire(timeout=BUSY_SECONDS):
            text = f"The code interpreter is busy; nothing was run. {UNCHANGED}"
            return CodeResult(logs=text, state=state, failed=True)
        try:
            return self._run(code, state, folder)
        except Exception as error:  # whatever happens out there, the run goes on
            _log.warning("The code interpreter failed", exc_info=True)
            text = f"The code interpreter failed: {error}"
            return CodeResult(logs=f"{text}\n{UNCHANGED}", state=state, failed=True, shown=text)
        finally:
            places.release()

    def close(self) -> None:
        """Refuses further calls; see ``CodeInterpreter.close``."""
        self._closed = True
        self._finalizer()

    def _begin_in_this_process(self) -> None:
        self._pid = os.getpid()
        self._places = threading.BoundedSemaphore(self._workers)
        self._prepared = Prepared(self._starter.prepare)
        self._finalizer = weakref.finalize(self, self._prepared.close)

    def _run(self, code: str, state: bytes | None, folder: Path | None) -> CodeResult:
        logs = Logs(self._output_bytes)
        files = {} if folder is None else plain_files(folder)
        size = sum(place.stat().st_size for place in files.values())
        pickled = (state or b"").removeprefix(_MARK)
        if state and not state.startswith(_MARK):
            logs.add_remark(AFRESH, is_shown=False)
            pickled = b""
        prepared, modules = self._prepared, frozenset[str]()
        process = prepared.take(self._written_bytes + size) or self._starter.start(size)
        try:
            request = {
                "code": code,
                "seconds": self._seconds,
                "memory_bytes": self._memory_bytes,
                "state_bytes": self._state_bytes,
                "written_bytes": self._written_bytes,
                "value_bytes": self._output_bytes + 1,
                # The result is a file as well.
                "file_bytes": self._written_bytes + self._state_bytes + HEADER_BYTES,
                "most_files": MOST_FILES,
                "modules": _MODULES,
                "folder": FOLDER,
                "afresh": AFRESH,
            }

            def write(text: str) -> None:
                if not logs.is_cut:
                    logs.write(text)

            seconds = self._seconds + _GRACE_SECONDS
            status, in_time = process.run(request, pickled, files, write, seconds)
            if status != 0 or not process.has_answer():
                how = f"by itself, with exit status {status}"
                if not in_time or status == _KILLED:
                    how = "at its limit of time or memory"
                logs.add_remark(f"The code was stopped {how}.")
                logs.add_remark(UNCHANGED, is_shown=False)
                after, failed = state, True
            else:
                answer = process.answer(self._output_bytes + 1, self._state_bytes, folder)
                modules = answer.modules.intersection(_MODULES)
                if answer.value:
                    logs.set_value(answer.value)
                if answer.failure is not None:
                    logs.add_remark(answer.failure)
                if answer.remarks:
                    logs.add_remark("\n".join(answer.remarks), is_shown=False)
                after, failed = _MARK + answer.state, answer.failure is not None or logs.is_cut
            text, shown = logs.text(), logs.shown()
            return CodeResult(logs=text, state=after, failed=failed, shown=shown)
        finally:
            process.end()
            prepared.done(process, [name for name in _MODULES if name in modules])


def _in_words(size: int) -> str:
    """Returns a number of bytes for people, such as ``32 MiB``."""
    for unit, bytes_ in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if size >= bytes_:
            return f"{size / bytes_:.3g} {unit}"
    return f"{size} bytes"
