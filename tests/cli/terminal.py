"""A program in a real terminal of its own, for tests that press keys and read what is shown."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

CTRL_C = "\x03"
CTRL_D = "\x04"


class Terminal:
    """A terminal in which a command runs; it is skipped where there are none."""

    def __init__(
        self, command: list[str], environment: Mapping[str, str], folder: Path | None = None
    ) -> None:
        pty = pytest.importorskip("pty", reason="no pseudo-terminals here")
        self._process_id, self._file = pty.fork()
        if self._process_id == 0:
            # Where the tests run in the background, their shell has had Ctrl-C ignored.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.chdir(folder or os.curdir)
            os.execve(command[0], command, {"TERM": "xterm", "COLUMNS": "80", **environment})
        self._read = ""
        #: All that was shown so far.
        self.shown = ""

    def type(self, keys: str) -> None:
        """Presses keys; of Ctrl-C the terminal makes a signal."""
        os.write(self._file, keys.encode())

    def expect(self, pattern: str, seconds: float = 20) -> re.Match[str]:
        """Reads until something like that is shown, and answers the match."""
        until = time.monotonic() + seconds
        while not (found := re.search(pattern, self._read)):
            left = max(until - time.monotonic(), 0)
            ready, _, _ = select.select([self._file], [], [], left)
            assert ready, self.shown
            assert self._read_more(), self.shown
        self._read = self._read[found.end() :]
        return found

    def _read_more(self) -> bool:
        more = b""
        with contextlib.suppress(OSError):  # that is how a terminal ends
            more = os.read(self._file, 65536)
        self._read += more.decode(errors="replace")
        self.shown += more.decode(errors="replace")
        return bool(more)

    def end(self, pressing: str = "", seconds: float = 20) -> int:
        """Reads to the end, and answers the exit status.

        Args:
            pressing: Keys that are pressed, and again after a while: Python loses a signal that
                comes at the very moment at which it begins to wait for a line.
            seconds: After so many it is killed.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if pressing:
                self.type(pressing)
            while more := select.select([self._file], [], [], 3)[0]:
                if not self._read_more():
                    break
            if more:
                break
        else:
            os.kill(self._process_id, signal.SIGKILL)
        os.close(self._file)
        return os.waitstatus_to_exitcode(os.waitpid(self._process_id, 0)[1])
