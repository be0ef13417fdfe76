"""The command ``assistants``: options and variables become a call, errors one line.

The server is in engine/serving/, the conversation in chat.py. The engine is imported only where it
is needed: help and version work without the extra.
"""

from __future__ import annotations

import argparse
import errno
import io
import logging
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from assistants_client._arguments import checked_base_url
from assistants_client._version import __version__
from assistants_client.cli.parser import Parser, database, port, take_variables, token, workers
from assistants_client.errors import AssistantsError, ConfigurationError

if TYPE_CHECKING:
    from assistants_client.cli.chat import ChatSession
    from assistants_client.engine import Engine
    from assistants_client.engine.serving.server import Server

#: Exit statuses beside 0, which is for SIGTERM and the end of the input.
FAILED: Final = 1
USAGE: Final = 2
ADDRESS: Final = 3
DATABASE: Final = 4
MODEL: Final = 5
NOT_INSTALLED: Final = 6
SANDBOX: Final = 7
INTERRUPTED: Final = 130

#: The exit status for an invalid variable, by the prefix of its name.
_STATUSES: Final = (
    ("$ASSISTANTS_ALLOW_ORIGIN", USAGE),
    ("$ASSISTANTS_MODEL", MODEL),
    ("$ASSISTANTS_EMBEDDING", MODEL),
    ("$ASSISTANTS_CODE_INTERPRETER", SANDBOX),
)
#: The model of an assistant that is created for a conversation, if none is given.
_MODEL: Final = "gpt-4o"

_SERVE: Final = """\
Serves the Assistants protocol on a port, for every client of it: this
package's, and others that accept a base URL. Each option can also be given by
the variable named behind it; the option takes precedence."""

_ENDS: Final = f"""\
exit status:
  0    stopped by SIGTERM      {INTERRUPTED}  stopped by Ctrl-C
  {USAGE}    an option is wrong      {ADDRESS}    the address cannot be listened on
  {DATABASE}    the database cannot be opened or written
  {MODEL}    the model cannot be used {NOT_INSTALLED}    the extra "engine" is not installed
  {SANDBOX}    the code interpreter that was chosen cannot be used here

example:
  assistants serve --model-url http://localhost:11434/v1 --model llama3.2

For many users, put the same application behind another WSGI server; it reads
the same variables, save those of host and port:
  gunicorn --threads 32 assistants_client.engine.wsgi:application"""


_CHAT: Final = """\
A conversation with an assistant. Each line is a message; the answer appears as
it is written, and so does the code that was run for it with its output,
searches, and calls of functions (which cannot be executed here). Ctrl-C clears
a line that has begun, or cancels the current question; Ctrl-D leaves, and so
does Ctrl-C on an empty line. /help lists what else can be typed: /file PATH,
/new, /threads. Lines can also come from a pipe: then only answers are written
to the standard output, and the first question that fails ends it.

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
a variable of the program. Run it when the program is set up or deployed, at one
place: an assistant of that name is updated with the options that are given."""

_CREATE_ENDS: Final = f"""\
exit status:
  {FAILED}    the server failed, or there are several assistants of that name
  {USAGE}    an option, a variable or the database cannot be used
  {NOT_INSTALLED}    the extra "engine" is not installed

example:
  export ASSISTANT_ID=$(assistants create --name Tutor --tool code_interpreter)"""


class _Refusal(Exception):
    """The command cannot go on: the reason, on one line, and the exit status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(" ".join(message.split()))
        self.status = status


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
    logging.basicConfig(format="%(levelname)s: %(message)s")
    try:
        status: int = options.run(options)
    except _Refusal as refusal:
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
    _add_serve(commands)
    _add_chat(commands)
    _add_create(commands)
    return parser


def _add_serve(commands: argparse._SubParsersAction[Parser]) -> None:
    serve = commands.add_parser(
        "serve",
        help="serve the protocol on a port, for any client",
        description=_SERVE,
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    #: By argument: the option, its variable, and what is taken where neither is given.
    variables: dict[str, tuple[str, str, str | None]] = {}

    def option(name: str, variable: str, default: str | None, what: str, **more: Any) -> None:
        action = serve.add_argument(name, help=f"{what} [{variable}]", **more)
        variables[action.dest] = (name, variable, default)

    option("--host", "ASSISTANTS_HOST", "127.0.0.1", "address to listen on; one that other "
           "machines reach needs a token (default: 127.0.0.1)")  # fmt: skip
    option("--port", "ASSISTANTS_PORT", "8000", "port to listen on; 0 takes a free one "
           "(default: 8000)", type=port)  # fmt: skip
    option("--database", "ASSISTANTS_DATABASE_URL", None, "the database: "
           "a URL, or a file for SQLite (default: assistants.db in the working directory)",
           metavar="URL", type=database)  # fmt: skip
    option("--model-url", "ASSISTANTS_MODEL_URL", None, "server of language models that "
           "answers; without it OpenAI's, if OPENAI_API_KEY is set and OPENAI_BASE_URL names no "
           "other server, else the offline tutor, which does arithmetic and linear equations only",
           metavar="URL")  # fmt: skip
    option("--model-key", "ASSISTANTS_MODEL_KEY", None, "key for that server; the variable is "
           "the better place, since other users may see command lines", metavar="KEY")  # fmt: skip
    option("--model", "ASSISTANTS_MODEL", None, "model to ask that server for, whatever a run "
           "names", metavar="NAME")  # fmt: skip
    option("--model-api", "ASSISTANTS_MODEL_API", None, "which API that server has: chat (chat "
           "completions, the default) or responses", metavar="API")  # fmt: skip
    serve.add_argument("--model-map", metavar="OLD=NEW", action="append", default=[],
           help="model to ask for instead of one that a run names, such as one that was retired; "
           "can be given more than once [ASSISTANTS_MODEL_MAP, with commas]")  # fmt: skip
    option("--model-timeout", "ASSISTANTS_MODEL_TIMEOUT", None, "seconds that an answer of that "
           "server may take (default: 3600; the run ends sooner)", metavar="SECONDS")  # fmt: skip
    option("--model-stalled-after", "ASSISTANTS_MODEL_STALLED_AFTER", None, "seconds without a "
           "sign of life after which it is given up (default: 300)", metavar="SECONDS")  # fmt: skip
    option("--show-thinking", "ASSISTANTS_MODEL_SHOW_THINKING", None, "keeps in the messages the "
           "reasoning that a model writes within its text",
           action="store_const", const="1")  # fmt: skip
    option("--embedding-model", "ASSISTANTS_EMBEDDING_MODEL", None, "model of that server that "
           "embeds texts, so that file search finds meanings too", metavar="NAME")  # fmt: skip
    option("--code-interpreter", "ASSISTANTS_CODE_INTERPRETER", None, "where code of models runs: "
           "monty, a subset of Python (the default), or bubblewrap, all of Python on Linux, which "
           "needs the package of that name", metavar="NAME")  # fmt: skip
    option("--workers", "ASSISTANTS_WORKERS", None, "runs that are processed at once; more are "
           "queued (default: 64)", metavar="NUMBER", type=workers)  # fmt: skip
    option("--token", "ASSISTANTS_TOKEN", None, "key that every request must have as its bearer "
           "token; likewise better in the variable", type=token)  # fmt: skip
    serve.add_argument("--allow-origin", metavar="ORIGIN", action="append", default=[],
           help="origin whose web pages may use this server from a browser, such as "
           "https://app.example.org; * lets all in, whoever made them; can be given more than once "
           "(default: none) [ASSISTANTS_ALLOW_ORIGIN, with commas]")  # fmt: skip
    serve.set_defaults(run=_serve, parser=serve, variables=variables)


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
    _add_server(chat)
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
    _add_server(create)
    create.set_defaults(run=_create, parser=create)


def _add_server(command: Parser) -> None:
    option = command.add_argument
    option("--base-url", metavar="URL", help="server of the protocol, such as https://host/v1; "
           "without it the embedded engine [ASSISTANTS_BASE_URL]")  # fmt: skip
    option("--api-key", metavar="KEY", help="key for that server; the variable is the better "
           "place, since other users may see command lines [ASSISTANTS_API_KEY]")  # fmt: skip


def _serve(options: argparse.Namespace) -> int:
    try:
        sources = take_variables(options)
    except ConfigurationError as error:
        raise _Refusal(USAGE, str(error)) from error
    model_url = _checked_model_url(options.model_url, sources["ASSISTANTS_MODEL_URL"])
    try:
        from assistants_client.engine import Engine  # an extra, and slow to import
        from assistants_client.engine.serving.server import Server
    except ModuleNotFoundError as error:
        if error.name == "waitress":  # which the engine itself does not need
            message = 'waitress is not installed: pip install "assistants-client[engine]"'
            raise _Refusal(NOT_INSTALLED, message) from error
        if "[engine]" not in str(error):
            raise
        raise _Refusal(NOT_INSTALLED, str(error)) from error
    # The options are other names of the variables that the engine reads.
    for name, value in (
        ("ASSISTANTS_DATABASE_URL", options.database),
        ("ASSISTANTS_MODEL_URL", model_url),
        ("ASSISTANTS_MODEL_KEY", options.model_key),
        ("ASSISTANTS_MODEL", options.model),
        ("ASSISTANTS_MODEL_API", options.model_api),
        ("ASSISTANTS_MODEL_MAP", ",".join(options.model_map)),
        ("ASSISTANTS_MODEL_TIMEOUT", options.model_timeout),
        ("ASSISTANTS_MODEL_STALLED_AFTER", options.model_stalled_after),
        ("ASSISTANTS_MODEL_SHOW_THINKING", options.show_thinking),
        ("ASSISTANTS_EMBEDDING_MODEL", options.embedding_model),
        ("ASSISTANTS_CODE_INTERPRETER", options.code_interpreter),
        ("ASSISTANTS_WORKERS", options.workers),
        ("ASSISTANTS_TOKEN", options.token),
        ("ASSISTANTS_ALLOW_ORIGIN", ",".join(options.allow_origin)),
    ):
        if value:
            os.environ[name] = str(value)
    # The announcement below names the model more clearly than the engine's warning.
    logging.getLogger("assistants_client.engine.environment").setLevel(logging.ERROR)
    # It warns of more parallel requests than pooled connections, which needs no action.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    try:
        server = Server(options.host, options.port)
    except OSError as error:
        raise _Refusal(ADDRESS, _why_not(error, options)) from error
    with server:
        if options.token is None and not server.is_loopback:
            raise _Refusal(
                USAGE,
                f"--host {options.host} lets other machines in: set a token (ASSISTANTS_TOKEN or "
                "--token) that they must send",
            )
        try:
            engine = Engine.from_environment(token=options.token)
            engine.open()
        except ConfigurationError as error:
            message = str(error)
            statuses = (status for name, status in _STATUSES if message.startswith(name))
            status = next(statuses, DATABASE)
            variable, colon, reason = message.partition(":")
            if variable.startswith("$"):  # the engine knows variables only
                message = f"{sources.get(variable[1:], variable)}{colon}{reason}"
            raise _Refusal(status, message) from error
        number = server.serve(
            engine,
            to_all=options.token is not None,
            ready=lambda: _announce(server, engine, options),
            stopping=lambda: _say("Stopping. Ctrl-C again ends it at once."),
        )
    return INTERRUPTED if number == signal.SIGINT else 0


def _checked_model_url(url: str | None, source: str) -> str | None:
    try:
        return None if url is None else checked_base_url(url)
    except ConfigurationError as error:
        reason = str(error).removeprefix("base_url: ")
        raise _Refusal(MODEL, f"{source}: {reason}") from error


def _why_not(error: OSError, options: argparse.Namespace) -> str:
    where = f"{options.host} port {options.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program; choose another port with --port"
    if error.errno == errno.EACCES:
        return f"{where} needs more rights than you have; choose a port above 1023 with --port"
    return f"{where} cannot be listened on: {error.strerror or error}"


def _announce(server: Server, engine: Engine, options: argparse.Namespace) -> None:
    from assistants_client.engine.serving.server import (
        shown_database,
        shown_model,
    )

    key = "the token" if options.token else "any: no token is asked for"
    _say(
        f"assistants {__version__} is serving. Ctrl-C stops it.\n"
        f"    base_url = {server.base_url}\n"
        f"    api_key  = {key}\n"
        f"    model    = {shown_model(engine)}\n"
        f"    database = {shown_database(engine)}"
    )


def _say(text: str) -> None:
    """Prints at once, and ignores a closed pipe: serving goes on without a reader."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _discard_output()


def _discard_output() -> None:
    """Redirects the output of a closed pipe: else Python would raise when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
        raise _Refusal(_status_of(error), str(error)) from error
    except BrokenPipeError:
        _discard_output()
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
        raise _Refusal(_status_of(error), str(error)) from error
    _say(made)
    return 0


def _continuation(talk: ChatSession, base_url: str | None) -> str:
    command = f"assistants chat --assistant {talk.assistant_id} --thread {talk.thread_id}"
    return command if base_url is None else f"{command} --base-url {base_url}"


def _status_of(error: AssistantsError) -> int:
    if "[engine]" in str(error):
        return NOT_INSTALLED
    return USAGE if isinstance(error, ConfigurationError) else FAILED
