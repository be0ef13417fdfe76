"""What the tests of waiting share: an engine in a process of its own, and scripts against it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assistants_client import Client

ROOT = Path(__file__).parents[2]
SERVER = Path(__file__).with_name("engine_server.py")


class EngineProcess:
    """An engine on a port; see engine_server.py."""

    def __init__(self, folder, runs=10, workers=4, shortest=0.0, longest=0.0):
        folder.mkdir()
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, SERVER, folder, *map(str, (runs, workers, shortest, longest))],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
        )
        wait_for((folder / "port").exists, 30)
        self.url = f"http://127.0.0.1:{(folder / 'port').read_text()}/v1"

    def go(self):
        """Lets the model answer."""
        (self.folder / "go").touch()

    def moments(self, name):
        """The moments noted under this name."""
        return [float(line) for line in (self.folder / name).read_text().splitlines()]

    def close(self):
        """Ends the process."""
        self.process.kill()
        self.process.wait()


def wait_for(condition, seconds):
    """Waits until something is so, in real time; the test fails where it does not come about."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.01)
    return found


@pytest.fixture
def engine_process(tmp_path):
    """Starts engines on a port."""
    started = []

    def start(**how):
        started.append(EngineProcess(tmp_path / f"engine{len(started)}", **how))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def new_run():
    """Starts a run on a thread of its own."""

    def start(client, assistant_id):
        return client.runs.create_thread_and_run(
            assistant_id=assistant_id, thread={"messages": [{"role": "user", "content": "Hi"}]}
        )

    return start


@pytest.fixture
def connected(clean_environment):
    """Opens clients of an address."""
    opened = []

    def connect(url, **options):
        opened.append(Client(url, **options))
        return opened[-1]

    yield connect
    for client in opened:
        client.close()
