"""The input of a run: the newest messages of its thread, its own, and the states for servers.

It is read in short transactions, none of which writes: so a long thread blocks nobody, not
even where a database lives in one connection. The thread is locked by the run, so that nothing is
added meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import Text, bindparam, cast, or_, select

from assistants_client.engine.domain.bounds import MAX_HISTORY_MESSAGES, MAX_HISTORY_TEXT
from assistants_client.engine.language_models.base import State
from assistants_client.engine.storage.database import Database, load_all
from assistants_client.engine.storage.outages import retried
from assistants_client.engine.storage.statements import Statement
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.engine.storage.tables import messages, model_states, run_steps
from assistants_client.models.messages import Message, RefusalPart, TextPart
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run

#: Messages that are read in one transaction; most conversations are shorter.
_AT_ONCE: Final = 100
#: Ids that one query names.
_IDS_AT_ONCE: Final = 500


def history(database: Database, run: Run) -> list[Message]:
    """Returns the messages that a run found in its thread, oldest first, as far as it may see them.

    They are the newest: so many as the run's request says, if it does, and not more than any model
    can be shown (see ``bounds``).
    """
    truncation, most = run.truncation_strategy, MAX_HISTORY_MESSAGES
    if truncation is not None and truncation.type == "last_messages" and truncation.last_messages:
        most = min(most, truncation.last_messages)
    found: list[Message] = []
    room = MAX_HISTORY_TEXT
    for message in islice(_newest_first(database, run, most), most):
        room -= _length(message)
        if room < 0 and found:
            break
        found.append(message)
    found.reverse()
    return found


@retried
def own_work(database: Database, run: Run) -> tuple[list[RunStep], list[Message]]:
    """Returns a run's own steps and messages, oldest first."""
    with database.read() as connection:
        steps = load_all(connection, run_steps, RunStep, run_id=run.id)
        written = load_all(connection, messages, Message, thread_id=run.thread_id, run_id=run.id)
    return steps, written


@retried
def states(
    database: Database, steps: Sequence[RunStep], written: Sequence[Message]
) -> dict[str, State]:
    """Returns the states that models' servers want again, by ids of these steps and messages."""
    kept = model_states.c
    found: dict[str, State] = {}
    for column, ids in (
        (kept.step_id, [step.id for step in steps]),
        (kept.message_id, [message.id for message in written if message.role == "assistant"]),
    ):
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = ids[start : start + _IDS_AT_ONCE]
            with database.read() as connection:
                rows = connection.execute(select(model_states).where(column.in_(some))).all()
            for row in rows:
                state = State(origin=row.origin, turn=row.state["turn"], calls=row.state["calls"])
                found[row.step_id] = state
                if row.message_id is not None:
                    found[row.message_id] = state
    return found


_OTHERS: Final = Statement(
    select(messages.c.seq, cast(messages.c.body, Text))
    .where(
        messages.c.thread_id == bindparam("thread_id"),
        or_(messages.c.run_id.is_(None), messages.c.run_id != bindparam("run_id")),
        messages.c.seq < bindparam("before"),
    )
    .order_by(messages.c.seq.desc())
    .limit(bindparam("page_limit"))
)
#: What no row's number reaches.
_END: Final = 2**63 - 1


def _newest_first(database: Database, run: Run, most: int) -> Iterator[Message]:
    """Yields all messages of a run's thread but its own, read as they are asked for."""
    at_once = min(most, _AT_ONCE)
    which = {"thread_id": run.thread_id, "run_id": run.id, "page_limit": at_once}

    @retried
    def page(before: int) -> Sequence[Sequence[Any]]:
        with database.read() as connection:
            return _OTHERS.all(connection, {**which, "before": before})

    before = _END
    while True:
        rows = page(before)
        for _, body in rows:
            yield StoredJson(Message, body).decoded()
        if len(rows) < at_once:
            return
        before = rows[-1][0]


def _length(message: Message) -> int:
    """Returns the number of characters of its text."""
    length = 0
    for part in message.content:
        if isinstance(part, TextPart):
            length += len(part.text.value)
        elif isinstance(part, RefusalPart):
            length += len(part.refusal)
    return length
