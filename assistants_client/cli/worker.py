"""``assistants worker``: its options, and the worker that they describe.

The worker itself is in engine/serving/. The engine is imported only where it is needed: help works
without the extra.
"""

from __future__ import annotations

import argparse
import logging
import signal
from typing import TYPE_CHECKING, Final

from assistants_client._version import __version__
from assistants_client.cli.engine_options import add_engine_options, refusing, set_variables
from assistants_client.cli.exits import (
    DATABASE,
    FAILED,
    INTERRUPTED,
    MODEL,
    NOT_INSTALLED,
    SANDBOX,
    USAGE,
    say,
)
from assistants_client.cli.parser import Parser
from assistants_client.cli.probes import add_probes, serving_probes

if TYPE_CHECKING:
    from assistants_client.engine import Engine

_WORKER: Final = """\
Processes runs, and reads files of vector stores, for servers of the protocol
with the same database and broker: `assistants serve --executor celery`, or any
other with ASSISTANTS_EXECUTOR=celery. Start as many as you like, on as many
machines. Each option can also be given by the variable named behind it; the
option takes precedence.

The broker's tasks only tell that there is something to do. So a broker may be
away, or lose what it has: workers then find what waits in the database."""

_ENDS: Final = f"""\
exit status:
  0    stopped by SIGTERM: what it had begun is finished or left to others
  {INTERRUPTED}  stopped by Ctrl-C
  {FAILED}    Celery's worker failed
  {USAGE}    an option is wrong, or there is no broker
  {DATABASE}    the database cannot be opened or written
  {MODEL}    the model cannot be used
  {NOT_INSTALLED}    the extra "celery" is not installed
  {SANDBOX}    the code interpreter that was chosen cannot be used here

example:
  export ASSISTANTS_DATABASE_URL=postgresql://assistants@db/assistants
  export ASSISTANTS_BROKER=redis://redis:6379/0
  assistants worker --workers 16"""


def add_worker(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the command to the parser's."""
    worker = commands.add_parser(
        "worker",
        help="process runs for servers of the protocol, by tasks of Celery",
        description=_WORKER,
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_engine_options(worker)
    worker.add_argument("--executor", metavar="NAME", type=_celery, help="celery, as every worker "
           "has it; so that the options of `assistants serve` fit here, too")  # fmt: skip
    add_probes(worker)
    worker.set_defaults(run=_work)


def _celery(name: str) -> str:
    if name != "celery":
        raise argparse.ArgumentTypeError(
            f"{name!r} is none of a worker: it takes the tasks of Celery. Without it, "
            "`assistants serve` processes runs in its own threads"
        )
    return name


def _work(options: argparse.Namespace) -> int:
    sources = set_variables(options)
    with refusing(sources):
        from assistants_client.engine import Engine  # an extra, and slow to import
        from assistants_client.engine.observability.log_output import set_up_log
        from assistants_client.engine.serving.task_worker import FAILURE, TaskWorker

        set_up_log(logging.getLogger())
    # The announcement below names the model more clearly than the engine's warning.
    logging.getLogger("assistants_client.engine.environment").setLevel(logging.ERROR)
    # It says as well where code runs; why not in all of Python stays a warning.
    sandboxes = logging.getLogger("assistants_client.engine.code_interpreter.automatic")
    sandboxes.setLevel(logging.WARNING)
    # It warns of more parallel requests than pooled connections, which needs no action.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    with refusing(sources):
        engine = Engine.from_environment(executor="threads")
        worker = TaskWorker(engine)
        engine.open()
    with serving_probes(engine, options) as probes:
        number = worker.work(
            ready=lambda: _announce(engine, options, probes),
            stopping=lambda: say("Stopping. Ctrl-C again ends it at once."),
        )
    if number == FAILURE:
        return FAILED
    return INTERRUPTED if number == signal.SIGINT else 0


def _announce(engine: Engine, options: argparse.Namespace, probes: str | None) -> None:
    from assistants_client.engine.serving.server import (
        shown_database,
        shown_interpreter,
        shown_model,
    )
    from assistants_client.engine.serving.task_worker import shown_broker, shown_workers

    if options.metrics and probes is None:
        probes = "none, so that nobody sees the metrics: --probes PORT serves them"
    say(
        f"assistants {__version__} is working. Ctrl-C stops it.\n"
        f"    broker   = {shown_broker(engine)}\n"
        f"    workers  = {shown_workers(engine)}\n"
        f"    model    = {shown_model(engine)}\n"
        f"    database = {shown_database(engine)}\n"
        f"    code     = {shown_interpreter(engine)}"
        + (f"\n    probes   = {probes}" if probes else "")
    )
