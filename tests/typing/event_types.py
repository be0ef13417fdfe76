"""Read by type checkers, never run: what they make of events and of a stream."""

from __future__ import annotations

from collections.abc import Iterator

from typing_extensions import assert_never, assert_type

from assistants_client import Client
from assistants_client.models.events import (
    Done,
    FunctionCallDelta,
    MessageCompleted,
    MessageCreated,
    MessageDelta,
    MessageIncomplete,
    MessageInProgress,
    RunCancelled,
    RunCancelling,
    RunCompleted,
    RunCreated,
    RunExpired,
    RunFailed,
    RunIncomplete,
    RunInProgress,
    RunQueued,
    RunRequiresAction,
    RunStepCancelled,
    RunStepCompleted,
    RunStepCreated,
    RunStepDelta,
    RunStepExpired,
    RunStepFailed,
    RunStepInProgress,
    TextPartDelta,
    ThreadCreated,
    UnknownEvent,
)
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run
from assistants_client.models.threads import Thread
from assistants_client.streaming import RunStream


def follow(client: Client) -> None:
    """Keyword and positional patterns, and ``tools`` answered by hand."""
    with client.runs.stream("thread_1", assistant_id="asst_1") as stream:
        assert_type(stream, RunStream)
        for event in stream:
            match event:
                case MessageDelta(text=text):
                    assert_type(text, str)
                case RunRequiresAction(run=run):
                    assert_type(run, Run)
                    stream.submit_tool_outputs(
                        [{"tool_call_id": call.id, "output": "1"} for call in run.tool_calls]
                    )
                case RunFailed(run):
                    assert_type(run, Run)
                case MessageCompleted(message):
                    assert_type(message, Message)
                case RunStepDelta(tool_calls=[FunctionCallDelta(function=piece), *_]):
                    assert_type(piece.arguments, str)
                case UnknownEvent(name=name):
                    assert_type(name, str)
                case _:
                    pass
    assert_type(stream.run, "Run | None")
    assert_type(stream.messages, list[Message])
    assert_type(stream.run_steps, list[RunStep])


def every_case(stream: RunStream) -> Iterator[str]:
    """A match without a default names all classes."""
    for event in stream:
        match event:
            case ThreadCreated(thread):
                assert_type(thread, Thread)
            case (
                RunCreated(run)
                | RunQueued(run)
                | RunInProgress(run)
                | RunRequiresAction(run)
                | RunCompleted(run)
                | RunIncomplete(run)
                | RunFailed(run)
                | RunCancelling(run)
                | RunCancelled(run)
                | RunExpired(run)
            ):
                yield run.status
            case (
                RunStepCreated(step)
                | RunStepInProgress(step)
                | RunStepCompleted(step)
                | RunStepFailed(step)
                | RunStepCancelled(step)
                | RunStepExpired(step)
            ):
                yield step.status
            case (
                MessageCreated(message)
                | MessageInProgress(message)
                | MessageCompleted(message)
                | MessageIncomplete(message)
            ):
                yield message.text
            case MessageDelta():
                for part in event.delta.content:
                    if isinstance(part, TextPartDelta):
                        yield part.text.value
            case RunStepDelta() | Done() | UnknownEvent():
                pass
            case _:
                assert_never(event)


def pieces(stream: RunStream) -> str:
    """The text alone."""
    return "".join(stream.text())
