"""The events of a stream: one class per event, for ``match``; and the classes of its deltas.

Only names and fields belong here. Reading streams and merging deltas do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from attrs import define, field, frozen

from assistants_client.models._base import Struct, Unknown
from assistants_client.models.messages import (
    Annotation,
    FileReference,
    ImageFile,
    ImageUrl,
    Message,
)
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run
from assistants_client.models.threads import Thread

# --- deltas ---------------------------------------------------------------------------------------


@define(kw_only=True)
class TextPiece(Struct):
    """A piece of text, ``value``, and the ``annotations`` sent with it."""

    value: str = ""
    annotations: list[Annotation] = field(factory=list)


@define(kw_only=True)
class TextPartDelta(Struct):
    """A piece of the text part at ``index``."""

    index: int = 0
    type: Literal["text"] = "text"
    text: TextPiece = field(factory=TextPiece)


@define(kw_only=True)
class RefusalPartDelta(Struct):
    """A piece of the refusal at ``index``: ``refusal``."""

    index: int = 0
    type: Literal["refusal"] = "refusal"
    refusal: str = ""


@define(kw_only=True)
class ImageFilePartDelta(Struct):
    """The image at ``index``."""

    index: int = 0
    type: Literal["image_file"] = "image_file"
    image_file: ImageFile | None = None


@define(kw_only=True)
class ImageUrlPartDelta(Struct):
    """The image at ``index``."""

    index: int = 0
    type: Literal["image_url"] = "image_url"
    image_url: ImageUrl | None = None


@define(kw_only=True)
class UnknownPartDelta(Unknown):
    """A piece of another service's content part, kept as it was received."""


PartDelta: TypeAlias = (
    TextPartDelta | RefusalPartDelta | ImageFilePartDelta | ImageUrlPartDelta | UnknownPartDelta
)


@define(kw_only=True)
class MessageChange(Struct):
    """The additions of a delta to a message: its ``role``, pieces of its ``content``."""

    role: str | None = None
    content: list[PartDelta] = field(factory=list)


@define(kw_only=True)
class FunctionPiece(Struct):
    """A piece of a function call."""

    name: str | None = None
    arguments: str = ""
    """A piece of JSON text."""
    output: str | None = None
    """The output from the caller; ``None`` until it was submitted."""


@define(kw_only=True)
class FunctionCallDelta(Struct):
    """A piece of the function call at ``index``."""

    index: int = 0
    id: str | None = None
    type: Literal["function"] = "function"
    function: FunctionPiece = field(factory=FunctionPiece)


@define(kw_only=True)
class LogsDelta(Struct):
    """A piece of output ``index``, which the code printed: ``logs``."""

    index: int = 0
    type: Literal["logs"] = "logs"
    logs: str = ""


@define(kw_only=True)
class ImageDelta(Struct):
    """The output at ``index``, an image that the code created."""

    index: int = 0
    type: Literal["image"] = "image"
    image: FileReference | None = None


@define(kw_only=True)
class UnknownOutputDelta(Unknown):
    """A piece of another service's output, kept as it was received."""


@define(kw_only=True)
class CodeInterpreterPiece(Struct):
    """A piece of the code, ``input``, or of its ``outputs``."""

    input: str = ""
    outputs: list[LogsDelta | ImageDelta | UnknownOutputDelta] = field(factory=list)


@define(kw_only=True)
class CodeInterpreterCallDelta(Struct):
    """A piece of the code interpreter call at ``index``."""

    index: int = 0
    id: str | None = None
    type: Literal["code_interpreter"] = "code_interpreter"
    code_interpreter: CodeInterpreterPiece = field(factory=CodeInterpreterPiece)


@define(kw_only=True)
class FileSearchCallDelta(Struct):
    """A piece of the file search call at ``index``; results come with the completed step."""

    index: int = 0
    id: str | None = None
    type: Literal["file_search"] = "file_search"
    file_search: dict[str, Any] = field(factory=dict)
    """As the server sent it: the options, and no result yet."""


@define(kw_only=True)
class UnknownCallDelta(Unknown):
    """A piece of another service's tool call, kept as it was received."""


CallDelta: TypeAlias = (
    FunctionCallDelta | CodeInterpreterCallDelta | FileSearchCallDelta | UnknownCallDelta
)


@define(kw_only=True)
class ToolCallsChange(Struct):
    """Pieces of tool calls: ``tool_calls``."""

    type: Literal["tool_calls"] = "tool_calls"
    tool_calls: list[CallDelta] = field(factory=list)


@define(kw_only=True)
class MessageCreationChange(Struct):
    """The message that the step writes."""

    type: Literal["message_creation"] = "message_creation"
    message_creation: dict[str, Any] = field(factory=dict)
    """As the server sent it, with the ``message_id``."""


@define(kw_only=True)
class UnknownStepChange(Unknown):
    """A change of another service's step, kept as it was received."""


@define(kw_only=True)
class StepChange(Struct):
    """The additions of a delta to a step."""

    step_details: ToolCallsChange | MessageCreationChange | UnknownStepChange | None = None


# --- events ---------------------------------------------------------------------------------------


@frozen
class ThreadCreated:
    """The thread of ``stream_thread_and_run`` was created."""

    thread: Thread


@frozen
class _RunPayload:
    run: Run


class RunCreated(_RunPayload):
    """The run was created."""


class RunQueued(_RunPayload):
    """The run is queued."""


class RunInProgress(_RunPayload):
    """The run is in progress."""


class RunRequiresAction(_RunPayload):
    """The run waits for the outputs of its ``run.tool_calls``."""


class RunCompleted(_RunPayload):
    """The run has completed."""


class RunIncomplete(_RunPayload):
    """The run has ended early."""


class RunFailed(_RunPayload):
    """The run has failed; ``run.last_error`` has the reason."""


class RunCancelling(_RunPayload):
    """The run is being cancelled."""


class RunCancelled(_RunPayload):
    """The run was cancelled."""


class RunExpired(_RunPayload):
    """The run has expired."""


@frozen
class _StepPayload:
    step: RunStep


class RunStepCreated(_StepPayload):
    """A step was created."""


class RunStepInProgress(_StepPayload):
    """A step is in progress."""


class RunStepCompleted(_StepPayload):
    """A step has completed."""


class RunStepFailed(_StepPayload):
    """A step has failed."""


class RunStepCancelled(_StepPayload):
    """A step was cancelled."""


class RunStepExpired(_StepPayload):
    """A step has expired."""


@define(kw_only=True)
class RunStepDelta(Struct):
    """Pieces of a step. ``id`` is the step's."""

    id: str
    object: str = "thread.run.step.delta"
    delta: StepChange = field(factory=StepChange)

    @property
    def tool_calls(self) -> list[CallDelta]:
        """The pieces of tool calls; empty when the delta has none."""
        details = self.delta.step_details
        return details.tool_calls if isinstance(details, ToolCallsChange) else []


@frozen
class _MessagePayload:
    message: Message


class MessageCreated(_MessagePayload):
    """A message was created."""


class MessageInProgress(_MessagePayload):
    """A message is being written."""


class MessageCompleted(_MessagePayload):
    """A message is complete."""


class MessageIncomplete(_MessagePayload):
    """A message ended early; ``message.incomplete_details`` has the reason."""


@define(kw_only=True)
class MessageDelta(Struct):
    """Pieces of a message. ``id`` is the message's."""

    id: str
    object: str = "thread.message.delta"
    delta: MessageChange = field(factory=MessageChange)

    @property
    def text(self) -> str:
        """The pieces of text, joined; empty when the delta has none."""
        # A list costs half of what a generator does, and each event of a stream is asked.
        return "".join(
            [part.text.value for part in self.delta.content if isinstance(part, TextPartDelta)]
        )

    @property
    def refusal(self) -> str:
        """The pieces of a refusal, joined; empty when the delta has none."""
        return "".join(
            part.refusal for part in self.delta.content if isinstance(part, RefusalPartDelta)
        )


@frozen
class Done:
    """The end of the stream."""


@frozen
class UnknownEvent:
    """An event unknown to this version; ``data`` is JSON, or text where it is not."""

    name: str
    data: Any


RunEvent: TypeAlias = (
    RunCreated
    | RunQueued
    | RunInProgress
    | RunRequiresAction
    | RunCompleted
    | RunIncomplete
    | RunFailed
    | RunCancelling
    | RunCancelled
    | RunExpired
)
RunStepEvent: TypeAlias = (
    RunStepCreated
    | RunStepInProgress
    | RunStepCompleted
    | RunStepFailed
    | RunStepCancelled
    | RunStepExpired
)
MessageEvent: TypeAlias = MessageCreated | MessageInProgress | MessageCompleted | MessageIncomplete
Event: TypeAlias = (
    ThreadCreated
    | RunEvent
    | RunStepEvent
    | RunStepDelta
    | MessageEvent
    | MessageDelta
    | Done
    | UnknownEvent
)

#: The classes of run events, by the last word of the event's name.
RUN_EVENTS: Final[Mapping[str, type[RunEvent]]] = {
    "created": RunCreated,
    "queued": RunQueued,
    "in_progress": RunInProgress,
    "requires_action": RunRequiresAction,
    "completed": RunCompleted,
    "incomplete": RunIncomplete,
    "failed": RunFailed,
    "cancelling": RunCancelling,
    "cancelled": RunCancelled,
    "expired": RunExpired,
}
#: The classes of step events, likewise.
STEP_EVENTS: Final[Mapping[str, type[RunStepEvent]]] = {
    "created": RunStepCreated,
    "in_progress": RunStepInProgress,
    "completed": RunStepCompleted,
    "failed": RunStepFailed,
    "cancelled": RunStepCancelled,
    "expired": RunStepExpired,
}
#: The classes of message events, likewise.
MESSAGE_EVENTS: Final[Mapping[str, type[MessageEvent]]] = {
    "created": MessageCreated,
    "in_progress": MessageInProgress,
    "completed": MessageCompleted,
    "incomplete": MessageIncomplete,
}
