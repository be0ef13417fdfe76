"""What a process that is gone leaves behind is taken over by another that lives."""

from __future__ import annotations

import logging
import os
import random
import sys
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest
from databases import fresh
from engine_http import Http
from test_recovery import killed
from test_thread_pool import Recorder

from assistants_client.engine import Engine, Scripted
from assistants_client.engine.worker.lookout import Lookout, Source
from assistants_client.engine.worker.thread_pool import WorkerPool

PATIENCE = 20.0


class Waiting:
    """What waits to be done, as a test says; it raises what it is told to raise."""

    def __init__(self, *names: str) -> None:
        self.names: Sequence[str] = names
        self.raises: list[Exception] = []
        self.looks = 0
        self.changed = threading.Condition()

    def __call__(self) -> Sequence[str]:
        """What there is now."""
        with self.changed:
            self.looks += 1
            self.changed.notify_all()
        if self.raises:
            raise self.raises.pop()
        return self.names

    def wait(self, looks: int) -> None:
        """Waits until it was looked at so often."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.looks >= looks, PATIENCE)


def test_what_waits_at_two_looks_is_taken_over() -> None:
    """What has only just come is left to whoever it came to."""
    recorder, waiting = Recorder(), Waiting("a", "b")
    recorder.free()
    pool = WorkerPool(recorder)
    lookout = Lookout(Source(waiting, pool))
    lookout.poll()
    waiting.names = ["b", "c"]
    lookout.poll()
    assert pool.close(PATIENCE) is True
    assert recorder.ended == ["b"]


def test_it_looks_until_it_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    """A database that cannot be reached is told of once, as long as that lasts."""
    waiting = Waiting()
    waiting.raises = [OSError("out of reach") for _ in range(5)]
    lookout = Lookout(Source(waiting, WorkerPool(Recorder())), seconds=0.01)
    chance = random.getstate()
    with caplog.at_level(logging.WARNING):
        lookout.start()
        waiting.wait(8)
        lookout.close()
    assert random.getstate() == chance  # it is the program's, in which tests may look for changes
    lookout.start()
    for thread in threading.enumerate():
        if thread.name == "assistants-lookout":
            thread.join(PATIENCE)
    assert len([one for one in caplog.records if "looked for" in one.message]) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
def test_a_sibling_takes_over_what_is_queued(tmp_path: Path) -> None:
    """An engine that is open already does what a killed process had no time for, unasked."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    with Engine(url, Scripted(["Done after all."] * 2)) as engine:
        engine._lookout._seconds = 0.05
        # The run is to be left to the other process until that is killed.
        engine._lookout.start = lambda: None  # type: ignore[method-assign]
        engine.open()
        path, _ = killed(url, "queued")
        Lookout.start(engine._lookout)
        http = Http(engine)
        assert http.wait(path)["status"] == "completed"
        assert http.texts(path) == ["Hello", "Done after all."]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_looks_out_itself(tmp_path: Path) -> None:
    """Its parent's thread is not there."""
    with Engine(fresh(f"sqlite:///{tmp_path / 'test.db'}"), Scripted()) as engine:
        engine.open()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                before = {thread.name for thread in threading.enumerate()}
                Http(engine).send("GET", "/threads")
                after = {thread.name for thread in threading.enumerate()}
                is_right = after - before == {"assistants-lookout"}
            finally:
                os._exit(0 if is_right else 1)
        assert os.waitpid(child, 0)[1] == 0
