"""What reads a file ends with the engine that started it, however that came to its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assistants_client.engine.search import extraction

fcntl = pytest.importorskip("fcntl", reason="Windows does not tell whether a parent is gone")

#: An engine whose reader locks a file, and holds it until its last moment; the page that it reads
#: takes much longer than a reader may stay.
ENGINE = """
import sys, time
from assistants_client import Client
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.search import extraction

folder = sys.argv[1]
extraction._START = f'''
import fcntl, os
lock = open({folder + "/lock"!r}, "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print(os.getpid(), file=lock, flush=True)
''' + extraction._START
with Engine(f"sqlite:///{folder}/test.db", Scripted([])) as engine:
    client = Client(engine=engine)
    page = client.files.upload(b"<b>x</b> " * 7_000_000, filename="page.html")
    client.vector_stores.create(file_ids=[page.id])
    time.sleep(120)
"""


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether something comes true in this time."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_a_reader_ends_with_its_engine(tmp_path: Path) -> None:
    """Also with one that is killed and can tell nobody."""
    lock = tmp_path / "lock"
    lock.touch()

    def is_free() -> bool:
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
        return True

    with subprocess.Popen([sys.executable, "-c", ENGINE, str(tmp_path)]) as engine:
        try:
            assert within(30, lambda: lock.read_text().endswith("\n"))
        finally:
            engine.kill()
    reader = int(lock.read_text())
    try:
        assert not is_free()
        assert within(5, is_free)
    finally:
        if not is_free():
            os.kill(reader, signal.SIGKILL)


def test_a_reader_that_is_done_stays_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """However long its interpreter takes to end, which no longer hears of its timer then."""
    slow = "class Slow:\n    def __del__(self, sleep=__import__('time').sleep): sleep(1.5)\n"
    monkeypatch.setattr(extraction, "_START", f"{slow}slow = Slow()\n{extraction._START}")
    path = tmp_path / "notes.txt"
    path.write_bytes(b"All of it.")

    with path.open("rb") as file:
        assert extraction.extract(file, "notes.txt").text == "All of it."
