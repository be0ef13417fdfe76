"""Builds the conversation that a language model is sent for a run: pure, no database, no HTTP.

The model's answer is read in answer.py; sending and what follows from it is in runner.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import Any, Final

from assistants_client._json.codec import encode
from assistants_client.engine.domain.file_search_tool import (
    DESCRIPTION,
    PARAMETERS,
    arguments_of,
    shown_to_model,
    without_citations,
)
from assistants_client.engine.domain.token_sums import total_of
from assistants_client.engine.language_models.base import (
    CODE_INTERPRETER,
    FILE_SEARCH,
    Conversation,
    FunctionSpec,
    Image,
    State,
    ToolCall,
    Turn,
)
from assistants_client.engine.language_models.thinking import without_thoughts
from assistants_client.models.messages import (
    ImageFile,
    ImageFilePart,
    ImageUrlPart,
    Message,
    RefusalPart,
    TextPart,
)
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    CodeInterpreterRecord,
    FileSearchCall,
    FunctionToolCall,
    ImageOutput,
    LogsOutput,
    MessageCreationDetails,
    RunStep,
    StepToolCall,
    ToolCallsDetails,
)
from assistants_client.models.runs import Run, Usage
from assistants_client.models.tools import (
    CodeInterpreterTool,
    FileSearchTool,
    FunctionTool,
    NamedToolChoice,
    ResponseFormat,
    Tool,
)

#: The output that the model reads where code ran and printed nothing.
NO_OUTPUT: Final = "(no output)"
#: Characters of an image's address that a text names; some addresses hold the whole image.
_LONGEST_URL: Final = 300

_CODE_PARAMETERS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"code": {"type": "string", "description": "The Python code to run."}},
    "required": ["code"],
    "additionalProperties": False,
}


def conversation_of(
    run: Run,
    messages: Sequence[Message],
    steps: Sequence[RunStep],
    *,
    code_interpreter: str,
    shown: Callable[[ImageFile], Image | str],
    last: int | None = None,
    states: Mapping[str, State] = MappingProxyType({}),
) -> Conversation:
    """Returns the next conversation to send to the model.

    Args:
        run: Its instructions are final: the assistant's and the additional ones are merged already.
        messages: The thread's that the run may see, and its own, oldest first.
        steps: This run's, oldest first. Earlier runs are represented by their messages alone.
        code_interpreter: Describes the code interpreter to the model.
        shown: Returns the image of a file; or, for the model to read, why it cannot be sent.
        last: The number of messages to send at most, the last ones; ``None`` sends all.
        states: What the models' servers want back unchanged, by the ids of steps and messages.
    """
    # Some models call the functions they are sent even when the tool choice is "none".
    functions = [] if run.tool_choice == "none" else _functions(run.tools, code_interpreter)
    limit = run.max_completion_tokens
    return Conversation(
        model=run.model,
        instructions=run.instructions or None,
        turns=[*_history(run, messages, shown, last, states), *_rounds(messages, steps, states)],
        functions=functions,
        tool_choice=_tool_choice(run, functions, steps),
        parallel_tool_calls=run.parallel_tool_calls if functions else None,
        temperature=run.temperature,
        top_p=run.top_p,
        max_completion_tokens=(
            None if limit is None else max(1, limit - tokens_spent(steps).completion_tokens)
        ),
        reasoning_effort=run.reasoning_effort,
        response_format=_response_format(run),
    )


def tokens_spent(steps: Iterable[RunStep]) -> Usage:
    """Returns the tokens of all steps together."""
    return total_of(step.usage for step in steps)


def code_output(record: CodeInterpreterRecord) -> str:
    """Returns the output of code, as the model reads it."""
    shown = (output.logs for output in record.outputs if isinstance(output, LogsOutput))
    logs: str = record.extra.get("told") or "".join(shown)
    images = sum(isinstance(output, ImageOutput) for output in record.outputs)
    if images:
        end = "" if not logs or logs.endswith("\n") else "\n"
        logs += f"{end}[images that your answer begins with: {images}]\n"
    return logs or NO_OUTPUT


def messages_for(run: Run, messages: Iterable[Message]) -> list[Message]:
    """Returns the messages that a run found when it began, without its own."""
    return [message for message in messages if message.run_id != run.id]


def _history(
    run: Run,
    messages: Sequence[Message],
    shown: Callable[[ImageFile], Image | str],
    last: int | None,
    states: Mapping[str, State],
) -> list[Turn]:
    seen = messages_for(run, messages)[-last if last is not None else None :]
    # From its end: where there is no room for all images, the oldest are left out.
    turns = [_turn(message, shown, states) for message in reversed(seen)]
    return [turn for turn in reversed(turns) if turn.text]


def _turn(
    message: Message, shown: Callable[[ImageFile], Image | str], states: Mapping[str, State]
) -> Turn:
    if message.role == "assistant":
        text = _text(message, keeps_marks=False)
        return Turn(role="assistant", text=text, state=states.get(message.id))
    pieces = list(_pieces(message, shown))
    has_images = any(isinstance(part, Image) for _, part in pieces)
    return Turn(
        role="user",
        text="\n".join(words for words, _ in pieces),
        parts=[part for _, part in pieces] if has_images else (),
    )


def _text(message: Message, *, keeps_marks: bool) -> str:
    """Returns the text of an assistant's message; images are named, as the model cannot see them.

    Reasoning is no part of the answer, and is in the text only to be seen by people. The marks of
    an earlier run are left out: in this one they would stand for something else.
    """
    text = "\n".join(words for words, _ in _pieces(message, _named, keeps_marks=keeps_marks))
    return text if message.run_id is None else without_thoughts(text)


def _named(image: ImageFile) -> str:
    return f"[image file: {image.file_id}]"


def _pieces(
    message: Message, shown: Callable[[ImageFile], Image | str], *, keeps_marks: bool = True
) -> Iterator[tuple[str, str | Image]]:
    """Yields the parts of a message in words, and as they are sent to a model that sees images."""
    for part in message.content:
        if isinstance(part, TextPart) and part.text.value:
            words = part.text.value if keeps_marks else without_citations(part.text)
            yield words, words
        elif isinstance(part, RefusalPart) and part.refusal:
            yield part.refusal, part.refusal
        elif isinstance(part, ImageUrlPart):
            url = part.image_url.url
            words = url if len(url) <= _LONGEST_URL else f"{url[:_LONGEST_URL]}…"
            yield f"[image: {words}]", Image(url=url, detail=part.image_url.detail)
        elif isinstance(part, ImageFilePart):
            seen = shown(part.image_file)
            yield seen if isinstance(seen, str) else _named(part.image_file), seen


def _rounds(
    messages: Sequence[Message], steps: Sequence[RunStep], states: Mapping[str, State]
) -> Iterator[Turn]:
    """Yields the turns of this run so far: its messages and its calls.

    Text and the calls after it came in one answer and go back as one turn: many chat templates
    refuse two turns of the same role in a row.
    """
    written = {message.id: message for message in messages}
    texts: list[str] = []
    searches = count()
    for step in steps:
        details = step.step_details
        if isinstance(details, MessageCreationDetails):
            message = written.get(details.message_creation.message_id)
            text = "" if message is None else _text(message, keeps_marks=True)
            texts += [text] if text else []
        elif isinstance(details, ToolCallsDetails):
            outputs = list(_calls_with_outputs(details.tool_calls, searches))
            if outputs:
                calls = [call for call, _ in outputs]
                yield _assistant_turn(texts, tool_calls=calls, state=states.get(step.id))
                texts = []
                for call, output in outputs:
                    yield Turn(role="tool", text=output, tool_call_id=call.id)
    if texts:
        yield _assistant_turn(texts)


def _assistant_turn(texts: Sequence[str], **fields: Any) -> Turn:
    parts = texts if len(texts) > 1 else ()
    return Turn(role="assistant", text="\n".join(texts), parts=parts, **fields)


def _calls_with_outputs(
    calls: Iterable[StepToolCall], searches: Iterator[int]
) -> Iterator[tuple[ToolCall, str]]:
    for call in calls:
        if isinstance(call, CodeInterpreterCall):
            record = call.code_interpreter
            arguments = json.dumps({"code": record.input})
            asked = ToolCall(id=call.id, name=CODE_INTERPRETER, arguments=arguments)
            yield asked, code_output(record)
        elif isinstance(call, FileSearchCall):
            found = call.file_search
            asked = ToolCall(id=call.id, name=FILE_SEARCH, arguments=arguments_of(found))
            yield asked, shown_to_model(found, next(searches))
        elif isinstance(call, FunctionToolCall):
            function = call.function
            asked = ToolCall(id=call.id, name=function.name, arguments=function.arguments)
            yield asked, function.output or ""


def _functions(tools: Iterable[Tool], code_interpreter: str) -> list[FunctionSpec]:
    """Returns the tools as functions, one for each name; a built-in tool's name is its own."""
    found: dict[str, FunctionSpec] = {}
    for tool in tools:
        if isinstance(tool, CodeInterpreterTool):
            found[CODE_INTERPRETER] = FunctionSpec(
                name=CODE_INTERPRETER, description=code_interpreter, parameters=_CODE_PARAMETERS
            )
        elif isinstance(tool, FileSearchTool):
            found[FILE_SEARCH] = FunctionSpec(
                name=FILE_SEARCH, description=DESCRIPTION, parameters=PARAMETERS
            )
        elif isinstance(tool, FunctionTool):
            definition = tool.function
            found.setdefault(
                definition.name,
                FunctionSpec(
                    name=definition.name,
                    description=definition.description,
                    parameters=definition.parameters,
                    strict=definition.strict,
                ),
            )
    return list(found.values())


def _tool_choice(
    run: Run, functions: Sequence[FunctionSpec], steps: Iterable[RunStep]
) -> str | None:
    choice = run.tool_choice
    if not functions or any(step.tool_calls for step in steps):
        return None  # Nothing to choose, or done already: asked again, it would call for ever.
    if isinstance(choice, NamedToolChoice):
        name = choice.function.name if choice.function is not None else choice.type
        return f"function:{name}" if any(f.name == name for f in functions) else None
    return "required" if choice == "required" else None


def _response_format(run: Run) -> dict[str, Any] | None:
    wanted = run.response_format
    if not isinstance(wanted, ResponseFormat) or wanted.type == "text":
        return None
    document: dict[str, Any] = encode(wanted)
    return document
