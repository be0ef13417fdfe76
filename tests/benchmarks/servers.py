"""Servers of the engine: each a tree of processes, on other cores than those who ask it."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from environments import Side

READY_WITHIN: Final = 60.0  # seconds
COMMANDS: Final[Mapping[str, Sequence[str]]] = {
    "assistants serve": ("assistants_client", "serve", "--port", "0"),
    "gunicorn": (
        *("gunicorn", "-c", "python:assistants_client.engine.gunicorn", "--threads", "32"),
        *("--bind", "127.0.0.1:0", "assistants_client.engine.wsgi:application"),
    ),
}


def pinned(*, is_server: bool) -> list[str]:
    """The beginning of a command that is to stay on the cores of servers, or on the others.

    Empty where there is one core, or no ``taskset`` (Linux).
    """
    taskset = shutil.which("taskset")
    if taskset is None:
        return []
    here = sorted(os.sched_getaffinity(0))
    half = len(here) // 2
    chosen = here[:half] if is_server else here[half:]
    return [taskset, "-c", ",".join(map(str, chosen))] if half else []


class Server:
    """A server, and what it has for the requests that are measured.

    Attributes:
        port: Its port.
        pid: Its first process.
    """

    def __init__(self, side: Side, kind: str, folder: Path, *options: str) -> None:
        self._log = folder / "log.txt"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*pinned(is_server=True), str(side.python), "-m", *COMMANDS[kind], *options],
                cwd=folder,
                env=side.environment(PYTHONUNBUFFERED="1"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.pid = self._process.pid
        try:
            self.port = int(self._logged(r"(?:base_url =|Listening at:) http://127\.0\.0\.1:(\d+)"))
        except BaseException:
            self.stop()
            raise

    def _logged(self, pattern: str) -> str:
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until and self._process.poll() is None:
            found = re.search(pattern, self._log.read_text("utf-8"))
            if found:
                return found[1]
            time.sleep(0.05)
        raise RuntimeError(f"no server:\n{self._log.read_text('utf-8')}")

    def call(self, method: str, path: str, document: object = None) -> Any:
        """Sends a request, and returns the document of its response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY_WITHIN)
        body = None if document is None else json.dumps(document)
        connection.request(method, f"/v1{path}", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {response.status} {text!r}")
        return json.loads(text)

    def cpu(self) -> float:
        """Seconds of CPU that its processes have used so far (Linux)."""
        return sum(map(spent, tree(self.pid)))

    def stop(self) -> None:
        """Ends it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def served(side: Side, kind: str, *options: str) -> Iterator[Server]:
    """A server on an empty database, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(side, kind, Path(folder), *options)
        try:
            yield server
        finally:
            server.stop()


def tree(pid: int) -> list[int]:
    """A process and its children, and so on."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has just ended
        parents.setdefault(parent, []).append(int(path.parent.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def spent(pid: int) -> float:
    """Seconds of CPU of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
