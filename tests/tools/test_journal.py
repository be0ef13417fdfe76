"""The journal: what finished is not run again, whatever happened since."""

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from thorough import another_case

from assistants_client import (
    ConfigurationError,
    FunctionCall,
    RequiredToolCall,
    ToolError,
    answer_calls,
    tool,
)
from assistants_client.function_tools.journal import key_of, open_journal

ROOT = Path(__file__).parents[2]


def calls(name, count, arguments="{}"):
    """Calls of one function."""
    return [
        RequiredToolCall(id=f"call_{n}", function=FunctionCall(name=name, arguments=arguments))
        for n in range(count)
    ]


@pytest.fixture(params=["path", "text", "mapping"])
def journal(request, tmp_path):
    """A journal in each form."""
    path = tmp_path / "journal.db"
    return {"path": path, "text": str(path), "mapping": {}}[request.param]


@pytest.fixture
def counted():
    """A tool that counts how often it ran."""

    @tool
    def count() -> int:
        count.ran += 1
        return count.ran

    count.ran = 0
    return count


def test_what_finished_is_answered_from_the_journal(journal, counted):
    """In order, and mixed with what did not."""
    first = answer_calls(calls("count", 2), [counted], journal=journal, run_id="run_1")
    again = answer_calls(calls("count", 3), [counted], journal=journal, run_id="run_1")

    assert [each.output for each in first] == ["1", "2"]
    assert [each.output for each in again] == ["1", "2", "3"]
    assert counted.ran == 3


def test_the_run_and_the_request_tell_calls_apart(journal, counted):
    """Some servers use an id in every run, or twice in one."""
    answer_calls(calls("count", 1), [counted], journal=journal, run_id="run_1")
    answer_calls(calls("count", 1), [counted], journal=journal, run_id="run_2")
    answer_calls(calls("count", 1, "{ }"), [counted], journal=journal, run_id="run_1")

    assert counted.ran == 3


def test_an_error_that_is_reported_is_kept(journal):
    """The function ran, so it does not run again."""
    ran = []

    @tool
    def fail() -> None:
        ran.append(1)
        raise ValueError("no")

    for _ in range(2):
        [found] = answer_calls(calls("fail", 1), [fail], journal=journal, run_id="run_1")
        assert found.output == '{"error": "ValueError: no"}'

    assert ran == [1]


def test_an_error_that_is_raised_is_not_kept(journal):
    """There is no output; the next try runs the function, and only that one."""
    ran = []

    @tool
    def flaky(name: str) -> str:
        ran.append(name)
        if ran == ["a", "b"]:
            raise ValueError("no")
        return name

    asked = [
        RequiredToolCall(id=n, function=FunctionCall(name="flaky", arguments=f'{{"name": "{n}"}}'))
        for n in "ab"
    ]
    with pytest.raises(ToolError):
        answer_calls(asked, [flaky], journal=journal, run_id="r", on_tool_error="raise")
    found = answer_calls(asked, [flaky], journal=journal, run_id="r", on_tool_error="raise")

    assert [each.output for each in found] == ["a", "b"]
    assert ran == ["a", "b", "b"]


def test_what_did_not_run_is_not_kept(journal, counted):
    """A refusal can be reconsidered, and what is known is not asked about again."""
    asked = calls("count", 1)
    options = {"journal": journal, "run_id": "run_1"}

    answer_calls(asked, [counted], approve=lambda _: False, **options)
    answer_calls(asked, [counted], approve=lambda _: True, **options)
    [found] = answer_calls(asked, [counted], approve=lambda _: False, **options)

    assert found.output == "1"


def test_each_output_is_written_as_soon_as_it_is_there(journal):
    """Not at the end of the batch."""
    seen = []

    @tool
    def look() -> str:
        store = open_journal(journal)
        seen.append([store.find(key_of("run_1", each)) for each in asked])
        return "done"

    asked = calls("look", 3)
    answer_calls(asked, [look], journal=journal, run_id="run_1")

    assert seen == [[None] * 3, ["done", None, None], ["done", "done", None]]


def test_what_is_stored(tmp_path):
    """One output per call, by run, call and request, with the time."""
    path = tmp_path / "journal.db"
    mapping = {}

    @tool
    def say(text: str) -> str:
        return text

    asked = calls("say", 1, json.dumps({"text": "ä\0"}))
    for journal in (path, mapping):
        answer_calls(asked, [say], journal=journal, run_id="run_1")

    database = sqlite3.connect(path)
    [(key, output, finished_at)] = database.execute("SELECT * FROM tool_outputs").fetchall()
    database.close()
    assert {key: output} == mapping == {key_of("run_1", asked[0]): "ä\0"}
    assert key.startswith("run_1/call_0/")
    assert len(finished_at) == 19


def test_the_first_output_counts(journal):
    """Two that answer the same call at the same moment send the same."""
    store = open_journal(journal)

    assert [store.store("key", "first"), store.store("key", "second")] == ["first", "first"]
    assert store.find("key") == "first"


def test_threads_may_share_a_journal(journal):
    """All outputs of twenty calls at a time are there."""

    @tool
    def work() -> int:
        return threading.get_ident()

    first = answer_calls(calls("work", 20), [work], journal=journal, run_id="r", parallel=8)
    again = answer_calls(calls("work", 20), [work], journal=journal, run_id="r", parallel=8)

    assert first == again


def answer_many(path, run_id):
    """Answers calls in a process of its own."""

    def who() -> int:
        return os.getpid()

    found = answer_calls(calls("who", 10), [who], journal=path, run_id=run_id, parallel=2)
    Path(f"{path}.{os.getpid()}").write_text(json.dumps([each.output for each in found]))


def test_processes_may_share_a_journal(tmp_path):
    """Whoever comes first, all send the same."""
    path = str(tmp_path / "journal.db")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=answer_many, args=(path, "run_1")) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0]
    written = {Path(f"{path}.{process.pid}").read_text() for process in processes}
    assert len(written) == 1


CRASH = """
import os, signal, sys
from assistants_client import FunctionCall, RequiredToolCall, answer_calls, tool

@tool
def order(item: str) -> str:
    with open(sys.argv[1], "a") as ledger:
        ledger.write(item + "\\n")
    return f"ordered {item}"

asked = [
    RequiredToolCall(id=n, function=FunctionCall(name="order", arguments='{"item": "%s"}' % n))
    for n in "abcde"
]
found = answer_calls(
    asked, [order], journal=sys.argv[2], run_id="run_1", parallel=int(sys.argv[3])
)
if sys.argv[4] == "die":
    os.kill(os.getpid(), signal.SIGKILL)  # before the outputs are submitted
print(*(each.output for each in found), sep="\\n")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
@pytest.mark.parametrize("parallel", [pytest.param("1", marks=another_case), "5"])
def test_nothing_is_run_twice_after_a_crash(tmp_path, parallel):
    """Kill -9 between execution and submission: the next process answers from the journal."""
    ledger, journal = tmp_path / "ledger", tmp_path / "journal.db"

    def run(end):
        return subprocess.run(
            [sys.executable, "-c", CRASH, str(ledger), str(journal), parallel, end],
            check=False,
            capture_output=True,
            text=True,
            cwd=ROOT,
        )

    died = run("die")
    resumed = run("live")

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert resumed.stdout.split("\n")[:-1] == [f"ordered {item}" for item in "abcde"]
    assert sorted(ledger.read_text().split()) == list("abcde")


def test_a_file_that_cannot_be_used_is_named(tmp_path, counted):
    """Before any function runs."""
    path = tmp_path / "journal.db"
    path.write_text("this is not a database, and much too long to be an empty one" * 50)

    with pytest.raises(ConfigurationError, match=r"journal: .*journal\.db cannot be used"):
        answer_calls(calls("count", 1), [counted], journal=path, run_id="run_1")

    assert counted.ran == 0


def test_a_journal_that_cannot_be_written_is_an_error(counted):
    """The caller counts on it, so it is raised even where tool errors are reported."""

    class Full(dict):
        def setdefault(self, key, default=None):
            raise OSError("disk full")

    for parallel in (1, 2):
        with pytest.raises(OSError, match="disk full"):
            answer_calls(
                calls("count", 2), [counted], journal=Full(), run_id="r", parallel=parallel
            )
