"""``assistants show``: one object by its id, a thread as a conversation."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from assistants_client.cli.exits import DATABASE, FAILED, NOT_INSTALLED, USAGE, Refusal
from assistants_client.cli.kinds import Kind, kind_of, require_id
from assistants_client.cli.output import (
    add_json,
    for_people,
    line_of,
    pairs_of,
    print_document,
    print_text,
    printing,
    time_of,
)
from assistants_client.cli.parser import Parser
from assistants_client.cli.stored import Stored, add_stored, opened

if TYPE_CHECKING:
    from assistants_client.client.client import Client

_SHOW: Final = """\
Shows one object; its id says of which kind it is. In a terminal a thread is
shown as a conversation, with its runs, and all else as JSON. Elsewhere it is one
line with the protocol's JSON document; of a thread, its messages follow, oldest
first, a line each.

Messages, runs and steps are within a thread. In a database it is found; of a
server it must be named."""

_ENDS: Final = f"""\
exit status:
  {FAILED}    there is no such object, or the server failed
  {USAGE}    an option or an id is wrong      {DATABASE}  there is no such database
  {NOT_INSTALLED}    the extra "engine" is not installed

examples:
  assistants show thread_abc
  assistants show run_abc --thread thread_abc --base-url https://host/v1"""


def add_show(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the command to the parser's."""
    show = commands.add_parser(
        "show",
        help="show one object, a thread as a conversation",
        description=_SHOW,
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    show.add_argument("id", metavar="ID", help="the object's id")
    show.add_argument("--thread", metavar="ID", help="the thread of a message, a run or a step")
    show.add_argument("--run", metavar="ID", dest="of_run", help="the run of a step")
    add_json(show)
    add_stored(show)
    show.set_defaults(run=_show)


def _show(options: argparse.Namespace) -> int:
    kind = kind_of(options.id)
    with opened(options) as stored, printing():
        found = kind.retrieve(stored.client, *within(kind, options.id, options, stored), options.id)
        if for_people(options):
            if kind.name == "thread":
                print_text(f"{options.id}  {time_of(found.created_at)}  {pairs_of(found.metadata)}")
                for text in _conversation(stored.client, options.id):
                    print_text(text)
                return 0
            from assistants_client._json.documents import to_dict  # help needs no objects

            print_text(json.dumps(to_dict(found), indent=2, ensure_ascii=False))
            return 0
        from assistants_client._json.documents import to_dict  # help needs no objects

        print_document(to_dict(found))
        if kind.name == "thread":
            for message in stored.client.messages.list(options.id, order="asc", page_size=100):
                print_document(to_dict(message))
    return 0


def within(
    kind: Kind, object_id: str, options: argparse.Namespace, stored: Stored
) -> tuple[str, ...]:
    """Returns the ids of what an object is within: the given ones, or those in the database.

    Raises:
        Refusal: They are not given, and there is no database to find them in.
    """
    given = {"THREAD": options.thread, "RUN": getattr(options, "of_run", None)}
    for name, value in given.items():
        if value is not None:
            require_id(value, f"--{name.lower()}", name.lower())
    if all(given[name] for name in kind.within):
        return tuple(given[name] for name in kind.within)
    if stored.database is None:
        missing = " and ".join(f"--{one.lower()} ID" for one in kind.within if not given[one])
        raise Refusal(USAGE, f"a {kind.name} of a server is found by {missing}, too")
    from assistants_client.engine.storage.places import ids_above  # an extra

    above = ids_above(stored.database, object_id)
    if above is None:
        raise Refusal(FAILED, f"{stored.place} has no {kind.name} {object_id!r:.80}")
    return above


def _conversation(client: Client, thread_id: str) -> Iterator[str]:
    """Yields the messages and runs of a thread, each as some lines, in the order of time."""
    runs = {run.id: run for run in client.runs.list(thread_id, order="asc", page_size=100)}
    for message in client.messages.list(thread_id, order="asc", page_size=100):
        run = None if message.run_id is None else runs.pop(message.run_id, None)
        if run is not None:
            yield _run_line(run)
        title = f"\n{message.role}  {time_of(message.created_at)}  {message.id}"
        if message.status not in {"", "completed"}:
            title += f"  {message.status}"
        parts = [title, textwrap.indent(message.text or message.refusal, "    ")]
        parts += [f"    [{line_of(part)}]" for part in _others(message)]
        yield "\n".join(part for part in parts if part)
    for run in runs.values():
        yield _run_line(run)


def _run_line(run: Any) -> str:
    tokens = "" if run.usage is None else f"  {run.usage.total_tokens} tokens"
    why = "" if run.last_error is None else f"  {line_of(run.last_error.message)}"
    return f"\n{run.status}  {time_of(run.created_at)}  {run.id}  {run.model}{tokens}{why}"


def _others(message: Any) -> Iterator[str]:
    """Yields what a message has beside text."""
    for part in message.content:
        if part.type == "image_file":
            yield f"image {part.image_file.file_id}"
        elif part.type == "image_url":
            yield f"image {part.image_url.url:.100}"
        elif part.type not in {"text", "refusal"}:
            yield str(part.type)
    for attachment in message.attachments:
        yield f"file {attachment.file_id}"
