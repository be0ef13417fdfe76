"""The requests that create and update runs and that submit outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import field, frozen

from assistants_client.models._base import CLIENT_ONLY, UNSET, JsonObject, Request, UnsetType
from assistants_client.models._limits import between, characters, items, metadata_pairs
from assistants_client.models.messages import MessageInput, OnActiveRun
from assistants_client.models.threads import ThreadRequest
from assistants_client.models.tools import (
    ReasoningEffort,
    ResponseFormatOption,
    ToolChoice,
    ToolOrFunction,
    ToolResources,
    TruncationStrategy,
)

#: The most tools that a run may have; an assistant may have more.
MAX_RUN_TOOLS: Final = 20


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
