"""Every row of what this package is to cost, in one command. Prints ratios; asserts nothing.

    python tests/benchmarks [--quick] [--only WORD ...] [--rst] [--list]

Rows compare with openai's client, with plain ``requests``, and with the commit before the targets
were set: each in a virtual environment that is made once, in a cache folder, and that commit in a
worktree that is removed afterwards. Figures are CPU times unless they say otherwise, medians of
rounds in fresh processes that take turns, so that both sides see the same machine; behind a ratio
are the smallest and the largest of those of single rounds. Where ``valgrind`` is installed,
the instructions of what one thread does are counted, too (``Instr.``, a ratio as well). Absolute
times are the machine's: only the ratios of one run say something.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import environments
import instructions
import served_rows
import size_rows
import work_rows
from figures import Result, Row, rst_table, table
from setting import Group, Setting, canned_server

GROUPS: Final[Sequence[Group]] = (*work_rows.GROUPS, *served_rows.GROUPS, *size_rows.GROUPS)


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser = argparse.ArgumentParser(
        prog="python tests/benchmarks",
        description=(__doc__ or "").partition("\n")[0],
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, less work in each")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="rows with one of these words")
    parser.add_argument("--list", action="store_true", help="name the rows, and measure nothing")
    parser.add_argument("--rst", action="store_true", help="print the table for README.rst as well")
    parser.add_argument(
        "--base",
        default=environments.BASE,
        metavar="COMMIT",
        help="the commit that the engine is compared with (%(default)s)",
    )
    parser.add_argument(
        "--environments",
        type=Path,
        default=cache / "assistants-client-benchmarks",
        metavar="FOLDER",
        help="where the peers are installed, once (%(default)s)",
    )
    parser.add_argument(
        "--instructions",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="count instructions, by valgrind; takes minutes (unless --quick, where it is found)",
    )
    return parser.parse_args(arguments)


def chosen(rows: Sequence[Row], words: Sequence[str] | None, *, is_quick: bool) -> list[Row]:
    """The rows with one of the words in their names; without words, all that belong to the run."""
    if words:
        return [row for row in rows if any(word.lower() in row.name.lower() for word in words)]
    return [row for row in rows if row.in_quick or not is_quick]


def measured(setting: Setting, words: Sequence[str] | None) -> list[Result]:
    """Measures group by group; what is measured is told as it goes."""
    results: list[Result] = []
    for group in GROUPS:
        rows = chosen(group.rows, words, is_quick=setting.is_quick)
        if setting.base is None:
            rows = [row for row in rows if row.beside != "base" or row.of == "own"]
        if rows:
            begun = time.monotonic()
            results += group.measure(setting, rows)
            took = time.monotonic() - begun
            print(f"{took:5.0f} s  {'; '.join(row.name for row in rows)}", file=sys.stderr)
    return results


def main() -> int:
    """Measures and prints."""
    options = parsed()
    if options.list:
        for group in GROUPS:
            for row in group.rows:
                print(f"{row.name:52} {row.target}".rstrip())
        return 0
    wants_instructions = options.instructions
    if wants_instructions is None:
        wants_instructions = not options.quick
    python = environments.interpreter(options.environments)
    begun, load = time.monotonic(), os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    with environments.checked_out(options.base) as base, canned_server() as canned:
        setting = Setting(
            python=python,
            base=base,
            is_quick=options.quick,
            counts_instructions=wants_instructions and instructions.VALGRIND is not None,
            canned=canned,
        )
        results = measured(setting, options.only)
    if not results:
        print("No row has one of these words; --list names all rows.", file=sys.stderr)
        return 2
    print("\n".join(table(results)))
    print("\n".join(["", *remarks(setting, options, time.monotonic() - begun, load)]))
    if options.rst:
        print("\n".join(["", *rst_table(results)]))
    return 0


def remarks(
    setting: Setting, options: argparse.Namespace, seconds: float, load: float
) -> list[str]:
    """What belongs to the figures: versions, the machine, and what was left out."""
    named = ", ".join(
        f"{name} {number}" for name, number in environments.versions(setting.python).items()
    )
    said = [
        f"{time.strftime('%Y-%m-%d')}, {named}; {os.cpu_count()} cores, load {load:.1f} at the "
        f"start; {seconds:.0f} s"
    ]
    if setting.base is None:
        said.append(f"There is no commit {options.base} here: rows beside it are left out.")
    if setting.is_quick:
        said.append("A quick run: few rounds, little work in each, and rows in their small form.")
    if not setting.counts_instructions:
        why = "unless asked for" if instructions.VALGRIND else "without valgrind"
        said.append(f"Instructions are not counted {why}.")
    return said


if __name__ == "__main__":
    sys.exit(main())
