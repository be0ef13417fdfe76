"""``assistants backup`` and ``assistants vacuum``: a copy of a database, and its free space.

Both are done in engine/storage/upkeep.py, which is imported only where it is needed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from assistants_client.cli.engine_options import add_database, refusing, set_variables
from assistants_client.cli.exits import (
    DATABASE,
    FAILED,
    NOT_INSTALLED,
    USAGE,
    Refusal,
    say,
)
from assistants_client.cli.parser import Parser
from assistants_client.cli.prune import sizes_as_json, sizes_as_text
from assistants_client.cli.stored import opened_database, require_database

_BACKUP: Final = """\
Copies the engine's database into a new file, as it is at one moment: engines may
serve and write meanwhile, and do not wait. The copy is checked, and appears under
its name when it is whole; a file that is there is never overwritten. It is a
database itself: `assistants serve --database FILE` serves it.

That is for SQLite. Of a PostgreSQL server, pg_dump makes such copies."""

_BACKUP_ENDS: Final = f"""\
exit status:
  {USAGE}    FILE is there already, or cannot be made; or the database is on a server
  {DATABASE}    there is no such database, or it cannot be read
  {FAILED}    the disk is full, or the copy failed
  {NOT_INSTALLED}    the extra "engine" is not installed

example:
  assistants backup backups/$(date +%F).db"""

_VACUUM: Final = """\
Gives back what deleted rows have left free, and prints the sizes before and after.
On SQLite the file becomes smaller: until it is done nothing can be written, and it
needs free space of up to twice what is left of it. On PostgreSQL the server's own
VACUUM (ANALYZE) clears the engine's tables for new rows, and locks nobody out."""

_VACUUM_ENDS: Final = f"""\
exit status:
  {USAGE}    an option or a variable is wrong
  {DATABASE}    there is no such database, or it is in use
  {NOT_INSTALLED}    the extra "engine" is not installed"""


def add_backup(commands: argparse._SubParsersAction[Parser]) -> None:
    """Adds both commands to the parser's."""
    backup = commands.add_parser(
        "backup",
        help="copy the database, also while it is served",
        description=_BACKUP,
        epilog=_BACKUP_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    backup.add_argument("file", metavar="FILE", type=Path, help="the new file")
    add_database(backup)
    backup.set_defaults(run=_backup)
    vacuum = commands.add_parser(
        "vacuum",
        help="give back the free space of the database",
        description=_VACUUM,
        epilog=_VACUUM_ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    vacuum.add_argument("--json", action="store_true", help="print one JSON document, for programs")
    add_database(vacuum)
    vacuum.set_defaults(run=_vacuum)


def _backup(options: argparse.Namespace) -> int:
    sources = set_variables(options)
    with refusing(sources):
        from assistants_client.engine.engine import DEFAULT_URL  # an extra, and slow to import
        from assistants_client.engine.storage.upkeep import NotOursError, copy_sqlite, sqlite_path
    url, target = options.database or DEFAULT_URL, options.file
    with refusing(sources):
        source = sqlite_path(url)
    if source is None:
        raise Refusal(
            USAGE,
            "that is for SQLite. A PostgreSQL server has a program of its own, for the same "
            f"URL: pg_dump --format=custom --file={target} URL; pg_restore reads it",
        )
    require_database(url)
    if target.exists() or target.is_symlink():
        kind = "folder" if target.is_dir() else "file"
        raise Refusal(USAGE, f"{target} is a {kind} that is there already: name a new file")
    if not target.parent.is_dir():
        raise Refusal(USAGE, f"{target}: there is no folder {target.parent}")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        counts = copy_sqlite(source, part)
        shutil.copymode(source, part)
        _name(part, target)
        size = target.stat().st_size
    except NotOursError as error:
        raise Refusal(DATABASE, str(error)) from error
    except FileExistsError as error:
        raise Refusal(USAGE, f"{target} is there by now: name a new file") from error
    except sqlite3.Error as error:
        raise Refusal(FAILED, f"{source} cannot be copied: {error}") from error
    except OSError as error:
        raise Refusal(FAILED, f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        for rest in (part, *(part.with_name(part.name + end) for end in ("-journal", "-wal"))):
            rest.unlink(missing_ok=True)
    say(f"{target}: {_shown(counts, size)}")
    return 0


def _name(part: Path, target: Path) -> None:
    """Gives the finished file its name, unless there is one of that name.

    Raises:
        FileExistsError: There is.
    """
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError from None
        part.rename(target)


def _shown(counts: Mapping[str, int], size: int) -> str:
    from assistants_client.engine.storage.sizes import shown_bytes

    held = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())
    return f"{shown_bytes(size)} ({held})"


def _vacuum(options: argparse.Namespace) -> int:
    with opened_database(options) as database:
        from assistants_client.engine.services._base import Context
        from assistants_client.engine.services.housekeeping import Housekeeping
        from assistants_client.engine.storage.sizes import shown_bytes

        housekeeping = Housekeeping(Context(database=database))
        before = housekeeping.sizes()
        database.vacuum()
        after = housekeeping.sizes()
        if options.json:
            document: dict[str, Any] = sizes_as_json(database.shown_url, after)
            document["before"] = {"bytes": before.bytes, "free_bytes": before.free_bytes}
            say(json.dumps(document, indent=2))
            return 0
        was = f"{shown_bytes(before.bytes)}, of which {shown_bytes(before.free_bytes)} were free"
        say(f"Before: {was}\n{sizes_as_text(database.shown_url, after)}")
    return 0
