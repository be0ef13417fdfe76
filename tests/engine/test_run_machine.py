"""Runs as a machine of states: whatever is done in whatever order, only the table's moves happen.

The machine acts through the services, as callers and carriers do, and moves the clock. Every change
is told as it is committed: what was told is held against the tables of transitions, and what is
stored, after each act, against what was told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from attrs import define
from databases import fresh
from engine_store import Clock, Store, content_of
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select, update
from thorough import amount

from assistants_client.engine.domain.state_machine import (
    CANCEL_GRACE,
    LEASE,
    RUN_TRANSITIONS,
    STEP_TRANSITIONS,
)
from assistants_client.engine.events.broker import RunEvent
from assistants_client.engine.faults import Fault
from assistants_client.engine.ids import owner_name
from assistants_client.engine.services._base import Context
from assistants_client.engine.services._leases import LeaseHolder
from assistants_client.engine.services.worker_side.claims import RunTaken
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage.database import Database
from assistants_client.engine.storage.keyset_pages import PageQuery
from assistants_client.engine.storage.leases import Leases
from assistants_client.engine.storage.tables import messages, run_steps, runs
from assistants_client.models._base import JsonObject
from assistants_client.models.assistants import AssistantRequest
from assistants_client.models.endings import LastError
from assistants_client.models.messages import Message, MessageRequest
from assistants_client.models.run_requests import (
    RunRequest,
    RunUpdate,
    SubmitToolOutputsRequest,
    ToolOutput,
)
from assistants_client.models.run_steps import FunctionRecord, FunctionToolCall, RunStep
from assistants_client.models.runs import ACTIVE_STATUSES, FINAL_STATUSES, Run

T = TypeVar("T")

_ALL = PageQuery(limit=100)


class Elsewhere(LeaseHolder):
    """The leases of another machine's carrier: whether it lives, only they tell."""

    @property
    def owner(self) -> str:
        """Signed by another host."""
        return "elsewhere/" + owner_name("e").partition("/")[2]


def status_of(act: Callable[[], object]) -> int:
    """How an act is answered: 200, or the status of its refusal."""
    try:
        act()
    except Fault as fault:
        return fault.status
    return 200


def picked(things: Sequence[T], pick: int) -> T:
    """One of the things that there are."""
    return things[-1 - pick % len(things)]


@define(eq=False)
class Carried:
    """A claimed run in the hands of its carrier, with what it has opened."""

    execution: Execution
    run: Run
    step: RunStep | None = None
    message: Message | None = None


#: Which of the things that there are; those made last are the first.
PICK = st.integers(0, 5)
STARTED = precondition(lambda machine: machine.started)
CARRIED = precondition(lambda machine: machine.carried)


class RunMachine(RuleBasedStateMachine):
    """Callers and two carriers on one database."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.database = Database(fresh("sqlite://"))
        context = Context(
            database=self.database, clock=self.clock, run_seconds=60, leases=Leases(self.clock)
        )
        self.store = Store(context, self.clock)
        self.database.after_commit = self.told
        self.carriers = [Execution(self.store.context) for _ in range(2)]
        self.carriers[1].leases = Elsewhere(self.store.context, runs)
        self.assistant = self.store.assistants.create(AssistantRequest(model="m")).id
        self.threads: list[str] = []
        self.started: list[Run] = []
        self.carried: list[Carried] = []
        self.statuses: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.ends: dict[str, JsonObject] = {}

    def teardown(self) -> None:
        """Closes the database."""
        self.database.close()

    def told(self, events: Sequence[object]) -> None:
        """Each change of a run or step is one that its table has."""
        for event in events:
            if not isinstance(event, RunEvent):
                continue
            noun, _, status = event.name.rpartition(".")
            table = {"thread.run": RUN_TRANSITIONS, "thread.run.step": STEP_TRANSITIONS}.get(noun)
            if table is None or status in {"created", "delta"}:
                continue
            thing = event.document["id"]
            before = self.statuses.get(thing)
            first = {"thread.run": "queued", "thread.run.step": "in_progress"}[noun]
            assert status == first if before is None else status in table[before], event
            self.statuses[thing] = status

    def those(self, status: str) -> Sequence[Run]:
        """The runs in a status, or all where there are none."""
        return [run for run in self.started if self.statuses[run.id] == status] or self.started

    def active(self, thread_id: str) -> str | None:
        """The run that holds a thread's lock, once what is overdue was settled."""
        self.store.runs.list(thread_id, _ALL)
        with self.database.read() as connection:
            held = select(runs.c.id).where(runs.c.active_thread_id == thread_id)
            found: str | None = connection.execute(held).scalar_one_or_none()
        return found

    # --- what callers do

    @initialize()
    def begin(self) -> None:
        """Two threads to begin with."""
        self.threads += [self.store.new_thread(), self.store.new_thread()]

    @rule(pick=PICK)
    def start(self, pick: int) -> None:
        """A run starts exactly when the thread is not locked."""
        thread_id = picked(self.threads, pick)
        free = self.active(thread_id) is None
        request = RunRequest(assistant_id=self.assistant)
        status = status_of(lambda: self.started.append(self.store.runs.create(thread_id, request)))
        assert status == (200 if free else 400)

    @rule(pick=PICK)
    def say(self, pick: int) -> None:
        """A message is taken exactly when the thread is not locked."""
        thread_id = picked(self.threads, pick)
        free = self.active(thread_id) is None
        status = status_of(lambda: self.store.messages.create(thread_id, MessageRequest("More")))
        assert status == (200 if free else 400)

    @STARTED
    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        """Cancelling is taken exactly when the run has not ended."""
        run = picked(self.started, pick)
        status = status_of(lambda: self.store.runs.cancel(run.thread_id, run.id))
        if run.thread_id in self.deleted:
            assert status == 404
        elif status == 200:
            assert self.statuses[run.id] == "cancelling"
        else:
            assert status == 400
            assert self.store.current(run).status in FINAL_STATUSES

    @STARTED
    @rule(pick=PICK)
    def look(self, pick: int) -> None:
        """What is answered is what is stored, settled."""
        run = picked(self.started, pick)
        if run.thread_id not in self.deleted:
            found = self.store.current(run)
            assert found.status == self.statuses[run.id]

    @STARTED
    @rule(pick=PICK, value=st.sampled_from("ab"))
    def note(self, pick: int, value: str) -> None:
        """Metadata may be changed except while the run is in progress, and changes nothing else."""
        run = picked(self.started, pick)
        if run.thread_id in self.deleted:
            return
        update = RunUpdate(metadata={"k": value})
        expected = 400 if self.store.current(run).status == "in_progress" else 200
        assert expected == status_of(lambda: self.store.runs.update(run.thread_id, run.id, update))

    @STARTED
    @rule(pick=PICK, keep=st.sampled_from([2, 2, 2, 1, 0]), extra=st.integers(0, 4))
    def answer(self, pick: int, keep: int, extra: int) -> None:
        """Outputs are taken exactly when the run waits for just these."""
        run = picked(self.those("requires_action"), pick)
        if run.thread_id in self.deleted:
            return
        current = self.store.current(run)
        wanted = [call.id for call in current.tool_calls]
        outputs = [ToolOutput(tool_call_id=one, output="9 C") for one in wanted[:keep]]
        if extra == 1:
            outputs.append(ToolOutput(tool_call_id="call_none", output=""))
        fits = current.status == "requires_action" and keep >= len(wanted) and extra != 1
        request = SubmitToolOutputsRequest(tool_outputs=outputs)
        status = status_of(
            lambda: self.store.runs.submit_tool_outputs(run.thread_id, run.id, request)
        )
        assert status == (200 if fits else 400)

    @rule(pick=PICK, often=st.integers(0, 9))
    def delete(self, pick: int, often: int) -> None:
        """A thread is deleted with all that hangs on it, whoever works on it; another is made."""
        if often == 0:
            thread_id = picked(self.threads, pick)
            self.store.threads.delete(thread_id)
            self.threads.remove(thread_id)
            self.deleted.add(thread_id)
            self.threads.append(self.store.new_thread())

    # --- what carriers do

    @STARTED
    @rule(pick=PICK, carrier=st.integers(0, 1), queued=st.integers(0, 9))
    def claim(self, pick: int, carrier: int, queued: int) -> None:
        """A run is claimed only while it is queued, and queued first if its process is dead."""
        run = picked(self.those("queued") if queued else self.started, pick)
        before, is_lost = self.statuses[run.id], (self.owner(run) or "").endswith("/dead")
        execution = self.carriers[carrier]
        work = execution.claim(run.id)
        if work is not None:
            assert before == "queued" or (before == "in_progress" and is_lost)
            self.carried.append(Carried(execution, work.run))

    @CARRIED
    @rule(pick=PICK)
    def open_message(self, pick: int) -> None:
        """An answer begins."""
        held = picked(self.carried, pick)
        if held.step is None:
            self.carry(held, lambda: held.execution.begin_message(held.run), "step", "message")

    @CARRIED
    @rule(pick=PICK)
    def write(self, pick: int) -> None:
        """An answer goes on."""
        held = picked(self.carried, pick)
        message = held.message
        if message is not None:
            self.carry(
                held, lambda: held.execution.write_content(held.run, message, content_of("Some"))
            )

    @CARRIED
    @rule(pick=PICK)
    def close_message(self, pick: int) -> None:
        """An answer is whole."""
        held = picked(self.carried, pick)
        step, message = held.step, held.message
        if step is not None and message is not None:
            held.step = held.message = None
            self.carry(
                held,
                lambda: held.execution.complete_message(
                    held.run, step, message, content_of("Some text")
                ),
            )

    @CARRIED
    @rule(pick=PICK, calls=st.integers(1, 2))
    def ask(self, pick: int, calls: int) -> None:
        """The model calls functions, and the run waits for its caller."""
        held = picked(self.carried, pick)
        if held.step is not None:
            return
        asked = [
            FunctionToolCall(id=f"call_{n}", function=FunctionRecord(name="f", arguments="{}"))
            for n in range(calls)
        ]

        def act() -> None:
            step = held.execution.begin_tools_step(held.run, asked)
            held.execution.require_action(held.run, step)

        self.carry(held, act)

    @STARTED
    @rule(pick=PICK, carrier=st.integers(0, 1), calls=st.integers(1, 2), extra=st.integers(0, 1))
    def go_round(self, pick: int, carrier: int, calls: int, extra: int) -> None:
        """Claimed, asking, answered, without anything in between: it leads further sooner."""
        before = len(self.carried)
        self.claim(pick, carrier, 1)
        if len(self.carried) > before:
            self.ask(0, calls)
            self.answer(0, 2, extra)

    @CARRIED
    @rule(pick=PICK, status=st.sampled_from(["completed", "incomplete", "failed"]))
    def finish(self, pick: int, status: str) -> None:
        """The run is brought to its end, whatever is open."""
        held = picked(self.carried, pick)
        error = LastError(code="server_error", message="x") if status == "failed" else None
        reason = "max_prompt_tokens" if status == "incomplete" else None
        self.carry(
            held,
            lambda: held.execution.finish(
                held.run, status, last_error=error, incomplete_reason=reason
            ),
        )

    @rule(
        carrier=st.integers(0, 1),
        what=st.sampled_from(["renew_leases"] * 3 + ["orphans"] * 2),
    )
    def housekeeping(self, carrier: int, what: str) -> None:
        """A heartbeat, or a check for what others left."""
        getattr(self.carriers[carrier], what)()

    @rule(carrier=st.integers(0, 1))
    def end_in_order(self, carrier: int) -> None:
        """A process ends in order, and another takes its place: nothing is claimed by the first."""
        ended = self.carriers[carrier]
        ended.close()
        ended.release_all()
        self.carriers[carrier] = type(ended)(self.store.context)
        assert ended.owner not in {self.owner(run) for run in self.started}
        for run in self.those("queued"):
            assert ended.claim(run.id) is None

    @rule(carrier=st.integers(0, 1))
    def die(self, carrier: int) -> None:
        """A process is killed, and another takes its place; what it still does comes too late."""
        killed = self.carriers[carrier]
        host, pid, *_ = owner_name("x").split("/")
        with self.database.begin() as connection:
            owned = runs.c.owner == killed.owner
            connection.execute(update(runs).where(owned).values(owner=f"{host}/{pid}/earlier/dead"))
        self.carriers[carrier] = Execution(self.store.context)
        self.carriers[carrier].leases = type(killed.leases)(self.store.context, runs)

    @rule(seconds=st.sampled_from([0.5, 0.7, 1, 3, 16, 61]))
    def wait(self, seconds: float) -> None:
        """Grace, leases and runs run out: who looks then finds nothing overdue."""
        until = self.clock() + seconds
        while (left := until - self.clock()) > 0:
            # A lease runs out for whoever watches it all the time, and can write.
            self.store.context.watch(["elsewhere/1/x/y"])
            for thread_id in self.threads:
                self.store.runs.list(thread_id, _ALL)
            self.clock.move(min(5.0, left))
        for thread_id in self.threads:
            for run in self.store.runs.list(thread_id, _ALL).data:
                assert run.is_final or (run.expires_at or 0) > self.clock()
                assert run.status != "cancelling" or seconds < CANCEL_GRACE
                elsewhere = (self.owner(run) or "").startswith("elsewhere")
                assert run.status != "in_progress" or not elsewhere or seconds < LEASE

    def carry(self, held: Carried, act: Any, *names: str) -> None:
        """Does what a carrier does; it may have lost the run, and then nothing happens."""
        try:
            made = act()
        except RunTaken:
            self.carried.remove(held)
            again = [one.run.id for one in self.carried if one.execution is held.execution]
            assert self.statuses[held.run.id] != "in_progress" or (
                held.run.thread_id in self.deleted
                or self.owner(held.run) != held.execution.owner
                or held.run.id in again
            )
        else:
            for name, value in zip(names, made if names else (), strict=True):
                setattr(held, name, value)

    def owner(self, run: Run) -> str | None:
        """Who carries a run, by what is stored."""
        with self.database.read() as connection:
            query = select(runs.c.owner).where(runs.c.id == run.id)
            found: str | None = connection.execute(query).scalar_one_or_none()
        return found

    # --- what always holds

    @invariant()
    def what_is_stored_is_sound(self) -> None:
        """Locks, owners, ends and what hangs on runs agree with the runs' statuses."""
        with self.database.read() as connection:
            rows = connection.execute(select(runs)).all()
            steps = connection.execute(select(run_steps)).all()
            said = connection.execute(select(messages)).all()
        status = {row.id: row.status for row in rows}
        for row in rows:
            body = row.body
            assert row.status == body["status"] == self.statuses[row.id]
            active = row.status in ACTIVE_STATUSES
            assert row.active_thread_id == (row.thread_id if active else None)
            assert (body["expires_at"] is not None) == active
            assert (row.owner is None) or row.status in {"in_progress", "cancelling"}
            assert (row.owner is not None) or row.status != "in_progress"
            assert (body["required_action"] is not None) == (row.status == "requires_action")
            assert row.thread_id not in self.deleted
            if not active:
                end = {key: value for key, value in body.items() if key != "metadata"}
                assert self.ends.setdefault(row.id, end) == end, "a final run changed"
        for step in steps:
            assert step.status == step.body["status"] == self.statuses[step.id]
            assert step.status != "in_progress" or status[step.run_id] in ACTIVE_STATUSES
        for message in said:
            assert message.status == message.body["status"]
            assert message.status != "in_progress" or status[message.run_id] in ACTIVE_STATUSES
        locked = Counter(row.thread_id for row in rows if row.status in ACTIVE_STATUSES)
        assert set(locked.values()) <= {1}


RunMachine.TestCase.settings = settings(max_examples=amount(8, 100), stateful_step_count=50)
TestRuns = RunMachine.TestCase
