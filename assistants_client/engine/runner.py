"""Carries one run from queued to its end, or to where its caller has to act.

What belongs here: the rounds of model and tools, and what each outcome means for the run. No
threads (executor.py), no SQL (services/execution.py), no words of any model's API. What a run's end
does to its thread, messages and steps is the services' to know.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import closing, suppress
from typing import Final

from attrs import define, field

from assistants_client._codec import encode
from assistants_client.engine.answers import Answer
from assistants_client.engine.called import Recorded, has_interpreter, recorded
from assistants_client.engine.code_interpreter import FOLDER, CodeInterpreter
from assistants_client.engine.conversation import conversation_of, messages_for, tokens_spent
from assistants_client.engine.deltas import (
    annotations_delta,
    call_deltas,
    images_delta,
    output_deltas,
    text_delta,
)
from assistants_client.engine.faults import Fault, named
from assistants_client.engine.file_search import (
    RESULTS,
    annotation_documents,
    annotations_of,
    options_of,
    record_of,
    threshold_of,
)
from assistants_client.engine.ids import new_id
from assistants_client.engine.images import Images, made_by_code
from assistants_client.engine.language_models.base import (
    TOO_LONG,
    Conversation,
    Delta,
    LanguageModel,
    LanguageModelError,
    TextDelta,
    ToolCall,
)
from assistants_client.engine.services.execution import Execution, RunTaken
from assistants_client.engine.services.tool_use import ToolUse
from assistants_client.engine.told import MESSAGE, STEP
from assistants_client.models.messages import ImageFilePart, Message
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    CodeInterpreterRecord,
    FileSearchCall,
    FileSearchRecord,
    FunctionToolCall,
    ImageOutput,
    LogsOutput,
    OutputImage,
    RunStep,
    UnknownToolCall,
)
from assistants_client.models.runs import LastError, Run, Usage
from assistants_client.models.tools import FileSearchOptions

_log = logging.getLogger(__name__)

#: Answers in a row that only call tools, after which a run is given up.
MAX_ROUNDS: Final = 32
#: Seconds for which a search waits for files that are still being read.
FILLING_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.1
#: Seconds between two looks at the database while an answer comes in.
CHECK_SECONDS: Final = 0.5

#: The codes of errors that are not the server's, as runs have them.
_ERROR_CODES: Final = {
    "rate_limit_exceeded": "rate_limit_exceeded",
    "invalid_prompt": "invalid_prompt",
    TOO_LONG: "invalid_prompt",
}
#: Why a message is incomplete, by the model's reason to finish.
_CUT_SHORT: Final = {"length": "max_tokens", "content_filter": "content_filter"}


class Runner:
    """Carries runs. Safe to share between threads: it holds nothing of any run.

    Args:
        execution: What it writes through.
        model: The language model.
        interpreter: What runs the model's code.
        tools: What the tools of a run reach.
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
        *,
        max_rounds: int = MAX_ROUNDS,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._tools = tools
        self._sleep = sleep
        self._execution = execution
        self._model = model
        self._interpreter = interpreter
        self._max_rounds = max_rounds
        self._monotonic = monotonic

    def carry(self, run_id: str, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Carries a run, if it is queued, until it ends, needs its caller, or is taken away.

        Args:
            run_id: The run.
            cancelled: Whether someone in this process cancelled the run; cheap to ask.
        """
        work = self._execution.claim(run_id)
        if work is None:
            return
        run = work.run
        course = _Course(
            run,
            list(work.messages),
            list(work.steps),
            Images(self._tools.open_file),
            cancelled,
            self._monotonic(),
        )
        try:
            self._rounds(course)
        except RunTaken:
            _log.debug("Run %s was taken away", run.id)
        except LanguageModelError as error:
            _log.warning("Run %s failed: %s", run.id, error)
            self._fail(run, error.code, str(error))
        except Fault as fault:
            _log.warning("Run %s failed: %s", run.id, fault)
            self._fail(run, "server_error", fault.message)
        except BaseException as error:
            _log.exception("Run %s failed", run.id)
            self._fail(run, "server_error", f"The engine failed: {named(error)}")
            if not isinstance(error, Exception):
                raise

    def let_go(self, run_id: str) -> None:
        """Fails a run whose carrying broke off without an end, for the store was not to be had."""
        self._execution.let_go(run_id)

    def renew(self) -> frozenset[str]:
        """Gives a sign of life for the runs that are carried, and answers which still are ours."""
        return self._execution.renew()

    def _fail(self, run: Run, code: str, message: str) -> None:
        error = LastError(code=_ERROR_CODES.get(code, "server_error"), message=message)
        with suppress(RunTaken):
            self._execution.finish(run, "failed", last_error=error)

    def _rounds(self, course: _Course) -> None:
        for _ in range(self._max_rounds):
            if not self._round(course):
                return
            self._execution.check(course.run)
        raise LanguageModelError(
            f"The language model called tools {self._max_rounds} times in a row without coming "
            "to an answer."
        )

    def _round(self, course: _Course) -> bool:
        """One answer of the model and what it asks for; whether there is more to do."""
        run = course.run
        exhausted = _exhausted(run, tokens_spent(course.steps))
        if exhausted is not None:
            self._execution.finish(run, "incomplete", incomplete_reason=exhausted)
            return False
        conversation = self._conversation(course)
        answer, opened = self._ask(conversation, course)
        taken = {call.id for step in course.steps for call in _calls_with_ids(step)}
        calls = answer.tool_calls(taken, lambda: new_id("call_"))
        cut_short = _CUT_SHORT.get(answer.finish or "")
        if cut_short is not None:
            calls = []  # They may be cut short as well.
        if opened is not None:
            step, message = opened
            annotations = annotations_of(answer.text, course.steps, self._written(run))
            if annotations:
                told = annotations_delta(
                    message.id, annotation_documents(annotations), index=_text_index(message)
                )
                self._execution.tell(run, MESSAGE, told)
            message = self._execution.complete_message(
                run,
                step,
                message,
                answer.text,
                None if calls else answer.usage,
                annotations=annotations,
                incomplete_reason=cut_short,
            )
            course.steps.append(step)
            course.messages.append(message)
        if cut_short is not None:
            reason = "max_completion_tokens" if answer.finish == "length" else None
            # Where no message was begun there is no step either that would tell of the tokens.
            spent = answer.usage if opened is None else None
            self._execution.finish(run, "incomplete", incomplete_reason=reason, spent=spent)
            return False
        if calls:
            offered = [function.name for function in conversation.functions]
            return self._use_tools(course, calls, answer.argument_pieces(), offered, answer.usage)
        if opened is None:
            raise LanguageModelError(
                "The language model gave an empty answer: neither text nor a tool call."
            )
        limit = run.max_prompt_tokens
        if limit is not None and tokens_spent(course.steps).prompt_tokens > limit:
            # What was said stays, but the protocol has it that such a run does not complete.
            self._execution.finish(run, "incomplete", incomplete_reason="max_prompt_tokens")
            return False
        self._execution.finish(run, "completed")
        return False

    # --- the model ------------------------------------------------------------------------------

    def _conversation(self, course: _Course) -> Conversation:
        return conversation_of(
            course.run,
            course.messages,
            course.steps,
            code_interpreter=self._description(course.run),
            shown=course.images.afresh(),
            last=course.last,
        )

    def _ask(
        self, conversation: Conversation, course: _Course
    ) -> tuple[Answer, tuple[RunStep, Message] | None]:
        """The model's whole answer, and the message that was opened for its text, if it has any."""
        answer = Answer()
        opened: tuple[RunStep, Message] | None = None
        saved = True
        try:
            with closing(self._deltas(conversation, course, answer)) as deltas:
                for delta in deltas:
                    is_due = course.is_due(self._monotonic())
                    if is_due:
                        written = None if opened is None else (opened[1], answer.text)
                        self._execution.check(course.run, written)
                    answer.add(delta)
                    if isinstance(delta, TextDelta) and delta.text:
                        saved = False
                        opened = self._write(delta.text, answer, course, opened)
                    if is_due and opened is not None and not saved:
                        self._execution.write_text(course.run, opened[1], answer.text)
                        saved = True
        except LanguageModelError:
            if opened is not None and not saved:
                self._execution.write_text(course.run, opened[1], answer.text)
            raise
        return answer, opened

    def _write(
        self,
        text: str,
        answer: Answer,
        course: _Course,
        opened: tuple[RunStep, Message] | None,
    ) -> tuple[RunStep, Message] | None:
        """Tells of the next piece of text; opens the message with the first that shows."""
        run = course.run
        if opened is not None:
            message = opened[1]
            delta = text_delta(message.id, text, is_first=False, index=_text_index(message))
            self._execution.tell(run, MESSAGE, delta)
        elif text.strip():
            images = made_by_code(course.steps)
            opened = self._execution.begin_message(run, images)
            identity = opened[1].id
            if images:
                self._execution.tell(run, MESSAGE, images_delta(identity, images))
            delta = text_delta(identity, answer.text, is_first=True, index=len(images))
            self._execution.tell(run, MESSAGE, delta)
        return opened

    def _deltas(
        self, conversation: Conversation, course: _Course, answer: Answer
    ) -> Generator[Delta, None, None]:
        """The model's deltas; what it raises is a ``LanguageModelError``.

        A conversation that is too long for it is cut, and it is asked again.
        """
        while True:
            try:
                yield from self._model.respond(conversation)
            except LanguageModelError as error:
                if error.code != TOO_LONG or answer.has_begun or not course.forgets():
                    raise
                _log.info("Run %s goes on with %s messages: %s", course.run.id, course.last, error)
                conversation = self._conversation(course)
            except Exception as error:
                _log.exception("The language model %s failed", type(self._model).__name__)
                raise LanguageModelError(f"The language model failed: {named(error)}") from error
            else:
                return

    def _description(self, run: Run) -> str:
        """What the model is told of the code interpreter, and of the files that it finds there."""
        told = self._interpreter.description
        found = self._tools.files(run) if has_interpreter(run) else {}
        lines = [f"{FOLDER}/{path} ({file.bytes} bytes)" for path, file in found.items()]
        return "\n".join([told, "Files that are there now:", *lines]) if lines else told

    def _written(self, run: Run) -> dict[str, str]:
        return self._tools.written(run) if has_interpreter(run) else {}

    # --- the tools ------------------------------------------------------------------------------

    def _use_tools(
        self,
        course: _Course,
        calls: Sequence[ToolCall],
        pieces: Sequence[Sequence[str]],
        offered: Collection[str],
        usage: Usage | None,
    ) -> bool:
        """Does what the model asks for; whether everything it asked for is done."""
        run = course.run
        records = [recorded(run, call, offered) for call in calls]
        step = self._execution.begin_tools_step(run, [made for made, _ in records])
        # Each call is told of with what came of it before the next one is: there are readers that
        # take a call for another one when they hear of it again.
        for index, (made, is_to_do) in enumerate(records):
            parts = pieces[index]
            if isinstance(made, CodeInterpreterCall):
                parts = made.code_interpreter.input.splitlines(keepends=True)
            self._execution.tell(run, STEP, *call_deltas(step.id, index, encode(made), parts))
            if is_to_do:
                self._execution.check(run)
                self._do(run, made)
                self._execution.update_step(run, step)
                if isinstance(made, CodeInterpreterCall):
                    self._execution.tell(run, STEP, *output_deltas(step.id, index, encode(made)))
        course.steps.append(step)
        if any(isinstance(c, FunctionToolCall) and c.function.output is None for c, _ in records):
            self._execution.require_action(run, step, usage)
            return False
        self._execution.complete_tools_step(run, step, usage)
        return True

    def _do(self, run: Run, made: Recorded) -> None:
        """Does what a call of a built-in tool asks for, and puts into it what came of that."""
        if isinstance(made, FileSearchCall):
            made.file_search = self._search(run, made.file_search)
        elif isinstance(made, CodeInterpreterCall):
            self._run_code(run, made.code_interpreter)

    def _search(self, run: Run, asked: FileSearchRecord) -> FileSearchRecord:
        options = options_of(run.tools) or FileSearchOptions()
        until = self._monotonic() + FILLING_SECONDS
        while self._tools.is_filling(run) and self._monotonic() < until:
            self._sleep(_LOOK_SECONDS)
            self._execution.check(run)
        query = str(asked.extra["query"])
        hits = self._tools.search(
            run,
            query,
            limit=options.max_num_results or RESULTS,
            threshold=threshold_of(options),
        )
        return record_of(options, query, hits)

    def _run_code(self, run: Run, record: CodeInterpreterRecord) -> None:
        before = self._execution.load_state(run)
        try:
            with self._tools.workspace(run) as workspace:
                result = self._interpreter.run(record.input, before, workspace.folder)
                images, dropped = self._tools.keep(run, workspace)
        except Exception as error:
            # The interpreter's own fault, and still no reason to lose the run.
            _log.exception("The code interpreter failed in run %s", run.id)
            record.outputs = [LogsOutput(logs=f"The code interpreter failed: {named(error)}")]
            return
        if result.state != before:
            self._execution.save_state(run, result.state)
        logs = result.logs
        for remark, paths in (("too large to be given", workspace.left_out), ("not kept", dropped)):
            if paths:
                logs += f"\n[files {remark}: {', '.join(paths[:10])}]"
        record.outputs = [LogsOutput(logs=logs)] if logs else []
        record.outputs += (ImageOutput(image=OutputImage(file_id=one)) for one in images)


@define
class _Course:
    """A run on its way, with all that the next conversation is made from."""

    run: Run
    messages: list[Message]
    steps: list[RunStep]
    images: Images
    _cancelled: Callable[[], bool]
    _last_look: float
    _saw_cancelled: bool = field(default=False, init=False)
    #: How many messages the model is asked about at most, if not about all.
    last: int | None = field(default=None, init=False)

    def forgets(self) -> bool:
        """Leaves out the older half of the messages, if the run lets that be decided here."""
        truncation = self.run.truncation_strategy
        seen = len(messages_for(self.run, self.messages)[-(self.last or 0) :])
        if seen < 2 or (truncation is not None and truncation.type != "auto"):
            return False
        self.last = seen // 2
        return True

    def is_due(self, now: float) -> bool:
        """Whether it is time to look at the database: now and then, and when cancelled here."""
        cancelled = self._cancelled() and not self._saw_cancelled
        if not cancelled and now - self._last_look < CHECK_SECONDS:
            return False
        self._saw_cancelled = self._saw_cancelled or cancelled
        self._last_look = now
        return True


def _exhausted(run: Run, spent: Usage) -> str | None:
    """Which of the run's bounds on tokens is reached, if one is."""
    if run.max_completion_tokens is not None and spent.completion_tokens >= (
        run.max_completion_tokens
    ):
        return "max_completion_tokens"
    if run.max_prompt_tokens is not None and spent.prompt_tokens >= run.max_prompt_tokens:
        return "max_prompt_tokens"
    return None


def _calls_with_ids(step: RunStep) -> list[Recorded]:
    return [call for call in step.tool_calls if not isinstance(call, UnknownToolCall)]


def _text_index(message: Message) -> int:
    """Where the text of a message stands: after its images."""
    return sum(isinstance(part, ImageFilePart) for part in message.content)
