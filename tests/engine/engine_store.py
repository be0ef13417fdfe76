"""All services on one database, and a clock that is moved by hand."""

from __future__ import annotations

from attrs import define, field

from assistants_client.engine.http.app import App
from assistants_client.engine.services._base import Context
from assistants_client.engine.services.assistants import Assistants
from assistants_client.engine.services.messages import Messages
from assistants_client.engine.services.run_steps import RunSteps
from assistants_client.engine.services.runs import Runs
from assistants_client.engine.services.threads import Threads
from assistants_client.engine.services.worker_side.execution import Execution, Work
from assistants_client.models.assistants import AssistantRequest
from assistants_client.models.messages import MessageRequest, Text, TextPart
from assistants_client.models.runs import (
    CompletionTokensDetails,
    PromptTokenDetails,
    Run,
    RunRequest,
    Usage,
)
from assistants_client.models.threads import ThreadRequest
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
class Store:
    """All services on one database, nobody carrying its runs but the test."""

    context: Context
    clock: Clock
    assistants: Assistants = field(init=False)
    threads: Threads = field(init=False)
    messages: Messages = field(init=False)
    runs: Runs = field(init=False)
    run_steps: RunSteps = field(init=False)
    woken: list[str] = field(factory=list)
    stopped: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.context.database.on_commit = self.context.committed
        self.context.wake = self.woken.append
        self.context.stop = self.stopped.append
        self.assistants = Assistants(self.context)
        self.threads = Threads(self.context)
        self.messages = Messages(self.context)
        self.runs = Runs(self.context)
        self.run_steps = RunSteps(self.context)

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
        return self.threads.create(ThreadRequest(messages=[MessageRequest("Hello")])).id

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
