"""Run steps: the messages a run wrote and the tools it called."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from attrs import define, field

from assistants_client.models._base import EMPTY_AS_NULL, OMIT_IF_NONE, Struct, Unknown
from assistants_client.models.endings import LastError
from assistants_client.models.runs import Usage
from assistants_client.models.tools import RankingOptions


@define(kw_only=True)
class LogsOutput(Struct):
    """The output that the code printed: ``logs``."""

    logs: str = ""
    type: Literal["logs"] = "logs"


@define(kw_only=True)
class OutputImage(Struct):
    """An image, by the id of its file."""

    file_id: str = ""


@define(kw_only=True)
class ImageOutput(Struct):
    """An image that the code created."""

    image: OutputImage = field(factory=OutputImage)
    type: Literal["image"] = "image"


@define(kw_only=True)
class UnknownOutput(Unknown):
    """An output of another service, kept as it was received."""


CodeOutput: TypeAlias = LogsOutput | ImageOutput | UnknownOutput


@define(kw_only=True)
class CodeInterpreterRecord(Struct):
    """The Python code that ran, ``input``, and its ``outputs``."""

    input: str = ""
    outputs: list[CodeOutput] = field(factory=list)


@define(kw_only=True)
class CodeInterpreterCall(Struct):
    """A call of the code interpreter."""

    id: str = ""
    type: Literal["code_interpreter"] = "code_interpreter"
    code_interpreter: CodeInterpreterRecord = field(factory=CodeInterpreterRecord)


@define(kw_only=True)
class SearchResultContent(Struct):
    """A passage that was found: ``text``."""

    type: str = "text"
    text: str = ""


@define(kw_only=True)
class SearchResult(Struct):
    """A file that was found, ``file_name``; the best has the highest ``score``, 0 to 1."""

    file_id: str = ""
    file_name: str = ""
    score: float = 0.0
    attributes: dict[str, Any] = field(factory=dict)
    """Those of the file in its store."""
    content: list[SearchResultContent] = field(factory=list)
    """The passages; only if requested by ``include``."""


@define(kw_only=True)
class FileSearchRecord(Struct):
    """The ranking of a search, and its ``results``, best first."""

    ranking_options: RankingOptions | None = None
    results: list[SearchResult] = field(factory=list)


@define(kw_only=True)
class FileSearchCall(Struct):
    """A call of file search."""

    id: str = ""
    type: Literal["file_search"] = "file_search"
    file_search: FileSearchRecord = field(factory=FileSearchRecord)


@define(kw_only=True)
class FunctionRecord(Struct):
    """The function that was called."""

    name: str = ""
    arguments: str = ""
    """JSON text."""
    output: str | None = None
    """The output from the caller; ``None`` until it was submitted."""


@define(kw_only=True)
class FunctionToolCall(Struct):
    """A call of a function of the caller's."""

    id: str = ""
    type: Literal["function"] = "function"
    function: FunctionRecord = field(factory=FunctionRecord)


@define(kw_only=True)
class UnknownToolCall(Unknown):
    """A tool call of another service, kept as it was received."""


StepToolCall: TypeAlias = CodeInterpreterCall | FileSearchCall | FunctionToolCall | UnknownToolCall


@define(kw_only=True)
class CreatedMessage(Struct):
    """The message that a step wrote: ``message_id``."""

    message_id: str = ""


@define(kw_only=True)
class MessageCreationDetails(Struct):
    """The details of a step that wrote a message."""

    type: Literal["message_creation"] = "message_creation"
    message_creation: CreatedMessage = field(factory=CreatedMessage)


@define(kw_only=True)
class ToolCallsDetails(Struct):
    """The details of a step that called tools: ``tool_calls``."""

    type: Literal["tool_calls"] = "tool_calls"
    tool_calls: list[StepToolCall] = field(factory=list)


@define(kw_only=True)
class UnknownStepDetails(Unknown):
    """The details of another service's step, kept as they were received."""


StepDetails: TypeAlias = MessageCreationDetails | ToolCallsDetails | UnknownStepDetails


@define(kw_only=True)
class RunStep(Struct):
    """One step of a run. Times are Unix seconds."""

    id: str
    object: str = "thread.run.step"
    created_at: int = 0
    assistant_id: str = ""
    thread_id: str = ""
    run_id: str = ""
    type: str = ""
    """``message_creation`` or ``tool_calls``."""
    status: str = ""
    """``in_progress``, ``completed``, ``failed``, ``cancelled`` or ``expired``."""
    step_details: StepDetails | None = None
    last_error: LastError | None = field(default=None, metadata=EMPTY_AS_NULL)
    expires_at: int | None = field(default=None, eq=False)
    """The end of its run's time; ``None`` once it is over, but in streams. Some servers omit it.

    It does not count in comparisons: the same step is sent with it and without.
    """
    expired_at: int | None = None
    cancelled_at: int | None = None
    failed_at: int | None = None
    completed_at: int | None = None
    metadata: dict[str, str] = field(factory=dict)
    usage: Usage | None = None
    """``None`` until the step is over, on some servers even then."""
    reasoning: str | None = field(default=None, metadata=OMIT_IF_NONE)
    """The reasoning that the model wrote within its text; the embedded engine's own field."""

    @property
    def tool_calls(self) -> list[StepToolCall]:
        """The tools that the step called; empty for a step that wrote a message."""
        return (
            self.step_details.tool_calls if isinstance(self.step_details, ToolCallsDetails) else []
        )
