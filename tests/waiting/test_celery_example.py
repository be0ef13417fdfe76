"""The Celery example, on a real worker and a real Redis."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from ports import free_port

ROOT = Path(__file__).parents[2]
RUNS = 20

ASK = """
import importlib, json, sys
worker = importlib.import_module("12_celery_worker")
results = [worker.ask(sys.argv[1], "Hi") for _ in range(int(sys.argv[2]))]
open(sys.argv[3], "w").close()
print(json.dumps([result.get(timeout=60) for result in results]))
"""


@pytest.fixture
def started(tmp_path):
    """Starts programs, and ends them."""
    processes = []

    def start(*command, **how):
        with (tmp_path / "log").open("ab") as log:
            processes.append(
                subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, **how
                )
            )
        return processes[-1]

    yield start
    for process in reversed(processes):
        process.terminate()
    for process in reversed(processes):
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def redis(started, tmp_path):
    """The address of a Redis of this test's own."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    command = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    started(program, *command)
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)
        else:
            return f"redis://127.0.0.1:{port}/0"


def test_one_worker_follows_many_runs(engine_process, connected, redis, started, tmp_path):
    """One process of one task at a time: twenty runs are waited for side by side."""
    for name in ("celery", "redis"):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    engine = engine_process(runs=RUNS, workers=RUNS, shortest=1.5, longest=2.0)
    assistant = connected(engine.url).assistants.create(model="scripted")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ASSISTANTS_BASE_URL": engine.url,
        "REDIS_URL": redis,
    }
    folder = ROOT / "examples"
    worker = [sys.executable, "-m", "celery", "-A", "12_celery_worker", "worker"]
    options = ["--concurrency", "1", "--loglevel", "INFO", "--without-mingle", "--without-gossip"]
    started(*worker, *options, cwd=folder, env=environment)

    all_asked = tmp_path / "asked"
    command = [sys.executable, "-c", ASK, assistant.id, str(RUNS), str(all_asked)]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as asking:
        until = time.monotonic() + 30
        while not all_asked.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        engine.go()
        begun = time.monotonic()
        printed, _ = asking.communicate(timeout=60)
    took = time.monotonic() - begun

    answers = json.loads(printed)
    assert len(answers) == RUNS
    assert all(answer.endswith("42.") for answer in answers)
    log = (tmp_path / "log").read_text(errors="replace")
    assert took < RUNS * 1.5 / 2, log
    assert log.count("Retry in") >= RUNS  # they came back later
