"""What a delta costs on its way from process to process. Run by hand, on a quiet machine.

    PYTHONPATH=. python tests/distributed/relay_bench.py

Starts a Redis and a PostgreSQL of its own. For each it prints how long a delta is under way while
one comes every few milliseconds, of one run and of fifty; the CPU time that one takes in the
publishing and in the receiving process; and how long a subscriber waits for the others to know.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from real_servers import PostgresServer, RedisServer

from assistants_client.engine.events.deltas import text_delta
from assistants_client.engine.events.postgres_relay import PostgresChannel
from assistants_client.engine.events.relay import Relay
from assistants_client.engine.events.relay_channel import Channel
from assistants_client.engine.relays import _channel_of
from assistants_client.engine.storage.server_arguments import server_arguments

DELTAS = 4000


def publisher(channel: Channel, runs: int, pause: float, out: Connection) -> None:
    """Publishes deltas, each with the time, and says what CPU time they took."""
    relay = Relay(channel)
    relay.start(lambda *event: None, lambda run_id: None)
    while not all(f"run_{number}" in relay._wanted for number in range(runs)):
        time.sleep(0.01)
    began = time.process_time()
    for number in range(DELTAS):
        delta = text_delta("msg_012345678901234567890123", " word", is_first=False)
        delta["at"] = time.monotonic()
        relay.publish(f"run_{number % runs}", "thread.message.delta", delta)
        if pause:
            time.sleep(pause)
    while relay._events:
        time.sleep(0.001)
    time.sleep(0.1)
    out.send(time.process_time() - began)
    out.recv()
    relay.close()


def measure(channel: Callable[[], Channel], runs: int, pause: float) -> str:
    """Receives what another process publishes."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=publisher, args=(channel(), runs, pause, there)
    )
    waits: list[float] = []
    done = threading.Event()

    def receive(run_id: str, publisher: str, number: int, name: str, text: str) -> None:
        waits.append(time.monotonic() - json.loads(text)["at"])
        if len(waits) == DELTAS:
            done.set()

    relay = Relay(channel())
    relay.start(receive, lambda run_id: None)
    process.start()
    while not relay._peers:
        time.sleep(0.01)
    acknowledged = []
    for number in range(runs):
        at = time.monotonic()
        relay.subscribe(f"run_{number}")
        acknowledged.append(time.monotonic() - at)
    began = time.process_time()
    done.wait(60)
    received = time.process_time() - began
    published = here.recv()
    here.send(None)
    process.join()
    relay.close()
    waits.sort()
    middle, late = 1000 * statistics.median(waits), 1000 * waits[len(waits) * 99 // 100]
    return (
        f"{runs:3} runs, every {1000 * pause:g} ms: {len(waits)} of {DELTAS} arrived; "
        f"p50 {middle:.2f} ms, p99 {late:.2f} ms; "
        f"CPU {1e6 * published / DELTAS:.0f} µs out, {1e6 * received / DELTAS:.0f} µs in; "
        f"subscribing {1000 * statistics.median(acknowledged):.2f} ms"
    )


def main() -> None:
    """Measures both."""
    with tempfile.TemporaryDirectory() as folder:
        redis, postgres = RedisServer(Path(folder)), PostgresServer()
        arguments = server_arguments(postgres.fresh())
        assert arguments is not None
        ways: dict[str, Callable[[], Any]] = {
            "Redis": lambda: _channel_of(redis.url),
            "PostgreSQL": lambda: PostgresChannel(arguments),
        }
        for name, channel in ways.items():
            print(name)
            for runs, pause in ((1, 0.005), (50, 0.001), (50, 0.0)):
                print("   ", measure(channel, runs, pause), flush=True)
        redis.kill()
        postgres.close()


if __name__ == "__main__":
    sys.exit(main())
