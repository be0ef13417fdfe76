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
from typing import Final, TypeAlias

from attrs import define, field

from assistants_client._codec import encode
from assistants_client.engine.answers import AnswerBuilder, Piece, TextPiece, file_part
from assistants_client.engine.called import Recorded, has_interpreter, recorded
from assistants_client.engine.code_interpreter import FOLDER, CodeInterpreter
from assistants_client.engine.conversation import conversation_of, messages_for, tokens_spent
from assistants_client.engine.deltas import (
    annotations_delta,
    call_deltas,
    output_deltas,
    parts_delta,
    refusal_delta,
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
from assistants_client.engine.images import Images, image_of, made_by_code
from assistants_client.engine.language_models.base import (
    TOO_LONG,
    Conversation,
    Delta,
    ImageDelta,
    LanguageModel,
    LanguageModelError,
    NewMessage,
    State,
    TextDelta,
    ToolCall,
)
from assistants_client.engine.services.execution import Execution, RunTaken
from assistants_client.engine.services.tool_use import ToolUse
from assistants_client.engine.told import MESSAGE, STEP
from assistants_client.models.messages import ImageFilePart, Message, TextPart
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
#: Seconds for which a throttled server is left alone at least.
_LEAST_PAUSE: Final = 0.5
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


#: A message that is being written, and its step.
_Opened: TypeAlias = tuple[RunStep, Message]


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
            dict(work.states),
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
        end = answer.finish
        cut_short = None if end is None else _CUT_SHORT.get(end.reason)
        if cut_short is not None:
            calls = []  # They may be cut short as well.
        if opened is not None:
            usage = None if calls else answer.usage
            self._complete(course, answer, opened, usage, incomplete_reason=cut_short)
        if end is not None and cut_short is not None:
            self._execution.finish(
                run,
                "incomplete",
                incomplete_reason="max_completion_tokens" if end.reason == "length" else None,
                last_error=None if end.word is None else _own_word(end.word),
                # Where no message was begun there is no step either that would tell of the tokens.
                spent=answer.usage if opened is None else None,
            )
            return False
        if calls:
            offered = [function.name for function in conversation.functions]
            return self._use_tools(course, answer, calls, offered)
        if opened is None:
            raise LanguageModelError(
                "The language model gave an empty answer: neither text nor a tool call"
                f"{', only what it thought' if answer.take_thoughts() else ''}."
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
            states=course.states,
        )

    def _ask(
        self, conversation: Conversation, course: _Course
    ) -> tuple[AnswerBuilder, _Opened | None]:
        """The model's whole answer, and the message that is open for its end, if it has any."""
        answer = AnswerBuilder()
        answer.message.begin_with(_images_so_far(course))
        opened: _Opened | None = None
        saved = True
        try:
            with closing(self._deltas(conversation, course, answer)) as deltas:
                for delta in deltas:
                    is_due = course.is_due(self._monotonic())
                    if is_due:
                        unsaved = None if opened is None else (opened[1], answer.message.content())
                        self._execution.check(course.run, unsaved)
                    if isinstance(delta, NewMessage):
                        if opened is not None:
                            self._complete(course, answer, opened, None)
                        opened, saved = None, True
                        answer.add(delta)
                        answer.message.begin_with(_images_so_far(course))
                        continue
                    place = answer.add(delta)
                    if isinstance(delta, ImageDelta) and place is None:
                        place = answer.message.show(file_part(self._keep(course.run, delta)))
                    if place is not None:
                        saved = False
                        opened = self._write(place, delta, answer, course, opened)
                    if is_due and opened is not None and not saved:
                        content = answer.message.content()
                        self._execution.write_content(course.run, opened[1], content)
                        saved = True
        except LanguageModelError:
            if opened is not None and not saved:
                content = answer.message.content()
                self._execution.write_content(course.run, opened[1], content)
            raise
        return answer, opened

    def _keep(self, run: Run, image: ImageDelta) -> str:
        """The file of an image that the model made."""
        try:
            name, content = image_of(image.url)
        except ValueError as error:
            raise LanguageModelError(
                f"The language model answered with an image that cannot be kept: {error}"
            ) from None
        return self._tools.keep_image(name, content)

    def _write(
        self,
        place: int,
        delta: Delta,
        answer: AnswerBuilder,
        course: _Course,
        opened: _Opened | None,
    ) -> _Opened | None:
        """Tells of the next piece of a message; opens it with the first that shows."""
        run, draft = course.run, answer.message
        if opened is not None:
            words = getattr(delta, "text", None)
            self._tell_part(run, opened[1].id, draft.parts[place], place, words)
        elif draft.shows:
            opened = self._execution.begin_message(
                run, draft.given, reasoning=answer.take_thoughts()
            )
            identity = opened[1].id
            if draft.given:
                images = {index: encode(image) for index, image in enumerate(draft.given)}
                self._execution.tell(run, MESSAGE, parts_delta(identity, images))
            for index in range(len(draft.given), len(draft.parts)):
                self._tell_part(run, identity, draft.parts[index], index, None)
        return opened

    def _tell_part(
        self, run: Run, message_id: str, part: Piece, place: int, words: str | None
    ) -> None:
        """Tells of a part of a message: of the words that were added, or of all there is."""
        if not isinstance(part, TextPiece):
            delta = parts_delta(message_id, {place: encode(part)})
        elif part.is_refusal:
            delta = refusal_delta(message_id, part.text if words is None else words, index=place)
        else:
            delta = text_delta(
                message_id,
                part.text if words is None else words,
                is_first=len(part.pieces) == 1 or words is None,
                index=place,
            )
        self._execution.tell(run, MESSAGE, delta)

    def _complete(
        self,
        course: _Course,
        answer: AnswerBuilder,
        opened: _Opened,
        usage: Usage | None,
        *,
        incomplete_reason: str | None = None,
    ) -> None:
        """Closes a message, and tells what the marks in it stand for."""
        run, (step, message) = course.run, opened
        written = self._written(run)
        content = answer.message.content(lambda text: annotations_of(text, course.steps, written))
        for index, part in enumerate(content):
            if isinstance(part, TextPart) and part.text.annotations:
                documents = annotation_documents(part.text.annotations)
                told = annotations_delta(message.id, documents, index=index)
                self._execution.tell(run, MESSAGE, told)
        state = answer.message.state
        if thoughts := answer.take_thoughts():
            step.reasoning = f"{step.reasoning}\n{thoughts}" if step.reasoning else thoughts
        message = self._execution.complete_message(
            run,
            step,
            message,
            content,
            usage,
            incomplete_reason=incomplete_reason,
            state=state,
        )
        if state is not None:
            course.states[message.id] = state
        course.steps.append(step)
        course.messages.append(message)

    def _deltas(
        self, conversation: Conversation, course: _Course, answer: AnswerBuilder
    ) -> Generator[Delta, None, None]:
        """The model's deltas; what it raises is a ``LanguageModelError``.

        A conversation that is too long for it is cut, and it is asked again. So it is when its
        server asks to wait, rather than to lose the tool calls that are done already.
        """
        while True:
            try:
                yield from self._model.respond(conversation)
            except LanguageModelError as error:
                if answer.has_begun:
                    raise
                if error.code == TOO_LONG and course.forgets():
                    last = course.last
                    _log.info("Run %s goes on with %s messages: %s", course.run.id, last, error)
                    conversation = self._conversation(course)
                elif (pause := self._pause(error, course)) is not None:
                    _log.info("Run %s waits for %g s: %s", course.run.id, pause, error)
                    until = self._monotonic() + pause
                    while (left := until - self._monotonic()) > 0:
                        self._sleep(min(left, _LOOK_SECONDS))
                        yield TextDelta(text="")
                else:
                    raise
            except Exception as error:
                _log.exception("The language model %s failed", type(self._model).__name__)
                raise LanguageModelError(f"The language model failed: {named(error)}") from error
            else:
                return

    def _pause(self, error: LanguageModelError, course: _Course) -> float | None:
        """Seconds after which a throttled server is asked again, if there is time for that."""
        if error.retry_after is None or not any(step.tool_calls for step in course.steps):
            return None
        pause = max(error.retry_after, _LEAST_PAUSE)
        return pause if pause < self._execution.seconds_left(course.run) else None

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
        answer: AnswerBuilder,
        calls: Sequence[ToolCall],
        offered: Collection[str],
    ) -> bool:
        """Does what the model asks for; whether everything it asked for is done."""
        run, usage, pieces = course.run, answer.usage, answer.argument_pieces()
        records = [recorded(run, call, offered) for call in calls]
        state = answer.state(calls)
        step = self._execution.begin_tools_step(
            run, [made for made, _ in records], reasoning=answer.take_thoughts(), state=state
        )
        if state is not None:
            course.states[step.id] = state
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
    #: What the models' servers want to see again, by the ids of steps and messages.
    states: dict[str, State]
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


def _images_so_far(course: _Course) -> list[ImageFilePart]:
    """The images that code made since the last message: the next one begins with them."""
    return [file_part(file_id) for file_id in made_by_code(course.steps)]


def _own_word(word: str) -> LastError:
    """Tells of an answer that ended early what its server called that."""
    return LastError(
        code="server_error",
        message=f"The language model's server ended the answer early, in its word: {word!r:.100}.",
    )
