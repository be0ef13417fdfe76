"""A database with one thread and one run on it, and a runner to process it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistants_client._json.codec import decode
from assistants_client.engine.code_interpreter import CodeInterpreter, CodeResult
from assistants_client.engine.events.broker import RunEvent
from assistants_client.engine.language_models.base import Conversation, LanguageModel, TokenUsage
from assistants_client.engine.language_models.scripted import Script, Scripted
from assistants_client.engine.services._base import (
    Context,
    change_run,
    end_step,
    load_run,
)
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.services.worker_side.tool_use import ToolUse
from assistants_client.engine.storage.database import Database, add
from assistants_client.engine.storage.tables import messages, run_steps, runs, threads
from assistants_client.engine.worker.runner import Runner
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import FunctionToolCall, RunStep
from assistants_client.models.runs import Run
from assistants_client.models.threads import Thread

INTERPRETER = {"type": "code_interpreter"}
WEATHER = {"type": "function", "function": {"name": "get_weather"}}
USED = TokenUsage(prompt_tokens=100, completion_tokens=10)


class Echo:
    """An interpreter that prints the code, and counts its calls in the state."""

    description = "Says code again."

    def run(self, code: str, state: bytes | None = None, folder: Path | None = None) -> CodeResult:
        """Never really runs anything."""
        if code == "crash":
            raise OSError("secret path")
        calls = (state or b"") + b"x"
        logs = "" if code == "quiet" else f"{code} #{len(calls)}\n"
        return CodeResult(logs=logs, state=calls, failed=False)

    def close(self) -> None:
        """Has nothing to close."""


class Bench:
    """A database with a thread and a run on it, and a runner to process it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.ticks = 0.0
        self.database = Database("sqlite://")
        self.context = Context(database=self.database, clock=lambda: self.now)
        self.database.after_commit = self.after_commit
        self.execution = Execution(self.context)
        with self.database.begin() as connection:
            add(connection, threads, Thread(id="thread_1", created_at=1000))
        self.say("Hi")

    def after_commit(self, events: Sequence[object]) -> None:
        """Passes on what streams are to be sent."""
        self.context.events.publish(event for event in events if isinstance(event, RunEvent))

    def say(self, text: str) -> None:
        """Adds a message of the user's."""
        content = [{"type": "text", "text": {"value": text, "annotations": []}}]
        document = {"id": f"msg_{text}", "created_at": 1000, "role": "user", "content": content}
        with self.database.begin() as connection:
            made = decode(Message, {**document, "thread_id": "thread_1"})
            add(connection, messages, made, thread_id="thread_1", run_id=None, status="completed")

    def queue(self, run_id: str = "run_1", **fields: Any) -> None:
        """Adds a queued run."""
        document = {"id": run_id, "created_at": 1000, "status": "queued", "expires_at": 1600}
        made = decode(Run, {**document, "thread_id": "thread_1", "model": "m", **fields})
        with self.database.begin() as connection:
            add(
                connection,
                runs,
                made,
                thread_id="thread_1",
                status="queued",
                active_thread_id="thread_1",
            )

    def runner(
        self, model: LanguageModel, *, interpreter: CodeInterpreter | None = None, **options: Any
    ) -> Runner:
        """A runner with this model."""
        return Runner(
            self.execution,
            model,
            interpreter or Echo(),
            ToolUse(self.context),
            monotonic=self._tick,
            **options,
        )

    def _tick(self) -> float:
        """A clock that moves a second whenever it is looked at."""
        self.ticks += 1
        return self.ticks

    def process(self, *script: Script, **fields: Any) -> Scripted:
        """Queues a run, processes it with this script, and returns the model."""
        model = Scripted(script)
        self.queue(**fields)
        self.runner(model).process("run_1")
        return model

    @property
    def run(self) -> Run:
        """The run as it is stored."""
        with self.database.read() as connection:
            held = load_run(connection, "run_1")
        assert held is not None
        return held.run

    @property
    def steps(self) -> list[RunStep]:
        """The steps as they are stored, oldest first."""
        return self.stored(run_steps, RunStep)

    @property
    def written(self) -> list[Message]:
        """The messages of the assistant's."""
        found = self.stored(messages, Message)
        return [message for message in found if message.role == "assistant"]

    def stored(self, table: Any, cls: Any) -> list[Any]:
        """All objects of a table, oldest first."""
        with self.database.read() as connection:
            rows = connection.execute(table.select().order_by(table.c.seq))
            return [decode(cls, row.body) for row in rows]

    def cancel(self, _: Conversation | None = None) -> None:
        """What the service does when a run is cancelled."""
        with self.database.begin() as connection:
            held = load_run(connection, "run_1")
            assert held is not None
            change_run(connection, held.run, "cancelling", cancelling_since=self.now)

    def submit(self, **outputs: str) -> None:
        """What the service does when outputs are submitted, by the functions' names."""
        step = self.steps[-1]
        for made in step.tool_calls:
            if isinstance(made, FunctionToolCall) and made.function.output is None:
                made.function.output = outputs[made.function.name]
        with self.database.begin() as connection:
            held = load_run(connection, "run_1")
            assert held is not None
            end_step(connection, step, "completed", 1000)
            change_run(connection, held.run, "queued")


def failure(bench: Bench) -> tuple[str, str]:
    """The code and the words of a failed run, after checking that nothing of it is left open."""
    run = bench.run
    assert run.status == "failed"
    assert run.last_error is not None
    assert {step.status for step in bench.steps} <= {"completed", "failed"}
    assert "in_progress" not in {message.status for message in bench.written}
    return run.last_error.code, run.last_error.message
