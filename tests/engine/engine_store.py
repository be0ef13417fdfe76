"""All services on one database, and a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, evolve, field

from assistants_client.engine.events.broker import RunEvent
from assistants_client.engine.http.app import App
from assistants_client.engine.services._base import (
    Context,
    RunQueued,
    RunStopped,
    StoreFileQueued,
)
from assistants_client.engine.services._write import Write
from assistants_client.engine.services.assistants import Assistants
from assistants_client.engine.services.messages import Messages
from assistants_client.engine.services.run_steps import RunSteps
from assistants_client.engine.services.runs import Runs
from assistants_client.engine.services.threads import Threads
from assistants_client.engine.services.worker_side.claims import Work
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage.stored_json import StoredJson
from assistants_client.models.assistants import AssistantRequest
from assistants_client.models.messages import MessageRequest, Text, TextPart
from assistants_client.models.run_requests import RunRequest
from assistants_client.models.runs import CompletionTokensDetails, PromptTokenDetails, Run, Usage
from assistants_client.models.threads import Thread, ThreadRequest
from assistants_client.models.tools import FunctionDefinition, FunctionTool


@define
class Clock:
    """Tells the time that it is set to."""

    time: float = 1_700_000_000.0

    def __call__(self) -> float:
        """The time, in Unix seconds."""
        return self.time

    def move(self, seconds: float) -> None:
        """Lets so many seconds pass."""
        self.time += seconds


def content_of(text: str) -> list[TextPart]:
    """A message's content that is one text."""
    return [TextPart(text=Text(value=text))]


@define
class Committing:
    """A service whose writes are committed at once, as a request would; what is JSON is decoded."""

    service: Any
    context: Context

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.service, name)

        def call(*args: Any, **fields: Any) -> Any:
            done = method(*args, **fields)
            if isinstance(done, Write):
                done = done.commit(self.context)
            return done.decoded() if isinstance(done, StoredJson) else done

        return call


def committing(service: Callable[[Context], Any], context: Context) -> Any:
    """A service in a context, whose writes are committed at once."""
    return Committing(service(context), context)


@define
class Store:
    """All services on one database, nobody carrying its runs but the test."""

    context: Context
    clock: Clock
    assistants: Any = field(init=False)
    threads: Any = field(init=False)
    messages: Any = field(init=False)
    runs: Any = field(init=False)
    run_steps: Any = field(init=False)
    woken: list[str] = field(factory=list)
    stopped: list[str] = field(factory=list)
    #: The numbers of files of stores that wait for a reader.
    to_read: list[int] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.context.database.after_commit = self.after_commit
        self.assistants = committing(Assistants, self.context)
        self.threads = committing(Threads, self.context)
        self.messages = committing(Messages, self.context)
        self.runs = committing(Runs, self.context)
        self.run_steps = committing(RunSteps, self.context)

    def after_commit(self, events: Sequence[object]) -> None:
        """Does as an engine does, but has nobody work on anything."""
        for event in events:
            if isinstance(event, RunEvent):
                self.context.events.publish([event])
            elif isinstance(event, RunQueued):
                self.woken.append(event.run_id)
            elif isinstance(event, RunStopped):
                self.stopped.append(event.run_id)
            elif isinstance(event, StoreFileQueued):
                self.to_read.append(event.store_file)

    def where(self, **changes: Any) -> Store:
        """The same with another context, such as other pauses."""
        return evolve(self, context=evolve(self.context, **changes))

    def app(self, token: str | None = None) -> App:
        """The HTTP face of these services."""
        return App(self.context, token=token)

    def watched(self, run: Run, seconds: float) -> Run:
        """A run after so many seconds in which it was looked at all the time, as lookouts do."""
        until = self.clock() + seconds
        while (left := until - self.clock()) > 0:
            self.context.watch(["elsewhere/1/x/y"])
            self.current(run)
            self.clock.move(min(2.0, left))
        return self.current(run)

    def new_thread(self) -> str:
        """The id of a fresh thread with one message."""
        made: Thread = self.threads.create(ThreadRequest(messages=[MessageRequest("Hello")]))
        return made.id

    def new_run(self, thread_id: str | None = None) -> Run:
        """A queued run with a function, on a thread of its own unless told."""
        function = FunctionTool(function=FunctionDefinition(name="get_weather"))
        assistant = self.assistants.create(AssistantRequest(model="m", tools=[function]))
        request = RunRequest(assistant_id=assistant.id)
        return self.runs.create(thread_id or self.new_thread(), request)

    def claimed(self) -> tuple[Execution, Work]:
        """A run in progress, and who carries it."""
        execution = Execution(self.context)
        work = execution.claim(self.new_run().id)
        assert work is not None
        return execution, work

    def current(self, run: Run) -> Run:
        """The run as it is now."""
        return self.runs.retrieve(run.thread_id, run.id)


def tokens(read: int = 0, written: int = 0) -> Usage:
    """The usage of what is over, where nobody tells of cached or reasoning tokens."""
    return Usage(
        prompt_tokens=read,
        completion_tokens=written,
        total_tokens=read + written,
        prompt_token_details=PromptTokenDetails(),
        completion_tokens_details=CompletionTokensDetails(),
    )
