"""Runs, as they are received; their requests are in ``run_requests.py``."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from assistants_client.models._base import EMPTY_AS_NULL, OMIT_IF_NONE, Struct
from assistants_client.models.endings import IncompleteDetails, LastError
from assistants_client.models.tools import (
    ReasoningEffort,
    ResponseFormatOption,
    Tool,
    ToolChoice,
    ToolResources,
    TruncationStrategy,
)

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
