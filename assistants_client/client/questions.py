"""The steps of ``Client.ask``: a message, a run, and the assistant's answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from assistants_client._arguments import REPLACES_NOTHING, checked_id
from assistants_client.backoff import BackoffLike
from assistants_client.errors import ConfigurationError, WaitTimeoutError, requires_action_error
from assistants_client.models._base import UNSET
from assistants_client.models.messages import MessageRequest, OnActiveRun
from assistants_client.models.replies import Reply
from assistants_client.models.run_streams import ToolHandling
from assistants_client.waiting.deadlines import Deadline
from assistants_client.waiting.options import check_stalled_after, check_timeout
from assistants_client.waiting.polling import wait_for_run, with_function_tools

if TYPE_CHECKING:
    from assistants_client._calls.run_calls import RunCalls
    from assistants_client.function_tools.function_tool import ToolLike
    from assistants_client.models.tools import ToolInput
    from assistants_client.resources.messages import Messages
    from assistants_client.resources.runs import Runs
    from assistants_client.waiting.waiter import Waiter


def ask(
    thread_id: str,
    question: str,
    *,
    messages: Messages,
    runs: Runs,
    calls: RunCalls,
    waiter: Waiter,
    assistant_id: str,
    instructions: str | None,
    tools: Iterable[ToolLike] | None,
    replace_tools: bool,
    handling: ToolHandling,
    on_active_run: OnActiveRun,
    timeout: float,
    backoff: BackoffLike | None,
    stalled_after: float | None,
) -> Reply:
    """Adds the question to its thread, runs the assistant on it, and reads its answer."""
    # A mistake must not leave a question without its answer, nor a run that locks the thread.
    checked_id("assistant_id", assistant_id)
    timeout, stalled_after = check_timeout(timeout), check_stalled_after(stalled_after)
    deadline = Deadline("the question", timeout, waiter.clock)
    delays = waiter.delays(backoff)
    functions = [] if tools is None else with_function_tools(tools)
    if tools is None and replace_tools:
        raise ConfigurationError(REPLACES_NOTHING)
    of_run: Sequence[ToolInput] | None = functions if replace_tools else None
    if functions and not replace_tools:
        of_run = deadline.call(lambda: calls.tools_with(assistant_id, functions))
    try:
        started = runs.create(
            thread_id,
            assistant_id=assistant_id,
            instructions=UNSET if instructions is None else instructions,
            tools=UNSET if of_run is None else of_run,
            # With the run: one that is refused leaves no question behind, and where others ask as
            # well, theirs do not come in between.
            additional_messages=[MessageRequest(question)],
            on_active_run=on_active_run,
            timeout=max(deadline.left(), 0.0),  # reading the assistant took some of it
        )
    except WaitTimeoutError as late:
        raise deadline.missed(late.run) from late
    run = wait_for_run(
        started.thread_id,
        started.id,
        calls=calls,
        waiter=waiter,
        last=started,
        tools=functions,
        handling=handling,
        timeout=timeout,
        backoff=delays,
        check=True,
        stalled_after=stalled_after,
        begun=deadline.begun,
    )
    if run.status == "requires_action":
        raise requires_action_error(run, functions)
    try:
        listed = deadline.call(lambda: list(messages.list(thread_id, run_id=run.id, order="asc")))
    except WaitTimeoutError:
        raise deadline.missed(run) from None
    return Reply(run, [message for message in listed if message.run_id == run.id])
