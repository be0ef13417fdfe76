"""Waiting for a run: its polls, its calls of functions, its end.

Only the loops are here: the requests are in ``_calls/run_calls.py``, and the rounds in which
functions are called in ``function_tools/tool_rounds.py``.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Final

from assistants_client._arguments import check_tool_handling
from assistants_client._http.deadline import TooLateError, take, within
from assistants_client.backoff import BackoffLike
from assistants_client.errors import APIError, ConfigurationError, WaitTimeoutError, run_error
from assistants_client.models.run_requests import SubmitToolOutputsRequest
from assistants_client.models.run_streams import Approve, Journal, OnToolError, ToolHandling
from assistants_client.models.runs import Run, is_settled
from assistants_client.waiting.options import DEFAULT_WAIT, check_stalled_after, check_timeout
from assistants_client.waiting.progress import NO_PROGRESS, run_progress
from assistants_client.waiting.waiter import Time, Waiter, promptly

if TYPE_CHECKING:
    from assistants_client._calls.run_calls import RunCalls
    from assistants_client.function_tools.function_tool import ToolLike
    from assistants_client.function_tools.tool_rounds import ToolRounds
    from assistants_client.models.tools import ToolInput

#: Seconds within which a run that was cancelled should have ended.
CANCEL_SECONDS: Final = 30.0

#: Seconds for sending the outputs of tools that ran beyond the deadline.
_SUBMIT_SECONDS = 5.0
#: Seconds until a run is read that this process works on, and that it would tell the end of.
_FIRST_POLL: Final = 0.02


def run_or_ids(run: Run | None, thread_id: str | None, run_id: str | None) -> tuple[str, str]:
    """Returns the ids of a run that is given itself or by its ids.

    Raises:
        ConfigurationError: Both are given, or neither.
    """
    if run is None:
        if thread_id is None or run_id is None:
            raise ConfigurationError("run: give a run, or both thread_id and run_id")
        return thread_id, run_id
    if thread_id is not None or run_id is not None:
        raise ConfigurationError("run: give the run or its ids, not both")
    if not isinstance(run, Run):
        raise ConfigurationError(
            f"run: expected a Run, got {type(run).__name__}; ids are given as thread_id= and "
            "run_id="
        )
    return run.thread_id, run.id


def wait_for_run(
    thread_id: str,
    run_id: str,
    *,
    calls: RunCalls,
    waiter: Waiter,
    last: Run | None,
    tools: Iterable[ToolLike] | None = None,
    handling: ToolHandling | None = None,
    timeout: float = DEFAULT_WAIT,
    backoff: BackoffLike | None = None,
    on_poll: Callable[[Run], object] | None = None,
    check: bool = False,
    stalled_after: float | None = None,
    cancel_on_timeout: bool = False,
    progress: bool = False,
    begun: float | None = None,
) -> Run:
    """Waits until a run is final or requires its caller; see ``Client.wait_for_run``.

    ``begun`` is the time at which the timeout began, if not now.
    """
    # A mistake is raised at once, not only where the run happens to take long.
    timeout, stalled_after = check_timeout(timeout), check_stalled_after(stalled_after)
    delays, clock = waiter.delays(backoff), waiter.clock
    rounds = None if tools is None else _tool_rounds(tools, handling or ToolHandling())
    if last is not None and last.is_final:
        run = last
    else:
        with (
            run_progress(run_id, clock.now) if progress else NO_PROGRESS as shown,
            calls.settling(run_id) as settled,
        ):
            sleep = shown.sleeping(_sleep(clock, settled))
            begun = clock.now() if begun is None else begun
            if settled is not None:
                sleep(min(_FIRST_POLL, timeout / 2))
            run = _poll_and_call_tools(
                thread_id,
                run_id,
                calls,
                Waiter(Time(clock.now, sleep), delays, waiter.rate_limiter),
                last=last,
                rounds=rounds,
                timeout=timeout,
                on_poll=shown.watching(on_poll),
                stalled_after=stalled_after,
                cancel_on_timeout=cancel_on_timeout,
                begun=begun,
            )
    error = run_error(run) if check else None
    if error is not None:
        raise error
    return run


def _sleep(clock: Time, items: queue.Queue[bool] | None) -> Callable[[float], object]:
    """Returns a sleep that ends early, and returns true, when there is an item in a queue."""
    if items is None or clock.sleep is not time.sleep:  # a test's own time passes as it is told
        return clock.sleep
    return partial(take, items)


def tool_handling(
    on_tool_error: OnToolError,
    approve: Approve | None,
    parallel_tools: int,
    max_tool_rounds: int,
    journal: Journal | None,
) -> ToolHandling:
    """Makes the options of tool calls of a call's arguments.

    Raises:
        ConfigurationError: One of them cannot be used.
    """
    check_tool_handling(on_tool_error, parallel_tools, max_tool_rounds)
    return ToolHandling(
        on_tool_error=on_tool_error,
        approve=approve,
        parallel_tools=parallel_tools,
        max_tool_rounds=max_tool_rounds,
        journal=journal,
    )


def with_function_tools(tools: Iterable[ToolLike]) -> list[ToolInput]:
    """Returns the tools, with tools made of the functions among them.

    Raises:
        ConfigurationError: One of them cannot be made a tool.
    """
    # Functions as tools are imported by programs that have some.
    from assistants_client.function_tools.function_tool import as_tools

    return as_tools(tools)


def _tool_rounds(tools: Iterable[ToolLike], handling: ToolHandling) -> ToolRounds:
    from assistants_client.function_tools.tool_rounds import ToolRounds

    return ToolRounds(handling, with_function_tools(tools))


def _poll_and_call_tools(
    thread_id: str,
    run_id: str,
    calls: RunCalls,
    waiter: Waiter,
    *,
    last: Run | None,
    rounds: ToolRounds | None,
    timeout: float,
    on_poll: Callable[[Run], object] | None,
    stalled_after: float | None,
    cancel_on_timeout: bool,
    begun: float,
) -> Run:
    """Returns the run as it is when it is final or requires its caller."""
    clock, name = waiter.clock, f"run {run_id}"
    watch = Watch(on_poll, stalled_after, clock)
    while True:
        try:
            run = last = waiter.poll_until(
                lambda: calls.poll(thread_id, run_id),
                watch.is_done,
                name=name,
                last=last,
                timeout=timeout,
                begun=begun,
            )
        except WaitTimeoutError as error:
            if cancel_on_timeout and not watch.stalled:  # stalled: before the time was up
                error.run = _cancelled(calls, thread_id, run_id, waiter, error.run)
            raise
        outputs = None
        if rounds is not None and run.status == "requires_action":
            outputs = rounds.outputs_for(run)
        if rounds is None or outputs is None:
            return run
        request = SubmitToolOutputsRequest(outputs)
        left = begun + timeout - clock.now()
        try:
            last = promptly(
                left if left > 0 else _SUBMIT_SECONDS,
                partial(calls.submit, thread_id, run_id, request),
            )
        except TooLateError:
            pass  # it goes on in its thread; the next poll finds that the time is up
        except APIError as error:
            # The next poll shows whether the server has the outputs; the tools do not run again.
            if not error.maybe_created:
                raise
            rounds.lost(error)
        else:
            rounds.taken()


class Watch:
    """Checks the run of every poll: calls ``on_poll``, and detects a run that has stalled.

    Attributes:
        stalled: True once the run has not changed for ``stalled_after`` seconds.
    """

    def __init__(
        self, on_poll: Callable[[Run], object] | None, stalled_after: float | None, clock: Time
    ) -> None:
        self._on_poll = on_poll
        self._stalled_after = check_stalled_after(stalled_after)
        self._clock = clock
        self._last: Run | None = None
        self._since = clock.now()
        self.stalled: bool = False

    def is_done(self, run: Run) -> bool:
        """Returns whether the run is final or requires action.

        Raises:
            WaitTimeoutError: The run has stalled.
        """
        if self._on_poll is not None:
            self._on_poll(run)
        now = self._clock.now()
        if run != self._last:
            self._last, self._since = run, now
        if is_settled(run):
            return True
        if self._stalled_after is not None and now - self._since >= self._stalled_after:
            self.stalled = True
            raise WaitTimeoutError(
                f"run {run.id} has been {run.status!r}, unchanged, for {now - self._since:g} s "
                "(stalled_after)",
                run,
            )
        return False


def _cancelled(
    calls: RunCalls, thread_id: str, run_id: str, waiter: Waiter, last: Run | None
) -> Run | None:
    """Cancels the run and waits for its end; returns it as last read."""
    begun = waiter.clock.now()
    # It may have ended meanwhile; the poll reads that.
    with contextlib.suppress(APIError, TooLateError):
        last = within(CANCEL_SECONDS, lambda: calls.cancel(thread_id, run_id))
    try:
        return waiter.poll_until(
            lambda: calls.poll(thread_id, run_id),
            lambda run: run.is_final,
            name=f"run {run_id}",
            last=last,
            timeout=CANCEL_SECONDS,
            begun=begun,
        )
    except (APIError, WaitTimeoutError) as error:
        return error.run if isinstance(error, WaitTimeoutError) else last
