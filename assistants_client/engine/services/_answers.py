"""The model's answer that a run is writing, as it is stored, and its undoing.

The owner of the run, and whether it may go on, are checked by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert

from assistants_client.engine.language_models.base import State
from assistants_client.engine.storage.database import load, load_all, remove, save
from assistants_client.engine.storage.tables import messages, model_states, run_steps
from assistants_client.models.messages import ContentPart, Message
from assistants_client.models.run_steps import MessageCreationDetails, RunStep
from assistants_client.models.runs import Run


def undo_answer(connection: Connection, run: Run) -> bool:
    """Deletes the message that a run is writing; returns whether nothing is left of that answer.

    Something is where the answer has written a message to its end, or tools are at work on its
    calls: to ask once more would write the message twice, or do again what cannot be undone.
    """
    steps = load_all(connection, run_steps, RunStep, run_id=run.id)
    writing = steps.pop() if steps and steps[-1].status == "in_progress" else None
    if steps and (steps[-1].status != "completed" or not steps[-1].tool_calls):
        return False
    if writing is None:
        return True
    details = writing.step_details
    if not isinstance(details, MessageCreationDetails):
        return False
    remove(connection, messages, details.message_creation.message_id)
    remove(connection, run_steps, writing.id)
    return True


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
