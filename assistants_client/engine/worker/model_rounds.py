"""Asks the language model for one answer, and writes its messages as they come.

What belongs here: what the model is sent, when it is asked again, and how pieces of messages are
stored and published. What the end of an answer means for the run is runner.py's, as are the tools.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import Final, TypeAlias

from attrs import frozen

from assistants_client._json.codec import encode
from assistants_client.engine.code_interpreter import FOLDER, CodeInterpreter
from assistants_client.engine.domain.bounds import STORED_PER_SECOND
from assistants_client.engine.domain.file_search_tool import citations_of
from assistants_client.engine.domain.images import image_of, made_by_code
from assistants_client.engine.domain.marks import KnownMarks
from assistants_client.engine.events.deltas import (
    parts_delta,
    refusal_delta,
    rest_of_text,
    text_delta,
)
from assistants_client.engine.events.stream_state import MESSAGE
from assistants_client.engine.faults import named
from assistants_client.engine.language_models.base import (
    TOO_LONG,
    Conversation,
    Delta,
    ImageDelta,
    LanguageModel,
    LanguageModelError,
    NewMessage,
    TextDelta,
)
from assistants_client.engine.observability.observer import Observer
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.services.worker_side.tool_use import ToolUse
from assistants_client.engine.worker.answer import (
    AnswerBuilder,
    TextDraft,
    UnsentPiece,
    bounded,
    file_part,
)
from assistants_client.engine.worker.prompt import conversation_of
from assistants_client.engine.worker.run_state import RunState
from assistants_client.engine.worker.tool_call_records import has_interpreter
from assistants_client.models.messages import (
    FilePath,
    FileReference,
    ImageFilePart,
    Message,
    TextPart,
)
from assistants_client.models.run_steps import RunStep
from assistants_client.models.runs import Run, Usage

_log = logging.getLogger(__name__)

#: Seconds between two checks of the run while a throttling server is left alone, and the least time
#: for which it is.
_POLL_SECONDS: Final = 0.1
_LEAST_PAUSE: Final = 0.5

#: A message that is being written, and its step.
OpenMessage: TypeAlias = tuple[RunStep, Message]


@frozen(kw_only=True)
class ModelAnswer:
    """A model's answer: what it was offered to call, and the message that is still open."""

    answer: AnswerBuilder
    offered: list[str]
    opened: OpenMessage | None


class ModelRounds:
    """Asks the model on behalf of runs. Safe to share between threads: it holds no run's state.

    Args:
        execution: Writes what the run does.
        model: The language model.
        interpreter: Is described to the model, by runs that have it.
        tools: Gives access to what the tools of a run use.
        observer: Is told of each answer.
        monotonic: A clock in seconds.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        execution: Execution,
        model: LanguageModel,
        interpreter: CodeInterpreter,
        tools: ToolUse,
        observer: Observer,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._execution = execution
        self._model = model
        self._interpreter = interpreter
        self._tools = tools
        self._observer = observer
        self._monotonic = monotonic
        self._sleep = sleep

    def ask(self, state: RunState) -> ModelAnswer:
        """Returns the model's next answer, its messages written but for the end of the last one.

        Raises:
            LanguageModelError: It did not answer to the end; what came of the answer is stored.
            RunTaken: The run ended meanwhile.
        """
        conversation = self._conversation(state)
        answer = AnswerBuilder(self._marks(state))
        answer.message.begin_with(_images_so_far(state))
        opened: OpenMessage | None = None
        saved, next_save = True, 0.0
        try:
            with (
                self._observer.asking(state.run, self._model) as watch,
                closing(self._deltas(conversation, state, answer)) as deltas,
            ):
                for delta in bounded(watch(deltas)):
                    is_due = state.should_check(self._monotonic())
                    if is_due:
                        unsaved = None if opened is None else (opened[1], answer.message.content())
                        self._execution.check(state.run, unsaved)
                    if isinstance(delta, NewMessage):
                        if opened is not None:
                            self.publish_rest(state, answer, opened)
                            message = self.complete(state.run, answer, opened)
                            remember(state, answer, opened, message)
                        opened, saved = None, True
                        answer.add(delta)
                        answer.message.begin_with(_images_so_far(state))
                        continue
                    place = answer.add(delta)
                    if isinstance(delta, ImageDelta) and place is None:
                        place = answer.message.add_image(file_part(self._file_of(state.run, delta)))
                    if place is not None:
                        saved = False
                        opened = self._write(answer, state, opened)
                    if is_due and opened is not None and not saved:
                        now = self._monotonic()
                        if now >= next_save:
                            content = answer.message.content()
                            self._execution.write_content(state.run, opened[1], content)
                            saved, next_save = True, now + answer.message.length / STORED_PER_SECOND
        except LanguageModelError:
            if opened is not None and not saved:
                content = answer.message.content()
                self._execution.write_content(state.run, opened[1], content)
            raise
        offered = [function.name for function in conversation.functions]
        return ModelAnswer(answer=answer, offered=offered, opened=opened)

    def publish_rest(self, state: RunState, answer: AnswerBuilder, opened: OpenMessage) -> None:
        """Publishes the rest of the open message, and keeps what was thought with its step."""
        run, (step, message) = state.run, opened
        self._publish(run, message.id, answer.message.unsent(is_whole=True))
        for index, part in enumerate(answer.message.content()):
            if isinstance(part, TextPart):
                # Its sources on the web are known when the text has been sent.
                sent, annotations = len(part.text.value), encode(part.text.annotations)
                annotated = sum(one["type"] != "url_citation" for one in annotations)
                text = {"value": part.text.value, "annotations": annotations}
                late = rest_of_text(message.id, text, sent, annotated, is_first=False, index=index)
                self._execution.publish(run, MESSAGE, *late)
        if thoughts := answer.take_thoughts():
            step.reasoning = f"{step.reasoning}\n{thoughts}" if step.reasoning else thoughts

    def complete(
        self,
        run: Run,
        answer: AnswerBuilder,
        opened: OpenMessage,
        *,
        usage: Usage | None = None,
        incomplete_reason: str | None = None,
    ) -> Message:
        """Completes the open message, and returns it; done twice, it comes to the same."""
        draft = answer.message
        return self._execution.complete_message(
            run,
            *opened,
            draft.content(),
            usage,
            incomplete_reason=incomplete_reason,
            state=draft.state,
        )

    def _conversation(self, state: RunState) -> Conversation:
        return conversation_of(
            state.run,
            state.messages,
            state.steps,
            code_interpreter=self._described(state.run),
            shown=state.images.afresh(),
            last=state.last,
            states=state.states,
        )

    def _described(self, run: Run) -> str:
        """Describes the code interpreter, and the files that code finds there, to the model."""
        if not has_interpreter(run):
            return ""
        found = self._tools.files(run)
        lines = [f"{FOLDER}/{path} ({file.bytes} bytes)" for path, file in found.items()]
        text = self._interpreter.description
        return "\n".join([text, "Files that are there now:", *lines]) if lines else text

    def _deltas(
        self, conversation: Conversation, state: RunState, answer: AnswerBuilder
    ) -> Generator[Delta, None, None]:
        """Yields the model's deltas; every exception it raises is a ``LanguageModelError``.

        A conversation that is too long for it is truncated, and it is asked again. So it is when
        its server asks to wait, rather than to lose the tool calls that are done already.
        """
        while True:
            try:
                yield from self._model.respond(conversation)
            except LanguageModelError as error:
                self._observer.model_failed(error.code)
                if answer.has_begun:
                    raise
                if error.code == TOO_LONG and state.truncate_history():
                    last = state.last
                    _log.info("Run %s goes on with %s messages: %s", state.run.id, last, error)
                    conversation = self._conversation(state)
                elif (pause := self._pause(error, state)) is not None:
                    _log.info("Run %s waits for %g s: %s", state.run.id, pause, error)
                    until = self._monotonic() + pause
                    while (left := until - self._monotonic()) > 0:
                        self._sleep(min(left, _POLL_SECONDS))
                        yield TextDelta(text="")
                else:
                    raise
            except Exception as error:
                self._observer.model_failed(type(error).__name__)
                _log.exception("The language model %s failed", type(self._model).__name__)
                raise LanguageModelError(f"The language model failed: {named(error)}") from error
            else:
                return

    def _pause(self, error: LanguageModelError, state: RunState) -> float | None:
        """Returns the seconds to wait before a throttling server is asked again, if time allows."""
        if error.retry_after is None or not any(step.tool_calls for step in state.steps):
            return None
        pause = max(error.retry_after, _LEAST_PAUSE)
        return pause if pause < self._execution.seconds_left(state.run) else None

    def _file_of(self, run: Run, image: ImageDelta) -> str:
        """Stores an image that the model made, and returns its file's id."""
        try:
            name, content = image_of(image.url)
        except ValueError as error:
            raise LanguageModelError(
                f"The language model answered with an image that cannot be kept: {error}."
            ) from None
        return self._tools.store_image(run, name, content)

    def _write(
        self, answer: AnswerBuilder, state: RunState, opened: OpenMessage | None
    ) -> OpenMessage | None:
        """Publishes what came of a message; opens it with the first visible piece."""
        run, draft = state.run, answer.message
        if opened is None and draft.is_visible:
            thoughts = answer.take_thoughts()
            opened = self._execution.begin_message(run, draft.given, reasoning=thoughts)
            begun = {index: encode(part) for index, part in draft.begin().items()}
            if begun:
                self._execution.publish(run, MESSAGE, parts_delta(opened[1].id, begun))
        if opened is not None:
            self._publish(run, opened[1].id, draft.unsent())
        return opened

    def _publish(self, run: Run, message_id: str, unsent: Iterable[UnsentPiece]) -> None:
        for one in unsent:
            if one.segment is None or not isinstance(one.part, TextDraft):
                delta = parts_delta(message_id, {one.place: encode(one.part)})
            elif one.part.is_refusal:
                delta = refusal_delta(message_id, one.segment.text, index=one.place)
            else:
                mark = one.segment.annotation
                delta = text_delta(
                    message_id,
                    one.segment.text,
                    is_first=one.is_first,
                    index=one.place,
                    annotations=(
                        {} if mark is None else {len(one.part.annotations) - 1: encode(mark)}
                    ),
                )
            self._execution.publish(run, MESSAGE, delta)

    def _marks(self, state: RunState) -> KnownMarks:
        """Returns the marks of what the model may cite, and of files that it may link to."""
        run, annotations = state.run, citations_of(state.steps)
        for name, file_id in (self._tools.written(run) if has_interpreter(run) else {}).items():
            annotations[name] = FilePath(text=name, file_path=FileReference(file_id=file_id))
        return KnownMarks(annotations)


def remember(state: RunState, answer: AnswerBuilder, opened: OpenMessage, message: Message) -> None:
    """Has a completed message, and the step that wrote it, in the next conversation."""
    state.steps.append(opened[0])
    state.messages.append(message)
    if answer.message.state is not None:
        state.states[message.id] = answer.message.state


def _images_so_far(state: RunState) -> list[ImageFilePart]:
    """Returns the images that code made since the last message: the next one begins with them."""
    return [file_part(file_id) for file_id in made_by_code(state.steps)]
