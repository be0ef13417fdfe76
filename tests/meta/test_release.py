"""What must hold before a version is published, as far as the tree alone can tell.

What the built distributions hold is in ``test_packaging.py``, the names that may be imported in
``test_public_surface.py``.
"""

from __future__ import annotations

import datetime
import fnmatch
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from assistants_client import __version__

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")

#: All there may be at the top, beside names that begin with a dot.
TOP_LEVEL = {
    "CHANGELOG.md",
    "LICENSE",
    "MANIFEST.in",
    "README.rst",
    "assistants_client",
    "examples",
    "findings",
    "setup.cfg",
    "setup.py",
    "tests",
}
#: The headings of Keep a Changelog, in its order.
SECTIONS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]


def setup_cfg() -> ConfigParser:
    """The settings of the distribution and of the tools that read them there."""
    found = ConfigParser()
    found.read(ROOT / "setup.cfg", "utf-8")
    return found


def extras() -> dict[str, list[Requirement]]:
    """What each extra requires."""
    section = setup_cfg()["options.extras_require"]
    return {
        name: [Requirement(one) for one in section[name].split("\n") if one] for name in section
    }


def changes() -> list[tuple[str, str, list[str]]]:
    """Of each version in the changelog: its name, what stands for its date, its text's lines."""
    parts = re.split(r"^## \[(.+?)\] - (.+)$", CHANGELOG, flags=re.MULTILINE)[1:]
    return [
        (parts[n], parts[n + 1], parts[n + 2].strip().split("\n")) for n in range(0, len(parts), 3)
    ]


def test_nothing_else_is_at_the_top() -> None:
    """Save what git ignores, only the files and folders that belong there are at the top."""
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text("utf-8").split()]
    there = {
        path.name
        for path in ROOT.iterdir()
        if not path.name.startswith(".")
        and not any(fnmatch.fnmatch(path.name, pattern) for pattern in ignored)
    }

    assert there == TOP_LEVEL


def test_the_changelog_begins_with_this_version() -> None:
    """The top version is the package's, and the only one that may be without a date."""
    versions = [(name, date) for name, date, _ in changes()]
    dates = [datetime.date.fromisoformat(date) for _, date in versions if date != "Unreleased"]

    assert versions[0][0] == __version__
    assert len(dates) >= len(versions) - 1
    assert "Unreleased" not in [date for _, date in versions[1:]]
    assert dates == sorted(dates, reverse=True)
    assert all(date <= datetime.date.today() for date in dates)


def test_versions_are_semantic_and_descend() -> None:
    """Versions are three numbers, each below the one above it."""
    versions = [name for name, _, _ in changes()]

    assert [name for name in versions if not re.fullmatch(r"\d+\.\d+\.\d+", name)] == []
    assert versions == sorted(set(versions), key=Version, reverse=True)


@pytest.mark.parametrize(("version", "lines"), [(name, lines) for name, _, lines in changes()])
def test_the_changelog_keeps_its_form(version: str, lines: list[str]) -> None:
    """Sections are those of Keep a Changelog, in their order; each entry ends as a sentence."""
    headings = [line.removeprefix("### ") for line in lines if line.startswith("#")]
    entries = re.split(r"^- ", "\n".join(lines), flags=re.MULTILINE)
    texts = [re.split(r"\n+#", entry)[0].strip() for entry in entries[1:]]

    assert headings == [one for one in SECTIONS if one in headings], version
    assert len(re.findall(r"^### .+\n\n- ", "\n".join(lines), re.MULTILINE)) == len(headings)
    assert texts
    assert [text for text in texts if not text.endswith(".")] == []
    assert [text for text in texts if re.search(r"\n(?!  )", text)] == []


def test_the_status_fits_the_version() -> None:
    """README.rst names this version, and the classifier calls it what README.rst calls it."""
    status = re.findall(r"Development Status :: \d - (.+)", setup_cfg()["metadata"]["classifiers"])
    readme = (ROOT / "README.rst").read_text("utf-8")
    [(word, version)] = re.findall(r"\*\*Status:\*\* (\w+), version (\d+\.\d+)\.", readme)

    assert [word.title()] == status
    assert __version__.startswith(f"{version}.")
    assert (Version(__version__).major == 0) == (word in ("alpha", "beta"))


def test_the_pythons_that_are_promised_are_those_that_are_tested() -> None:
    """Classifiers, ``python_requires`` and the linters' target name the same Pythons as README."""
    settings = setup_cfg()
    classifiers = settings["metadata"]["classifiers"]
    promised = re.findall(r"Python :: 3\.(\d+)$", classifiers, re.MULTILINE)
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    readme = (ROOT / "README.rst").read_text("utf-8")
    [(first, last)] = re.findall(r"^Python 3\.(\d+) to 3\.(\d+) are tested", readme, re.MULTILINE)

    assert promised == [str(minor) for minor in range(int(first), int(last) + 1)]
    assert settings["options"]["python_requires"] == f">=3.{promised[0]}"
    assert settings["mypy"]["python_version"] == f"3.{promised[0]}"
    assert f"--pythonversion 3.{promised[0]} " in ci
    assert f'target-version = "py3{promised[0]}"' in (ROOT / ".ruff.toml").read_text("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no bash of its own")
def test_every_python_that_is_there_is_tested(tmp_path: Path) -> None:
    """The CI looks for those from the oldest that is promised on, however new; links count once."""
    [function] = re.findall(
        r"^minors\(\) \{$.*?^\}$",
        (ROOT / ".ci" / "run").read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    for name in ("python3.9", "python3.10", "python3.11-config", "python3.14", "python3.99"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    for name in ("2.7.18", "3.8.18", "3.14.1", "3.15.0", "3.16-dev", "3.17.0t"):
        (tmp_path / ".pyenv" / "versions" / name).mkdir(parents=True)
    own = str(sys.version_info[1])
    (tmp_path / "python3").symlink_to(sys.executable)
    for name in ("sed", "sort", "ls"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")

    done = subprocess.run(
        [shutil.which("bash") or "bash", "-c", f"set -euo pipefail\n{function}\nminors"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == sorted({"10", "14", "15", "99", own})


def test_every_requirement_has_a_lower_bound() -> None:
    """Whatever is needed says since when it will do; what users install has no upper bound.

    One has: what code is rewritten for is the Python that just these releases know.
    """
    core = [
        Requirement(one) for one in setup_cfg()["options"]["install_requires"].split("\n") if one
    ]
    for_users = [*core, *extras()["engine"]]
    for_tests = [one for name in ("test", "integration") for one in extras()[name]]

    assert len(core) == 3
    bounded = [one for one in for_users if not re.fullmatch(">=[^,]+", str(one.specifier))]
    assert [one.name for one in bounded] == ["pydantic-monty"]
    assert [one for one in for_tests if ">=" not in str(one.specifier)] == []


def test_the_extras_of_the_tests_can_be_installed() -> None:
    """What ``engine`` and ``test`` name is installed here, in a version that they allow."""
    for name in ("engine", "test"):
        for one in extras()[name]:
            assert one.specifier.contains(metadata.version(one.name)), one
