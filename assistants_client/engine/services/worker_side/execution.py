"""The runner's writes: a run is claimed, its steps and messages are made, it is ended.

Each method that writes is one transaction, and all but ``claim`` write only while the run is still
this worker's own and in progress: otherwise they write nothing and raise ``RunTaken``. No language
model, no tools and no threads belong here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeAlias

from attrs import frozen
from sqlalchemy import Connection, delete, insert, select

from assistants_client.engine.domain.new_objects import new_step
from assistants_client.engine.domain.state_machine import LOST, Ending
from assistants_client.engine.events.broker import RunEvent
from assistants_client.engine.events.stream_state import MESSAGE, STEP, as_begun
from assistants_client.engine.language_models.base import State
from assistants_client.engine.services._answers import store_content, store_state, undo_answer
from assistants_client.engine.services._base import (
    Context,
    by_id,
    change_run,
    emit_events,
    end_message,
    end_run,
    end_step,
    load_run,
    load_runs,
)
from assistants_client.engine.services._history import history, own_work, states
from assistants_client.engine.services._leases import LeaseHolder
from assistants_client.engine.services._run_queue import RunQueue
from assistants_client.engine.storage.database import BRIEF, PATIENT, add, load, save
from assistants_client.engine.storage.leases import RELEASED
from assistants_client.engine.storage.outages import repeatable, retried
from assistants_client.engine.storage.tables import (
    interpreter_states,
    messages,
    run_steps,
    runs,
)
from assistants_client.models._base import JsonObject
from assistants_client.models.messages import ContentPart, ImageFilePart, Message
from assistants_client.models.run_steps import (
    CreatedMessage,
    FunctionToolCall,
    MessageCreationDetails,
    RunStep,
    StepDetails,
    StepToolCall,
    ToolCallsDetails,
)
from assistants_client.models.runs import (
    FunctionCall,
    LastError,
    RequiredAction,
    RequiredToolCall,
    Run,
    SubmitToolOutputsAction,
    Usage,
)

#: Queued runs that are read together.
_MOST_QUEUED: Final = 100

#: An open message, and its content so far.
Unsaved: TypeAlias = tuple[Message, Sequence[ContentPart]]

_CANCELLED: Final = Ending(status="cancelled")
_NOT_STORED: Final = Ending(
    status="failed",
    last_error=LastError(
        code="server_error",
        message="The engine could not store what the run did (the engine's log has the details).",
    ),
)


class RunTaken(Exception):
    """The run is no longer the worker's: cancelled, expired, deleted, or taken over.

    There is nothing left to do for it: where an end was due, it has been written.
    """


@frozen(kw_only=True)
class Work:
    """A claimed run, with the messages that it may see and all its own steps, oldest first.

    ``states`` holds what the servers of language models want to see again, by the id of the step
    that it was stored with, and of the message that the step wrote.
    """

    run: Run
    messages: Sequence[Message]
    steps: Sequence[RunStep]
    states: Mapping[str, State]


class Execution:
    """Writes on behalf of one worker. Safe to share between threads and over a fork.

    Args:
        context: The context of the services.
        queue: Says how many runs may be in progress; without one, any number.

    Attributes:
        leases: The runs that are this worker's own.
    """

    def __init__(self, context: Context, queue: RunQueue | None = None) -> None:
        self._context = context
        self._database = context.database
        self._queue = queue or RunQueue(context)
        self.leases: LeaseHolder = LeaseHolder(context, runs)

    @property
    def owner(self) -> str:
        """The owner name of this worker; another one after a fork."""
        return self.leases.owner

    @property
    def is_closed(self) -> bool:
        """True once this worker was closed."""
        return self.leases.is_closed

    def claim(self, run_id: str) -> Work | None:
        """Claims a queued run: it is in progress from here on, and this worker's own.

        What it is to work on is read after that: a run whose history cannot be read is to be ended.

        Returns:
            The work; ``None`` when the run is not queued (any more), gone, or finds no room yet.
        """
        run = self._claimed(run_id)
        if run is None:
            return None
        steps, written = own_work(self._database, run)
        shown = [*history(self._database, run), *written]
        return Work(
            run=run, messages=shown, steps=steps, states=states(self._database, steps, shown)
        )

    @retried
    def _claimed(self, run_id: str) -> Run | None:
        with self._context.begin(patience=PATIENT) as connection:
            held = self._context.expire_overdue(connection, by_id(run_id))
            if held is None or held.run.status != "queued":
                return None
            columns = self.leases.claim(run_id, held.owner, held.lease_until)
            if columns is None or not self._queue.admit(connection, run_id):
                return None
            run = held.run
            run.started_at = self._context.now()
            change_run(connection, run, "in_progress", waits_since=None, **columns)
        return run

    @repeatable
    def check(self, run: Run, unsaved: Unsaved | None = None) -> None:
        """Checks between two pieces of work that the run may go on. Writes only when it may not.

        Args:
            run: The run, as claimed.
            unsaved: An open message and its content so far, which an early end is not to lose.

        Raises:
            RunTaken: The run was cancelled, has expired, was deleted or taken over.
        """
        with self._database.read(patience=PATIENT) as connection:
            held = load_run(connection, by_id(run.id))
            if (
                held is not None
                and held.run.status == "in_progress"
                and held.owner == self.owner
                and self._context.due_end(held) is None
            ):
                return
        with self._own(run, unsaved):
            pass

    def publish(self, run: Run, noun: str, *deltas: JsonObject) -> None:
        """Publishes pieces to the streams of the run; they are not stored."""
        self._context.events.publish(RunEvent(run.id, f"{noun}.delta", delta) for delta in deltas)

    @retried
    def begin_tools_step(
        self,
        run: Run,
        calls: Sequence[StepToolCall],
        *,
        reasoning: str | None = None,
        state: State | None = None,
    ) -> RunStep:
        """Opens a step of tool calls; all of the calls that one answer of the model asks for.

        Args:
            run: The run, as claimed.
            calls: The calls.
            reasoning: What the model thought aloud before.
            state: What the model's server wants to see again with the calls.
        """
        step = self._new_step(run, ToolCallsDetails(tool_calls=list(calls)), reasoning)
        with self._own(run) as (connection, _):
            document = add(connection, run_steps, step, run_id=run.id, status=step.status)
            store_state(connection, step, state)
            # To the streams of the run the calls are published one by one.
            emit_events(connection, run.id, STEP, as_begun(document), "created", "in_progress")
        return step

    @repeatable
    def update_step(self, run: Run, step: RunStep) -> None:
        """Stores an open step as it stands now, such as with the output of one call filled in."""
        with self._own(run) as (connection, _):
            save(connection, run_steps, step, status=step.status)

    @repeatable
    def complete_tools_step(self, run: Run, step: RunStep, usage: Usage | None = None) -> None:
        """Completes a step whose calls all have their outputs.

        Args:
            run: The run, as claimed.
            step: The step, its calls as they are to be stored.
            usage: The tokens that the model's answer took.
        """
        with self._own(run) as (connection, _):
            # An earlier try, which was interrupted, may have completed it.
            step.status, step.usage = "in_progress", usage
            end_step(connection, step, "completed", self._context.now())

    @repeatable
    def require_action(self, run: Run, step: RunStep, usage: Usage | None = None) -> Run:
        """Passes a step's function calls without output to the caller, and releases the run.

        The step stays open; submitting the outputs completes it and queues the run again.

        Args:
            run: The run, as claimed.
            step: The open step: outputs of the code interpreter filled in, function calls without.
            usage: The tokens that the model's answer took.

        Returns:
            The run, as the caller sees it now.
        """
        pending = [
            RequiredToolCall(
                id=call.id,
                function=FunctionCall(name=call.function.name, arguments=call.function.arguments),
            )
            for call in step.tool_calls
            if isinstance(call, FunctionToolCall) and call.function.output is None
        ]
        with self._own(run) as (connection, current):
            step.usage = usage
            save(connection, run_steps, step, status=step.status)
            current.required_action = RequiredAction(
                submit_tool_outputs=SubmitToolOutputsAction(tool_calls=pending)
            )
            change_run(connection, current, "requires_action", **RELEASED)
        return current

    @retried
    def load_state(self, run: Run) -> bytes | None:
        """Returns the code interpreter's state of the run's thread; ``None`` to start afresh."""
        kept = interpreter_states.c
        with self._database.read() as connection:
            found: bytes | None = connection.execute(
                select(kept.state).where(kept.thread_id == run.thread_id)
            ).scalar_one_or_none()
        return found

    @repeatable
    def save_state(self, run: Run, state: bytes | None) -> None:
        """Stores the code interpreter's state for the thread's next call; ``None`` drops it."""
        with self._own(run) as (connection, _):
            connection.execute(
                delete(interpreter_states).where(interpreter_states.c.thread_id == run.thread_id)
            )
            if state is not None:
                connection.execute(
                    insert(interpreter_states).values(thread_id=run.thread_id, state=state)
                )

    @retried
    def begin_message(
        self, run: Run, images: Sequence[ImageFilePart] = (), *, reasoning: str | None = None
    ) -> tuple[RunStep, Message]:
        """Opens a message of the assistant's, still without text, and the step that writes it.

        Args:
            run: The run, as claimed.
            images: The images that the message begins with.
            reasoning: What the model thought aloud before.
        """
        message = Message(
            id=self._context.new_id("msg_"),
            created_at=self._context.now(),
            thread_id=run.thread_id,
            status="in_progress",
            role="assistant",
            content=[*images],
            assistant_id=run.assistant_id,
            run_id=run.id,
        )
        created = CreatedMessage(message_id=message.id)
        step = self._new_step(run, MessageCreationDetails(message_creation=created), reasoning)
        with self._own(run) as (connection, _):
            document = add(connection, run_steps, step, run_id=run.id, status=step.status)
            emit_events(connection, run.id, STEP, document, "created", "in_progress")
            document = add(
                connection,
                messages,
                message,
                thread_id=run.thread_id,
                run_id=run.id,
                status=message.status,
            )
            # To the streams of the run the images are published after it.
            emit_events(connection, run.id, MESSAGE, as_begun(document), "created", "in_progress")
        return step, message

    @repeatable
    def write_content(self, run: Run, message: Message, content: Sequence[ContentPart]) -> None:
        """Stores the content of an open message so far, so that an early end does not lose it."""
        with self._own(run, (message, content)) as (connection, _):
            store_content(connection, message, content)

    @repeatable
    def complete_message(
        self,
        run: Run,
        step: RunStep,
        message: Message,
        content: Sequence[ContentPart],
        usage: Usage | None = None,
        *,
        incomplete_reason: str | None = None,
        state: State | None = None,
    ) -> Message:
        """Closes a message and its step.

        Args:
            run: The run, as claimed.
            step: The step from ``begin_message``.
            message: The message from ``begin_message``.
            content: All its parts.
            usage: The tokens that the model's answer took.
            incomplete_reason: ``max_tokens`` or ``content_filter`` when it was cut short.
            state: What the model's server wants to see again with the message.

        Returns:
            The message as it is stored.
        """
        now = self._context.now()
        with self._own(run, (message, content)) as (connection, _):
            # Its metadata may have been changed meanwhile, and it may have been deleted.
            stored = load(connection, messages, Message, message.id) or message
            stored.content = [*content]
            end_message(connection, stored, incomplete_reason, now)
            step.status, step.usage = "in_progress", usage
            end_step(connection, step, "completed", now)
            store_state(connection, step, state, message.id)
        return stored

    @repeatable
    def finish(
        self,
        run: Run,
        status: str,
        *,
        last_error: LastError | None = None,
        incomplete_reason: str | None = None,
        spent: Usage | None = None,
    ) -> Run:
        """Ends the run; steps and messages that are still open are closed as its end demands.

        Args:
            run: The run, as claimed.
            status: ``completed``, ``incomplete`` or ``failed``.
            last_error: The error that it failed with; of an incomplete one, the server's own word.
            incomplete_reason: ``max_completion_tokens`` or ``max_prompt_tokens``.
            spent: The tokens of an answer that no step counts.

        Returns:
            The run as it ended.
        """
        ending = Ending(status=status, last_error=last_error, incomplete_reason=incomplete_reason)
        with self._own(run) as (connection, current):
            end_run(connection, current, ending, self._context.now(), spent=spent)
        return current

    def seconds_left(self, run: Run) -> float:
        """Returns the seconds that the run may still take."""
        end = run.expires_at
        return float("inf") if end is None else end - self._context.clock()

    @repeatable
    def renew_leases(self) -> frozenset[str]:
        """Renews the leases of all runs of this worker; due well within ``LEASE`` seconds.

        Returns:
            The ids of the runs that are still its own; what was overdue has been ended.
        """
        with self._database.begin() as connection:
            self.leases.renew(connection)
            held = load_runs(connection, self.leases.owned)
            late = {each.run.id for each in held if self._context.due_end(each) is not None}
            for run_id in late:
                self._context.expire_overdue(connection, by_id(run_id))
        return frozenset(each.run.id for each in held) - late

    @retried
    def orphans(self) -> list[str]:
        """Ends the runs that are overdue or whose worker died.

        Returns:
            The ids of the queued runs, oldest first: the first worker to come claims them.
        """
        with self._database.read() as connection:
            active = load_runs(connection, runs.c.active_thread_id.is_not(None))
        queued = []
        for held in active:
            if self._context.due_end(held) is not None:
                with self._context.begin() as connection:
                    self._context.expire_overdue(connection, by_id(held.run.id))
            elif held.run.status == "queued":
                queued.append(held.run.id)
        return queued

    @retried
    def unclaimed(self) -> list[str]:
        """Ends the runs whose worker is gone, and returns the queued ones, the oldest of many.

        To be called often: no run is read but those that are to be ended.
        """
        with self._database.read() as connection:
            waiting = self._queue.oldest(connection, _MOST_QUEUED)
        others = select(runs.c.id).where(
            runs.c.status.in_(["in_progress", "cancelling"]), runs.c.owner != self.owner
        )
        for run_id in self.leases.free(others):
            with self._context.begin() as connection:
                self._context.expire_overdue(connection, by_id(run_id))
        return waiting

    @repeatable
    def fail_unstored(self, run_id: str) -> None:
        """Fails one run, if it is claimed: what came of it could not be stored."""
        with self._database.begin() as connection:
            for held in load_runs(connection, self.leases.owned & by_id(run_id)):
                self._end(connection, held.run, _NOT_STORED)

    def close(self) -> None:
        """Stops further claims."""
        self.leases.close()

    @repeatable
    def release_all(self) -> None:
        """Releases all runs that this worker still has claimed, after :meth:`close`.

        Each run is queued again, without the answer that was under way: another process processes
        it, or the next one. A run that cannot be rolled back to before that answer has failed.
        """
        with self._database.begin(patience=BRIEF) as connection:
            for held in load_runs(connection, self.leases.owned):
                if held.run.status == "in_progress" and undo_answer(connection, held.run):
                    change_run(connection, held.run, "queued", **RELEASED)
                else:
                    self._end(connection, held.run, LOST)

    def _end(self, connection: Connection, run: Run, ending: Ending) -> None:
        its = _CANCELLED if run.status == "cancelling" else ending
        end_run(connection, run, its, self._context.now())

    @contextmanager
    def _own(self, run: Run, unsaved: Unsaved | None = None) -> Iterator[tuple[Connection, Run]]:
        """Opens a transaction on a run that is in progress and ours, with the run as it is stored.

        Where the run was cancelled or is overdue, that end is written before ``RunTaken`` is
        raised, with what is unsaved; so the worker has nothing to clean up.
        """
        with self._database.begin(patience=PATIENT) as connection:
            held = load_run(connection, by_id(run.id))
            if held is not None and held.owner == self.owner:
                ending = self._context.due_end(held)
                if held.run.status == "cancelling":
                    ending = _CANCELLED
                if ending is None:
                    yield connection, held.run
                    return
                if unsaved is not None:
                    store_content(connection, *unsaved)
                end_run(connection, held.run, ending, self._context.now())
        raise RunTaken(run.id)

    def _new_step(self, run: Run, details: StepDetails, reasoning: str | None) -> RunStep:
        return new_step(run, details, self._context.now(), self._context.new_id, reasoning)
