"""The code interpreter, against the real sandbox."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from code_bench import CodeBench
from thorough import another_case

from assistants_client.engine.code_interpreter import MontyInterpreter, monty
from assistants_client.engine.language_models import call
from assistants_client.models.messages import MessageRequest


@pytest.fixture(scope="module")
def interpreter() -> Iterator[MontyInterpreter]:
    """One interpreter for all tests that do not need their own."""
    made = MontyInterpreter(seconds=1.0)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("code", "printed", "value"),
    [
        ("print('a')\nprint('b', end='')", "a\nb", ""),
        ("None", "", ""),
        ("", "", ""),
        ("   \n# only a remark\n", "", ""),
        ("1 + 1", "", "2\n"),
        ("print('first')\n'last'", "first\n", "'last'\n"),
        ("print('first', end='')\n'last'", "first", "\n'last'\n"),
        ("x = 3; x", "", "3\n"),
        ("x = 3; x;", "", ""),
        ("x = 3\nx  # a remark\n\n# another", "", "3\n"),
        ("1, 2", "", "(1, 2)\n"),
        ("max(\n    1,\n    2,\n)", "", "2\n"),
        ("'''\nfoo\nbar''' + 'z'", "", "'\\nfoo\\nbarz'\n"),
        ("for i in range(2):\n    i", "", ""),
        ("3\r\n", "", "3\n"),
        ("print(1)", "1\n", ""),
        ("[].append(1)", "", ""),
        ("_ = repr\nrepr = print = 5\n'x'", "", "'x'\n"),
        ("class A:\n    def __repr__(self):\n        return 'an A'\nA()", "", "an A\n"),
        ("from decimal import Decimal\nprint(repr(Decimal('1.10')))", "Decimal('1.10')\n", ""),
        (
            "print((5 / 3, 10**20, 1e22, 1e16, 0.1 + 0.2))",
            f"{(5 / 3, 10**20, 1e22, 1e16, 0.1 + 0.2)}\n",
            "",
        ),
        (
            "print((-0.0, 1e-5, 2.0**70, -7 // 2, -7 % 3))",
            f"{(-0.0, 1e-5, 2.0**70, -7 // 2, -7 % 3)}\n",
            "",
        ),
        ("print(2**200)", f"{2**200}\n", ""),
        ("print(float('nan'), 1e300 * 1e10)", "nan inf\n", ""),
        ("print('\\0')", "\ufffd\n", ""),
        ("a = [1]\na.append(a)\nprint(repr(a))", "[1, [...]]\n", ""),
    ],
)
def test_logs(interpreter: MontyInterpreter, code: str, printed: str, value: str) -> None:
    """The model reads what the code printed and its last value; the step shows what it printed."""
    result = interpreter.run(code)
    assert (result.logs, result.shown, result.failed) == (printed + value, printed, False)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def f():\n    return 1 / 0\nf()", "ZeroDivisionError: division by zero"),
        ("x = = 3", "SyntaxError"),
        ("print('never ends", "SyntaxError"),
        ("\ud800", "SyntaxError"),
        ("\0", "SyntaxError"),
        ("(" * 100_000, "SyntaxError"),
        ("-" * 100_000 + "1", "SyntaxError"),
        ("def f(): return f()\nf()", "RecursionError"),
        ("l = []\nfor i in range(100000): l = [l]\nl", "…"),
        ("x = 'a' * 10**9", "MemoryError"),
        ("l = []\nwhile True: l.append([0] * 10_000)", "MemoryError"),
        ("while True: pass", "TimeoutError"),
        pytest.param(
            "a = 3 ** 10**7\nfor i in range(99): a = a * a", "stopped", marks=another_case
        ),
        ("10**10**10", "MemoryError"),
        ("import time\ntime.sleep(100)", "TimeoutError"),
        ("print(10**5000)", "ValueError"),
        ("raise SystemExit(0)", "Error"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("open('/etc/passwd').read()", "PermissionError"),
        ("open('x', 'w').write('a')", "PermissionError"),
        ("import os\nos.listdir('/')", "PermissionError"),
        ("import os\nos.environ", "not supported"),
        ("import os\nos.system('ls')", "AttributeError"),
        ("import socket\nsocket.x", "ModuleNotFoundError: socket is not there"),
        ("import subprocess\nsubprocess.x", "ModuleNotFoundError: subprocess is not there"),
        ("import numpy\nnumpy.x", "ModuleNotFoundError: numpy is not there"),
    ],
)
def test_failure_is_told(interpreter: MontyInterpreter, code: str, told: str) -> None:
    """Whatever the code does is told in bounded logs, and the next call works."""
    result = interpreter.run(code)
    assert result.failed == (told != "…")
    assert told == "…" or told in result.logs
    assert len(result.logs) < 70_000
    assert interpreter.run("print(6 * 7)").logs == "42\n"


def test_traceback_shows_the_code_as_written(interpreter: MontyInterpreter) -> None:
    """The traceback shows the source line and its marker, without our rewriting."""
    shown = "    1/0\n    ~~~\nZeroDivisionError"
    assert shown in interpreter.run("x = 1\n1/0").logs
    assert "    x = 1; 1/0\n           ~~~\nZeroDivisionError" in interpreter.run("x = 1; 1/0").logs


def test_an_error_of_the_code_runs_it_once(interpreter: MontyInterpreter) -> None:
    """A syntax error raised while the code runs is not taken for one of the code."""
    for code in ("print('once')\neval('(')", "print('once')\nraise SyntaxError('mine')"):
        assert interpreter.run(code).logs.count("once\n") == 1


def test_state_holds_the_source_once(interpreter: MontyInterpreter) -> None:
    """What is kept of the code does not grow with how it is run."""
    result = interpreter.run("\n".join(f"x{n} = 'needle'" for n in range(20)))
    assert (result.state or b"").count(b"'needle'") == 20


def test_values_of_any_size_stay_away(interpreter: MontyInterpreter) -> None:
    """A value that would be enormous when written out is cut or stopped in the sandbox."""
    result = interpreter.run("a = [0] * 999\nb = [a] * 999\nc = [b] * 999\nprint(c)")
    assert result.failed
    assert len(result.logs) < 70_000


def test_state_goes_from_call_to_call(interpreter: MontyInterpreter) -> None:
    """Variables, functions and modules survive, and an error keeps what was set before it."""
    first = interpreter.run("import math\nx = 20\ndef double(n):\n    return 2 * n")
    second = interpreter.run("y = double(x)\nmath.pi = undefined", first.state)
    assert second.failed
    assert interpreter.run("print(y + math.floor(2.5))", second.state).logs == "42\n"


def test_state_does_not_leak(interpreter: MontyInterpreter) -> None:
    """Without state nothing of an earlier call is there."""
    interpreter.run("secret = 1")
    assert "NameError" in interpreter.run("secret").logs


@pytest.mark.parametrize(
    "code", ["x = 2\nwhile True: pass", "x = 2\na = 3 ** 10**7\nfor i in range(99): a = a * a"]
)
def test_stopped_code_changes_nothing(interpreter: MontyInterpreter, code: str) -> None:
    """Code that was stopped at a limit leaves the variables as they were, and says so."""
    before = interpreter.run("x = 1").state
    result = interpreter.run(code, before)
    assert result.failed
    assert "as they were" in result.logs
    assert interpreter.run("print(x)", result.state).logs == "1\n"


@pytest.mark.parametrize("state", [b"", b"garbage", b"MONTY\x00\x0e\x00\xa4kscript"])
def test_unreadable_state_starts_afresh(state: bytes) -> None:
    """State that cannot be read is told, and the code runs without it, be there but one worker."""
    single = MontyInterpreter(workers=1)
    result = single.run("print(1 + 1)", state)
    single.close()
    assert result.logs.endswith("started afresh.\n2\n")
    assert not result.failed


def test_too_large_state_is_dropped() -> None:
    """State above the limit is not kept, and the logs say so."""
    small = MontyInterpreter(state_bytes=10_000)
    result = small.run("x = 'a' * 20000\nprint('done')")
    assert result.state is None
    assert result.logs.startswith("done\nThe variables cannot be kept")
    assert small.run("print(1)", result.state).logs == "1\n"
    small.close()


def test_output_is_cut() -> None:
    """Output above the limit is cut between characters with a note; an error is still shown."""
    small = MontyInterpreter(output_bytes=10)
    result = small.run("print('äöü' * 1000)\n1 / 0")
    assert result.logs.startswith("äöüäö\n[output cut after 10 bytes]\nTraceback")
    assert result.logs.endswith("ZeroDivisionError: division by zero")
    assert small.run("print('x' * 11)\ny = 1").failed
    assert not small.run("print('x' * 9)").failed
    small.close()


def test_threads_at_once() -> None:
    """More threads than workers get their own answers."""
    shared = MontyInterpreter(workers=2)
    logs: dict[int, str] = {}

    def work(number: int) -> None:
        logs[number] = shared.run(f"print({number} * 2)").logs

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shared.close()
    assert logs == {number: f"{number * 2}\n" for number in range(8)}


def test_closed() -> None:
    """After close every call fails plainly, also when nothing was ever started."""
    unused = MontyInterpreter()
    unused.close()
    unused.close()
    result = unused.run("1", b"state")
    assert (result.logs, result.state, result.failed) == (
        "The code interpreter is closed.",
        b"state",
        True,
    )


def test_a_sandbox_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing worker program is told in the logs."""
    monkeypatch.setenv("MONTY_BIN", "/nowhere/monty")
    broken = MontyInterpreter()
    result = broken.run("1")
    assert result.failed
    assert result.logs.startswith("The code interpreter failed")
    broken.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_refuses(interpreter: MontyInterpreter) -> None:
    """A child leaves the parent's workers alone, says why, and may close its copy."""
    interpreter.run("1")
    child = os.fork()
    if child == 0:
        result = interpreter.run("1", b"state")
        interpreter.close()
        right = result.failed and "forked" in result.logs and result.state == b"state"
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert interpreter.run("print(2)").logs == "2\n"


def test_import_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making an interpreter starts no worker."""
    monkeypatch.setattr(monty, "_started_in", None)
    MontyInterpreter()
    assert monty._started_in is None


def test_a_model_sees_its_mistake_and_can_mend_it(interpreter: MontyInterpreter) -> None:
    """The traceback, with the line at fault, is what it is told; its next try is run likewise."""
    bench = CodeBench(interpreter)
    thread = bench.client.threads.create(messages=[MessageRequest("A half of 84?")]).id
    wrong, right = (
        call("code_interpreter", code=source) for source in ("half = 84 / zero", "print(84 // 2)")
    )

    run = bench.run(thread, wrong, right, "It is 42.")

    _, told, mended = bench.model.conversations
    assert "half = 84 / zero" in told.turns[-1].text
    assert "NameError" in told.turns[-1].text
    assert mended.turns[-1].text == "42\n"
    assert run.status == "completed"
    assert bench.answer(thread).text == "It is 42."
    bench.engine.close()


def test_description_is_true(interpreter: MontyInterpreter) -> None:
    """Every module the description promises can be imported, those it denies cannot."""
    promised, denied = MontyInterpreter.description.split("There are no third-party")
    names = promised.split("Only these modules exist: ")[1]
    modules = [part.split("(")[0].strip(" .\n") for part in _outside_brackets(names).split(",")]
    assert len(modules) > 20
    for module in modules:
        assert interpreter.run(f"import {module}\nassert {module}").logs == "", module
    for module in ("numpy", "pandas", "matplotlib", "sympy", "fractions", "statistics"):
        assert module in denied
        assert interpreter.run(f"import {module}\nprint({module})").failed
    used = "from asyncio import gather, run, sleep\nfrom collections import "
    assert not interpreter.run(used + "namedtuple, Counter, defaultdict, deque").failed


def _outside_brackets(text: str) -> str:
    while "(" in text:
        text = text[: text.index("(")] + text[text.index(")") + 1 :]
    return text
