"""``assistants tokens``: further tokens for requests, kept in the database; made, listed, revoked.

What a token is, and what is stored of one, is in engine/services/tokens.py. The engine is imported
only where it is needed: help works without the extra.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from assistants_client.cli.engine_options import add_database, refusing, set_variables
from assistants_client.cli.exits import DATABASE, FAILED, NOT_INSTALLED, USAGE, Refusal, say
from assistants_client.cli.parser import Parser
from assistants_client.errors import ConfigurationError

if TYPE_CHECKING:
    from assistants_client.engine.services.tokens import Token, Tokens, TokenUsage

_TOKENS: Final = """\
Tokens that requests may have beside the server's own (--token): one for each
program, customer or colleague. They are kept in the database, hashed, and hold
for all servers on it, at once: so do their revocations, within seconds. From
the first one on every request must have a token."""

_ADD: Final = """\
Makes a token, and prints it: this once, for it is not stored. A client sends it
as its API key.

A token sees all there is, and its runs are counted. One that is isolated sees,
changes and deletes only what was made with it, as if there was nothing else.
What a revoked token of the same name has made belongs to the new one."""

_ENDS: Final = f"""\
exit status:
  {FAILED}    there is such a token already, or none of that name
  {USAGE}    an option or a name is wrong   {DATABASE}  the database cannot be used
  {NOT_INSTALLED}    the extra "engine" is not installed

example:
  ASSISTANTS_API_KEY=$(assistants tokens add shop --isolated)"""


def add_tokens(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the command to the parser's."""
    command = commands.add_parser(
        "tokens",
        help="make, list and revoke tokens that requests may have",
        description=_TOKENS,
        epilog="`assistants tokens COMMAND --help` describes each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=lambda _: _no_action(command), parser=command)
    actions = command.add_subparsers(metavar="COMMAND", title="commands")

    add = _action(actions, "add", "make a token, and print it", _add, _ADD)
    add.add_argument("name", metavar="NAME", help="the token's name, such as the program's")
    add.add_argument("--isolated", action="store_true", help="lets it see only what was made with "
                     "it, or with an earlier token of this name")  # fmt: skip
    listing = _action(actions, "list", "list all tokens, the revoked ones too", _list)
    revoke = _action(actions, "revoke", "have a token accepted no longer", _revoke)
    revoke.add_argument("name", metavar="NAME", help="the token's name")
    usage = _action(actions, "usage", "show the runs and the models' tokens of each", _usage)
    usage.add_argument("name", metavar="NAME", nargs="?", help="only that of this name")
    usage.add_argument("--since", metavar="DAY", type=_day, help="only runs that ended on this day "
                       "or later, in UTC, such as 2026-03-01")  # fmt: skip
    for one in (listing, usage):
        one.add_argument("--json", action="store_true", help="prints JSON")
    for one in (add, listing, revoke, usage):
        add_database(one)


def _action(
    actions: argparse._SubParsersAction[Parser],
    name: str,
    what: str,
    run: Any,
    description: str | None = None,
) -> Parser:
    action = actions.add_parser(
        name,
        help=what,
        description=description or f"{what[0].upper()}{what[1:]}.",
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    action.set_defaults(run=run)
    return action


def _no_action(command: Parser) -> int:
    command.print_help(sys.stderr)
    return USAGE


@contextmanager
def stored_tokens() -> Iterator[Tokens]:
    """Opens the tokens of the database that the environment names.

    Raises:
        ConfigurationError: The database cannot be opened.
        ModuleNotFoundError: The extra is not installed.
    """
    from assistants_client.engine.engine import DEFAULT_URL
    from assistants_client.engine.faults import Fault
    from assistants_client.engine.services._base import Context
    from assistants_client.engine.services.tokens import Tokens
    from assistants_client.engine.storage.database import Database

    database = Database(os.environ.get("ASSISTANTS_DATABASE_URL") or DEFAULT_URL)
    try:
        if database.is_in_memory:
            raise Refusal(USAGE, "a database in memory is gone when this command ends: name a file")
        try:
            database.open()
        except Fault as fault:
            raise ConfigurationError(fault.message) from None
        yield Tokens(Context(database=database))
    finally:
        database.close()


@contextmanager
def _opened(options: argparse.Namespace) -> Iterator[Tokens]:
    """Opens the tokens that options name; what is refused becomes a refusal of the command."""
    sources = set_variables(options)
    with refusing(sources):
        from assistants_client.engine.faults import Fault
    try:
        with refusing(sources), stored_tokens() as tokens:
            yield tokens
    except Fault as fault:
        statuses = {400: USAGE, 503: DATABASE}
        raise Refusal(statuses.get(fault.status, FAILED), fault.message) from None


def _add(options: argparse.Namespace) -> int:
    with _opened(options) as tokens:
        token = tokens.add(options.name, is_isolated=options.isolated)
    say(token)
    # Where the token goes into a variable, this is still seen.
    print("This is the only time that it is shown.", file=sys.stderr)
    return 0


def _revoke(options: argparse.Namespace) -> int:
    with _opened(options) as tokens:
        tokens.revoke(options.name)
    return 0


def _list(options: argparse.Namespace) -> int:
    with _opened(options) as opened:
        found = opened.list()
    if options.json:
        say(json.dumps([_token_document(token) for token in found], indent=2))
        return 0
    rows = [
        (
            token.name,
            "its own" if token.is_isolated else "all",
            _shown(token.created_at),
            token.last_run or "-",
            _shown(token.revoked_at),
        )
        for token in found
    ]
    say(_table(("NAME", "SEES", "MADE", "LAST RUN", "REVOKED"), rows))
    return 0


def _usage(options: argparse.Namespace) -> int:
    with _opened(options) as opened:
        found = opened.usage(options.name, since=options.since)
    if options.json:
        say(json.dumps([_usage_document(one) for one in found], indent=2))
        return 0
    rows = [
        (
            one.name,
            str(sum(one.runs.values())),
            str(one.prompt_tokens),
            str(one.completion_tokens),
            ", ".join(f"{number} {status}" for status, number in sorted(one.runs.items())) or "-",
        )
        for one in found
    ]
    say(_table(("NAME", "RUNS", "PROMPT TOKENS", "COMPLETION TOKENS", "BY STATUS"), rows))
    return 0


def _token_document(token: Token) -> dict[str, object]:
    return {
        "name": token.name,
        "isolated": token.is_isolated,
        "created_at": token.created_at,
        "last_run": token.last_run,
        "revoked_at": token.revoked_at,
    }


def _usage_document(usage: TokenUsage) -> dict[str, object]:
    return {
        "name": usage.name,
        "runs": usage.runs,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
    }


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-03-01") from None


def _shown(seconds: int | None) -> str:
    return "-" if seconds is None else f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns lines with columns that are as wide as what is in them."""
    lines = [head, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    padded = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    return "\n".join(line.rstrip() for line in padded)
