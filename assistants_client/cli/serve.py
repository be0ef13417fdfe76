"""``assistants serve``: its options, and the server that they describe.

The server itself is in engine/serving/. The engine is imported only where it is needed: help works
without the extra.
"""

from __future__ import annotations

import argparse
import errno
import logging
import signal
from typing import TYPE_CHECKING, Final

from assistants_client._version import __version__
from assistants_client.cli.engine_options import (
    add_engine_options,
    add_executor,
    option_adder,
    refusing,
    set_variables,
)
from assistants_client.cli.exits import (
    ADDRESS,
    DATABASE,
    INTERRUPTED,
    MODEL,
    NOT_INSTALLED,
    SANDBOX,
    USAGE,
    Refusal,
    say,
)
from assistants_client.cli.parser import Parser, port, token
from assistants_client.cli.probes import add_probes, serving_probes
from assistants_client.cli.tokens import stored_tokens

if TYPE_CHECKING:
    from assistants_client.engine import Engine
    from assistants_client.engine.serving.server import Server

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


def add_serve(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the command to the parser's."""
    serve = commands.add_parser(
        "serve",
        help="serve the protocol on a port, for any client",
        description=_SERVE,
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = option_adder(serve)
    option("--host", "ASSISTANTS_HOST", "127.0.0.1", "address to listen on; one that other "
           "machines reach needs a token (default: 127.0.0.1)")  # fmt: skip
    option("--port", "ASSISTANTS_PORT", "8000", "port to listen on; 0 takes a free one "
           "(default: 8000)", type=port)  # fmt: skip
    add_engine_options(serve)
    add_executor(serve)
    add_probes(serve)
    option("--token", "ASSISTANTS_TOKEN", None, "key that every request must have as its bearer "
           "token; better in the variable, since other users may see command lines",
           type=token)  # fmt: skip
    option("--no-page", "ASSISTANTS_NO_PAGE", None, "serves no page at /, on which people see and "
           "run what is stored", action="store_const", const="1")  # fmt: skip
    serve.add_argument("--allow-origin", metavar="ORIGIN", action="append", default=[],
           help="origin whose web pages may use this server from a browser, such as "
           "https://app.example.org; * lets all in, whoever made them; can be given more than once "
           "(default: none) [ASSISTANTS_ALLOW_ORIGIN, with commas]")  # fmt: skip
    serve.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    sources = set_variables(options)
    with refusing(sources):
        from assistants_client.engine import Engine  # an extra, and slow to import
        from assistants_client.engine.observability.log_output import set_up_log
        from assistants_client.engine.serving.server import Server

        set_up_log(logging.getLogger())
    # The announcement below names the model more clearly than the engine's warning.
    logging.getLogger("assistants_client.engine.environment").setLevel(logging.ERROR)
    # It says as well where code runs; why not in all of Python stays a warning.
    sandboxes = logging.getLogger("assistants_client.engine.code_interpreter.automatic")
    sandboxes.setLevel(logging.WARNING)
    # It warns of more parallel requests than pooled connections, which needs no action.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    try:
        server = Server(options.host, options.port)
    except OSError as error:
        raise Refusal(ADDRESS, _why_not(error, options)) from error
    with server:
        if options.token is None and not server.is_loopback:
            with refusing(sources):
                _require_stored_token(options.host)
        with refusing(sources):
            engine = Engine.from_environment(token=options.token)
            engine.open()
            to_all = engine.requires_token()
        with serving_probes(engine, options) as probes:
            number = server.serve(
                engine,
                to_all=to_all,
                ready=lambda: _announce(server, engine, options, probes),
                stopping=lambda: say("Stopping. Ctrl-C again ends it at once."),
            )
    return INTERRUPTED if number == signal.SIGINT else 0


def _require_stored_token(host: str) -> None:
    with stored_tokens() as tokens:
        if not tokens.is_any_valid():
            raise Refusal(
                USAGE,
                f"--host {host} lets other machines in: set a token (ASSISTANTS_TOKEN or --token) "
                "that they must send, or make some (assistants tokens add)",
            )


def _why_not(error: OSError, options: argparse.Namespace) -> str:
    where = f"{options.host} port {options.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program; choose another port with --port"
    if error.errno == errno.EACCES:
        return f"{where} needs more rights than you have; choose a port above 1023 with --port"
    return f"{where} cannot be listened on: {error.strerror or error}"


def _announce(
    server: Server, engine: Engine, options: argparse.Namespace, probes: str | None
) -> None:
    from assistants_client.engine.serving.server import (
        shown_database,
        shown_interpreter,
        shown_model,
    )

    key = "any: no token is asked for"
    if engine.requires_token():
        key = "the token" if options.token else "one of `assistants tokens`"
    page = f"    page     = {server.page_url}\n" if engine.has_page else ""
    runs, code = "", ""
    if options.executor == "celery":
        from assistants_client.engine.serving.task_worker import shown_broker

        runs = f"    runs     = by assistants worker, through {shown_broker(engine)}\n"
    else:
        code = f"\n    code     = {shown_interpreter(engine)}"
    say(
        f"assistants {__version__} is serving. Ctrl-C stops it.\n"
        f"    base_url = {server.base_url}\n"
        f"    api_key  = {key}\n"
        f"{page}"
        f"{runs}"
        f"    model    = {shown_model(engine)}\n"
        f"    database = {shown_database(engine)}"
        f"{code}" + (f"\n    probes   = {probes}" if probes else "")
    )
