"""What a task of a run does in a worker: whose turn it is comes first, and nobody waits in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from engine_store import Store
from sqlalchemy import update

from assistants_client.engine.faults import Fault
from assistants_client.engine.services._run_queue import RunQueue
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.serving.task_worker import _process
from assistants_client.engine.storage.tables import runs
from assistants_client.engine.worker.thread_pool import WorkerPool

PATIENCE = 10.0


class Claiming:
    """Processes what nobody has claimed; ``slow`` ends when it is let."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.changed = threading.Condition()
        self.go_on = threading.Event()

    def process(self, run_id: str, _: Callable[[], bool]) -> None:
        """Claims it, or returns at once."""
        with self.changed:
            if run_id in self.order:
                return
            self.order.append(run_id)
            self.changed.notify_all()
        if run_id == "slow":
            self.go_on.wait(PATIENCE)

    def release(self, run_id: str) -> None:
        """Nothing is ever to be released."""

    def renew_leases(self) -> list[str]:
        """All of them."""
        return [*self.order]

    def wait(self, *order: str) -> None:
        """Waits until these were begun."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.order == [*order], PATIENCE), self.order


def task(pool: WorkerPool, run_id: str, before: Callable[[str], str | None]) -> threading.Thread:
    """A task that is done in a thread of its own, as Celery has it."""
    engine: Any = SimpleNamespace(_queue=SimpleNamespace(before=before))
    thread = threading.Thread(target=_process, args=[engine, pool, run_id], daemon=True)
    thread.start()
    return thread


def test_a_task_does_not_wait_for_a_run_that_another_one_has_begun() -> None:
    """Both were delivered at once, and it was still the other's turn when this one looked."""
    worker = Claiming()
    pool = WorkerPool(worker, workers=4)
    first = task(pool, "slow", lambda _: None)
    worker.wait("slow")
    second = task(pool, "mine", lambda _: "slow")
    worker.wait("slow", "mine")
    second.join(PATIENCE)
    assert not second.is_alive()
    assert first.is_alive()
    worker.go_on.set()
    first.join(PATIENCE)
    assert not first.is_alive()


def test_a_task_processes_the_run_whose_turn_it_is_and_then_its_own() -> None:
    """So that a run whose task was taken before is not lost."""
    worker = Claiming()
    task(WorkerPool(worker, workers=4), "mine", lambda _: "next").join(PATIENCE)
    assert worker.order == ["next", "mine"]


def test_a_task_is_done_though_nobody_can_tell_whose_turn_it_is() -> None:
    """The pool has its own ways to wait for a database."""

    def away(_: str) -> str | None:
        raise Fault(503, "The database cannot be used at the moment.")

    worker = Claiming()
    task(WorkerPool(worker), "mine", away).join(PATIENCE)
    assert worker.order == ["mine"]


def test_it_is_the_turn_of_who_has_the_fewest(store: Store) -> None:
    """Without tenants nobody takes turns; the room of all processes decides before them."""
    queue = RunQueue(store.context)
    execution = Execution(store.context, queue)
    first, second, third = (store.new_run() for _ in range(3))
    assert queue.before(third.id) is None
    for run, tenant in ((first, "ann"), (second, "ann"), (third, "ben")):
        with store.context.begin() as connection:
            connection.execute(update(runs).where(runs.c.id == run.id).values(tenant=tenant))
    assert queue.before(third.id) == first.id
    assert execution.claim(first.id) is not None
    assert queue.before(second.id) == third.id
    assert queue.before(third.id) is None
