"""Options of streams and of tool calls, which belong to the client and are not sent."""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping, Sequence
from typing import Literal, TypeAlias

from attrs import field, frozen

from assistants_client.models._base import CLIENT_ONLY
from assistants_client.models.run_requests import (
    RunRequest,
    SubmitToolOutputsRequest,
    ThreadRunRequest,
)
from assistants_client.models.runs import RequiredToolCall
from assistants_client.models.tools import ToolOrFunction

#: The store of the outputs of finished calls: the path of an SQLite file, which is created if
#: it does not exist, or any mapping of strings.
Journal: TypeAlias = str | os.PathLike[str] | MutableMapping[str, str]
#: The handling of a failed call: the error is its output, or is raised.
OnToolError: TypeAlias = Literal["report", "raise"]
#: Returns whether a call may be made; a string refuses it and is its output.
Approve: TypeAlias = Callable[[RequiredToolCall], bool | str]


@frozen(kw_only=True, slots=False)
class ToolHandling:
    """The options of calls of the caller's own functions.

    Attributes:
        on_tool_error: ``report`` sends the error to the model as output; ``raise`` raises
            ``ToolError``.
        approve: Called before each call; ``False`` or a string refuses it, which the model reads.
        parallel_tools: The maximum number of calls of one action that run at once, in threads.
        max_tool_rounds: The maximum number of actions in a row for which functions are called.
        journal: Stores outputs, so that after a crash no finished call is made again.
    """

    on_tool_error: OnToolError = field(default="report", metadata=CLIENT_ONLY)
    approve: Approve | None = field(default=None, metadata=CLIENT_ONLY)
    parallel_tools: int = field(default=1, metadata=CLIENT_ONLY)
    max_tool_rounds: int = field(default=10, metadata=CLIENT_ONLY)
    journal: Journal | None = field(default=None, metadata=CLIENT_ONLY)


@frozen(kw_only=True, slots=False)
class StreamOptions(ToolHandling):
    """The options of a stream.

    Attributes:
        resume: True continues a broken stream by polling.
        timeout: Seconds for the whole stream: its opening, with the wait for a locked thread, all
            events, calls of tools, and polls after it broke. By default 660 from where it has
            opened; ``float("inf")`` sets no bound.
        stalled_after: Seconds without an event after which the stream ends; comments of a server or
            gateway are no events.
    """

    resume: bool = field(default=True, metadata=CLIENT_ONLY)
    timeout: float | None = field(default=None, metadata=CLIENT_ONLY)
    stalled_after: float | None = field(default=None, metadata=CLIENT_ONLY)


@frozen(kw_only=True, slots=False, getstate_setstate=True)
class RunStreamRequest(RunRequest, StreamOptions):
    """The arguments of ``runs.stream``: a run, and the options of its stream.

    Attributes:
        replace_tools: True gives the run these ``tools`` alone, instead of adding them to the
            assistant's.
    """

    replace_tools: bool = field(default=False, metadata=CLIENT_ONLY)


@frozen(kw_only=True, slots=False, getstate_setstate=True)
class ThreadRunStreamRequest(ThreadRunRequest, StreamOptions):
    """The arguments of ``runs.stream_thread_and_run``: a run, its thread, its stream's options.

    Attributes:
        replace_tools: As of :class:`RunStreamRequest`.
    """

    replace_tools: bool = field(default=False, metadata=CLIENT_ONLY)


@frozen(slots=False, getstate_setstate=True)
class SubmitToolOutputsStreamRequest(SubmitToolOutputsRequest, StreamOptions):
    """The arguments of ``runs.submit_tool_outputs_stream``: outputs, and the stream's options.

    Attributes:
        tools: The functions for later calls.
    """

    tools: Sequence[ToolOrFunction] = field(default=(), kw_only=True, metadata=CLIENT_ONLY)
