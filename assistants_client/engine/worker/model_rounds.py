"""Asks the language model for one answer, and writes its messages as they come.

What belongs here: what the model is sent, when it is asked again, and how pieces of messages are
stored and published. What the end of an answer means for the run is runner.py's, as are the tools.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Final, TypeAlias

from attrs import frozen

from assistants_client._json.codec import encode
from assistants_client.engine.code_interpreter import FOLDER
from assistants_client.engine.domain.bounds import STORED_PER_SECOND
from assistants_client.engine.domain.file_search_tool import annotation_documents, annotations_of
from assistants_client.engine.domain.images import image_of, made_by_code
from assistants_client.engine.events.deltas import (
    annotations_delta,
    parts_delta,
    refusal_delta,
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
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.services.worker_side.tool_use import ToolUse
from assistants_client.engine.worker.answer import (
    AnswerBuilder,
    DraftPart,
    TextDraft,
    bounded,
    file_part,
)
from assistants_client.engine.worker.prompt import conversation_of
from assistants_client.engine.worker.run_state import RunState
from assistants_client.engine.worker.tool_call_records import has_interpreter
from assistants_client.models.messages import ImageFilePart, Message, TextPart
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
        description: Describes the code interpreter to the model.
        tools: Gives access to what the tools of a run use.
        monotonic: A clock in seconds.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        execution: Execution,
        model: LanguageModel,
        description: str,
        tools: ToolUse,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._execution = execution
        self._model = model
        self._description = description
        self._tools = tools
        self._monotonic = monotonic
        self._sleep = sleep

    def ask(self, state: RunState) -> ModelAnswer:
        """Returns the model's next answer, its messages written but for the end of the last one.

        Raises:
            LanguageModelError: It did not answer to the end; what came of the answer is stored.
            RunTaken: The run ended meanwhile.
        """
        conversation = self._conversation(state)
        answer = AnswerBuilder()
        answer.message.begin_with(_images_so_far(state))
        opened: OpenMessage | None = None
        saved, next_save = True, 0.0
        try:
            with closing(self._deltas(conversation, state, answer)) as deltas:
                for delta in bounded(deltas):
                    is_due = state.should_check(self._monotonic())
                    if is_due:
                        unsaved = None if opened is None else (opened[1], answer.message.content())
                        self._execution.check(state.run, unsaved)
                    if isinstance(delta, NewMessage):
                        if opened is not None:
                            self.complete(state, answer, opened)
                        opened, saved = None, True
                        answer.add(delta)
                        answer.message.begin_with(_images_so_far(state))
                        continue
                    place = answer.add(delta)
                    if isinstance(delta, ImageDelta) and place is None:
                        place = answer.message.add_image(file_part(self._file_of(delta)))
                    if place is not None:
                        saved = False
                        opened = self._write(place, delta, answer, state, opened)
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

    def complete(
        self,
        state: RunState,
        answer: AnswerBuilder,
        opened: OpenMessage,
        *,
        usage: Usage | None = None,
        incomplete_reason: str | None = None,
    ) -> None:
        """Completes the open message, and publishes the annotations of its marks."""
        run, (step, message) = state.run, opened
        written = self._tools.written(run) if has_interpreter(run) else {}
        content = answer.message.content(lambda text: annotations_of(text, state.steps, written))
        for index, part in enumerate(content):
            if isinstance(part, TextPart) and part.text.annotations:
                documents = annotation_documents(part.text.annotations)
                delta = annotations_delta(message.id, documents, index=index)
                self._execution.publish(run, MESSAGE, delta)
        if thoughts := answer.take_thoughts():
            step.reasoning = f"{step.reasoning}\n{thoughts}" if step.reasoning else thoughts
        kept = answer.message.state
        message = self._execution.complete_message(
            run, step, message, content, usage, incomplete_reason=incomplete_reason, state=kept
        )
        if kept is not None:
            state.states[message.id] = kept
        state.steps.append(step)
        state.messages.append(message)

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
        found = self._tools.files(run) if has_interpreter(run) else {}
        lines = [f"{FOLDER}/{path} ({file.bytes} bytes)" for path, file in found.items()]
        text = self._description
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

    def _file_of(self, image: ImageDelta) -> str:
        """Stores an image that the model made, and returns its file's id."""
        try:
            name, content = image_of(image.url)
        except ValueError as error:
            raise LanguageModelError(
                f"The language model answered with an image that cannot be kept: {error}."
            ) from None
        return self._tools.store_image(name, content)

    def _write(
        self,
        place: int,
        delta: Delta,
        answer: AnswerBuilder,
        state: RunState,
        opened: OpenMessage | None,
    ) -> OpenMessage | None:
        """Publishes the next piece of a message; opens it with the first visible one."""
        run, draft = state.run, answer.message
        if opened is not None:
            self._publish(
                run, opened[1].id, draft.parts[place], place, getattr(delta, "text", None)
            )
        elif draft.is_visible:
            thoughts = answer.take_thoughts()
            opened = self._execution.begin_message(run, draft.given, reasoning=thoughts)
            identity = opened[1].id
            if draft.given:
                images = {index: encode(image) for index, image in enumerate(draft.given)}
                self._execution.publish(run, MESSAGE, parts_delta(identity, images))
            for index in range(len(draft.given), len(draft.parts)):
                self._publish(run, identity, draft.parts[index], index, None)
        return opened

    def _publish(
        self, run: Run, message_id: str, part: DraftPart, place: int, added: str | None
    ) -> None:
        """Publishes a part of a message: the text that was added, or all there is."""
        if not isinstance(part, TextDraft):
            delta = parts_delta(message_id, {place: encode(part)})
        elif part.is_refusal:
            delta = refusal_delta(message_id, part.text if added is None else added, index=place)
        else:
            is_first = added is None or len(part.pieces) == 1
            text = part.text if added is None else added
            delta = text_delta(message_id, text, is_first=is_first, index=place)
        self._execution.publish(run, MESSAGE, delta)


def _images_so_far(state: RunState) -> list[ImageFilePart]:
    """Returns the images that code made since the last message: the next one begins with them."""
    return [file_part(file_id) for file_id in made_by_code(state.steps)]
