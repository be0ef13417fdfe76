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


class Served:
    """A running ``assistants serve``.

    Attributes:
        base_url: As its start lines say it.
        output: What it printed so far; complete after ``stop``.
    """

    def __init__(self, folder: Path, *options: str, **variables: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "assistants_client", "serve", "--port", "0", *options],
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
        try:
            self.base_url = self._base_url()
        except BaseException:
            self.kill()
            raise

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line

    def _base_url(self) -> str:
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until and self.process.poll() is None:
            found = re.search(r"base_url = (\S+)\n(?s:.)*database = .*\n", self.output)
            if found:
                return found[1]
            time.sleep(0.02)
        raise AssertionError(f"it does not serve, status {self.process.poll()}:\n{self.output}")

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


@contextmanager
def served(folder: Path, *options: str, **variables: str) -> Iterator[Served]:
    """Serves for the time of the block."""
    running = Served(folder, *options, **variables)
    try:
        yield running
    finally:
        running.kill()
