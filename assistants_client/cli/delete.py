"""``assistants delete``: objects by their ids, or those of a kind that are old or have metadata."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Final

from assistants_client.cli.exits import (
    DATABASE,
    FAILED,
    INTERRUPTED,
    NOT_INSTALLED,
    USAGE,
    Refusal,
)
from assistants_client.cli.filters import add_filters, are_given, chosen
from assistants_client.cli.kinds import KINDS, Kind, kind, kind_of
from assistants_client.cli.parser import Parser
from assistants_client.cli.show import within
from assistants_client.cli.stored import Stored, add_stored, opened
from assistants_client.errors import (
    APIStatusError,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
)

_DELETABLE: Final = ("assistants", "threads", "files", "vector-stores")

_DELETE: Final = f"""\
Deletes objects by their ids, or those of a kind ({", ".join(_DELETABLE)})
that are old, or have some metadata. A thread goes with its messages and runs, an
active run too; a vector store leaves its files. In a terminal it says how many
there are, and asks; elsewhere it does nothing without --yes.

--older-than counts from when something was made. Threads that nobody has used
for long, and what nothing refers to, is found by `assistants prune`."""

_ENDS: Final = f"""\
exit status:
  {FAILED}    something is not there, or could not be deleted; the rest is
  {USAGE}    an option or an id is wrong      {DATABASE}  there is no such database
  {NOT_INSTALLED}    the extra "engine" is not installed  {INTERRUPTED}  stopped by Ctrl-C

examples:
  assistants delete thread_abc asst_def
  assistants delete threads --older-than 90d --metadata user=7 --yes"""


def add_delete(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the command to the parser's."""
    delete = commands.add_parser(
        "delete",
        help="delete objects by id, by age or by metadata",
        description=_DELETE,
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    delete.add_argument("what", metavar="ID", nargs="+", help="ids; or one of "
                        f"{', '.join(_DELETABLE)}, with an option that chooses")  # fmt: skip
    add_filters(delete)
    delete.add_argument("--all", action="store_true", help="all of the kind")
    delete.add_argument("--thread", metavar="ID", help="the thread of a message")
    delete.add_argument("--yes", action="store_true", help="delete without asking")
    add_stored(delete)
    delete.set_defaults(run=_delete)


def _delete(options: argparse.Namespace) -> int:
    by_id = not _is_kind(options.what)
    if by_id and (are_given(options) or options.all):
        words = f"--older-than, --metadata and --all choose among {', '.join(_DELETABLE)}"
        raise Refusal(USAGE, f"{words}; objects that are named are deleted without them")
    for value in options.what if by_id else ():
        if kind_of(value).delete is None:
            raise Refusal(USAGE, f"a {kind_of(value).name} cannot be deleted: its thread can")
    if not by_id and options.all == are_given(options):
        words = "give ids, --older-than AGE or --metadata KEY=VALUE, or else --all"
        raise Refusal(USAGE, f"which {options.what[0]}? {words}")
    if not options.yes and not sys.stdin.isatty():
        raise Refusal(USAGE, "there is no terminal to ask in: --yes deletes without asking")
    with opened(options) as stored:
        if by_id:
            targets = [(kind_of(one), one) for one in dict.fromkeys(options.what)]
        else:
            name = kind(options.what[0])
            targets = [(KINDS[name], one.id) for one in chosen(stored, name, (), options)]
        if not targets:
            print(f"There are no such {options.what[0]} in {stored.place}.", file=sys.stderr)
            return 0
        if not options.yes and not _agreed(targets, stored.place):
            print("Nothing was deleted.", file=sys.stderr)
            return FAILED
        return _delete_all(stored, targets, options)


def _is_kind(what: Sequence[str]) -> bool:
    """Returns whether a kind is named instead of ids.

    Raises:
        Refusal: It is one that cannot be chosen from, or there is more.
    """
    try:
        name = kind(what[0])
    except argparse.ArgumentTypeError:
        return False
    if name not in _DELETABLE:
        raise Refusal(USAGE, f"{name} are deleted with their threads; a message by its id")
    if len(what) > 1:
        raise Refusal(USAGE, f"{what[0]}: either a kind or ids, not both")
    return True


def _agreed(targets: Sequence[tuple[Kind, str]], place: str) -> bool:
    """Asks, and returns whether the answer is yes."""
    counts = Counter(of_kind.name for of_kind, _ in targets)
    what = ", ".join(f"{count} {name}{'s' * (count > 1)}" for name, count in counts.items())
    print(f"Delete {what} from {place}? They cannot be had back. [y/N] ", end="", file=sys.stderr)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _delete_all(
    stored: Stored, targets: Sequence[tuple[Kind, str]], options: argparse.Namespace
) -> int:
    """Deletes one after the other; what fails is said, and the rest goes on.

    Raises:
        APIStatusError: The server lets nothing be deleted.
    """
    done, status = 0, 0
    try:
        for of_kind, one in targets:
            try:
                above = within(of_kind, one, options, stored) if of_kind.within else ()
                if of_kind.delete is not None:  # which was asked before
                    of_kind.delete(stored.client, *above, one)
                done += 1
            except NotFoundError:
                print(f"assistants delete: there is no {of_kind.name} {one}", file=sys.stderr)
                status = FAILED
            except (AuthenticationError, PermissionDeniedError):
                raise
            except (APIStatusError, Refusal) as error:
                print(f"assistants delete: {one}: {error}", file=sys.stderr)
                status = FAILED
    except KeyboardInterrupt:
        status = INTERRUPTED
    print(f"Deleted: {done} of {len(targets)}.", file=sys.stderr)
    return status
