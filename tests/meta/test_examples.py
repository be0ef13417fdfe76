"""The model program and the README's programs, run as a reader would run them.

Each runs in a process of its own, in an empty folder, with an empty environment: no key, no server,
no database. What they print is what is checked. The other examples are run in tests/examples.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import os
import re
import subprocess
import sys
import threading
import wsgiref.simple_server
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: What an operating system needs to start a program at all.
KEPT = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}
SECONDS = 60


def run(*arguments: str, folder: Path) -> str:
    """Runs Python on the arguments, in the folder; answers what was printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), **KEPT},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_math_tutor_solves_the_equation(tmp_path: Path) -> None:
    """The model program prints the question and then an answer with x = 1, to Jane Doe."""
    printed = run(str(ROOT / "examples" / "math_tutor.py"), folder=tmp_path)

    assert re.search(
        r"\Auser: I need to solve the equation `3x \+ 11 = 14`.*^assistant: .*\bx = 1\b(?!\.\d)",
        printed,
        re.DOTALL | re.MULTILINE,
    )
    assert "Jane Doe" in printed
    assert (tmp_path / "assistants.db").exists()


def test_another_equation_has_another_answer(tmp_path: Path) -> None:
    """The answer is computed: with other numbers in the question it is another one."""
    source = (ROOT / "examples" / "math_tutor.py").read_text("utf-8")
    assert "3x + 11 = 14" in source
    solutions = {"5x - 7 = 28": "x = 7", "2x + 9 = 1": "x = -4", "4x = 10": "x = 2.5"}
    program = "\n".join(source.replace("3x + 11 = 14", equation) for equation in solutions)

    _, *answers = run("-c", program, folder=tmp_path).split("assistant: ")

    for said, solution in zip(answers, solutions.values(), strict=True):
        assert re.search(rf"{re.escape(solution)}(?![.\d]*\d)", said)
        assert not re.search(r"x = 1(?![.\d]*\d)", said)


def test_the_math_tutor_is_short(tmp_path: Path) -> None:
    """The model program stays under 40 lines and imports nothing of its own."""
    source = (ROOT / "examples" / "math_tutor.py").read_text("utf-8")

    assert len(source.splitlines()) < 40
    assert set(re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE)) == {
        "os",
        "assistants_client",
    }


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of the server that README.rst sets up."""
    from assistants_client.engine import Engine

    application = Engine(f"sqlite:///{tmp_path / 'server.db'}", token="secret")
    with wsgiref.simple_server.make_server("127.0.0.1", 0, application) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()
    application.close()


def readme_program(keep: Callable[[str], bool]) -> str:
    """The Python blocks of README.rst as one program; each line keeps its number.

    Args:
        keep: Whether those of a section, whose heading it is given, are wanted.
    """
    program = []
    section, inside = "", False
    lines = (ROOT / "README.rst").read_text("utf-8").splitlines()
    for line, below in itertools.pairwise([*lines, ""]):
        if below.startswith("---"):
            section = line
        if line == ".. code-block:: python":
            inside = keep(section)
            program.append("")
        elif inside and (not line or line.startswith("    ")):
            program.append(line[4:])
        else:
            inside = False
            program.append("")
    return "\n".join(program)


def names(source: str) -> tuple[set[str], set[str]]:
    """The names that a program binds anywhere, and those that it reads."""
    bound, read = set(dir(builtins)), set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                read.add(name)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name):
                bound.add(name)
            case ast.alias(name=name) | ast.MatchAs(name=name) | ast.ExceptHandler(name=name):
                bound.add(str(name))
    return bound, read


FIRST, TESTS = "The first program", "Testing your code"


def test_a_section_of_the_readme_needs_only_the_first_program() -> None:
    """Copied below the first program, a section is a whole one; tests need not even that."""
    readme = (ROOT / "README.rst").read_text("utf-8")
    first, _ = names(readme_program(lambda section: section == FIRST))
    sections = re.findall(r"^(\w.*)\n---", readme, re.MULTILINE)
    missing = {}
    for title in sections:
        bound, read = names(readme_program(lambda section, title=title: section == title))
        missing[title] = read - bound - (set() if title == TESTS else first)

    assert TESTS in missing
    assert {title: found for title, found in missing.items() if found} == {}


def test_the_readme_is_true(server: str, tmp_path: Path) -> None:
    """The README's programs run, one after the other, and its tests pass."""
    program = tmp_path / "test_readme.py"
    source = readme_program(lambda _: True).replace("http://127.0.0.1:8000", server)
    program.write_text(source, "utf-8")

    plugins = ("-p", "no:cacheprovider", "-p", "assistants_client.testing.plugin")
    printed = run("-m", "pytest", "-s", *plugins, str(program), folder=tmp_path)

    assert "5 passed" in printed
    assert re.search(r"^assistant: .*\bx = 1\b", printed, re.DOTALL | re.MULTILINE)
    assert "It is 17 degrees in Oslo." in printed
    assert re.search(r"^404 ", printed, re.MULTILINE)
