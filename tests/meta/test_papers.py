"""The papers for contributors are true: what they name exists, and what exists is in the map."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_map_of_the_tests_names_every_folder() -> None:
    """``tests/README.rst`` has a row for each folder that holds tests, and for no other."""
    rows = re.findall(r"^``(\w+)``  ", (ROOT / "tests" / "README.rst").read_text("utf-8"), re.M)
    folders = {path.parent.relative_to(ROOT / "tests").parts[0] for path in run_by_hand_or_pytest()}

    assert sorted(rows) == sorted(folders)


def run_by_hand_or_pytest() -> list[Path]:
    """The files that are run, by pytest or by hand, in a folder of the tests."""
    return [
        path
        for pattern in ("*/test_*.py", "*/bench_*.py")
        for path in (ROOT / "tests").glob(pattern)
    ]


def test_the_map_of_the_tests_names_files_that_exist() -> None:
    """Each file that it names is there."""
    text = (ROOT / "tests" / "README.rst").read_text("utf-8")
    names = [name for name in re.findall(r"``([\w/]+\.py)``", text) if name]

    assert names
    assert [name for name in names if not (ROOT / "tests" / name).exists()] == []
