"""The way of a first token through web process, broker and worker. Asserts nothing.

    python tests/benchmarks/bench_first_token.py [STREAMS [TIMES]]

A model, in a process of its own, thinks for 200 ms and writes for a while. Printed is the time from
a request for a streamed run until its first delta: of an engine in this process; of one
``assistants serve`` with one ``assistants worker`` on Redis and PostgreSQL, asked by one; by
STREAMS (50) who each begin when they like, so that as many streams are open; and by as many
who begin in the same moment, which is rather a measure of the machine's cores. Beside the model's
server alone, without a broker, it is a row of ``python tests/benchmarks``.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "distributed"))

from ports import free_port
from real_servers import PostgresServer, RedisServer

from assistants_client import Client
from assistants_client.engine import ChatCompletions, Engine

THINKS: Final = 0.2
LASTS: Final = 2.0
GOAL_ONE, GOAL_MANY = 1.5, 0.1  # a ratio, and seconds
MODEL: Final = Path(__file__).parent / "works" / "streaming_model.py"


def first_token(client: Client, assistant_id: str, thread_id: str) -> float:
    """Returns the seconds from the request to the first delta of the text."""
    began = time.perf_counter()
    with client.runs.stream(thread_id, assistant_id=assistant_id) as stream:
        words = stream.text()
        next(words)
        took = time.perf_counter() - began
        for _ in words:
            pass
    return took


def measured(client: Client, streams: int, times: int, *, spread: float = 0.0) -> list[float]:
    """Returns the times of so many streams at once, so many times in a row.

    Args:
        client: The client.
        streams: The number of streams.
        times: How often.
        spread: Within so many seconds each begins when it likes.
    """
    assistant = client.assistants.create(model="m")
    found: list[float] = []

    def one() -> None:
        thread = client.threads.create(messages=[{"role": "user", "content": "Is it so?"}])
        all_ready.wait()
        time.sleep(random.uniform(0, spread))
        found.append(first_token(client, assistant.id, thread.id))

    for number in range(times + 1):
        all_ready = threading.Barrier(streams)
        some = [threading.Thread(target=one) for _ in range(streams)]
        for thread in some:
            thread.start()
        for thread in some:
            thread.join()
        if not number:
            found.clear()  # the first opens connections
    return found


def shown(name: str, found: list[float]) -> float:
    """Prints the median and the worst, over the model's own time; returns the median."""
    median = statistics.median(found)
    print(
        f"{name}: median {1000 * median:.1f} ms, {1000 * (median - THINKS):.1f} over the model's "
        f"own; the worst {1000 * (max(found) - THINKS):.1f} over it"
    )
    return median


def main() -> None:
    """Measures and prints."""
    streams = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    times = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    command = [sys.executable, str(MODEL), str(THINKS), str(LASTS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as model:
        assert model.stdout is not None
        url = f"http://127.0.0.1:{model.stdout.readline().strip()}/v1"
        with tempfile.TemporaryDirectory() as folder:
            database = f"sqlite:///{folder}/one.db"
            with Client(engine=Engine(database, ChatCompletions(url))) as client:
                here = shown("in process, 1 stream", measured(client, 1, 2 * times))
            redis, postgres, port = RedisServer(Path(folder)), PostgresServer(), free_port()
            common = ["--broker", redis.url, "--model-url", url]
            common += ["--database", postgres.fresh(), "--workers", "64"]
            parts = [
                subprocess.Popen([sys.executable, "-m", "assistants_client", *its, *common])
                for its in (["serve", "--executor", "celery", "--port", str(port)], ["worker"])
            ]
            try:
                with Client(f"http://127.0.0.1:{port}/v1", api_key="any", retries=20) as client:
                    there = shown(
                        "through web and worker, 1 stream", measured(client, 1, 2 * times)
                    )
                    print(f"    {there / here:.2f} x in process (goal: {GOAL_ONE})")
                    found = measured(client, streams, times, spread=THINKS + LASTS)
                    shown(f"through web and worker, {streams} streams", found)
                    print(f"    goal: below {1000 * GOAL_MANY:.0f} ms over the model's own")
                    found = measured(client, streams, times)
                    shown(f"through web and worker, {streams} in the same moment", found)
            finally:
                for part in parts:
                    part.kill()
                    part.wait()
                redis.kill()
                postgres.close()
                model.kill()


if __name__ == "__main__":
    main()
