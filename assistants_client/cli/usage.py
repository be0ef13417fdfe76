"""``assistants usage``: the tokens of runs, by assistant, model, day or a key of metadata."""

from __future__ import annotations

import argparse
import re
import sys
import time
from datetime import date
from typing import Any, Final

from assistants_client.cli.exits import DATABASE, FAILED, NOT_INSTALLED, USAGE, Refusal
from assistants_client.cli.output import (
    add_json,
    for_people,
    print_document,
    print_table,
    printing,
)
from assistants_client.cli.parser import Parser
from assistants_client.cli.prune import age
from assistants_client.cli.stored import add_stored, is_missing_operation, opened
from assistants_client.errors import APIStatusError

_USAGE: Final = """\
Adds up what language models read and wrote for the runs that are stored: by day,
by assistant, by model, or by a key of the metadata of their threads, such as
metadata:user. Runs that have not ended count, and have no tokens yet. In a terminal
it prints a table; elsewhere a line of JSON for each group.

Of what was deleted, `assistants tokens usage` still knows, by token."""

_ENDS: Final = f"""\
exit status:
  {FAILED}    the server failed, or has no such operation: that is the engine's own
  {USAGE}    an option is wrong      {DATABASE}  there is no such database
  {NOT_INSTALLED}    the extra "engine" is not installed

examples:
  assistants usage --by model --since 7d
  assistants usage --by metadata:user --since 2026-03-01 --until 2026-03-31"""

_GROUP: Final = re.compile(r"assistant|model|day|metadata:.+", re.DOTALL)
_NO_USAGE: Final = "{place} does not add up usage: the engine does, behind `assistants serve`, too"


def add_usage(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the command to the parser's."""
    usage = commands.add_parser(
        "usage",
        help="add up the tokens of runs",
        description=_USAGE,
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = usage.add_argument
    option("--by", metavar="GROUP", type=_group, default="day", help="day (the default), "
           "assistant, model or metadata:KEY")  # fmt: skip
    option("--since", metavar="TIME", type=_time, help="only runs that were made from this day of "
           "UTC on, such as 2026-03-01, or so long ago, such as 7d (default: 30d)")  # fmt: skip
    option("--until", metavar="TIME", type=_time, help="only runs that were made up to the end of "
           "this day, or before so long ago")  # fmt: skip
    add_json(usage)
    add_stored(usage)
    usage.set_defaults(run=_usage)


def _group(text: str) -> str:
    if not _GROUP.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is none of assistant, model, day and metadata:KEY, such as metadata:user"
        )
    return text


def _time(text: str) -> str:
    """Returns a day, or the Unix seconds of an age, as the operation takes both."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    try:
        return str(int(time.time()) - age(text))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a day such as 2026-03-01 nor an age such as 7d, 12h or 30m"
        ) from None


def _usage(options: argparse.Namespace) -> int:
    query = {"group_by": options.by, "since": options.since, "until": options.until}
    asked = {name: value for name, value in query.items() if value is not None}
    with opened(options) as stored, printing():
        try:
            found: Any = stored.client._transport.send("GET", "/usage", query=asked).document
        except APIStatusError as error:
            if is_missing_operation(error):
                raise Refusal(FAILED, _NO_USAGE.format(place=stored.place)) from error
            raise
        groups = found["data"]
        if not for_people(options):
            for one in groups:
                print_document(one)
        elif not groups:
            print(f"There are no such runs in {stored.place}.", file=sys.stderr)
        else:
            _print(groups, options.by)
        if found.get("has_more"):
            print(f"There are more: these {len(groups)} took most tokens.", file=sys.stderr)
    return 0


def _print(groups: list[dict[str, Any]], by: str) -> None:
    names = ("runs", "prompt_tokens", "completion_tokens", "total_tokens")
    rows = [(one["key"], *(f"{one[name]:,}" for name in names)) for one in groups]
    total = tuple(f"{sum(one[name] for one in groups):,}" for name in names)
    head = (by.upper(), "RUNS", "READ", "WRITTEN", "TOKENS")
    print_table(head, [*rows, ("all", *total)], right=(1, 2, 3, 4))
