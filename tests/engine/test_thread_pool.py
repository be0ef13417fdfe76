"""Workers process runs: started when needed, gone when not, and never in each other's way."""

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
from assistants_client.engine.worker import thread_pool
from assistants_client.engine.worker.thread_pool import WorkerPool

PATIENCE = 10.0


class Recorder:
    """Processes nothing: keeps each run until the test frees it, and notes what happened."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.renewed = 0
        self.names: set[str] = set()
        self.lost: set[str] = set()
        self.raises: list[Exception] = []
        self.released: list[str] = []
        self.flags: dict[str, Callable[[], bool]] = {}
        self.changed = threading.Condition()
        self._free: set[str] = set()
        self._all_free = False

    def process(self, run_id: str, cancelled: Callable[[], bool]) -> None:
        """Returns when the test frees the run; ``bad`` raises."""
        with self.changed:
            self.begun.append(run_id)
            self.flags[run_id] = cancelled
            self.names.add(threading.current_thread().name)
            self.changed.notify_all()
            self.changed.wait_for(lambda: self._all_free or run_id in self._free, PATIENCE)
            self.ended.append(run_id)
            self.changed.notify_all()
        if run_id.startswith("bad") and run_id not in self.released:
            raise SystemExit(run_id)

    def release(self, run_id: str) -> None:
        """Notes it."""
        with self.changed:
            self.released.append(run_id)
            if self.raises:
                raise self.raises.pop()

    def renew_leases(self) -> set[str]:
        """Counts, and fails at first."""
        with self.changed:
            self.renewed += 1
            self.changed.notify_all()
            if self.renewed == 1:
                raise RuntimeError("database is locked")
            if self.raises and not self.released:
                raise self.raises.pop()
            return set(self.begun) - self.lost

    def free(self, *run_ids: str) -> None:
        """Frees these runs, or all of them."""
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
    """A recorder that frees everything at the end, and leaves no thread behind."""
    made = Recorder()
    yield made
    made.free()
    until_gone()


def threads_alive() -> list[threading.Thread]:
    """The threads of all pools."""
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


def test_tenants_take_turns(recorder: Recorder) -> None:
    """Of two that wait for one worker the second tenant's run is not the last; nor is a failed one.

    What is closed keeps whose turn it is.
    """
    pool = WorkerPool(recorder, 1, heartbeat=0.01)
    pool.submit("a0", "ann")
    recorder.wait(lambda: recorder.begun == ["a0"])
    for number in range(1, 4):
        pool.submit(f"a{number}", "ann")
    pool.submit("b0", "ben")
    pool.submit("x0")
    assert pool.waiting() == 5
    for run_id in ("a0", "a1", "b0", "x0", "a2"):
        recorder.free(run_id)
    recorder.wait(lambda: recorder.begun == ["a0", "a1", "b0", "x0", "a2", "a3"])
    recorder.free()


def test_no_thread_before_the_first_run_and_none_after_the_last(recorder: Recorder) -> None:
    """Idle, a pool costs nothing."""
    pool = WorkerPool(recorder)
    assert threads_alive() == []

    pool.submit("a")
    recorder.wait(lambda: recorder.begun == ["a"])
    assert {thread.name for thread in threads_alive()} == {"assistants-run", "assistants-heartbeat"}
    assert all(thread.daemon for thread in threads_alive())
    recorder.free("a")

    until_gone()
    assert recorder.ended == ["a"]


def test_more_runs_than_workers(recorder: Recorder) -> None:
    """At most as many as there are workers are processed at once; the others follow in order."""
    pool = WorkerPool(recorder, workers=2)
    for run_id in "abcd":
        pool.submit(run_id)
    recorder.wait(lambda: len(recorder.begun) == 2)
    assert sorted(recorder.begun) == ["a", "b"]

    recorder.free("b")
    recorder.wait(lambda: len(recorder.begun) == 3)
    assert recorder.begun[2] == "c"

    recorder.free()
    recorder.wait(lambda: len(recorder.ended) == 4)


def test_a_backlog_is_reported(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Runs that no worker is free for are counted, and reported once, not each time.

    The place of each is in the log, for whoever wants to know.
    """
    caplog.set_level(logging.INFO)
    told: list[int] = []
    pool = WorkerPool(recorder, workers=2, on_backlog=told.append)
    pool.submit("a")
    pool.submit("b")
    assert pool.waiting() == 0
    assert told == []

    pool.submit("c")
    pool.submit("d")
    assert pool.waiting() == 2
    assert told == [1]
    assert "Run d is queued, and 1 before it: all workers of this process are busy" in caplog.text
    monkeypatch.setattr(thread_pool, "REPORT_SECONDS", 0.0)
    pool.submit("e")
    assert told == [1, 3]

    recorder.free()
    recorder.wait(lambda: len(recorder.ended) == 5)
    assert pool.waiting() == 0


def test_who_becomes_free_asks_for_more(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """What waits elsewhere follows at once; that nobody can say what waits ends no worker."""
    answers: list[list[str] | Exception] = [["b", "a"], OSError("out of reach"), []]

    def more() -> list[str]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    pool = WorkerPool(recorder, workers=1, more=more)
    recorder.free()
    pool.submit("a")
    recorder.wait(lambda: recorder.ended == ["a", "b"])
    pool.submit("c")
    recorder.wait(lambda: recorder.ended == ["a", "b", "c"])
    until_gone()
    assert answers == []
    assert "Waiting runs could not be looked for: out of reach" in caplog.text


def test_what_others_have_left_is_taken_over_as_far_as_there_is_room(recorder: Recorder) -> None:
    """What waits, is processed or unreleased here is not taken twice; after closing, nothing is."""
    pool = WorkerPool(recorder, workers=3)
    pool.submit("a")
    recorder.wait(lambda: recorder.begun == ["a"])

    pool.take_over(["a", "b", "c", "d"])
    recorder.wait(lambda: sorted(recorder.begun) == ["a", "b", "c"])
    pool.take_over(["a", "d", "e"])
    assert pool.busy() == 3
    recorder.free()
    assert pool.close(PATIENCE) is True
    pool.take_over(["d"])
    until_gone()
    assert sorted(recorder.ended) == ["a", "b", "c"]


def test_a_run_that_blows_up_takes_nothing_with_it(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, the worker goes on, and the run is released, to be processed once more."""
    pool = WorkerPool(recorder, workers=1, heartbeat=0.01)
    recorder.free()
    pool.submit("bad")
    pool.submit("good")

    recorder.wait(lambda: recorder.ended == ["bad", "good", "bad"])
    until_gone()
    assert recorder.released == ["bad"]
    assert "Run bad could not be processed" in caplog.text


def test_what_could_not_be_released_is_reported_by_close(recorder: Recorder) -> None:
    """Whoever closes has it ended then."""
    pool = WorkerPool(recorder)
    recorder.free()
    pool.submit("bad")
    recorder.wait(lambda: recorder.ended == ["bad"])

    assert pool.close(PATIENCE) is False
    until_gone()


def test_cancel_sets_the_flag_of_that_run_only(recorder: Recorder) -> None:
    """A run that is not processed here is none of our business."""
    pool = WorkerPool(recorder)
    pool.submit("a")
    pool.submit("b")
    recorder.wait(lambda: len(recorder.begun) == 2)

    pool.cancel("b")
    pool.cancel("b")
    pool.cancel("elsewhere")

    assert not recorder.flags["a"]()
    assert recorder.flags["b"]()


def test_a_cancelled_run_that_hangs_blocks_nobody(recorder: Recorder) -> None:
    """Its thread no longer counts, so another is started; when it ends after all, it is gone."""
    pool = WorkerPool(recorder, workers=1)
    pool.submit("stuck")
    recorder.wait(lambda: recorder.begun == ["stuck"])
    pool.submit("next")
    pool.submit("last")

    pool.cancel("stuck")
    recorder.wait(lambda: recorder.begun == ["stuck", "next"])
    recorder.free("stuck")
    recorder.wait(lambda: recorder.ended == ["stuck"])
    assert recorder.begun == ["stuck", "next"]

    recorder.free("next")
    recorder.wait(lambda: recorder.begun == ["stuck", "next", "last"])


def test_a_run_that_was_taken_away_blocks_nobody(recorder: Recorder) -> None:
    """A run that hangs until it expires has its worker replaced at the next heartbeat."""
    pool = WorkerPool(recorder, workers=1, heartbeat=0.01)
    pool.submit("stuck")
    pool.submit("next")
    recorder.wait(lambda: recorder.renewed >= 3)
    assert recorder.begun == ["stuck"]

    recorder.lost.add("stuck")

    recorder.wait(lambda: recorder.begun == ["stuck", "next"])


def test_the_heart_beats_while_runs_are_processed(recorder: Recorder) -> None:
    """It beats on after a failure, ends with the last run, and starts again with another."""
    pool = WorkerPool(recorder, heartbeat=0.01)
    pool.submit("a")
    recorder.wait(lambda: recorder.renewed >= 3)
    recorder.free("a")
    until_gone()

    before = recorder.renewed
    pool.submit("b")
    recorder.wait(lambda: recorder.renewed > before)


def test_a_store_out_of_use_is_logged_once(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """As long as that lasts, and without the way there; after it, once more."""
    caplog.set_level(logging.WARNING)
    recorder.renewed = 1
    recorder.raises = [Fault(503, "out of use") for _ in range(5)]
    pool = WorkerPool(recorder, heartbeat=0.01)
    pool.submit("a")
    recorder.wait(lambda: not recorder.raises)
    before = recorder.renewed
    recorder.wait(lambda: recorder.renewed >= before + 2)
    with recorder.changed:
        recorder.raises = [Fault(503, "out of use") for _ in range(5)]
    recorder.wait(lambda: not recorder.raises)
    told = [one for one in caplog.records if "leases" in one.message]
    assert [(one.levelname, one.exc_info) for one in told] == [("WARNING", None)] * 2


def test_what_cannot_be_released_is_logged_once(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried at each heartbeat."""
    caplog.set_level(logging.WARNING)
    recorder.renewed = 1
    recorder.released = ["earlier"]
    recorder.raises = [Fault(503, "out of use") for _ in range(5)]
    recorder.free()
    pool = WorkerPool(recorder, heartbeat=0.01)
    pool.submit("bad")
    recorder.wait(lambda: not recorder.raises)
    recorder.wait(lambda: recorder.ended == ["bad", "bad"])
    assert [one.levelname for one in caplog.records if "could not be released" in one.message] == [
        "WARNING"
    ]


def test_close_waits_for_what_is_processed(recorder: Recorder) -> None:
    """What waits for its turn stays queued, nothing more is taken, and the threads are gone."""
    pool = WorkerPool(recorder, workers=1)
    pool.submit("a")
    recorder.wait(lambda: recorder.begun == ["a"])
    pool.submit("b")
    closed: list[bool] = []
    closing = threading.Thread(target=lambda: closed.append(pool.close(PATIENCE)))
    closing.start()
    recorder.free()
    closing.join(PATIENCE)

    pool.submit("c")
    until_gone()
    assert closed == [True]
    assert recorder.begun == ["a"]


def test_close_processes_what_has_only_just_come(recorder: Recorder) -> None:
    """No thread may have taken it yet: it is not left lying."""
    recorder.free()
    for number in range(50):
        pool = WorkerPool(recorder)
        pool.submit(str(number))
        assert pool.close(PATIENCE) is True
    assert sorted(recorder.ended, key=int) == [str(number) for number in range(50)]


def test_close_does_not_wait_for_ever(recorder: Recorder) -> None:
    """A run that hangs is left to its daemon thread, and its lease is not renewed any more."""
    pool = WorkerPool(recorder)
    pool.submit("stuck")
    recorder.wait(lambda: recorder.begun == ["stuck"])

    assert pool.close(0.01) is False
    assert "assistants-heartbeat" not in {thread.name for thread in threads_alive()}
    pool.cancel("stuck")
    assert pool.close(PATIENCE) is True
    assert recorder.ended == []


class Waiter(threading.Thread):
    """Has a pool run something, and notes what came of it."""

    def __init__(self, pool: WorkerPool, run_id: str) -> None:
        super().__init__(daemon=True)
        self.is_over: bool | None = None
        self._pool, self._run_id = pool, run_id
        self.start()

    def run(self) -> None:
        """Waits for the pool."""
        self.is_over = self._pool.run(self._run_id)

    def result(self) -> bool | None:
        """What the pool said in the end."""
        self.join(PATIENCE)
        return self.is_over


def test_whoever_waits_for_a_run_waits_until_it_is_over(recorder: Recorder) -> None:
    """Its own, however many others there are."""
    pool = WorkerPool(recorder, workers=1)
    first, second = Waiter(pool, "a"), Waiter(pool, "b")
    recorder.wait(lambda: len(recorder.begun) == 1)
    begun = recorder.begun[0]
    recorder.free(begun)
    done, other = (first, second) if begun == "a" else (second, first)
    assert done.result() is True
    assert other.is_over is None
    recorder.free()
    assert other.result() is True


def test_nobody_waits_for_a_run_that_was_cancelled_or_taken_away(recorder: Recorder) -> None:
    """Though its thread may hang."""
    pool = WorkerPool(recorder, heartbeat=0.001)
    cancelled, taken = Waiter(pool, "a"), Waiter(pool, "b")
    recorder.wait(lambda: len(recorder.begun) == 2 and recorder.renewed > 3)
    pool.cancel("a")
    assert cancelled.result() is True
    assert taken.is_over is None
    recorder.lost.add("b")
    assert taken.result() is True
    assert recorder.ended == []


def test_a_run_that_is_submitted_twice_is_waited_for_twice(recorder: Recorder) -> None:
    """As one that is submitted by somebody else as well."""
    pool = WorkerPool(recorder)
    waiters = [Waiter(pool, "a"), Waiter(pool, "a")]
    recorder.wait(lambda: recorder.begun == ["a", "a"])
    recorder.free()
    assert [waiter.result() for waiter in waiters] == [True, True]


def test_what_a_closed_pool_has_not_done_is_left_to_others(recorder: Recorder) -> None:
    """Once it is released, and not before: else nobody could claim it yet."""
    pool = WorkerPool(recorder, workers=2)
    waiters = {run_id: Waiter(pool, run_id) for run_id in "abc"}
    recorder.wait(lambda: len(recorder.begun) == 2)
    assert pool.close(0.05) is False
    assert [one.is_over for one in waiters.values()] == [None] * 3
    pool.leave_rest()
    assert [one.result() for one in waiters.values()] == [False] * 3
    assert Waiter(pool, "late").result() is False


def test_no_thread_to_be_had(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started the run waits, and the next chance takes it along."""
    pool = WorkerPool(recorder)
    with monkeypatch.context() as patched:
        patched.setattr(threading, "Thread", no_thread)
        pool.submit("a")
    assert recorder.begun == []

    pool.submit("b")
    recorder.free()
    recorder.wait(lambda: sorted(recorder.ended) == ["a", "b"])


def no_thread(**_: object) -> threading.Thread:
    """As at the interpreter's end."""
    raise RuntimeError("can't start new thread")


def test_at_least_one_worker(recorder: Recorder) -> None:
    """None at all would never process anything."""
    with pytest.raises(ValueError, match="workers: 0 is below 1"):
        WorkerPool(recorder, workers=0)


CHILD = """
    import os, sys, threading
    from assistants_client.engine.worker.thread_pool import WorkerPool

    class Slow:
        def __init__(self):
            self.begun = threading.Semaphore(0)
        def process(self, run_id, cancelled):
            self.begun.release()
            if run_id == "hang":
                threading.Event().wait()
        def renew_leases(self):
            return ()
        def release(self, run_id):
            pass

    slow = Slow()
    pool = WorkerPool(slow, workers=1)
    pool.submit("hang")
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
        pool._changed.acquire()
        pid = os.fork()
        if pid == 0:
            pool.submit("child")
            os._exit(0 if slow.begun.acquire(timeout=10) else 1)
        pool._changed.release()
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), len(pool._tasks))
    """)

    assert (done.stdout, done.stderr) == ("0 1\n", "")
