"""A conversation in a terminal: lines become messages, and a run's output is shown as it arrives.

The command's options and exit statuses are in ``command_line.py``. No HTTP and no engine here.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Final, TextIO

from assistants_client.cli.word_wrap import WordWrap
from assistants_client.client.client import Client
from assistants_client.errors import AssistantsError, ConfigurationError, RunError, run_error
from assistants_client.models._base import UNSET
from assistants_client.models.assistants import Assistant
from assistants_client.models.events import (
    Event,
    MessageCompleted,
    MessageDelta,
    MessageIncomplete,
    RunStepCancelled,
    RunStepCompleted,
    RunStepExpired,
    RunStepFailed,
)
from assistants_client.models.messages import (
    Attachment,
    FilePath,
    ImageFilePart,
    Message,
    MessageRequest,
    RefusalPart,
)
from assistants_client.models.run_steps import (
    CodeInterpreterCall,
    CodeOutput,
    FileSearchCall,
    FunctionToolCall,
    ImageOutput,
    LogsOutput,
    StepToolCall,
)
from assistants_client.models.runs import Run
from assistants_client.models.threads import Thread
from assistants_client.models.tools import CodeInterpreterTool, FileSearchTool, UnknownTool

#: The timeout of the wait for a cancelled run, whose thread is locked until it ends.
_CANCEL_SECONDS: Final = 30.0
#: Control characters: a model's text is untrusted, and must not control the terminal. Tabs and
#: line breaks are harmless.
_CONTROLS: Final = {
    code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"
}

#: The threads that are listed, and the columns of their first messages.
_LISTED: Final = 10
_COLUMNS: Final = 40
#: A word like a command; a path, such as /usr/bin, is none.
_COMMAND: Final = re.compile(r"/([a-z]+)(?:\s+(.*))?", re.DOTALL)

_HELP: Final = """\
/file PATH     attaches a file to the next message
/new           begins a new thread
/threads       lists the newest threads; /threads ID goes on with one
/help          shows this
Ctrl-C         clears the line, cancels the answer, or leaves; Ctrl-D leaves"""


class Screen:
    """Prints the answer's text on one stream as it arrives, all else in lines on the other.

    So a program that reads the answers from a pipe gets nothing else.

    Args:
        answers: The stream for the answers.
        asides: The stream for the rest.
        width: Returns the columns of the terminal, in which answers are broken at words; ``None``
            leaves their lines as they are.
    """

    def __init__(
        self, answers: TextIO, asides: TextIO, width: Callable[[], int] | None = None
    ) -> None:
        self._answers = answers
        self._asides = asides
        self._width = width
        self._wrap = WordWrap()
        self._in_line = False

    def text(self, text: str) -> None:
        """Prints a piece of the answer."""
        shown = text.translate(_CONTROLS)
        self._print(shown if self._width is None else self._wrap.add(shown, self._width()))

    def _print(self, shown: str) -> None:
        if shown:
            print(shown, end="", file=self._answers, flush=True)
            self._in_line = not shown.endswith("\n")

    def end_line(self) -> None:
        """Ends the line of the answer, if one has begun."""
        if self._width is not None:
            self._print(self._wrap.end(self._width()))
        if self._in_line:
            self._in_line = False
            print(file=self._answers, flush=True)

    def aside(self, text: str) -> None:
        """Prints a line that is not part of the answer."""
        self.end_line()
        print(text.translate(_CONTROLS), file=self._asides, flush=True)


class ChatSession:
    """An assistant and a thread, retrieved or created, and the messages on the thread.

    Args:
        client: The client of both.
        screen: The output.
        assistant_id: The assistant; ``None`` creates one with the code interpreter.
        thread_id: The thread to continue; ``None`` creates one.
        model: Instead of the assistant's.
        default_model: The model of an assistant that is created here, if ``model`` is ``None``.
        instructions: Instead of the assistant's.
        files: Paths; the files are attached to the first message.

    Raises:
        AssistantsError: One of them cannot be retrieved, created or read.
    """

    def __init__(
        self,
        client: Client,
        screen: Screen,
        *,
        assistant_id: str | None,
        thread_id: str | None,
        model: str | None,
        default_model: str,
        instructions: str | None,
        files: Sequence[str],
    ) -> None:
        self._client = client
        self._screen = screen
        self._model = model or UNSET
        self._instructions = instructions or UNSET
        self._run: Run | None = None
        #: Deletes the objects created for a conversation that does not begin.
        self._undo: list[Callable[[], object]] = []
        try:
            assistant = self._assistant(assistant_id, model or default_model)
            self.assistant_id: str = assistant.id
            self.thread_id: str = self._thread(thread_id)
            self._assistant_found = assistant
            self._attachments = [self._attachment(path, assistant) for path in files]
        except BaseException:
            self.close()
            raise

    @property
    def has_begun(self) -> bool:
        """True once a run was started."""
        return self._run is not None

    def answer(self, question: str) -> None:
        """Sends a message, and shows the assistant's tool calls and answer.

        Raises:
            RunError: The run did not complete, or requires an action that is not possible here.
            AssistantsError: Another error occurred.
        """
        run = None
        with self._client.runs.stream(
            self.thread_id,
            assistant_id=self.assistant_id,
            # With the run: asked again after one that is refused, it is there once.
            additional_messages=[MessageRequest(question, attachments=self._attachments or UNSET)],
            on_active_run="wait",  # an abandoned run may still lock the thread
            model=self._model,
            instructions=self._instructions,
        ) as stream:
            for event in stream:
                if run is None:
                    self._attachments, self._undo = [], []
                self._run = run = stream.run
                self._show(event)
        self._screen.end_line()
        if run is None:
            return
        if run.status == "requires_action":
            raise _cannot_act(run)
        error = run_error(run)
        if error is not None:
            raise error

    def new_thread(self) -> None:
        """Goes on in a new thread; the last one is kept."""
        self.thread_id = self._thread(None)
        if self.has_begun:
            self._undo = []

    def go_to(self, thread_id: str) -> None:
        """Goes on in a thread.

        Raises:
            NotFoundError: There is none with this id.
        """
        self.thread_id = self._client.threads.retrieve(thread_id).id

    def threads(self, limit: int) -> Iterator[tuple[Thread, str]]:
        """Yields the newest threads with the text of their first message."""
        for thread in self._client.threads.list(limit=limit):
            messages = self._client.messages.list(thread.id, order="asc", limit=1)
            yield thread, next((message.text for message in messages), "")

    def attach(self, path: str) -> None:
        """Uploads a file; it is attached to the next message.

        Raises:
            AssistantsError: It cannot be read, or the assistant cannot read files.
        """
        self._attachments.append(self._attachment(path, self._assistant_found))

    def cancel(self) -> None:
        """Cancels the active run, if there is one, and waits until its thread is unlocked.

        If that fails, the next question fails with an error about the locked thread.
        """
        run = self._run
        if run is not None and not run.is_final:
            with suppress(AssistantsError):
                self._client.runs.cancel(run.thread_id, run.id)
                self._client.wait_for_run(run, check=False, timeout=_CANCEL_SECONDS)

    def close(self) -> None:
        """Deletes all that was created for a conversation that did not begin."""
        for undo in self._undo:
            with suppress(AssistantsError):
                undo()
        self._undo = []

    # --- assistant, thread, files ---------------------------------------------------------------

    def _assistant(self, assistant_id: str | None, model: str) -> Assistant:
        if assistant_id is not None:
            return self._client.assistants.retrieve(assistant_id)
        made = self._client.assistants.create(
            model=model,
            instructions=self._instructions,
            tools=[CodeInterpreterTool()],
        )
        self._undo.append(partial(self._client.assistants.delete, made.id))
        return made

    def _thread(self, thread_id: str | None) -> str:
        if thread_id is not None:
            return self._client.threads.retrieve(thread_id).id
        made = self._client.threads.create()
        self._undo.append(partial(self._client.threads.delete, made.id))
        return made.id

    def _attachment(self, path: str, assistant: Assistant) -> Attachment:
        readers: list[CodeInterpreterTool | FileSearchTool | UnknownTool] = [
            type(tool)()
            for tool in assistant.tools
            if isinstance(tool, (CodeInterpreterTool, FileSearchTool))
        ]
        if not readers:
            raise ConfigurationError(
                f"--file: assistant {assistant.id} cannot read files, for it has neither the code "
                "interpreter nor file search; leave --assistant out to talk to one that can"
            )
        made = self._client.files.upload(path)
        self._undo.append(partial(self._client.files.delete, made.id))
        return Attachment(file_id=made.id, tools=readers)

    # --- output ---------------------------------------------------------------------------------

    def _show(self, event: Event) -> None:
        match event:
            case MessageDelta(text=text):
                self._screen.text(text)
            case MessageCompleted(message) | MessageIncomplete(message):
                self._screen.end_line()
                for line in _lines_beside_text(message):
                    self._screen.aside(line)
            case (
                RunStepCompleted(step)
                | RunStepFailed(step)
                | RunStepCancelled(step)
                | RunStepExpired(step)
            ):
                for call in step.tool_calls:
                    for line in _call_lines(call):
                        self._screen.aside(line)
            case _:
                pass


def converse(session: ChatSession, screen: Screen, *, interactive: bool) -> None:
    """Sends each line of the standard input as a message; empty ones are skipped.

    In a terminal Ctrl-C cancels the active run, errors are shown before the next line, and lines
    may be commands (``/help`` lists them); elsewhere both end the conversation, and every line
    is a message.

    Raises:
        AssistantsError: A question could not be answered, and the input is no terminal.
        KeyboardInterrupt: Ctrl-C, while no run was active or a run was being cancelled.
    """
    for line in _typed() if interactive else sys.stdin:
        if not line.strip():
            continue
        try:
            if not (interactive and _obeyed(line, session, screen)):
                session.answer(line.strip())
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                screen.aside("Cancelling the answer. Ctrl-C again leaves.")
            session.cancel()
            if not (interactive and isinstance(error, (AssistantsError, KeyboardInterrupt))):
                raise
            if isinstance(error, AssistantsError):
                screen.aside(f"assistants chat: {error}")


def _typed() -> Iterator[str]:
    """Yields the lines that are typed. Ctrl-C clears one that has begun, and else is raised."""
    typed: Callable[[], str] = str
    with suppress(ImportError):  # gives input() editing and a history; not every system has it
        import readline

        typed = readline.get_line_buffer
    while True:
        try:
            line = input("> ")
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print()
            if typed():
                continue
            raise
        yield line


def _cannot_act(run: Run) -> RunError:
    calls = ", ".join(f"{call.function.name}({call.function.arguments})" for call in run.tool_calls)
    kind = run.required_action.type if run.required_action is not None else "an unknown action"
    wanted = f"the function call {calls}" if calls else kind
    return RunError(
        f"the assistant asks for {wanted}, which cannot be answered here; the run is cancelled. "
        "Answer it in a program, with client.ask(..., tools=[...])",
        run,
    )


def _call_lines(call: StepToolCall) -> Iterator[str]:
    """Yields the lines for a tool's input and output."""
    match call:
        case CodeInterpreterCall(code_interpreter=record):
            yield _block("code", record.input)
            for output in record.outputs:
                yield _output(output)
        case FileSearchCall(file_search=search):
            found = [f"{one.file_name or one.file_id} ({one.score:.2f})" for one in search.results]
            yield f"[file search] {', '.join(found) or 'no results shown'}"
        case FunctionToolCall(function=function):
            result = "" if function.output is None else f" -> {function.output}"
            yield f"[function] {function.name}({function.arguments}){result}"
        case _:
            yield f"[{call.type}]"


def _output(output: CodeOutput) -> str:
    match output:
        case LogsOutput(logs=logs):
            return _block("output", logs)
        case ImageOutput(image=image):
            return f"[output] image, file {image.file_id}"
        case _:
            return f"[output] {output.type}"


def _block(title: str, text: str) -> str:
    lines = text.strip("\n").split("\n")
    return "\n".join((f"[{title}]", *(f"    {line}".rstrip() for line in lines)))


def _lines_beside_text(message: Message) -> Iterable[str]:
    """Yields the lines for the parts of a message beside its text, which was shown already."""
    for part in message.content:
        if isinstance(part, RefusalPart):
            yield f"[refusal] {part.refusal}"
        elif isinstance(part, ImageFilePart):
            yield f"[image] file {part.image_file.file_id}"
    for mark in message.citations:
        if isinstance(mark, FilePath) and mark.file_path is not None:
            yield f"[file] {mark.text}: file {mark.file_path.file_id}"


# --- commands ---------------------------------------------------------------------------------


def _obeyed(line: str, session: ChatSession, screen: Screen) -> bool:
    """Does what a line commands.

    Returns:
        False if it is a message.

    Raises:
        AssistantsError: The command failed.
    """
    match = _COMMAND.fullmatch(line.strip())
    if match is None:
        return False
    name, argument = match[1], (match[2] or "").strip()
    command = _COMMANDS.get(name)
    if command is None:
        near = difflib.get_close_matches(name, _COMMANDS, 1)
        meant = f"did you mean /{near[0]}? " if near else ""
        screen.aside(f"There is no command /{name}; {meant}/help lists them.")
    else:
        command(argument, session, screen)
    return True


def _help(_: str, session: ChatSession, screen: Screen) -> None:
    where = f"The assistant is {session.assistant_id}, the thread {session.thread_id}."
    screen.aside(f"{_HELP}\n{where}")


def _new(_: str, session: ChatSession, screen: Screen) -> None:
    last = session.thread_id
    session.new_thread()
    screen.aside(f"A new thread. Back to the last one: /threads {last}")


def _threads(argument: str, session: ChatSession, screen: Screen) -> None:
    if argument:
        session.go_to(argument)
        screen.aside(f"Going on with {session.thread_id}.")
        return
    for thread, first in session.threads(_LISTED):
        here = "*" if thread.id == session.thread_id else " "
        shown = textwrap.shorten(first, _COLUMNS, placeholder="…") if first else "(empty)"
        made = datetime.fromtimestamp(thread.created_at).strftime("%Y-%m-%d %H:%M")
        screen.aside(f"{here} {thread.id}  {made}  {shown}")


def _file(argument: str, session: ChatSession, screen: Screen) -> None:
    if not argument:
        screen.aside("Which file? /file PATH")
        return
    session.attach(os.path.expanduser(argument.strip("'\"")))
    screen.aside("It goes with the next message.")


_COMMANDS: Final[dict[str, Callable[[str, ChatSession, Screen], None]]] = {
    "file": _file,
    "help": _help,
    "new": _new,
    "threads": _threads,
}
