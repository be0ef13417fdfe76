"""One timeout for a whole call: locked threads, questions, uploads; and waits at the very end."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from assistants_client import (
    BadRequestError,
    Client,
    ConfigurationError,
    NotFoundError,
    WaitTimeoutError,
)
from assistants_client._http.deadline import within
from assistants_client.engine import Engine, Scripted
from assistants_client.function_tools import answer_calls
from assistants_client.models.runs import FunctionCall, RequiredToolCall

BASE = "https://server.test/v1"
LOCKED = {"error": {"message": "Thread thread_a already has an active run run_9."}}
NO_MESSAGE = {"error": {"message": "Can't add messages to thread_a while a run run_9 is active."}}
BUSY = {"id": "run_9", "thread_id": "thread_a", "status": "in_progress"}


@pytest.fixture
def locked(wire):
    """A thread whose active run does not end."""
    wire.post(f"{BASE}/threads/thread_a/runs", json=LOCKED, status=400)
    wire.post(f"{BASE}/threads/thread_a/messages", json=NO_MESSAGE, status=400)
    wire.post(f"{BASE}/threads/thread_a/runs/run_9/cancel", json=BUSY)
    wire.get(f"{BASE}/threads/thread_a/runs/run_9", json=BUSY)


CALLS = {
    "ask": lambda client, **options: client.ask("thread_a", "?", assistant_id="asst_1", **options),
    "messages.create": lambda client, **options: client.messages.create("thread_a", "?", **options),
    "runs.create": lambda client, **options: client.runs.create(
        "thread_a", assistant_id="asst_1", **options
    ),
}


@pytest.mark.parametrize("policy", ["wait", "cancel"])
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.usefixtures("locked")
def test_a_locked_thread_is_waited_for_within_the_timeout(client, name, policy):
    """Whatever holds the lock, and however it is to be freed."""
    with pytest.raises(WaitTimeoutError, match=r"within 0\.2 s") as caught:
        CALLS[name](client, timeout=0.2, on_active_run=policy)
    assert caught.value.run.id == "run_9"


def test_all_runs_that_hold_the_lock_have_one_time_together(client, wire, clock):
    """Also where none is given: a thread that is never free is not waited for without end."""
    runs = iter(range(1000))

    def refused(_):
        words = f"Thread thread_a already has an active run run_{next(runs)}."
        return 400, {}, json.dumps({"error": {"message": words}})

    def ended(request):
        clock.seconds += 100
        done = {"id": request.url.rpartition("/")[2], "thread_id": "thread_a"}
        return 200, {}, json.dumps({**done, "status": "completed"})

    wire.add_callback("POST", f"{BASE}/threads/thread_a/runs", refused)
    for number in range(20):
        wire.add_callback("GET", f"{BASE}/threads/thread_a/runs/run_{number}", ended)
    client._waiter.clock = clock
    with pytest.raises(WaitTimeoutError, match="within 660 s"):
        client.runs.create("thread_a", assistant_id="asst_1", on_active_run="wait")
    assert next(runs) < 10


def test_reading_the_assistant_is_part_of_the_time(client, wire, clock):
    """What it took is not given to the run as well."""

    def add(a: int) -> int:
        """Adds."""
        return a

    def slow(_):
        clock.seconds += 7
        return 200, {}, json.dumps({"id": "asst_1", "tools": []})

    def refused(_):
        clock.seconds += 2
        return 400, {}, json.dumps(LOCKED)

    wire.add_callback("GET", f"{BASE}/assistants/asst_1", slow)
    wire.add_callback("POST", f"{BASE}/threads/thread_a/runs", refused)
    wire.get(f"{BASE}/threads/thread_a/runs/run_9", json=BUSY)
    client._waiter.clock = clock
    begun = clock.seconds
    with pytest.raises(WaitTimeoutError, match=r"question was not finished within 10 s") as caught:
        client.ask(
            "thread_a", "?", assistant_id="asst_1", tools=[add], timeout=10, on_active_run="wait"
        )
    assert caught.value.run.id == "run_9"
    assert clock.seconds - begun <= 12


def test_a_question_whose_run_stalls(client, wire, clock):
    """The silence has its own bound, as in other waits."""
    run = {"id": "run_1", "thread_id": "thread_a", "status": "queued"}
    wire.post(f"{BASE}/threads/thread_a/runs", json=run)
    wire.get(f"{BASE}/threads/thread_a/runs/run_1", json=run)
    client._waiter.clock = clock
    with pytest.raises(WaitTimeoutError, match="run_1 has been 'queued', unchanged, for"):
        client.ask("thread_a", "?", assistant_id="asst_1", stalled_after=5)
    with pytest.raises(ConfigurationError, match=r"^stalled_after"):
        client.ask("thread_a", "?", assistant_id="asst_1", stalled_after=0)
    assert [call.request.method for call in wire.calls].count("POST") == 1


@pytest.mark.parametrize("wrong", ["1", -1, float("nan")])
def test_a_timeout_that_is_none_is_refused(client, wire, wrong):
    """Before anything is sent."""
    for call in CALLS.values():
        with pytest.raises(ConfigurationError, match="timeout"):
            call(client, timeout=wrong)
    assert len(wire.calls) == 0


@pytest.mark.parametrize("hangs", ["/runs", "/messages"])
def test_a_call_that_hangs_ends_in_time(client, wire, hangs):
    """What is sent itself, and the reading of the answer."""
    over = threading.Event()
    done = json.dumps({"id": "run_1", "thread_id": "thread_a", "status": "completed"})

    def answer(request):
        if request.url.partition("?")[0].endswith(hangs):
            over.wait()
        return 200, {}, done

    wire.add_callback("POST", f"{BASE}/threads/thread_a/runs", answer)
    wire.add_callback("GET", f"{BASE}/threads/thread_a/messages", answer)
    with pytest.raises(WaitTimeoutError, match=r"within 0\.2 s"):
        client.ask("thread_a", "?", assistant_id="asst_1", timeout=0.2)
    over.set()


@pytest.mark.parametrize("policy", ["raise", "wait", "cancel"])
def test_a_refused_question_is_not_left_behind(clean_environment, policy):
    """Asked again, the model sees it once."""
    with Client(engine=Engine("sqlite:///:memory:", model=Scripted(["Four."]))) as client:
        assistant = client.assistants.create(model="m")
        thread = client.threads.create()
        with pytest.raises(NotFoundError):
            client.ask(thread.id, "2 + 2?", assistant_id="asst_gone", on_active_run=policy)
        client.ask(thread.id, "2 + 2?", assistant_id=assistant.id, on_active_run=policy)
        said = [one.text for one in client.messages.list(thread.id, order="asc")]
    assert said == ["2 + 2?", "Four."]


# --- uploads --------------------------------------------------------------------------------------

FILE = {"id": "file_1", "object": "file", "status": "uploaded", "filename": "a.txt"}
STORE = f"{BASE}/vector_stores/vs_1"
UPLOADS = {
    "files": lambda c, **o: c.files.upload_and_wait(b"x", filename="a.txt", **o),
    "store files": lambda c, **o: c.vector_store_files.upload_and_wait(
        "vs_1", b"x", filename="a.txt", **o
    ),
    "batches": lambda c, **o: c.vector_store_file_batches.upload_and_wait(
        "vs_1", [("a.txt", b"x"), ("b.txt", b"y")], **o
    ),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_an_upload_that_hangs_ends_in_time(client, wire, name):
    """The upload is part of the whole where a timeout is given."""
    over = threading.Event()

    def answer(_):
        over.wait()
        return 200, {}, json.dumps(FILE)

    wire.add_callback("POST", f"{BASE}/files", answer)
    with pytest.raises(WaitTimeoutError, match=r"the upload was not finished within 0\.2 s"):
        UPLOADS[name](client, timeout=0.2)
    over.set()


@pytest.mark.parametrize("name", UPLOADS)
def test_what_was_uploaded_before_an_error_is_named(client, wire, name):
    """It stays on the server, for another try or to be deleted."""
    count = iter(range(1, 9))
    wire.add_callback(
        "POST",
        f"{BASE}/files",
        lambda _: (200, {}, json.dumps({**FILE, "id": f"file_{next(count)}"})),
    )
    wire.get(f"{BASE}/files/file_1", json={"error": {"message": "broken"}}, status=400)
    for path in ("files", "file_batches"):
        wire.post(f"{STORE}/{path}", json={"error": {"message": "broken"}}, status=400)
    with pytest.raises(
        BadRequestError, match=r"broken; uploaded before \(\.file_ids\): "
    ) as caught:
        UPLOADS[name](client)
    assert caught.value.file_ids == (("file_1", "file_2") if name == "batches" else ("file_1",))
    assert ", ".join(caught.value.file_ids) in str(caught.value)


def test_a_batch_that_breaks_names_those_so_far(client, wire):
    """A few of them in the message, and all in the attribute."""
    count = iter(range(1, 99))

    def answer(_):
        number = next(count)
        if number == 9:
            return 400, {}, json.dumps({"error": {"message": "broken"}})
        return 200, {}, json.dumps({**FILE, "id": f"file_{number}"})

    wire.add_callback("POST", f"{BASE}/files", answer)
    files = [(f"{number}.txt", b"x") for number in range(10)]
    with pytest.raises(BadRequestError, match=r"file_4, file_5 and 3 more") as caught:
        client.vector_store_file_batches.upload_and_wait("vs_1", files)
    assert len(caught.value.file_ids) == 8


# --- the end of a program -------------------------------------------------------------------------


def at_the_end(monkeypatch):
    """As Python 3.12 does when the main thread has ended."""

    def refused(_):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr("threading.Thread.start", refused)


def test_without_threads_the_callers_does_the_work(client, wire, monkeypatch):
    """Polls of one run and of many, and tools that are to run in parallel."""
    done = {"thread_id": "thread_a", "status": "completed"}
    for number in range(4):
        wire.get(f"{BASE}/threads/thread_a/runs/run_{number}", json={"id": f"run_{number}", **done})
    runs = [("thread_a", f"run_{number}") for number in range(4)]

    def double(number: int) -> int:
        """Doubles."""
        return 2 * number

    calls = [
        RequiredToolCall(
            id=str(n), function=FunctionCall(name="double", arguments=f'{{"number":{n}}}')
        )
        for n in range(3)
    ]
    at_the_end(monkeypatch)
    assert within(1, lambda: 3) == 3
    assert client.wait_for_run(thread_id="thread_a", run_id="run_0").status == "completed"
    assert len(list(client.wait_for_runs(runs, parallel_polls=2))) == 4
    assert [one.output for one in answer_calls(calls, [double], parallel=3)] == ["0", "2", "4"]


PROGRAM = """
import http.server, json, threading, time
from assistants_client import Client
ended = threading.Event()
class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = "completed" if ended.is_set() else "in_progress"
        body = json.dumps({"id": "run_1", "thread_id": "thread_1", "status": status}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Client(f"http://127.0.0.1:{server.server_port}/v1", api_key="k", backoff=0.1)
def work():
    print(client.wait_for_run(thread_id="thread_1", run_id="run_1", timeout=30).status)
threading.Thread(target=work).start()
def end():
    threading.main_thread().join()
    time.sleep(0.5)
    ended.set()
threading.Thread(target=end, daemon=True).start()
"""


def test_a_wait_outlives_the_main_thread():
    """A thread that waits goes on when the main thread has ended."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert (done.stdout, done.stderr) == ("completed\n", "")
