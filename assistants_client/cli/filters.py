"""Options that choose among the objects of a kind: by age, by metadata, by words."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any, Final

from assistants_client.cli.exits import FAILED, USAGE, Refusal
from assistants_client.cli.kinds import KINDS, require_id
from assistants_client.cli.parser import Parser
from assistants_client.cli.prune import age
from assistants_client.cli.stored import Stored, is_missing_operation
from assistants_client.errors import APIStatusError

_NO_LIST: Final = (
    "{place} does not list threads: the protocol has no such operation. The embedded engine, "
    "`assistants serve` and Azure AI Foundry do"
)


def add_filters(command: Parser) -> None:
    """Adds the options."""
    option = command.add_argument
    option("--older-than", metavar="AGE", type=age, help="only those that were made so long ago, "
           "such as 30d, 12h or 30m")  # fmt: skip
    option("--metadata", metavar="KEY=VALUE", action="append", type=_pair, default=[],
           help="only those with this metadata; can be given more than once")  # fmt: skip


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not key or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE, such as user=7")
    return key, value


def are_given(options: argparse.Namespace) -> bool:
    """Returns whether any of these options chooses."""
    return options.older_than is not None or bool(options.metadata)


def chosen(
    stored: Stored, name: str, ids: tuple[str, ...], options: argparse.Namespace
) -> Iterator[Any]:
    """Yields the objects of a kind that the options choose, newest first.

    Args:
        stored: Where they are.
        name: The word for several of the kind.
        ids: The ids of what they are within.
        options: The options.

    Raises:
        Refusal: An id is missing or another kind's, or the server has no such list.
    """
    kind = KINDS[name]
    if len(ids) != len(kind.within):
        wanted = " and a ".join(one.lower() for one in kind.within)
        said = f"are listed within a {wanted}" if kind.within else "are listed without any id"
        usage = " ".join((name, *kind.within))
        raise Refusal(USAGE, f"{name} {said}: assistants list {usage}")
    for value, argument in zip(ids, kind.within, strict=True):
        require_id(value, argument, argument.lower())
    pairs = dict(options.metadata)
    if len(pairs) < len(options.metadata):
        raise Refusal(USAGE, "--metadata: one key is given twice; an object has one value of it")
    search = getattr(options, "search", None)
    if search is not None and name != "threads":
        raise Refusal(USAGE, f"--search finds threads; {name} have no such search")
    before = None if options.older_than is None else time.time() - options.older_than
    filters = {"metadata": pairs, "search": search} if name == "threads" else {}
    try:
        for one in kind.listed(stored.client, *ids, **filters):
            # Also of threads: other servers ignore the filter.
            held = getattr(one, "metadata", None) or {}
            if (before is None or one.created_at < before) and pairs.items() <= held.items():
                yield one
    except APIStatusError as error:
        if name == "threads" and is_missing_operation(error):
            raise Refusal(FAILED, _NO_LIST.format(place=stored.place)) from error
        raise
