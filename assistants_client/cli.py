"""The command ``assistants``: options and variables become an engine on a port, errors one line.

How a port is served is in engine/serving.py, what is served in the engine. Nothing is imported from
the engine before it is clear that it will be needed: help and version work without the extra.
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from assistants_client._checks import checked_base_url
from assistants_client._version import __version__
from assistants_client.errors import ConfigurationError

if TYPE_CHECKING:
    from assistants_client.engine import Engine
    from assistants_client.engine.serving import Server

#: How the command ends, beside 0: stopped as asked by SIGTERM.
USAGE: Final = 2
ADDRESS: Final = 3
DATABASE: Final = 4
MODEL: Final = 5
NOT_INSTALLED: Final = 6
INTERRUPTED: Final = 130

_PORTS: Final = 65535

_SERVE: Final = """\
Serves the Assistants protocol on a port, for every client that speaks it: this
package's, and others that take a base URL. Each option can also be given by
the variable named behind it; the option goes first."""

_ENDS: Final = f"""\
exit status:
  0    stopped by SIGTERM      {INTERRUPTED}  stopped by Ctrl-C
  {USAGE}    an option is wrong      {ADDRESS}    the address cannot be listened on
  {DATABASE}    the database cannot be opened or written
  {MODEL}    the model's URL is none   {NOT_INSTALLED}    the extra "engine" is not installed

example:
  assistants serve --model-url http://localhost:11434/v1 --model llama3.2

For many users, put the same application behind another WSGI server; it reads
the same variables, save those of host and port:
  gunicorn --threads 32 assistants_client.engine.wsgi:application"""


class _Refusal(Exception):
    """Why nothing is served, in one line, and the exit status that goes with it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(" ".join(message.split()))
        self.status = status


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status is answered.

    Args:
        arguments: What stands behind the command's name; ``None`` takes them from the process.
    """
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s: %(message)s")
    try:
        return _serve(options)
    except _Refusal as refusal:
        print(f"assistants serve: {refusal}", file=sys.stderr)
        return refusal.status
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assistants",
        description="Serves the Assistants protocol: see `assistants serve --help`.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"assistants-client {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    serve = commands.add_parser(
        "serve",
        help="serve the protocol on a port",
        description=_SERVE,
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )

    def option(name: str, variable: str, default: str | None, what: str, **more: Any) -> None:
        serve.add_argument(
            name, default=os.environ.get(variable) or default, help=f"{what} [{variable}]", **more
        )

    option("--host", "ASSISTANTS_HOST", "127.0.0.1", "address to listen on; one that other "
           "machines reach needs a token (default: 127.0.0.1)")  # fmt: skip
    option("--port", "ASSISTANTS_PORT", "8000", "port to listen on; 0 takes a free one "
           "(default: 8000)", type=_port)  # fmt: skip
    option("--database", "ASSISTANTS_DATABASE_URL", "sqlite:///assistants.db", "where everything "
           "is kept: a URL, or a file for SQLite (default: assistants.db in the working directory)",
           metavar="URL", type=_database)  # fmt: skip
    option("--model-url", "ASSISTANTS_MODEL_URL", None, "server of the chat-completions API that "
           "answers; without it OpenAI's, if OPENAI_API_KEY is set, else the offline tutor, which "
           "knows arithmetic and linear equations only", metavar="URL")  # fmt: skip
    option("--model-key", "ASSISTANTS_MODEL_KEY", None, "key for that server; the variable is "
           "the better place, since other users may see command lines", metavar="KEY")  # fmt: skip
    option("--model", "ASSISTANTS_MODEL", None, "model to ask that server for, whatever a run "
           "names", metavar="NAME")  # fmt: skip
    option("--token", "ASSISTANTS_TOKEN", None, "key that every request must carry as its bearer "
           "token; likewise better in the variable", type=_token)  # fmt: skip
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _PORTS):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to {_PORTS}")
    return int(text)


def _database(text: str) -> str:
    return text if ":/" in text else f"sqlite:///{text}"


def _token(text: str) -> str:
    if not (text.isascii() and text.isprintable() and text) or " " in text:
        raise argparse.ArgumentTypeError("it must be printable ASCII without spaces, and not empty")
    return text


def _serve(options: argparse.Namespace) -> int:
    model_url = _checked_model_url(options.model_url)
    try:
        from assistants_client.engine import Engine  # noqa: PLC0415 (an extra, and slow to import)
        from assistants_client.engine.serving import Server  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if "[engine]" not in str(error):
            raise
        raise _Refusal(NOT_INSTALLED, str(error)) from error
    # The options are the variables that the engine reads, said in another place.
    for name, value in (
        ("ASSISTANTS_MODEL_URL", model_url),
        ("ASSISTANTS_MODEL_KEY", options.model_key),
        ("ASSISTANTS_MODEL", options.model),
    ):
        if value:
            os.environ[name] = value
    # The line below tells better than the engine's warning which model answers.
    logging.getLogger("assistants_client.engine.engine").setLevel(logging.ERROR)
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
            engine = Engine(options.database, token=options.token)
            engine.open()
        except ConfigurationError as error:
            raise _Refusal(DATABASE, str(error)) from error
        number = server.serve(
            engine,
            ready=lambda: _announce(server, engine, options),
            stopping=lambda: print("Stopping. Ctrl-C again ends it at once.", flush=True),
        )
    return INTERRUPTED if number == signal.SIGINT else 0


def _checked_model_url(url: str | None) -> str | None:
    try:
        return None if url is None else checked_base_url(url)
    except ConfigurationError as error:
        reason = str(error).removeprefix("base_url: ")
        raise _Refusal(MODEL, f"--model-url (ASSISTANTS_MODEL_URL): {reason}") from error


def _why_not(error: OSError, options: argparse.Namespace) -> str:
    where = f"{options.host} port {options.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program; choose another port with --port"
    if error.errno == errno.EACCES:
        return f"{where} needs more rights than you have; choose a port above 1023 with --port"
    return f"{where} cannot be listened on: {error.strerror or error}"


def _announce(server: Server, engine: Engine, options: argparse.Namespace) -> None:
    from assistants_client.engine.serving import (  # noqa: PLC0415
        shown_database,
        shown_model,
    )

    key = "the token" if options.token else "any: no token is asked for"
    print(
        f"assistants {__version__} is serving. Ctrl-C stops it.\n"
        f"    base_url = {server.base_url}\n"
        f"    api_key  = {key}\n"
        f"    model    = {shown_model(engine)}\n"
        f"    database = {shown_database(engine)}",
        flush=True,
    )
