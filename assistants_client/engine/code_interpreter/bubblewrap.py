"""A sandbox of whole Python: CPython under bubblewrap, a process of its own for each call.

Starting it, its limits and reading its output belong here; the file system that it sees is in
bwrap_command.py, the system calls that it may make in seccomp.py, the program within in
sandbox_main.py. Its output is untrusted: it is read as text, as bytes for the next call's sandbox,
and as files that are written where this side chooses.
"""

from __future__ import annotations

import codecs
import json
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from assistants_client.engine.code_interpreter.base import (
    AFRESH,
    BUSY_SECONDS,
    CLOSED,
    FOLDER,
    UNCHANGED,
    CodeResult,
)
from assistants_client.engine.code_interpreter.bwrap_command import INPUT_FOLDER, BwrapCommand
from assistants_client.engine.code_interpreter.logs import Logs
from assistants_client.engine.code_interpreter.seccomp import filter_for
from assistants_client.errors import ConfigurationError

_log = logging.getLogger(__name__)

_DESCRIPTION: Final = """\
Runs Python code in a sandbox and answers with what it printed, or the traceback. Print whatever \
you need to see: unlike in a notebook, the value of a last expression is not shown. Variables, \
functions, classes and imports of the top level are kept for the next call, each on its own; what \
cannot be pickled (open files, generators, lambdas) is not, and the output says so.
It is Python {version} with its standard library{packages}. Nothing can be installed. There is no \
network, no environment and no other process: no sockets, subprocess or multiprocessing; threads \
work. The files of this conversation are in the working directory, /mnt/data; other files are gone \
after the call, and none of the host's can be read. To give the user a file, write it there and \
link to it in your answer: [result.csv](sandbox:/mnt/data/result.csv). Images that are written \
there (PNG, JPEG, GIF, WebP) are shown to the user{figures}. Time ({seconds:g} seconds a call), \
memory, output and the size of files are limited."""
_FIGURES: Final = """\
; so are matplotlib's figures that are open at the end, unless the code saves pictures itself"""

#: Packages that models like to use: the description names those that are installed.
_PACKAGES: Final = (
    *("numpy", "pandas", "scipy", "sympy", "matplotlib", "seaborn", "sklearn"),
    *("PIL", "openpyxl", "docx", "pypdf"),
)
_PROBE: Final = f"""\
import json, platform
from importlib.util import find_spec
print(json.dumps([platform.python_version(), [n for n in {_PACKAGES!r} if find_spec(n)]]))"""

#: Seconds that a sandbox may take beside the code's own: to start, to read and to write files.
_GRACE_SECONDS: Final = 10.0
#: The exit status of bubblewrap when the kernel killed the code.
_KILLED: Final = 128 + 9
#: Files that one call may leave behind.
_MOST_FILES: Final = 200
#: Bytes of the result's header, which comes before state and files.
_HEADER_BYTES: Final = 1024 * 1024
_LONGEST_PATH: Final = 500
_BLOCK: Final = 64 * 1024

_INSTALL: Final = (
    "install the package bubblewrap (apt-get install bubblewrap, dnf install bubblewrap), or use "
    "the built-in code interpreter"
)


class BubblewrapInterpreter:
    """Whole CPython, sandboxed by bubblewrap; for Linux on x86-64 and ARM64.

    Code has no network, no process beside its own, no environment, and of the host's files those of
    a Python installation, read-only. Every call is a new process; ``state`` holds what can be
    pickled, and is unpickled within the sandbox only. Works in forked children too.

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
        self._places = threading.BoundedSemaphore(self._workers)
        self._pid = os.getpid()
        self._closed = False
        program = shutil.which("bwrap")
        if program is None:
            raise ConfigurationError(f"code_interpreter: there is no bubblewrap here; {_INSTALL}")
        rules = filter_for(platform.machine())
        if rules is None:
            raise ConfigurationError(
                f"code_interpreter: bubblewrap is not supported on {platform.machine()} "
                "(x86_64 and aarch64 are); use the built-in code interpreter"
            )
        self._rules = rules
        interpreter = os.path.abspath(python or sys.executable)
        self._command = BwrapCommand(program, interpreter, written_bytes)
        probed = self.run(_PROBE)
        try:
            version, packages = json.loads(probed.logs)
        except ValueError:
            raise ConfigurationError(
                "code_interpreter: bubblewrap cannot make a sandbox here. A container has to allow "
                f"user namespaces for it. It said: {probed.logs.strip()[:500]}"
            ) from None
        self._description = _DESCRIPTION.format(
            version=version,
            packages=f" and {', '.join(packages)}" if packages else ", and no other packages",
            figures=_FIGURES if "matplotlib" in packages else "",
            seconds=seconds,
        )

    @property
    def description(self) -> str:
        """The description for the language model; see ``CodeInterpreter.description``."""
        return self._description

    def run(self, code: str, state: bytes | None = None, folder: Path | None = None) -> CodeResult:
        """Runs the code; see ``CodeInterpreter.run``."""
        if self._closed:
            return CodeResult(logs=CLOSED, state=state, failed=True)
        if self._pid != os.getpid():  # calls of the process that this one was forked from
            self._pid, self._places = os.getpid(), threading.BoundedSemaphore(self._workers)
        places = self._places
        if not places.acquire(timeout=BUSY_SECONDS):
            text = f"The code interpreter is busy; nothing was run. {UNCHANGED}"
            return CodeResult(logs=text, state=state, failed=True)
        try:
            return self._run(code, state, folder)
        except Exception as error:  # whatever happens out there, the run goes on
            _log.warning("The code interpreter failed", exc_info=True)
            text = f"The code interpreter failed: {error}\n{UNCHANGED}"
            return CodeResult(logs=text, state=state, failed=True)
        finally:
            places.release()

    def close(self) -> None:
        """Refuses further calls; see ``CodeInterpreter.close``."""
        self._closed = True

    def _run(self, code: str, state: bytes | None, folder: Path | None) -> CodeResult:
        logs = Logs(self._output_bytes)
        room = self._written_bytes + (0 if folder is None else _size(folder))
        with _file(self._rules) as rules, tempfile.TemporaryFile() as result:
            request = {
                "code": code,
                "seconds": self._seconds,
                "memory_bytes": self._memory_bytes,
                "state_bytes": self._state_bytes,
                "written_bytes": self._written_bytes,
                # The result is a file as well.
                "file_bytes": self._written_bytes + self._state_bytes + _HEADER_BYTES,
                "most_files": _MOST_FILES,
                "input_folder": INPUT_FOLDER,
                "folder": FOLDER,
                "result": result.fileno(),
                "afresh": AFRESH,
            }
            with _file(json.dumps(request).encode() + b"\n" + (state or b"")) as stdin:
                process = subprocess.Popen(
                    self._command.for_call(rules.fileno(), folder, room),
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=(rules.fileno(), result.fileno()),
                    # Also of bubblewrap's own process, which code might look at.
                    env={},
                    cwd="/",
                )
            in_time = self._read_output(process, logs)
            if process.returncode != 0:
                how = f"by itself, with exit status {process.returncode}"
                if not in_time or process.returncode == _KILLED:
                    how = "at its limit of time or memory"
                logs.add_remark(f"The code was stopped {how}.\n{UNCHANGED}")
                return CodeResult(logs=logs.text(), state=state, failed=True)
            result.seek(0)
            return self._read_result(result, logs, folder)

    def _read_output(self, process: subprocess.Popen[bytes], logs: Logs) -> bool:
        """Reads the printed text until the sandbox ends; returns whether it ended by itself."""
        assert process.stdout is not None
        overdue = threading.Event()

        def kill() -> None:
            overdue.set()
            process.kill()

        timer = threading.Timer(self._seconds + _GRACE_SECONDS, kill)
        timer.daemon = True
        timer.start()
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        try:
            with process.stdout as printed:
                while block := os.read(printed.fileno(), _BLOCK):
                    if not logs.is_cut:
                        logs.write(decoder.decode(block))
            process.wait()
        finally:
            timer.cancel()
            process.kill()
            process.wait()
        return not overdue.is_set()

    def _read_result(self, result: IO[bytes], logs: Logs, folder: Path | None) -> CodeResult:
        """Reads the sandbox's result, all of which the code may have forged."""
        header = json.loads(result.readline(_HEADER_BYTES))
        failure, remarks = header["failure"], header["remarks"]
        state = _read_exactly(result, header["state"], self._state_bytes + _HEADER_BYTES)
        if folder is not None:
            remarks = [*remarks, *_write_files(result, header["files"], folder)]
        if failure is not None:
            logs.add_remark(str(failure))
        if remarks:
            logs.add_remark("\n".join(map(str, remarks)))
        failed = failure is not None or logs.is_cut
        return CodeResult(logs=logs.text(), state=state, failed=failed)


def _write_files(result: IO[bytes], files: Sequence[Any], folder: Path) -> list[str]:
    """Writes the result's files into the folder; returns the remarks on those it could not."""
    if len(files) > _MOST_FILES:
        raise ValueError("too many files")
    refused = []
    for path, size in files:
        content = _read_exactly(result, size, size)
        try:
            place = folder / _checked_path(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        except (OSError, ValueError):
            refused.append(ascii(path)[:_LONGEST_PATH])
    return [f"[not possible as names of files: {', '.join(refused[:10])}]"] if refused else []


def _checked_path(path: Any) -> PurePosixPath:
    """Returns a path that is within a folder.

    Raises:
        ValueError: It leads elsewhere, or its name cannot be kept.
    """
    found = PurePosixPath(path)
    if (
        not found.parts
        or found.is_absolute()
        or ".." in found.parts
        or not path.isprintable()
        or len(path) > _LONGEST_PATH
    ):
        raise ValueError("not a path within the folder")
    return found


def _read_exactly(source: IO[bytes], size: Any, limit: int) -> bytes:
    if not isinstance(size, int) or not 0 <= size <= limit:
        raise ValueError("not a size")
    content = source.read(size)
    if len(content) != size:
        raise ValueError("the result is cut short")
    return content


def _size(folder: Path) -> int:
    return sum(place.stat().st_size for place in folder.rglob("*") if place.is_file())


@contextmanager
def _file(content: bytes) -> Iterator[IO[bytes]]:
    """Yields a file without a name that is read from its beginning."""
    with tempfile.TemporaryFile() as made:
        made.write(content)
        made.seek(0)
        yield made
