"""The runner's writes: steps and messages of a claimed run are made, and it is ended.

Each method that writes is one transaction, and writes only while the run is still this worker's own
and in progress: otherwise it writes nothing and raises ``RunTaken`` (see claims.py). No language
model, no tools and no threads belong here.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from sqlalchemy import delete, insert, select

from assistants_client._json.codec import encode
from assistants_client.engine.domain.new_objects import new_step
from assistants_client.engine.domain.state_machine import Ending
from assistants_client.engine.events.broker import RunEvent
from assistants_client.engine.events.stream_state import MESSAGE, STEP, as_begun
from assistants_client.engine.language_models.base import State
from assistants_client.engine.services._answers import store_content, store_state
from assistants_client.engine.services._base import (
    change_run,
    emit_events,
    end_message,
    end_run,
    end_step,
)
from assistants_client.engine.services.worker_side.claims import Claims
from assistants_client.engine.storage.database import add, load, save
from assistants_client.engine.storage.leases import RELEASED
from assistants_client.engine.storage.outages import repeatable, retried
from assistants_client.engine.storage.tables import interpreter_states, messages, run_steps
from assistants_client.models._base import JsonObject
from assistants_client.models.endings import LastError
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
    RequiredAction,
    RequiredToolCall,
    Run,
    SubmitToolOutputsAction,
    Usage,
)


@frozen
class ChangedState:
    """The code interpreter's state of a thread, after code has changed it; ``None`` drops it."""

    state: bytes | None


class Execution(Claims):
    """Writes on behalf of one worker. Safe to share between threads and over a fork."""

    def publish(self, run: Run, noun: str, *deltas: JsonObject) -> None:
        """Publishes pieces to the streams of the run; they are not stored."""
        self._context.events.publish([RunEvent(run.id, f"{noun}.delta", each) for each in deltas])

    def new_step_id(self) -> str:
        """Returns the id of a step that is about to be opened."""
        return self._context.new_id("step_")

    @repeatable
    def begin_tools_step(
        self,
        run: Run,
        calls: Sequence[StepToolCall],
        *,
        reasoning: str | None = None,
        state: State | None = None,
        usage: Usage | None = None,
        step_id: str | None = None,
    ) -> RunStep:
        """Opens a step of tool calls; all of the calls that one answer of the model asks for.

        Args:
            run: The run, as claimed.
            calls: The calls.
            reasoning: What the model thought aloud before.
            state: What the model's server wants to see again with the calls.
            usage: The tokens that the model's answer took.
            step_id: From :meth:`new_step_id`, so that it is opened once, however often that is
                done; ``None`` is another one each time.
        """
        step = self._new_step(run, ToolCallsDetails(tool_calls=list(calls)), reasoning)
        step.id, step.usage = step_id or step.id, usage
        columns = {"run_id": run.id, "status": step.status, "calls_done": 0}
        with self._own(run) as (connection, _):
            # It is there already where a commit that was in doubt had been made after all.
            is_there = step_id is not None and load(connection, run_steps, RunStep, step_id)
            stored = None if is_there else add(connection, run_steps, step, **columns)
            document = encode(step) if stored is None else stored.document
            store_state(connection, step, state)
            # To the streams of the run the calls are published one by one.
            emit_events(connection, run.id, STEP, as_begun(document), "created", "in_progress")
        return step

    @repeatable
    def update_step(
        self, run: Run, step: RunStep, done: int, changed: ChangedState | None = None
    ) -> None:
        """Stores an open step as it stands now, such as with the output of one call filled in.

        Args:
            run: The run, as claimed.
            step: The step.
            done: How many of its calls are done, from the first one on.
            changed: The interpreter's state after the last of them, if that has changed it: no code
                is run once more in the state that it has left.
        """
        with self._own(run) as (connection, _):
            save(connection, run_steps, step, status=step.status, calls_done=done)
            if changed is None:
                return
            kept = interpreter_states
            connection.execute(delete(kept).where(kept.c.thread_id == run.thread_id))
            if changed.state is not None:
                values = {"thread_id": run.thread_id, "state": changed.state}
                connection.execute(insert(kept).values(**values))

    @repeatable
    def complete_tools_step(self, run: Run, step: RunStep) -> None:
        """Completes a step whose calls all have their outputs.

        Args:
            run: The run, as claimed.
            step: The step, its calls as they are to be stored.
        """
        with self._own(run) as (connection, _):
            # An earlier try, which was interrupted, may have completed it.
            step.status = "in_progress"
            end_step(connection, step, "completed", self._context.now())

    @repeatable
    def require_action(self, run: Run, step: RunStep) -> Run:
        """Passes a step's function calls without output to the caller, and releases the run.

        The step stays open; submitting the outputs completes it and queues the run again.

        Args:
            run: The run, as claimed.
            step: The open step: outputs of the code interpreter filled in, function calls without.

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
        with self._own(run) as (connection, held):
            current = held.run
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
            stored_step = add(connection, run_steps, step, run_id=run.id, status=step.status)
            emit_events(connection, run.id, STEP, stored_step, "created", "in_progress")
            document = add(
                connection,
                messages,
                message,
                thread_id=run.thread_id,
                run_id=run.id,
                status=message.status,
            ).document
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
        with self._own(run) as (connection, held):
            now = self._context.now()
            end_run(connection, held.run, ending, now, tenant=held.tenant, spent=spent)
        return held.run

    def _new_step(self, run: Run, details: StepDetails, reasoning: str | None) -> RunStep:
        return new_step(run, details, self._context.now(), self._context.new_id, reasoning)
