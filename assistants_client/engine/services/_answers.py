"""The model's answer that a run is working on, as it is stored, and its undoing.

The owner of the run, and whether it may go on, are checked by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from assistants_client.engine.language_models.base import State
from assistants_client.engine.storage.database import load, load_all, remove, save
from assistants_client.engine.storage.tables import messages, model_states, run_steps
from assistants_client.models.messages import ContentPart, Message
from assistants_client.models.run_steps import MessageCreationDetails, RunStep
from assistants_client.models.runs import Run


def undo_answer(connection: Connection, run: Run) -> bool:
    """Deletes the message that a run is writing; returns whether the run can go on from there.

    It can where all that is left are whole answers, with the outputs of their calls, as far as they
    are there. It cannot where an answer has written one message to its end and was to write
    another: to ask once more would write the first one twice.
    """
    steps = load_all(connection, run_steps, RunStep, run_id=run.id)
    writing = None
    if steps and steps[-1].type != "tool_calls" and steps[-1].status == "in_progress":
        writing = steps.pop()
    if steps and not _is_whole(connection, steps[-1]):
        return False
    if writing is not None:
        details = writing.step_details
        if isinstance(details, MessageCreationDetails):
            remove(connection, messages, details.message_creation.message_id)
        remove(connection, run_steps, writing.id)
    return True


def calls_done(connection: Connection, step: RunStep) -> int | None:
    """Returns how many calls of an open step of tools were executed; ``None`` if nobody knows."""
    query = select(run_steps.c.calls_done).where(run_steps.c.id == step.id)
    found: int | None = connection.execute(query).scalar_one_or_none()
    return found


def _is_whole(connection: Connection, step: RunStep) -> bool:
    """Returns whether a run can go on after a step, or with it."""
    if step.type != "tool_calls":
        return False
    return step.status == "completed" or calls_done(connection, step) is not None


def store_content(connection: Connection, message: Message, content: Sequence[ContentPart]) -> None:
    """Stores the content of an open message so far."""
    # Its metadata may have been changed meanwhile, and it may have been deleted.
    stored = load(connection, messages, Message, message.id) or message
    stored.content = [*content]
    save(connection, messages, stored, status=stored.status)


def store_state(
    connection: Connection, step: RunStep, state: State | None, message_id: str | None = None
) -> None:
    """Stores what the model's server wants to see again, if anything.

    Args:
        connection: The transaction.
        step: The step that it belongs to.
        state: The state.
        message_id: The message that the step wrote, if it wrote one.
    """
    if state is not None:
        # It is there already where a commit that was in doubt had been made after all.
        connection.execute(delete(model_states).where(model_states.c.step_id == step.id))
        connection.execute(
            insert(model_states).values(
                step_id=step.id,
                thread_id=step.thread_id,
                message_id=message_id,
                origin=state.origin,
                state={"turn": state.turn, "calls": state.calls},
            )
        )
