"""Ctrl-C ends a wait at once, in a real terminal and in a real Jupyter kernel."""

import os
import random
import re
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
from terminal import CTRL_C, Terminal
from thorough import amount

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("interrupted.py")
# Other tests beside this one make it more.
AT_ONCE = amount(1000, 100) / 1000  # seconds
ROUNDS = 3
WAYS = 6

CELL = """
import time
from assistants_client import Client
client = Client({url!r}, retries=0)
try:
    client.wait_for_run(thread_id="thread_1", run_id="run_1", progress=True)
except KeyboardInterrupt:
    print("left", time.monotonic())
"""


@pytest.fixture
def server(serve, http_answer):
    """A server whose run is never finished: it answers, or hangs, or asks for long pauses."""
    state = {"mode": "hang"}

    def script(connection):
        request = started.requests[-1].split(b"\r\n")[0]
        if b"/assistants/" in request:
            connection.sendall(http_answer({"id": "asst_1"}))
            return
        if state["mode"] == "hang":
            started.pause(30)
            return
        run = {"id": "run_1", "thread_id": "thread_1", "status": state["mode"]}
        hint = ["openai-poll-after-ms: 30000"] if state["mode"] == "queued" else []
        connection.sendall(http_answer(run, *hint))

    started = serve(script)
    started.state = state
    return started


def environment():
    """Ours, with the tree to import from."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_ctrl_c_in_a_terminal(server):
    """At once at any moment: while a poll hangs, in the pauses, while polls go well."""
    moments = random.Random(3)
    command = [sys.executable, str(PROGRAM), server.url, str(ROUNDS)]
    terminal = Terminal(command, environment())
    took = {}
    for mode in ("hang", "queued", "in_progress"):
        server.state["mode"] = mode
        for _ in range(WAYS):
            way = terminal.expect(r"ready ([\w ]+)\r")[1]
            time.sleep(0.05 + moments.random() * 0.3)
            pressed = time.monotonic()
            terminal.type(CTRL_C)
            left, used = terminal.expect(r"left ([\d.]+) (\w+)").groups()
            took[mode, way] = float(left) - pressed
            assert used == "asst_1"
    terminal.expect("over")
    assert terminal.end() == 0
    print(f"left after at most {max(took.values()) * 1000:.1f} ms")
    assert {where: seconds for where, seconds in took.items() if seconds > AT_ONCE} == {}
    assert len(took) == ROUNDS * WAYS


@pytest.mark.parametrize("mode", ["hang", "queued"])
def test_the_stop_button_of_a_notebook(server, mode):
    """At once; the client goes on to serve the next cell, and the run is resumed there."""
    nbformat = pytest.importorskip("nbformat", reason="nbclient is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    server.state["mode"] = mode
    notebook = nbformat.v4.new_notebook()
    resumed = 'print(client.wait_for_run(thread_id="thread_1", run_id="run_1").status)'
    cells = [nbformat.v4.new_code_cell(text) for text in (CELL.format(url=server.url), resumed)]
    notebook.cells = cells
    stopped = []

    def stop():
        until = time.monotonic() + 60
        while not server.requests and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.4)
        stopped.append(time.monotonic())
        os.kill(running.km.provisioner.pid, signal.SIGINT)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Jupyter's own
        running = nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3")
        with running.setup_kernel(env=environment()):
            thread = threading.Thread(target=stop)
            thread.start()
            running.execute_cell(cells[0], 0)
            thread.join()
            server.state["mode"] = "completed"
            running.execute_cell(cells[1], 1)

    printed = "".join(out.text for out in cells[0].outputs if out.output_type == "stream")
    left = float(re.search(r"left ([\d.]+)", printed)[1])
    assert 0 <= left - stopped[0] < AT_ONCE
    shown = [out.data["text/html"] for out in cells[0].outputs if out.output_type == "display_data"]
    assert len(shown) == 1
    assert "run run_1" in shown[0]
    assert cells[1].outputs[0].text == "completed\n"
