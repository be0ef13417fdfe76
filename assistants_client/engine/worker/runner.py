"""Processes one run from queued to its end, or to where its caller has to act.

What belongs here: the rounds of model and tools, and what each outcome means for the run. How the
model is asked, and its messages written, is in model_rounds.py; what the engine's own tools do, in
built_in_tools.py. No threads (thread_pool.py), no SQL (services/worker_side/), no words of any
model's API. What a run's end does to its thread, messages and steps is decided by the services.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Final

from attrs import frozen

from assistants_client._json.codec import encode
from assistants_client.engine.code_interpreter import CodeInterpreter
from assistants_client.engine.domain.bounds import MAX_STEPS_TEXT
from assistants_client.engine.domain.images import Images
from assistants_client.engine.events.deltas import (
    call_deltas,
    output_deltas,
)
from assistants_client.engine.events.stream_state import STEP
from assistants_client.engine.faults import Fault, named
from assistants_client.engine.ids import new_id
from assistants_client.engine.language_models.base import (
    TOO_LONG,
    LanguageModel,
    LanguageModelError,
    ToolCall,
)
from assistants_client.engine.observability.observer import Observer
from assistants_client.engine.services.worker_side.claims import OUTAGES, OpenStep, RunTaken
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.services.worker_side.tool_use import ToolUse
from assistants_client.engine.worker.answer import AnswerBuilder
from assistants_client.engine.worker.built_in_tools import BuiltInTools
from assistants_client.engine.worker.model_rounds import (
    ModelAnswer,
    ModelRounds,
    OpenMessage,
    remember,
)
from assistants_client.engine.worker.prompt import tokens_spent
from assistants_client.engine.worker.run_state import RunState
from assistants_client.engine.worker.tool_call_records import (
    RecordedCall,
    is_to_do,
    record_call,
)
from assistants_client.models.endings import LastError
from assistants_client.models.messages import Message
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    FunctionToolCall,
    RunStep,
    UnknownToolCall,
)
from assistants_client.models.runs import Run, Usage

_log = logging.getLogger(__name__)

#: Answers in a row that only call tools, after which a run is given up.
MAX_ROUNDS: Final = 32

#: The codes of errors that are not the server's, as runs have them.
_ERROR_CODES: Final = {
    "rate_limit_exceeded": "rate_limit_exceeded",
    "invalid_prompt": "invalid_prompt",
    TOO_LONG: "invalid_prompt",
}
#: Why a message is incomplete, by the model's reason to finish.
_CUT_SHORT: Final = {"length": "max_tokens", "content_filter": "content_filter"}


@frozen
class _Whole:
    """A whole answer, with the calls that it asks for, and the id of the step that they get."""

    answer: AnswerBuilder
    opened: OpenMessage | None
    calls: Sequence[ToolCall]
    offered: Collection[str]
    step_id: str


class Runner:
    """Processes runs. Safe to share between threads: it holds no state of any run.

    Args:
        execution: Writes what the run does.
        model: The language model.
        interpreter: Runs the model's code.
        tools: Gives access to what the tools of a run use.
        observer: Is told what is done.
        max_rounds: Rounds of tool calls after which a run fails.
        monotonic: A clock in seconds.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        execution: Execution,
        model: LanguageModel,
        interpreter: CodeInterpreter,
        tools: ToolUse,
        observer: Observer | None = None,
        *,
        max_rounds: int = MAX_ROUNDS,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._execution = execution
        self._tools = BuiltInTools(execution, interpreter, tools, monotonic=monotonic, sleep=sleep)
        self._open_file = tools.open_file
        self._observer = observer or Observer()
        self._model_rounds = ModelRounds(
            execution,
            model,
            interpreter,
            tools,
            self._observer,
            monotonic=monotonic,
            sleep=sleep,
        )
        self._max_rounds = max_rounds
        self._monotonic = monotonic

    def process(self, run_id: str, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Processes a run, if it is queued, until it ends, needs its caller, or is taken away.

        Args:
            run_id: The run.
            cancelled: Returns whether someone in this process cancelled the run; cheap to call.
        """
        work = self._execution.claim(run_id)
        if work is None:
            return
        run = work.run
        state = RunState(
            run,
            list(work.messages),
            list(work.steps),
            Images(self._open_file),
            cancelled,
            self._monotonic(),
            dict(work.states),
        )
        with self._observer.processing(run, is_new=not work.steps):
            try:
                self._rounds(state, work.opened)
            except BaseException as error:
                self._broke_off(run, error)
                if not isinstance(error, Exception):
                    raise

    def release(self, run_id: str) -> None:
        """Releases a run whose processing broke off without an end: the store was unavailable."""
        self._execution.release_unstored(run_id)

    def renew_leases(self) -> frozenset[str]:
        """Renews the leases of the claimed runs, and returns the ids of those still held."""
        return self._execution.renew_leases()

    def _broke_off(self, run: Run, error: BaseException) -> None:
        """Fails a run whose processing raised an error, unless it is ours no longer."""
        if isinstance(error, RunTaken) or self._execution.is_closed:
            _log.debug("Run %s was taken away", run.id, exc_info=True)
        elif isinstance(error, OUTAGES):
            _log.warning("Run %s is queued again: %s", run.id, error)
            self._execution.release(run)
        elif isinstance(error, LanguageModelError):
            _log.warning("Run %s failed: %s", run.id, error)
            self._fail(run, error.code, str(error))
        elif isinstance(error, Fault):
            _log.warning("Run %s failed: %s", run.id, error)
            self._fail(run, "server_error", error.message)
        else:
            _log.exception("Run %s failed", run.id)
            self._fail(run, "server_error", f"The engine failed: {named(error)}")

    def _fail(self, run: Run, code: str, message: str) -> None:
        error = LastError(code=_ERROR_CODES.get(code, "server_error"), message=message)
        with suppress(RunTaken):
            self._execution.finish(run, "failed", last_error=error)

    def _rounds(self, state: RunState, opened: OpenStep | None) -> None:
        if opened is not None and not self._finish_calls(state, opened.step, opened.done):
            return
        for _ in range(self._max_rounds):
            if not self._round(state):
                return
            self._execution.check(state.run)
        raise LanguageModelError(
            f"The language model called tools {self._max_rounds} times in a row without coming "
            "to an answer."
        )

    def _round(self, state: RunState) -> bool:
        """Gets one answer of the model and runs its calls; returns whether to ask again."""
        run = state.run
        _require_room(state)
        exhausted = _exhausted(run, tokens_spent(state.steps))
        if exhausted is not None:
            self._execution.finish(run, "incomplete", incomplete_reason=exhausted)
            return False
        whole = self._whole(state, self._model_rounds.ask(state))
        unsaved = None
        if whole.opened is not None:
            self._model_rounds.publish_rest(state, whole.answer, whole.opened)
            unsaved = (whole.opened[1], whole.answer.message.content())
        # Without a message before them, the calls have what was thought.
        thoughts = whole.answer.take_thoughts() if whole.calls else None
        # The end of a message, and what follows from the answer: where the process dies between the
        # two, nobody could tell whether that answer was whole.
        message, step = self._execution.at_once(
            run, lambda: self._store_answer(state, whole, thoughts), unsaved
        )
        if whole.opened is not None and message is not None:
            remember(state, whole.answer, whole.opened, message)
        if step is None:
            return False
        if (kept := whole.answer.state(whole.calls)) is not None:
            state.states[step.id] = kept
        return self._finish_calls(state, step, 0, whole.answer.argument_pieces())

    def _whole(self, state: RunState, answered: ModelAnswer) -> _Whole:
        """Returns an answer with its calls, unless it is empty."""
        answer = answered.answer
        taken = {call.id for step in state.steps for call in _calls_with_ids(step)}
        calls = answer.tool_calls(taken, lambda: new_id("call_"))
        if answer.finish is not None and answer.finish.reason in _CUT_SHORT:
            calls = []  # They may be cut short as well.
        elif not calls and answered.opened is None:
            raise LanguageModelError(
                "The language model gave an empty answer: neither text nor a tool call"
                f"{', only what it thought' if answer.take_thoughts() else ''}."
            )
        return _Whole(
            answer, answered.opened, calls, answered.offered, self._execution.new_step_id()
        )

    def _store_answer(
        self, state: RunState, whole: _Whole, thoughts: str | None
    ) -> tuple[Message | None, RunStep | None]:
        """Completes the open message; ends the run, or begins the calls.

        It only writes, and comes to the same when it is done twice.

        Returns:
            The message, if there is one; and the new step of the calls, unless the run has ended.
        """
        run, answer, opened, calls = state.run, whole.answer, whole.opened, whole.calls
        end, message, steps = answer.finish, None, state.steps
        cut_short = None if end is None else _CUT_SHORT.get(end.reason)
        if opened is not None:
            usage = None if calls else answer.usage
            message = self._model_rounds.complete(
                run, answer, opened, usage=usage, incomplete_reason=cut_short
            )
            steps = [*steps, opened[0]]
        if calls:
            return message, self._begin_calls(run, whole, thoughts)
        limit = run.max_prompt_tokens
        if end is not None and cut_short is not None:
            self._execution.finish(
                run,
                "incomplete",
                incomplete_reason="max_completion_tokens" if end.reason == "length" else None,
                last_error=None if end.word is None else _own_word(end.word),
                # Where no message was begun there is no step either that would hold the tokens.
                spent=answer.usage if opened is None else None,
            )
        elif limit is not None and tokens_spent(steps).prompt_tokens > limit:
            # The message stays, but the protocol has it that such a run does not complete.
            self._execution.finish(run, "incomplete", incomplete_reason="max_prompt_tokens")
        else:
            self._execution.finish(run, "completed")
        return message, None

    # --- the tools ------------------------------------------------------------------------------

    def _begin_calls(self, run: Run, whole: _Whole, thoughts: str | None) -> RunStep:
        return self._execution.begin_tools_step(
            run,
            [record_call(run, call, whole.offered) for call in whole.calls],
            reasoning=thoughts,
            state=whole.answer.state(whole.calls),
            usage=whole.answer.usage,
            step_id=whole.step_id,
        )

    def _finish_calls(
        self, state: RunState, step: RunStep, done: int, pieces: Sequence[Sequence[str]] = ()
    ) -> bool:
        """Executes the calls of an open step that are the engine's own to do.

        Args:
            state: The run's state.
            step: The step.
            done: How many of the calls are done, from the first one on.
            pieces: The calls' arguments as they came. Without, they are not published: a worker
                that died may have done so, and the whole step is at its end.

        Returns:
            Whether all of the calls have their outputs.
        """
        run, calls = state.run, _calls_with_ids(step)
        # Each call is published with its output before the next one is: there are readers that
        # take a call for another one when it is published again.
        for index, made in enumerate(calls):
            if pieces:
                parts = pieces[index]
                if isinstance(made, CodeInterpreterCall):
                    parts = made.code_interpreter.input.splitlines(keepends=True)
                deltas = call_deltas(step.id, index, encode(made), parts)
                self._execution.publish(run, STEP, *deltas)
            if index >= done and is_to_do(made):
                self._execution.check(run)
                with self._observer.calling(run, made.type, made.id):
                    changed = self._tools.execute(run, made)
                self._execution.update_step(run, step, index + 1, changed)
                if pieces and isinstance(made, CodeInterpreterCall):
                    self._execution.publish(run, STEP, *output_deltas(step.id, index, encode(made)))
        state.steps.append(step)
        if any(isinstance(c, FunctionToolCall) and c.function.output is None for c in calls):
            self._execution.require_action(run, step)
            return False
        self._execution.complete_tools_step(run, step)
        return True


def _exhausted(run: Run, spent: Usage) -> str | None:
    """Returns the name of the run's bound on tokens that is reached, if one is."""
    if run.max_completion_tokens is not None and spent.completion_tokens >= (
        run.max_completion_tokens
    ):
        return "max_completion_tokens"
    if run.max_prompt_tokens is not None and spent.prompt_tokens >= run.max_prompt_tokens:
        return "max_prompt_tokens"
    return None


def _require_room(state: RunState) -> None:
    """Refuses to go on with a run whose calls and outputs are too long to be sent to any model."""
    if state.steps_length() > MAX_STEPS_TEXT:
        raise LanguageModelError(
            f"The steps of the run have grown beyond {MAX_STEPS_TEXT} characters, with the "
            "arguments and outputs of their calls."
        )


def _calls_with_ids(step: RunStep) -> list[RecordedCall]:
    return [call for call in step.tool_calls if not isinstance(call, UnknownToolCall)]


def _own_word(word: str) -> LastError:
    """Returns the error of an answer that ended early, with the word of the model's server."""
    return LastError(
        code="server_error",
        message=f"The language model's server ended the answer early, in its word: {word!r:.100}.",
    )
