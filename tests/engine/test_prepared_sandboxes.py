"""The sandbox that is started ahead of the next call: when there is one, with what, and its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import pytest
from code_bench import walled

from assistants_client.engine.code_interpreter.prepared import Prepared
from assistants_client.engine.code_interpreter.sandbox_process import SandboxProcess

WITHIN = 20.0  # seconds, on a busy machine


class Box:
    """Stands for a sandbox."""

    def __init__(self, modules: Sequence[str] = (), size: int = 100) -> None:
        self.modules, self.size = list(modules), size
        self.state = "runs"
        self.thread = threading.current_thread()

    def is_running(self) -> bool:
        """Whether it runs."""
        return self.state == "runs"

    def end(self) -> None:
        """Ends it."""
        self.state = "ended"

    def forget(self) -> None:
        """Lets go of it."""
        self.state = "forgotten"


class Starter:
    """Starts boxes, and remembers them."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []

    def __call__(self, modules: Sequence[str]) -> SandboxProcess:
        """Starts one."""
        self.boxes.append(Box(modules))
        return cast("SandboxProcess", self.boxes[-1])


def until(is_so: Callable[[], object]) -> None:
    """Waits for something that a thread does."""
    end = time.monotonic() + WITHIN
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def start() -> Starter:
    """A starter of its own."""
    return Starter()


@pytest.fixture
def prepared(start: Starter) -> Iterator[Prepared]:
    """One that keeps its sandbox for long."""
    made = Prepared(start, 1000.0)
    yield made
    made.close()


def used(prepared: Prepared, *modules: str) -> None:
    """A call ends that imported these."""
    prepared.done(cast("SandboxProcess", Box()), modules)


def test_none_before_the_first_call(prepared: Prepared, start: Starter) -> None:
    """Then one, with the modules of recent calls, those of the last one first."""
    assert prepared.take(1) is None
    assert start.boxes == []
    used(prepared, "numpy", "pandas")
    until(lambda: start.boxes)
    first: Any = prepared.take(100)
    assert first is start.boxes[0]
    assert first.modules == ["numpy", "pandas"]
    assert prepared.take(1) is None
    prepared.done(first, ["sympy", "numpy"])
    until(lambda: len(start.boxes) == 2)
    assert start.boxes[1].modules == ["sympy", "numpy", "pandas"]


def test_what_was_long_not_used_is_not_imported(prepared: Prepared, start: Starter) -> None:
    """After eight calls without it."""
    used(prepared, "numpy")
    for _ in range(8):
        until(lambda: prepared.take(1) is not None)
        used(prepared, "csv")
    until(lambda: any(box.modules == ["csv"] for box in start.boxes))


def test_one_whose_folder_is_too_small_is_left_for_the_next(
    prepared: Prepared, start: Starter
) -> None:
    """Which may need less."""
    used(prepared)
    until(lambda: start.boxes)
    assert prepared.take(101) is None
    until(lambda: prepared.take(100) is start.boxes[0])


def test_one_that_has_died_is_not_taken(prepared: Prepared, start: Starter) -> None:
    """And is replaced after the next call."""
    used(prepared)
    until(lambda: start.boxes)
    start.boxes[0].state = "killed"
    assert prepared.take(1) is None
    used(prepared)
    until(lambda: len(start.boxes) == 2)
    assert start.boxes[0].state == "ended"


def test_an_idle_one_is_ended(start: Starter) -> None:
    """And the thread with it; but not while a call uses what it started."""
    made = Prepared(start, 0.3)
    used(made)
    until(lambda: start.boxes)
    taken = made.take(1)
    used(made)
    until(lambda: len(start.boxes) == 2 and start.boxes[1].state == "ended")
    assert start.boxes[0].thread.is_alive()
    assert start.boxes[0].state == "runs"
    assert taken is not None
    made.done(taken, ())
    until(lambda: not start.boxes[0].thread.is_alive())
    used(made)  # begins again
    until(lambda: len(start.boxes) > 2)
    made.close()


def test_after_close_there_is_none(prepared: Prepared, start: Starter) -> None:
    """Neither the one that was ready, nor another after a call that was under way."""
    used(prepared)
    until(lambda: start.boxes)
    prepared.close()
    until(lambda: start.boxes[0].state == "ended")
    used(prepared)
    assert prepared.take(1) is None
    assert len(start.boxes) == 1


def test_a_start_that_fails_is_no_call_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """The call starts its own."""
    tried = threading.Event()

    def start(_: Sequence[str]) -> SandboxProcess:
        tried.set()
        raise OSError("no more processes")

    made = Prepared(start)
    used(made)
    assert tried.wait(WITHIN)
    assert made.take(1) is None
    assert caplog.records == []
    made.close()


def test_calls_with_and_without_one_are_alike() -> None:
    """Files that are too many for the prepared one included."""
    interpreter = walled(workers=2)
    source = "import decimal\nx = globals().get('x', 0) + 1\nprint(x, decimal.Decimal(1))"
    state = None
    for number in range(1, 6):
        result = interpreter.run(source, state)
        assert (result.logs, result.failed) == (f"{number} 1\n", False)
        state = result.state
        if number > 2:
            until(lambda: interpreter._prepared._ready is not None)
    interpreter.close()
    until(lambda: interpreter._prepared._ready is None)
