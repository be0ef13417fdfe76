"""``assistants import``: conversations from elsewhere, into the database of an engine.

How they are read and written is in transfer/, which is imported only where it is needed: help works
without the extra.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from assistants_client.cli.engine_options import add_database, refusing, set_variables
from assistants_client.cli.exits import (
    DATABASE,
    FAILED,
    INTERRUPTED,
    LOSSES,
    NOT_INSTALLED,
    USAGE,
    Refusal,
    say,
)
from assistants_client.cli.parser import Parser

if TYPE_CHECKING:
    from assistants_client.transfer.importing.summary import ImportProgress

_IMPORT: Final = """\
Imports conversations, and what belongs to them, into the database of an engine:
archives of `assistants export`, lists and objects as servers of the protocol
send them, tables of messages, chat lists, and exports of other products, as
JSON, NDJSON or CSV, also packed (.gz, .zip) and in folders. Ids and times are
kept. The same import again changes nothing, and that of a longer export adds
what is new. Each thread is written in one transaction; engines may serve
meanwhile. Nothing is fetched from the network.

The first line that is printed says what has come along and what has not; the
next ones count it by code, and --report lists it, without any content."""

_ENDS: Final = f"""\
exit status:
  {FAILED}    a source cannot be read, or a thread was left out, as a run is active there
  {USAGE}    an option or a variable is wrong     {INTERRUPTED}  stopped by Ctrl-C
  {DATABASE}    the database cannot be used          {NOT_INSTALLED}    the extra "engine" is not installed
  {LOSSES}    with --strict: done, but something did not come along

examples:
  assistants import foundry.ndjson --dry-run
  assistants import pages/*.json --files downloads --model-map gpt-4-turbo=gpt-4o
  assistants import chats.csv --columns thread=session,role=who,text=body,time=at \\
    --timezone Europe/Brussels --date-format "%d/%m/%Y %H:%M"
"""  # noqa: E501  # two columns, as they are printed


def add_import(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the command to the parser's."""
    command = commands.add_parser(
        "import",
        help="import conversations from elsewhere",
        description=_IMPORT,
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = command.add_argument
    option("paths", metavar="FILE", nargs="+", help="a file, or a folder")
    add_database(command)
    option("--dry-run", action="store_true", help="do all of it and store nothing; prints how each "
           "file was read")  # fmt: skip
    option("--report", metavar="FILE", help="write what does not come along, a JSON object a line")
    option("--strict", action="store_true", help=f"end with {LOSSES} if anything does not")
    option("--as", dest="as_", metavar="READER", choices=("protocol", "rows", "chat", "tree"),
           help="read all files as protocol, rows, chat or tree, whatever they look "
           "like")  # fmt: skip
    option("--columns", metavar="FIELD=COLUMN,...", type=pairs, default={}, help="for rows: the "
           "columns of thread, id, role, text, time, question, answer, assistant, run")  # fmt: skip
    option("--branches", action="store_true", help="make each branch of a tree a thread")
    option("--order", metavar="ORDER", default="auto",
           choices=("auto", "oldest-first", "newest-first", "as-is"),
           help="how messages stand in the files: auto (the default) finds out, oldest-first, "
           "newest-first, as-is")  # fmt: skip
    option("--files", metavar="DIR", help="folder with the bytes of files, as ID, ID.ext, ID_NAME "
           "or NAME; that of an archive is found without")  # fmt: skip
    option("--model-map", dest="models", metavar="OLD=NEW", action="append", type=pairs, default=[],
           help="model that assistants have instead of another; can be given more than "
           "once")  # fmt: skip
    option("--timezone", metavar="ZONE", help="zone of times that have none, such as "
           "Europe/Brussels (default: UTC)")  # fmt: skip
    option("--date-format", metavar="FORMAT", help="form of dates that begin with a day or a "
           "month, such as %%d/%%m/%%Y")  # fmt: skip
    option("--on-conflict", metavar="WHAT", default="keep", choices=("keep", "replace", "fail"),
           help="what becomes of an object that was changed here and differs: keep it (the "
           "default), replace it, or fail")  # fmt: skip
    option("--restore", action="store_true", help="bring back what was imported and deleted here")
    command.set_defaults(run=_import)


def pairs(text: str) -> dict[str, str]:
    """Returns what ``a=b,c=d`` says."""
    made = {}
    for one in text.split(","):
        name, equals, value = one.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise argparse.ArgumentTypeError(f"{one!r} is not NAME=VALUE")
        made[name.strip()] = value.strip()
    return made


def _import(options: argparse.Namespace) -> int:
    sources = set_variables(options)
    with refusing(sources):
        from assistants_client.transfer.importing.importer import import_files
        from assistants_client.transfer.importing.options import (
            DatabaseUnusableError,
            TransferError,
        )
        from assistants_client.transfer.importing.summary import shown_recognised
    shows = sys.stderr.isatty()
    model_map: Mapping[str, str] = {old: new for one in options.models for old, new in one.items()}
    try:
        with refusing(sources):
            summary = import_files(
                options.paths,
                options.database,
                as_=options.as_,
                columns=options.columns,
                branches=options.branches,
                order=options.order,
                files=options.files,
                model_map=model_map,
                timezone=options.timezone,
                date_format=options.date_format,
                on_conflict=options.on_conflict,
                restore=options.restore,
                dry_run=options.dry_run,
                report=options.report,
                progress=_show if shows else None,
            )
    except Refusal as refusal:
        name = str(refusal).partition(":")[0]
        if name in _OPTIONS:
            message = str(refusal).removeprefix(name)
            raise Refusal(USAGE, f"{_OPTIONS[name]}{message}") from refusal
        raise
    except DatabaseUnusableError as error:
        raise Refusal(DATABASE, str(error)) from error
    except TransferError as error:
        raise Refusal(FAILED, str(error)) from error
    finally:
        if shows:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
    if options.dry_run:
        for line in shown_recognised(summary.recognised, options.order):
            say(line)
    say(str(summary))
    if summary.locked:
        return FAILED
    return LOSSES if options.strict and summary.losses.total() else 0


#: The options by the arguments that they are.
_OPTIONS: Final = {
    "as_": "--as",
    "columns": "--columns",
    "order": "--order",
    "files": "--files",
    "timezone": "--timezone",
    "date_format": "--date-format",
    "on_conflict": "--on-conflict",
    "report": "--report",
}


def _show(progress: ImportProgress) -> None:
    """Shows how far it is, on one line that is written anew."""
    total = "" if progress.total is None else f" of {progress.total:,}"
    noun = "objects" if progress.total is None else "threads"
    line = f"\r{progress.stage}: {progress.objects:,}{total} {noun}"
    print(line, end="", file=sys.stderr, flush=True)
