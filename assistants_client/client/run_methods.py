"""The client's methods that wait for runs: one, many, or a question and its answer.

The loops are in ``waiting`` and its folder; here they meet the resources.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, TypeVar, overload

from assistants_client._arguments import check_tool_handling, checked_id, number
from assistants_client._suggestions import explains_arguments
from assistants_client.backoff import BackoffLike
from assistants_client.client.resources import HasResources
from assistants_client.errors import (
    AssistantsError,
    BadRequestError,
    ConfigurationError,
    ThreadLockedError,
    awaited,
    run_error,
    still_locked,
    unanswered,
)
from assistants_client.models._base import UNSET
from assistants_client.models.messages import MessageRequest, OnActiveRun
from assistants_client.models.replies import Reply
from assistants_client.models.run_streams import Approve, Journal, OnToolError, ToolHandling
from assistants_client.models.runs import Run, ToolOutput, is_settled
from assistants_client.waiting.many_runs import ManyWaits, RunOrIds, distinct, raise_first
from assistants_client.waiting.polling import (
    DEFAULT_WAIT,
    RunLink,
    Time,
    check_stalled_after,
    check_timeout,
    checked_backoff,
    poll_until,
    wait_for_run,
)
from assistants_client.waiting.progress import NO_PROGRESS, run_progress, runs_progress
from assistants_client.waiting.rate_limiter import Pace

if TYPE_CHECKING:
    from assistants_client.function_tools.function_tool import ToolLike
    from assistants_client.models.tools import ToolInput

T = TypeVar("T")


class WaitsForRuns(HasResources):
    """The half of ``Client`` that waits; it has nothing of its own."""

    _backoff: BackoffLike
    _time: Time
    _pace: Pace

    @overload
    def wait_for_run(
        self,
        run: Run,
        *,
        tools: Iterable[ToolLike] | None = ...,
        timeout: float = ...,
        backoff: BackoffLike | None = ...,
        on_poll: Callable[[Run], object] | None = ...,
        check: bool = ...,
        stalled_after: float | None = ...,
        cancel_on_timeout: bool = ...,
        on_tool_error: OnToolError = ...,
        approve: Approve | None = ...,
        parallel_tools: int = ...,
        max_tool_rounds: int = ...,
        journal: Journal | None = ...,
        progress: bool = ...,
    ) -> Run: ...
    @overload
    def wait_for_run(
        self,
        *,
        thread_id: str,
        run_id: str,
        tools: Iterable[ToolLike] | None = ...,
        timeout: float = ...,
        backoff: BackoffLike | None = ...,
        on_poll: Callable[[Run], object] | None = ...,
        check: bool = ...,
        stalled_after: float | None = ...,
        cancel_on_timeout: bool = ...,
        on_tool_error: OnToolError = ...,
        approve: Approve | None = ...,
        parallel_tools: int = ...,
        max_tool_rounds: int = ...,
        journal: Journal | None = ...,
        progress: bool = ...,
    ) -> Run: ...
    @explains_arguments
    def wait_for_run(
        self,
        run: Run | None = None,
        *,
        thread_id: str | None = None,
        run_id: str | None = None,
        tools: Iterable[ToolLike] | None = None,
        timeout: float = DEFAULT_WAIT,
        backoff: BackoffLike | None = None,
        on_poll: Callable[[Run], object] | None = None,
        check: bool = True,
        stalled_after: float | None = None,
        cancel_on_timeout: bool = False,
        on_tool_error: OnToolError = "report",
        approve: Approve | None = None,
        parallel_tools: int = 1,
        max_tool_rounds: int = 10,
        journal: Journal | None = None,
        progress: bool = False,
    ) -> Run:
        """Waits until a run is final or requires action, and answers it as it is then.

        Single polls that fail (a broken connection, a 429, a 5xx) do not end the wait, and an
        unknown status is waited on, both within the timeout. Ctrl-C leaves at once; the run goes
        on and can be picked up again by its ids.

        Args:
            run: The run; or give its ids.
            thread_id: The id of its thread.
            run_id: Its id.
            tools: Functions, made tools by ``@tool`` or plain. When the run requires action, they
                are called and the wait goes on.
            timeout: Seconds for the whole wait, whatever the server does. The default covers the
                600 s after which a run expires; ``float("inf")`` sets no bound. A tool that is
                running is not interrupted.
            backoff: The delays between polls: a backoff, or a number of seconds. Where the server
                says when to ask again (``openai-poll-after-ms``), that is followed instead.
            on_poll: Called with the run after every poll.
            check: ``False`` answers a run that did not complete instead of raising.
            stalled_after: Seconds after which a run that does not change is given up, and left
                as it is.
            cancel_on_timeout: Cancels the run when the time is up, and waits up to 30 s more for
                its end; ``.run`` of the error is the run then.
            on_tool_error: ``report`` lets the model read a tool's error; ``raise`` raises it.
            approve: Asked before each call; ``False`` or a text refuses it.
            parallel_tools: How many calls of one action run at once, in threads.
            max_tool_rounds: Actions in a row that are answered.
            journal: A path or a mapping where outputs are remembered, so that after a crash no
                finished call is made again.
            progress: Shows how it goes: a live line in a terminal (by tqdm where that is
                installed) and in a notebook; elsewhere, as in a log file, a line on the standard
                error whenever the status changes.

        Raises:
            RunFailedError: The run failed; ``.run.last_error`` says why.
            RunCancelledError: It was cancelled.
            RunExpiredError: It expired, perhaps waiting for tool outputs.
            RunIncompleteError: It ended early, for instance at a token limit.
            RunError: It asked for tools too many times.
            WaitTimeoutError: The timeout was reached; ``.run`` is the run as last seen.
            ToolError: A tool failed, with ``on_tool_error="raise"``.
            APIError: A poll was refused in a way that waiting cannot cure, such as a 404.
        """
        if run is not None:
            if thread_id is not None or run_id is not None:
                raise ConfigurationError("run: give the run or its ids, not both")
            if not isinstance(run, Run):
                raise ConfigurationError(
                    f"run: expected a Run, got {type(run).__name__}; ids are given as thread_id= "
                    "and run_id="
                )
            thread_id, run_id = run.thread_id, run.id
        if thread_id is None or run_id is None:
            raise ConfigurationError("run: give a run, or both thread_id and run_id")
        # A mistake shows at once, not only where the run happens to take long or to ask for tools.
        check_tool_handling(on_tool_error, parallel_tools, max_tool_rounds)
        check_timeout(timeout)
        check_stalled_after(stalled_after)
        delays = checked_backoff(self._backoff if backoff is None else backoff)
        functions = _made(tools)
        if run is None or not run.is_final:
            thread, name = thread_id, run_id
            handling = ToolHandling(
                on_tool_error=on_tool_error,
                approve=approve,
                parallel_tools=parallel_tools,
                max_tool_rounds=max_tool_rounds,
                journal=journal,
            )
            link = RunLink(
                poll=lambda: self.runs.poll(thread, name),
                submit=lambda _, outputs: self.runs.submit_tool_outputs(
                    thread, name, tool_outputs=outputs
                ),
                cancel=lambda: self.runs.cancel(thread, name),
                answer=lambda waiting: outputs_of(waiting, functions, handling),
            )
            with run_progress(name, self._time.now) if progress else NO_PROGRESS as shown:
                run = wait_for_run(
                    link,
                    name=f"run {name}",
                    last=run,
                    timeout=timeout,
                    backoff=delays,
                    time=Time(self._time.now, shown.sleeping(self._time.sleep)),
                    pace=self._pace,
                    on_poll=shown.watching(on_poll),
                    stalled_after=stalled_after,
                    cancel_on_timeout=cancel_on_timeout,
                    max_tool_rounds=max_tool_rounds,
                )
        error = run_error(run) if check else None
        if error is not None:
            raise error
        return run

    @explains_arguments
    def wait_for_runs(
        self,
        runs: Iterable[RunOrIds],
        *,
        timeout: float = DEFAULT_WAIT,
        backoff: BackoffLike | None = None,
        on_poll: Callable[[Run], object] | None = None,
        check: bool = False,
        stalled_after: float | None = None,
        parallel_polls: int = 1,
        progress: bool = False,
    ) -> Iterator[Run]:
        """Waits for many runs at once, and yields each as it finishes or requires action.

        However many there are, one thread asks for them, always for the run that has been due
        longest. Runs that are final already come first, without a request; a run given twice comes
        once. Nothing is sent before the first is asked for.

        What goes wrong with one run loses no other: where a run cannot be read (such as a 404) or
        is stalled, the error is raised after all others were yielded. When the time is up, or at
        Ctrl-C, runs not yet yielded can be waited for again.

        Args:
            runs: The runs, or ``(thread_id, run_id)`` for each; also a generator or a list from
                ``client.runs.list``, which is read to its end at once.
            timeout: Seconds that may be spent waiting in all; what you do between two runs does
                not count.
            backoff: The delays between the polls of one run, as for :meth:`wait_for_run`; the
                server's wish wins over it here as well.
            on_poll: Called with the run after every poll.
            check: Every run is yielded however it ended, so look at its ``status``. ``True`` also
                raises the error of the first that failed, was cancelled, expired or is
                incomplete, after all were yielded.
            stalled_after: Seconds after which a run that does not change is given up.
            parallel_polls: How many polls may be under way at once, each in a thread of its own:
                more than 1 for very many runs on a distant server. A poll that hangs for a second
                does not hold up others in any case.
            progress: Shows how many have finished; see :meth:`wait_for_run`.

        Raises (while iterating):
            WaitTimeoutError: The timeout was reached with runs unfinished; ``.run`` is one.
            RunError: A run did not complete, with ``check=True``.
            APIError: A run could not be read.
        """
        check_timeout(timeout)
        delays = checked_backoff(self._backoff if backoff is None else backoff)
        check_stalled_after(stalled_after)
        number("parallel_polls", parallel_polls, at_least=1, whole=True)
        given = distinct(runs)

        def each() -> Iterator[Run]:
            total = len(given)
            with runs_progress(total, self._time.now) if progress else NO_PROGRESS as shown:
                ended = [run for run in given if isinstance(run, Run) and run.is_final]
                waits = ManyWaits(
                    [run for run in given if not (isinstance(run, Run) and run.is_final)],
                    self.runs.poll,
                    timeout=timeout,
                    backoff=delays,
                    time=Time(self._time.now, shown.sleeping(self._time.sleep)),
                    pace=self._pace,
                    parallel_polls=parallel_polls,
                    on_poll=on_poll,
                    stalled_after=stalled_after,
                )
                failed: list[AssistantsError] = []
                with contextlib.closing(iter(waits)) as coming:
                    for run in chain(ended, coming):
                        error = run_error(run) if check else None
                        if error is not None:
                            failed.append(error)
                        with shown.handing_out(run):
                            yield run
            raise_first([*failed, *waits.errors])

        return each()

    @explains_arguments
    def ask(
        self,
        thread_id: str,
        question: str,
        *,
        assistant_id: str,
        instructions: str | None = None,
        tools: Iterable[ToolLike] | None = None,
        on_active_run: OnActiveRun = "raise",
        timeout: float = DEFAULT_WAIT,
        backoff: BackoffLike | None = None,
        on_tool_error: OnToolError = "report",
        approve: Approve | None = None,
        parallel_tools: int = 1,
        max_tool_rounds: int = 10,
        journal: Journal | None = None,
    ) -> Reply:
        """Adds a user message, runs the assistant on it, and answers what it said.

        The assistant keeps its own tools; ``tools`` are the functions that answer its calls.

        Args:
            thread_id: The thread.
            question: The user's message.
            assistant_id: The assistant.
            instructions: Instead of the assistant's own, for this run.
            tools: Functions that answer the run's calls.
            on_active_run: What to do when a run holds the thread's lock. With ``wait`` and
                ``cancel`` the question goes with the run, and nobody else's comes in between; a run
                that waits for outputs of functions is not waited for.
            timeout: Seconds for the wait.
            backoff: As for :meth:`wait_for_run`, like all that follow.
            on_tool_error: ``report`` lets the model read a tool's error; ``raise`` raises it.
            approve: Asked before each call; ``False`` or a text refuses it.
            parallel_tools: How many calls of one action run at once, in threads.
            max_tool_rounds: Actions in a row that are answered.
            journal: A path or a mapping where outputs are remembered.

        Raises:
            ThreadLockedError: A run is active on the thread, with ``on_active_run="raise"``, or
                waits for outputs of functions.
            RunError: The run did not complete, or requires action that no tool takes.
            AssistantsError: As :meth:`wait_for_run`.
        """
        # A mistake must not leave a question without its answer, nor a run that locks the thread.
        checked_id("assistant_id", assistant_id)
        check_tool_handling(on_tool_error, parallel_tools, max_tool_rounds)
        check_timeout(timeout)
        delays = checked_backoff(self._backoff if backoff is None else backoff)
        functions = _made(tools)
        # With the run, where others may wait for the thread as well: none comes in between.
        with_run = UNSET if on_active_run == "raise" else [MessageRequest(question)]
        if with_run is UNSET:
            self.messages.create(thread_id, question)
        started = self.runs.create(
            thread_id,
            assistant_id=assistant_id,
            instructions=UNSET if instructions is None else instructions,
            additional_messages=with_run,
            on_active_run=on_active_run,
        )
        run = self.wait_for_run(
            started,
            tools=functions,
            timeout=timeout,
            backoff=delays,
            on_tool_error=on_tool_error,
            approve=approve,
            parallel_tools=parallel_tools,
            max_tool_rounds=max_tool_rounds,
            journal=journal,
        )
        if run.status == "requires_action":
            raise unanswered(run, functions)
        messages = self.messages.list(thread_id, run_id=run.id, order="asc")
        return Reply(run, [message for message in messages if message.run_id == run.id])

    def _poll_until(
        self,
        poll: Callable[[], tuple[T, Mapping[str, str]]],
        is_done: Callable[[T], bool],
        *,
        name: str,
        last: T | None = None,
        timeout: float,
        backoff: BackoffLike | None,
    ) -> T:
        return poll_until(
            poll,
            is_done,
            name=name,
            last=last,
            timeout=timeout,
            backoff=self._backoff if backoff is None else backoff,
            time=self._time,
            pace=self._pace,
        )

    def _unlock(
        self, thread_id: str, locked: ThreadLockedError, policy: OnActiveRun, again: int
    ) -> None:
        """Frees a thread from its active run, by waiting for it or by cancelling it.

        Args:
            thread_id: The thread.
            locked: The refusal.
            policy: What to do, ``wait`` or ``cancel``.
            again: How often the same run was ended before, and the thread was locked all the same.

        Raises:
            ThreadLockedError: The run waits for its caller, or is not named.
            WaitTimeoutError: The run did not end.
        """
        run_id = locked.run_id
        if run_id is None:
            raise locked
        if policy == "cancel":
            with contextlib.suppress(BadRequestError):  # it has ended meanwhile
                self.runs.cancel(thread_id, run_id)
        # One that was cancelled may still ask for its caller for a while.
        run = self._poll_until(
            lambda: self.runs.poll(thread_id, run_id),
            lambda seen: seen.is_final if policy == "cancel" else is_settled(seen),
            name=f"run {run_id}",
            timeout=DEFAULT_WAIT,
            backoff=None,
        )
        if not run.is_final:
            why = f"it waits for {awaited(run)}"
            raise still_locked(locked, f'{why}; on_active_run="cancel" ends it')
        if again:  # the server frees its threads a little later than it ends their runs
            self._time.sleep(2.0 ** (again - 2))


def _made(tools: Iterable[ToolLike] | None) -> list[ToolInput]:
    if tools is None:
        return []
    # Functions as tools are imported by programs that have some.
    from assistants_client.function_tools.function_tool import as_tools

    return as_tools(tools)


def outputs_of(
    run: Run, tools: Iterable[ToolLike], handling: ToolHandling
) -> list[ToolOutput] | None:
    """The outputs of a run's calls; ``None`` where there is no function to call."""
    # Functions as tools are imported by programs that have some.
    from assistants_client.function_tools.dispatch import answer_calls
    from assistants_client.function_tools.function_tool import ToolFunction, as_tools

    functions = [made for made in as_tools(tools) if isinstance(made, ToolFunction)]
    if not functions or not run.tool_calls:
        return None
    return answer_calls(
        run.tool_calls,
        functions,
        on_tool_error=handling.on_tool_error,
        approve=handling.approve,
        parallel=handling.parallel_tools,
        journal=handling.journal,
        run_id=run.id,
    )
