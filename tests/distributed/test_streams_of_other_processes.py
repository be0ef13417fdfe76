"""A stream that is read in one process while another processes the run: by Redis, by PostgreSQL."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from ports import free_port
from real_servers import PATIENCE, PostgresServer, RedisServer, require_package

sys.path.append(str(Path(__file__).parents[1] / "engine"))

from stream_bench import Stream, StreamBench

HERE = Path(__file__).parent
PIECES = ("One", " two,", " 3 é 漢", " \U0001f600", " line\nend", " \u2028", ' "six"', " done.")


class Worker:
    """A process whose model writes what the test dictates."""

    def __init__(self, url: str, broker: str | None) -> None:
        environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        self.process = subprocess.Popen(
            [sys.executable, HERE / "dictated_worker.py", url, *([broker] if broker else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._words: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._words.put(line.decode().strip())

    def hears(self, word: str) -> None:
        """Waits for what the process says next."""
        assert self._words.get(timeout=PATIENCE) == word

    def dictate(self, *texts: str | None) -> None:
        """Has the model write."""
        assert self.process.stdin is not None
        for text in texts:
            self.process.stdin.write(json.dumps(text).encode() + b"\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """Ends the process, as kill -9 does."""
        self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()


class Site:
    """Processes that share a database: those that read, in this one, and those that work."""

    def __init__(self, url: str, broker: str | None) -> None:
        self.url = url
        self.broker = broker
        self.benches: list[StreamBench] = []
        self.workers: list[Worker] = []

    def reader(self) -> StreamBench:
        """What a process is that serves requests and processes no run."""
        bench = StreamBench(database=self.url, broker=self.broker, clock=time.time)
        bench.engine._run_pool.close()  # what is queued stays queued
        bench.engine.open()
        self.benches.append(bench)
        return bench

    def worker(self) -> Worker:
        """A process that processes runs."""
        worker = Worker(self.url, self.broker)
        self.workers.append(worker)
        worker.hears("READY")
        return worker

    def close(self) -> None:
        """Ends all of them."""
        for worker in self.workers:
            worker.kill()
        for bench in self.benches:
            bench.close()

    def await_relay(self) -> None:
        """Waits until the first reader's relay works."""
        relay, until = self.relay(), time.monotonic() + PATIENCE
        while not relay._peers or not relay._is_sending or relay._is_failing:
            assert time.monotonic() < until
            time.sleep(0.01)

    def relay(self, number: int = 0) -> Any:
        """What brings a reader its events."""
        return self.benches[number].engine._events._relay


def cut_redis(redis: RedisServer) -> Callable[[Site], object]:
    """Redis is killed, and started again."""

    def cut(site: Site) -> None:
        redis.kill()
        redis.start()

    return cut


def cut_postgres(postgres: PostgresServer) -> Callable[[Site], object]:
    """Of the database's connections, those that notify and listen are closed by the server."""

    def cut(site: Site) -> None:
        postgres.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN%' OR query LIKE '%pg_notify%' AND pid <> pg_backend_pid()"
        )

    return cut


@pytest.fixture(params=["redis", "postgres", "redis_and_postgres"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Site, Callable[[Site], object]]:
    """A site on each kind of relay, and how that is cut."""
    url, broker = f"sqlite:///{tmp_path}/a.db", None
    if "postgres" in request.param:
        postgres: PostgresServer = request.getfixturevalue("postgres")
        url, cut = postgres.fresh(), cut_postgres(postgres)
    if "redis" in request.param:
        redis: RedisServer = request.getfixturevalue("redis")
        broker, cut = redis.url, cut_redis(redis)
    return Site(url, broker), cut


@pytest.fixture
def cut(way: tuple[Site, Callable[[Site], object]]) -> Callable[[Site], object]:
    """Breaks the relay."""
    return way[1]


@pytest.fixture
def site(way: tuple[Site, Callable[[Site], object]]) -> Iterator[Site]:
    """A site with nobody there yet."""
    made = way[0]
    yield made
    made.close()


def words(delta: dict[str, Any]) -> str:
    """The text of a piece of a message."""
    text: str = delta["delta"]["content"][0]["text"]["value"]
    return text


def text_of(stream: Stream) -> str:
    """All pieces that were read, joined."""
    return "".join(words(d) for n, d in stream.seen if n == "thread.message.delta")


def check_whole(stream: Stream, pieces: Sequence[str] = PIECES) -> None:
    """A stream that was read to its end had everything, once and in order."""
    assert stream.rest() == [
        "run.created queued",
        "run.queued queued",
        "run.in_progress in_progress",
        "run.step.created in_progress",
        "run.step.in_progress in_progress",
        "message.created in_progress",
        "message.in_progress in_progress",
        "message.delta",
        "message.completed completed",
        "run.step.completed completed",
        "run.completed completed",
        "done",
    ]
    assert text_of(stream) == "".join(pieces)


def test_each_piece_arrives_as_it_is_written(site: Site) -> None:
    """The model writes the next one only when this one has been read."""
    reader, worker = site.reader(), site.worker()
    stream = reader.run()
    worker.hears("ASKED")
    for piece in PIECES:
        worker.dictate(piece)
        assert words(stream.until("thread.message.delta")) == piece
    worker.dictate(None)
    check_whole(stream)


def test_the_relay_is_cut_and_comes_back(site: Site, cut: Callable[[Site], object]) -> None:
    """Wherever that is, all of the text arrives, once."""
    reader, worker = site.reader(), site.worker()
    for after in range(len(PIECES) + 1):
        stream = reader.run()
        worker.hears("ASKED")
        worker.dictate(*PIECES[:after])
        site.await_relay()
        cut(site)
        worker.dictate(*PIECES[after:], None)
        check_whole(stream)


def test_after_a_cut_events_arrive_again(site: Site, cut: Callable[[Site], object]) -> None:
    """Of the next run, each as it is written."""
    reader, worker = site.reader(), site.worker()
    cut(site)
    site.await_relay()
    # The worker may still be about to connect: then its first words come from the store.
    for _ in range(10):
        stream = reader.run()
        worker.hears("ASKED")
        worker.dictate(PIECES[0])
        stream.until("thread.message.in_progress")
        worker.dictate(*PIECES[1:], None)
        check_whole(stream)
        if sum(name == "thread.message.delta" for name, _ in stream.seen) == len(PIECES):
            return
    pytest.fail("no run's pieces arrived one by one")


@pytest.mark.parametrize("after", range(0, len(PIECES) + 1, 2))
def test_the_worker_is_killed(site: Site, after: int) -> None:
    """The reader is told how the run ends, and of each message that it hears the end of, all."""
    reader, worker = site.reader(), site.worker()
    stream = reader.run()
    worker.hears("ASKED")
    for piece in PIECES[:after]:
        worker.dictate(piece)
        assert words(stream.until("thread.message.delta")) == piece
    worker.kill()
    other = Worker(site.url, site.broker)
    site.workers.append(other)
    other.dictate(*PIECES, None)
    assert stream.rest()[-1] == "done"
    assert stream.last_run["status"] in {"failed", "completed"}
    for name, document in stream.seen:
        if name == "thread.message.completed":
            pieces = (d for n, d in stream.seen if n == "thread.message.delta")
            text = "".join(words(one) for one in pieces if one["id"] == document["id"])
            assert text == document["content"][0]["text"]["value"] == "".join(PIECES)


def test_a_run_is_cancelled_elsewhere(site: Site) -> None:
    """The process that works on it hears so at once, and stops when its model says anything."""
    reader, worker = site.reader(), site.worker()
    stream = reader.run()
    worker.hears("ASKED")
    worker.dictate("One")
    stream.until("thread.message.delta")
    reader.send("POST", f"{stream.run_path}/cancel")
    worker.hears("STOPPED")
    worker.dictate(" two", " three")
    assert stream.rest()[-5:] == [
        "run.cancelling cancelling",
        "message.incomplete incomplete",
        "run.step.cancelled cancelled",
        "run.cancelled cancelled",
        "done",
    ]


def test_a_second_process_reads_the_same_run(site: Site) -> None:
    """By the idempotency key; who comes in the middle has the text as soon as it is whole."""
    first, second, worker = site.reader(), site.reader(), site.worker()
    body = {"assistant_id": first.assistant()}
    path = f"{first.thread()}/runs"
    one = first.open(path, body, Idempotency_Key="the run")
    worker.hears("ASKED")
    other = second.open(path, body, Idempotency_Key="the run")
    other.until("thread.run.in_progress")
    worker.dictate(*PIECES, None)
    check_whole(one)
    check_whole(other)


@pytest.mark.parametrize("size", [1_000, 7_800, 8_000, 30_000, 300_000])
def test_large_events(site: Site, size: int) -> None:
    """A channel that cannot take them leaves them to the store."""
    reader, worker = site.reader(), site.worker()
    pieces = ("One", "x" * size, " two")
    stream = reader.run(instructions="y" * min(size, 200_000))
    worker.hears("ASKED")
    worker.dictate(*pieces, None)
    check_whole(stream, pieces)


def test_the_relay_is_there_for_fifty_streams(site: Site) -> None:
    """At once, in one process; none of them has another's words."""
    reader = site.reader()
    for _ in range(2):
        site.worker()
    words = [f"Write {' '.join([str(number)] * 20)} " for number in range(50)]
    streams = [reader.run(instructions=text.strip()) for text in words]
    for stream, text in zip(streams, words, strict=True):
        check_whole(stream, text)


# --- Redis ----------------------------------------------------------------------------------------


@pytest.fixture
def redis_site(redis: RedisServer, tmp_path: Path) -> Iterator[Site]:
    """A site on a file and Redis."""
    made = Site(f"sqlite:///{tmp_path}/a.db", redis.url)
    yield made
    made.close()


@pytest.mark.parametrize("after", range(0, len(PIECES) + 1, 2))
def test_redis_is_gone(redis_site: Site, redis: RedisServer, after: int) -> None:
    """And does not come back: the rest comes from the store."""
    reader, worker = redis_site.reader(), redis_site.worker()
    stream = reader.run()
    worker.hears("ASKED")
    for piece in PIECES[:after]:
        worker.dictate(piece)
        assert words(stream.until("thread.message.delta")) == piece
    redis.kill()
    worker.dictate(*PIECES[after:], None)
    check_whole(stream)
    stream = reader.run()
    worker.hears("ASKED")
    worker.dictate(*PIECES, None)
    check_whole(stream)


def test_redis_hangs(redis_site: Site, redis: RedisServer) -> None:
    """Nobody waits for it: the run ends, and its reader is told."""
    reader, worker = redis_site.reader(), redis_site.worker()
    stream = reader.run()
    worker.hears("ASKED")
    worker.dictate(PIECES[0])
    stream.until("thread.message.delta")
    redis.send_signal(signal.SIGSTOP)
    try:
        worker.dictate(*PIECES[1:], None)
        check_whole(stream)
        again = reader.run()
        worker.hears("ASKED")
        worker.dictate(*PIECES, None)
        check_whole(again)
    finally:
        redis.send_signal(signal.SIGCONT)


def test_no_redis_was_ever_there(tmp_path: Path) -> None:
    """A broker that cannot be reached makes no request fail."""
    require_package("redis")
    site = Site(f"sqlite:///{tmp_path}/a.db", f"redis://127.0.0.1:{free_port()}/0")
    with contextlib.closing(site):
        reader, worker = site.reader(), site.worker()
        stream = reader.run()
        worker.hears("ASKED")
        worker.dictate(*PIECES, None)
        check_whole(stream)


def test_a_password_is_sent_and_never_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where it is the wrong one."""
    require_package("redis")
    redis = RedisServer(tmp_path, "s3cret-word")
    site = Site(f"sqlite:///{tmp_path}/a.db", redis.url)
    wrong = Site(site.url, redis.url.replace("s3cret-word", "wr0ng-word"))
    caplog.set_level("DEBUG")
    try:
        reader, worker = site.reader(), site.worker()
        stream = reader.run()
        worker.hears("ASKED")
        worker.dictate(PIECES[0])
        assert words(stream.until("thread.message.delta")) == PIECES[0]
        worker.dictate(*PIECES[1:], None)
        check_whole(stream)
        wrong.reader()
        until = time.monotonic() + PATIENCE
        while not wrong.relay()._is_failing:
            assert time.monotonic() < until
            time.sleep(0.01)
        redis.kill()
        while not site.relay()._is_failing:
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        site.close()
        wrong.close()
        redis.kill()
    assert "Events cannot be passed on" in caplog.text
    assert "s3cret" not in caplog.text
    assert "wr0ng" not in caplog.text


# --- PostgreSQL -----------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [0, 1, 5])
def test_postgresql_is_started_again(after: int) -> None:
    """What is read goes on; the run ends one way or the other, and its stream with it."""
    require_package("psycopg")
    server = PostgresServer()
    site = Site(server.fresh(), None)
    try:
        reader, worker = site.reader(), site.worker()
        stream = reader.run()
        worker.hears("ASKED")
        for piece in PIECES[:after]:
            worker.dictate(piece)
            assert words(stream.until("thread.message.delta")) == piece
        server.stop("immediate")
        server.start()
        worker.dictate(*PIECES[after:], None)
        assert stream.rest()[-1] == "done"
        if stream.last_run["status"] == "completed":
            assert text_of(stream) == "".join(PIECES)
    finally:
        site.close()
        server.close()


def test_databases_of_one_server_hear_nothing_of_each_other(postgres: PostgresServer) -> None:
    """Who is on another one is nobody's peer."""
    sites = [Site(postgres.fresh(), None) for _ in range(2)]
    try:
        for site in sites:
            site.reader()
            site.reader()
        until = time.monotonic() + PATIENCE
        while not all(site.relay(number)._peers for site in sites for number in range(2)):
            assert time.monotonic() < until
            time.sleep(0.01)
        for site in sites:
            for number in range(2):
                assert [*site.relay(number)._peers] == [site.relay(1 - number)._name]
    finally:
        for site in sites:
            site.close()


#: Opens an engine, forks, and reads a stream in the child.
FORKER = """
import os, sys, time
sys.path.insert(0, sys.argv[2])
from stream_bench import StreamBench

bench = StreamBench(database=sys.argv[1], clock=time.time)
bench.engine._run_pool.close()
bench.engine.open()
pid = os.fork()
if pid:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
bench.engine.open()
while not bench.engine._events._relay._peers:
    time.sleep(0.01)
stream = bench.run()
stream.until("thread.message.delta")
os.write(1, b"HEARD\\n")
print(stream.rest()[-2:], flush=True)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_reads_streams(postgres: PostgresServer) -> None:
    """As under a server that loads the application before it forks."""
    site = Site(postgres.fresh(), None)
    site.reader()
    with contextlib.closing(site):
        worker = site.worker()
        environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        with subprocess.Popen(
            [sys.executable, "-c", FORKER, site.url, str(HERE.parent / "engine")],
            stdout=subprocess.PIPE,
            env=environment,
        ) as process:
            worker.hears("ASKED")
            worker.dictate(PIECES[0])
            assert process.stdout is not None
            assert process.stdout.readline() == b"HEARD\n"
            worker.dictate(*PIECES[1:], None)
            output, _ = process.communicate(timeout=PATIENCE)
        assert output == b"['run.completed completed', 'done']\n"
        assert process.returncode == 0
