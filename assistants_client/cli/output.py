"""The output of commands: tables for people, one JSON document a line for programs.

What is shown of objects was written by users and models: in a terminal it is text, and controls
nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, Final

from assistants_client.cli.exits import discard_output
from assistants_client.cli.parser import Parser

#: Control characters, and signs that turn the direction of a line.
_CONTROLS: Final = dict.fromkeys(
    (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
)
_WITHIN_TEXT: Final = {code: None for code in _CONTROLS if chr(code) not in "\t\n"}


def add_json(command: Parser) -> None:
    """Adds the option that has documents printed in a terminal, too."""
    command.add_argument("--json", action="store_true", help="print one JSON document a line, as "
                         "it is printed where the output is no terminal")  # fmt: skip


def for_people(options: argparse.Namespace) -> bool:
    """Returns whether tables are printed rather than documents."""
    return sys.stdout.isatty() and not options.json


@contextmanager
def printing() -> Iterator[None]:
    """Ends the block where nobody reads its output any more, as ``head`` does."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()


def print_document(document: Any) -> None:
    """Prints one line of JSON."""
    print(json.dumps(document, separators=(",", ":")))


def print_text(text: str) -> None:
    """Prints text of several lines, without what controls a terminal."""
    shown = text.translate(_WITHIN_TEXT)
    encoding = sys.stdout.encoding or "utf-8"
    print(shown.encode(encoding, "replace").decode(encoding))


def line_of(value: object) -> str:
    """Returns a value as one line without controls; nothing, a dash, where there is none."""
    text = " ".join(str("" if value is None else value).split()).translate(_CONTROLS)
    return text or "-"


def time_of(seconds: int | None) -> str:
    """Returns a time in Unix seconds as people read it, in the zone of this machine."""
    if not seconds:
        return "-"
    try:
        return f"{datetime.fromtimestamp(seconds, timezone.utc).astimezone():%Y-%m-%d %H:%M}"
    except (OverflowError, OSError, ValueError):
        return str(seconds)


def pairs_of(metadata: dict[str, Any] | None) -> str:
    """Returns metadata as ``key=value`` words."""
    return " ".join(f"{key}={value}" for key, value in (metadata or {}).items())


def print_table(
    head: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()
) -> None:
    """Prints a table, whose last column is cut at the terminal's width.

    Args:
        head: The names of its columns.
        rows: The rows.
        right: The numbers of columns that are flush right.
    """
    lines = [list(head), *([line_of(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    columns = shutil.get_terminal_size().columns
    for line in lines:
        cells = (
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        shown = "  ".join(cells).rstrip()
        print_text(shown if len(shown) <= columns else f"{shown[: columns - 1]}…")
