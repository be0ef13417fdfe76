"""``assistants export``: what a server or a database stores, into an archive or another's form.

How it is read and written is in transfer/, which is imported only where it is needed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from assistants_client.cli.exits import (
    DATABASE,
    FAILED,
    INTERRUPTED,
    NOT_INSTALLED,
    USAGE,
    Refusal,
    say,
)
from assistants_client.cli.parser import Parser
from assistants_client.cli.stored import add_stored, opened, status_of
from assistants_client.errors import AssistantsError

if TYPE_CHECKING:
    from assistants_client.client.client import Client
    from assistants_client.transfer.exporting import ExportReport
    from assistants_client.transfer.losses import Loss

_EXPORT: Final = """\
Exports assistants, files with their bytes, vector stores, and threads with
their messages, runs and steps into an archive: a file with one object of the
protocol a line, and a folder FILE.files beside it. `assistants import` reads
it. The source is the embedded engine's database, a server of the protocol, or
Azure AI Foundry (classic).

Until it is complete, the archive is called FILE.part. The same command, called
again after it was stopped or failed, goes on where it was. With --as, the
threads become what another service takes, from an archive (--from) or, by way
of one (TO.archive.ndjson), from the source."""

_ENDS: Final = f"""\
exit status:
  {FAILED}    the server failed, or the archive cannot be read or written
  {USAGE}    an option or a variable is wrong     {INTERRUPTED}  stopped by Ctrl-C
  {DATABASE}    the database cannot be used          {NOT_INSTALLED}    the extra "engine" is not installed

examples:
  assistants export --to backup.ndjson
  assistants export --foundry https://NAME.services.ai.azure.com/api/projects/PROJECT \\
    --to foundry.ndjson
  assistants export --base-url https://host/v1 --threads ids.txt --to old.ndjson
  assistants export --as conversations --from foundry.ndjson --to conversations
"""  # noqa: E501  # two columns, as they are printed

#: Seconds between two lines of progress: on a terminal, and elsewhere.
_ON_TERMINAL: Final = 0.1
_ELSEWHERE: Final = 10.0


def add_export(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds the command to the parser's."""
    command = commands.add_parser(
        "export",
        help="export what is stored, into an archive or for another service",
        description=_EXPORT,
        epilog=_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = command.add_argument
    option("--to", metavar="FILE", required=True, help="the archive, or with --as the file or "
           "folder; one that is there is replaced once the new one is complete")  # fmt: skip
    option("--foundry", metavar="ENDPOINT", help="the endpoint of a project in Azure AI Foundry; "
           "signs in by azure-identity, if that is installed, else with the token in "
           "ASSISTANTS_API_KEY")  # fmt: skip
    add_stored(command)
    option("--threads", metavar="FILE", help="a file with the ids of threads, one a line: for "
           "servers that do not list theirs; an empty one leaves out all threads")  # fmt: skip
    option("--thread", metavar="ID", action="append", default=[], help="a thread; can be given "
           "more than once")  # fmt: skip
    option("--since", metavar="DAY", type=since, help="only threads that are from this day or "
           "later, in UTC, or have a message that is, such as 2026-03-01 or "
           "2026-03-01T12:00")  # fmt: skip
    option("--no-files", action="store_true", help="leave out the bytes of files")
    option("--report", metavar="FILE", help="write what cannot come along, a JSON object a line")
    option("--as", dest="target", metavar="FORM", choices=("conversations", "chat",
           "agents-sqlite"), help="conversations (bodies of requests with up to 20 items), chat "
           "(a file of JSON lines) or agents-sqlite (sessions of the Agents SDK)")  # fmt: skip
    option("--from", dest="archive", metavar="FILE", help="with --as: an archive, in the place of "
           "a server")  # fmt: skip
    option("--tools", choices=("text", "drop"), default="text", help="with --as: what becomes of "
           "calls of other tools than functions (default: text)")  # fmt: skip
    option("--citations", choices=("marks", "annotations"), default="marks", help="with --as: "
           "whether citations stay as marks in the text (the default)")  # fmt: skip
    command.set_defaults(run=_export, parser=command)


def since(text: str) -> int:
    """Returns the seconds of a day or a time, in UTC where no other zone is in it."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a day or a time, such as 2026-03-01 or 2026-03-01T12:00"
        ) from None
    return int((found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp())


def _export(options: argparse.Namespace) -> int:
    _check(options)
    threads = _threads_of(options)
    try:
        with ExitStack() as stack:
            on_loss = stack.enter_context(_report(options.report))
            archive = options.archive
            if archive is None:
                archive = f"{options.to}.archive.ndjson" if options.target else options.to
                client = stack.enter_context(_client(options))
                _to_archive(options, client, archive, threads, on_loss)
            if options.target:
                _to_target(options, archive, threads, on_loss)
    except KeyboardInterrupt:
        print(f"Stopped. The same command goes on with {options.to}.", file=sys.stderr, flush=True)
        return INTERRUPTED
    except AssistantsError as error:
        raise Refusal(status_of(error), str(error)) from error
    except OSError as error:
        raise Refusal(FAILED, str(error)) from error
    return 0


def _check(options: argparse.Namespace) -> None:
    """Refuses options that do not fit together."""
    places = {
        "--foundry": options.foundry,
        "--base-url": options.base_url,
        "--database": options.database,
        "--from": options.archive,
    }
    given = [name for name, value in places.items() if value is not None]
    if len(given) > 1:
        raise Refusal(USAGE, f"{' and '.join(given)}: give one of them, not both")
    if options.archive is not None and options.target is None:
        raise Refusal(USAGE, "--from: say with --as what to make of the archive")
    if not Path(options.to).absolute().parent.is_dir():
        raise Refusal(USAGE, f"--to: there is no folder {Path(options.to).absolute().parent}")


def _threads_of(options: argparse.Namespace) -> list[str] | None:
    if options.threads is None:
        return options.thread or None
    try:
        lines = Path(options.threads).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(USAGE, f"--threads: {options.threads} cannot be read: {error}") from error
    return [*options.thread, *(line.strip() for line in lines if line.strip())]


def _to_archive(
    options: argparse.Namespace,
    client: Client,
    archive: str,
    threads: list[str] | None,
    on_loss: Callable[[Loss], object] | None,
) -> None:
    from assistants_client.transfer.exporting import export

    progress = _Progress()
    try:
        report = export(
            client,
            archive,
            threads=threads,
            since=options.since,
            files=not options.no_files,
            progress=progress.show,
            on_loss=on_loss,
        )
    finally:
        progress.clear()
    say(f"{archive}: {report}")


def _to_target(
    options: argparse.Namespace,
    archive: str,
    threads: list[str] | None,
    on_loss: Callable[[Loss], object] | None,
) -> None:
    from assistants_client.transfer.targets.convert import convert

    report = convert(
        archive,
        options.to,
        options.target,
        threads=threads,
        tools=options.tools,
        citations=options.citations,
        on_loss=on_loss,
    )
    say(f"{options.to}: {report}")


@contextmanager
def _client(options: argparse.Namespace) -> Iterator[Client]:
    if options.foundry is None:
        with opened(options) as stored:
            yield stored.client
        return
    from assistants_client.client.client import Client  # help needs no client

    with Client.foundry(options.foundry, _credential(options)) as client:
        yield client


def _credential(options: argparse.Namespace) -> Any:
    """Returns the token that is given, or what makes and renews one.

    Raises:
        Refusal: There is neither.
    """
    token = options.api_key or os.environ.get("ASSISTANTS_API_KEY")
    if token:
        return lambda: token
    try:
        identity = importlib.import_module("azure.identity")
    except ImportError:
        raise Refusal(
            USAGE,
            "--foundry: there is no token. pip install azure-identity, and sign in with az login; "
            "or set ASSISTANTS_API_KEY to what `az account get-access-token --resource "
            "https://ai.azure.com --query accessToken -o tsv` prints, which holds for an hour",
        ) from None
    return identity.DefaultAzureCredential()


@contextmanager
def _report(path: str | None) -> Iterator[Callable[[Loss], object] | None]:
    if path is None:
        yield None
        return
    from assistants_client.transfer.losses import CODES

    with open(path, "w", encoding="utf-8", newline="\n") as file:

        def write(loss: Loss) -> None:
            document = {
                "file": loss.place.file,
                "line": loss.place.line,
                "object": loss.object,
                "id": loss.id,
                "field": loss.field,
                "what": CODES[loss.code],
                "code": loss.code,
                "note": loss.note,
            }
            file.write(f"{json.dumps(document)}\n")

        yield write


class _Progress:
    """Shows how far an export is, on the standard error."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._last = 0.0 if self._is_terminal else time.monotonic()

    def show(self, report: ExportReport) -> None:
        """Shows it, unless that was done just now."""
        now = time.monotonic()
        pause = _ON_TERMINAL if self._is_terminal else _ELSEWHERE
        if now - self._last < pause and not report.waits:
            return
        self._last = now
        counts = report.counts
        if report.threads_total is None:
            text = f"{counts['assistant']:,} assistants, {counts['file']:,} files"
        else:
            text = f"{report.threads_done:,} of {report.threads_total:,} threads"
        text += f", {counts['thread.message']:,} messages"
        if report.waits:
            text += f"; waiting {report.waits:.0f} s for the server"
        if self._is_terminal:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Removes what is on the line of a terminal."""
        if self._is_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
