"""``assistants serve`` as a process on a free port, for tests that need a real one.

What it serves is checked by the tests.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READY_WITHIN = 60.0  # seconds, on a busy machine
STOPPED_WITHIN = 30.0  # seconds
ROOT = Path(__file__).parents[2]


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """A clean environment, in which the package under test is found."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }


class Launched:
    """A command of ``assistants`` that runs until it is stopped.

    Attributes:
        output: What it printed so far; complete after ``stop``.
    """

    def __init__(self, folder: Path, *command: str, **variables: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "assistants_client", *command],
            cwd=folder,
            env=environment(folder, **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Waits until its output has something."""
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until and self.process.poll() is None:
            found = re.search(pattern, self.output)
            if found:
                return found
            time.sleep(0.02)
        status = self.process.poll()
        raise AssertionError(f"no {pattern!r}, status {status}:\n{self.output}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends it a signal; its exit status is answered."""
        self.process.send_signal(number)
        try:
            status = self.process.wait(STOPPED_WITHIN)
        finally:
            self.kill()
        self._reader.join()
        return status

    def kill(self) -> None:
        """Ends it at once, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Served(Launched):
    """A running ``assistants serve``.

    Attributes:
        base_url: As its start lines say it.
    """

    def __init__(self, folder: Path, *options: str, **variables: str) -> None:
        super().__init__(folder, "serve", "--port", "0", *options, **variables)
        try:
            found = self.wait_for(r"base_url = (\S+)\n(?s:.)*database = .*\n")
        except BaseException:
            self.kill()
            raise
        self.base_url = found[1]


class Working(Launched):
    """A running ``assistants worker``."""

    def __init__(self, folder: Path, *options: str, **variables: str) -> None:
        super().__init__(folder, "worker", *options, **variables)
        try:
            self.wait_for(r"is working(?s:.)*database = .*\n")
        except BaseException:
            self.kill()
            raise


@contextmanager
def served(folder: Path, *options: str, **variables: str) -> Iterator[Served]:
    """Serves for the time of the block."""
    running = Served(folder, *options, **variables)
    try:
        yield running
    finally:
        running.kill()
