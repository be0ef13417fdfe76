"""Gunicorn with one of the examples, and many users at once who ask it; what came is returned."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

from attrs import frozen

ROOT = Path(__file__).parents[2]
READY_WITHIN = 60.0  # seconds, on a busy machine
ANSWERED_WITHIN = 60.0  # seconds


@frozen
class Gunicorn:
    """A running gunicorn; its log is a file."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def gunicorn(application: str, folder: Path, *options: str, **variables: str) -> Iterator[Gunicorn]:
    """Serves an application of the examples from the folder, for the time of the block."""
    log = folder / "gunicorn.log"
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", *options]
    with log.open("wb") as into:
        process = subprocess.Popen(
            [*command, "--pythonpath", f"{ROOT},{ROOT / 'examples'}", application],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), **variables},
            stdin=subprocess.DEVNULL,
            stdout=into,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Gunicorn(_port(process, log), process, log)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    until = time.monotonic() + READY_WITHIN
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", log.read_text())
        if found:
            return int(found[1])
        time.sleep(0.05)
    raise AssertionError(f"it does not serve:\n{log.read_text()}")


@frozen
class Asked:
    """What one user saw; ``first`` and ``whole`` are seconds from the question on."""

    thread_id: str
    statuses: tuple[int, int]
    text: str
    pieces: int
    first: float
    whole: float


def ask(port: int, question: str) -> Asked:
    """One user: begins a conversation, asks, and reads the answer as it comes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWERED_WITHIN)
    connection.request("POST", "/threads")
    answer = connection.getresponse()
    begun, status = answer.read(), answer.status
    connection.close()
    assert status == 200, begun
    thread_id = json.loads(begun)["thread_id"]

    asked_at = time.monotonic()
    connection.request("POST", f"/threads/{thread_id}", question, {"Content-Type": "text/plain"})
    answer = connection.getresponse()
    pieces, first = [], 0.0
    while piece := answer.read1():
        first = first or time.monotonic() - asked_at
        pieces.append(piece)
    connection.close()
    text = b"".join(pieces).decode()
    whole = time.monotonic() - asked_at
    return Asked(thread_id, (status, answer.status), text, len(pieces), first, whole)


def ask_at_once(users: int, act: Callable[[int], Asked]) -> list[Asked]:
    """All users at the same moment."""
    barrier = threading.Barrier(users)

    def one(number: int) -> Asked:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(users) as pool:
        return list(pool.map(one, range(users)))


def percentiles(seconds: list[float]) -> str:
    """The median and two worse ones, for people."""
    cuts = quantiles(seconds, n=100)
    return f"p50 {cuts[49]:.2f} s, p95 {cuts[94]:.2f} s, p99 {cuts[98]:.2f} s"
