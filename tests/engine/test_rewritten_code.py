"""Code as the built-in sandbox runs it: what is rewritten is, by CPython, what was written."""

from __future__ import annotations

import contextlib
import heapq
import importlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from assistants_client.engine import MontyInterpreter
from assistants_client.engine.code_interpreter.monty_helpers import CORRECTS_SUMS, HELPERS
from assistants_client.engine.code_interpreter.monty_modules import MODULES, STARRED
from assistants_client.engine.code_interpreter.monty_source import VALUE, rewritten
from assistants_client.engine.code_interpreter.monty_tree import UnsupportedError

#: Code that is rewritten: pieces under numbers.
IDIOMS = [
    piece.partition("\n")[2]
    for piece in Path(__file__).with_name("rewritten_code.txt").read_text("utf-8").split("### ")[1:]
]

#: Functions and methods that print.
PRINTING = """\
def f(x):
    print(x)
    return x
class A:
    def show(self): return f(1)
    def update(self, xs):
        for x in xs: print('took', x)
class B:
    def __init__(self, n):
        self.n = f(n)
def logged(function):
    def run(*args):
        print(args)
        return function(*args)
    return run
@logged
def wrapped(x): return x
"""


def _run(code: str, *helpers: str) -> tuple[str, str | None]:
    """Runs code in CPython; returns what it prints, and its error."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for helper in helpers:
        exec(HELPERS[helper], names)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            exec(compile(code, "main.py", "exec", dont_inherit=True), names)
        except Exception as error:
            return printed.getvalue(), repr(error)
    return printed.getvalue(), None


def _is_for_this_python(code: str) -> bool:
    """Quotes within those of a formatted string are of 3.12, some names of modules of 3.13."""
    return sys.version_info >= (3, 13) or not ("import *" in code or "(f'" in code)


@pytest.fixture(scope="module")
def interpreter() -> Iterator[MontyInterpreter]:
    """The real sandbox."""
    made = MontyInterpreter()
    yield made
    made.close()


@pytest.mark.parametrize("code", IDIOMS)
def test_rewritten_code_does_the_same(interpreter: MontyInterpreter, code: str) -> None:
    """In CPython before and after it is rewritten, and in the sandbox."""
    new = rewritten(code)
    expected = _run(code)
    assert expected[1] is None
    assert new.code.count("\n") == code.count("\n")
    if _is_for_this_python(code):
        assert _run(new.code, *new.helpers) == expected
    result = interpreter.run(code)
    assert (result.shown, result.failed) == (expected[0], False)


@pytest.mark.parametrize(
    "code",
    [
        "x = 1\nprint('get', x)",
        "a.get.x\na.get == b.get\na.get(1)",
        "x: dict.get = 1\ndef f(a: d.get) -> d.get: ...",
        "f'{d.get=}'",
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None",
        "try:\n    import numpy\nexcept:\n    pass",
        "def f():\n    import numpy\ntry:\n    f()\nexcept ImportError:\n    pass",
        "import numpy as np\ntry:\n    x = np.mean([1])\nexcept Exception:\n    x = 1",
        "import numpy as np\ntry:\n    if 1: np\nexcept NameError as e:\n    x = e",
        "import numpy\ntry:\n    a = lambda: numpy.a\n    a()\nexcept:\n    pass",
        "import numpy\ndef f(): return numpy.a\ntry:\n    f()\nexcept Exception:\n    pass",
        "from numpy import sum\nprint(sum([1]))",
        "from math import sqrt\nfrom sympy import sqrt",
        "from sympy import x\nx = 3",
        "from sympy import *",
        "from os import *",
        "from .x import *",
        "from . import x",
        "from __future__ import annotations",
        "any(n for n in [1])\nall(len(n) > 1 for n in 'ab')\nany(c.isdigit() for c in 'a1')",
        "n = 0\nfor i, x in enumerate(y):\n    n += max(i, x)",
        "for i, c in enumerate('ab'):\n    print(i, c)\n    break",
        "for a, b in zip(sorted('ab'), range(2)):\n    f(a)",
        "x = _sandbox_value",
        "= broken",
        "(" * 500 + ")" * 500,
        "-" * 5_000 + "1",
        "1" + " + 1" * 5_000,
        "x = " + "lambda: " * 500 + "1",
        "x" + ".get" * 5_000,
        "x = 1\n" * 20_000,
        "\ud800",
        "\0",
        "x = '" + "é" * 100 + "\udc00'",
    ],
)
def test_what_is_not_rewritten(code: str) -> None:
    """Code that is fine as it is, whose failure is expected, or that is better not read."""
    new = rewritten(code)
    if new.has_value:
        assert new.code.replace(f"{VALUE} = (", "").replace(")", "") == code.replace(")", "")
    else:
        assert new.code == code


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("d = {1: 'a', True: 'b'}", "1 and True"),
        ("d = {1: 'a', 2: 'b', 2.0: 'c'}", "1 and True"),
        ("class A:\n    def __ne__(self, o): return False", "__ne__"),
        ("class A:\n    def __getattr__(self, k): return k", "__getattr__"),
        ("class A:\n    def __len__(self): return 0\nx = A() or 5", "__len__"),
        ("class A:\n    def __len__(self): return 0\nx = filter(None, [A()])", "__len__"),
        ("for x in map(print, [1, 2]): print('x')", "for statement"),
        (f"{PRINTING}for r in map(lambda a: a.show(), [A()]): print(r)", "for statement"),
        (f"{PRINTING}for r in (a.show() for a in [A()]): print(r)", "for statement"),
        (f"{PRINTING}for i, r in enumerate(a.show() for a in [A()]): print(r)", "for statement"),
        (f"{PRINTING}for r in (made.n for made in map(B, [1])): print(r)", "for statement"),
        (f"{PRINTING}x = max((f(x) for x in [1, 2]), key=f)", "for statement"),
        (f"{PRINTING}x = iter(wrapped(x) for x in [1, 2])", "for statement"),
        (f"{PRINTING}A().update(f(x) for x in [1, 2])", "for statement"),
        ("xs = [1, 2]\nfor x in reversed(xs): xs[0] = 3", "reversed sees xs here"),
        ("xs = [1, 2]\nfor i, x in enumerate(map(str, xs)): xs.append(i)", "map sees xs here"),
        ("d = {'x': []}\nfor x in filter(None, d['x']): d['x'] += [1]", "sees d['x'] here"),
        ("xs = [1]\nfor a, b in zip(xs, xs, strict=True): del xs[0]", "zip sees xs here"),
        ("xs = [1]\nfor x in (y for y in xs): xs.append(1)", "generator expression sees xs"),
        (
            "import heapq\nxs = [1]\nfor x in reversed(xs): heapq.heappush(xs, 1)",
            "reversed sees xs here",
        ),
        (
            "xs = [1]\nfor x in reversed(xs):\n    for y in [1]:\n        xs.pop()\n        break",
            "reversed sees xs here",
        ),
        ("def f(x): print(x)\ndef g(x): f(x)\ny = (g(x) for x in [1])\nprint(2)", "for statement"),
    ],
)
def test_what_would_come_out_otherwise_is_refused(
    interpreter: MontyInterpreter, code: str, told: str
) -> None:
    """Before anything runs, with the line, and nothing of the state is lost."""
    with pytest.raises(UnsupportedError, match=re.escape(told)):
        rewritten(code)
    before = interpreter.run("kept = 5").state
    result = interpreter.run(f"print('begun')\n{code}", before)
    assert result.failed
    assert "begun\n" not in result.logs.replace("print('begun')", "")
    assert "NotImplementedError" in result.logs
    assert interpreter.run("print(kept)", result.state).logs == "5\n"


@pytest.mark.parametrize(
    ("code", "logs"),
    [
        ("re.findall(r'\\d*', 'a1')", "NotImplementedError"),
        ("p = 'x*'\nre.sub(p, '-', 'ax')", "NotImplementedError"),
        ("re.split('a?', 'bab')", "NotImplementedError"),
        ("re.sub(r'^\\s*|\\s*$', '-', ' a ')", "NotImplementedError"),
        ("re.sub(r'^\\s*', '-', '\\n\\na', flags=re.M)", "NotImplementedError"),
        ("m = re.MULTILINE\np = re.compile(r'^\\s*', m)\np.sub('-', 'a')", "NotImplementedError"),
        ("from re import findall\nfindall(r'\\d*', 'a1')", "NotImplementedError"),
        ("from re import split as cut\ncut('x*', 'axb')", "NotImplementedError"),
        ("from re import *\nfindall('x*', 'axb')", "NotImplementedError"),
        ("p = re.compile(r'\\s*,?\\s*')\np.split('a, b')", "NotImplementedError"),
        ("def f(p): return p.findall('axb')\nf(re.compile('x*'))", "NotImplementedError"),
        ("re.compile('x*').split('axb')", "NotImplementedError"),
        ("re.findall(re.compile('x*'), 'axb')", "NotImplementedError"),
        ("re.findall(next(p for p in ['x*']), 'axb')", "NotImplementedError"),
        ("re.sub('x*', '', 'axb')", "'ab'\n"),
        ("re.sub('^ *', '> ', '  a')", "'> a'\n"),
        ("re.sub(r'(?<=\\d)(?=(\\d{3})+$)', ',', '1234567')", "'1,234,567'\n"),
        ("re.findall('(?:ab|c)+', 'abc x c')", "['abc', 'c']\n"),
    ],
)
def test_patterns_that_match_nothing(interpreter: MontyInterpreter, code: str, logs: str) -> None:
    """They are refused where an empty match may come right after another, which is not found."""
    result = interpreter.run(f"import re\n{code}")
    assert result.logs == logs or logs in result.logs
    assert "_sandbox" not in result.logs


def test_truth_is_minded_in_later_calls(interpreter: MontyInterpreter) -> None:
    """A class of an earlier call says what its truth is."""
    first = interpreter.run("class A:\n    def __len__(self): return 0")
    later = interpreter.run("print('full' if A() else 'empty', len(A()))", first.state)
    assert later.logs == "empty 0\n"


def test_own_functions_of_built_in_names_are_kept(interpreter: MontyInterpreter) -> None:
    """What replaces a built-in function never replaces one of the code's."""
    first = interpreter.run("def round(x, n=0): return 'mine'\nprint(round(1.5))")
    assert first.logs == "mine\n"
    assert interpreter.run("print(round(2.675, 2))", first.state).logs == "mine\n"
    plain = interpreter.run("x = 2.675")
    assert interpreter.run("print(round(x, 2))", plain.state).logs == "2.67\n"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "import numpy as np\nprint('on')\nnp.array([1])",
            "ModuleNotFoundError: numpy is not there",
        ),
        ("import a.b.c\nprint('on')\na.b.c.f()", "ModuleNotFoundError: a.b.c is not there"),
        (
            "from scipy.optimize import (\n    fsolve,\n    brentq as root,\n)\nprint('on')\nroot",
            "ModuleNotFoundError: scipy.optimize.brentq is not there",
        ),
        (
            "from functools import reduce, cmp_to_key\nprint('on')\ncmp_to_key",
            "ImportError: functools.cmp_to_key is not there",
        ),
    ],
)
def test_an_import_that_is_not_used_costs_nothing(
    interpreter: MontyInterpreter, code: str, told: str
) -> None:
    """The code runs up to where it is used, which says what is not there; so do later calls."""
    result = interpreter.run(code)
    assert result.failed
    assert result.logs.startswith("on\nTraceback")
    last = code.splitlines()[-1]
    assert f"line {code.count(chr(10)) + 1}, in <module>\n    {last}\n" in result.logs
    assert told in result.logs
    assert told in interpreter.run(last, result.state).logs


def test_a_name_of_an_earlier_call_is_not_taken_for_another(interpreter: MontyInterpreter) -> None:
    """An import that is not there fails at once where its name is bound already."""
    first = interpreter.run("from math import sqrt")
    result = interpreter.run("from sympy import sqrt\nprint(sqrt(8))", first.state)
    assert "ModuleNotFoundError: No module named 'sympy'" in result.logs


def test_tracebacks_show_the_code_as_written(interpreter: MontyInterpreter) -> None:
    """Of this call and of functions of earlier ones, without what was put in."""
    code = "d = {'a': 1}\ndef f(x): return max(d, key=d.get), next(n for n in x if n > 1 / 0)\n"
    first = interpreter.run(code)
    for result in (interpreter.run(code + "f([1])"), interpreter.run("f([1])", first.state)):
        assert "_sandbox" not in result.logs
        assert "lambda o" not in result.logs
        assert "    f([1])\n    ~~~~~~\n" in result.logs
        written = "    def f(x): return max(d, key=d.get), next(n for n in x if n > 1 / 0)\n"
        assert written in result.logs
        assert f"{' ' * written.index('1 / 0')}~~~~~\n" in result.logs
    shown = interpreter.run("x = [1]\n'é', x[9]").logs
    assert "    'é', x[9]\n         ~~~~\nIndexError" in shown
    again = interpreter.run("class A:\n    def __repr__(self): return 1 / 0\nA()").logs
    assert "_sandbox" not in again
    assert "ZeroDivisionError" in again


def test_state_of_an_earlier_release(interpreter: MontyInterpreter) -> None:
    """It has nothing before it, and is read."""
    state = interpreter.run("x = 5\ndef round(a, b): return 'mine'").state or b""
    bare = state.partition(b"\n")[2]
    assert bare.startswith(b"MONTY")
    result = interpreter.run("print(x, round(1, 2))\nk = [x].count\nk(5) + 4", bare)
    assert (result.logs, result.failed) == ("5 mine\n5\n", False)
    for damaged in (b"{}\n" + bare, b"{\n" + bare, b"{" + bare):
        assert interpreter.run("print(1)", damaged).logs.endswith("afresh.\n1\n")


@pytest.mark.parametrize("module", sorted(MODULES))
def test_modules_are_as_listed(interpreter: MontyInterpreter, module: str) -> None:
    """All names that are listed are there, and none else of CPython's."""
    names = MODULES[module]
    lines = [
        f"from {module} import {name} as _{number}" for number, name in enumerate(sorted(names))
    ]
    assert interpreter.run("\n".join(["_ = 1", *lines])).logs == ""
    try:
        here = importlib.import_module(module)
    except ImportError:
        return
    missing = [name for name in dir(here) if not name.startswith("_") and name not in names]
    tries = "".join(
        f"try:\n    from {module} import {name}\n    print({name!r})\nexcept Exception: pass\n"
        for name in missing
        if isinstance(name, str) and name.isidentifier()
    )
    assert interpreter.run(tries).logs == ""
    if module in STARRED:
        starred = getattr(here, "__all__", [name for name in dir(here) if name[0] != "_"])
        assert {name for name in names if hasattr(here, name)} <= set(starred)
        builtins_hidden = set(starred) - set(names)
        assert not [name for name in builtins_hidden if name in vars(sys.modules["builtins"])]


NUMBERS = st.one_of(
    st.floats(allow_nan=False),
    st.floats(-1e4, 1e4),
    st.integers(-(10**6), 10**6).map(lambda n: n / 200),
    st.integers(-100, 100).map(lambda n: n * 50.0),
)


@settings(max_examples=400, deadline=None)
@given(NUMBERS, st.integers(-5, 20) | st.integers(-330, 330))
def test_rounding_is_cpythons(number: float, digits: int) -> None:
    """Of every number, to every place."""
    names: dict[str, Any] = {}
    exec(HELPERS["round"], names)
    try:
        expected = repr(round(number, digits))
    except OverflowError as error:
        expected = repr(error)
    try:
        found = repr(names["round"](number, digits))
    except OverflowError as error:
        found = repr(error)
    assert found == expected


def test_half_cents_in_the_sandbox(interpreter: MontyInterpreter) -> None:
    """As in CPython, and so are sums of them, with the correction that it makes or not."""
    code = (
        "halves = [n / 200 for n in range(1, 2000, 2)]\n"
        "print([round(x, 2) for x in halves], [round(x * 1000, -1) for x in halves[:99]])\n"
        "print([sum(halves[:n]) for n in range(99)], sum([1, 0.1, True, 2**60]), sum([0.1] * 10))"
    )
    assert interpreter.run(code).logs == _run(code)[0]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats() | st.integers(-5, 2**70) | st.booleans()), st.sampled_from([0, 1, 0.5]))
@pytest.mark.skipif(not CORRECTS_SUMS, reason="this Python adds floats as they come")
def test_sums_are_cpythons(items: list[float], start: float) -> None:
    """With the correction that CPython makes since 3.12."""
    names: dict[str, Any] = {}
    exec(HELPERS["sum"], names)
    assert repr(names["sum"](items, start)) == repr(sum(items, start))


@settings(max_examples=200, deadline=None)
@given(st.text("ab\\1230gn<>x.&", max_size=8))
def test_replacements_are_cpythons(template: str) -> None:
    """Group references, escapes and errors of what replaces a match."""
    names: dict[str, Any] = {}
    exec(HELPERS["re"], names)
    pattern = re.compile("(?P<x>a)(b)?(1)?")
    try:
        expected = pattern.sub(template, "ab a1 ab1")
    except (re.error, IndexError):
        with pytest.raises(re.error):
            names["_sandbox_sub"](pattern)(template, "ab a1 ab1")
    else:
        assert names["_sandbox_sub"](pattern)(template, "ab a1 ab1") == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9), max_size=5))
def test_heaps_are_cpythons(items: list[int], more: list[int]) -> None:
    """To the order of their items."""
    names: dict[str, Any] = {}
    exec(HELPERS["heapq"], names)
    ours: Any = names["_sandbox_heapq"]
    a, b = [*items], [*items]
    heapq.heapify(a)
    ours.heapify(b)
    assert a == b
    for item in more:
        for name in ("heappush", "heappushpop"):
            assert getattr(ours, name)(b, item) == getattr(heapq, name)(a, item)
            assert a == b
        assert ours.heapreplace(b, 9 - item) == heapq.heapreplace(a, 9 - item)
        assert ours.heappop(b) == heapq.heappop(a)
        assert a == b
    assert ours.nlargest(3, items, key=lambda n: n % 4) == heapq.nlargest(
        3, items, key=lambda n: n % 4
    )
    assert ours.nsmallest(3, items) == heapq.nsmallest(3, items)
