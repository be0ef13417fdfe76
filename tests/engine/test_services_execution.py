"""What a worker of runs writes, and when it may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve
from engine_store import Clock, Store, committing, content_of, tokens
from sqlalchemy import update

from assistants_client.engine.domain.new_objects import changed
from assistants_client.engine.domain.state_machine import LEASE, MOST_LOST
from assistants_client.engine.ids import owner_name
from assistants_client.engine.services._base import require_run
from assistants_client.engine.services.run_snapshots import RunSnapshots
from assistants_client.engine.services.runs import Runs
from assistants_client.engine.services.worker_side.claims import RunTaken
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage.database import save
from assistants_client.engine.storage.keyset_pages import PageQuery
from assistants_client.engine.storage.leases import Leases
from assistants_client.engine.storage.tables import run_steps, runs
from assistants_client.models.endings import LastError
from assistants_client.models.messages import MessageRequest, MessageUpdate
from assistants_client.models.run_requests import RunUpdate
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    CodeInterpreterRecord,
    FileSearchCall,
    FileSearchRecord,
    FunctionToolCall,
    LogsOutput,
)
from assistants_client.models.runs import Run, Usage

ALL = PageQuery(limit=100, order="asc")


def set_owner(store: Store, run: Run, owner: str) -> None:
    """Makes a run someone else's."""
    with store.context.database.begin() as connection:
        connection.execute(update(runs).where(runs.c.id == run.id).values(owner=owner))


def searched() -> FileSearchCall:
    """A call of a tool."""
    return FileSearchCall(id="call_1", file_search=FileSearchRecord())


def test_what_is_written_at_once_is_all_or_nothing(store: Store) -> None:
    """Where a process dies in it, or an error breaks it off, nothing of it is there."""
    execution, work = store.claimed()
    run = work.run
    step, message = execution.begin_message(run)

    def end(*, fails: bool) -> None:
        def write() -> None:
            execution.complete_message(run, evolve(step), message, content_of("Hello"))
            assert not fails
            execution.finish(run, "completed")

        execution.at_once(run, write, (message, content_of("Hel")))

    with pytest.raises(AssertionError):
        end(fails=True)
    assert store.messages.retrieve(run.thread_id, message.id).status == "in_progress"
    assert store.current(run).status == "in_progress"
    end(fails=False)
    assert store.messages.retrieve(run.thread_id, message.id).text == "Hello"
    assert store.current(run).status == "completed"


def test_a_run_that_is_taken_before_it_is_written_at_once(store: Store) -> None:
    """It is ended as elsewhere, with the text so far, and nothing of the block is done."""
    execution, work = store.claimed()
    _, message = execution.begin_message(work.run)
    store.runs.cancel(work.run.thread_id, work.run.id)
    with pytest.raises(RunTaken):
        execution.at_once(
            work.run, lambda: pytest.fail("the run was cancelled"), (message, content_of("Hel"))
        )
    assert store.current(work.run).status == "cancelled"
    assert store.messages.retrieve(work.run.thread_id, message.id).text == "Hel"


def of_dead_process() -> str:
    """An owner of this host and pid, but of an earlier process."""
    host, pid, _, nonce = owner_name("x").split("/")
    return f"{host}/{pid}/earlier/{nonce}"


def test_a_run_is_claimed_once(store: Store) -> None:
    """The first to claim a queued run gets it, with its thread's messages; nobody else does."""
    run = store.new_run()
    first, second = Execution(store.context), Execution(store.context)
    work = first.claim(run.id)
    assert work is not None
    assert (work.run.status, work.run.started_at) == ("in_progress", int(store.clock.time))
    assert [message.text for message in work.messages] == ["Hello"]
    assert work.steps == []
    assert second.claim(run.id) is None
    assert first.claim(run.id) is None
    assert first.claim("run_gone") is None
    first.check(work.run)
    with pytest.raises(RunTaken):
        second.check(work.run)


def test_an_expired_run_is_not_claimed(store: Store) -> None:
    """Claiming settles first."""
    run = store.new_run()
    store.clock.move(600)
    assert Execution(store.context).claim(run.id) is None
    assert store.current(run).status == "expired"


def test_a_whole_run_is_written(store: Store) -> None:
    """Tools, a message, the end: statuses, times and the sum of the tokens are right."""
    execution, work = store.claimed()
    run = work.run
    record = CodeInterpreterRecord(input="print(1)")
    used = Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
    code = CodeInterpreterCall(id="c", code_interpreter=record)
    step = execution.begin_tools_step(run, [code], usage=used)
    [stored] = store.run_steps.list(run.thread_id, run.id, ALL).data
    assert stored == step
    assert (step.type, step.status) == ("tool_calls", "in_progress")
    record.outputs = [LogsOutput(logs="1\n")]
    execution.update_step(run, step, 1)
    execution.complete_tools_step(run, step)
    message_step, message = execution.begin_message(run)
    assert (message.status, message.content, message.run_id) == ("in_progress", [], run.id)
    execution.write_content(run, message, content_of("x ="))
    assert store.messages.retrieve(run.thread_id, message.id).text == "x ="
    store.clock.move(1)
    done = execution.complete_message(
        run,
        message_step,
        message,
        content_of("x = 1"),
        Usage(prompt_tokens=10, completion_tokens=20, total_tokens=30),
    )
    assert (done.status, done.text, done.completed_at) == (
        "completed",
        "x = 1",
        int(store.clock.time),
    )
    assert store.current(run).usage is None
    ended = execution.finish(run, "completed")
    assert store.current(run) == ended
    assert (ended.status, ended.completed_at) == ("completed", int(store.clock.time))
    assert ended.expires_at is None
    assert ended.usage == tokens(11, 22)
    steps = store.run_steps.list(run.thread_id, run.id, ALL).data
    assert [(s.status, s.completed_at is not None) for s in steps] == [("completed", True)] * 2
    store.messages.create(run.thread_id, MessageRequest("usable"))


@pytest.mark.parametrize(
    ("status", "reason", "step_status", "message_reason", "time"),
    [
        ("failed", None, "failed", "run_failed", "failed_at"),
        ("incomplete", "max_completion_tokens", "completed", "max_tokens", "completed_at"),
    ],
)
def test_what_is_left_open_is_closed_with_the_run(  # noqa: PLR0917
    store: Store,
    status: str,
    reason: str | None,
    step_status: str,
    message_reason: str,
    time: str,
) -> None:
    """Steps and messages of a run that ends early end with it; the text so far is kept."""
    execution, work = store.claimed()
    step, message = execution.begin_message(work.run)
    execution.write_content(work.run, message, content_of("so far"))
    error = LastError(code="invalid_prompt", message="No.") if status == "failed" else None
    ended = execution.finish(work.run, status, last_error=error, incomplete_reason=reason)
    assert (ended.status, ended.last_error) == (status, error)
    assert getattr(ended, time) == int(store.clock.time)
    assert (ended.incomplete_details and ended.incomplete_details.reason) == reason
    closed = store.run_steps.retrieve(ended.thread_id, ended.id, step.id)
    assert closed.status == step_status
    assert closed.last_error == (error and evolve(error, code="server_error"))
    left = store.messages.retrieve(ended.thread_id, message.id)
    assert (left.status, left.text) == ("incomplete", "so far")
    assert left.incomplete_details is not None
    assert left.incomplete_details.reason == message_reason


def test_a_message_may_be_cut_short_on_its_own(store: Store) -> None:
    """The reason stands in the message; the step is complete all the same."""
    execution, work = store.claimed()
    step, message = execution.begin_message(work.run)
    cut = execution.complete_message(
        work.run, step, message, content_of("so"), incomplete_reason="content_filter"
    )
    assert (cut.status, cut.incomplete_at) == ("incomplete", int(store.clock.time))
    assert cut.incomplete_details is not None
    assert cut.incomplete_details.reason == "content_filter"
    assert execution.finish(work.run, "completed").usage == tokens()


def test_metadata_set_meanwhile_is_kept(store: Store) -> None:
    """What callers write to a run and its message survives what the worker writes."""
    execution, work = store.claimed()
    run = work.run
    step, message = execution.begin_message(run)
    with store.context.database.begin() as connection:  # as between two legs of a run
        stored = require_run(connection, run.thread_id, run.id)
        save(connection, runs, changed(stored, RunUpdate(metadata={"a": "b"})))
    store.messages.update(run.thread_id, message.id, MessageUpdate(metadata={"c": "d"}))
    execution.complete_message(run, step, message, content_of("x"))
    assert execution.finish(run, "completed").metadata == {"a": "b"}
    assert store.messages.retrieve(run.thread_id, message.id).metadata == {"c": "d"}


def test_a_message_deleted_meanwhile_stays_deleted(store: Store) -> None:
    """Completing it neither fails nor brings it back."""
    execution, work = store.claimed()
    step, message = execution.begin_message(work.run)
    store.messages.delete(work.run.thread_id, message.id)
    execution.complete_message(work.run, step, message, content_of("x"))
    execution.finish(work.run, "completed")
    assert [m.role for m in store.messages.list(work.run.thread_id, ALL).data] == ["user"]


def cancelled(store: Store, run: Run) -> None:
    """Someone cancels the run."""
    store.runs.cancel(run.thread_id, run.id)


def expired(store: Store, run: Run) -> None:
    """Time runs out; nobody has looked yet."""
    store.clock.move(600)


def deleted(store: Store, run: Run) -> None:
    """The thread is deleted."""
    store.threads.delete(run.thread_id)


def taken_over(store: Store, run: Run) -> None:
    """Someone else has it."""
    set_owner(store, run, owner_name("someone else"))


@pytest.mark.parametrize(
    ("lose", "status"),
    [
        (cancelled, "cancelled"),
        (expired, "expired"),
        (deleted, None),
        (taken_over, "in_progress"),
    ],
)
@pytest.mark.parametrize("act", range(9))
def test_a_run_that_was_taken_is_not_written(
    store: Store, lose: Callable[[Store, Run], None], status: str | None, act: int
) -> None:
    """Whatever the worker does next, it is told to stop, and the run has its end already.

    The text that was written so far is kept if the run was still the worker's own.
    """
    execution, work = store.claimed()
    run = work.run
    step = execution.begin_tools_step(run, [FunctionToolCall(id="a")])
    message_step, message = execution.begin_message(run)
    lose(store, run)
    acts: list[Callable[[], object]] = [
        lambda: execution.check(run),
        lambda: execution.begin_tools_step(run, []),
        lambda: execution.update_step(run, step, 0),
        lambda: execution.complete_tools_step(run, step),
        lambda: execution.require_action(run, step),
        lambda: execution.begin_message(run),
        lambda: execution.write_content(run, message, content_of("late")),
        lambda: execution.complete_message(run, message_step, message, content_of("late")),
        lambda: execution.finish(run, "completed"),
    ]
    with pytest.raises(RunTaken):
        acts[act]()
    if status is not None:
        assert store.current(run).status == status
        assert len(store.run_steps.list(run.thread_id, run.id, ALL).data) == 2
        is_kept = act in {6, 7} and lose is not taken_over
        text = store.messages.retrieve(run.thread_id, message.id).text
        assert text == ("late" if is_kept else "")


def test_a_dead_process_loses_its_run_at_once(store: Store) -> None:
    """On this host nobody waits for the lease: the run is queued, without what it was writing."""
    execution, work = store.claimed()
    step, message = execution.begin_message(work.run)
    set_owner(store, work.run, of_dead_process())
    store.woken.clear()
    assert store.current(work.run).status == "queued"
    assert store.woken == [work.run.id]
    again = Execution(store.context).claim(work.run.id)
    assert again is not None
    assert again.steps == []
    assert message.id not in {one.id for one in again.messages}
    with pytest.raises(RunTaken):
        execution.complete_message(work.run, step, message, content_of("late"))


def test_a_run_that_its_workers_die_of_ends(store: Store) -> None:
    """After so many of them it has failed, and says why; the thread is free."""
    run = store.new_run()
    for number in range(MOST_LOST):
        execution = Execution(store.context)
        work = execution.claim(run.id)
        assert work is not None, number
        _, message = execution.begin_message(work.run)
        set_owner(store, run, of_dead_process())
    ended = store.current(run)
    assert ended.status == "failed"
    assert ended.last_error is not None
    assert ended.last_error.code == "server_error"
    assert "process" in ended.last_error.message
    assert store.messages.retrieve(ended.thread_id, message.id).status == "incomplete"
    store.messages.create(ended.thread_id, MessageRequest("usable"))


def test_a_run_that_cannot_be_stored_is_done_again_so_often(store: Store) -> None:
    """Then it has failed, and says why."""
    run = store.new_run()
    execution = Execution(store.context)
    for number in range(MOST_LOST):
        assert execution.claim(run.id) is not None, number
        execution.release_unstored(run.id)
    ended = store.current(run)
    assert ended.status == "failed"
    assert ended.last_error is not None
    assert "could not store what the run did" in ended.last_error.message


def test_a_run_expires_whoever_has_lost_it(store: Store) -> None:
    """Its time does not begin anew with another worker."""
    _, work = store.claimed()
    store.clock.move(599)
    set_owner(store, work.run, of_dead_process())
    assert store.current(work.run).status == "queued"
    assert Execution(store.context).claim(work.run.id) is not None
    store.clock.move(1)
    assert store.current(work.run).status == "expired"


def test_a_thread_that_has_lost_its_run_does_not_meet_it_again(store: Store) -> None:
    """Another process took its own for lost, and it has claimed the run anew: in another thread."""
    execution, work = store.claimed()
    set_owner(store, work.run, of_dead_process())
    assert store.current(work.run).status == "queued"
    again = execution.claim(work.run.id)
    assert again is not None
    for act in (
        lambda: execution.check(work.run),
        lambda: execution.begin_message(work.run),
        lambda: execution.finish(work.run, "completed"),
    ):
        with pytest.raises(RunTaken):
            act()
    assert execution.finish(again.run, "completed").status == "completed"


def test_elsewhere_the_lease_decides(store: Store) -> None:
    """A worker on another host is believed alive for a lease, by whoever has begun to watch it."""
    _, work = store.claimed()
    set_owner(store, work.run, "elsewhere/1/x/y")
    store.clock.move(LEASE)
    assert store.watched(work.run, LEASE - 0.5).status == "in_progress"
    assert store.watched(work.run, 0.5).status == "queued"


def test_nothing_is_lost_while_nobody_can_write(store: Store) -> None:
    """Also where the lock ends just before somebody looks: the worker had to wait for it, too."""
    execution, work = store.claimed()
    set_owner(store, work.run, "elsewhere/1/x/y")
    assert store.watched(work.run, 1).status == "in_progress"
    store.clock.move(LEASE)  # another program has the database for itself

    assert store.current(work.run).status == "in_progress"
    assert RunSnapshots(store.context).load(work.run.id) is not None
    assert Execution(store.context).unclaimed() == []
    set_lease(store, work.run, execution)
    assert store.watched(work.run, LEASE - 0.5).status == "in_progress"
    assert store.watched(work.run, 0.5).status == "queued"


def test_a_worker_that_was_taken_for_lost_writes_nothing(store: Store) -> None:
    """It stops with its next write, whatever that is, and sends no heartbeat any more."""
    execution, work = store.claimed()
    step, message = execution.begin_message(work.run)
    set_owner(store, work.run, "elsewhere/1/x/y")
    assert store.watched(work.run, LEASE).status == "queued"
    before = store.messages.list(work.run.thread_id, ALL)

    for write in (
        lambda: execution.check(work.run),
        lambda: execution.write_content(work.run, message, content_of("late")),
        lambda: execution.complete_message(work.run, step, message, content_of("late")),
        lambda: execution.begin_message(work.run),
        lambda: execution.finish(work.run, "completed"),
    ):
        with pytest.raises(RunTaken):
            write()
    assert execution.renew_leases() == frozenset()
    assert store.messages.list(work.run.thread_id, ALL) == before
    assert store.current(work.run).status == "queued"


@pytest.mark.parametrize("step", [-3600, -20, 20, 300])
def test_the_clocks_of_others_do_not_matter(store: Store, step: float) -> None:
    """Neither a step of the clock nor another machine's idea of the time ends a run."""
    execution, work = store.claimed()
    elsewhere = Clock(store.clock.time)
    watching = evolve(store.context, clock=elsewhere, leases=Leases(store.clock))
    seen = committing(Runs, watching).retrieve
    set_owner(store, work.run, "elsewhere/1/x/y")
    for _ in range(5):
        elsewhere.move(step / 5)
        assert seen(work.run.thread_id, work.run.id).status == "in_progress"
        store.clock.move(LEASE - 1)
        set_lease(store, work.run, execution)
    store.clock.move(LEASE - 1)
    assert seen(work.run.thread_id, work.run.id).status == "in_progress"


def set_lease(store: Store, run: Run, execution: Execution) -> None:
    """Renews the lease of a run that the test has made another's."""
    set_owner(store, run, execution.owner)
    execution.renew_leases()
    set_owner(store, run, "elsewhere/1/x/y")


def test_a_lease_is_renewed(store: Store) -> None:
    """A heartbeat changes the lease of every run of the worker, and no other's."""
    execution, work = store.claimed()

    def lease() -> float:
        with store.context.database.read() as connection:
            return float(connection.execute(runs.select()).one().lease_until)

    before = lease()
    Execution(store.context).renew_leases()
    assert lease() == before
    assert execution.renew_leases() == {work.run.id}
    assert lease() != before
    execution.check(work.run)


def test_cancelling_a_run_of_a_dead_process_ends_it(store: Store) -> None:
    """There is nobody to notice, so it does not wait for anyone."""
    _, work = store.claimed()
    store.runs.cancel(work.run.thread_id, work.run.id)
    set_owner(store, work.run, of_dead_process())
    assert store.current(work.run).status == "cancelled"


def test_orphans_are_the_queued_runs(store: Store) -> None:
    """At a start, what is queued is to be processed, and what a dead process claimed is queued."""
    queued = [store.new_run() for _ in range(2)]
    _, alive = store.claimed()
    _, lost = store.claimed()
    late = store.new_run()
    store.runs.cancel(late.thread_id, late.id)
    set_owner(store, lost.run, of_dead_process())
    store.woken.clear()
    orphans = Execution(store.context).orphans()
    assert [orphan.run_id for orphan in orphans] == [run.id for run in queued]
    assert store.woken == [lost.run.id]
    with store.context.database.read() as connection:
        found = {row.id: row.status for row in connection.execute(runs.select())}
    assert found[alive.run.id] == "in_progress"
    assert (found[lost.run.id], found[late.id]) == ("queued", "cancelled")


def test_the_lookout_finds_what_is_queued_and_queues_what_is_lost(store: Store) -> None:
    """Nobody has asked for these runs."""
    queued = [store.new_run() for _ in range(2)]
    execution, mine = store.claimed()
    _, lost = store.claimed()
    set_owner(store, lost.run, "elsewhere/1/x/y")
    names = [run.id for run in queued]
    assert execution.unclaimed() == names
    for _ in range(3):
        store.clock.move(LEASE / 3)
        assert execution.unclaimed() == names
    assert store.woken[-1] == lost.run.id
    with store.context.database.read() as connection:
        found = {row.id: row.status for row in connection.execute(runs.select())}
    assert (found[mine.run.id], found[lost.run.id]) == ("in_progress", "queued")


def test_an_orderly_end_releases_what_is_claimed(store: Store) -> None:
    """Only the worker's own runs are queued again; a cancelled one ends as cancelled."""
    execution, work = store.claimed()
    stopping = execution.claim(store.new_run().id)
    _, other = store.claimed()
    assert stopping is not None
    store.runs.cancel(stopping.run.thread_id, stopping.run.id)
    execution.close()
    execution.release_all()
    assert store.current(work.run).status == "queued"
    assert store.current(stopping.run).status == "cancelled"
    assert store.current(other.run).status == "in_progress"
    assert execution.claim(work.run.id) is None
    with pytest.raises(RunTaken):
        execution.finish(work.run, "completed")
    assert Execution(store.context).claim(work.run.id) is not None


def test_a_released_run_goes_on_after_what_it_has_done(store: Store) -> None:
    """The message that is being written is gone with its step; tools that have ended stay."""
    execution, work = store.claimed()
    done = execution.begin_tools_step(work.run, [searched()])
    execution.complete_tools_step(work.run, done)
    _, message = execution.begin_message(work.run)
    execution.write_content(work.run, message, content_of("Half a sen"))
    execution.release_all()

    again = Execution(store.context).claim(work.run.id)
    assert again is not None
    assert [step.id for step in again.steps] == [done.id]
    assert message.id not in {one.id for one in again.messages}


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_released_run_goes_on_with_the_calls_that_are_not_done(
    store: Store, is_lost: bool
) -> None:
    """Whether its process ended in order or not: what was executed is not executed again."""
    execution, work = store.claimed()
    step, message = execution.begin_message(work.run)
    execution.complete_message(work.run, step, message, content_of("Let me see."))
    opened = execution.begin_tools_step(work.run, [searched(), searched()])
    execution.update_step(work.run, opened, 1)
    if is_lost:
        set_owner(store, work.run, of_dead_process())
    else:
        execution.release_all()

    again = Execution(store.context).claim(work.run.id)
    assert again is not None
    assert [one.id for one in again.steps] == [step.id]
    assert message.id in {one.id for one in again.messages}
    assert again.opened is not None
    assert (again.opened.step.id, again.opened.done) == (opened.id, 1)


def of_earlier_version(store: Store) -> None:
    """Forgets what earlier versions did not store."""
    with store.context.database.begin() as connection:
        connection.execute(update(run_steps).values(calls_done=None))


@pytest.mark.parametrize("moment", ["tools", "written"])
@pytest.mark.parametrize("is_lost", [False, True])
def test_what_cannot_be_taken_back_has_failed(store: Store, moment: str, is_lost: bool) -> None:
    """No message is written twice, nor any tool used of which nobody knows whether it was used."""
    execution, work = store.claimed()
    if moment == "written":
        step, message = execution.begin_message(work.run)
        execution.complete_message(work.run, step, message, content_of("Let me see."))
    else:
        execution.begin_tools_step(work.run, [searched()])
        of_earlier_version(store)
    if is_lost:
        set_owner(store, work.run, of_dead_process())
    else:
        execution.release_all()

    run = store.current(work.run)
    assert run.status == "failed"
    assert run.last_error is not None
    assert "ended before the run was finished" in run.last_error.message
