"""How runs are followed and their calls answered: options of the client's, which are not sent."""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping, Sequence
from typing import Literal, TypeAlias

from attrs import field, frozen

from assistants_client.models._base import NOT_SENT
from assistants_client.models.runs import (
    RequiredToolCall,
    RunRequest,
    SubmitToolOutputsRequest,
    ThreadRunRequest,
)
from assistants_client.models.tools import ToolOrFunction

#: Where the outputs of finished calls are remembered: the path of an SQLite file, which is made
#: where there is none, or any mapping of texts.
Journal: TypeAlias = str | os.PathLike[str] | MutableMapping[str, str]
#: What becomes of a call that cannot be answered: the model is told, or the caller.
OnToolError: TypeAlias = Literal["report", "raise"]
#: Whether a call may be made; a text refuses it and is told to the model.
Approve: TypeAlias = Callable[[RequiredToolCall], bool | str]


@frozen(kw_only=True, slots=False)
class ToolHandling:
    """How calls of the caller's own functions are answered.

    Attributes:
        on_tool_error: ``report`` lets the model read the error and go on; ``raise`` raises
            ``ToolError``.
        approve: Asked before each call; ``False`` or a text refuses it, and the model reads that.
        parallel_tools: How many calls of one action run at once, in threads.
        max_tool_rounds: Actions in a row that are answered.
        journal: Remembers outputs, so that after a crash no finished call is made again.
    """

    on_tool_error: OnToolError = field(default="report", metadata=NOT_SENT)
    approve: Approve | None = field(default=None, metadata=NOT_SENT)
    parallel_tools: int = field(default=1, metadata=NOT_SENT)
    max_tool_rounds: int = field(default=10, metadata=NOT_SENT)
    journal: Journal | None = field(default=None, metadata=NOT_SENT)


@frozen(kw_only=True, slots=False)
class StreamOptions(ToolHandling):
    """How a stream behaves.

    Attributes:
        resume: Whether a stream that breaks off goes on by polling.
    """

    resume: bool = field(default=True, metadata=NOT_SENT)


@frozen(kw_only=True, slots=False, getstate_setstate=True)
class RunStreamRequest(RunRequest, StreamOptions):
    """What ``runs.stream`` takes: a run, and how its stream behaves."""


@frozen(kw_only=True, slots=False, getstate_setstate=True)
class ThreadRunStreamRequest(ThreadRunRequest, StreamOptions):
    """What ``runs.stream_thread_and_run`` takes: a run with its thread, and how it streams."""


@frozen(slots=False, getstate_setstate=True)
class SubmitToolOutputsStreamRequest(SubmitToolOutputsRequest, StreamOptions):
    """What ``runs.submit_tool_outputs_stream`` takes: the outputs, and how the stream behaves.

    Attributes:
        tools: The functions that answer later calls.
    """

    tools: Sequence[ToolOrFunction] = field(default=(), kw_only=True, metadata=NOT_SENT)
