"""The papers for contributors are true: what they name exists, and what exists is in the map."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

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


def architecture() -> str:
    """The note for who changes the library."""
    return (ROOT / "assistants_client" / "ARCHITECTURE.rst").read_text("utf-8")


def test_the_architecture_note_names_files_and_classes_that_exist() -> None:
    """Each path in it is a file or a folder of the package; each class stands in one of them."""
    text = architecture()
    paths = re.findall(r"``((?:\w+/)+(?:\w+\.py)?|\w+\.py)``", text)
    above = ("tests/", "assistants_client/")
    missing = [
        path
        for path in paths
        if not (ROOT / ("" if path.startswith(above) else "assistants_client") / path).exists()
    ]
    names = set(re.findall(r"``([A-Z]\w+)``", text))
    source = "".join(path.read_text("utf-8") for path in (ROOT / "assistants_client").rglob("*.py"))

    assert len(paths) > 40
    assert missing == []
    assert {name for name in names if not re.search(rf"^class {name}\b", source, re.M)} == set()


def test_the_architecture_note_has_the_states_of_runs() -> None:
    """The picture is what the table of transitions says."""
    from assistants_client.engine.domain.state_machine import RUN_TRANSITIONS

    picture = [
        f"    {status:<15} -> {', '.join(sorted(following))}"
        for status, following in RUN_TRANSITIONS.items()
        if following
    ]

    assert "\n".join(picture) in architecture()


def test_the_readme_links_to_the_architecture_note() -> None:
    """Its section on contributing names it, and the map of the tests."""
    contributing = (ROOT / "README.rst").read_text("utf-8").partition("\nContributing\n")[2]

    assert "assistants_client/ARCHITECTURE.rst" in contributing
    assert "tests/README.rst" in contributing


def test_the_architecture_note_names_every_file_that_starts_threads() -> None:
    """Threads and timers: a file that makes one is in the note."""
    package = ROOT / "assistants_client"
    starting = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"threading\.(Thread|Timer)\(", path.read_text("utf-8"))
    ]

    assert len(starting) > 5
    assert [path for path in starting if f"``{path}``" not in architecture()] == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_tests_named_in_ci_exist() -> None:
    """Each file and folder of tests in ``.ci/run``, with its braces and globs expanded."""
    words = re.findall(
        r"(?:\$root/)?(\btests/[\w/.*{},-]+)", (ROOT / ".ci" / "run").read_text("utf-8")
    )
    expanded = subprocess.run(
        ["bash", "-c", f"shopt -s failglob; printf '%s\\n' {' '.join(words)}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert len(expanded) > 60
    assert [name for name in expanded if not (ROOT / name.rstrip(".,")).exists()] == []


def test_the_readme_has_a_row_for_each_variable_that_is_read() -> None:
    """Those of the package stand in a table of ``README.rst``, once; no other does."""
    read = {
        name
        for path in (ROOT / "assistants_client").rglob("*.py")
        for name in re.findall(r"\bASSISTANTS_[A-Z_]+\b", path.read_text("utf-8"))
    } - {"ASSISTANTS_EMBEDDING", "ASSISTANTS_LOG"}  # each the beginning of several
    rows = re.findall(
        r"^``(ASSISTANTS_\w+)`` +[A-Z`]", (ROOT / "README.rst").read_text("utf-8"), re.M
    )

    assert Counter(rows) == Counter(read)
