"""A waiting process is killed, and another one takes the wait up by the ids of its runs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import json, sys
from assistants_client import Client
client = Client(sys.argv[1])
pairs = [tuple(pair) for pair in json.loads(sys.argv[2])]
on_poll = lambda run: print("polled", run.status, flush=True)
if len(pairs) == 1:
    (thread_id, run_id), = pairs
    found = [client.wait_for_run(thread_id=thread_id, run_id=run_id, on_poll=on_poll)]
else:
    found = list(client.wait_for_runs(pairs, on_poll=on_poll))
print(json.dumps(sorted([run.thread_id, run.id, run.status] for run in found)))
"""


@pytest.fixture
def waiting():
    """Starts processes that wait for runs."""
    started = []

    def start(url, pairs):
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, url, json.dumps(pairs)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("count", [1, 5])
def test_another_process_takes_over(engine_process, connected, new_run, waiting, count):
    """After ``kill -9`` in the middle of a wait: the same runs, the same ends."""
    engine = engine_process(runs=count)
    client = connected(engine.url)
    assistant = client.assistants.create(model="scripted")
    runs = [new_run(client, assistant.id) for _ in range(count)]
    pairs = [(run.thread_id, run.id) for run in runs]

    killed = waiting(engine.url, pairs)
    assert killed.stdout.readline().startswith("polled")
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    engine.go()
    printed, _ = waiting(engine.url, pairs).communicate(timeout=60)

    expected = sorted([run.thread_id, run.id, "completed"] for run in runs)
    assert json.loads(printed.splitlines()[-1]) == expected
    for run in runs:
        assert client.wait_for_run(run).status == "completed"
        answers = client.messages.list(run.thread_id, run_id=run.id)
        assert [message.role for message in answers] == ["assistant"]
