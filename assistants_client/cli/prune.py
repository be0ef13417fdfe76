"""``assistants prune``: the sizes of a database, and the deletion of what is old in it.

What is deleted, and how, is in engine/services/housekeeping.py, which is imported only where it is
needed: help works without the extra.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from assistants_client.cli.engine_options import add_database, refusing, set_variables
from assistants_client.cli.exits import DATABASE, INTERRUPTED, NOT_INSTALLED, USAGE, Refusal, say
from assistants_client.cli.parser import Parser
from assistants_client.cli.stored import require_database

if TYPE_CHECKING:
    from assistants_client.engine.services.housekeeping import Tally
    from assistants_client.engine.storage.sizes import Sizes

_PRUNE: Final = """\
Prints the sizes of a database, and deletes what is older than the ages that are
given, such as 90d, 12h or 30m. Nothing has an age of its own, and without --yes
nothing is deleted: it is counted only. Engines may serve meanwhile; what is done
is done in pieces, and may be interrupted. Of streams no events are stored, so
there are none to delete."""

_ENDS: Final = f"""\
exit status:
  {USAGE}    an option or a variable is wrong     {INTERRUPTED}  stopped by Ctrl-C
  {DATABASE}    there is no such database, or it cannot be used
  {NOT_INSTALLED}    the extra "engine" is not installed

example, once a day:
  assistants prune --threads 365d --runs 90d --stores 30d --files 30d --yes"""

_AGE: Final = re.compile(r"([1-9][0-9]{0,5})([dhm])")
_SECONDS: Final = {"d": 24 * 60 * 60, "h": 60 * 60, "m": 60}

#: Each age with its option's help. The names are those of ``Ages``.
_AGES: Final = {
    "threads": "threads without a message or a run for so long, with all that is in them; none "
    "whose run is under way",
    "runs": "runs that ended so long ago, with their steps; the messages that they wrote stay, and "
    "name them still",
    "requests": "responses by idempotency keys that are so old; they also go by themselves, after "
    "24 hours and with the next such request, and a repeat of a request without one is a new one",
    "stores": "vector stores that expired so long ago",
    "files": "files that have been there for so long, and that nothing refers to: no vector store, "
    "assistant, thread, message or step, and no code interpreter of a thread",
}


def add_prune(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the command to the parser's."""
    prune = commands.add_parser(
        "prune",
        help="show the sizes of a database, and delete what is old",
        description=_PRUNE,
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_database(prune)
    for name, what in _AGES.items():
        prune.add_argument(f"--{name}", metavar="AGE", type=age, help=f"delete {what}")
    prune.add_argument("--yes", action="store_true", help="delete; without it, only count")
    prune.add_argument("--json", action="store_true", help="print one JSON document, for programs")
    prune.set_defaults(run=_prune)


def age(text: str) -> int:
    """Returns the seconds of an age, such as ``90d``, ``12h`` or ``30m``."""
    found = _AGE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an age: write days, hours or minutes, such as 90d, 12h or 30m"
        )
    return int(found[1]) * _SECONDS[found[2]]


def _prune(options: argparse.Namespace) -> int:
    sources = set_variables(options)
    with refusing(sources):
        from assistants_client.engine.engine import DEFAULT_URL  # an extra, and slow to import
        from assistants_client.engine.faults import Fault
        from assistants_client.engine.services._base import Context
        from assistants_client.engine.services.housekeeping import Ages, Housekeeping
        from assistants_client.engine.storage.database import Database
    url = options.database or DEFAULT_URL
    require_database(url)
    ages = Ages(**{name: getattr(options, name) for name in _AGES})
    with refusing(sources):
        database = Database(url)
        database.open()
    done: dict[str, Tally] = {}
    status = 0
    try:
        housekeeping = Housekeeping(Context(database=database))
        try:
            for tally in housekeeping.prune(ages, apply=options.yes):
                done[tally.kind] = tally
        except KeyboardInterrupt:
            status = INTERRUPTED
        sizes = housekeeping.sizes()
    except Fault as fault:
        raise Refusal(DATABASE, f"{fault.message} {_so_far(done, options)}".rstrip()) from fault
    finally:
        database.close()
    shown = _as_json if options.json else _as_text
    say(shown(database.shown_url, sizes, list(done.values()), options.yes, status == INTERRUPTED))
    return status


def _so_far(done: dict[str, Tally], options: argparse.Namespace) -> str:
    if not options.yes or not any(tally.count for tally in done.values()):
        return ""
    counts = (f"{tally.count} {tally.kind}" for tally in done.values() if tally.count)
    return f"Deleted before that: {', '.join(counts)}. Run it again for the rest."


def sizes_as_json(database: str, sizes: Sizes) -> dict[str, Any]:
    """Returns the document with the sizes of a database."""
    return {
        "database": database,
        "bytes": sizes.bytes,
        "free_bytes": sizes.free_bytes,
        "has_indexes": sizes.has_indexes,
        "kinds": [{"kind": k.kind, "rows": k.rows, "bytes": k.bytes} for k in sizes.kinds],
    }


def _as_json(
    database: str, sizes: Sizes, done: Sequence[Tally], is_applied: bool, is_interrupted: bool
) -> str:
    document: dict[str, Any] = {
        **sizes_as_json(database, sizes),
        "is_dry_run": not is_applied,
        "is_interrupted": is_interrupted,
        "pruned": [
            {
                "kind": tally.kind,
                "age_seconds": tally.age,
                "count": tally.count,
                "bytes": tally.bytes,
                "oldest": tally.oldest,
                "newest": tally.newest,
            }
            for tally in done
        ],
        "advice": list(sizes.advice),
    }
    return json.dumps(document, indent=2)


def sizes_as_text(database: str, sizes: Sizes) -> str:
    """Returns the lines with the sizes of a database."""
    from assistants_client.engine.storage.sizes import shown_bytes

    whole, free = shown_bytes(sizes.bytes), shown_bytes(sizes.free_bytes)
    lines = [f"{database}: {whole}, of which {free} are free", ""]
    lines += _table(
        ("", "rows", "bytes" if sizes.has_indexes else "bytes without indexes"),
        [
            (size.kind, "" if size.rows is None else f"{size.rows:,}", shown_bytes(size.bytes))
            for size in sizes.kinds
        ],
    )
    return "\n".join(lines)


def _as_text(
    database: str, sizes: Sizes, done: Sequence[Tally], is_applied: bool, is_interrupted: bool
) -> str:
    from assistants_client.engine.storage.sizes import shown_bytes

    lines = [sizes_as_text(database, sizes)]
    if done:
        lines += ["", "Deleted:" if is_applied else "Would be deleted, with --yes:"]
        lines += _table(
            ("", "number", "bytes", "last used"),
            [
                (tally.kind, f"{tally.count:,}", shown_bytes(tally.bytes), _times(tally))
                for tally in done
            ],
        )
    if is_interrupted:
        lines += ["", "Interrupted: run it again for the rest."]
    for sentence in sizes.advice:
        lines += ["", sentence]
    return "\n".join(lines)


def _times(tally: Tally) -> str:
    """Returns when the oldest and the newest were used last, as days."""
    days = [
        f"{datetime.fromtimestamp(time, timezone.utc):%Y-%m-%d}"
        for time in (tally.oldest, tally.newest)
        if time is not None
    ]
    return " to ".join(dict.fromkeys(days))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Returns the lines of a table: its first column to the left, all others to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return [
        "  ".join(
            text.rjust(width) if column else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
