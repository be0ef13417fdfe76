"""Recorders of conversations, such as vcrpy: they stand in for urllib3's connections."""

import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from assistants_client import Client

ROOT = Path(__file__).parents[2]
RUN = {"id": "run_1", "object": "thread.run", "thread_id": "thread_1", "status": "completed"}
TEXT = {"index": 0, "type": "text", "text": {"value": "Hello"}}
DELTA = {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": [TEXT]}}
STREAM = "".join(
    f"data: {json.dumps(one)}\n\n" for one in ({**RUN, "status": "queued"}, DELTA, RUN)
)


class Server(http.server.BaseHTTPRequestHandler):
    """Answers with a run or file, or with a stream where one is requested."""

    def do_GET(self):
        """Answers."""
        self._answer(json.dumps(RUN), "application/json")

    def do_POST(self):
        """Answers."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/runs"):
            self._answer(STREAM, "text/event-stream")
        else:
            self._answer(json.dumps({"id": "file_1"}), "application/json")

    def _answer(self, text, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def server():
    """One on a port, until it is closed."""
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def test_connections_are_those_that_a_recorder_makes(server, monkeypatch):
    """Also of a client that has connections already; and its own again behind the recording."""
    sent = []

    class Recorded(HTTPConnection):
        """As a recorder has them, which does not know ours."""

        def request(self, *args, **options):
            sent.append(args)
            super().request(*args, **options)

    def fresh(pool, timeout=None):
        return pool._new_conn()

    with Client(f"http://127.0.0.1:{server.server_port}/v1", api_key="k", retries=0) as client:
        client.runs.retrieve("thread_1", "run_1")
        with monkeypatch.context() as recording:
            recording.setattr(HTTPConnectionPool, "ConnectionCls", Recorded)
            recording.setattr(HTTPConnectionPool, "_get_conn", fresh)
            client.runs.retrieve("thread_1", "run_1")
            assert "".join(client.runs.stream("thread_1", assistant_id="asst_1").text()) == "Hello"
        assert len(sent) == 2


PROGRAM = """
import sys, vcr
with vcr.use_cassette(sys.argv[1], record_mode=sys.argv[2]):
    from assistants_client import Client
    client = Client(sys.argv[3], api_key="k", retries=0)
    print(client.files.upload(b"x", filename="a.txt").id)
    print(client.wait_for_run(thread_id="thread_1", run_id="run_1", timeout=20).status)
    for options in ({}, {"timeout": 20}):
        print("".join(client.runs.stream("thread_1", assistant_id="asst_1", **options).text()))
"""


def test_vcrpy_records_and_replays(server, tmp_path):
    """Without the server: uploads, waits and streams, in a thread of their own or not."""
    pytest.importorskip("vcr", reason="vcrpy is not installed")
    url = f"http://127.0.0.1:{server.server_port}/v1"
    for mode in ("once", "none"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "cassette.yaml"), mode, url],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
            check=False,
        )
        assert done.stdout.split() == ["file_1", "completed", "Hello", "Hello"], done.stderr
        server.shutdown()
        server.server_close()
