"""An engine whose model runs some code, then answers."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
from store_bench import Bench

from assistants_client.engine import BubblewrapInterpreter, CodeInterpreter, Engine, Scripted, call
from assistants_client.models.messages import Attachment, Message, MessageRequest
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    CodeOutput,
    ImageOutput,
    LogsOutput,
)
from assistants_client.models.runs import Run
from assistants_client.models.tools import CodeInterpreterTool

CODE = [{"type": "code_interpreter"}]


def walled(**options: Any) -> BubblewrapInterpreter:
    """An interpreter under bubblewrap; the test is skipped where there cannot be any."""
    program = shutil.which("bwrap")
    if program is None:
        pytest.skip("bubblewrap is not installed")
    tried = [program, "--unshare-all", "--ro-bind", "/", "/", "true"]
    if subprocess.run(tried, check=False, capture_output=True).returncode != 0:
        pytest.skip("bubblewrap may not make namespaces here")
    return BubblewrapInterpreter(**options)


def code(source: str) -> Any:
    """A call of the code interpreter."""
    return call("code_interpreter", code=source)


class CodeBench(Bench):
    """An engine whose model runs some code, then answers."""

    def __init__(self, interpreter: CodeInterpreter | None) -> None:
        self.script: list[Any] = []
        self.model = Scripted([self._next] * 1000)
        engine = Engine("sqlite://", self.model, code_interpreter=interpreter)
        super().__init__(engine)

    def _next(self, _: object) -> Any:
        return self.script.pop(0)

    def run(self, thread: str, *answers: Any, **assistant: Any) -> Run:
        """A run on a thread, once it has completed."""
        self.script[:] = answers
        made = self.client.assistants.create(model="m", tools=CODE, **assistant)
        return self.client.wait_for_run(self.client.runs.create(thread, assistant_id=made.id))

    def outputs(self, run: Run) -> list[CodeOutput]:
        """What came of all code of a run."""
        steps = self.client.run_steps.list(run.thread_id, run.id, order="asc")
        return [
            output
            for step in steps
            for made in step.tool_calls
            if isinstance(made, CodeInterpreterCall)
            for output in made.code_interpreter.outputs
        ]

    def logs(self, run: Run) -> str:
        """What all code of a run printed."""
        return "".join(one.logs for one in self.outputs(run) if isinstance(one, LogsOutput))

    def told(self) -> str:
        """What the model was told of all code of the last run."""
        turns = self.model.conversations[-1].turns
        return "".join(turn.text for turn in turns if turn.role == "tool")

    def images(self, run: Run) -> list[str]:
        """The files of the images that all code of a run made."""
        return [one.image.file_id for one in self.outputs(run) if isinstance(one, ImageOutput)]

    def attached(self, content: str, name: str) -> MessageRequest:
        """A message with a file for the code interpreter."""
        file = Attachment(file_id=self.upload(content, name), tools=[CodeInterpreterTool()])
        return MessageRequest("See this.", attachments=[file])

    def answer(self, thread: str) -> Message:
        """The newest message of a thread."""
        return next(iter(self.client.messages.list(thread)))
