"""Processes on one database process no more runs at once than they may together."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from databases import fresh

PATIENCE = 60.0

#: Starts so many runs, and says by a clock of the machine when its model begins and ends an answer.
PROCESS = """
import os, sys, time
from assistants_client import Client
from assistants_client.engine import Engine, TextDelta

class Model:
    def respond(self, conversation):
        begun = time.monotonic()
        time.sleep(0.5)
        os.write(1, f"{begun} {time.monotonic()}\\n".encode())
        yield TextDelta(text="Done.")

url, runs = sys.argv[1], int(sys.argv[2])
with Client(engine=Engine(url, Model(), max_runs=3)) as client:
    assistant = client.assistants.create(model="m").id
    question = {"messages": [{"role": "user", "content": "Hi"}]}
    os.write(1, b"ready\\n")
    sys.stdin.readline()
    made = [
        client.runs.create_thread_and_run(assistant_id=assistant, thread=question)
        for _ in range(runs)
    ]
    done = client.wait_for_runs(made, timeout=60)
    assert {run.status for run in done} == {"completed"}
    os.write(1, b"done\\n")
    sys.stdin.readline()
"""


@contextmanager
def process(url: str, runs: int) -> Iterator[tuple[IO[str], IO[str]]]:
    """A process that starts so many runs; its input and its output."""
    command = [sys.executable, "-c", PROCESS, url, str(runs)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        try:
            yield started.stdin, started.stdout
        finally:
            started.kill()


@pytest.mark.parametrize("counts", [(6, 6), (10, 1)])
def test_two_processes_share_the_room(tmp_path: Path, counts: tuple[int, int]) -> None:
    """Each takes what it finds room for, and every run has its turn."""
    url = fresh(f"sqlite:///{tmp_path / 'test.db'}")
    answers: list[tuple[float, float]] = []
    with process(url, counts[0]) as one, process(url, counts[1]) as other:
        for _, said in (one, other):
            assert said.readline() == "ready\n"
        for go_on, _ in (one, other):
            go_on.write("\n")
            go_on.flush()
        until = time.monotonic() + PATIENCE
        for _, said in (one, other):
            while (line := said.readline()) != "done\n":
                begun, ended = map(float, line.split())
                answers.append((begun, ended))
                assert time.monotonic() < until
        for go_on, said in (one, other):
            go_on.write("\n")
            go_on.flush()
            for line in said:
                begun, ended = map(float, line.split())
                answers.append((begun, ended))
    assert len(answers) == sum(counts)
    at_once = [sum(begun <= moment < ended for begun, ended in answers) for moment, _ in answers]
    assert max(at_once) == 3
