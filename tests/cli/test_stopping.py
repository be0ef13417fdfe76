"""``assistants serve`` that is stopped with much under way: nothing breaks, and nothing is lost."""

from __future__ import annotations

import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_server import model_server
from served_process import Served, served

from assistants_client import Client, StreamInterruptedError
from assistants_client.engine import Engine, Scripted
from assistants_client.engine.engine import CLOSE_SECONDS
from assistants_client.models.events import MessageDelta

STREAMS = QUEUED = 50
WORKERS = 20
#: Seconds beyond those that closing waits for runs, on a busy machine.
PROMPTLY = 10
pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no SIGTERM to end a process with"
)


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    """A language model that is slow when it is asked to."""
    with model_server() as url:
        yield url


class Readers:
    """Streams of runs that take a minute, each read by a thread of its own."""

    def __init__(self, client: Client, number: int) -> None:
        self.assistant = client.assistants.create(model="m").id
        self.runs: set[str] = set()
        self.ends: list[Exception | None] = []
        self._client = client
        self._begun = threading.Semaphore(0)
        self._threads = [threading.Thread(target=self._read, daemon=True) for _ in range(number)]
        for thread in self._threads:
            thread.start()
        for _ in self._threads:
            assert self._begun.acquire(timeout=30)

    def _read(self) -> None:
        end: Exception | None = None
        try:
            stream = self._client.runs.stream_thread_and_run(
                assistant_id=self.assistant, thread=slow_thread(), resume=False
            )
            with stream:
                for _ in stream:
                    if stream.run is not None and stream.run.id not in self.runs:
                        self.runs.add(stream.run.id)
                        self._begun.release()
        except Exception as error:
            end = error
        self.ends.append(end)

    def join(self) -> None:
        """Waits until all streams have ended."""
        for thread in self._threads:
            thread.join(PROMPTLY)
            assert not thread.is_alive()


def slow_thread() -> dict[str, object]:
    """A thread with a question whose answer takes a minute."""
    return {"messages": [{"role": "user", "content": "Speak slowly"}]}


def begin_to_stop(running: Served) -> None:
    """Sends it the first signal, which it has seen then."""
    running.process.send_signal(signal.SIGTERM)
    until = time.monotonic() + PROMPTLY
    while "Stopping." not in running.output:
        assert time.monotonic() < until
        time.sleep(0.02)


def stopped(running: Served, number: int) -> tuple[int, float]:
    """The exit status, and after how many seconds it came."""
    begun = time.monotonic()
    return running.stop(number), time.monotonic() - begun


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_all_runs_are_carried_by_the_next(
    tmp_path: Path, model_url: str, number: int, status: int
) -> None:
    """The streams break, of runs that are carried and of runs that wait; no run has failed."""
    options = ("--model-url", model_url, "--workers", str(WORKERS))
    with served(tmp_path, *options) as running, Client(running.base_url, retries=0) as client:
        readers = Readers(client, STREAMS)
        for _ in range(QUEUED):
            run = client.runs.create_thread_and_run(
                assistant_id=readers.assistant, thread=slow_thread()
            )
            readers.runs.add(run.id)
        ended = stopped(running, number)
        readers.join()

    assert ended[0] == status, running.output
    assert ended[1] < CLOSE_SECONDS + PROMPTLY
    assert {type(end) for end in readers.ends} == {StreamInterruptedError}
    assert "Traceback" not in running.output
    assert "ERROR" not in running.output

    with sqlite3.connect(tmp_path / "assistants.db") as database:
        found = dict(database.execute("SELECT id, thread_id FROM runs").fetchall())
    database.close()
    assert set(found) == readers.runs
    url = f"sqlite:///{tmp_path / 'assistants.db'}"
    with Engine(url, Scripted(["Done."] * len(found))) as engine, Client(engine=engine) as client:
        for run_id, thread_id in found.items():
            client.wait_for_run(run_id=run_id, thread_id=thread_id)
            texts = [message.text for message in client.messages.list(thread_id, order="asc")]
            assert texts == ["Speak slowly", "Done."]


def test_another_process_takes_over(tmp_path: Path, model_url: str) -> None:
    """One that is open on the same database, without being asked."""
    url = f"sqlite:///{tmp_path / 'assistants.db'}"
    with (
        served(tmp_path, "--model-url", model_url) as running,
        Client(running.base_url, retries=0) as client,
        client.runs.stream_thread_and_run(
            assistant_id=client.assistants.create(model="m").id, thread=slow_thread(), resume=False
        ) as stream,
        Engine(url, Scripted(["Done."])) as engine,
    ):
        next(event for event in stream if isinstance(event, MessageDelta))
        engine.open()
        assert stream.run is not None
        assert running.stop() == 0
        with Client(engine=engine) as other:
            other.wait_for_run(stream.run)
            (answer,) = (m for m in other.messages.list(stream.run.thread_id, run_id=stream.run.id))

    assert answer.text == "Done."


def test_a_reader_goes_on_at_the_next(tmp_path: Path, model_url: str) -> None:
    """Its stream breaks in the middle of an answer, and has the whole one that is written anew."""
    with served(tmp_path, "--model-url", model_url) as running:
        client = Client(running.base_url)
        stream = client.runs.stream_thread_and_run(
            assistant_id=client.assistants.create(model="m").id, thread=slow_thread()
        )
        begun = next(event for event in stream if isinstance(event, MessageDelta))
        assert running.stop() == 0
    port = running.base_url.rpartition(":")[2].partition("/")[0]
    with served(tmp_path, "--port", port), client, stream:
        events = list(stream)
        assert stream.run is not None
        (answer,) = client.messages.list(stream.run.thread_id, run_id=stream.run.id)
        (step,) = client.run_steps.list(stream.run.thread_id, stream.run.id)
    deltas = [event.id for event in events if isinstance(event, MessageDelta)]

    assert stream.run.status == "completed"
    assert [one for one in deltas if one != begun.id] == [answer.id]
    assert [message.id for message in stream.messages] == [answer.id]
    assert [one.id for one in stream.run_steps] == [step.id]


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_second_signal_ends_it_at_once(tmp_path: Path, model_url: str, second: int) -> None:
    """The signal itself does, which nothing can delay that the process waits for."""
    with served(tmp_path, "--model-url", model_url) as running:
        with Client(running.base_url, retries=0) as client:
            readers = Readers(client, 1)
        begin_to_stop(running)
        status, took = stopped(running, second)
        readers.join()

    assert status == -second
    assert took < CLOSE_SECONDS
    assert "Traceback" not in running.output
