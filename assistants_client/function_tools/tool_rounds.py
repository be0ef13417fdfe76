"""The rounds in which functions answer the calls of one run, the same for waits and for streams.

How often they are called, and when outputs are sent again instead, is decided here. Running them is
not (``dispatch.py``), nor submitting what they return.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, cast

from assistants_client.errors import AssistantsError, RunError
from assistants_client.models._base import JsonObject
from assistants_client.models.run_requests import ToolOutput
from assistants_client.models.run_streams import ToolHandling
from assistants_client.models.runs import RequiredToolCall, Run

if TYPE_CHECKING:
    from assistants_client.function_tools.function_tool import ToolFunction

#: How often the same outputs are submitted, where the answers to it are lost.
MAX_SUBMISSIONS: Final = 3

Outputs = Sequence["ToolOutput | JsonObject"]


class ToolRounds:
    """Counts the rounds of one run, and keeps the outputs that the server may have taken or not.

    Args:
        handling: How calls are answered, and in how many rounds.
        tools: The run's tools; the functions among them are called.
    """

    def __init__(self, handling: ToolHandling, tools: Iterable[object] = ()) -> None:
        self._handling = handling
        # Of tools only those made of functions can be called.
        self._functions = [cast("ToolFunction[..., object]", one) for one in tools if callable(one)]
        self._rounds = 0
        self._calls: list[RequiredToolCall] = []
        self._outputs: Outputs | None = None
        self._submissions = 0
        self._lost: AssistantsError | None = None

    def outputs_for(self, run: Run, by_hand: Outputs | None = None) -> Outputs | None:
        """The outputs to submit for a run that requires action; ``None`` leaves it to the caller.

        Outputs whose submission is in doubt are returned again when the run still asks for them:
        no function is called twice for them. What the caller gives by hand is no round.

        Raises:
            RunError: The functions were called ``max_tool_rounds`` times, or the server did not
                take the outputs that are in doubt.
            ToolError: A tool failed, with ``on_tool_error="raise"``.
        """
        # Not by their ids alone: some servers count them anew in each round. For the same reason
        # a call that comes again after its output was taken is a new one.
        if by_hand is not None or run.tool_calls != self._calls:
            self.taken()
        if self._outputs is None:
            outputs = self._call_functions(run) if by_hand is None else by_hand
            if outputs is None:
                return None
            self._calls, self._outputs, self._submissions = run.tool_calls, outputs, 0
        elif self._submissions == MAX_SUBMISSIONS:
            why = "" if self._lost is None else f": {self._lost}"
            raise RunError(
                f"the server did not take the tool outputs of run {run.id}{why}", run
            ) from self._lost
        self._submissions += 1
        return self._outputs

    @property
    def in_doubt(self) -> bool:
        """True where outputs were returned that the server may not have received."""
        return self._outputs is not None

    def taken(self) -> None:
        """The server took the outputs."""
        self._outputs = self._lost = None

    def lost(self, error: AssistantsError) -> None:
        """The answer to the submission was lost; the outputs stay in doubt."""
        self._lost = error

    def _call_functions(self, run: Run) -> list[ToolOutput] | None:
        if not self._functions or not run.tool_calls:
            return None
        most = self._handling.max_tool_rounds
        if self._rounds == most:
            raise RunError(
                f"run {run.id} asked for tools more than {most} times (max_tool_rounds)", run
            )
        self._rounds += 1
        # Threads, queues and the journal are needed with the first call.
        from assistants_client.function_tools.dispatch import answer_calls

        return answer_calls(
            run.tool_calls,
            self._functions,
            on_tool_error=self._handling.on_tool_error,
            approve=self._handling.approve,
            parallel=self._handling.parallel_tools,
            journal=self._handling.journal,
            run_id=run.id,
        )
