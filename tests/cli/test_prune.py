"""``assistants prune``: what it prints and refuses, killed in the middle, and beside a server."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from databases import fresh
from served_process import environment, served

from assistants_client import Client
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.storage.database import Database

ENGINE = Path(__file__).parents[1] / "engine"
Ended: TypeAlias = subprocess.CompletedProcess[str]

#: A program that prunes, but stands still after the first piece.
HALTS = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
from assistants_client.cli import main
from assistants_client.engine.services import housekeeping
housekeeping.PAUSE = 60
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An empty database."""
    return fresh(f"sqlite:///{tmp_path / 'kept.db'}")


def year_old(url: str, count: int) -> list[str]:
    """So many threads that were used a year ago, a run of each answered; their ids."""
    clock = time.time() - 365 * 24 * 60 * 60
    engine = Engine(url, Scripted(["It is 42."] * count), clock=lambda: clock)
    with engine, Client(engine=engine) as client:
        assistant = client.assistants.create(model="m").id
        asked = {"messages": [{"role": "user", "content": "6 * 7?"}]}
        runs = [
            client.runs.create_thread_and_run(assistant_id=assistant, thread=asked)
            for _ in range(count)
        ]
        for _ in client.wait_for_runs(runs):
            pass
    return [run.thread_id for run in runs]


def found(command: Callable[..., Ended], *arguments: str, **variables: str) -> dict[str, Any]:
    """The document that the command prints."""
    done = command("prune", "--json", *arguments, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def rows(document: dict[str, Any]) -> dict[str, int]:
    """How many rows there are of each kind."""
    return {kind["kind"]: kind["rows"] for kind in document["kinds"]}


def test_it_shows_sizes_and_what_would_go(command: Callable[..., Ended], url: str) -> None:
    """By default nothing has an age, and without --yes nothing goes; with it, the same does."""
    year_old(url, 3)
    database = {"ASSISTANTS_DATABASE_URL": url}
    plain = command("prune", **database)
    would = command("prune", "--threads", "90d", "--files", "12h", **database)
    done = command("prune", "--threads", "90d", "--files", "12h", "--yes", **database)
    after = command("prune", "--threads", "90d", **database)

    assert [one.returncode for one in (plain, would, done, after)] == [0] * 4
    assert re.match(r"\S+: [\d.]+ [KM]iB, of which .* are free\n\n +rows +bytes", plain.stdout)
    assert re.search(r"^threads +3 +[\d.]+ [KM]iB$", plain.stdout, re.MULTILINE)
    assert "deleted" not in plain.stdout.replace("places of deleted items", "")
    line = r"threads +3 +[\d.]+ KiB +(\d{4}-\d\d-\d\d)\nfiles +0 +0 bytes$"
    assert re.search(rf"^Would be deleted, with --yes:\n.*\n{line}", would.stdout, re.MULTILINE)
    assert re.search(rf"^Deleted:\n.*\n{line}", done.stdout, re.MULTILINE)
    assert re.search(r"^threads +3 ", would.stdout, re.MULTILINE)
    assert re.search(r"^threads +0 +0 bytes$", after.stdout, re.MULTILINE)


def test_programs_read_a_document(command: Callable[..., Ended], url: str) -> None:
    """The sizes before and after, what was done, and whether."""
    year_old(url, 3)
    before = found(command, "--runs", "90d", "--database", url)
    after = found(command, "--runs", "90d", "--yes", "--database", url)

    assert (before["is_dry_run"], after["is_dry_run"], after["is_interrupted"]) == (
        True,
        False,
        False,
    )
    assert before["pruned"] == after["pruned"]
    [runs] = after["pruned"]
    assert (runs["kind"], runs["age_seconds"], runs["count"]) == ("runs", 90 * 86400, 3)
    assert 364 * 86400 < time.time() - runs["oldest"] < 366 * 86400
    assert (rows(before)["runs"], rows(after)["runs"]) == (3, 0)
    assert rows(before)["messages"] == rows(after)["messages"] == 6
    assert before["bytes"] > sum(kind["bytes"] for kind in before["kinds"]) * 0.5


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--threads", "90"], 2, "'90' is not an age: write days, hours or minutes, such as 90d"),
        (["--threads", "0d"], 2, "'0d' is not an age"),
        (["--runs", "-1d"], 2, "--runs"),
        (["--files", "1y"], 2, "'1y' is not an age"),
        (["--requests", "1234567d"], 2, "is not an age"),
        (["--events", "1d"], 2, "unrecognized arguments: --events 1d"),
        (["--database", "none.db"], 4, "there is no database /"),
        (["--database", "sqlite://"], 4, "a database in memory is gone"),
        (["--database", "mysql://h/d"], 4, "the engine supports SQLite and PostgreSQL"),
    ],
)
def test_what_is_wrong_is_refused(
    command: Callable[..., Ended], tmp_path: Path, arguments: list[str], status: int, words: str
) -> None:
    """In a line that names it; no database is made."""
    done = command("prune", *arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_says_that_there_are_no_events(command: Callable[..., Ended]) -> None:
    """And that nothing goes without being asked for."""
    text = " ".join(command("prune", "--help").stdout.split())
    assert "no events are stored, so there are none to delete" in text
    assert "without --yes nothing is deleted" in text


def threads_of(url: str) -> int:
    """How many threads there are."""
    database = Database(url)
    with database.read() as connection:
        number: int = connection.exec_driver_sql("SELECT count(*) FROM threads").scalar_one()
    database.close()
    return number


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_it_may_end_in_the_middle(
    command: Callable[..., Ended], tmp_path: Path, url: str, number: signal.Signals
) -> None:
    """Killed or interrupted, it leaves a database that is whole; the next call does the rest."""
    year_old(url, 60)
    process = subprocess.Popen(
        [sys.executable, "-c", HALTS, "prune", "--threads", "90d", "--yes", "--database", url],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until = time.monotonic() + 60
        while threads_of(url) == 60 and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(number)
        said, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    left = threads_of(url)
    assert 0 < left < 60
    if number is signal.SIGINT:
        assert process.returncode == 130
        assert re.search(rf"^threads +{60 - left} ", said, re.MULTILINE)
        assert "Interrupted: run it again for the rest." in said
    [threads] = found(command, "--threads", "90d", "--yes", "--database", url)["pruned"]
    assert threads["count"] == left
    none = rows(found(command, "--database", url))
    assert {none[kind] for kind in ("threads", "messages", "runs", "run steps")} == {0}


@pytest.fixture
def old(url: str) -> Iterator[list[str]]:
    """The ids of threads that are a year old."""
    return year_old(url, 60)


def test_it_works_beside_a_server(
    command: Callable[..., Ended], tmp_path: Path, url: str, old: list[str]
) -> None:
    """Whatever is acknowledged meanwhile is there afterwards, of whichever thread."""
    over, told, mistakes = threading.Event(), list[tuple[str, str]](), list[str]()
    used = old[::10]

    def write(client: Client, threads: Iterator[str]) -> None:
        try:
            for thread in threads:
                message = client.messages.create(thread, "Still here")
                told.append((thread, message.id))
                if over.is_set():
                    return
        except Exception as error:
            mistakes.append(repr(error))

    def again() -> Iterator[str]:
        yield from used
        mine = client.threads.create().id
        while True:
            yield mine

    with (
        served(tmp_path, "--database", url) as running,
        Client(running.base_url, api_key="k") as client,
    ):
        for thread in used:
            client.messages.create(thread, "I am back")
        writers = [threading.Thread(target=write, args=(client, again())) for _ in range(4)]
        for writer in writers:
            writer.start()
        document = found(command, "--threads", "90d", "--runs", "90d", "--files", "90d", "--yes",
                         "--database", url)  # fmt: skip
        over.set()
        for writer in writers:
            writer.join()
        there = {
            (thread, message.id)
            for thread in {thread for thread, _ in told}
            for message in client.messages.list(thread)
        }
        run = client.runs.create_thread_and_run(
            assistant_id=client.assistants.create(model="m").id,
            thread={"messages": [{"role": "user", "content": "6 * 7"}]},
        )
        assert client.wait_for_run(run).status == "completed"
        assert [client.threads.retrieve(thread).id for thread in used] == used
        assert list(client.runs.list(used[0])) == []
    assert mistakes == []
    assert set(told) <= there
    done = {one["kind"]: one["count"] for one in document["pruned"]}
    assert done == {"threads": len(old) - len(used), "runs": len(used), "files": 0}
