"""Runs: the requests that create and update them and submit outputs, and the objects received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from attrs import define, field, frozen

from assistants_client.models._base import (
    CLIENT_ONLY,
    EMPTY_AS_NULL,
    OMIT_IF_NONE,
    UNSET,
    JsonObject,
    Request,
    Struct,
    UnsetType,
)
from assistants_client.models._limits import between, characters, items, metadata_pairs
from assistants_client.models.messages import IncompleteDetails, MessageInput, OnActiveRun
from assistants_client.models.threads import ThreadRequest
from assistants_client.models.tools import (
    ReasoningEffort,
    ResponseFormatOption,
    Tool,
    ToolChoice,
    ToolOrFunction,
    ToolResources,
    TruncationStrategy,
)

#: The most tools that a run may have; an assistant may have more.
MAX_RUN_TOOLS: Final = 20
#: A run with one of these holds its thread's lock.
ACTIVE_STATUSES: Final = frozenset({"queued", "in_progress", "requires_action", "cancelling"})
#: A run with one of these never changes again.
FINAL_STATUSES: Final = frozenset({"completed", "incomplete", "failed", "cancelled", "expired"})

#: By status: a hint in the text of a printed run that has no answer yet. A run in progress has
#: none, for it may be printed at every poll.
_WHAT_NEXT: Final = {
    "queued": " (not finished: client.wait_for_run(run) waits for its messages)",
    "requires_action": " (it waits for the outputs of its run.tool_calls: "
    "client.wait_for_run(run, tools=[...]) or client.runs.submit_tool_outputs gives them)",
}


@frozen(kw_only=True)
class _RunOptions(Request):
    """The options of a run, on a thread of its own or on an existing one.

    Attributes:
        assistant_id: The assistant.
        model: Instead of the assistant's, for this run, like the four that follow.
        instructions: Up to 256,000 characters.
        tools: Up to 20; a function is sent as its schema.
        temperature: 0 to 2; higher is more random.
        top_p: 0 to 1: the share of the likeliest tokens that are considered.
        metadata: Up to 16 pairs; keys of up to 64 characters, values of up to 512.
        max_prompt_tokens: Tokens that may be read over the whole run, at least 1; with more, the
            run ends ``incomplete``. A server may require 256, as published; OpenAI accepted 16.
        max_completion_tokens: Tokens that may be written, likewise at least 1.
        truncation_strategy: The part of the thread that is sent to the model.
        tool_choice: ``"none"``, ``"auto"``, ``"required"``, or the one tool to use.
        parallel_tool_calls: False restricts the model to one call at a time.
        response_format: ``"auto"``, or the format of the answer.
    """

    assistant_id: str
    model: str | UnsetType | None = UNSET
    instructions: str | UnsetType | None = field(default=UNSET, metadata=characters(256_000))
    tools: Sequence[ToolOrFunction] | UnsetType | None = field(
        default=UNSET, metadata=items(MAX_RUN_TOOLS)
    )
    metadata: Mapping[str, str] | UnsetType | None = field(default=UNSET, metadata=metadata_pairs())
    temperature: float | UnsetType | None = field(default=UNSET, metadata=between(0, 2))
    top_p: float | UnsetType | None = field(default=UNSET, metadata=between(0, 1))
    max_prompt_tokens: int | UnsetType | None = field(default=UNSET, metadata=between(1))
    max_completion_tokens: int | UnsetType | None = field(default=UNSET, metadata=between(1))
    truncation_strategy: TruncationStrategy | JsonObject | UnsetType | None = UNSET
    tool_choice: ToolChoice | JsonObject | UnsetType | None = UNSET
    parallel_tool_calls: bool | UnsetType = UNSET
    response_format: ResponseFormatOption | JsonObject | UnsetType | None = UNSET


@frozen(kw_only=True)
class RunRequest(_RunOptions):
    """The body of ``runs.create``.

    Attributes:
        reasoning_effort: The effort of models that reason.
        additional_instructions: Appended to the instructions; up to 256,000 characters.
        additional_messages: Added to the thread before the run begins, oldest first.
        include: Additional fields of run steps; sent in the query.
        on_active_run: The reaction to a run that holds the thread's lock: ``"raise"`` the server's
            refusal, ``"wait"`` for the run's end, or ``"cancel"`` the run and wait for its end. Not
            sent.
        timeout: Seconds for the whole call, the wait for that run included; by default there are
            660 for that wait. Of a stream they are for all of it. Not sent.
    """

    reasoning_effort: ReasoningEffort | UnsetType | None = UNSET
    additional_instructions: str | UnsetType | None = field(
        default=UNSET, metadata=characters(256_000)
    )
    additional_messages: Sequence[MessageInput] | UnsetType | None = UNSET
    include: Sequence[str] = field(default=(), metadata=CLIENT_ONLY)
    on_active_run: OnActiveRun = field(default="raise", metadata=CLIENT_ONLY)
    timeout: float | None = field(default=None, metadata=CLIENT_ONLY)


@frozen(kw_only=True)
class ThreadRunRequest(_RunOptions):
    """The body of ``runs.create_thread_and_run``: a run, and the thread it starts on.

    Attributes:
        thread: The thread to create; without it, an empty one.
        tool_resources: The files and vector stores available to the tools, instead of the
            assistant's.
    """

    thread: ThreadRequest | JsonObject | UnsetType = UNSET
    tool_resources: ToolResources | JsonObject | UnsetType | None = UNSET


@frozen(kw_only=True)
class RunUpdate(Request):
    """The body of ``runs.update``.

    Attributes:
        metadata: Up to 16 pairs; keys of up to 64 characters, values of up to 512.
    """

    metadata: Mapping[str, str] | UnsetType | None = field(default=UNSET, metadata=metadata_pairs())


@frozen(kw_only=True)
class ToolOutput:
    """The output of one tool call of a run that requires action.

    Attributes:
        tool_call_id: The ``id`` of the call.
        output: The text that the model reads.
    """

    tool_call_id: str
    output: str | UnsetType = UNSET


@frozen
class SubmitToolOutputsRequest(Request):
    """The body of ``runs.submit_tool_outputs``.

    Attributes:
        tool_outputs: The outputs of all pending calls, at once.
    """

    tool_outputs: Sequence[ToolOutput | JsonObject]


@frozen(kw_only=True)
class ToolApproval:
    """The approval or refusal of a tool call that requires one.

    Attributes:
        tool_call_id: The ``id`` of the call.
        approve: True approves the call.
        headers: Sent to the tool's server with the call.
    """

    tool_call_id: str
    approve: bool
    headers: Mapping[str, str] | UnsetType = UNSET


@frozen
class SubmitToolApprovalsRequest(Request):
    """The body of ``runs.submit_tool_approvals``.

    Attributes:
        tool_approvals: The approvals of all pending calls, at once.
    """

    tool_approvals: Sequence[ToolApproval | JsonObject]


@define(kw_only=True)
class FunctionCall(Struct):
    """The function that the model calls; ``arguments`` is JSON text."""

    name: str = ""
    arguments: str = ""


@define(kw_only=True)
class RequiredToolCall(Struct):
    """A call whose output the run waits for."""

    id: str
    type: str = "function"
    function: FunctionCall = field(factory=FunctionCall)


@define(kw_only=True)
class SubmitToolOutputsAction(Struct):
    """The calls whose outputs are required: ``tool_calls``."""

    tool_calls: list[RequiredToolCall] = field(factory=list)


@define(kw_only=True)
class RequiredAction(Struct):
    """The action a run waits for; the data of types unknown to this version is in ``extra``."""

    type: str = "submit_tool_outputs"
    submit_tool_outputs: SubmitToolOutputsAction | None = None


@define(kw_only=True)
class LastError(Struct):
    """The error of a failed run, step or file: a ``code``, and a ``message`` for people."""

    #: Some servers send the message alone.
    FROM_TEXT: ClassVar[str] = "message"

    code: str = ""
    message: str = ""


@define(kw_only=True)
class PromptTokenDetails(Struct):
    """The part of the tokens read that came from the server's cache, ``cached_tokens``."""

    cached_tokens: int = 0


@define(kw_only=True)
class CompletionTokensDetails(Struct):
    """The part of the tokens written that was reasoning, ``reasoning_tokens``."""

    reasoning_tokens: int = 0


@define(kw_only=True)
class Usage(Struct):
    """Tokens used: ``prompt_tokens`` read, ``completion_tokens`` written, ``total_tokens``.

    The details are ``None`` where the server, or the language model behind it, does not send them.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    # One is singular and the other plural: these are the names of the API.
    prompt_token_details: PromptTokenDetails | None = field(default=None, metadata=OMIT_IF_NONE)
    completion_tokens_details: CompletionTokensDetails | None = field(
        default=None, metadata=OMIT_IF_NONE
    )


@define(kw_only=True)
class Run(Struct):
    """An execution of an assistant on a thread. Times are Unix seconds.

    ``instructions``, ``temperature``, ``top_p``, ``max_prompt_tokens``, ``max_completion_tokens``
    and ``parallel_tool_calls`` are those of its request, or of its assistant.
    """

    id: str
    object: str = "thread.run"
    created_at: int = 0
    thread_id: str = ""
    assistant_id: str = ""
    status: str = ""
    """One of ``ACTIVE_STATUSES`` or ``FINAL_STATUSES``, or a server's own."""
    required_action: RequiredAction | None = field(default=None, metadata=EMPTY_AS_NULL)
    last_error: LastError | None = field(default=None, metadata=EMPTY_AS_NULL)
    expires_at: int | None = None
    """The time at which an unfinished run ends as ``expired``; ``None`` in final runs."""
    started_at: int | None = None
    cancelled_at: int | None = None
    failed_at: int | None = None
    completed_at: int | None = None
    incomplete_details: IncompleteDetails | None = field(default=None, metadata=EMPTY_AS_NULL)
    model: str = ""
    instructions: str | None = None
    tools: list[Tool] = field(factory=list)
    tool_resources: ToolResources | None = field(default=None, metadata=OMIT_IF_NONE)
    metadata: dict[str, str] = field(factory=dict)
    usage: Usage | None = None
    """``None`` until the run is final, on some servers even then."""
    temperature: float | None = None
    top_p: float | None = None
    max_prompt_tokens: int | None = None
    max_completion_tokens: int | None = None
    truncation_strategy: TruncationStrategy | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormatOption | None = None
    reasoning_effort: ReasoningEffort | None = None

    def __str__(self) -> str:
        return repr(self) + _WHAT_NEXT.get(self.status, "")

    @property
    def is_final(self) -> bool:
        """True if the status is terminal."""
        return self.status in FINAL_STATUSES

    @property
    def is_active(self) -> bool:
        """True if the run locks its thread. An unknown status is neither active nor final."""
        return self.status in ACTIVE_STATUSES

    @property
    def tool_calls(self) -> list[RequiredToolCall]:
        """The calls whose outputs are required; empty unless the run requires action."""
        if self.required_action is None or self.required_action.submit_tool_outputs is None:
            return []
        return self.required_action.submit_tool_outputs.tool_calls


def is_settled(run: Run) -> bool:
    """Returns whether polling can end: the run is final, or requires action of its caller."""
    return run.is_final or run.status == "requires_action"
