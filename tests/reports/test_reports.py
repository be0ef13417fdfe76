"""What people report about such clients, each with its source and the test that shows it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import rows_losses
import rows_messages
import rows_programs
import rows_tools

TESTS = Path(__file__).parents[1]


ROWS: list[tuple[str, str, str]] = [
    row for module in (rows_losses, rows_messages, rows_programs, rows_tools) for row in module.ROWS
]


@pytest.mark.parametrize("row", ROWS, ids=[row[2] for row in ROWS])
def test_each_report_has_its_test(row: tuple[str, str, str]) -> None:
    """A row is a sentence, the address of a public page, and ``file::test`` below ``tests``."""
    report, source, shown = row
    path, _, name = shown.partition("::")
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    tests = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}

    assert report.endswith(".")
    assert source.startswith("https://")
    assert name.startswith("test_")
    assert name in tests


def test_no_report_is_there_twice() -> None:
    """Each stands once, in one of the files of rows."""
    assert len({row[0] for row in ROWS}) == len(ROWS)
