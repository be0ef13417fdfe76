"""The command ``assistants``: options and variables become a call, errors one line.

Here are `create` and `chat`; each of the other commands has a file of its own.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from assistants_client._version import __version__
from assistants_client.cli.backup import add_backup
from assistants_client.cli.delete import add_delete
from assistants_client.cli.exits import (
    FAILED,
    INTERRUPTED,
    NOT_INSTALLED,
    USAGE,
    Refusal,
    discard_output,
    say,
)
from assistants_client.cli.import_ import add_import
from assistants_client.cli.listing import add_list
from assistants_client.cli.parser import Parser
from assistants_client.cli.prune import add_prune
from assistants_client.cli.serve import add_serve
from assistants_client.cli.show import add_show
from assistants_client.cli.stored import add_server, status_of
from assistants_client.cli.tokens import add_tokens
from assistants_client.cli.usage import add_usage
from assistants_client.cli.worker import add_worker
from assistants_client.errors import AssistantsError

if TYPE_CHECKING:
    from assistants_client.cli.chat import ChatSession

#: The model of an assistant that is created for a conversation, if none is given.
_MODEL: Final = "gpt-4o"

_CHAT: Final = """\
A conversation with an assistant. Each line is a message; the answer appears as
it is written, and so does the code that was run for it with its output,
searches, and calls of functions (which cannot be executed here). Ctrl-C clears
a line that has begun, or cancels the current question; Ctrl-D leaves, and so
does Ctrl-C on an empty line. /help lists what else can be typed: /file PATH,
/new, /threads. Lines can also come from a pipe: then each is a question, also
one that begins with /, only answers are written to the standard output, and the
first question that fails ends it.

Without a base URL the embedded engine serves, with the variables that
`assistants serve` reads from the environment: ASSISTANTS_MODEL_URL,
ASSISTANTS_DATABASE_URL and so on."""

_CHAT_ENDS: Final = f"""\
exit status:
  0    the input has ended    {INTERRUPTED}  left by Ctrl-C
  {FAILED}    the server or the assistant failed; in a terminal, only before the
       first question
  {USAGE}    an option, a variable or the database cannot be used
  {NOT_INSTALLED}    the extra "engine" is not installed

examples:
  assistants chat
  assistants chat --file sales.csv --instructions "Answer in one sentence."
  echo "3x + 11 = 14" | assistants chat --base-url http://localhost:8000/v1"""


_CREATE: Final = """\
Creates an assistant once for all processes of a program, and prints its id, for
a variable of the program. Run it when the program is set up or deployed: an
assistant of that name is updated with the options that are given. Of several
commands at the same moment each prints the same id."""

_CREATE_ENDS: Final = f"""\
exit status:
  {FAILED}    the server failed, or there are several assistants of that name
  {USAGE}    an option, a variable or the database cannot be used
  {NOT_INSTALLED}    the extra "engine" is not installed

example:
  export ASSISTANT_ID=$(assistants create --name Tutor --tool code_interpreter)"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status.

    Args:
        arguments: The command's arguments; ``None`` takes those of the process.
    """
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        (options.parser if options.command else parser).unknown(unknown)
    if options.command is None:
        parser.print_help(sys.stderr)
        return USAGE
    if not hasattr(options, "log_format"):  # whose commands set up a log of their own
        logging.basicConfig(format="%(levelname)s: %(message)s")
    try:
        status: int = options.run(options)
    except Refusal as refusal:
        print(f"assistants {options.command}: {refusal}", file=sys.stderr)
        return refusal.status
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _parser() -> Parser:
    parser = Parser(
        prog="assistants",
        description="Assistants, threads and runs: served to other programs, or talked to here.",
        epilog="`assistants COMMAND --help` describes each.",
    )
    parser.add_argument("--version", action="version", version=f"assistants-client {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", dest="command", title="commands")
    add_serve(commands)
    add_worker(commands)
    _add_chat(commands)
    _add_create(commands)
    add_list(commands)
    add_show(commands)
    add_delete(commands)
    add_usage(commands)
    add_backup(commands)
    add_import(commands)
    add_prune(commands)
    add_tokens(commands)
    return parser


def _add_chat(commands: argparse._SubParsersAction[Parser]) -> None:
    chat = commands.add_parser(
        "chat",
        help="talk to an assistant in the terminal",
        description=_CHAT,
        epilog=_CHAT_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = chat.add_argument
    option("--assistant", metavar="ID", help="the assistant; without it one with the code "
           "interpreter is created, and kept once a question was asked")  # fmt: skip
    option("--thread", metavar="ID", help="thread to continue")
    option("--model", metavar="NAME", help="model that answers, instead of the assistant's; one "
           f"that is created here has ASSISTANTS_MODEL or {_MODEL}")  # fmt: skip
    option("--instructions", metavar="TEXT", help="instructions for the runs, instead of the "
           "assistant's")  # fmt: skip
    option("--file", metavar="PATH", action="append", default=[], help="a file to attach to the "
           "first message; can be given more than once")  # fmt: skip
    add_server(chat)
    chat.set_defaults(run=_chat, parser=chat)


def _add_create(commands: argparse._SubParsersAction[Parser]) -> None:
    create = commands.add_parser(
        "create",
        help="create an assistant once, or update it, and print its id",
        description=_CREATE,
        epilog=_CREATE_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = create.add_argument
    option("--name", metavar="NAME", required=True, help="the assistant's name, by which it is "
           "found again")  # fmt: skip
    option("--model", metavar="NAME", help="its model; a new one has ASSISTANTS_MODEL or "
           f"{_MODEL} without it")  # fmt: skip
    option("--instructions", metavar="TEXT", help="its instructions")
    option("--tool", metavar="TYPE", action="append", choices=("code_interpreter", "file_search"),
           help="code_interpreter or file_search; can be given more than once")  # fmt: skip
    add_server(create)
    create.set_defaults(run=_create, parser=create)


def _chat(options: argparse.Namespace) -> int:
    from assistants_client.cli.chat import ChatSession, Screen, converse
    from assistants_client.client.client import Client  # help needs no client

    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):  # unsupported characters must not end it
            stream.reconfigure(errors="replace")
    # The conversation itself reports failed runs and requests.
    for name in ("assistants_client.engine.worker.runner", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    columns = (lambda: shutil.get_terminal_size().columns) if sys.stdout.isatty() else None
    screen = Screen(sys.stdout, sys.stderr, columns)
    try:
        with Client(options.base_url, api_key=options.api_key) as client:
            talk = ChatSession(
                client,
                screen,
                assistant_id=options.assistant,
                thread_id=options.thread,
                model=options.model,
                default_model=os.environ.get("ASSISTANTS_MODEL") or _MODEL,
                instructions=options.instructions,
                files=options.file,
            )
            try:
                if interactive:
                    screen.aside(
                        f"{client!r}. /help says more. Ctrl-C cancels an answer, Ctrl-D leaves."
                    )
                converse(talk, screen, interactive=interactive)
            finally:
                talk.close()
                if talk.has_begun:
                    screen.aside(f"To go on: {_continuation(talk, options.base_url)}")
    except AssistantsError as error:
        raise Refusal(status_of(error), str(error)) from error
    except BrokenPipeError:
        discard_output()
        return FAILED
    return 0


def _create(options: argparse.Namespace) -> int:
    from assistants_client.cli.create import create_once
    from assistants_client.client.client import Client  # help needs no client

    try:
        with Client(options.base_url, api_key=options.api_key) as client:
            made = create_once(
                client,
                options.name,
                model=options.model,
                default_model=os.environ.get("ASSISTANTS_MODEL") or _MODEL,
                instructions=options.instructions,
                tools=options.tool,
            )
    except AssistantsError as error:
        raise Refusal(status_of(error), str(error)) from error
    say(made)
    return 0


def _continuation(talk: ChatSession, base_url: str | None) -> str:
    command = f"assistants chat --assistant {talk.assistant_id} --thread {talk.thread_id}"
    return command if base_url is None else f"{command} --base-url {base_url}"
