"""Asks the language model for one answer, and writes its messages as they come.

What belongs here: what the model is shown, when it is asked again, and how pieces of messages are
stored and told. What the end of an answer means for the run is runner.py's, as are the tools.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import Final, TypeAlias

from attrs import frozen

from assistants_client._json.codec import encode
from assistants_client.engine.code_interpreter import FOLDER
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
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.services.worker_side.tool_use import ToolUse
from assistants_client.engine.worker.answer import (
    AnswerBuilder,
    TextPiece,
    Untold,
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

#: Seconds between two looks at the run while a server is left alone, and for how long it is at
#: least.
_LOOK_SECONDS: Final = 0.1
_LEAST_PAUSE: Final = 0.5

#: A message that is being written, and its step.
OpenMessage: TypeAlias = tuple[RunStep, Message]


@frozen(kw_only=True)
class Answered:
    """A model's answer: what it was offered to call, and the message that is open for its end."""

    answer: AnswerBuilder
    offered: list[str]
    opened: OpenMessage | None


class ModelRounds:
    """Asks on behalf of runs. Safe to share between threads: it holds nothing of any run.

    Args:
        execution: What it writes through.
        model: The language model.
        description: What the model is told of the code interpreter.
        tools: What the tools of a run reach.
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

    def ask(self, state: RunState) -> Answered:
        """The model's next answer, its messages written but for the end of the last one.

        Raises:
            LanguageModelError: It did not answer; what it said is stored.
            RunTaken: The run ended meanwhile.
        """
        conversation = self._conversation(state)
        answer = AnswerBuilder(self._marks(state))
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
                        place = answer.message.show(file_part(self._file_of(delta)))
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
        return Answered(answer=answer, offered=offered, opened=opened)

    def complete(
        self,
        state: RunState,
        answer: AnswerBuilder,
        opened: OpenMessage,
        *,
        usage: Usage | None = None,
        incomplete_reason: str | None = None,
    ) -> None:
        """Tells the rest of the message that is being written, and closes it."""
        run, (step, message) = state.run, opened
        self._tell(run, message.id, answer.message.untold(is_whole=True))
        content = answer.message.content()
        for index, part in enumerate(content):
            if isinstance(part, TextPart):
                # Its sources on the web are known when the text has been told.
                told, notes = len(part.text.value), encode(part.text.annotations)
                noted = sum(one["type"] != "url_citation" for one in notes)
                text = {"value": part.text.value, "annotations": notes}
                late = rest_of_text(message.id, text, told, noted, is_first=False, index=index)
                self._execution.tell(run, MESSAGE, *late)
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
        """What the model is told of the code interpreter, and of the files that it finds there."""
        found = self._tools.files(run) if has_interpreter(run) else {}
        lines = [f"{FOLDER}/{path} ({file.bytes} bytes)" for path, file in found.items()]
        told = self._description
        return "\n".join([told, "Files that are there now:", *lines]) if lines else told

    def _deltas(
        self, conversation: Conversation, state: RunState, answer: AnswerBuilder
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
                if error.code == TOO_LONG and state.truncate_history():
                    last = state.last
                    _log.info("Run %s goes on with %s messages: %s", state.run.id, last, error)
                    conversation = self._conversation(state)
                elif (pause := self._pause(error, state)) is not None:
                    _log.info("Run %s waits for %g s: %s", state.run.id, pause, error)
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

    def _pause(self, error: LanguageModelError, state: RunState) -> float | None:
        """Seconds after which a throttled server is asked again, if there is time for that."""
        if error.retry_after is None or not any(step.tool_calls for step in state.steps):
            return None
        pause = max(error.retry_after, _LEAST_PAUSE)
        return pause if pause < self._execution.seconds_left(state.run) else None

    def _file_of(self, image: ImageDelta) -> str:
        """The file of an image that the model made."""
        try:
            name, content = image_of(image.url)
        except ValueError as error:
            raise LanguageModelError(
                f"The language model answered with an image that cannot be kept: {error}."
            ) from None
        return self._tools.keep_image(name, content)

    def _write(
        self, answer: AnswerBuilder, state: RunState, opened: OpenMessage | None
    ) -> OpenMessage | None:
        """Tells of what came of a message; opens it with the first that shows."""
        run, draft = state.run, answer.message
        if opened is None and draft.shows:
            thoughts = answer.take_thoughts()
            opened = self._execution.begin_message(run, draft.given, reasoning=thoughts)
            begun = {index: encode(part) for index, part in draft.begin().items()}
            if begun:
                self._execution.tell(run, MESSAGE, parts_delta(opened[1].id, begun))
        if opened is not None:
            self._tell(run, opened[1].id, draft.untold())
        return opened

    def _tell(self, run: Run, message_id: str, untold: Iterable[Untold]) -> None:
        for one in untold:
            if one.words is None or not isinstance(one.part, TextPiece):
                delta = parts_delta(message_id, {one.place: encode(one.part)})
            elif one.part.is_refusal:
                delta = refusal_delta(message_id, one.words.text, index=one.place)
            else:
                note = one.words.note
                delta = text_delta(
                    message_id,
                    one.words.text,
                    is_first=one.is_first,
                    index=one.place,
                    annotations={} if note is None else {len(one.part.notes) - 1: encode(note)},
                )
            self._execution.tell(run, MESSAGE, delta)

    def _marks(self, state: RunState) -> KnownMarks:
        """What the model may cite, and the files that it may link to."""
        run, notes = state.run, citations_of(state.steps)
        for name, file_id in (self._tools.written(run) if has_interpreter(run) else {}).items():
            notes[name] = FilePath(text=name, file_path=FileReference(file_id=file_id))
        return KnownMarks(notes)


def _images_so_far(state: RunState) -> list[ImageFilePart]:
    """The images that code made since the last message: the next one begins with them."""
    return [file_part(file_id) for file_id in made_by_code(state.steps)]
