"""Threads carry runs: started when needed, gone when not, and never in each other's way."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator

import pytest

from assistants_client.engine.faults import Fault
from assistants_client.engine.worker import thread_pool as executor
from assistants_client.engine.worker.thread_pool import Threads

PATIENCE = 10.0


class Recorder:
    """Carries nothing: keeps each run until the test lets it go, and notes what happened."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.renewed = 0
        self.names: set[str] = set()
        self.lost: set[str] = set()
        self.raises: list[Exception] = []
        self.let_gone: list[str] = []
        self.flags: dict[str, Callable[[], bool]] = {}
        self.changed = threading.Condition()
        self._free: set[str] = set()
        self._all_free = False

    def carry(self, run_id: str, cancelled: Callable[[], bool]) -> None:
        """Returns when the test lets the run go; ``bad`` raises."""
        with self.changed:
            self.begun.append(run_id)
            self.flags[run_id] = cancelled
            self.names.add(threading.current_thread().name)
            self.changed.notify_all()
            self.changed.wait_for(lambda: self._all_free or run_id in self._free, PATIENCE)
            self.ended.append(run_id)
            self.changed.notify_all()
        if run_id.startswith("bad") and run_id not in self.let_gone:
            raise SystemExit(run_id)

    def let_go(self, run_id: str) -> None:
        """Notes it."""
        with self.changed:
            self.let_gone.append(run_id)
            if self.raises:
                raise self.raises.pop()

    def renew(self) -> set[str]:
        """Counts, and fails at first."""
        with self.changed:
            self.renewed += 1
            self.changed.notify_all()
            if self.renewed == 1:
                raise RuntimeError("database is locked")
            if self.raises and not self.let_gone:
                raise self.raises.pop()
            return set(self.begun) - self.lost

    def release(self, *run_ids: str) -> None:
        """Lets these runs go, or all of them."""
        with self.changed:
            self._free.update(run_ids)
            self._all_free = self._all_free or not run_ids
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Waits until something has happened."""
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """A recorder that lets go of everything at the end, and leaves no thread behind."""
    made = Recorder()
    yield made
    made.release()
    until_gone()


def threads_alive() -> list[threading.Thread]:
    """The threads of all executors."""
    return [
        thread
        for thread in threading.enumerate()
        if thread.name in ("assistants-run", "assistants-heartbeat")
    ]


def until_gone() -> None:
    """Waits for the end of all threads."""
    for thread in threads_alive():
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_no_thread_before_the_first_run_and_none_after_the_last(recorder: Recorder) -> None:
    """Idle, an executor costs nothing."""
    threads = Threads(recorder)
    assert threads_alive() == []

    threads.submit("a")
    recorder.wait(lambda: recorder.begun == ["a"])
    assert {thread.name for thread in threads_alive()} == {"assistants-run", "assistants-heartbeat"}
    assert all(thread.daemon for thread in threads_alive())
    recorder.release("a")

    until_gone()
    assert recorder.ended == ["a"]


def test_more_runs_than_workers(recorder: Recorder) -> None:
    """At most as many as there are workers are carried at once; the others follow in order."""
    threads = Threads(recorder, workers=2)
    for run_id in "abcd":
        threads.submit(run_id)
    recorder.wait(lambda: len(recorder.begun) == 2)
    assert sorted(recorder.begun) == ["a", "b"]

    recorder.release("b")
    recorder.wait(lambda: len(recorder.begun) == 3)
    assert recorder.begun[2] == "c"

    recorder.release()
    recorder.wait(lambda: len(recorder.ended) == 4)


def test_what_waits_is_told(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that no worker is free for are counted, and told of once, not each time."""
    told: list[int] = []
    threads = Threads(recorder, workers=2, tell_waiting=told.append)
    threads.submit("a")
    threads.submit("b")
    assert threads.waiting() == 0
    assert told == []

    threads.submit("c")
    threads.submit("d")
    assert threads.waiting() == 2
    assert told == [1]
    monkeypatch.setattr(executor, "TELL_SECONDS", 0.0)
    threads.submit("e")
    assert told == [1, 3]

    recorder.release()
    recorder.wait(lambda: len(recorder.ended) == 5)
    assert threads.waiting() == 0


def test_what_others_have_left_is_taken_over_as_far_as_there_is_room(recorder: Recorder) -> None:
    """What is waiting, carried or dropped here is not taken twice; after closing, nothing is."""
    threads = Threads(recorder, workers=3)
    threads.submit("a")
    recorder.wait(lambda: recorder.begun == ["a"])

    threads.take_over(["a", "b", "c", "d"])
    recorder.wait(lambda: sorted(recorder.begun) == ["a", "b", "c"])
    threads.take_over(["a", "d", "e"])
    assert threads.busy() == 3
    recorder.release()
    assert threads.close(PATIENCE) is True
    threads.take_over(["d"])
    until_gone()
    assert sorted(recorder.ended) == ["a", "b", "c"]


def test_a_run_that_blows_up_takes_nothing_with_it(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, the worker goes on, and the run is let go of, to be carried once more."""
    threads = Threads(recorder, workers=1, heartbeat=0.01)
    recorder.release()
    threads.submit("bad")
    threads.submit("good")

    recorder.wait(lambda: recorder.ended == ["bad", "good", "bad"])
    until_gone()
    assert recorder.let_gone == ["bad"]
    assert "Run bad could not be carried" in caplog.text


def test_what_could_not_be_let_go_of_is_told_by_close(recorder: Recorder) -> None:
    """Whoever closes has it ended then."""
    threads = Threads(recorder)
    recorder.release()
    threads.submit("bad")
    recorder.wait(lambda: recorder.ended == ["bad"])

    assert threads.close(PATIENCE) is False
    until_gone()


def test_cancel_sets_the_flag_of_that_run_only(recorder: Recorder) -> None:
    """A run that is not carried here is none of our business."""
    threads = Threads(recorder)
    threads.submit("a")
    threads.submit("b")
    recorder.wait(lambda: len(recorder.begun) == 2)

    threads.cancel("b")
    threads.cancel("b")
    threads.cancel("elsewhere")

    assert not recorder.flags["a"]()
    assert recorder.flags["b"]()


def test_a_cancelled_run_that_hangs_blocks_nobody(recorder: Recorder) -> None:
    """Its thread no longer counts, so another is started; when it ends after all, it is gone."""
    threads = Threads(recorder, workers=1)
    threads.submit("stuck")
    recorder.wait(lambda: recorder.begun == ["stuck"])
    threads.submit("next")
    threads.submit("last")

    threads.cancel("stuck")
    recorder.wait(lambda: recorder.begun == ["stuck", "next"])
    recorder.release("stuck")
    recorder.wait(lambda: recorder.ended == ["stuck"])
    assert recorder.begun == ["stuck", "next"]

    recorder.release("next")
    recorder.wait(lambda: recorder.begun == ["stuck", "next", "last"])


def test_a_run_that_was_taken_away_blocks_nobody(recorder: Recorder) -> None:
    """A run that hangs until it expires has its worker replaced at the next heartbeat."""
    threads = Threads(recorder, workers=1, heartbeat=0.01)
    threads.submit("stuck")
    threads.submit("next")
    recorder.wait(lambda: recorder.renewed >= 3)
    assert recorder.begun == ["stuck"]

    recorder.lost.add("stuck")

    recorder.wait(lambda: recorder.begun == ["stuck", "next"])


def test_the_heart_beats_while_runs_are_carried(recorder: Recorder) -> None:
    """It beats on after a failure, ends with the last run, and starts again with another."""
    threads = Threads(recorder, heartbeat=0.01)
    threads.submit("a")
    recorder.wait(lambda: recorder.renewed >= 3)
    recorder.release("a")
    until_gone()

    before = recorder.renewed
    threads.submit("b")
    recorder.wait(lambda: recorder.renewed > before)


def test_a_store_out_of_use_is_told_of_once(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """As long as that lasts, and without the way there; after it, once more."""
    caplog.set_level(logging.WARNING)
    recorder.renewed = 1
    recorder.raises = [Fault(503, "out of use") for _ in range(5)]
    threads = Threads(recorder, heartbeat=0.01)
    threads.submit("a")
    recorder.wait(lambda: not recorder.raises)
    before = recorder.renewed
    recorder.wait(lambda: recorder.renewed >= before + 2)
    with recorder.changed:
        recorder.raises = [Fault(503, "out of use") for _ in range(5)]
    recorder.wait(lambda: not recorder.raises)
    told = [one for one in caplog.records if "sign of life" in one.message]
    assert [(one.levelname, one.exc_info) for one in told] == [("WARNING", None)] * 2


def test_what_cannot_be_let_go_of_is_told_of_once(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried at each heartbeat."""
    caplog.set_level(logging.WARNING)
    recorder.renewed = 1
    recorder.let_gone = ["earlier"]
    recorder.raises = [Fault(503, "out of use") for _ in range(5)]
    recorder.release()
    threads = Threads(recorder, heartbeat=0.01)
    threads.submit("bad")
    recorder.wait(lambda: not recorder.raises)
    recorder.wait(lambda: recorder.ended == ["bad", "bad"])
    assert [one.levelname for one in caplog.records if "let go" in one.message] == ["WARNING"]


def test_close_waits_for_what_is_carried(recorder: Recorder) -> None:
    """What waits for its turn stays queued, nothing more is taken, and the threads are gone."""
    threads = Threads(recorder, workers=1)
    threads.submit("a")
    recorder.wait(lambda: recorder.begun == ["a"])
    threads.submit("b")
    closed: list[bool] = []
    closing = threading.Thread(target=lambda: closed.append(threads.close(PATIENCE)))
    closing.start()
    recorder.release()
    closing.join(PATIENCE)

    threads.submit("c")
    until_gone()
    assert closed == [True]
    assert recorder.begun == ["a"]


def test_close_carries_what_has_only_just_come(recorder: Recorder) -> None:
    """No thread may have taken it yet: it is not left lying."""
    recorder.release()
    for number in range(50):
        threads = Threads(recorder)
        threads.submit(str(number))
        assert threads.close(PATIENCE) is True
    assert sorted(recorder.ended, key=int) == [str(number) for number in range(50)]


def test_close_does_not_wait_for_ever(recorder: Recorder) -> None:
    """A run that hangs is left to its daemon thread, and gets no sign of life any more."""
    threads = Threads(recorder)
    threads.submit("stuck")
    recorder.wait(lambda: recorder.begun == ["stuck"])

    assert threads.close(0.01) is False
    assert "assistants-heartbeat" not in {thread.name for thread in threads_alive()}
    threads.cancel("stuck")
    assert threads.close(PATIENCE) is True
    assert recorder.ended == []


def test_no_thread_to_be_had(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started the run waits, and the next chance takes it along."""
    threads = Threads(recorder)
    with monkeypatch.context() as patched:
        patched.setattr(threading, "Thread", no_thread)
        threads.submit("a")
    assert recorder.begun == []

    threads.submit("b")
    recorder.release()
    recorder.wait(lambda: sorted(recorder.ended) == ["a", "b"])


def no_thread(**_: object) -> threading.Thread:
    """As at the interpreter's end."""
    raise RuntimeError("can't start new thread")


def test_at_least_one_worker(recorder: Recorder) -> None:
    """None at all would never carry anything."""
    with pytest.raises(ValueError, match="workers: 0 is below 1"):
        Threads(recorder, workers=0)


CHILD = """
    import os, sys, threading
    from assistants_client.engine.worker.thread_pool import Threads

    class Slow:
        def __init__(self):
            self.begun = threading.Semaphore(0)
        def carry(self, run_id, cancelled):
            self.begun.release()
            if run_id == "hang":
                threading.Event().wait()
        def renew(self):
            return ()
        def let_go(self, run_id):
            pass

    slow = Slow()
    threads = Threads(slow, workers=1)
    threads.submit("hang")
    slow.begun.acquire()
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Runs a program, for at most ten seconds."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(CHILD) + textwrap.dedent(code)],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 3,
        env=environment,
    )


def test_the_interpreter_ends_while_a_run_hangs() -> None:
    """No thread holds the process back, and nothing is complained about."""
    done = python("print('end')")

    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_starts_afresh() -> None:
    """Even where the parent's lock was taken and its only worker is busy."""
    done = python("""
        threads._changed.acquire()
        pid = os.fork()
        if pid == 0:
            threads.submit("child")
            os._exit(0 if slow.begun.acquire(timeout=10) else 1)
        threads._changed.release()
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), len(threads._carried))
    """)

    assert (done.stdout, done.stderr) == ("0 1\n", "")
