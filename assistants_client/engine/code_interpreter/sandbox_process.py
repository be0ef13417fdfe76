"""One process of the sandbox, which runs one piece of code: started, asked, read, ended.

Its output is untrusted: it is read as text, as bytes for the next call's sandbox, and as files that
are written where this side chooses. The program within is sandbox_main.py.
"""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from attrs import frozen

from assistants_client.engine.code_interpreter.availability import nameless_file
from assistants_client.engine.code_interpreter.bwrap_command import BwrapCommand

#: Files that one call may leave behind.
MOST_FILES: Final = 200
#: Bytes of the result's header, which comes before the value, the state and the files.
HEADER_BYTES: Final = 1024 * 1024
_LONGEST_PATH: Final = 500
_BLOCK: Final = 64 * 1024


@frozen
class Answer:
    """The result of the code, all of which it may have forged; its files are written already.

    Attributes:
        value: The text of the last expression's value.
        failure: The traceback, if it failed.
        remarks: What the model is to know beside.
        modules: Those of the request that it imported.
        state: The variables.
    """

    value: str
    failure: str | None
    remarks: list[str]
    modules: frozenset[str]
    state: bytes


class SandboxProcess:
    """A sandbox that was started and waits for its request.

    It ends with the thread that started it, whose end the kernel tells bubblewrap.

    Args:
        command: Starts it.
        rules: The filter of system calls.
        size: Bytes of all files that the thread's folder in it can hold.
        modules: Modules that it imports until the request comes.
    """

    def __init__(
        self, command: BwrapCommand, rules: bytes, size: int, modules: Sequence[str] = ()
    ) -> None:
        self.size = size
        self._result: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by end)
        try:
            with nameless_file(rules) as filter_file:
                numbers = (filter_file.fileno(), self._result.fileno())
                self._process = subprocess.Popen(
                    command.for_call(*numbers, size, modules),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=numbers,
                    # Also of bubblewrap's own process, which code might look at.
                    env={},
                    cwd="/",
                )
        except BaseException:
            self._result.close()
            raise

    def is_running(self) -> bool:
        """Returns whether it waits still."""
        return self._process.poll() is None

    def run(
        self,
        request: Mapping[str, Any],
        state: bytes,
        files: Mapping[str, Path],
        write: Callable[[str], object],
        seconds: float,
    ) -> tuple[int, bool]:
        """Sends the request, and passes on what the code prints until it has ended.

        Args:
            request: All of it but the sizes of what comes after it.
            state: The variables.
            files: The thread's files by their paths in the folder.
            write: Takes the printed text.
            seconds: The time after which it is killed.

        Returns:
            The exit status, and whether it ended by itself.
        """
        process, overdue = self._process, threading.Event()
        assert process.stdout is not None

        def kill() -> None:
            overdue.set()
            process.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        try:
            # It prints nothing before it has read all.
            self._send(request, state, files)
            while block := os.read(process.stdout.fileno(), _BLOCK):
                write(decoder.decode(block))
            process.wait()
        finally:
            timer.cancel()
            process.kill()
            process.wait()
        return process.returncode, not overdue.is_set()

    def has_answer(self) -> bool:
        """Returns whether there is a result: code that ends the process leaves none."""
        return os.fstat(self._result.fileno()).st_size > 0

    def answer(self, value_bytes: int, state_bytes: int, folder: Path | None) -> Answer:
        """Reads the result, and writes its files into the folder.

        Args:
            value_bytes: The most bytes of the value.
            state_bytes: The most bytes of the variables.
            folder: None leaves the files.

        Raises:
            ValueError, KeyError, TypeError: It is none.
        """
        result = self._result
        result.seek(0)
        header = json.loads(result.readline(HEADER_BYTES))
        failure = header["failure"]
        value = _read_exactly(result, header["value"], value_bytes).decode(errors="replace")
        state = _read_exactly(result, header["state"], state_bytes + HEADER_BYTES)
        remarks = [str(remark) for remark in header["remarks"]]
        if folder is not None:
            remarks += _write_files(result, header["files"], folder)
        return Answer(
            value=value,
            failure=None if failure is None else str(failure),
            remarks=remarks,
            modules=frozenset(map(str, header["modules"])),
            state=state,
        )

    def end(self) -> None:
        """Kills it, if it still runs, and closes all that was opened for it."""
        self._process.kill()
        self._process.wait()
        self.forget()

    def forget(self) -> None:
        """Closes all that was opened for it: in a forked child, whose process it is not."""
        for stream in (self._process.stdin, self._process.stdout, self._result):
            if stream is not None:
                with suppress(OSError):  # of what was not sent any more
                    stream.close()

    def _send(self, request: Mapping[str, Any], state: bytes, files: Mapping[str, Path]) -> None:
        sizes = [(path, place.stat().st_size) for path, place in files.items()]
        stream = self._process.stdin
        assert stream is not None
        with suppress(BrokenPipeError), stream:  # if it has ended, its exit status says how
            sent = {**request, "state": len(state), "files": sizes}
            stream.write(json.dumps(sent).encode() + b"\n" + state)
            for path, size in sizes:
                with files[path].open("rb") as source:
                    room = size
                    while room > 0 and (block := source.read(min(room, _BLOCK))):
                        stream.write(block)
                        room -= len(block)


def plain_files(folder: Path) -> dict[str, Path]:
    """Returns the files in a folder, and the folders in it, by their paths."""
    return {
        place.relative_to(folder).as_posix(): place
        for place in sorted(folder.rglob("*"))
        if place.is_file() and not place.is_symlink()
    }


def _write_files(result: IO[bytes], files: Sequence[Any], folder: Path) -> Iterator[str]:
    """Writes the result's files into the folder; yields the remark on those it could not."""
    if len(files) > MOST_FILES:
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
    if refused:
        yield f"[not possible as names of files: {', '.join(refused[:10])}]"


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
