"""A program in a real terminal of its own, for tests that press keys and read what is shown."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

CTRL_C = "\x03"
CTRL_D = "\x04"

#: Takes the terminal that the standard input is for its own, and becomes the command that it is
#: given. Where the tests run in the background, their shell has had Ctrl-C ignored.
_ENTER = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """A terminal in which a command runs; it is skipped where there are none."""

    def __init__(
        self, command: list[str], environment: Mapping[str, str], folder: Path | None = None
    ) -> None:
        pty = pytest.importorskip("pty", reason="no pseudo-terminals here")
        # Not pty.fork: of that, Python warns in a process that has threads.
        self._file, inside = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _ENTER, *command],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            cwd=folder,
            env={"TERM": "xterm", "COLUMNS": "80", **environment},
            start_new_session=True,
        )
        os.close(inside)
        self._read = ""
        #: All that was shown so far.
        self.shown = ""

    def type(self, keys: str) -> None:
        """Presses keys; of Ctrl-C the terminal makes a signal.

        Python does not see a signal that comes while it reads the key before, until the next key.
        """
        state = Path(f"/proc/{self._process.pid}/stat")
        until = time.monotonic() + 5
        while keys == CTRL_C and state.exists() and time.monotonic() < until:
            if state.read_text().rpartition(")")[2].split()[0] in "SZ":  # it sleeps, or has ended
                break
            time.sleep(0.01)
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
            self._process.kill()
        os.close(self._file)
        return self._process.wait()
