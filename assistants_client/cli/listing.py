"""``assistants list``: the objects of a kind, as a table or as lines of JSON."""

from __future__ import annotations

import argparse
import itertools
import sys
from typing import Final

from assistants_client.cli.exits import DATABASE, FAILED, NOT_INSTALLED, USAGE
from assistants_client.cli.filters import add_filters, chosen
from assistants_client.cli.kinds import KINDS, kind
from assistants_client.cli.output import (
    add_json,
    for_people,
    print_document,
    print_table,
    printing,
)
from assistants_client.cli.parser import Parser, whole_number
from assistants_client.cli.stored import add_stored, opened

_LIST: Final = f"""\
Lists what is stored, newest first: {", ".join(KINDS)}.
Messages and runs are listed within a thread, steps within a thread and a run.
In a terminal it prints a table of the newest 50; elsewhere all of them, each as
one line with the protocol's JSON document.

It reads the database of the embedded engine, or with a base URL a server. Only
engines and Azure AI Foundry list threads."""

_ENDS: Final = f"""\
exit status:
  {FAILED}    the server failed, or has no such list
  {USAGE}    an option or an id is wrong      {DATABASE}  there is no such database
  {NOT_INSTALLED}    the extra "engine" is not installed

examples:
  assistants list threads --older-than 30d --metadata user=7
  assistants list threads --search "refund kettle"
  assistants list messages thread_abc | jq -r .role"""

#: Of a table in a terminal.
_LINES: Final = 50


def add_list(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the command to the parser's."""
    listing = commands.add_parser(
        "list",
        help="list assistants, threads, messages, runs, files, …",
        description=_LIST,
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    listing.add_argument("kind", metavar="KIND", type=kind, help=", ".join(KINDS))
    listing.add_argument("ids", metavar="ID", nargs="*", help="the thread of messages and runs; "
                         "the thread and the run of steps")  # fmt: skip
    add_filters(listing)
    listing.add_argument("--search", metavar="WORDS", help="only threads with a message that has "
                         "all of these words; of engines only")  # fmt: skip
    listing.add_argument("--limit", metavar="NUMBER", type=whole_number, help="at most so many")
    add_json(listing)
    add_stored(listing)
    listing.set_defaults(run=_list)


def _list(options: argparse.Namespace) -> int:
    name = options.kind
    with opened(options) as stored, printing():
        found = chosen(stored, name, tuple(options.ids), options)
        if not for_people(options):
            from assistants_client._json.documents import to_dict  # help needs no objects

            for one in itertools.islice(found, options.limit):
                print_document(to_dict(one))
            return 0
        limit = options.limit or _LINES
        shown = list(itertools.islice(found, limit + 1))
        if not shown:
            print(f"There are no such {name} in {stored.place}.", file=sys.stderr)
            return 0
        of_kind = KINDS[name]
        print_table(of_kind.head, map(of_kind.row, shown[:limit]), right=of_kind.right)
        if len(shown) > limit:
            sys.stdout.flush()
            print(f"There are more than {limit}: --limit NUMBER shows so many.", file=sys.stderr)
    return 0
