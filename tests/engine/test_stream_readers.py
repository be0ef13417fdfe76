"""Readers of streams that are slow, leave, come later, or follow a run of another process."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import fresh
from engine_store import Clock, Store, content_of
from stream_bench import FUNCTION, INTERPRETER, Gate, StreamBench, told
from waitress import wasyncore
from waitress.server import create_server
from werkzeug.serving import make_server

from assistants_client._http.sse import SseDecoder
from assistants_client._json.codec import encode
from assistants_client.engine.events import event_stream as streams_module
from assistants_client.engine.events.broker import Broker, RunEvent
from assistants_client.engine.events.deltas import text_delta
from assistants_client.engine.events.event_stream import RunEvents
from assistants_client.engine.events.stream_state import MESSAGE, StreamState
from assistants_client.engine.services._base import Caller, Context
from assistants_client.engine.services.run_snapshots import RunSnapshots
from assistants_client.engine.services.worker_side.execution import Execution
from assistants_client.engine.storage.database import Database
from assistants_client.models.run_steps import FunctionRecord, FunctionToolCall

BEGUN = [
    "run.step.created in_progress",
    "run.step.in_progress in_progress",
    "message.created in_progress",
    "message.in_progress in_progress",
]


def read(events: Iterator[bytes]) -> list[tuple[str, dict[str, Any]]]:
    """All events of a stream."""
    sent = SseDecoder().feed(b"".join(events))
    return [(e.event, {} if e.data == "[DONE]" else json.loads(e.data)) for e in sent]


def text_of(events: list[tuple[str, dict[str, Any]]]) -> str:
    """The pieces of text, joined."""
    return "".join(
        document["delta"]["content"][0]["text"]["value"]
        for name, document in events
        if name == "thread.message.delta"
    )


class Carried:
    """A run that the test processes, and a stream of it."""

    def __init__(self, database: Database, clock: Clock, kept: int = 10_000) -> None:
        self.context = Context(database=database, clock=clock, events=Broker(kept))
        self.store = Store(self.context, clock)
        self.execution = Execution(self.context)
        self.run = self.store.new_run()
        self.queued = encode(self.run)

    def stream(
        self, state: StreamState | None = None, *, is_new: bool = True, **options: Any
    ) -> RunEvents:
        """A stream of the run, as one that starts it gets it, or one that comes later."""
        subscription = self.context.events.subscribe(self.run.id)
        first = [(f"thread.run.{word}", self.queued) for word in ("created", "queued")]
        if is_new:
            self.context.events.publish(RunEvent(self.run.id, *event) for event in first)
            first = []
        return RunEvents(
            subscription, state or StreamState(), RunSnapshots(self.context).load, first, **options
        )

    def write(self, *pieces: str) -> None:
        """Carries the run to its end, with one message."""
        work = self.execution.claim(self.run.id)
        assert work is not None
        step, message = self.execution.begin_message(work.run)
        for number, piece in enumerate(pieces):
            delta = text_delta(message.id, piece, is_first=not number)
            self.execution.publish(work.run, MESSAGE, delta)
        self.execution.complete_message(work.run, step, message, content_of("".join(pieces)))
        self.execution.finish(work.run, "completed")


@pytest.mark.parametrize("kept", range(1, 30))
def test_a_slow_reader_gets_the_rest_from_the_store(
    database: Database, clock: Clock, kept: int
) -> None:
    """Whatever was dropped, all objects and the whole text are told, once and in order."""
    bench = Carried(database, clock, kept)
    stream = bench.stream()
    bench.write(*"abcdefghijklmnop")
    events = read(stream)
    assert told(events) == [
        "run.created queued",
        "run.queued queued",
        "run.in_progress in_progress",
        *BEGUN,
        "message.delta",
        "message.completed completed",
        "run.step.completed completed",
        "run.completed completed",
        "done",
    ]
    assert text_of(events) == "abcdefghijklmnop"
    in_progress = next(d for n, d in events if n == "thread.run.in_progress")
    assert in_progress["started_at"] is not None
    assert in_progress["completed_at"] is None
    assert in_progress["expires_at"] is not None


def test_a_reader_that_comes_later(database: Database, clock: Clock) -> None:
    """It is told everything, the text in one piece; and what is still open when it is closed."""
    bench = Carried(database, clock)
    bench.write("Hello", " there")
    events = read(bench.stream(is_new=False))
    assert told(events)[3:] == [
        *BEGUN,
        "message.delta",
        "message.completed completed",
        "run.step.completed completed",
        "run.completed completed",
        "done",
    ]
    assert text_of(events) == "Hello there"
    begun = next(d for n, d in events if n == "thread.message.created")
    assert (begun["content"], begun["completed_at"]) == ([], None)


def test_a_reader_that_comes_in_the_middle(database: Database, clock: Clock) -> None:
    """It is told no pieces of a message whose beginning it missed, but its text in the end."""
    bench = Carried(database, clock)
    work = bench.execution.claim(bench.run.id)
    assert work is not None
    step, message = bench.execution.begin_message(work.run)
    bench.execution.write_content(work.run, message, content_of("Hel"))
    stream = bench.stream(is_new=False)
    blocks = [next(stream)]
    bench.execution.publish(work.run, MESSAGE, text_delta(message.id, "lo", is_first=False))
    bench.execution.complete_message(work.run, step, message, content_of("Hello"))
    bench.execution.finish(work.run, "completed")
    events = read(iter([*blocks, *stream]))
    assert text_of(events) == "Hello"
    assert told(events)[3:8] == [*BEGUN, "message.delta"]


def test_a_run_that_is_released_and_processed_anew(database: Database, clock: Clock) -> None:
    """A reader in a process that goes on is told no status twice, and the second answer whole."""
    bench = Carried(database, clock)
    stream = bench.stream()
    work = bench.execution.claim(bench.run.id)
    assert work is not None
    bench.execution.begin_message(work.run)
    bench.execution.release_all()
    bench.execution = Execution(bench.context)
    bench.write("Hello", " there")
    events = read(stream)

    assert told(events)[2:] == [
        "run.in_progress in_progress",
        *BEGUN,
        *BEGUN,
        "message.delta",
        "message.completed completed",
        "run.step.completed completed",
        "run.completed completed",
        "done",
    ]
    assert text_of(events) == "Hello there"


def test_a_worker_that_has_lost_the_run_is_not_heard(database: Database, clock: Clock) -> None:
    """It may not know yet, and go on publishing pieces of what was deleted."""
    bench = Carried(database, clock)
    stream = bench.stream()
    work = bench.execution.claim(bench.run.id)
    assert work is not None
    _, message = bench.execution.begin_message(work.run)
    blocks = [next(stream), next(stream)]
    bench.execution.release_all()
    late = text_delta(message.id, "lost", is_first=True)
    bench.execution.publish(work.run, MESSAGE, late)
    bench.execution = Execution(bench.context)
    bench.write("Hello", " there")
    events = read(iter([*blocks, *stream]))
    assert text_of(events) == "Hello there"


def test_calls_of_a_run_that_waits_for_its_caller(database: Database, clock: Clock) -> None:
    """Who comes later is told of the calls, though their step is not over."""
    bench = Carried(database, clock)
    work = bench.execution.claim(bench.run.id)
    assert work is not None
    made = FunctionToolCall(id="c", function=FunctionRecord(name="f", arguments="{}"))
    step = bench.execution.begin_tools_step(work.run, [made])
    bench.execution.require_action(work.run, step)
    events = read(bench.stream(is_new=False))
    assert told(events)[3:] == [
        *BEGUN[:2],
        "run.step.delta",
        "run.requires_action requires_action",
        "done",
    ]


def test_silence_is_broken_now_and_then(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comment goes out every 15 seconds."""
    monkeypatch.setattr(streams_module, "POLL_SECONDS", 0.001)
    seconds = iter(range(0, 10_000, 5))
    stream = Carried(database, clock).stream(monotonic=lambda: float(next(seconds)))
    blocks = [next(stream) for _ in range(3)]
    assert blocks[1:] == [b": keep-alive\n\n"] * 2
    stream.close()


def test_a_store_that_fails_ends_the_stream_with_an_error(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader is told so, without any detail."""
    monkeypatch.setattr(streams_module, "POLL_SECONDS", 0.001)
    bench = Carried(database, clock)
    stream = bench.stream()
    next(stream)
    database.close()
    [(name, document)] = read(stream)
    assert (name, document["error"]["type"]) == ("error", "server_error")
    assert bench.context.events._subscriptions == {}


def test_the_json_of_events(database: Database, clock: Clock) -> None:
    """It is compact, and raw but for what would break lines or has no bytes."""
    bench = Carried(database, clock)
    bench.write("ü 漢 \u2028\x85\ud800 \U0001f600")
    sent = b"".join(bench.stream(is_new=False)).decode()
    assert '{"value":"ü 漢 \\u2028\\u0085\\ud800 \U0001f600","annotations":[]}' in sent


def test_a_reader_that_leaves(tmp_path: Path) -> None:
    """The run goes on to its end, and nothing is kept for who left."""
    gate = Gate()
    bench = StreamBench([["Hello", gate, " there"]], database=fresh(f"sqlite:///{tmp_path}/a.db"))
    with contextlib.closing(bench):
        stream = bench.run()
        stream.until("thread.message.delta")
        stream.answer.close()
        assert bench.engine._app._handlers(Caller())[1]._context.events._subscriptions == {}
        gate.go.set()
        until = time.monotonic() + 10
        while bench.send("GET", stream.run_path)["status"] != "completed":
            assert time.monotonic() < until
            time.sleep(0.01)


# --- real sockets -------------------------------------------------------------------------------


@pytest.fixture(params=["werkzeug", "waitress"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[StreamBench, Gate]]:
    """An engine on a port, and a gate in the middle of what its model says."""
    gate = Gate()
    script = [["Hello", gate, " there"], "again"]
    bench = StreamBench(script, database=fresh(f"sqlite:///{tmp_path}/a.db"))
    closes = []
    if request.param == "werkzeug":
        server = make_server("127.0.0.1", 0, bench.engine, threaded=True)
        port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        closes += [server.shutdown, server.server_close]
    else:
        sockets: dict[int, Any] = {}
        ending = threading.Event()
        waitress = create_server(bench.engine, map=sockets, host="127.0.0.1", port=0)
        port = waitress.effective_port

        def serve() -> None:
            while not ending.is_set():
                wasyncore.loop(timeout=0.01, map=sockets, count=1)
            waitress.task_dispatcher.shutdown()
            wasyncore.close_all(sockets)

        thread = threading.Thread(target=serve)
        closes += [ending.set]
    thread.start()
    bench.url = f"http://127.0.0.1:{port}/v1"
    yield bench, gate
    gate.go.set()
    for close in closes:
        close()
    thread.join(5)
    bench.close()


def test_the_first_word_arrives_while_the_model_writes(served: tuple[StreamBench, Gate]) -> None:
    """Each event leaves at once."""
    bench, gate = served
    stream = bench.run()
    stream.until("thread.message.delta")
    assert not gate.go.is_set()
    gate.go.set()
    assert stream.rest()[-2:] == ["run.completed completed", "done"]


def test_a_connection_that_is_cut(served: tuple[StreamBench, Gate]) -> None:
    """The run goes on, and the server serves the next one."""
    bench, gate = served
    stream = bench.run()
    stream.until("thread.message.delta")
    stream.answer.close()
    gate.go.set()
    until = time.monotonic() + 10
    while bench.send("GET", stream.run_path)["status"] != "completed":
        assert time.monotonic() < until
        time.sleep(0.01)
    assert bench.run().rest()[-1] == "done"


# --- another process ----------------------------------------------------------------------------

#: Starts a run with a key, says so, and is killed while its model writes.
CARRIER = """
import os, sys, time
sys.path.insert(0, sys.argv[2])
from stream_bench import StreamBench

def hang(conversation):
    os.write(1, b"WRITING\\n")
    time.sleep(60)

bench = StreamBench([["so", hang]], database=sys.argv[1], clock=time.time)
body = {"assistant_id": sys.argv[3], "thread": {"messages": [{"role": "user", "content": "Hi"}]}}
list(bench.open("/threads/runs", body, Idempotency_Key="the run"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
def test_the_worker_is_killed(tmp_path: Path) -> None:
    """Who follows the run in another process is told what that process makes of it."""
    url = fresh(f"sqlite:///{tmp_path}/a.db")
    bench = StreamBench([["so ", "be it"]], database=url, clock=time.time)
    with contextlib.closing(bench):
        assistant = bench.assistant(FUNCTION, INTERPRETER)
        here = str(Path(__file__).parent)
        with subprocess.Popen(
            [sys.executable, "-c", CARRIER, url, here, assistant], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"WRITING\n"
            first = {"messages": [{"role": "user", "content": "Hi"}]}
            body = {"assistant_id": assistant, "thread": first}
            stream = bench.open("/threads/runs", body, Idempotency_Key="the run")
            stream.until("thread.message.in_progress")
            process.kill()
        assert stream.rest() == [
            "created",
            "run.created queued",
            "run.queued queued",
            "run.in_progress in_progress",
            *BEGUN,  # of what nobody has written to its end
            *BEGUN,
            "message.delta",
            "message.completed completed",
            "run.step.completed completed",
            "run.completed completed",
            "done",
        ]
        assert text_of(stream.seen) == "so be it"
